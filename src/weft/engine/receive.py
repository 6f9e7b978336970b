"""What others said: verify, keep what is early, detect forks, fold, append; the only way in for it.

Steps for a batch of events of one thread from one peer: 1. the peer is a member, or the thread is new and may begin;
2. key logs carried by relationship messages are taken in; 3. each event is verified (``thread/verify.py``);
4. a second event at one place of a chain is kept as proof of a fork; 5. events whose parents are missing wait;
6. all others are folded and stored in one transaction, and acknowledged soon after.
Rule 1: what a member has validly signed is never refused: if the rules deny it, it is void, on every side alike.
Rule 2: forks are looked for on receipt, before the chain is complete, and among those that wait too.
Rule 3: a stranger learns nothing: whatever he asks for, the answer is that there is no such thing.
Not here: how events travel (``sync.py``, ``doors/peer``), what follows from them (``effects.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from weft.basis.canonical import b64, digest
from weft.basis.errors import Denied, Invalid, NotFound, Refused, WeftError
from weft.engine.acks import Ack
from weft.engine.handle import commit
from weft.engine.machines import MACHINES, Machine, machine, state_hash
from weft.engine.memory import Change, Memory
from weft.engine.ports import Batch, ForkRow, PendingRow
from weft.engine.threads import Loaded, entry_of
from weft.identity import keylog
from weft.thread.event import Event, unwire, wire
from weft.thread.verify import check_event, check_key_event

PENDING_MAX: Final = 500  # events of one thread that may wait for their parents
INVITATIONS: Final = "invitation"
ALARMS: Final = "alarm"
KEYLOG: Final = f"{keylog.NAME}/{keylog.VERSION}"
_CARRIES_KEYS: Final = frozenset({"RelationshipProposed", "RelationshipAccepted", "PartyUpdated"})


@dataclass(slots=True)
class Received:
    """What became of a batch: ids stored, ids that wait, and (id, code) of what is no valid event."""

    stored: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    invalid: list[tuple[str, str]] = field(default_factory=list)


async def receive(memory: Memory, peer: str, thread: str, events: Sequence[Event]) -> Received:
    """Take in ``events`` of ``thread`` that ``peer`` handed over; raises ``NotFound`` when it may not."""
    result = Received()
    for event in events:  # 2
        if event.header.y in _CARRIES_KEYS:
            await _take_key_log(memory, event)
    async with memory.lock(thread):
        loaded = await _admitted(memory, peer, thread, events)  # 1
        if peer not in loaded.members:
            raise NotFound("thread.unknown")
        fresh = await _verified(memory, loaded, events, result)  # 3, 4
        await _append(memory, loaded, fresh, result)  # 5, 6
    return result


async def _admitted(memory: Memory, peer: str, thread: str, events: Sequence[Event]) -> Loaded:
    """The thread, or a new one that ``events`` begin and that ``peer`` may begin with us."""
    found = await memory.find(thread)
    if found is not None:
        return found
    genesis = next((event for event in events if event.header.t is None and event.thread == thread), None)
    if genesis is None or not isinstance(genesis.header.mem, dict) or genesis.header.m == KEYLOG:
        raise NotFound("thread.unknown")
    members = genesis.header.mem
    known = MACHINES.get(genesis.header.m)
    if set(members) != {peer, memory.organisation} or genesis.author != peer or known is None or not known.shared:
        raise NotFound("thread.unknown")
    if known.conversation.NAME == "relationship":
        await _check_invitation(memory, genesis)
    elif memory.partner(peer) is None:
        raise NotFound("thread.unknown")
    return Loaded(thread=thread, machine=known, machine_name=known.name, members=dict(members),
                  state=known.conversation.INITIAL)


async def _check_invitation(memory: Memory, genesis: Event) -> None:
    """A relationship begins only with the secret of an invitation of ours that is still open."""
    entry = entry_of(genesis, MACHINES.get(genesis.header.m))
    token = str(getattr(entry.message, "token", ""))
    if not token or await memory.store.value(INVITATIONS, token_name(token)) is None:
        raise NotFound("thread.unknown")


def token_name(token: str) -> str:
    """Under which name an invitation with secret ``token`` is kept: never the secret itself."""
    return b64(digest("invitation/1", token.encode()))


async def _verified(memory: Memory, loaded: Loaded, events: Sequence[Event], result: Received) -> list[Event]:
    """The events that are new, valid and no second word at a place of a chain."""
    fresh: dict[str, Event] = {}
    waiting = {row.id: row for row in await memory.store.pending(loaded.thread)}
    for event in events:
        if event.id in loaded.entries or event.id in fresh or event.thread != loaded.thread:
            continue
        try:
            await verify_event(memory, loaded, event)
        except (Denied, Invalid) as error:
            result.invalid.append((event.id, error.code))
            continue
        if await _forked(memory, loaded, event, [*fresh.values(), *map(_waiting, waiting.values())]):
            result.invalid.append((event.id, "event.fork"))
            continue
        fresh[event.id] = event
    for row in waiting.values():
        fresh.setdefault(row.id, _waiting(row))
    return list(fresh.values())


async def verify_event(memory: Memory, loaded: Loaded, event: Event) -> None:
    """Raises ``Denied`` or ``Invalid`` unless a device of a member signed ``event`` for this thread."""
    if event.header.m != loaded.machine_name:
        raise Invalid("event.other-machine")
    if 0 not in event.payloads:
        raise Invalid("event.payload-missing")
    check_event(event, loaded.members, await memory.keys(event.author))


def _waiting(row: PendingRow) -> Event:
    return unwire(row.envelope)


async def _forked(memory: Memory, loaded: Loaded, event: Event, others: Sequence[Event]) -> bool:
    """Whether another event stands at this place of the chain; the proof is kept and the thread's work stops."""
    place = (event.author, event.header.d, event.header.i, event.header.n)
    first = next((one for one in others if one.id != event.id
                  and (one.author, one.header.d, one.header.i, one.header.n) == place), None)
    if first is None:
        row = await memory.store.chain(loaded.thread, *place)
        if row is None or row.id == event.id:
            return False
        first = await memory.event(loaded.thread, row.id)
        assert first is not None
    proof = ForkRow(loaded.thread, place[1], place[2], place[3], wire(first), wire(event))
    await memory.store.commit(Batch(forks=[proof], values=[(ALARMS, loaded.thread, b"fork")]))
    memory.tell(Change(loaded.thread, "alarm", ("fork",)))
    return True


async def _append(memory: Memory, loaded: Loaded, fresh: Sequence[Event], result: Received) -> None:
    """Fold and store what has all its parents; keep the rest waiting."""
    ready, early = _sorted_by_parents(loaded, fresh)
    entries = [entry_of(event, loaded.machine) for event in ready]
    after = loaded.extended(entries) if entries else loaded
    batch = Batch(lengths={loaded.thread: loaded.position})
    if len(early) > PENDING_MAX:
        raise Refused("sync.too-many-pending", limit=PENDING_MAX)
    held = {row.id for row in await memory.store.pending(loaded.thread)}
    batch.pending_settled = [(loaded.thread, event.id) for event in ready if event.id in held]
    batch.pending = [
        PendingRow(event.thread, event.id, event.author, event.header.d, event.header.i, event.header.n, wire(event))
        for event in early if event.id not in held
    ]
    result.pending.extend(event.id for event in early)
    if not ready:
        if batch.pending:
            batch.lengths = {}
            await memory.store.commit(batch)
        return
    alarm = _mismatch(loaded, ready)
    if alarm:
        batch.values.append((ALARMS, loaded.thread, alarm.encode()))
    await commit(memory, after, ready, batch, from_peer=True, before=loaded)
    result.stored.extend(event.id for event in ready)
    if alarm:
        memory.tell(Change(loaded.thread, "alarm", (alarm,)))
    memory.to_ack[loaded.thread] = None
    memory.ack_wake.set()


def _sorted_by_parents(loaded: Loaded, fresh: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """(events whose ancestors are all there, parents first; the others)."""
    left = {event.id: event for event in fresh}
    ready: list[Event] = []
    known = set(loaded.entries)
    moved = True
    while moved:
        moved = False
        for event in list(left.values()):
            if all(parent in known for parent in event.parents) and (event.header.t is not None or not known):
                ready.append(left.pop(event.id))
                known.add(event.id)
                moved = True
    return ready, list(left.values())


def _mismatch(loaded: Loaded, ready: Sequence[Event]) -> str:
    """``state-mismatch`` when an ack in ``ready``, read right above our own heads, folds to another state."""
    now = loaded
    for event in ready:
        entry = entry_of(event, loaded.machine)
        if isinstance(entry.message, Ack) and set(now.heads) == set(entry.parents) \
                and entry.message.state != state_hash(now.state):
            return "state-mismatch"
        now = now.extended([entry])
    return ""


# ---- key logs ------------------------------------------------------------------------------------


async def _take_key_log(memory: Memory, event: Event) -> None:
    """Take in the author's key log that a relationship message carries; each key event proves itself."""
    message = entry_of(event, MACHINES.get(event.header.m)).message
    for envelope in getattr(message, "key_log", ()):
        try:
            await take_key_event(memory, event.author, unwire(envelope.encode()))
        except WeftError:
            return  # what follows from it will not verify either


async def take_key_event(memory: Memory, organisation: str, event: Event) -> None:
    """Append one event to our copy of the key log of ``organisation``; raises ``Denied`` or ``Invalid``."""
    known: Machine = machine(KEYLOG)
    if event.thread != organisation or organisation == memory.organisation:
        raise Invalid("keylog.other-log")
    async with memory.lock(organisation):
        loaded = await memory.find(organisation) or Loaded(
            thread=organisation, machine=known, machine_name=KEYLOG, members={organisation: "owner"},
            state=known.conversation.INITIAL)
        if event.id in loaded.entries:
            return
        if event.header.m != KEYLOG or any(parent not in loaded.entries for parent in event.parents):
            raise Invalid("keylog.gap")
        check_key_event(event, loaded.state)
        if await _forked(memory, loaded, event, []):
            raise Denied("event.fork")
        after = loaded.extended([entry_of(event, known)])
        await commit(memory, after, [event], Batch(lengths={organisation: loaded.position}), from_peer=True)


def key_state(organisation: str, envelopes: Sequence[str]) -> keylog.KeyState:
    """The key state that ``envelopes`` prove by themselves, without storing it; raises ``Denied`` or ``Invalid``."""
    known = machine(KEYLOG)
    loaded = Loaded(thread=organisation, machine=known, machine_name=KEYLOG, members={organisation: "owner"},
                    state=known.conversation.INITIAL)
    for envelope in envelopes:
        event = unwire(envelope.encode())
        if event.thread != organisation or any(parent not in loaded.entries for parent in event.parents):
            raise Invalid("keylog.gap")
        check_key_event(event, loaded.state)
        loaded = loaded.extended([entry_of(event, known)])
    state: Any = loaded.state
    assert isinstance(state, keylog.KeyState)
    return state


async def key_log_of(memory: Memory, organisation: str) -> tuple[str, ...]:
    """The key log of ``organisation`` as wire envelopes in order, to be carried by a relationship message."""
    rows = await memory.store.events(organisation)
    return tuple(wire(event).decode() for event in await memory.with_payloads(organisation, rows))

