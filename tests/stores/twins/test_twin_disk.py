"""A disk without room, and one that fails: only what was confirmed is there, and writing goes on."""

import asyncio
import logging

import apsw
import pytest

from tests.faults.disk import Disk, inserted
from tests.stores.twins.making import Hands, chunks, opened, prop, put, run, shell, submodel
from weft.basis.errors import Unavailable
from weft.stores import writer


def large(name, value="1", many=40):
    return put("submodel", submodel(name, *(prop(f"P{n}", value * 50, "xs:string") for n in range(many))))


def limit(store, pages):
    """Room for so many more pages."""
    store._connection.pragma("max_page_count", store._connection.pragma("page_count") + pages)


async def refused(action):
    with pytest.raises(Unavailable) as caught:
        await action
    return caught.value.code


def test_a_full_disk_refuses_twins_and_files_whole_and_heals_with_room(tmp_path):
    async def story():
        store = opened(str(tmp_path / "twins.db"))
        await store.commit([large("urn:a")])
        limit(store, 6)
        assert await refused(store.commit([put("shell", shell("urn:s")), large("urn:a", "2", 900)])) == "store.full"
        assert await refused(store.commit([large(f"urn:{n}") for n in range(100)])) == "store.full", "a long one, too"
        assert await refused(store.keep_file(chunks(b"x" * 2_000_000), "a/b", "f")) == "store.full"
        assert (await store.trouble()).code == "store.full"
        assert [row.revision for row in await store.page("submodel", "", 9)] == [1]
        assert await store.get("shell", "urn:s") is None
        limit(store, 1_000_000)
        await store.sweep()
        assert not store.asked("SELECT 1 FROM files")
        assert len(await store.commit([large(f"urn:{n}") for n in range(100)])) == 100
        digest = await store.keep_file(chunks(b"x" * 2_000_000), "a/b", "f")
        assert (await store.file(digest)).size == 2_000_000
        assert await store.trouble() is None
        assert await store.check() == "ok"
        await store.close()

    run(story())


@pytest.fixture
def soon(monkeypatch):
    """No waiting before the file is opened anew."""
    monkeypatch.setattr(writer, "MEND_S", (0.0, 0.01))
    logging.getLogger("weft.store").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("weft.store").setLevel(logging.NOTSET)


@pytest.mark.parametrize("action", ["write", "sync"])
def test_after_the_disk_failed_only_what_was_confirmed_is_there_and_writing_goes_on(action, tmp_path, soon):
    async def story():
        disk = Disk({})
        store = opened(disk.path(str(tmp_path), "twins.db"), clock=Hands(), background=False)
        await store.commit([large("urn:a")])
        disk.life.wrong = lambda what, _: apsw.IOError("it fails") if what == action else None
        assert await refused(store.commit([large("urn:a", "2"), large("urn:b")])) == "store.unavailable"
        assert await refused(store.keep_file(chunks(b"x" * 10), "a/b", "f")) == "store.unavailable"
        disk.life.wrong = None
        while await store.trouble() is not None:  # noqa: ASYNC110 - it mends itself
            await asyncio.sleep(0.005)
        assert [(row.id, row.revision) for row in await store.page("submodel", "", 9)] == [("urn:a", 1)]
        await store.commit([large("urn:a", "3"), large("urn:b")])
        assert [(row.id, row.revision) for row in await store.page("submodel", "", 9)] == [("urn:a", 2), ("urn:b", 1)]
        assert [one.number for one in await store.feed(0, 9)] == [1, 2, 3]
        store.crash()

    with inserted():
        run(story())
