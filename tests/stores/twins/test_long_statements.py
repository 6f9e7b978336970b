"""A statement that takes long is asked beside the loop, ends with the page, and is forgotten with who asked."""

import asyncio
import contextlib

import apsw
import pytest

from tests.stores.twins.making import encoded, opened, prop, run, submodel, turns, walked
from weft.basis.errors import Unavailable
from weft.engine.twins.ports import Change, Cut, Where
from weft.stores.twins import looking, paging
from weft.twin.query import parse

COUNT = 600
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
LONG = ("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000)"
        " SELECT count(*) + 0 * (SELECT count(*) FROM twins) FROM n")
LETTERS = "abcdefghijklmnop"


def wanted(*texts):
    parts = [{"$contains": [{"$field": "$sme#value"}, {"$strVal": one}]} for one in texts]
    return Where(condition=parse({"$condition": {"$or": parts}}).condition)


DEAR = [f"q{one}" for one in range(100)]  # nothing has them: all is looked at


async def filled(tmp_path):
    store = opened(str(tmp_path / "t.db"))
    await store.commit([Change("submodel", f"urn:{at:04}", encoded(submodel(f"urn:{at:04}", *(
        prop(f"P{n}", f"{LETTERS[at % 16]} {n} value", "xs:string") for n in range(20))))) for at in range(COUNT)])
    return store


def test_others_have_their_turn_while_a_long_statement_is_asked(tmp_path):
    async def story():
        store = await filled(tmp_path)
        rows, told = await turns(store.page("submodel", "", 10, wanted(*DEAR)))
        assert (list(rows), told > 30) == ([], True)
        await store.close()

    run(story())


def test_control_a_loop_that_asks_to_the_end_keeps_the_turn_to_itself(tmp_path, monkeypatch):
    async def story():
        store = await filled(tmp_path)
        monkeypatch.setattr(looking, "QUICK_S", 60.0)
        _, told = await turns(store.page("submodel", "", 10, wanted(*DEAR)))
        assert told < 10
        await store.close()

    run(story())


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("seconds", [0.0, 0.02, 1.0])
def test_wherever_pages_end_nothing_is_left_out_and_nothing_told_twice(tmp_path, monkeypatch, limit, seconds):
    async def story():
        store = await filled(tmp_path)
        monkeypatch.setattr(paging, "SPENT_S", seconds)
        monkeypatch.setattr(looking, "QUICK_S", 0.0)
        monkeypatch.setattr(looking, "STEPS", 10)
        monkeypatch.setattr(looking, "STEPS_ASIDE", 100)
        whole = [f"urn:{at:04}" for at in range(COUNT) if at % 16 == 3]
        found, cut = await walked(store, wanted("d 7", "nothing", "d 19"), limit)
        assert found == whole
        assert cut > 0 or seconds
        await store.close()

    run(story())


def test_a_page_takes_no_longer_than_it_may(tmp_path, monkeypatch):
    async def story():
        store = await filled(tmp_path)
        monkeypatch.setattr(paging, "SPENT_S", 0.05)
        rows = await store.page("submodel", "", 10, wanted(*DEAR))
        assert isinstance(rows, Cut)
        await store.close()

    run(story())


def test_a_statement_ends_with_who_asked(tmp_path, monkeypatch):
    async def story():
        store = await filled(tmp_path)
        monkeypatch.setattr(paging, "SPENT_S", 600.0)
        asking = asyncio.create_task(store._looking.aside(lambda ask: ask(ENDLESS, ()), 600.0))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait([asking])  # it would go on for ever
        assert asking.cancelled()
        [row] = await store.page("submodel", "", 1, wanted("d 7", "nothing"))
        assert row.id == "urn:0003"
        await store.close()

    run(story())


def test_a_statement_ends_when_the_store_is_closed(tmp_path):
    async def story():
        store = await filled(tmp_path)
        asking = asyncio.create_task(store._looking.aside(lambda ask: ask(ENDLESS, ()), 600.0))
        await asyncio.sleep(0.1)
        await store.close()
        with pytest.raises(Unavailable):
            await asking

    run(story())


async def erased(tmp_path):
    """What is left of the log when something was erased while somebody asked."""
    store = await filled(tmp_path)
    for text in ("SECRET", "open"):
        await store.commit([Change("submodel", "urn:s", encoded(submodel("urn:s", prop("P", text, "xs:string"))))])
    asking = asyncio.create_task(store._looking.aside(lambda ask: ask(LONG, ()), 600.0))
    await asyncio.sleep(0.05)
    assert (await store.erase("submodel", "urn:s"))[0] == 1
    left = (tmp_path / "t.db-wal").read_bytes()
    assert not asking.done()
    assert (await asking)[0] == [(3_000_000,)]
    await store.close()
    return left


def test_what_is_erased_leaves_the_log_while_somebody_asks(tmp_path):
    assert run(erased(tmp_path)) == b""


def test_control_a_statement_that_goes_on_keeps_what_was_erased_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(looking.Looking, "paused", lambda _: contextlib.nullcontext())
    assert run(erased(tmp_path)) != b""


def test_a_statement_that_fails_is_told_as_everywhere(tmp_path):
    async def story():
        store = await filled(tmp_path)
        with pytest.raises(Unavailable):
            await store._looking.aside(lambda ask: ask("SELECT * FROM nowhere", ()), 1.0)
        assert isinstance(store._looking._connection, apsw.Connection)
        await store.close()

    run(story())
