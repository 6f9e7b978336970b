"""Machine values on a disk that is really full: the books keep their room, what was told is there, and it goes on."""

import asyncio
import contextlib
import random
import shutil

import pytest

from tests.faults.errors import small_disk
from tests.stores.engines import said
from weft.basis.errors import Unavailable
from weft.config import Config
from weft.config import History as Settings
from weft.engine.clock import SystemClock
from weft.engine.series import History
from weft.shopfloor.connection import Value
from weft.stores.series import SqliteSeries
from weft.stores.sqlite import SqliteStore

ROOM = 3  # megabytes of six that are left to the books


@pytest.fixture
def disk():
    with small_disk() as folder:
        if folder is None:
            pytest.skip("NO RIGHT TO MOUNT a small file system")
        yield folder


def kept_on(disk, megabytes):
    return History(lambda now: SqliteSeries(str(disk / "values.db"), now),
                   Config(history=Settings(all_megabytes=10_000, free_megabytes=megabytes)), SystemClock(),
                   lambda: shutil.disk_usage(disk).free)


async def flood(history, luck, batches):
    """Noise that no packing makes small; how often it was refused."""
    refused = 0
    for _ in range(batches):
        now = SystemClock().now_ms()
        for place in range(10_000):
            history.take("L1", f"Noise{place % 10}", Value(luck.random()), now + place)
        try:
            await history.written()
        except Unavailable:
            refused += 1
            if refused > 3:
                break
    return refused


async def books_go_on(disk):
    """Whether the books on the same disk take six hundred words."""
    try:
        store = SqliteStore(str(disk / "weft.db"))
        try:
            await asyncio.gather(*(store.commit(said(0, thread=f"t{n}")) for n in range(600)))
        finally:
            await store.close()
    except Unavailable:
        return False
    return True


async def test_values_leave_the_books_their_room(disk):
    history = kept_on(disk, ROOM)
    await history.begin()
    await flood(history, random.Random(1), 60)
    assert history.span("L1").count >= 10_000  # it did keep something
    assert history.trouble() is None or history.trouble().code == "history.no-room"
    assert await books_go_on(disk)
    await history.stop()


async def test_values_that_leave_no_room_are_found_out(disk):
    """The control: without the room that is left to them, the books are refused."""
    history = kept_on(disk, 0)
    await history.begin()
    assert await flood(history, random.Random(1), 200) > 0
    assert history.trouble().code == "history.full"
    assert not await books_go_on(disk)
    await history.stop()


async def test_after_a_full_disk_all_that_was_told_is_there_and_it_goes_on(disk):
    history = kept_on(disk, 0)
    await history.begin()
    history.take("L1", "Speed", Value(1.0), SystemClock().now_ms() - 1_000)
    await history.written()
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4_096))
    luck = random.Random(2)
    assert await flood(history, luck, 200) > 0
    (disk / "filler").unlink()
    await history.written()
    assert history.trouble() is None
    found = await history.points("L1", ["Speed", *(f"Noise{place}" for place in range(10))], 0, 1 << 62, 1 << 30)
    assert found.points[0][1][1] == 1.0
    assert len(found.points) > 10_000
    await history.stop()
    again = SqliteSeries(str(disk / "values.db"), SystemClock().now_ms())
    assert again.spans()["L1"].count >= len(found.points) - 1
    again.close()
