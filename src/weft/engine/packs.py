"""Packs of threads: gathers one from a store, and reads what a sound one comes to.

Steps of the audit go on here: 11. where the machine is known and nothing is withheld, the thread is folded anew: the
order of its lines and the state must be those that the pack claims. Acknowledgements that name the state which what
their authors had seen folds to are counted, and those that name another: both are what their authors signed, no fault
of the pack.
Rule 1: with a payload, the hash of the state and all acknowledgements are withheld: from them it could be guessed.
Not here: the form of a pack (``thread/pack.py``), steps 1 to 10 (``thread/audit.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from weft.thread import closing, graph
from weft.thread.audit import Audit, Fault
from weft.thread.event import Event, Payload, parse, unwire
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.pack import FORMAT, Manifest, without, write

Hidden = Callable[[str, int], bool]  # type of an event, slot -> whether its payload is withheld
FOLD: Final = 11


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
    if found.withheld and not (folded.bare and closing.is_done(folded.state)):
        return Meaning()
    acks = [] if found.withheld or begun.pruned else list(_acknowledged(begun, entries))
    if folded.shared and folded.order != [event.id for event in found.events]:
        faults.append(Fault(FOLD, "1", Invalid("pack.order")))
    state = state_hash(folded.state)
    if manifest.state != state:
        faults.append(Fault(FOLD, "1", Invalid("pack.state")))
    return Meaning(state, acks.count(True), acks.count(False), 2 + len(acks), tuple(faults), closed=folded.bare)


def _acknowledged(begun: Loaded, entries: Sequence[Entry]) -> Iterator[bool]:
    """Of each acknowledgement, whether it names the state that what its author had seen folds to."""
    parents = {entry.id: entry.parents for entry in entries}
    now, seen = begun, set[str]()
    for place, entry in enumerate(entries):
        if not isinstance(entry.message, Ack):
            continue
        past = graph.past(parents, entry.parents)
        if not seen <= past:
            now, seen = begun, set()
        now = now.extended(one for one in entries[:place] if one.id in past and one.id not in seen)
        seen = past
        yield entry.message.state == state_hash(now.state)
