"""Firms with price logs in one process: real engine, real judgement, requests passed on by their bytes."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from tests.engine.world import AUTO, DirectPeers, Wires, befriend, found, until
from weft.basis.canonical import b64
from weft.basis.errors import NotFound, Unavailable, WeftError
from weft.engine.node import Node
from weft.engine.pricelog import log, witness
from weft.engine.pricelog.gossip import PATHS
from weft.engine.pricelog.witnessing import Witnessing
from weft.identity.keys import Signer
from weft.pricing.leaf import BatchLeaf, BookLeaf, encode, origin_of
from weft.tlog import checkpoint, merkle, note, tile
from weft.tlog import witness as protocol
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.tile import ENTRIES, WIDTH

AT = "2026-11-25T08:00:00.000Z"


@dataclass
class PricePeers(DirectPeers):
    """Peers that also pass on what is said of price logs; ``asked``: all that this firm ever sent that way."""

    asked: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def request(self, organisation: str, path: str, body: bytes) -> bytes:
        if path not in PATHS:
            return await DirectPeers.request(self, organisation, path, body)
        await asyncio.sleep(0)
        if frozenset((self.me, organisation)) in self.wires.cut or not self.reachable(organisation):
            raise Unavailable("peer.unreachable")
        self.asked.append((organisation, path, body))
        node = self.wires.nodes[organisation]
        node.outbox.heard(self.me)
        try:
            return await node.witnessing.answer(self.me, path, body)
        except NotFound as error:
            raise NotFound("peer.refused") from error
        except WeftError as error:
            raise Unavailable("peer.answered-badly", status=422) from error


@dataclass
class DirectLogs:
    """The port to others' logs and witnesses. ``instead``: whose public log another tree is shown for."""

    me: str
    wires: Wires
    instead: dict[str, "Branch"] = field(default_factory=dict)

    async def fetch(self, organisation: str, path: str, limit: int) -> bytes:
        await asyncio.sleep(0)
        self._reach(organisation)
        if organisation in self.instead:
            return self.instead[organisation].file(path)[:limit + 1]
        store = self.wires.nodes[organisation].store
        if path == tile.CHECKPOINT_PATH:
            head = await log.head(store)
            if head is None:
                raise NotFound("pricelog.not-there")
            return head.note.encode()
        return await log.tile_bytes(store, tile.parse_path(path))

    async def add_checkpoint(self, organisation: str, door: str, body: bytes) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        self._reach(organisation)
        node = self.wires.nodes[organisation]
        assert door == witness.door_for(node.identity, origin_of(self.me))
        try:
            return 200, await node.witnessing.add_checkpoint(self.me, body)
        except WeftError as error:
            if error.code == "tlog.witness-behind":
                return 409, protocol.conflict(int(error.facts["size"]))
            return witness.status(error), error.code.encode()

    def _reach(self, organisation: str) -> None:
        if frozenset((self.me, organisation)) in self.wires.cut or organisation not in self.wires.nodes:
            raise Unavailable("peer.unreachable")

    async def close(self) -> None:
        pass


@dataclass
class Branch:
    """A log as a liar keeps it: entries in memory, checkpoints signed by the firm's own key."""

    origin: str
    signer: Signer
    entries: list[bytes]

    @property
    def leaves(self) -> list[bytes]:
        return [merkle.leaf_hash(one) for one in self.entries]

    def root(self, size: int = -1) -> bytes:
        size = len(self.entries) if size < 0 else size
        return merkle.root_of(size, merkle.from_leaves(self.leaves[:size]))

    def note(self, size: int = -1) -> bytes:
        size = len(self.entries) if size < 0 else size
        return note.encode(checkpoint.signed(Checkpoint(self.origin, size, self.root(size)), self.signer))

    def request(self, old: int, size: int = -1) -> bytes:
        size = len(self.entries) if size < 0 else size
        proof = merkle.consistency(old, size, merkle.from_leaves(self.leaves[:size]))
        return protocol.encode(protocol.Request(old, tuple(proof), note.parse(self.note(size))))

    def file(self, path: str) -> bytes:
        if path == tile.CHECKPOINT_PATH:
            return self.note()
        wanted = tile.parse_path(path)
        if wanted.level == ENTRIES:
            return tile.bundle(self.entries[wanted.place * WIDTH:][:wanted.width])
        found = tile.grown(0, self.leaves, tile.given({}))
        data = next((data for one, data in found.items() if one[:2] == wanted[:2] and one.width >= wanted.width), None)
        if data is None:
            raise NotFound("pricelog.not-there")
        return data[:wanted.width * merkle.HASH_BYTES]


def branch(node: Node, entries: list[bytes]) -> Branch:
    """What the firm of ``node`` may sign besides its own log, if it lies."""
    return Branch(origin_of(node.organisation), node.identity.signer, list(entries))


def batch(number: int) -> bytes:
    """Some batch leaf."""
    return encode(BatchLeaf(root=b64(number.to_bytes(32, "big")), n=64, at=AT))


def book(number: int, valid_from: str = AT) -> bytes:
    """Some book leaf."""
    return encode(BookLeaf(hash=b64(number.to_bytes(32, "big")), id="list", number=number, valid_from=valid_from,
                           notice_days=0, at=AT))


async def with_prices(node: Node, wires: Wires, *, at_work: bool = False) -> Node:
    """``node`` with all that it does about price logs; ``at_work``: by itself."""
    node.peers = node.outbox.peers = PricePeers(node.organisation, wires)
    peers = msgspec.structs.replace(node.config.peers, compare_every_s=1.0)
    node.config = msgspec.structs.replace(node.config, peers=peers)
    node.witnessing = Witnessing(node, DirectLogs(node.organisation, wires))
    node.witnessing.check_s, node.ticks = 0.05, ()
    await node.witnessing.load()
    if at_work:
        node._tasks.append(asyncio.create_task(node.witnessing.run()))
    return node


async def firms(*names: str, at_work: bool = False) -> tuple[Wires, list[Node]]:
    """Firms with price logs; the first one is everybody's partner."""
    wires, nodes = Wires(), list[Node]()
    for name in names:
        nodes.append(await with_prices(await found(wires, name, rules=AUTO), wires, at_work=at_work))
    for other in nodes[1:]:
        await befriend(nodes[0], other)
    return wires, nodes


async def append(node: Node, *entries: bytes) -> log.Head:
    """More leaves in the node's own log; its head."""
    async with node.lock(log.LOCK):
        await log.append(node, list(entries))
    head = await log.head(node.store)
    assert head is not None
    return head


async def stop(*nodes: Node) -> None:
    """All come to rest."""
    for node in nodes:
        await node.stop()


__all__ = ["AT", "Branch", "DirectLogs", "PricePeers", "append", "batch", "befriend", "book", "branch", "firms", "stop",
           "until", "with_prices"]
