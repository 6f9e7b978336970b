"""A large twin is written, changed and looked back at while others have their turn."""

import asyncio
import sys

import pytest

from tests.stores.twins.making import encoded, opened, prop, run, submodel, turns
from weft.basis.errors import Refused
from weft.engine.twins import writing
from weft.engine.twins.ports import LARGE_BYTES, Change

COUNT = 20_000


def large(first="0"):
    return encoded(submodel("urn:large", *(prop(f"P{n}", str(n) if n else first) for n in range(COUNT))))


def valued(value):
    edit = writing.within("submodel", "urn:large", writing.value("P0", value))
    return Change("submodel", "urn:large", edit=edit, type="valueChanged", path="P0")


async def written(tmp_path, **more):
    """The turns that others had during each of: making, changing a value, replacing, deleting."""
    store = opened(str(tmp_path / "t.db"))
    for name, value in more.items():
        setattr(store._applying, name, value)
    told = []
    for change in (Change("submodel", "urn:large", large()), valued("7"), Change("submodel", "urn:large", large("8")),
                   Change("submodel", "urn:large")):
        _, others = await turns(store.commit([change]))
        told.append(others)
    await store.close()
    return told


def test_others_have_their_turn_while_a_large_twin_is_written(tmp_path):
    assert min(run(written(tmp_path))) > 10


def test_control_a_store_that_knows_no_large_ones_keeps_the_turn_to_itself(tmp_path):
    assert max(run(written(tmp_path, large=sys.maxsize))) < 10


def test_what_is_written_so_is_what_is_written_otherwise(tmp_path):
    async def story():
        rows, found = [], []
        for at in range(2):
            store = opened(str(tmp_path / f"{at}.db"))
            store._applying.large = 1 if at else sys.maxsize
            left = [*await store.commit([Change("submodel", "urn:large", large())]), *await store.commit([valued("7")]),
                    *await store.commit([Change("submodel", "urn:large", large("8"))])]
            with pytest.raises(Refused):
                await store.commit([Change("submodel", "urn:large", large("9"), expected=1)])
            left += await store.history("submodel", "urn:large", 0, 5)
            rows.append([(row.revision, row.body) for row in left])
            found.append([store.asked(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
                          for table in ("elements", "twin_field", "names")])
            await store.commit([Change("submodel", "urn:large")])
            assert store.asked("SELECT count(*) FROM elements") == [(0,)]
            await store.close()
        assert rows[0] == rows[1]
        assert found[0] == found[1]

    run(story())


def test_others_read_what_stood_before_and_write_when_it_has_ended(tmp_path):
    async def story():
        store = opened(str(tmp_path / "t.db"))
        small = encoded(submodel("urn:small", prop("P", "1")))
        await store.commit([Change("submodel", "urn:small", small)])
        making = asyncio.create_task(store.commit([Change("submodel", "urn:large", large())]))
        await asyncio.sleep(0.05)
        assert await store.get("submodel", "urn:large") is None
        assert (await store.get("submodel", "urn:small")).body == small
        assert await store.size() > 0
        [row] = await store.commit([Change("submodel", "urn:small", small.replace(b'"1"', b'"2"'))])
        assert (making.done(), row.revision) == (True, 2)
        assert [one.revision for one in await making] == [1]
        await store.close()

    run(story())


def test_former_states_of_a_large_twin_are_read_beside_the_others(tmp_path):
    async def story():
        store = opened(str(tmp_path / "t.db"))
        bodies = [large(str(at)) for at in range(12)]
        for body in bodies:
            await store.commit([Change("submodel", "urn:large", body)])
        rows, told = await turns(store.history("submodel", "urn:large", 0, 100))
        assert [row.body for row in rows] == bodies[::-1]
        assert told > 1
        assert (await store.at("submodel", "urn:large", rows[5].at)).body == rows[5].body
        assert await store.at("submodel", "urn:large", "") is None
        await store.close()

    run(story())


def test_a_small_twin_that_becomes_large_is_made_so_beside_the_others(tmp_path):
    async def story():
        store = opened(str(tmp_path / "t.db"))
        small = encoded(submodel("urn:large", prop("P0", "1")))
        await store.commit([Change("submodel", "urn:large", small)])
        for known in (True, False):  # told before, or found out
            [row], others = await turns(store.commit([Change(
                "submodel", "urn:large", edit=lambda _: (whole, ""), large=known)]))
            assert (len(row.body) > LARGE_BYTES, others > 3) == (True, True)
            await store.commit([Change("submodel", "urn:large", small)])
        assert store.asked("SELECT count(*) FROM elements") == [(1,)]
        await store.close()

    whole = large("5")
    run(story())
