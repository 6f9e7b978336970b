"""What is erased is in no file of the store any more, and what is dropped makes no hole that anybody stumbles over."""

from pathlib import Path

import pytest

from tests.stores.engines import ENGINES, Shelf, event, said
from weft.engine.ports import Batch, PayloadRow, ThreadRow

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
