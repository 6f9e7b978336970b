"""Worlds of nodes in one process: memory stores, direct wires, the real engine and the real rules."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec

from weft.basis.errors import NotFound, Unavailable, WeftError
from weft.config import Config, Firm, Peers, Rules
from weft.engine import exchange, handle, reconcile, restored, sync
from weft.engine.levelling import RECONCILE_PATH
from weft.engine.machines import MACHINES
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.engine.reactions import TABLE, TICKS
from weft.identity import sheet
from weft.identity.keylog import DeviceDelegation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.stores.memory import MemoryStore
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins


class Ticking:
    """A clock that goes on by itself, from a day of the test's choosing, and may be turned forward."""

    goes = True  # a test that compares bytes lets it stand

    def __init__(self, now_ms: int = 1_795_000_000_000, began: float | None = None) -> None:
        self.ms = now_ms
        self._began = time.monotonic() if began is None else began

    def now_ms(self) -> int:
        return self.ms + (int((time.monotonic() - self._began) * 1000) if self.goes else 0)


def randomness(seed: int):
    import random

    source = random.Random(seed)
    return source.randbytes


@dataclass
class Wires:
    """Direct calls between nodes; ``cut`` holds pairs that cannot reach each other.

    ``began``: from here on all clocks of one world go, so that a firm that was founded later does not live behind.
    """

    began: float = field(default_factory=time.monotonic)
    nodes: dict[str, Node] = field(default_factory=dict)
    cut: set[frozenset[str]] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    requests: int = 0


@dataclass
class DirectPeers:
    """The peers port over ``wires``; what is said goes through the same bytes as over HTTP."""

    me: str
    wires: Wires

    def reachable(self, organisation: str) -> bool:
        return organisation in self.wires.nodes and organisation not in self.wires.unreachable

    async def request(self, organisation: str, path: str, body: bytes) -> bytes:
        await asyncio.sleep(0)
        if frozenset((self.me, organisation)) in self.wires.cut or not self.reachable(organisation):
            raise Unavailable("peer.unreachable")
        self.wires.requests += 1
        answering = asyncio.ensure_future(self._answer(self.wires.nodes[organisation], path, body))
        return await asyncio.shield(answering)  # who asked may die; the other end goes on

    async def _answer(self, node: Node, path: str, body: bytes) -> bytes:
        try:
            if path == sync.SYNC_PATH:
                asked = sync.read_request(body)
                reply = await sync.answer(node, self.me, asked)
                node.outbox.heard(self.me)
                await node.outbox.settle(self.me, asked.thread, asked.heads)
                return msgspec.json.encode(reply)
            node.outbox.heard(self.me)
            if path == exchange.EXCHANGE_PATH:
                return msgspec.json.encode(await exchange.answer(node, self.me, exchange.read_exchange(body)))
            if path == RECONCILE_PATH:
                return msgspec.json.encode(await restored.answer(node, self.me, reconcile.read_question(body)))
            wait = msgspec.json.decode(body, type=sync.PollRequest).wait_ms
            threads = await node.outbox.waiting_for(self.me, wait)
            return msgspec.json.encode(sync.PollReply(threads=threads, restored=self.me in node.unheard))
        except WeftError as error:
            raise NotFound("peer.refused") from error

    async def close(self) -> None:
        pass


_SEEDS = itertools.count(1)
FOUNDERS: dict[str, Signer] = {}  # organisation's keys, which real firms keep on paper
NEXT_SEEDS: dict[str, bytes] = {}  # and the next ones
SHEETS: dict[str, str] = {}  # what the owner types in of the key in force
AUTO = Rules(quote="auto", order="auto", change="auto", despatch="auto", subcontract="auto", receive="auto",
             invoice="auto")


async def found(wires: Wires, name: str, *, rules: Rules = AUTO, store: Any = None, clock: Any = None,
                url: str = "http://127.0.0.1:1") -> Node:
    """A firm with its node, begun."""
    seed = next(_SEEDS)
    random = randomness(seed)
    clock, store = clock or Ticking(began=wires.began), store or MemoryStore()
    founder_seed, next_seed, device = random(32), random(32), Signer(random(32))
    founder = Signer(founder_seed)
    following = Signer(next_seed)
    memory = Memory(Identity("", device, new_incarnation(random)), store, clock, random)
    organisation = await handle.append_key_events(memory, founder, [
        KeyInception(keys=[founder.public], next=commitment([following.public])),
        DeviceDelegation(device=device.public, scope="node")])
    FOUNDERS[organisation], NEXT_SEEDS[organisation] = founder, next_seed
    SHEETS[organisation] = "\n".join(sheet.rows(founder_seed))
    memory.identity.organisation = organisation
    memory.identity.key_event = (await memory.state(organisation)).event
    for book in BOOKS:
        machine = next(one for one in MACHINES.values() if one.conversation.NAME == book)
        await handle.open_thread(memory, machine, {organisation: "owner"}, None, f"book:{book}")
    config = Config(firm=Firm(name=name, lang="en", url=url), rules=rules,
                    peers=Peers(retry_s_min=0.01, retry_s_max=0.1))
    node = Node(identity=memory.identity, store=store, clock=clock, random=random, config=config,
                peers=DirectPeers(organisation, wires), table=TABLE, ticks=TICKS, tick_s=0.5)
    node.twins.opening = lambda: SqliteTwins(MEMORY, clock)
    wires.nodes[organisation] = node
    await node.begin()
    return node


async def befriend(inviter: Node, joiner: Node) -> None:
    """Both firms become partners."""
    from weft.engine.commands import run

    link = (await run(inviter, "invite", {})).facts["link"]
    await run(joiner, "join", {"link": link})
    await until(lambda: inviter.partner(joiner.organisation) and joiner.partner(inviter.organisation))


async def until(true: Any, timeout_s: float = 10.0) -> None:
    """Wait until ``true()`` holds."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        value = true()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def quiet(*nodes: Node, timeout_s: float = 10.0) -> None:
    """Wait until nothing is left to say, to draw or to deliver."""
    async def still() -> bool:
        for node in nodes:
            if node.effects or any(not row.final for row in node.work.waiting.values()) or node.to_ack:
                return False
            if await node.store.outbox():
                return False
        return True

    await until(still, timeout_s)
    await asyncio.sleep(0.08)
    await until(still, timeout_s)
