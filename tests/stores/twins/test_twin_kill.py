"""A process killed with -9 while it writes twins: what it had told is there; one that tells too soon is found out."""

import pytest

from tests.stores.killing import losses
from tests.stores.twins.making import opened
from weft.stores.twins.indexing import derive

WRITER = """
import asyncio, sys
from tests.stores.twins.making import opened, prop, put, submodel

async def write(store, name, first, hasty):
    for n in range(first, 1_000_000):
        document = submodel(name, *(prop(f"P{k}", str(n)) for k in range(8)))
        if hasty:
            print(name, n, flush=True)
            await asyncio.sleep(0.002)
        await store.commit([put("submodel", document), put("submodel", {**document, "id": name + ":twin"})])
        if not hasty:
            print(name, n, flush=True)

async def main(path, hasty):
    store = opened(path)
    held = {row.id: row.revision for row in await store.page("submodel", "", 99)}
    await asyncio.gather(*(write(store, f"urn:{k}", held.get(f"urn:{k}", 0) + 1, hasty) for k in range(4)))

asyncio.run(main(sys.argv[1], sys.argv[2] == "hasty"))
"""


async def lost(path, told):
    """How many acknowledged revisions are missing; raises if one is torn."""
    store = opened(path)
    rows = {row.id: row for row in await store.page("submodel", "", 99)}
    assert await store.check() == "ok"
    for name, row in rows.items():
        assert row.body.count(b'"value":"%d"' % row.revision) == 8
        assert rows[name.removesuffix(":twin")].revision == row.revision, "both or none"
        paths = {path for path, _, _ in derive("submodel", row.body).elements}
        assert paths == {path for (path,) in store._read(
            "SELECT e.path FROM twin_element e JOIN twins w ON w.number = e.twin WHERE w.id = ?", (name,))}
    await store.close()
    return sum(max(0, last - (rows[name].revision if name in rows else 0)) for name, last in told.items())


def test_a_killed_writer_loses_no_twin_that_it_told(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "twins.db"), 4, "honest") == 0


@pytest.mark.release
def test_five_hundred_kills_lose_no_twin(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "twins.db"), 500, "honest") == 0


def test_control_a_writer_of_twins_that_tells_before_it_commits_is_found_out(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "twins.db"), 4, "hasty") > 0
