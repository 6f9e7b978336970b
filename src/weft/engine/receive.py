"""What others said: verify, keep what is early, detect forks, fold, append; the only way in for it.

Steps for a batch of events of one thread from one peer: 1. the peer is a member, or the thread is new and may begin;
2. key logs carried by relationship messages are taken in; 3. each event is verified (``thread/verify.py``);
4. a second event at one place of a chain is kept as proof of a fork; 5. events whose parents are missing wait, within
the thread's quota; 6. all others are folded and stored in one transaction, and acknowledged soon after.
Rule 1: what a member has validly signed is never refused: if the rules deny it, it is void, on every side alike.
Rule 2: forks are looked for on receipt, before the chain is complete, and among those that wait too.
Rule 3: a stranger learns nothing: whatever he asks for, the answer is that there is no such thing; and leaves nothing.
Rule 4: what waits for its parents never keeps out what has them: a full quota turns away only more of the former.
Not here: how events travel (``sync.py``, ``doors/peer``), what follows from them (``effects.py``).
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, digest
from weft.basis.errors import Denied, Invalid, NotFound, WeftError
from weft.engine import closed, keyring
from weft.engine.acks import Ack, KeysSeen
from weft.engine.handle import commit
from weft.engine.machines import MACHINES, Machine, machine, state_hash
from weft.engine.memory import ALARMS, NEWER, Change, Memory
from weft.engine.ports import Batch, ForkRow, PendingRow
from weft.engine.room import Room
from weft.engine.threads import Loaded, entry_of
from weft.identity import keylog
from weft.thread import closing
from weft.thread.event import Event, unwire, wire
from weft.thread.standing import REVOKED
from weft.thread.verify import check_event, check_key_event, check_key_place

PENDING_MAX: Final = 200  # events of one thread that may wait for their parents
PENDING_BYTES_MAX: Final = 1024 * 1024  # and how much they may take up
LOOKED_OF: Final = 4  # events that are looked at for what closes them, in the time in which one is read once more
BREATH: Final = 16  # events verified at a stretch
CHAINS_MAX: Final = 64  # of one member in one thread: reading many side by side takes long
NAME_MAX: Final = 100  # of an unknown conversation, as it is kept
INVITATIONS: Final = "invitation"
KEYLOG: Final = f"{keylog.NAME}/{keylog.VERSION}"
SIDES: Final = {"order": {"buyer", "seller"}, "relationship": {"inviter", "invitee"}}
_CARRIES_KEYS: Final = frozenset({"RelationshipProposed", "RelationshipAccepted", "PartyUpdated"})


@dataclass(slots=True)
class Received:
    """What became of a batch: ids stored, ids that wait, and (id, code) of what is no valid event.

    ``folded``: how many events were read once more, as what came stands beside them.
    """

    stored: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    invalid: list[tuple[str, str]] = field(default_factory=list)
    folded: int = 0


async def receive(memory: Memory, peer: str, thread: str, events: Sequence[Event]) -> Received:
    """Take in ``events`` of ``thread`` that ``peer`` handed over; raises ``NotFound`` when it may not."""
    result = Received()
    if not any(event.thread == thread for event in events):  # so a name that is no thread's never becomes a lock
        raise NotFound("thread.unknown")
    async with memory.lock(thread), await _doorstep(memory, thread):
        loaded = await _admitted(memory, peer, thread, events)  # 1
        if peer not in loaded.members or memory.organisation not in loaded.members:
            raise NotFound("thread.unknown")
        for event in events:  # 2
            if event.header.y in _CARRIES_KEYS and event.author in loaded.members:
                await _take_key_log(memory, event)
        waiting = await memory.store.pending(thread)
        seal = None
        if closed.needs_seal(loaded, events, waiting):
            result.folded += loaded.held // LOOKED_OF
            seal = await closed.attested(memory, loaded, events, waiting, lambda one: verify_event(memory, loaded, one))
        fresh = await _verified(memory, loaded, events, waiting, result, bare=seal is not None)  # 3, 4
        if seal and closed.pruned_by(peer, fresh) and closed.gaps(loaded, fresh):
            result.stored.extend(await closed.adopt(memory, loaded, seal, _one_at_a_place(fresh, set(), {})))
            return result
        if await _below(memory, loaded, fresh):
            loaded = await memory.whole(thread)
            result.folded += len(loaded.entries)
        await _append(memory, loaded, fresh, waiting, result)  # 5, 6
    return result


async def _below(memory: Memory, loaded: Loaded, fresh: Sequence[Event]) -> bool:
    """Whether one of ``fresh`` follows something that memory no longer holds: it stands beside much that is final.

    Not one that waits for another parent: it is not read yet.
    """
    if not loaded.below:
        return False
    here = loaded.entries.keys() | {event.id for event in fresh}
    for event in fresh:
        absent = sorted(set(event.parents) - here)
        if absent and all([await memory.holds(loaded, parent) for parent in absent]):
            return True
    return False


async def _doorstep(memory: Memory, thread: str) -> AbstractAsyncContextManager[Any]:
    """New threads begin one after the other, so that an invitation lets in one firm."""
    return nullcontext() if await memory.find(thread) is not None else memory.lock(INVITATIONS)


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
    if known is None:
        await _note_newer(memory, peer, genesis)
    if set(members) != {peer, memory.organisation} or known is None or not known.shared:
        raise NotFound("thread.unknown")
    if set(members.values()) != SIDES.get(known.conversation.NAME):
        raise NotFound("thread.unknown")
    if not await _spoken_in(memory, members, thread, events):
        await _check_beginner(memory, peer, genesis, known)
    return Loaded(thread=thread, machine=known, machine_name=known.name, members=dict(members),
                  state=known.conversation.INITIAL, keys=memory.keyring)


async def _note_newer(memory: Memory, peer: str, genesis: Event) -> None:
    """A partner begins what this program does not know: its owner is told that an update is due.

    It is not taken in: who may begin it with whom is not known, and what follows from its words would never be drawn,
    since they would be old when the update comes. The partner keeps it, and hands it over again until we can.
    """
    name, members = genesis.header.m[:NAME_MAX], genesis.header.mem
    if memory.partner(peer) is None or peer in memory.ended_with or memory.newer.get(peer) == name:
        return
    if genesis.author != peer or not isinstance(members, dict) or set(members) != {peer, memory.organisation}:
        return
    try:
        check_event(genesis, members, await memory.keys(peer))
    except (Denied, Invalid):
        return
    await memory.store.commit(Batch(values=[(NEWER, peer, name.encode())]))
    memory.newer[peer] = name
    memory.tell(Change("", "newer", (peer,)))


async def _spoken_in(memory: Memory, members: dict[str, str], thread: str, events: Sequence[Event]) -> bool:
    """Whether ``events`` hold a word of our own: then this thread was ours before a backup was restored."""
    keys = await memory.keys(memory.organisation)
    for event in events:
        if event.author == memory.organisation and event.thread == thread:
            try:
                check_event(event, members, keys)
            except (Denied, Invalid):
                continue
            return True
    return False


async def _check_beginner(memory: Memory, peer: str, genesis: Event, known: Machine) -> None:
    """A new thread is begun by ``peer`` itself: a relationship by our invitation, others within a relationship."""
    if genesis.author != peer:
        raise NotFound("thread.unknown")
    if known.conversation.NAME == "relationship":
        await _check_invitation(memory, genesis)
    elif memory.partner(peer) is None or peer in memory.ended_with:
        raise NotFound("thread.unknown")


async def _check_invitation(memory: Memory, genesis: Event) -> None:
    """A relationship begins only with the secret of an invitation of ours that is still open."""
    token = _token(genesis)
    kept = await memory.store.value(INVITATIONS, token_name(token)) if token else None
    if kept is None:
        raise NotFound("thread.unknown")
    until = msgspec.json.decode(kept, type=Invitation).until
    if until and memory.clock.now_ms() > instant.to_ms(until):
        raise NotFound("thread.unknown")


def _token(genesis: Event) -> str:
    return str(getattr(entry_of(genesis, MACHINES.get(genesis.header.m)).message, "token", ""))


class Invitation(msgspec.Struct, frozen=True):
    """What is kept of an invitation: whom it is for, and the instant after which it lets nobody in ("": none)."""

    note: str = ""
    until: str = ""


def token_name(token: str) -> str:
    """Under which name an invitation with secret ``token`` is kept: never the secret itself."""
    return b64(digest("invitation/1", token.encode()))


async def _verified(
    memory: Memory, loaded: Loaded, events: Sequence[Event], waiting: Sequence[PendingRow], result: Received, *,
    bare: bool = False,
) -> list[Event]:
    """The events that are new, valid and no second word at a place of a chain, and those that wait."""
    early = {row.id: unwire(row.envelope) for row in waiting}
    fresh: dict[str, Event] = {}
    places = {_place(event): event for event in early.values()}
    room, stale = Room(loaded, early.values(), memory.organisation, memory.events_max), closed.Stale(loaded)
    for number, event in enumerate(events):
        if number % BREATH == BREATH - 1:
            await asyncio.sleep(0)  # others are answered meanwhile
        if event.id in fresh or event.id in early or event.thread != loaded.thread:
            continue
        if (not _beyond(loaded, event) and await memory.holds(loaded, event.id)) or stale.has(event):
            continue
        try:
            await verify_event(memory, loaded, event, bare=bare)
        except (Denied, Invalid) as error:
            result.invalid.append((event.id, error.code))
            continue
        beside = places.setdefault(_place(event), event)
        if await _forked(memory, loaded, event, beside) and beside.id == event.id:  # else which half has its parents?
            result.invalid.append((event.id, "event.fork"))
            continue
        if code := room.take(event):
            result.invalid.append((event.id, code))
            continue
        fresh[event.id] = event
        stale.follow(event)
    return [*early.values(), *fresh.values()]


async def verify_event(memory: Memory, loaded: Loaded, event: Event, *, bare: bool = False) -> None:
    """Raises ``Denied`` or ``Invalid`` unless a device of a member signed ``event`` for this thread.

    ``bare``: what it holds may be erased.
    """
    if event.header.m != loaded.machine_name:
        raise Invalid("event.other-machine")
    may_be_bare = bare or (closing.is_done(loaded.state) and event.header.y not in closing.QUIET)
    if 0 not in event.payloads and not may_be_bare:  # what is said of closing and erasing, and read since, is whole
        raise Invalid("event.payload-missing")
    check_event(event, loaded.members, await memory.keys(event.author))
    if event.header.y == KeysSeen.__name__:
        keyring.check_seen(entry_of(event, loaded.machine), loaded.members, memory.keyring)


def _place(event: Event) -> tuple[str, str, str, int]:
    header = event.header
    return event.author, header.d, header.i, header.n


def _beyond(loaded: Loaded, event: Event) -> bool:
    """Whether ``event`` comes after the last word of its chain: then neither it nor another at its place is stored."""
    return event.header.n > loaded.tips.get(_place(event)[:3], (-1, ""))[0]


async def _forked(memory: Memory, loaded: Loaded, event: Event, beside: Event | None = None) -> bool:
    """Whether another event stands at this place of the chain, stored or ``beside`` it in what came.

    The proof is kept and the thread's work stops.
    """
    place = _place(event)
    first = beside if beside is not None and beside.id != event.id else None
    if first is None:
        if _beyond(loaded, event):
            return False
        row = await memory.store.chain(loaded.thread, *place)
        if row is None or row.id == event.id:
            return False
        first = await memory.event(loaded.thread, row.id)
        assert first is not None
    held = await memory.store.forks(loaded.thread)
    if not any((one.device, one.incarnation, one.n) == place[1:] for one in held):  # else it is known already
        proof = ForkRow(loaded.thread, place[1], place[2], place[3], wire(first), wire(event))
        if loaded.bare:
            (proof,) = closed.emptied([proof])  # who has erased here is not to keep a copy of it
        try:
            await memory.store.commit(Batch(forks=[proof], values=[(ALARMS, loaded.thread, b"fork")]))
        finally:  # whatever becomes of the proof or of who hands it over
            memory.alarm(loaded.thread, "fork")
    return True


async def _append(
    memory: Memory, loaded: Loaded, fresh: Sequence[Event], waiting: Sequence[PendingRow], result: Received
) -> None:
    """Fold and store what has all its parents; keep the rest waiting."""
    ready, early, wrong = _sorted_by_parents(loaded, fresh)
    result.invalid.extend(wrong.items())
    held = {row.id for row in waiting}
    kept = _within_quota(early, held, result)
    batch = Batch(lengths={loaded.thread: loaded.position})
    batch.pending_settled = [(loaded.thread, name) for name in (*(event.id for event in ready), *wrong)
                             if name in held]
    batch.pending = [row for row in kept if row.id not in held]
    if not ready:
        if not loaded.entries:
            raise NotFound("thread.unknown")
        if batch.pending or batch.pending_settled:
            batch.lengths = {}
            await memory.store.commit(batch)
        return
    after = loaded.extended([entry_of(event, loaded.machine) for event in ready])
    if not loaded.entries:
        _begin(after, ready[0], batch)
    alarm = keyring.in_our_name(memory, after, ready, batch) or _mismatch(loaded, ready)
    if alarm:
        batch.values.append((ALARMS, loaded.thread, alarm.encode()))
    own = keyring.telling(memory, after)  # of what a device says that we know to be revoked, nothing follows
    if own is not None:
        after = after.extended([entry_of(own, loaded.machine)])
    await commit(memory, after, [*ready, own] if own else ready, batch, before=loaded,
                 then=lambda: _noted(memory, loaded.thread, alarm))
    result.stored.extend(event.id for event in ready)
    result.folded += after.folded - loaded.folded


def _noted(memory: Memory, thread: str, alarm: str) -> None:
    """The store has what came: it is acknowledged soon, and nothing runs on by itself after a lie."""
    if alarm:
        memory.alarm(thread, alarm)
    memory.to_ack[thread] = None
    memory.ack_wake.set()


def _begin(after: Loaded, genesis: Event, batch: Batch) -> None:
    """A thread begins with a word that counts; its invitation is used up by the same transaction."""
    if after.void.get(genesis.id, REVOKED) != REVOKED:  # what a thief began is taken in, so that both see it is void
        raise NotFound("thread.unknown")
    if token := _token(genesis):
        batch.values.append((INVITATIONS, token_name(token), None))


def _within_quota(early: Sequence[Event], held: set[str], result: Received) -> list[PendingRow]:
    """Rows of the events that may wait: those that wait already first, then others as long as there is room."""
    kept: list[PendingRow] = []
    size = 0
    for event in sorted(early, key=lambda one: one.id not in held):
        envelope = wire(event)
        size += len(envelope)
        if event.id not in held and (len(kept) >= PENDING_MAX or size > PENDING_BYTES_MAX):
            size -= len(envelope)
            result.invalid.append((event.id, "sync.too-many-pending"))
            continue
        kept.append(PendingRow(event.thread, event.id, event.author, event.header.d, event.header.i, event.header.n,
                               envelope))
        result.pending.append(event.id)
    return kept


def _sorted_by_parents(
    loaded: Loaded, fresh: Sequence[Event]
) -> tuple[list[Event], list[Event], dict[str, str]]:
    """(events whose ancestors are all there, parents first; those that wait; ids and codes of wrong ones).

    Of two at one place of a chain what is stored stays, else the first that has its parents, or else the first: the
    proof holds both.
    """
    wrong = {event.id: "event.fork" for event in fresh if not _beyond(loaded, event)}  # a word stands there already
    left = {event.id: event for event in fresh if event.id not in wrong}
    ready: list[Event] = []
    chains = Counter(author for author, _, _ in loaded.tips)
    known = {name: (entry.chain, entry.n) for name, entry in loaded.entries.items()}
    taken = set[tuple[str, str, str, int]]()
    moved = True
    while moved:
        moved = False
        for event in list(left.values()):
            if all(parent in known for parent in event.parents) and (event.header.t is not None or not known):
                header = left.pop(event.id).header
                chain = (event.author, header.d, header.i)
                chains[event.author] += header.n == 0
                if _place(event) in taken:
                    wrong[event.id] = "event.fork"
                elif header.p is not None and known[header.p] != (chain, header.n - 1):
                    wrong[event.id] = "event.chain-form"
                elif header.n == 0 and chains[event.author] > CHAINS_MAX:
                    wrong[event.id] = "event.too-many-chains"
                else:
                    ready.append(event)
                    taken.add(_place(event))
                    known[event.id] = (chain, header.n)
                    moved = True
    return ready, _one_at_a_place(left.values(), taken, wrong), wrong


def _one_at_a_place(
    waiting: Iterable[Event], taken: set[tuple[str, str, str, int]], wrong: dict[str, str]
) -> list[Event]:
    """Those of ``waiting`` that may still come after all; what stands at a place that is ``taken`` never does."""
    stay: list[Event] = []
    for event in waiting:
        if _place(event) in taken:
            wrong[event.id] = "event.fork"
        else:
            stay.append(event)
            taken.add(_place(event))
    return stay


def _mismatch(loaded: Loaded, ready: Sequence[Event]) -> str:
    """``state-mismatch`` when an ack in ``ready``, read right above our own heads, folds to another state."""
    last = _last_ack(loaded, ready)
    now, stale = loaded.copied(), False
    for event in ready if last else ():
        entry = entry_of(event, loaded.machine)
        looked = not stale or event.id == last  # to fold anew for each would cost as many times as there are acks
        if looked and isinstance(entry.message, Ack) and set(now.heads) <= set(entry.parents):
            if stale:
                now.refold()
                stale = False
            if entry.message.state != state_hash(now.state) and (not now.bare or closing.is_done(now.state)):
                return "state-mismatch"
        if event.id == last:
            break
        stale = not now.take(entry, refold_later=stale) or stale
    return ""


def _last_ack(loaded: Loaded, ready: Sequence[Event]) -> str:
    """The last ack in ``ready`` that has read all before it, "" if there is none."""
    heads, last = set(loaded.heads), ""
    for event in ready:
        if above := heads <= set(event.parents):
            last = event.id if event.header.y == Ack.__name__ else last
        heads = {event.id} if above else (heads - set(event.parents)) | {event.id}
    return last


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
    if event.thread != organisation or (organisation == memory.organisation and not memory.unheard):
        raise Invalid("keylog.other-log")
    async with memory.lock(organisation):
        loaded = await memory.find(organisation) or Loaded(
            thread=organisation, machine=known, machine_name=KEYLOG, members={organisation: "owner"},
            state=known.conversation.INITIAL)
        if event.id in loaded.entries:
            return
        if event.header.m != KEYLOG or any(parent not in loaded.entries for parent in event.parents):
            raise Invalid("keylog.gap")
        if loaded.held >= keylog.EVENTS_MAX or loaded.state.places > keylog.PLACES_MAX:
            raise Invalid("keylog.keys")  # as ``key_state`` says of one that it has not begun to hold
        if loaded.entries and await keyring.branch(memory, loaded, event):
            raise Denied("event.fork")
        check_key_event(event, loaded.state)
        check_key_place(event, loaded.heads, loaded.tips)
        after = loaded.extended([entry_of(event, known)])
        await commit(memory, after, [event], Batch(lengths={organisation: loaded.position}))
        if organisation == memory.organisation:
            memory.identity.key_event = after.state.event
        keyring.grown(memory, organisation)


def key_state(organisation: str, envelopes: Sequence[str]) -> keylog.KeyState:
    """The key state that ``envelopes`` prove by themselves, without storing it; raises ``Denied`` or ``Invalid``."""
    known = machine(KEYLOG)
    loaded = Loaded(thread=organisation, machine=known, machine_name=KEYLOG, members={organisation: "owner"},
                    state=known.conversation.INITIAL)
    if not 0 < len(envelopes) <= keylog.EVENTS_MAX:
        raise Invalid("keylog.keys")
    for envelope in envelopes:
        event = unwire(envelope.encode())
        if event.thread != organisation or event.header.m != KEYLOG:
            raise Invalid("keylog.other-log")
        if loaded.state.places > keylog.PLACES_MAX:
            raise Invalid("keylog.too-many", events=keylog.EVENTS_MAX, places=keylog.PLACES_MAX)
        check_key_place(event, loaded.heads, loaded.tips)
        check_key_event(event, loaded.state)
        loaded = loaded.extended([entry_of(event, known)])
    state: Any = loaded.state
    assert isinstance(state, keylog.KeyState)
    return state


async def key_log_of(memory: Memory, organisation: str) -> tuple[str, ...]:
    """The key log of ``organisation`` as wire envelopes in order, to be carried by a relationship message."""
    rows = await memory.store.events(organisation)
    return tuple(wire(event).decode() for event in await memory.with_payloads(organisation, rows))

