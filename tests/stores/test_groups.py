"""Commits of one moment share a transaction: what they leave is what each in its turn would have left."""

import asyncio
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.engines import Shelf
from weft.engine.ports import Batch, EffectRow, EventRow, OutboxRow, StoreConflict, ThreadRow
from weft.stores import sqlite
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore


def row(thread: str, length: int) -> ThreadRow:
    return ThreadRow(thread, "m/1", b"{}", (f"h{length}",), b"", length)


def grown(thread: str, length: int) -> Batch:
    """``thread`` grows by one, from ``length``."""
    event = EventRow(thread, f"{thread}{length}", "a", "d", "i", length, length, b"h", b"")
    return Batch(lengths={thread: length}, threads=[row(thread, length + 1)], events=[event])


def together(shelf: Shelf, *batches: Batch) -> list[object]:
    async def all_at_once() -> list[object]:
        return await asyncio.gather(*(shelf.store.commit(one) for one in batches), return_exceptions=True)

    return shelf.run(all_at_once())


def test_a_delivery_owed_again_after_it_was_settled_stays_owed(shelf: Shelf) -> None:
    owed = OutboxRow("p", "t")
    shelf.run(shelf.store.commit(Batch(outbox=[owed])))
    assert together(shelf, Batch(outbox_settled=[("p", "t")]), Batch(outbox=[owed])) == [None, None]
    assert list(shelf.run(shelf.store.outbox())) == [owed]


def test_a_delivery_settled_after_it_was_owed_is_gone(shelf: Shelf) -> None:
    assert together(shelf, Batch(outbox=[OutboxRow("p", "t")]), Batch(outbox_settled=[("p", "t")])) == [None, None]
    assert list(shelf.run(shelf.store.outbox())) == []


def test_the_last_of_several_attempts_counts(shelf: Shelf) -> None:
    together(shelf, *(Batch(outbox=[OutboxRow("p", "t", turn, turn * 10)]) for turn in range(3)))
    assert list(shelf.run(shelf.store.outbox())) == [OutboxRow("p", "t", 2, 20)]


def test_a_thread_grows_step_by_step_in_one_group(shelf: Shelf) -> None:
    assert together(shelf, *(grown("t", length) for length in range(5))) == [None] * 5
    assert shelf.run(shelf.store.thread("t")) == row("t", 5)


def test_who_thinks_a_thread_shorter_conflicts_alone(shelf: Shelf) -> None:
    together(shelf, grown("t", 0), grown("u", 0))
    stale = Batch(lengths={"t": 7}, threads=[row("t", 8)], effects=[EffectRow("t", "c", "r", final=False)])
    outcomes = together(shelf, grown("u", 1), stale, grown("t", 1))
    assert [type(one) for one in outcomes] == [type(None), StoreConflict, type(None)]
    assert [shelf.run(shelf.store.thread(name)).length for name in "tu"] == [2, 2]
    assert list(shelf.run(shelf.store.effects())) == []


def test_who_thinks_a_thread_longer_than_it_is_does_not_wait_until_another_has_begun_it(shelf: Shelf) -> None:
    outcomes = together(shelf, grown("t", 1), grown("t", 0))
    assert [type(one) for one in outcomes] == [StoreConflict, type(None)]
    assert shelf.run(shelf.store.thread("t")) == row("t", 1)


STEPS = st.one_of(
    st.builds(lambda peer, turn: Batch(outbox=[OutboxRow(peer, "t", turn, turn)]), st.sampled_from("pq"),
              st.integers(0, 3)),
    st.builds(lambda peer: Batch(outbox_settled=[(peer, "t")]), st.sampled_from("pq")),
    st.builds(lambda cause, turn: Batch(effects=[EffectRow("t", cause, "r", False, turn, turn)]), st.sampled_from("cd"),
              st.integers(0, 3)),
    st.builds(lambda cause: Batch(effects_settled=[("t", cause, "r")]), st.sampled_from("cd")),
    st.builds(lambda key, content: Batch(values=[("b", key, content)]), st.sampled_from("kl"),
              st.sampled_from([b"1", b"2", None])),
    st.builds(grown, st.sampled_from("tu"), st.integers(0, 2)),
)
NAMES = itertools.count()


async def left(store: MemoryStore | SqliteStore, groups: list[list[Batch]]) -> tuple[object, ...]:
    outcomes = []
    for group in groups:
        done = await asyncio.gather(*(store.commit(one) for one in group), return_exceptions=True)
        outcomes.extend(type(one).__name__ for one in done)
    return (outcomes, sorted(await store.outbox(), key=str), sorted(await store.effects(), key=str),
            await store.values("b"), await store.threads(), await store.events("t"), await store.events("u"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_one_group_leaves_what_one_commit_after_the_other_leaves(tmp_path, steps) -> None:
    async def both() -> tuple[tuple[object, ...], ...]:
        one = SqliteStore(str(tmp_path / f"{next(NAMES)}.db"), background=False)
        other = MemoryStore()
        found = await left(one, [steps]), await left(other, [[step] for step in steps])
        await one.close()
        return found

    grouped, single = asyncio.run(both())
    assert grouped == single


def test_the_law_sees_a_store_that_settles_last(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sqlite, "_runs", lambda batches: [batches])  # as if all puts came before all that is settled
    shelf = Shelf("sqlite", tmp_path)
    together(shelf, Batch(outbox_settled=[("p", "t")]), Batch(outbox=[OutboxRow("p", "t")]))
    assert list(shelf.run(shelf.store.outbox())) == []
    shelf.close()
