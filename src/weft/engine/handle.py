"""Our own words: decide, sign, append; the only way in which this node says anything.

Steps, under the thread's lock: 1. a key seen before gives its first result; 2. the conversation decides on the folded
state; 3. each message becomes an event above all heads, signed (a book signs only the tip of the commit);
4. one transaction stores events, fold, effects, deliveries and the result; 5. memory follows the store.
Rule 1: a command that the rules deny raises and leaves nothing behind.
Rule 2: none of our own events is ever void when it is said.
Not here: what others said (``receive.py``), what follows (``effects.py``).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.decider import Message
from weft.basis.errors import Invalid, Refused, Unavailable
from weft.engine.acks import Ack
from weft.engine.machines import MACHINES, Machine, machine, state_hash
from weft.engine.memory import BOOKS, BY_ITSELF, Memory
from weft.engine.ports import Batch, DoneRow, EffectRow, EventRow, OutboxRow, PayloadRow, StoreConflict, ThreadRow
from weft.engine.room import check_may_ask
from weft.engine.threads import Loaded, entry_of
from weft.identity import keylog
from weft.identity.keys import Signer
from weft.thread import clock, graph
from weft.thread.event import (
    PARENTS_MAX,
    SALT_BYTES,
    Event,
    Header,
    Payload,
    compose,
    parse,
    signed_bytes,
    slot,
    written,
)
from weft.thread.verify import check_key_event
from weft.trade.say import Say

OPENED: Final = "*opened"  # where the keys of commands that begin a thread are remembered
BEGUN: Final = "BookOpened"
Beside = Callable[[str], Sequence[tuple[str, str, bytes | None]]]  # thread -> values to keep with it


async def say(memory: Memory, thread: str, commands: Sequence[Any], key: str = "") -> list[str]:
    """Ids of the events that ``commands`` give, all in one transaction; raises ``WeftError``."""
    async with memory.lock(thread):
        if key and (first := await memory.store.done(thread, key)) is not None:
            return msgspec.json.decode(first, type=list[str])
        loaded = await memory.loaded(thread)
        if loaded.machine is None:
            raise Refused("thread.unknown-machine", machine=loaded.machine_name)
        if BY_ITSELF.get() and memory.stopped(loaded):
            raise Unavailable("thread.stopped", why=memory.alarms.get(thread, "fork"))
        _check_heard(memory, loaded.members)
        after, events = _decided(memory, loaded, loaded.machine, commands)
        if not events and not key:
            return []
        ids = [event.id for event in events]
        batch = Batch(lengths={thread: loaded.position})
        if key:
            batch.done.append(DoneRow(thread, key, msgspec.json.encode(ids)))
        await commit(memory, after, events, batch)
        return ids


def _check_heard(memory: Memory, members: Iterable[str]) -> None:
    """Raises when a restored backup may lack what we have said to ``members``: what the node does by itself waits."""
    if memory.waits(members):
        raise Unavailable("restored.waiting") if BY_ITSELF.get() else Refused("restored.waiting")


def _decided(
    memory: Memory, loaded: Loaded, machine: Machine, commands: Sequence[Any]
) -> tuple[Loaded, list[Event]]:
    """The thread after ``commands``, and their events."""
    after, events = loaded.copied(), list[Event]()
    for command in commands:
        for message in machine.conversation.decide(after.state, command):
            check_may_ask(after, memory.organisation, type(message).__name__)
            event = _event(memory, after, machine, message)
            if not after.take(entry_of(event, machine), refold_later=False):
                after.refold()  # more heads than parents fit: the rest follows with the next word
            if event.id in after.void:
                raise Refused(after.void[event.id])
            events.append(event)
    return after, _signed(memory.identity.signer, machine, events)


def _signed(signer: Signer, machine: Machine, events: Sequence[Event]) -> list[Event]:
    """Every event of a shared thread is signed; of a book only the tip of the commit."""
    last = len(events) - 1
    return [
        msgspec.structs.replace(event, signature=signer.sign(signed_bytes(event.id)))
        if machine.shared or place == last else event
        for place, event in enumerate(events)
    ]


def _event(memory: Memory, loaded: Loaded, machine: Machine, message: Message) -> Event:
    """An unsigned event above all heads of ``loaded``."""
    mine = (memory.organisation, memory.identity.signer.public, memory.identity.incarnation)
    n, previous = loaded.tips.get(mine, (-1, None))
    others = [head for head in loaded.heads if head != previous][:PARENTS_MAX]  # heads are in order
    payload = Payload(memory.random(SALT_BYTES), canonical.encode_struct(message))
    header = Header(
        v=1, t=loaded.thread, a=mine[0], d=mine[1], i=mine[2], n=n + 1, p=previous, x=others, ks=memory.key_event,
        h=clock.tick(memory.clock.now_ms(), [loaded.hlc]), y=type(message).__name__, s=1, m=machine.name,
        b=[slot(payload)],
    )
    return written(header, {0: payload})


async def open_thread(
    memory: Memory, machine: Machine, members: Mapping[str, str], message: Message | None, key: str = "",
    beside: Beside | None = None,
) -> str:
    """Begin a thread whose genesis says ``message`` (None: a book, which begins empty); its id.

    ``beside`` is what to keep of the new thread in the same transaction.
    """
    async with memory.lock(OPENED):
        if key and (first := await memory.store.done(OPENED, key)) is not None:
            return first.decode()
        if BY_ITSELF.get() and (why := memory.distrusted(members)):
            raise Unavailable("thread.stopped", why=why)
        _check_heard(memory, members)
        begin = machine.conversation.INITIAL
        if message is not None:
            said = Say(members[memory.organisation], memory.organisation, message)
            (message,) = machine.conversation.decide(begin, said)
        event = _genesis(memory, machine, members, message)
        loaded = Loaded(thread=event.thread, machine=machine, machine_name=machine.name, members=dict(members),
                        state=begin, keys=memory.keyring)
        signed = msgspec.structs.replace(event, signature=memory.identity.signer.sign(signed_bytes(event.id)))
        batch = Batch(lengths={event.thread: 0})
        batch.values.extend(beside(event.thread) if beside is not None else ())
        if key:
            batch.done.append(DoneRow(OPENED, key, event.thread.encode()))
        async with memory.lock(event.thread):
            await commit(memory, loaded.extended([entry_of(signed, machine)]), [signed], batch)
        return event.thread


async def open_books(memory: Memory) -> None:
    """Begin those of our own books that there are not yet: all of a new home, and what came with a newer program."""
    for name in BOOKS:
        if not memory.threads(name):
            newest = next(one for one in MACHINES.values() if one.conversation.NAME == name)
            await open_thread(memory, newest, {memory.organisation: "owner"}, None, f"book:{name}")


def _genesis(memory: Memory, machine: Machine, members: Mapping[str, str], message: Message | None) -> Event:
    header: dict[str, Any] = {
        "v": 1, "t": None, "a": memory.organisation, "d": memory.identity.signer.public,
        "i": memory.identity.incarnation, "n": 0, "p": None, "x": [], "ks": memory.key_event,
        "h": clock.tick(memory.clock.now_ms(), []),
        "y": BEGUN if message is None else type(message).__name__, "s": 1, "m": machine.name,
        "g": b64(memory.random(16)), "mem": dict(members),
    }
    content = canonical.encode({} if message is None else msgspec.to_builtins(message))
    return compose(header, [("*", content)], [memory.random(SALT_BYTES)])


def word(memory: Memory, loaded: Loaded, machine: Machine, message: Message) -> Event:
    """What the node says of its own reading, signed, above all heads of ``loaded``."""
    return _signed(memory.identity.signer, machine, [_event(memory, loaded, machine, message)])[0]


async def acknowledge(memory: Memory, thread: str) -> None:
    """Say that we hold all of ``thread`` and fold it to this state, unless our own last word is above it all."""
    async with memory.lock(thread):
        loaded = await memory.loaded(thread)
        if loaded.machine is None or memory.waits(loaded.members) or not needs_ack(loaded, memory.organisation):
            return
        event = word(memory, loaded, loaded.machine, Ack(state=state_hash(loaded.state)))
        await commit(memory, loaded.extended([entry_of(event, loaded.machine)]), [event],
                      Batch(lengths={thread: loaded.position}))
        if len(loaded.heads) > PARENTS_MAX:  # one word cannot stand above them all: what is left is said above as well
            memory.to_ack[thread] = None


def needs_ack(loaded: Loaded, organisation: str) -> bool:
    """Whether another member said something (an ack does not count) that no word of ours is above."""
    own = (tip for (author, _, _), (_, tip) in loaded.tips.items() if author == organisation)
    covered = graph.past(loaded.parents(), own)
    return any(
        entry.kind != Ack.__name__ and entry.author != organisation
        for name, entry in loaded.entries.items() if name not in covered
    )


async def may_owe_ack(memory: Memory, row: ThreadRow) -> bool:
    """Whether a word of another member may stand above all of ours, by a look at the last few; no less than so."""
    if row.machine not in MACHINES or not MACHINES[row.machine].shared:
        return False
    waiting, seen = list(row.heads), set[str]()
    while waiting:
        name = waiting.pop()
        found = await memory.store.event(row.thread, name) if name not in seen else None
        if found is None or found.author == memory.organisation:
            continue
        event = parse(found.header, found.signature)
        if event.header.y != Ack.__name__:
            return True
        seen.add(name)
        waiting.extend(event.parents)
    return False


async def append_key_events(
    memory: Memory, signer: Signer, messages: Sequence[Message], organisation: str = ""
) -> str:
    """Begin our own key log, or continue that of ``organisation``, signed by one of its keys; the organisation's id.

    All or none: half a revocation would make void what its other half names as counting.
    """
    known, said = machine(f"{keylog.NAME}/{keylog.VERSION}"), list[Event]()
    loaded = await memory.loaded(organisation) if organisation else None
    position = loaded.position if loaded else 0
    for message in messages:
        event = _key_event(memory, loaded, signer, known, message)
        signed = msgspec.structs.replace(event, signature=signer.sign(signed_bytes(event.id)))
        before = loaded or Loaded(thread=event.thread, machine=known, machine_name=known.name,
                                  members={event.thread: "owner"}, state=known.conversation.INITIAL)
        check_key_event(signed, before.state)
        loaded = before.extended([entry_of(signed, known)])
        if loaded.void:
            raise Invalid(next(iter(loaded.void.values())))
        said.append(signed)
    assert loaded is not None
    if said:
        await commit(memory, loaded, said, Batch(lengths={loaded.thread: position}))
    return loaded.thread


def _key_event(memory: Memory, loaded: Loaded | None, signer: Signer, known: Machine, message: Message) -> Event:
    first = loaded is None
    mine = ("" if loaded is None else loaded.thread, signer.public, memory.identity.incarnation)
    n, previous = (-1, None) if loaded is None else loaded.tips.get(mine, (-1, None))
    header: dict[str, Any] = {
        "v": 1, "t": None if loaded is None else loaded.thread, "a": None if loaded is None else loaded.thread,
        "d": signer.public, "i": memory.identity.incarnation, "n": n + 1, "p": previous,
        "x": [] if loaded is None else sorted(set(loaded.heads) - {previous}),
        "ks": None if loaded is None else loaded.state.event,
        "h": clock.tick(memory.clock.now_ms(), [] if loaded is None else [loaded.hlc]),
        "y": type(message).__name__, "s": 1, "m": known.name,
    }
    if first:
        header |= {"g": b64(memory.random(16)), "mem": {}}
    return compose(header, [("*", canonical.encode(msgspec.to_builtins(message)))], [memory.random(SALT_BYTES)])


# ---- one transaction -----------------------------------------------------------------------------


async def commit(memory: Memory, after: Loaded, events: Sequence[Event], batch: Batch, *,
                 before: Loaded | None = None, then: Callable[[], None] | None = None) -> None:
    """Store ``events`` and all that they bring, then let memory follow, and do ``then``.

    ``before`` finds verdicts that turned. Who is cancelled meanwhile is so only after memory knows what the store does.
    """
    effects = _rows(memory, after, events, batch)
    if before is not None:
        effects.extend(_turned(memory, before, after))
    batch.effects.extend(effects)
    if after.shared and memory.organisation in after.members:
        batch.outbox.extend([OutboxRow(member, after.thread) for member in after.members
                             if member != memory.organisation])
    batch.threads.append(memory.row(after, batch))
    try:
        await memory.store.commit(batch)
    except StoreConflict:
        memory.forget(after.thread)
        raise
    except asyncio.CancelledError:
        memory.forget(after.thread)
        if await _is_stored(memory, after):
            _follow(memory, after, events, effects, then)
        raise
    _follow(memory, after, events, effects, then)


def _rows(memory: Memory, after: Loaded, events: Sequence[Event], batch: Batch) -> list[EffectRow]:
    """Put ``events`` into ``batch``; what follows from them by their authors: a peer may give back what we said."""
    first = after.position - len(events)
    conversation = after.machine_name.partition("/")[0]
    effects = list[EffectRow]()
    for offset, event in enumerate(events):
        batch.events.append(event_row(event, first + offset))
        for place, held in event.payloads.items():
            batch.payloads.append(PayloadRow(event.thread, event.id, place, held.salt, held.content))
        if (conversation, event.header.y) in memory.reactions:
            who = "own" if event.author == memory.organisation else "peer"
            effects.extend(effects_of(memory, after, [(event.id, event.header.y)], who))
    return effects


def _follow(memory: Memory, after: Loaded, events: Sequence[Event], effects: Sequence[EffectRow],
            then: Callable[[], None] | None) -> None:
    memory.swap(after, effects, [event.header.y for event in events])
    if then is not None:
        then()


async def _is_stored(memory: Memory, after: Loaded) -> bool:
    """Whether a commit went through whose awaiter was cancelled: known as soon as another one behind it has."""
    behind = asyncio.ensure_future(memory.store.commit(Batch()))
    while not behind.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([behind])
    if behind.cancelled() or behind.exception() is not None:
        return False
    row = await memory.store.thread(after.thread)
    return row is not None and (row.length, row.heads) == (after.position, after.heads)


def event_row(event: Event, position: int) -> EventRow:
    """``event`` as the store keeps it."""
    header = event.header
    return EventRow(thread=event.thread, id=event.id, author=event.author, device=header.d, incarnation=header.i,
                    n=header.n, position=position, header=event.raw, signature=event.signature)


def effects_of(memory: Memory, after: Loaded, said: Iterable[tuple[str, str]], who: str) -> Iterator[EffectRow]:
    """What follows from events (id, type) said by ``who`` (own, peer), by the table of reactions."""
    conversation = after.machine_name.partition("/")[0]
    for event, kind in said:
        if event in after.void:
            continue
        for reaction in memory.reactions.get((conversation, kind), ()):
            if reaction.who in ("any", who):
                yield EffectRow(after.thread, event, reaction.name, reaction.final)


def _turned(memory: Memory, before: Loaded, after: Loaded) -> Iterator[EffectRow]:
    """Effects of older events whose verdict a concurrent one has turned: compensations, or what now follows."""
    conversation = after.machine_name.partition("/")[0]
    turned = before.void.keys() ^ after.void.keys()
    for event in before.order if turned else ():
        if event not in turned:
            continue
        entry = before.entries[event]
        who = "own" if entry.author == memory.organisation else "peer"
        if event in after.void and event not in before.void:
            for reaction in memory.reactions.get((conversation, entry.kind), ()):
                if reaction.undo is not None and reaction.who in ("any", who):
                    yield EffectRow(after.thread, event, f"undo:{reaction.name}", final=False)
        elif event in before.void and event not in after.void:
            yield from effects_of(memory, after, [(event, entry.kind)], who)
