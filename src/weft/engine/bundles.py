"""Bundles: what a partner lacks as a file, and what came in such a file, by the same path as over the network.

Export: 1. threads that the partner has not confirmed, and those that its last bundle brought, so that ours confirms
them; 2. of each what it lacks as far as we know: whoever said something held all below it; 3. sealed to its device.
Import: 1. the sender is known, or its key log in the bundle proves it, and its device may speak; 2. each thread goes
through ``receive``, which admits it or not; 3. the sender's heads confirm what we sent; 4. ours are owed to it; 5. who
of both was restored from a backup and now holds all that the other holds, goes on (``restored.py``).
Rule 1: an import is idempotent and may end anywhere: what was stored stays, the rest comes with the next try.
Rule 2: bundles may come in any order; what is early waits as it does over the network.
Rule 3: nothing is kept of a stranger.
Not here: the format (``thread/bundle.py``), files and HTTP (``cli``, ``doors``).
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Denied, Invalid, NotFound, Refused, WeftError
from weft.engine import restored, sync
from weft.engine.budgets import EVENTS_A_REQUEST, FOLDED_A_REQUEST
from weft.engine.handle import acknowledge
from weft.engine.memory import ANEW
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.receive import key_log_of, key_state, receive, take_key_event
from weft.engine.threads import Loaded
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.thread import bundle, closing, graph
from weft.thread.bundle import Carried, Item, Manifest, Reader, Writer
from weft.thread.event import Event, unwire, wire

OWED: Final = "carry"  # bucket: by partner, threads of which its last bundle brought something
DEVICES: Final = "carry-to"  # bucket: by firm, the device that its invitation named
SHORTEST: Final = 8  # letters of a thread's id as lists show them
RAW_BYTES_MAX: Final = 192 * 1024 * 1024  # of one bundle before it is packed: well below what a reader unpacks
EVENTS_MAX: Final = 200_000  # of one bundle
EVENTS_OF_ONE_MAX: Final = bundle.EVENTS_MAX - 3  # of one thread; the words that close may go besides
STRANGERS_THREADS_MAX: Final = 8  # threads that a firm we do not know may try, and events that cannot be read
REFUSED_TOLD: Final = 20  # of one thread
KEYS_BYTES_MAX: Final = 16 * 1024 * 1024  # of key events, which wait in memory until all are there
AT_ONCE: Final = 200  # records that may be read before others have their turn
ENDING: Final = ".weft-bundle"


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """One thread of an import: ``new`` and ``known`` events, ``waiting`` for earlier ones, ``refused`` (id, code).

    ``code`` says why nothing of it was taken in.
    """

    thread: str
    machine: str = ""
    new: int = 0
    known: int = 0
    waiting: int = 0
    refused: list[tuple[str, str]] = []
    code: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a bundle ``by`` an organisation, made ``at`` an instant of its clock."""

    by: str
    name: str
    at: str
    new: int
    known: int
    waiting: int
    refused: int
    threads: list[Thread]


# ---- export --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """What goes along of one thread: ``ids`` with parents first."""

    loaded: Loaded
    ids: Sequence[str]
    assumed: Sequence[str]

    @property
    def carried(self) -> Sequence[str]:
        """``ids`` as they are written: where something is erased, the words that close go first and in any case."""
        entries = self.loaded.entries
        if not any(closing.erased(entries[name], self.loaded.machine) for name in self.ids):
            return self.ids
        return list(dict.fromkeys((*closing.words_of(entries), *self.ids)))


async def part_of(node: Node, loaded: Loaded, ids: Sequence[str], assumed: Sequence[str]) -> Part:
    """``ids`` of ``loaded`` as a part, also where they are no longer in memory."""
    here = all(name in loaded.entries for name in ids)
    return Part(loaded if here else await node.whole(loaded.thread), ids, assumed)


async def find(node: Node, named: str) -> str:
    """The organisation that ``named`` means: id, name, or relationship thread, also as short as lists show it.

    Raises ``NotFound('partner.…')``.
    """
    found = set()
    for thread in node.threads("relationship"):
        loaded = await node.loaded(thread)
        for organisation in set(loaded.members) - {node.organisation}:
            party = loaded.state.parties.get(organisation)
            if named and named in {thread, thread[:SHORTEST], organisation, party.name if party else ""}:
                found.add(organisation)
    if len(found) != 1:
        raise NotFound("partner.ambiguous" if found else "partner.unknown", name=named[:60])
    return str(found.pop())


async def recipient(node: Node, peer: str) -> str:
    """The device of ``peer`` to seal to; raises ``Refused('bundle.no-key')``."""
    keys = await node.keys(peer)
    fit = [name for name, one in (keys.devices if keys else {}).items() if not one.revoked and one.scope == SCOPE_NODE]
    if fit:
        return fit[-1]
    told = await node.store.value(DEVICES, peer) if keys is None else None
    if told is None:
        raise Refused("bundle.no-key")
    return told.decode()


async def sealable(node: Node, peer: str) -> bool:
    """Whether we know a device of ``peer`` to seal to."""
    try:
        await recipient(node, peer)
    except Refused:
        return False
    return True


def file_name(node: Node, peer: str) -> str:
    """What a bundle for ``peer`` is called: for whom and of when by our clock, in letters that every disk bears."""
    name = re.sub(r"[^\w-]+", "-", next(iter(node.names.get(peer, ())), "")).strip("-")[:40] or peer[:8]
    day = re.sub(r"[^0-9]", "", instant.from_ms(node.config.firm.zone.wall(node.clock.now_ms())))
    return f"{name}-{day[:8]}-{day[8:12]}{ENDING}"


async def waiting(node: Node, peer: str) -> tuple[int, int]:
    """(events that a bundle to ``peer`` would carry now, threads of which it would only confirm what came)."""
    counts = [len((await _lacking(node, peer, loaded, everything=False))[0])
              for loaded in await _shared(node, peer, everything=False)]
    return sum(counts), counts.count(0)


async def export(node: Node, peer: str, *, everything: bool = False) -> AsyncIterator[bytes]:
    """The bundle for ``peer`` in pieces; ``everything``: also what it has confirmed. Raises before the first piece.

    ``NotFound('thread.unknown')``: nothing is shared; ``Refused('bundle.no-key')`` and ``('bundle.nothing')``.
    """
    device = await recipient(node, peer)
    parts = await _parts(node, peer, everything=everything)
    if not parts:
        raise Refused("bundle.nothing")
    return _written(node, peer, parts, await _begun(node, peer, device, parts))


async def letter(node: Node, peer: str, parts: Sequence[Part]) -> bytes:
    """The whole bundle for ``peer`` with ``parts``, a small one; what is owed stays owed. Raises as ``export``."""
    writer, keys = await _begun(node, peer, await recipient(node, peer), parts)
    return b"".join([piece async for piece in _pieces(node, writer, keys, parts)])


async def _begun(node: Node, peer: str, device: str, parts: Sequence[Part]) -> tuple[Writer, list[Event]]:
    """The bundle's writer and our key events, which go first."""
    keys = [unwire(envelope.encode()) for envelope in await key_log_of(node, node.organisation)]
    carried = [part.carried for part in parts]
    ids = [*(one.id for one in keys), *(name for names in carried for name in names)]
    manifest = Manifest(
        by=node.organisation, device=node.identity.signer.public, to=peer, at=instant.from_ms(node.clock.now_ms()),
        keys=len(keys), content=bundle.content_of(ids),
        threads=[Carried(part.loaded.thread, list(part.loaded.heads[:bundle.HEADS_MAX]), list(part.assumed), len(names))
                 for part, names in zip(parts, carried, strict=True)], **await restored.told(node, peer))
    return Writer(manifest, node.identity.signer, device, node.random(bundle.SEED_BYTES)), keys


async def _written(node: Node, peer: str, parts: Sequence[Part], begun: tuple[Writer, list[Event]]
                   ) -> AsyncIterator[bytes]:
    async for piece in _pieces(node, *begun, parts):
        yield piece
    await owe(node, peer, [], {part.loaded.thread for part in parts})


async def _pieces(node: Node, writer: Writer, keys: Sequence[Event], parts: Sequence[Part]) -> AsyncIterator[bytes]:
    yield writer.begin()
    for event in keys:
        for chunk in writer.add(event):
            yield chunk
    for part in parts:
        for name in part.carried:
            for chunk in writer.add(await _event(node, part.loaded.thread, name)):
                yield chunk
        await asyncio.sleep(0)
    for chunk in writer.end():
        yield chunk


async def _event(node: Node, thread: str, name: str) -> Event:
    event = await node.event(thread, name)
    assert event is not None
    return event


async def _parts(node: Node, peer: str, *, everything: bool) -> list[Part]:
    """What goes along, relationships first; of a partner with more than one bundle holds, as much as fits."""
    parts: list[Part] = []
    events = size = 0
    for loaded in await _shared(node, peer, everything=everything):
        ids, assumed = await _lacking(node, peer, loaded, everything=everything)
        fit: list[str] = []
        for name in ids:
            size += bundle.record_bytes(await _event(node, loaded.thread, name))
            events += 1
            if size > RAW_BYTES_MAX or events > EVENTS_MAX or len(fit) == EVENTS_OF_ONE_MAX:
                break
            fit.append(name)
        parts.append(await part_of(node, loaded, fit, assumed))
        if len(fit) < len(ids) or len(parts) == bundle.THREADS_MAX:
            break
        await asyncio.sleep(0)
    return parts


async def _shared(node: Node, peer: str, *, everything: bool) -> list[Loaded]:
    """Threads with ``peer`` that it has not confirmed or that we owe it word of; all for ``everything``, or if we were
    restored and it has to know what we lack.
    """
    named = {row.thread for row in await node.store.outbox() if row.peer == peer} | set(await owed(node, peer))
    if everything or peer in node.unheard:
        named |= {row.thread for row in await node.store.threads()}
    held = [await node.find(thread) for thread in sorted(named)]
    found = [loaded for loaded in held if loaded is not None and both(node, peer, loaded)]
    return sorted(found, key=lambda one: not one.machine_name.startswith("relationship/"))


def both(node: Node, peer: str, loaded: Loaded | None) -> bool:
    """Whether ``loaded`` is a thread that we share with ``peer``."""
    return loaded is not None and loaded.shared and {peer, node.organisation} <= loaded.members.keys()


async def _lacking(node: Node, peer: str, loaded: Loaded, *, everything: bool) -> tuple[list[str], list[str]]:
    """As ``lacking``; for ``everything``: all, whatever it holds."""
    return (list((await node.whole(loaded.thread)).order), []) if everything else await lacking(node, peer, loaded)


async def lacking(node: Node, peer: str, loaded: Loaded, sent: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """(events, parents first, that ``peer`` lacks as far as we know; the heads that it holds as far as we know).

    ``sent``: heads that are on their way to it. Who was restored may lack even what it has said itself.
    """
    anew = await node.store.value(ANEW, peer) is not None
    if anew and loaded.below:
        loaded = await node.whole(loaded.thread)
    parents = loaded.parents()
    said = [] if anew else [name for name, entry in loaded.entries.items() if entry.author == peer]
    held = graph.past(parents, [*said, *sent, *node.outbox.theirs.get((peer, loaded.thread), ())])
    assumed = graph.heads({name: parents[name] for name in held})[:bundle.HEADS_MAX]
    return [name for name in loaded.order if name not in held], assumed


async def owed(node: Node, peer: str) -> list[str]:
    """Threads of which the bundles of ``peer`` brought something that none of ours has confirmed since."""
    kept = await node.store.value(OWED, peer)
    return [] if kept is None else msgspec.json.decode(kept, type=list[str])


async def owe(node: Node, peer: str, brought: Sequence[str], confirmed: set[str]) -> None:
    """Note what a bundle of ``peer`` has ``brought``, and what one of ours has ``confirmed``."""
    before = await owed(node, peer)
    after = sorted({*before, *brought} - confirmed)
    if after != before:
        await node.store.commit(Batch(values=[(OWED, peer, msgspec.json.encode(after) if after else None)]))


# ---- import --------------------------------------------------------------------------------------


async def import_(node: Node, stream: AsyncIterable[bytes], *, paid: bool = False) -> Report:
    """Take in the bundle in ``stream``; raises ``WeftError`` with the fact ``taken``: new events stored before.

    ``paid``: it came by itself, so that its sender pays for it as for requests; raises ``Busy`` when he cannot.
    """
    reader = Reader(node.identity.signer)
    taking = Taking(node, reader, paid=paid)
    try:
        async for data in stream:
            for item in reader.feed(data):
                await taking.take(item)
        for item in reader.end():
            await taking.take(item)
        return await taking.finish()
    except WeftError as error:
        with contextlib.suppress(WeftError):
            await taking.flush()  # what stands in whole chunks proves itself
        error.facts = {**error.facts, "taken": taking.new}
        raise


async def acknowledge_all(node: Node) -> None:
    """Acknowledge at once what came in, for a node whose workers do not run."""
    while node.to_ack:
        thread = next(iter(node.to_ack))
        node.to_ack.pop(thread)
        with contextlib.suppress(WeftError):  # what may not be said now is said by the node when it runs
            await acknowledge(node, thread)


@dataclass(slots=True)
class Taking:
    """One import under way."""

    node: Node
    reader: Reader
    paid: bool = False
    threads: dict[str, dict[str, Any]] = field(default_factory=dict)
    new: int = 0
    _keys: list[Event] = field(default_factory=list)
    _welcome: bool = False
    _known: bool = False
    _thread: str = ""
    _batch: list[Event] = field(default_factory=list)
    _size: int = 0
    _keys_size: int = 0
    _read: int = 0

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        assert self.reader.manifest is not None
        return self.reader.manifest

    async def take(self, item: Item) -> None:
        """One record, in the order of the bundle."""
        self._read += 1
        if self._read % AT_ONCE == 0:
            await asyncio.sleep(0)
        if item.thread == "":
            self._take_key(item)
            return
        await self._begin()
        if item.thread != self._thread:
            await self.flush()
            self._thread = item.thread
        told = self._of(item.thread)
        if item.event is None:
            told["given"] += 1
            _refuse(told, [(item.id, item.fault)])
            await self._check_stranger()
            return
        self._batch.append(item.event)
        self._size += len(item.event.raw) + sum(len(one.content) for one in item.event.payloads.values())
        if len(self._batch) >= sync.EVENTS_MAX or self._size > sync.BYTES_MAX:
            await self.flush()

    def _take_key(self, item: Item) -> None:
        if item.event is None:
            raise Invalid(item.fault)
        self._keys.append(item.event)
        self._keys_size += bundle.record_bytes(item.event)
        if self._keys_size > KEYS_BYTES_MAX:
            raise Invalid("bundle.too-large", limit=KEYS_BYTES_MAX)

    def _of(self, thread: str) -> dict[str, Any]:
        return self.threads.setdefault(thread, {"new": 0, "given": 0, "refused": [], "bad": 0, "code": ""})

    async def _begin(self) -> None:
        """Who sends this, and whether it may; raises ``Denied('bundle.…')``."""
        if self._welcome:
            return
        manifest, node = self.manifest, self.node
        if manifest.to != node.organisation:
            raise Denied("bundle.other-recipient")
        if manifest.by == node.organisation:
            raise Refused("bundle.own")
        self._known = await node.keys(manifest.by) is not None or await self._awaited()
        self._pay(1 + len(self._keys) / EVENTS_A_REQUEST)
        if self._known:
            for event in self._keys:
                await take_key_event(node, manifest.by, event)
            keys = await node.keys(manifest.by)
        else:
            keys = key_state(manifest.by, [wire(event).decode() for event in self._keys])
        _check_device(keys, manifest.device)
        self._welcome = True

    def _pay(self, requests: float, kept: int = 0, *, done: bool = False) -> None:
        """Charge the sender, if it is to pay; raises ``Busy`` when it has nothing left and this is not ``done`` yet."""
        if not self.paid:
            return
        by, budgets = self.manifest.by, self.node.budgets
        account = budgets.of(by) if by in self.node.keyring else budgets.strangers
        if not done:
            account.check(self.node.clock.now_ms())
        account.charge(requests=requests, kept=kept)

    async def _awaited(self) -> bool:
        """Whether we have begun a thread with the sender, whose keys we do not hold yet."""
        loaded = [await self.node.find(carried.thread) for carried in self.manifest.threads]
        return any(both(self.node, self.manifest.by, one) for one in loaded)

    async def flush(self) -> None:
        """Take in what is whole so far of the thread at hand."""
        events, size, self._batch, self._size = self._batch, self._size, [], 0
        if not events:
            return
        self._pay(len(events) / EVENTS_A_REQUEST, size)
        told = self._of(self._thread)
        told["given"] += len(events)
        if told["code"]:
            return
        try:
            received = await receive(self.node, self.manifest.by, self._thread, events)
        except NotFound as error:
            told["code"] = error.code
            await self._check_stranger()
            return
        self._pay(received.folded / FOLDED_A_REQUEST, done=True)
        told["new"] += len(received.stored)
        _refuse(told, received.invalid)
        self.new += len(received.stored)

    async def _check_stranger(self) -> None:
        """A firm that nobody here knows may try a few threads, and no more."""
        if self._known:
            return
        denied = sum(bool(one["code"]) + one["bad"] for one in self.threads.values())
        if denied > STRANGERS_THREADS_MAX and await self.node.keys(self.manifest.by) is None:
            raise Denied("bundle.stranger")

    async def finish(self) -> Report:
        """The whole bundle was read: what it confirms, what is owed for it, and what became of it."""
        await self._begin()
        await self.flush()
        manifest, node = self.manifest, self.node
        if await node.keys(manifest.by) is None:
            raise Denied("bundle.stranger")
        told, brought = [], []
        for carried in manifest.threads:
            loaded = await node.find(carried.thread)
            ours = both(node, manifest.by, loaded)
            if ours:
                await node.outbox.settle(manifest.by, carried.thread, carried.heads)
                brought += [carried.thread] if carried.count else []
            told.append(await self._told(carried, loaded if ours else None))
        await owe(node, manifest.by, brought + await restored.take_told(node.outbox, manifest), set())
        name = next(iter(node.names.get(manifest.by, ())), "")
        return Report(
            by=manifest.by, name=name, at=manifest.at, threads=told, new=sum(one.new for one in told),
            known=sum(one.known for one in told), waiting=sum(one.waiting for one in told),
            refused=sum(one["bad"] for one in self.threads.values()) + sum(bool(one.code) for one in told))

    async def _told(self, carried: Carried, loaded: Loaded | None) -> Thread:
        found = self._of(carried.thread)
        code = found["code"] or ("" if loaded is not None else "thread.unknown")
        early = len(await self.node.store.pending(carried.thread)) if loaded is not None else 0
        known = 0 if code else max(0, found["given"] - found["new"] - found["bad"] - early)
        return Thread(thread=carried.thread, machine=loaded.machine_name if loaded else "", new=found["new"],
                      known=known, waiting=early, refused=found["refused"], code=code)


def _refuse(told: dict[str, Any], found: Sequence[tuple[str, str]]) -> None:
    """Count what was refused of a thread; the first few are told one by one."""
    told["bad"] += len(found)
    told["refused"] += found[:max(0, REFUSED_TOLD - len(told["refused"]))]


def _check_device(keys: KeyState | None, device: str) -> None:
    held = keys.devices.get(device) if keys is not None else None
    if held is None or held.scope != SCOPE_NODE:
        raise Denied("bundle.unknown-device")
    if held.revoked:
        raise Denied("bundle.revoked-device")
