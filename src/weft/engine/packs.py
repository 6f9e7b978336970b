"""Packs of threads: gathers one from a store, and reads what a sound one comes to.

Steps of the audit go on here: 11. where the machine is known and nothing is withheld, the thread is folded anew: the
order of its lines and the state must be those that the pack claims. Acknowledgements that name the state which what
their authors had seen folds to are counted, and those that name another: both are what their authors signed, no fault
of the pack.
Rule 1: with a payload, the hash of the state and all acknowledgements are withheld: from them it could be guessed.
Not here: the form of a pack (``thread/pack.py``), steps 1 to 10 (``thread/audit.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.engine.acks import Ack
from weft.engine.machines import MACHINES, state_hash
from weft.engine.memory import PRUNED
from weft.engine.ports import EventRow, Store
from weft.engine.threads import Entry, Loaded, entry_of
from weft.identity.keylog import KeyState
from weft.thread import closing
from weft.thread.audit import Audit, Fault
from weft.thread.event import Event, Payload, parse, unwire
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.pack import FORMAT, Manifest, without, write

Hidden = Callable[[str, int], bool]  # type of an event, slot -> whether its payload is withheld
FOLD: Final = 11
WORK_MAX: Final = 100_000  # words that are read to judge the acknowledgements of a pack
WORK_MAX_EACH: Final = 50  # and so many more for each word in it


@dataclass(frozen=True, slots=True)
class Meaning:
    """Step 11: the hash of the folded state (empty: not folded), acknowledgements that agree and do not, faults."""

    state: str = ""
    agreed: int = 0
    disagreed: int = 0
    checked: int = 0
    faults: tuple[Fault, ...] = ()
    closed: bool = False


async def pack(store: Store, thread: str, hidden: Hidden) -> bytes:
    """The pack of ``thread``; raises ``NotFound('thread.unknown')``."""
    row = await store.thread(thread)
    if row is None or row.machine == KEYLOG:
        raise NotFound("thread.unknown")
    members = msgspec.json.decode(row.members, type=dict[str, str])
    keys = [event for member in sorted(members) for event in await _events(store, member)]
    held = await _events(store, thread)
    pruned = await store.value(PRUNED, thread) is not None
    begun = _begun(thread, row.machine, members, _key_states(keys))
    begun.pruned = pruned
    events, state, closed = _in_order(begun, held)
    forks = [(unwire(one.first), unwire(one.second))
             for log in (thread, *sorted(members)) for one in await store.forks(log)]
    shown = [_shown(event, hidden) for event in events]
    proofs = [(_shown(one, hidden), _shown(two, hidden)) for one, two in forks]
    everything = [*shown, *(half for pair in proofs for half in pair)]
    chosen = any(hidden(event.header.y, slot) for event in held for slot in event.payloads)
    if chosen or (not closed and any(len(event.payloads) < len(event.header.b) for event in everything)):
        state = ""
        shown = [_shown(event, _acknowledgement) for event in shown]
        proofs = [(_shown(one, _acknowledgement), _shown(two, _acknowledgement)) for one, two in proofs]
    manifest = Manifest(format=FORMAT, thread=thread, machine=row.machine, members=members, heads=sorted(row.heads),
                        keys=0, events=0, forks=0, state=state, pruned=pruned)
    return write(manifest, keys, shown, proofs)


def _shown(event: Event, hidden: Hidden) -> Event:
    return without(event, [slot for slot in event.payloads if hidden(event.header.y, slot)])


def _acknowledgement(kind: str, _slot: int) -> bool:
    return kind == Ack.__name__ or kind in {word.__name__ for word in closing.CLOSING}


async def _events(store: Store, thread: str) -> list[Event]:
    rows: Sequence[EventRow] = await store.events(thread)
    held: dict[str, dict[int, Payload]] = {}
    for one in await store.payloads(thread, [row.id for row in rows]):
        held.setdefault(one.id, {})[one.slot] = Payload(one.salt, one.content)
    return [parse(row.header, row.signature, held.get(row.id, {})) for row in rows]


def _begun(thread: str, machine: str, members: dict[str, str], keys: Mapping[str, KeyState]) -> Loaded:
    known = MACHINES.get(machine)
    return Loaded(thread=thread, machine=known, machine_name=machine, members=members,
                  state=known.conversation.INITIAL if known else None, keys=keys)


def _key_states(events: Sequence[Event]) -> dict[str, KeyState]:
    """The key states of the logs that ``events`` make up."""
    logs: dict[str, KeyLog] = {}
    for event in events:
        logs.setdefault(event.thread, KeyLog(event.thread)).take(event)
    return {firm: log.state for firm, log in logs.items()}


def _in_order(begun: Loaded, events: Sequence[Event]) -> tuple[list[Event], str, bool]:
    """``events`` in the order of reading (of arrival, if that is unknown), the hash of their state, whether closed."""
    folded = _folded(begun, [entry_of(event, begun.machine) for event in events])
    by_id = {event.id: event for event in events}
    order = folded.order if folded.shared and folded.machine else list(by_id)
    state = state_hash(folded.state) if folded.machine else ""
    return [by_id[name] for name in order], state, closing.is_done(folded.state)


def _folded(begun: Loaded, entries: Sequence[Entry]) -> Loaded:
    """``begun`` with ``entries``; what was said after its closing in the order that does not follow arrival."""
    folded = begun.extended(entries)
    if closing.is_done(folded.state):
        folded.refold()
    return folded


def meaning(found: Audit) -> Meaning:
    """Step 11 for a pack that is sound so far."""
    manifest = found.manifest
    if manifest is None or not found.sound or manifest.machine not in MACHINES:
        return Meaning()
    begun = _begun(manifest.thread, manifest.machine, dict(manifest.members), found.keys)
    begun.pruned = manifest.pruned
    try:
        return _meant(found, manifest, begun)
    except Invalid as error:  # both members have signed what is no state
        return Meaning(checked=1, faults=(Fault(FOLD, "1", error),))


def _meant(found: Audit, manifest: Manifest, begun: Loaded) -> Meaning:
    entries = [entry_of(event, begun.machine) for event in found.events]
    faults: list[Fault] = []
    folded = _folded(begun, entries)
    withheld = any(len(event.payloads) < len(event.header.b) for event in found.events)
    if withheld and not (folded.bare and closing.is_done(folded.state)):
        return Meaning()
    acks = [] if withheld or begun.pruned else list(_acknowledged(begun, entries))
    if folded.shared and folded.order != [event.id for event in found.events]:
        faults.append(Fault(FOLD, "1", Invalid("pack.order")))
    state = state_hash(folded.state)
    if manifest.state != state:
        faults.append(Fault(FOLD, "1", Invalid("pack.state")))
    return Meaning(state, acks.count(True), acks.count(False), 2 + len(acks), tuple(faults), closed=folded.bare)


def _acknowledged(begun: Loaded, entries: Sequence[Entry]) -> Iterator[bool]:
    """Of each acknowledgement, whether it names the state that what its author had seen folds to; some may be left out.

    Each member's next one has mostly seen what the last one had, so that only what is new is read. Where it is not so,
    for members read in many places at once, all is read again, as often as ``WORK_MAX`` allows.
    """
    places = {entry.id: place for place, entry in enumerate(entries)}
    views: dict[str, _View] = {}
    left = WORK_MAX + WORK_MAX_EACH * len(entries)
    for entry in entries:
        if isinstance(entry.message, Ack):
            view = views.setdefault(entry.author, _View(begun))
            left -= view.read(entry.parents, entries, places)
            if left < 0:
                return
            yield entry.message.state == view.hash


class _View:
    """What one member had seen, as far as it was read, and the hash of its state."""

    def __init__(self, begun: Loaded) -> None:
        self.begun = begun
        self.now, self.seen, self.heads = begun.emptied(), set[str](), set[str]()
        self._state, self._hash = None, ""

    @property
    def hash(self) -> str:
        if self.now.state is not self._state or not self._hash:
            self._state, self._hash = self.now.state, state_hash(self.now.state)
        return self._hash

    def read(self, heads: Iterable[str], entries: Sequence[Entry], places: Mapping[str, int]) -> int:
        """Go on to all that ``heads`` had seen; how many words were read for it."""
        fresh, met = self._beyond(heads, entries, places)
        if not self.heads <= met:  # it has not seen what the last one had
            self.now, self.seen = self.begun.emptied(), set()
            fresh, _ = self._beyond(heads, entries, places)
        concurrent = False
        folded = self.now.folded
        for place in sorted(places[name] for name in fresh):
            concurrent = not self.now.take(entries[place], refold_later=concurrent) or concurrent
        if concurrent:
            self.now.refold()
        self.seen |= fresh
        self.heads = {name for name in heads if name in places}
        return len(fresh) + self.now.folded - folded

    def _beyond(
        self, heads: Iterable[str], entries: Sequence[Entry], places: Mapping[str, int]
    ) -> tuple[set[str], set[str]]:
        """(what ``heads`` had seen and was not read yet, what of it was read that this follows)."""
        fresh, met = set[str](), set[str]()
        stack = [name for name in heads if name in places]
        while stack:
            name = stack.pop()
            if name in self.seen:
                met.add(name)
            elif name not in fresh:
                fresh.add(name)
                stack.extend(parent for parent in entries[places[name]].parents if parent in places)
        return fresh, met
