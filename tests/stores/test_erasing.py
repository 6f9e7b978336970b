"""What is erased is in no file of the store any more, and what is dropped makes no hole that anybody stumbles over."""

import contextlib
from pathlib import Path

import apsw
import pytest

from tests.stores.engines import ENGINES, Shelf, event, said
from weft.engine.ports import Batch, PayloadRow, ThreadRow
from weft.stores.sqlite import SqliteStore

CANARY = b"canary-" * 40


@pytest.fixture(params=ENGINES)
def shelf(request, tmp_path):
    found = Shelf(request.param, tmp_path)
    yield found
    found.run(found.store.close())
    found.loop.close()


def payload(n: int, content: bytes = CANARY) -> PayloadRow:
    return PayloadRow("t", event(n).id, 0, b"s" * 32, content)


def found_in(shelf: Shelf) -> list[str]:
    folder = Path(shelf.path).parent
    return [path.name for path in folder.glob("weft.db*") if CANARY in path.read_bytes()]


def test_erased_payloads_and_dropped_events_are_gone_and_the_rest_stays(shelf):
    for n in range(4):
        batch = said(n)
        batch.payloads.append(payload(n))
        shelf.run(shelf.store.commit(batch))
    shelf.run(shelf.store.commit(Batch(erased=[("t", event(1).id), ("t", event(2).id)], dropped=[("t", event(2).id)])))
    assert [row.n for row in shelf.run(shelf.store.events("t"))] == [0, 1, 3]
    ids = [event(n).id for n in range(4)]
    assert [row.id for row in shelf.run(shelf.store.payloads("t", ids))] == [event(0).id, event(3).id]
    assert shelf.run(shelf.store.event("t", event(2).id)) is None
    assert shelf.run(shelf.store.chain("t", "a", "d", "i", 2)) is None
    shelf.run(shelf.store.commit(said(4)))
    assert [row.position for row in shelf.run(shelf.store.events("t"))] == [0, 1, 3, 4]
    shelf.run(shelf.store.commit(Batch(erased=[("t", "unknown")], dropped=[("t", "unknown")])))


def test_no_file_holds_what_was_erased_and_before_one_does(shelf):
    if shelf.engine == "memory":
        pytest.skip("it has no files")
    batch = said(0)
    batch.payloads.append(payload(0))
    batch.threads.append(ThreadRow("t", "order/1", b"{}", (), CANARY, 1))
    batch.values.append(("fold", "t", CANARY))
    shelf.run(shelf.store.commit(batch))
    assert found_in(shelf), "control: it is there before"
    shelf.run(shelf.store.commit(Batch(
        threads=[ThreadRow("t", "order/1", b"{}", (), b"", 1)], erased=[("t", event(0).id)],
        values=[("fold", "t", None)])))
    assert found_in(shelf) == []


def test_control_a_deletion_without_overwriting_leaves_it_in_the_file(shelf):
    if shelf.engine == "memory":
        pytest.skip("it has no files")
    shelf.store._connection.pragma("secure_delete", 0)
    batch = said(0)
    batch.payloads.append(payload(0))
    shelf.run(shelf.store.commit(batch))
    shelf.run(shelf.store.commit(Batch(erased=[("t", event(0).id)])))
    assert found_in(shelf) == ["weft.db"]


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("forgets", [False, True])
async def test_what_a_reader_kept_in_the_wal_while_it_was_erased_leaves_it_in_the_next_life(tmp_path, stopped, forgets):
    store = SqliteStore(str(tmp_path / "weft.db"))
    await store.commit(Batch(events=[said(0).events[0]], lengths={"t": 0}, payloads=[payload(0)],
                             threads=[ThreadRow("t", "order/1", b"{}", (event(0).id,), b"", 1)]))
    with contextlib.closing(apsw.Connection(store.path, flags=apsw.SQLITE_OPEN_READONLY)) as reader:  # a backup
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        await store.commit(Batch(erased=[("t", event(0).id)]))
        if stopped:
            await store.close()
        left = tmp_path / "left"
        left.mkdir()
        for path in tmp_path.glob("weft.db*"):
            (left / path.name).write_bytes(path.read_bytes())
        reader.execute("ROLLBACK")
    if not stopped:
        await store.close()
    assert [path.name for path in left.iterdir() if CANARY in path.read_bytes()], "the control: a reader keeps it there"
    again = SqliteStore(str(left / "weft.db"))
    if forgets:  # the control: a store that does not ask what the life before it left
        again._erased = False
    await again.commit(Batch(values=[("looked", "x", b"1")]))
    assert bool([path.name for path in left.iterdir() if CANARY in path.read_bytes()]) is forgets
    await again.close()
