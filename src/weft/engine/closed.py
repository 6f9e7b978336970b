"""What comes in for threads that are closed: events whose payloads are erased, and threads that a partner has pruned.

Rule 1: an event without its payload is taken in only when we ourselves have signed what lasts of its thread.
Rule 2: nothing that was pruned comes back: of a pruned thread only what follows its closing is taken in.
Rule 3: of two words at one place the proof stays without what they say, which proves the same: one of them was never
        a word of the thread that a request could name.
Rule 4: who lacks (after a restored backup) what a partner has pruned, keeps what the partner keeps.
Not here: closing, erasing and pruning themselves (``closing.py``, ``erasure.py``, ``retention.py``).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import islice

import msgspec

from weft.basis.errors import Denied, Invalid
from weft.engine.effects import TROUBLES
from weft.engine.handle import commit
from weft.engine.memory import FOLDS, JUDGED, PRUNED, TERMS, Memory
from weft.engine.ports import Batch, ForkRow, PendingRow, Store
from weft.engine.threads import Entry, Loaded, entry_of
from weft.thread import closing, seals
from weft.thread.event import Event, unwire, wire

Verify = Callable[[Event], Awaitable[None]]


async def attested(
    memory: Memory, loaded: Loaded, events: Sequence[Event], waiting: Sequence[PendingRow], verify: Verify
) -> closing.Seal | None:
    """The seal among ``events`` and what waits, if its words are validly signed and one of them is ours (Rule 1)."""
    early = {row.id: unwire(row.envelope) for row in waiting}
    said = {**early, **{event.id: event for event in events if event.thread == loaded.thread}}
    words = [entry_of(event, loaded.machine) for event in said.values() if event.header.y in closing.WORDS]
    entries = {**{entry.id: entry for entry in words}, **loaded.entries}
    closing_now = _Closing(loaded, said)
    for seal in closing.seals(entries.values()):
        names = (seal.proposal, seal.acceptance, seal.closed)
        if memory.organisation not in {entries[name].author for name in names}:
            continue
        if seal.acceptance in loaded.entries and not closing_now.by(seal):
            continue
        try:
            for name in names:
                if name not in loaded.entries and name not in early:
                    await verify(said[name])
        except (Denied, Invalid):
            continue
        return seal
    return None


@dataclass(slots=True)
class _Closing:
    """What closes ``loaded`` with what is ``said`` now; found once, however many confirmations there are."""

    loaded: Loaded
    said: Mapping[str, Event]
    _entries: dict[str, Entry] = field(default_factory=dict)
    _first: list[closing.Seal] = field(default_factory=list)

    def by(self, seal: closing.Seal) -> bool:
        """Whether ``seal``, whose acceptance we hold with all below it, does.

        What was taken back by going on talking does not: else its author could slip in words that nobody can read.
        """
        if not self._entries:
            loaded = self.loaded
            self._entries = {**{name: entry_of(event, loaded.machine) for name, event in self.said.items()},
                             **loaded.entries}
            self._first = [found for found, _ in islice(seals.closings(self._entries), 1)]
        whole = all(parent in self._entries for parent in self._entries[seal.closed].parents)
        return whole and self._first == [seal]


class Stale:
    """Which events are of what was pruned from ``loaded``: they do not follow its closing (Rule 2)."""

    def __init__(self, loaded: Loaded) -> None:
        self.pruned = loaded.pruned
        seal = closing.left(loaded.entries) if self.pruned else None
        self.later = set[str]() if seal is None else closing.above(loaded.entries, seal)

    def has(self, event: Event) -> bool:
        """Whether ``event`` is one of them."""
        return self.pruned and self.later.isdisjoint(event.parents)

    def follow(self, event: Event) -> None:
        """``event`` is taken in, or waits: so what follows it is not stale."""
        self.later.add(event.id)


def needs_seal(loaded: Loaded, events: Sequence[Event], waiting: Sequence[PendingRow]) -> bool:
    """Whether some of ``events`` and what waits can come in only by what has closed ``loaded``."""
    return not closing.is_done(loaded.state) and any(
        0 not in event.payloads or event.header.y == closing.ThreadPruned.__name__
        for event in (*events, *(unwire(row.envelope) for row in waiting)))


def pruned_by(peer: str, fresh: Sequence[Event]) -> bool:
    """Whether ``fresh`` hold the word of ``peer`` that it has pruned the thread."""
    return any(event.header.y == closing.ThreadPruned.__name__ and event.author == peer for event in fresh)


def gaps(loaded: Loaded, fresh: Sequence[Event]) -> bool:
    """Whether parents of ``fresh`` are neither among them nor held."""
    here = {event.id for event in fresh} | loaded.entries.keys()
    return any(parent not in here for event in fresh for parent in event.parents)


async def adopt(memory: Memory, loaded: Loaded, seal: closing.Seal, fresh: Sequence[Event]) -> list[str]:
    """Keep of the thread what its partner keeps (Rule 4); ids of what is new."""
    by_id = {event.id: event for event in fresh}
    ends = {name for _, name in loaded.tips.values()} | {seal.proposal, seal.acceptance, seal.closed}
    entries = {name: entry for name, entry in loaded.entries.items()
               if not entry.parents or name in ends or entry.kind in closing.EVIDENCE}
    entries |= {event.id: entry_of(event, loaded.machine) for event in _in_order(fresh)}
    spoken = closing.spoken(entries, seal)
    new = [by_id[name] if name in spoken else bare(by_id[name])
           for name in entries if name in by_id and name not in loaded.entries]
    after = loaded.emptied()
    for name, entry in entries.items():
        after.take(entry if name in spoken else msgspec.structs.replace(entry, message=None), refold_later=True)
    after.bare = after.pruned = True
    after.heads = closing.heads_of(entries, seal)
    after.position = loaded.position + len(new)
    after.refold()
    rows = await memory.store.events(loaded.thread)
    batch = Batch(lengths={loaded.thread: loaded.position})
    batch.dropped = [(row.thread, row.id) for row in rows if row.id not in entries]
    batch.erased = [(row.thread, row.id) for row in rows if row.id not in spoken]
    batch.pending_settled = [(row.thread, row.id) for row in await memory.store.pending(loaded.thread)]
    proofs = await memory.store.forks(loaded.thread)
    batch.forks_settled, batch.forks = places(proofs), emptied(proofs)
    batch.values = [(PRUNED, loaded.thread, b""), *await made(memory.store, loaded.thread, batch.erased)]
    await commit(memory, after, new, batch)
    memory.forget(loaded.thread)
    return [event.id for event in new]


async def made(
    store: Store, thread: str, erased: Iterable[tuple[str, str]]
) -> list[tuple[str, str, bytes | None]]:
    """What takes away that the store keeps of ``thread`` and was made from what is ``erased`` of it."""
    troubles = [name for name, _ in await store.values(TROUBLES) if name.startswith(f"{thread}:")]
    judged = [name for _, name in erased if await store.value(JUDGED[0], name) is not None]
    return [(FOLDS, thread, None), (TERMS, thread, None), *((TROUBLES, name, None) for name in troubles),
            *((bucket, name, None) for name in judged for bucket in JUDGED)]


def places(proofs: Iterable[ForkRow]) -> list[tuple[str, str, str, int]]:
    """Where ``proofs`` stand."""
    return [(one.thread, one.device, one.incarnation, one.n) for one in proofs]


def emptied(proofs: Iterable[ForkRow]) -> list[ForkRow]:
    """``proofs`` without what their halves hold (Rule 3)."""
    return [msgspec.structs.replace(one, first=wire(bare(unwire(one.first))), second=wire(bare(unwire(one.second))))
            for one in proofs]


def bare(event: Event) -> Event:
    """``event`` without what it says."""
    return msgspec.structs.replace(event, payloads={})


def _in_order(events: Sequence[Event]) -> list[Event]:
    """``events`` with parents first, as far as these are among them; otherwise as their authors' clocks say."""
    by_id = {event.id: event for event in events}
    waiting = {name: {parent for parent in event.parents if parent in by_id} for name, event in by_id.items()}
    children: dict[str, list[str]] = {}
    for name, parents in waiting.items():
        for parent in parents:
            children.setdefault(parent, []).append(name)
    ready = [(by_id[name].header.h, name) for name, parents in waiting.items() if not parents]
    heapify(ready)
    done: list[Event] = []
    while ready:
        _, name = heappop(ready)
        done.append(by_id[name])
        for child in children.get(name, ()):
            waiting[child].discard(name)
            if not waiting[child]:
                heappush(ready, (by_id[child].header.h, child))
    return done
