"""The store in memory: the meaning of the store port in plain dictionaries, for tests and simulation.

Rule 1: a batch is checked whole before any of it is applied, so it is there whole or not at all.
Rule 2: ``crash`` keeps every commit that has returned.
Not here: durability on disk (``sqlite.py``).
"""

from collections.abc import Sequence
from typing import Final

from weft.basis.errors import Unavailable, WeftError
from weft.engine.ports import (
    Batch,
    EffectRow,
    EventRow,
    ForkRow,
    OutboxRow,
    PayloadRow,
    PendingRow,
    StoreConflict,
    ThreadRow,
)
from weft.stores.group import GroupCommit

_Chain = tuple[str, str, str, int]


class _Shelf:
    """What belongs to one thread."""

    __slots__ = ("chains", "events", "ids", "payloads", "pending")

    def __init__(self) -> None:
        self.events: dict[int, EventRow] = {}
        self.ids: dict[str, EventRow] = {}
        self.chains: dict[_Chain, EventRow] = {}
        self.payloads: dict[str, dict[int, PayloadRow]] = {}
        self.pending: dict[str, PendingRow] = {}


_EMPTY: Final = _Shelf()


class MemoryStore:
    """Implements ``engine.ports.Store``."""

    def __init__(self) -> None:
        self._group = GroupCommit(self._write)
        self._closed = False
        self._threads: dict[str, ThreadRow] = {}
        self._shelves: dict[str, _Shelf] = {}
        self._forks: dict[tuple[str, str, str, int], ForkRow] = {}
        self._effects: dict[tuple[str, str, str], EffectRow] = {}
        self._outbox: dict[tuple[str, str], OutboxRow] = {}
        self._done: dict[tuple[str, str], bytes] = {}
        self._values: dict[str, dict[str, bytes]] = {}

    # ---- writing

    async def commit(self, batch: Batch) -> None:
        """Store ``batch`` whole; raises ``StoreConflict`` and stores nothing of it otherwise."""
        if self._closed:
            raise Unavailable("store.unavailable", reason="closed")
        await self._group.commit(batch)

    def crash(self, *, durable: bool = False) -> None:
        """Power is gone: what nobody was told is stored is lost, or (``durable``) stored all the same."""
        waiting = self._group.drop()
        if durable:
            self._write(waiting)

    async def size(self) -> int:
        """Bytes of the headers, payloads and values that it holds."""
        shelves = self._shelves.values()
        return sum(len(row.header) + len(row.signature) for shelf in shelves for row in shelf.events.values()) \
            + sum(len(row.salt) + len(row.content) for shelf in shelves for rows in shelf.payloads.values()
                  for row in rows.values()) \
            + sum(len(row.envelope) for shelf in shelves for row in shelf.pending.values()) \
            + sum(len(row.members) + len(row.fold) for row in self._threads.values()) \
            + sum(len(value) for values in self._values.values() for value in values.values()) \
            + sum(len(result) for result in self._done.values())

    async def trouble(self) -> WeftError | None:
        """Why nothing can be stored now; None: all is well."""
        return Unavailable("store.unavailable", reason="closed") if self._closed else None

    async def close(self) -> None:
        """Write what waits; later commits are refused."""
        self._group.drain()
        self._closed = True

    def _write(self, batches: Sequence[Batch]) -> list[Exception | None]:
        outcomes: list[Exception | None] = []
        for batch in batches:
            try:
                self._check(batch)
            except StoreConflict as conflict:
                outcomes.append(conflict)
            else:
                self._apply(batch)
                outcomes.append(None)
        return outcomes

    def _shelf(self, thread: str) -> _Shelf:
        return self._shelves.setdefault(thread, _Shelf())

    def _check(self, batch: Batch) -> None:
        for thread, length in batch.lengths.items():
            held = self._threads.get(thread)
            if (held.length if held else 0) != length:
                raise StoreConflict(thread)
        seen: set[tuple[str, object]] = set()
        for row in batch.events:
            shelf = self._shelf(row.thread)
            places = {(row.thread, key) for key in (row.id, _chain(row), row.position)}
            if seen & places or row.id in shelf.ids or _chain(row) in shelf.chains or row.position in shelf.events:
                raise StoreConflict(row.thread)
            seen |= places
        keys = [(row.thread, row.key) for row in batch.done]
        if len(set(keys)) < len(keys) or any(key in self._done for key in keys):
            raise StoreConflict(keys[0][0])

    def _apply(self, batch: Batch) -> None:
        self._threads.update((row.thread, row) for row in batch.threads)
        for row in batch.events:
            shelf = self._shelf(row.thread)
            shelf.events[row.position] = shelf.ids[row.id] = shelf.chains[_chain(row)] = row
        for payload in batch.payloads:
            self._shelf(payload.thread).payloads.setdefault(payload.id, {}).setdefault(payload.slot, payload)
        for pending in batch.pending:
            self._shelf(pending.thread).pending.setdefault(pending.id, pending)
        for thread, event in batch.pending_settled:
            self._shelf(thread).pending.pop(event, None)
        for place in batch.forks_settled:
            self._forks.pop(place, None)
        for fork in batch.forks:
            self._forks.setdefault((fork.thread, fork.device, fork.incarnation, fork.n), fork)
        self._apply_erasure(batch)
        self._apply_duties(batch)

    def _apply_erasure(self, batch: Batch) -> None:
        for thread, event in batch.erased:
            self._shelf(thread).payloads.pop(event, None)
        for thread, event in batch.dropped:
            dropped = self._shelf(thread).ids.pop(event, None)
            if dropped is not None:
                self._shelf(thread).events.pop(dropped.position)
                self._shelf(thread).chains.pop(_chain(dropped))

    def _apply_duties(self, batch: Batch) -> None:
        self._effects.update(((row.thread, row.cause, row.reaction), row) for row in batch.effects)
        for effect in batch.effects_settled:
            self._effects.pop(effect, None)
        self._outbox.update(((row.peer, row.thread), row) for row in batch.outbox)
        for delivery in batch.outbox_settled:
            self._outbox.pop(delivery, None)
        self._done.update(((row.thread, row.key), row.result) for row in batch.done)
        for bucket, key, content in batch.values:
            kept = self._values.setdefault(bucket, {})
            if content is None:
                kept.pop(key, None)
            else:
                kept[key] = content

    # ---- reading: the port says what each gives, and in which order

    async def thread(self, thread: str) -> ThreadRow | None:
        return self._threads.get(thread)

    async def threads(self) -> Sequence[ThreadRow]:
        return [self._threads[thread] for thread in sorted(self._threads)]

    async def events(self, thread: str, after: int = -1, limit: int = 1_000_000) -> Sequence[EventRow]:
        held = self._shelves.get(thread, _EMPTY).events
        return [held[position] for position in sorted(place for place in held if place > after)[:limit]]

    async def event(self, thread: str, id: str) -> EventRow | None:
        """One event by its id."""
        return self._shelves.get(thread, _EMPTY).ids.get(id)

    async def chain(self, thread: str, author: str, device: str, incarnation: str, n: int) -> EventRow | None:
        return self._shelves.get(thread, _EMPTY).chains.get((author, device, incarnation, n))

    async def payloads(self, thread: str, ids: Sequence[str]) -> Sequence[PayloadRow]:
        held = self._shelves.get(thread, _EMPTY).payloads
        return [held[event][slot] for event in sorted(set(ids)) if event in held for slot in sorted(held[event])]

    async def pending(self, thread: str) -> Sequence[PendingRow]:
        return sorted(self._shelves.get(thread, _EMPTY).pending.values(), key=lambda row: (row.device, row.n, row.id))

    async def forks(self, thread: str | None = None) -> Sequence[ForkRow]:
        return [self._forks[place] for place in sorted(self._forks) if thread is None or place[0] == thread]

    async def effects(self) -> Sequence[EffectRow]:
        return sorted(self._effects.values(), key=lambda row: row.due_ms)

    async def outbox(self) -> Sequence[OutboxRow]:
        return sorted(self._outbox.values(), key=lambda row: row.due_ms)

    async def done(self, thread: str, key: str) -> bytes | None:
        return self._done.get((thread, key))

    async def value(self, bucket: str, key: str) -> bytes | None:
        return self._values.get(bucket, {}).get(key)

    async def values(self, bucket: str) -> Sequence[tuple[str, bytes]]:
        return sorted(self._values.get(bucket, {}).items())


def _chain(row: EventRow) -> _Chain:
    return (row.author, row.device, row.incarnation, row.n)
