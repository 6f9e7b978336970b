"""A backup of a database is of one moment, whatever is written meanwhile; a disk that is full or broken is told."""

import asyncio

import pytest

from weft.basis.errors import Invalid, Unavailable, WeftError
from weft.engine.ports import Batch
from weft.stores import sqlite_copy
from weft.stores.sqlite import SqliteStore


async def filled(path, many=3_000):
    store = SqliteStore(str(path))
    await store.commit(Batch(values=[("n", f"{n:06}", b"x" * 4_000) for n in range(many)]))
    return store


async def test_a_copy_is_of_one_moment_while_the_node_goes_on_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_copy, "PAGES", 50)
    store = await filled(tmp_path / "weft.db")
    loop, written, seen = asyncio.get_running_loop(), [], []

    async def write():
        pair = len(written)
        await store.commit(Batch(values=[("n", "000000", b"%d" % pair), ("n", "002999", b"%d" % pair)]))
        written.append(pair)

    def told(done, every):
        seen.append((done, every))
        asyncio.run_coroutine_threadsafe(write(), loop).result(10)

    before = await store.values("n")
    await store.backup(str(tmp_path / "copy.db"), told)
    assert len(written) > 50, "the control: the node has written all the while"
    assert await store.values("n") != before
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    copied = SqliteStore(str(tmp_path / "copy.db"))
    assert await copied.values("n") == before
    assert await copied.check() == "ok"
    await copied.close()
    await store.close()


async def test_a_copy_can_be_made_beside_a_running_node_and_of_a_stopped_one(tmp_path):
    store = await filled(tmp_path / "weft.db", 10)
    for name, stopped in (("a", False), ("b", True)):
        if stopped:
            await store.close()
        reading = SqliteStore(str(tmp_path / "weft.db"), reading=True)
        await reading.backup(str(tmp_path / name))
        await reading.close()
        copied = SqliteStore(str(tmp_path / name))
        assert len(await copied.values("n")) == 10
        await copied.close()
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0


async def test_a_damaged_database_is_told_and_not_kept_as_a_backup(tmp_path):
    path = tmp_path / "weft.db"
    await (await filled(path, 200)).close()
    whole = bytearray(path.read_bytes())
    whole[40_960:49_152] = b"\xff" * 8_192
    path.write_bytes(whole)
    with pytest.raises(WeftError) as told:
        sqlite_copy.copy(str(path), str(tmp_path / "copy"))
    assert told.value.code == "store.corrupt"


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "weft.db").write_bytes(b"hello" * 1_000)
    with pytest.raises(Invalid):
        sqlite_copy.copy(str(tmp_path / "weft.db"), str(tmp_path / "copy"))
    with pytest.raises(Unavailable):
        sqlite_copy.copy(str(tmp_path / "nothing"), str(tmp_path / "other"))
    with pytest.raises(FileExistsError):
        sqlite_copy.copy(str(tmp_path / "weft.db"), str(tmp_path / "copy"))
