"""A process killed with -9 while it commits: what it had told is there; a control that tells too soon is found out.

The control tells of a batch before it commits it, and the check that passes for the store must find that out.
"""

import pytest

from tests.stores.killing import losses
from weft.stores.sqlite import SqliteStore

WRITER = """
import asyncio, sys
from tests.stores.engines import said
from weft.stores.sqlite import SqliteStore

async def write(store, thread, first, hasty):
    for n in range(first, 1_000_000):
        if hasty:
            print(thread, n, flush=True)
            await asyncio.sleep(0.002)
        await store.commit(said(n, thread=thread))
        if not hasty:
            print(thread, n, flush=True)

async def main(path, hasty):
    store = SqliteStore(path)
    held = {row.thread: row.length for row in await store.threads()}
    await asyncio.gather(*(write(store, f"t{k}", held.get(f"t{k}", 0), hasty) for k in range(6)))

asyncio.run(main(sys.argv[1], sys.argv[2] == "hasty"))
"""


async def lost(path: str, told: dict[str, int]) -> int:
    """How many acknowledged events are missing; raises if a thread is torn."""
    store = SqliteStore(path)
    missing = 0
    for thread, last in told.items():
        numbers = [row.n for row in await store.events(thread)]
        assert numbers == list(range(len(numbers)))
        row = await store.thread(thread)
        assert (row.length if row else 0) == len(numbers)
        missing += max(0, last + 1 - len(numbers))
    assert store._file.check() == "ok"
    await store.close()
    return missing


def test_a_killed_writer_loses_nothing_that_it_told(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "weft.db"), 6, "honest") == 0


@pytest.mark.release
def test_five_hundred_kills_lose_nothing(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "weft.db"), 500, "honest") == 0


def test_control_a_writer_that_tells_before_it_commits_is_found_out(tmp_path):
    assert losses(WRITER, lost, str(tmp_path / "weft.db"), 6, "hasty") > 0
