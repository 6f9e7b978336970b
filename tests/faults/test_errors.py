"""A disk that is full or fails costs what was not confirmed and nothing else, and the store goes on by itself.

The real file system that is too small needs the right to mount one; without it the others remain.
"""

import asyncio
import logging
from collections import Counter

import apsw
import pytest

from tests.faults.disk import Disk, inserted
from tests.faults.errors import CONTROLS, in_files_worlds, in_memory_worlds, soon
from tests.stores.engines import said
from weft.basis.errors import Invalid, Unavailable
from weft.locale import text
from weft.stores import sqlite_file, writer
from weft.stores.sqlite import SqliteStore


def found(worlds):
    return [f"{seed}: {told}" for seed, told in worlds if told]


def test_faults_of_a_disk_cost_nothing_that_was_confirmed():
    figures = Counter()
    assert not found(in_memory_worlds(range(1, 8), "", figures))
    assert figures["faults"] > 70
    assert min(figures["store.full"], figures["store.unavailable"], figures["cuts"]) > 10


@pytest.mark.parametrize("control", CONTROLS)
def test_control_a_store_that_goes_on_after_a_failed_sync_or_tells_too_soon_is_found_out(control):
    assert any(told for _, told in in_memory_worlds(range(1, 100), control, Counter()))  # the first ends it


def test_real_files_that_may_not_grow_cost_nothing_that_was_confirmed():
    figures = Counter()
    assert not found(in_files_worlds(range(1, 5), 6, "", figures))
    assert figures["refused"] > 10
    assert figures["read meanwhile"] > 300


@pytest.mark.release
@pytest.mark.parametrize("worlds", [
    lambda figures: in_memory_worlds(range(1, 100), "", figures),
    lambda figures: in_files_worlds(range(1, 41), 25, "", figures)], ids=["memory", "files"])
def test_a_thousand_faults(worlds):
    figures = Counter()
    assert not found(worlds(figures))
    assert figures["faults"] >= 1_000


class Store:
    """A store on a disk in memory, to be broken on purpose."""

    def __init__(self):
        self.disk = Disk()
        self.path = self.disk.path("nowhere", "weft.db")
        self.store = SqliteStore(self.path, background=False)

    def wrong(self, *actions):
        def refuse(action, _name):
            return apsw.IOError(action) if action in actions else None
        self.disk.life.wrong = refuse if actions else None

    async def sound(self):
        while await self.store.trouble() is not None:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0)


async def test_after_a_failed_sync_nothing_is_written_before_the_file_was_read_through(monkeypatch, caplog):
    looked = []
    monkeypatch.setattr(sqlite_file.DatabaseFile, "settle", lambda *_: looked.append(1))
    monkeypatch.setattr(writer, "MEND_S", (0.0, 0.0))
    with inserted(), caplog.at_level(logging.WARNING, "weft.store"):
        one = Store()
        await one.store.commit(said(0))
        before = one.store._connection
        one.wrong("sync")
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"store\.unavailable"):
                await one.store.commit(said(1))
        assert [row.n for row in await one.store.events("t")] == [0], "reading goes on"
        assert not looked
        one.wrong()
        await one.sound()
        assert looked == [1]
        assert one.store._connection is not before
        await one.store.commit(said(1))
        assert len(caplog.messages) == 2
        await one.store.close()


async def test_a_file_that_is_found_damaged_stays_closed_to_writing(monkeypatch):
    def damaged(*_):
        raise Invalid("store.corrupt", path="x")

    monkeypatch.setattr(sqlite_file.DatabaseFile, "settle", damaged)
    with inserted(), soon():
        one = Store()
        one.wrong("sync")
        with pytest.raises(Unavailable):
            await one.store.commit(said(0))
        one.wrong()
        await asyncio.sleep(0.05)
        assert (await one.store.trouble()).code == "store.corrupt"
        with pytest.raises(Invalid, match=r"store\.corrupt"):
            await one.store.commit(said(0))
        await one.store.close()


async def test_a_disk_that_goes_on_failing_is_tried_again_and_again(monkeypatch):
    with inserted(), soon():
        one = Store()
        await one.store.commit(said(0))  # the first of a life empties the WAL
        await one.store.commit(said(1))
        one.wrong("sync", "write")
        with pytest.raises(Unavailable):
            await one.store.commit(said(2))
        await asyncio.sleep(0.05)
        assert (await one.store.trouble()).code == "store.unavailable"
        assert len(await one.store.events("t")) == 2
        one.wrong()
        await one.sound()
        await one.store.commit(said(2))
        await one.store.close()


def test_people_read_what_to_do_in_both_languages():
    for code in ("store.full", "store.unavailable"):
        told = [text(lang, f"error.{code}", path="weft.db", reason="x") for lang in ("zh", "en")]
        assert told[0] != told[1]
        assert not any(code in one for one in told)
    assert "Make room" in text("en", "error.store.full", path="x")
    assert "清理" in text("zh", "error.store.full", path="x")
