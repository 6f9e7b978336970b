"""One suite, every engine: what the store port promises."""

import asyncio
from typing import Any

import pytest

from tests.stores.engines import Shelf, event, said
from weft.engine.ports import (
    Batch,
    DoneRow,
    EffectRow,
    ForkRow,
    OutboxRow,
    PayloadRow,
    PendingRow,
    StoreConflict,
    ThreadRow,
)


def everything() -> Batch:
    """A batch that uses every list."""
    return Batch(
        threads=[ThreadRow("t", "order/1", b'{"a":"buyer"}', ("x", "y"), b"{}", 2)],
        events=[event(0), event(1)],
        payloads=[PayloadRow("t", "t-d-0", 1, b"s" * 32, b"one"), PayloadRow("t", "t-d-0", 0, b"s" * 32, b"nought")],
        pending=[PendingRow("t", "p", "a", "d", "i", 9, b"envelope")],
        forks=[ForkRow("t", "d", "i", 0, b"first", b"second")],
        effects=[EffectRow("t", "t-d-0", "price", True, 1, 50), EffectRow("t", "t-d-1", "price", False, 0, 20)],
        outbox=[OutboxRow("peer", "t", 2, 9)],
        done=[DoneRow("t", "key", b"result")],
        values=[("bucket", "b", b"2"), ("bucket", "a", b"1")],
    )


def test_its_size_is_no_less_than_what_it_holds(shelf: Shelf) -> None:
    before = shelf.run(shelf.store.size())
    shelf.run(shelf.store.commit(everything()))
    small = shelf.run(shelf.store.size())
    assert small > before or shelf.engine == "sqlite"  # which grows by whole pages
    content = bytes(200_000)
    shelf.run(shelf.store.commit(Batch(payloads=[PayloadRow("t", "t-d-1", 2, b"s" * 32, content)])))
    full = shelf.run(shelf.store.size())
    assert len(content) <= full < before + len(content) + 100_000
    assert full > small
    shelf.run(shelf.store.commit(Batch(erased=[("t", "t-d-1")])))
    assert shelf.run(shelf.store.size()) <= full


async def contents(store: Any) -> dict[str, Any]:
    """All that a store tells."""
    return {
        "threads": list(await store.threads()),
        "events": list(await store.events("t")),
        "payloads": list(await store.payloads("t", ["t-d-1", "t-d-0"])),
        "pending": list(await store.pending("t")),
        "forks": list(await store.forks()),
        "effects": list(await store.effects()),
        "outbox": list(await store.outbox()),
        "done": await store.done("t", "key"),
        "values": list(await store.values("bucket")),
    }


def test_what_was_committed_is_read_back_in_order(shelf: Shelf) -> None:
    batch = everything()
    shelf.run(shelf.store.commit(batch))
    told = shelf.run(contents(shelf.store))
    assert told == {
        "threads": batch.threads,
        "events": batch.events,
        "payloads": batch.payloads[::-1],
        "pending": batch.pending,
        "forks": batch.forks,
        "effects": batch.effects[::-1],
        "outbox": batch.outbox,
        "done": b"result",
        "values": [("a", b"1"), ("b", b"2")],
    }
    assert told["effects"][1].final is True


def test_what_is_not_there_reads_as_nothing(shelf: Shelf) -> None:
    store, run = shelf.store, shelf.run
    assert run(store.thread("t")) is None
    assert run(store.event("t", "x")) is None
    assert run(store.chain("t", "a", "d", "i", 0)) is None
    assert run(store.done("t", "key")) is None
    assert run(store.value("bucket", "key")) is None
    assert all(not told for told in run(contents(store)).values())


def test_events_are_found_by_position_id_and_place_in_the_chain(shelf: Shelf) -> None:
    shelf.run(shelf.store.commit(Batch(events=[event(n) for n in range(5)] + [event(0, thread="u")])))
    store, run = shelf.store, shelf.run
    assert [row.n for row in run(store.events("t", 1, 2))] == [2, 3]
    assert [row.n for row in run(store.events("t", after=3))] == [4]
    assert run(store.event("t", "t-d-2")) == event(2)
    assert run(store.event("u", "t-d-2")) is None
    assert run(store.chain("t", "a", "d", "i", 3)) == event(3)
    assert run(store.chain("t", "b", "d", "i", 3)) is None


def test_rows_named_again_are_replaced_and_keep_their_turn(shelf: Shelf) -> None:
    first = Batch(
        threads=[ThreadRow("t", "order/1", b"{}", (), b"", 0)],
        effects=[EffectRow("t", "a", "r", False), EffectRow("t", "b", "r", False)],
        outbox=[OutboxRow("p", "t"), OutboxRow("q", "t")],
        values=[("bucket", "a", b"1"), ("bucket", "b", b"2")],
    )
    second = Batch(
        threads=[ThreadRow("t", "order/1", b"{}", ("h",), b"f", 1)],
        effects=[EffectRow("t", "a", "r", True, 3, 0)],
        outbox=[OutboxRow("p", "t", 4, 0)],
        values=[("bucket", "a", b"3"), ("bucket", "b", None), ("bucket", "c", None)],
    )
    shelf.run(shelf.store.commit(first))
    shelf.run(shelf.store.commit(second))
    told = shelf.run(contents(shelf.store))
    assert told["threads"] == second.threads
    assert told["effects"] == [second.effects[0], first.effects[1]]
    assert told["outbox"] == [second.outbox[0], first.outbox[1]]
    assert told["values"] == [("a", b"3")]


def test_settled_rows_are_gone(shelf: Shelf) -> None:
    shelf.run(shelf.store.commit(everything()))
    settled = Batch(
        pending_settled=[("t", "p")],
        effects_settled=[("t", "t-d-0", "price"), ("t", "t-d-1", "price"), ("t", "none", "price")],
        outbox_settled=[("peer", "t")],
    )
    shelf.run(shelf.store.commit(settled))
    told = shelf.run(contents(shelf.store))
    assert (told["pending"], told["effects"], told["outbox"]) == ([], [], [])


def test_what_never_changes_keeps_its_first_form(shelf: Shelf) -> None:
    shelf.run(shelf.store.commit(everything()))
    again = Batch(
        payloads=[PayloadRow("t", "t-d-0", 0, b"z" * 32, b"other")],
        pending=[PendingRow("t", "p", "a", "d", "i", 9, b"other")],
        forks=[ForkRow("t", "d", "i", 0, b"other", b"other")],
    )
    shelf.run(shelf.store.commit(again))
    told = shelf.run(contents(shelf.store))
    assert told["payloads"][0].content == b"nought"
    assert told["pending"][0].envelope == b"envelope"
    assert told["forks"][0].first == b"first"
    shelf.run(shelf.store.commit(Batch(forks_settled=[("t", "d", "i", 0)], forks=again.forks)))
    assert shelf.run(shelf.store.forks("t"))[0].first == b"other", "but for who settles it in the same batch"


@pytest.mark.parametrize(
    "clash",
    [
        Batch(events=[event(9, name="t-d-0")]),
        Batch(events=[event(0, name="other", position=9)]),
        Batch(events=[event(9, position=0)]),
        Batch(events=[event(9), event(9)]),
        Batch(done=[DoneRow("t", "key", b"second")]),
        Batch(done=[DoneRow("t", "new", b"1"), DoneRow("t", "new", b"2")]),
        Batch(lengths={"t": 1}),
        Batch(lengths={"never-seen": 1}),
    ],
)
def test_a_conflicting_batch_stores_nothing(shelf: Shelf, clash: Batch) -> None:
    shelf.run(shelf.store.commit(everything()))
    before = shelf.run(contents(shelf.store))
    clash.values = [("bucket", "trace", b"left")]
    clash.threads = [ThreadRow("t", "order/1", b"", (), b"", 99)]
    clash.payloads = [PayloadRow("t", "t-d-1", 0, b"s" * 32, b"left")]
    with pytest.raises(StoreConflict):
        shelf.run(shelf.store.commit(clash))
    assert shelf.run(contents(shelf.store)) == before


def test_a_new_thread_has_length_nought(shelf: Shelf) -> None:
    shelf.run(shelf.store.commit(said(0)))
    with pytest.raises(StoreConflict):
        shelf.run(shelf.store.commit(said(0, name="other", device="e", position=7)))


def test_of_racing_batches_one_wins_and_the_neighbours_stay(shelf: Shelf) -> None:
    async def race() -> list[Any]:
        racers = [said(0, device=f"d{k}") for k in range(5)]
        others = [said(0, thread=f"u{k}") for k in range(5)]
        mixed = [batch for pair in zip(racers, others, strict=True) for batch in pair]
        return await asyncio.gather(*map(shelf.store.commit, mixed), return_exceptions=True)

    outcomes = shelf.run(race())
    assert [type(outcome) for outcome in outcomes[::2]] == [type(None)] + [StoreConflict] * 4
    assert outcomes[1::2] == [None] * 5
    assert [row.thread for row in shelf.run(shelf.store.threads())] == ["t", "u0", "u1", "u2", "u3", "u4"]
    assert [row.device for row in shelf.run(shelf.store.events("t"))] == ["d0"]


def test_batches_of_one_moment_build_on_each_other(shelf: Shelf) -> None:
    async def burst() -> None:
        await asyncio.gather(*(shelf.store.commit(said(n)) for n in range(1_200)))

    shelf.run(burst())
    assert [row.n for row in shelf.run(shelf.store.events("t"))] == list(range(1_200))
    assert shelf.run(shelf.store.thread("t")).length == 1_200


@pytest.mark.parametrize("away", [
    Batch(erased=[("t", "e")]), Batch(dropped=[("t", "e")]), Batch(pending_settled=[("t", "e")]),
    Batch(effects_settled=[("t", "e", "r")]), Batch(outbox_settled=[("p", "t")]), Batch(values=[("b", "k", None)])],
    ids=["erased", "dropped", "pending", "effects", "outbox", "values"])
def test_what_one_batch_of_a_moment_takes_away_a_later_one_may_put(shelf: Shelf, away: Batch) -> None:
    """A store that sorts the rows of a moment by tables must mind it."""
    row = event(0, name="e")
    put = Batch(events=[row], payloads=[PayloadRow("t", "e", 0, b"s" * 32, b"x")],
                pending=[PendingRow("t", "e", "a", "d", "i", 0, b"w")], effects=[EffectRow("t", "e", "r", final=False)],
                outbox=[OutboxRow("p", "t")], values=[("b", "k", b"v")])

    async def moment() -> None:
        await asyncio.gather(shelf.store.commit(away), shelf.store.commit(put))

    shelf.run(moment())
    store = shelf.store
    assert shelf.run(store.payloads("t", ["e"])) == put.payloads
    assert shelf.run(store.event("t", "e")) == row
    assert shelf.run(store.pending("t")) == put.pending
    assert shelf.run(store.effects()) == put.effects
    assert shelf.run(store.outbox()) == put.outbox
    assert shelf.run(store.value("b", "k")) == b"v"


def test_a_reader_sees_what_has_returned_and_never_half_a_batch(shelf: Shelf) -> None:
    async def write() -> None:
        for n in range(60):
            await shelf.store.commit(said(n))
            assert (await shelf.store.thread("t")).length > n

    async def read(finished: asyncio.Event) -> int:
        seen = 0
        while not finished.is_set():
            thread, events = await shelf.store.thread("t"), await shelf.store.events("t")
            assert len(events) == (thread.length if thread else 0)
            seen += 1
            await asyncio.sleep(0)
        return seen

    async def both() -> int:
        finished = asyncio.Event()
        reader = asyncio.create_task(read(finished))
        await write()
        finished.set()
        return await reader

    assert shelf.run(both()) > 10


def test_a_cancelled_awaiter_leaves_a_whole_batch_and_whole_neighbours(shelf: Shelf) -> None:
    async def cancel_some() -> list[Any]:
        tasks = [asyncio.create_task(shelf.store.commit(said(0, thread=f"t{k}"))) for k in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    outcomes = shelf.run(cancel_some())
    for k, outcome in enumerate(outcomes):
        thread, events = shelf.run(shelf.store.thread(f"t{k}")), shelf.run(shelf.store.events(f"t{k}"))
        assert len(events) == (thread.length if thread else 0)
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        assert events or outcome is not None
    shelf.run(shelf.store.commit(said(0, thread="after")))


def test_a_crash_keeps_all_that_was_acknowledged(shelf: Shelf) -> None:
    for n in range(20):
        shelf.run(shelf.store.commit(said(n)))
    shelf.crash()
    assert [row.n for row in shelf.run(shelf.store.events("t"))] == list(range(20))
    shelf.run(shelf.store.commit(said(20)))


@pytest.mark.parametrize("durable", [False, True])
def test_a_crash_before_the_acknowledgement_leaves_all_or_nothing(shelf: Shelf, durable: bool) -> None:
    async def half() -> None:
        task = asyncio.create_task(shelf.store.commit(said(0)))
        await asyncio.sleep(0)
        shelf.crash(durable=durable)
        task.cancel()
        await asyncio.wait([task])

    shelf.run(half())
    thread, events = shelf.run(shelf.store.thread("t")), shelf.run(shelf.store.events("t"))
    assert (thread is not None, len(events)) == (durable, int(durable))


def test_closing_writes_what_waits(shelf: Shelf) -> None:
    async def close_early() -> None:
        task = asyncio.create_task(shelf.store.commit(said(0)))
        await asyncio.sleep(0)
        await shelf.store.close()
        await task

    shelf.run(close_early())
    shelf.store = shelf.reopened()
    if shelf.engine != "memory":
        assert len(shelf.run(shelf.store.events("t"))) == 1
