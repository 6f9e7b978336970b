"""Threads in memory: the one way to read them, and what happens when one has changed.

Rule 1: only ``handle`` and ``receive`` write, each under the lock of its thread, one transaction at a time.
Rule 2: whatever is in memory can be built again from the store; nothing is promised before it is durable.
Rule 3: no protocol and no database is known here: store, clock and randomness are given.
Not here: writing (``handle.py``, ``receive.py``), the node as a whole (``node.py``).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from weft import __version__
from weft.basis.canonical import b64, digest
from weft.basis.errors import NotFound
from weft.engine.history import Histories
from weft.engine.holdings import Holdings
from weft.engine.machines import MACHINES, Machine, machine
from weft.engine.ports import Batch, Clock, EffectRow, EventRow, Randomness, Store, ThreadRow
from weft.engine.threads import Entry, Loaded, entry_of
from weft.identity.keylog import KeyState
from weft.identity.keys import Signer
from weft.thread.event import Event, Payload, parse

LOADED_MAX: Final = 2_000
ENTRIES_MAX: Final = 200_000  # events of shared threads in memory, in all
TAIL_MAX: Final = 128  # events of one shared thread in memory, as soon as all have spoken above the others
SNAPSHOT_EVERY: Final = 500  # events of a book between two stored folds
BY_ITSELF: Final = ContextVar("by_itself", default=False)  # set while the node, not a person, decides to speak
ALARMS: Final = "alarm"  # bucket: threads (and firms, by their key log) that somebody lied in, and how
ANEW: Final = "restored-peer"  # bucket: by partner, the incarnation with which it asks in bundles for what it lacks
RESTORES: Final = "restores"  # bucket: when the node was restored -> of when the backup was
LOST_STARTS: Final = "restored-floor"  # bucket: since when we go on from a backup, and the jobs that were asked for
TOLD: Final = "mail-told"  # bucket: by relationship, the list of our mailboxes that the partner was told
RESTORED: Final = "restored"  # bucket: firms that may hold words of ours that a restored backup has lost
NEWER: Final = "newer"  # bucket: by partner, a conversation it wants to begin that this program does not know
FOLDS: Final = "fold"  # bucket of the stored folds of books, and of shared threads at their cuts
TERMS: Final = "terms"  # bucket: by thread, what the owner set for its next offer
JUDGED: Final = ("price-verdict", "price-red", "price-waiting")  # buckets: by document, what was found of its price
PRUNED: Final = "pruned"  # bucket: closed threads of which only the beginning, the closing and receipts are kept
PRICE_LOG: Final = "price-log:"  # how the alarm of a firm's price log is called: this, and the firm
PRICE_STATE: Final = "price-log"  # bucket of how far our own price log has come (``pricelog/log.py``)
PRICE_WAITS: Final = "waits"  # stands there while the log must not go on, as a backup was restored
PRICE_PEERS: Final = "price-back"  # bucket: partners that have not told us yet since then what they hold of that log
BOOKS: Final = ("stock", "production", "pricing", "floor", "trace", "till")


@dataclass(frozen=True, slots=True)
class Change:
    """A thread has changed: what live pages and workers listen to."""

    thread: str
    machine: str
    kinds: tuple[str, ...]


END: Final = Change("", "end", ())  # the node stops: no more changes


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of a thread's history for display, in the order of the fold; ``void`` is a code or ""."""

    id: str
    author: str
    role: str
    kind: str
    message: Any
    at_ms: int
    void: str
    final: bool
    parents: tuple[str, ...]


class Stored(msgspec.Struct, frozen=True):
    """A stored fold of a book: the state after ``position`` events at ``heads``."""

    position: int
    heads: list[str]
    state: msgspec.Raw


class StoredCut(msgspec.Struct, frozen=True):
    """A stored fold of a shared thread: the state at ``event``, which came at ``position``; ``void`` if it counts not.

    ``made`` says by which folding: another one folds anew. ``tips``: the last word of each chain at that time.
    """

    made: str
    event: str
    position: int
    state: msgspec.Raw
    tips: list[tuple[str, str, str, int, str]]
    hlc: str
    void: str = ""


class Reacting(Protocol):
    """What ``handle`` and ``receive`` must know of a reaction to store its effect (``reactions/``)."""

    @property
    def name(self) -> str: ...
    @property
    def final(self) -> bool: ...
    @property
    def who(self) -> str: ...
    @property
    def undo(self) -> object: ...


@dataclass(slots=True)
class Identity:
    """Who this node is: the organisation, the device that signs, and the incarnation of its chains."""

    organisation: str
    signer: Signer
    incarnation: str
    key_event: str = ""


@dataclass(slots=True)
class Memory:
    """One firm's threads as they stand; see the module's rules. ``wake`` events are set when there is new work."""

    identity: Identity
    store: Store
    clock: Clock
    random: Randomness
    reactions: Mapping[tuple[str, str], Sequence[Reacting]] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)
    ended_with: set[str] = field(default_factory=set)  # partners of old orders and debts: nothing new begins
    alarms: dict[str, str] = field(default_factory=dict)
    unheard: set[str] = field(default_factory=set)
    reborn: bool = False  # whether we go on from a backup: our device had another life before this one
    newer: dict[str, str] = field(default_factory=dict)  # what partners want to begin by a newer program than ours
    _loaded: "OrderedDict[str, Loaded]" = field(default_factory=OrderedDict)
    _locks: "WeakValueDictionary[str, asyncio.Lock]" = field(default_factory=WeakValueDictionary)
    lengths: dict[str, int] = field(default_factory=dict)  # how many events each thread has
    _machines: dict[str, str] = field(default_factory=dict)
    _named: dict[str, list[str]] = field(default_factory=dict)  # threads by conversation, as they were asked for
    _books: dict[str, str] = field(default_factory=dict)
    _listeners: "dict[asyncio.Queue[Change], None]" = field(default_factory=dict)
    changed: int = 0  # how many changes there were in this life: who has read at one number and listens later, knows
    effects: list[EffectRow] = field(default_factory=list)
    effects_wake: asyncio.Event = field(default_factory=asyncio.Event)
    outbox_wake: asyncio.Event = field(default_factory=asyncio.Event)
    ack_wake: asyncio.Event = field(default_factory=asyncio.Event)
    to_ack: dict[str, None] = field(default_factory=dict)
    keyring: dict[str, KeyState] = field(default_factory=dict)  # key logs that were read, the same for all threads
    rotated: dict[str, None] = field(default_factory=dict)  # firms whose key log has grown: threads are to be told
    keys_wake: asyncio.Event = field(default_factory=asyncio.Event)
    tail_max: int = TAIL_MAX
    events_max: int = 200_000  # of one member in one shared thread
    histories: Histories = field(init=False)
    holdings: Holdings = field(default_factory=Holdings)
    _weight: int = 0
    _weights: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.histories = Histories(self.store)

    @property
    def organisation(self) -> str:
        """The id of our firm: the id of its key log."""
        return self.identity.organisation

    @property
    def key_event(self) -> str:
        """The header's ``ks``: our key event in force."""
        return self.identity.key_event

    def forget(self, thread: str) -> None:
        """Drop ``thread`` from memory: the store knows better."""
        self._loaded.pop(thread, None)
        self._weight -= self._weights.pop(thread, 0)

    # ---- reading --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Learn which threads there are, and which effects are still to be drawn."""
        for row in await self.store.threads():
            self._machines[row.thread] = row.machine
            self.lengths[row.thread] = row.length
            self._note_book(row.thread, row.machine, row.members)
            self._note_holding(row.thread, row.members, row.heads)
        self.alarms = {thread: why.decode() for thread, why in await self.store.values(ALARMS)}
        self.unheard = {firm for firm, _ in await self.store.values(RESTORED)}
        self.reborn = await self.store.value(LOST_STARTS, "") is not None
        kept = {peer: name.decode() for peer, name in await self.store.values(NEWER)}
        self.newer = {peer: name for peer, name in kept.items() if name not in MACHINES}  # else it came by an update
        self.effects = list(await self.store.effects())
        self.effects_wake.set()
        self.outbox_wake.set()

    def lock(self, thread: str) -> asyncio.Lock:
        """The lock under which ``thread`` is written."""
        held = self._locks.get(thread)
        if held is None:
            held = self._locks[thread] = asyncio.Lock()
        return held

    async def find(self, thread: str) -> Loaded | None:
        """The thread as it stands, or None."""
        loaded = self._loaded.get(thread)
        if loaded is not None and not (loaded.below and loaded.revocable):
            self._loaded.move_to_end(thread)
            return loaded
        self.forget(thread)
        row = await self.store.thread(thread)
        if row is None:
            return None
        loaded = await self._load(row)
        if thread not in self._loaded:
            if row.length < self.lengths.get(thread, 0):
                return await self.find(thread)  # it has grown while it was read, and was let go already
            self._keep(loaded)
        return self._loaded[thread]

    async def whole(self, thread: str) -> Loaded:
        """The thread from its beginning, read anew when memory holds only its end; raises ``NotFound``."""
        loaded = await self.loaded(thread)
        row = await self.store.thread(thread) if loaded.below else None
        return loaded if row is None else await self._load(row, whole=True)

    async def holds(self, loaded: Loaded, event: str) -> bool:
        """Whether ``event`` is stored in the thread."""
        return event in loaded.entries or (
            bool(loaded.below) and await self.store.event(loaded.thread, event) is not None)

    async def loaded(self, thread: str) -> Loaded:
        """The thread as it stands; raises ``NotFound('thread.unknown')``."""
        found = await self.find(thread)
        if found is None:
            raise NotFound("thread.unknown")
        return found

    async def state(self, thread: str) -> Any:
        """The folded state of ``thread``."""
        return (await self.loaded(thread)).state

    async def members(self, thread: str) -> dict[str, str]:
        """Organisations and their roles in ``thread``."""
        return dict((await self.loaded(thread)).members)

    def threads(self, name: str) -> list[str]:
        """Ids of all threads whose conversation is ``name`` (order, relationship ...), in any version that we know."""
        if name not in self._named:
            wanted = {one.name for one in MACHINES.values() if one.conversation.NAME == name} or {name}
            self._named[name] = sorted(thread for thread, named in self._machines.items() if named in wanted)
        return list(self._named[name])

    def book(self, name: str) -> str:
        """The thread of our own book ``name``."""
        if name not in self._books:
            raise NotFound("thread.no-book", book=name)
        return self._books[name]

    async def keys(self, organisation: str) -> KeyState | None:
        """The key state of ``organisation`` as far as we hold its key log."""
        if organisation not in self.keyring:
            await self.find(organisation)
        return self.keyring.get(organisation)

    def partner(self, organisation: str) -> str | None:
        """The relationship thread with ``organisation``, accepted by both; None when there is none."""
        return self.partners.get(organisation)

    async def log(self, thread: str) -> list[Logged]:
        """The history of ``thread`` in the order that all members read."""
        loaded = await self.whole(thread)
        if loaded.shared:
            entries = [loaded.entries[name] for name in loaded.order]
            final = loaded.final()
        else:
            entries = [entry async for entry in self._entries(loaded.thread, loaded.machine, -1)]
            final = {entry.id for entry in entries}
        return [
            Logged(entry.id, entry.author, loaded.members.get(entry.author, ""), entry.kind, entry.message,
                   entry.at_ms, loaded.void.get(entry.id, ""), entry.id in final, entry.parents)
            for entry in entries
        ]

    async def event(self, thread: str, event: str) -> Event | None:
        """One stored event with its payloads."""
        row = await self.store.event(thread, event)
        if row is None:
            return None
        return (await self.with_payloads(thread, [row]))[0]

    async def entry(self, loaded: Loaded, event: str) -> Entry | None:
        """One stored event as views and consequences see it, or None."""
        if event in loaded.entries:
            return loaded.entries[event]
        found = await self.event(loaded.thread, event)
        return None if found is None else entry_of(found, loaded.machine)

    async def with_payloads(self, thread: str, rows: Sequence[EventRow]) -> list[Event]:
        """Stored rows as events."""
        held: dict[str, dict[int, Payload]] = {}
        for payload in await self.store.payloads(thread, [row.id for row in rows]):
            held.setdefault(payload.id, {})[payload.slot] = Payload(payload.salt, payload.content)
        return [parse(row.header, row.signature, held.get(row.id, {})) for row in rows]

    # ---- loading --------------------------------------------------------------------------------

    async def _load(self, row: ThreadRow, *, whole: bool = False) -> Loaded:
        known = MACHINES.get(row.machine)
        loaded = Loaded(thread=row.thread, machine=known, machine_name=row.machine,
                        members=msgspec.json.decode(row.members, type=dict[str, str]),
                        state=known.conversation.INITIAL if known else None)
        if not isinstance(loaded.state, KeyState):
            for member in loaded.members:
                await self.keys(member)
            loaded.keys = self.keyring
        after = -1
        if not loaded.shared:
            after = await self._resume(loaded)
            return loaded.extended([entry async for entry in self._entries(row.thread, known, after)])
        if not whole:
            after = await self._resume_cut(loaded)
        async for entry in self._entries(row.thread, known, after):
            loaded.take(entry, refold_later=True)
        if loaded.bare and await self.store.value(PRUNED, row.thread) is not None:
            loaded.pruned, loaded.heads, loaded.position = True, row.heads, row.length
        loaded.refold()
        return loaded

    async def _resume_cut(self, loaded: Loaded) -> int:
        """Begin from the stored fold of a shared thread; the last position before its cut."""
        data = await self.store.value(FOLDS, loaded.thread) if loaded.machine else None
        if data is None or loaded.machine is None or loaded.revocable:
            return -1
        if await self.store.value(PRUNED, loaded.thread) is not None:
            return -1  # its places tell how many came, not how many are left
        try:
            stored = msgspec.json.decode(data, type=StoredCut)
            state = loaded.machine.state(bytes(stored.state))
        except msgspec.DecodeError:
            return -1
        first = await self.store.event(loaded.thread, stored.event)
        if stored.made != _made(loaded.machine) or first is None or first.position != stored.position:
            return -1  # another version folds otherwise, or knows words that this one did not
        loaded.begin = state
        loaded.below = loaded.position = stored.position
        loaded.tips = {(author, device, life): (n, name) for author, device, life, n, name in stored.tips}
        loaded.hlc = stored.hlc
        loaded.void = {stored.event: stored.void} if stored.void else {}
        return stored.position - 1

    async def _resume(self, loaded: Loaded) -> int:
        """Begin from the stored fold of a book; the last position that it covers."""
        data = await self.store.value(FOLDS, loaded.thread)
        if data is None or loaded.machine is None:
            return -1
        try:
            stored = msgspec.json.decode(data, type=Stored)
            loaded.state = loaded.machine.state(bytes(stored.state))
        except msgspec.DecodeError:
            return -1  # made by another version: fold anew
        loaded.position = loaded.snapshot = stored.position
        for head in stored.heads:
            row = await self.store.event(loaded.thread, head)
            if row is None:
                loaded.state, loaded.position, loaded.snapshot = loaded.machine.conversation.INITIAL, 0, 0
                return -1
            entry = entry_of(parse(row.header, row.signature), None)
            loaded.tips[entry.chain] = (entry.n, entry.id)
            loaded.hlc = max(loaded.hlc, entry.hlc)
        loaded.heads = tuple(stored.heads)
        return stored.position - 1

    async def _entries(self, thread: str, known: Machine | None, after: int) -> AsyncIterator[Entry]:
        while rows := await self.store.events(thread, after, 2_000):
            for event in await self.with_payloads(thread, rows):
                yield entry_of(event, known)
            after = rows[-1].position

    # ---- after a commit -------------------------------------------------------------------------

    def row(self, loaded: Loaded, batch: Batch) -> ThreadRow:
        """The thread's row after ``batch``; the fold of what is long is stored beside it now and then."""
        if loaded.machine is not None and loaded.shared:
            if loaded.trim(self.tail_max):
                batch.values.append((FOLDS, loaded.thread, msgspec.json.encode(_stored(loaded, loaded.machine))))
        elif loaded.machine is not None and loaded.position - loaded.snapshot >= SNAPSHOT_EVERY:
            loaded.snapshot = loaded.position
            kept = Stored(loaded.position, list(loaded.heads), msgspec.Raw(msgspec.json.encode(loaded.state)))
            batch.values.append((FOLDS, loaded.thread, msgspec.json.encode(kept)))
        return ThreadRow(thread=loaded.thread, machine=loaded.machine_name, members=loaded.members_json,
                         heads=loaded.heads, fold=b"", length=loaded.position)

    def swap(self, loaded: Loaded, effects: Iterable[EffectRow], kinds: Iterable[str]) -> None:
        """The store has ``loaded``: make it the present, and wake whoever waits for it."""
        loaded.settle()
        self._keep(loaded)
        self.lengths[loaded.thread] = loaded.position
        if loaded.thread not in self._machines:
            self._named.clear()
        self._machines[loaded.thread] = loaded.machine_name
        self._note_book(loaded.thread, loaded.machine_name, loaded.members_json)
        self.effects.extend(effects)
        self.effects_wake.set()
        if loaded.shared:
            if self.organisation in loaded.members:
                self.holdings.note(self.organisation, loaded.members, loaded.thread, loaded.heads)
            self.outbox_wake.set()
        if not self._listeners:
            self.changed += 1
        else:
            self.tell(Change(loaded.thread, loaded.machine_name.partition("/")[0], tuple(kinds)))

    def _keep(self, loaded: Loaded) -> None:
        """Hold ``loaded`` as the present, and let go of what nobody has asked for in a long time."""
        self.forget(loaded.thread)
        if isinstance(loaded.state, KeyState):
            self.keyring[loaded.thread] = loaded.state
        self._loaded[loaded.thread] = loaded
        self._weights[loaded.thread] = loaded.held
        self._weight += loaded.held
        while len(self._loaded) > LOADED_MAX or (self._weight > ENTRIES_MAX and len(self._loaded) > 1):
            self.forget(next(iter(self._loaded)))

    def alarm(self, thread: str, why: str) -> None:
        """Somebody lied in ``thread``, and the store has it: what runs there by itself stops."""
        self.alarms[thread] = why
        self.tell(Change(thread, "alarm", (why,)))

    def stopped(self, loaded: Loaded) -> bool:
        """Whether nothing may run by itself in ``loaded``: its own alarm, or that of a member's key log."""
        return bool(self.alarms) and (loaded.thread in self.alarms or any(one in self.alarms for one in loaded.members))

    def distrusted(self, members: Iterable[str]) -> str:
        """Why nothing new may begin by itself with ``members``: an alarm of a key log or a relationship, or ""."""
        members = tuple(members)
        said_in = (thread for one in members for thread in (one, self.partner(one)) if thread is not None)
        logs = [f"{PRICE_LOG}{one}" for one in members]
        found = next((self.alarms[thread] for thread in said_in if thread in self.alarms), "") if self.alarms else ""
        return found or next((self.alarms[one] for one in logs if one in self.alarms), "")

    def waits(self, members: Iterable[str]) -> bool:
        """Whether a backup was restored and one of ``members`` has not given back yet what we said since."""
        return bool(self.unheard) and not self.unheard.isdisjoint(members)

    def tell(self, change: Change) -> None:
        """Tell every listener of ``change``; one that does not keep up loses the oldest."""
        self.changed += 1
        for queue in tuple(self._listeners):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)

    async def changes(self) -> AsyncIterator[Change]:
        """Every change from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue(256)
        self._listeners[queue] = None
        try:
            while (change := await queue.get()) is not END:
                yield change
        finally:
            self._listeners.pop(queue, None)

    def _note_holding(self, thread: str, members: bytes, heads: Iterable[str]) -> None:
        if self.organisation.encode() in members:
            named = msgspec.json.decode(members, type=dict[str, str])
            self.holdings.note(self.organisation, named, thread, heads)

    def _note_book(self, thread: str, name: str, members: bytes) -> None:
        kind = name.partition("/")[0]
        if kind in BOOKS and self.organisation.encode() in members:
            self._books[kind] = thread


def _made(machine: Machine) -> str:
    """By which folding a stored fold was made: of which version of us, with which words known."""
    return b64(digest("fold/1", __version__.encode(), machine.name.encode(), " ".join(sorted(machine.kinds)).encode()))


def _stored(loaded: Loaded, machine: Machine) -> StoredCut:
    event = loaded.order[0]
    tips = [(*chain, n, name) for chain, (n, name) in loaded.tips.items()]
    return StoredCut(_made(machine), event, loaded.below, msgspec.Raw(msgspec.json.encode(loaded.begin)), tips,
                     loaded.hlc, loaded.void.get(event, ""))


def machine_named(name: str) -> Machine:
    """The newest version of conversation ``name``."""
    return next((one for one in MACHINES.values() if one.conversation.NAME == name), None) or machine(name)


def new_incarnation(random: Randomness) -> str:
    """Eight unguessable bytes that name one unbroken life of a device's chains."""
    return b64(random(8))
