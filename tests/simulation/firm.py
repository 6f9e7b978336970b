"""One firm of a simulated world: its disk, its node while it lives, and how both end and begin again."""

import asyncio
import functools
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.applications import Starlette

from tests.simulation import furnish, tables, words
from tests.simulation.lathe import Lathe, OneMachine
from tests.simulation.loop import OWNER, Household, SimulatedLoop
from tests.simulation.network import Network, Session
from tests.simulation.stores import Lifeline
from weft.config import Config, Rules, load, template
from weft.doors import peer
from weft.engine import handle
from weft.engine.dispatch import Dispatcher
from weft.engine.machines import MACHINES
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.engine.reactions import TICKS
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.peers.http import HttpPeers

EPOCH_MS = 1_795_000_000_000


@functools.cache
def _config(name: str, url: str) -> Config:
    return load(template(name=name, lang="en", url=url), {})


@dataclass(slots=True)
class SkewedClock:
    """Virtual time, some minutes wrong."""

    loop: SimulatedLoop
    skew_ms: int

    def now_ms(self) -> int:
        return EPOCH_MS + self.skew_ms + int(self.loop.clock.now * 1000)


@dataclass(slots=True)
class Firm:
    """``url`` "" is a firm that nobody can reach: it polls. ``node`` None is a firm whose node is down.

    ``house`` is what a factory is furnished with; a firm without one only trades. ``in_effect`` is told, with our
    organisation, before a consequence is drawn. ``table`` stands for the table that follows from all that.
    """

    name: str
    url: str
    disk: Any
    network: Network
    loop: SimulatedLoop
    luck: random.Random
    table: Any = None
    house: furnish.House | None = None
    keyless: bool = False
    in_effect: Callable[[str], None] = lambda _: None
    rules: Rules | None = None
    lathe: Lathe | None = None
    organisation: str = ""
    identity: Any = None
    clock: Any = None
    config: Config | None = None
    node: Node | None = None
    household: Household | None = None
    line: Any = None
    lives: int = 0
    up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def goods(self) -> tuple[str, ...]:
        """What may be ordered here."""
        return words.ITEMS if self.house is None else tuple(self.house.sells)

    async def found(self) -> None:
        """Keys, key log and books, as ``weft init`` makes them; what the node may do by itself is drawn."""
        root, following, device = (Signer(self.luck.randbytes(32)) for _ in range(3))
        self.clock = SkewedClock(self.loop, self.luck.randint(-240_000, 240_000))
        config = _config(self.name, self.url)
        self.rules = self.rules or (furnish.AUTO if self.house else furnish.drawn(self.luck))
        self.config = msgspec.structs.replace(config, rules=self.rules)
        store = self.disk.start()
        random = self.luck.randbytes
        memory = Memory(Identity("", device, new_incarnation(random)), store, self.clock, random)
        self.organisation = await handle.append_key_events(memory, root, [
            KeyInception(keys=[root.public], next=commitment([following.public])),
            DeviceDelegation(device=device.public, scope=SCOPE_NODE),
        ])
        memory.identity.organisation = self.organisation
        memory.identity.key_event = (await memory.state(self.organisation)).event
        self.identity = memory.identity
        for book in BOOKS:
            machine = next(one for one in MACHINES.values() if one.conversation.NAME == book)
            await handle.open_thread(memory, machine, {self.organisation: "owner"}, None, f"book:{book}")
        self.disk.settle()
        if self.house is not None and self.house.lathe:
            self.lathe = Lathe(self.loop, self.luck, EPOCH_MS)

    async def furnish(self) -> None:
        """What the firm has before it begins; its partners are known by now."""
        house = self.house
        await self.call(furnish.light if house is None else lambda node: furnish.factory(node, house))

    def start(self) -> None:
        """Power on: a node from what the disk holds."""
        self.household = Household(f"{self.name} {self.lives}")
        self.lives += 1
        self._own(self._live(), self.household)

    def _own(self, work: Coroutine[Any, Any, Any], household: Household) -> "asyncio.Task[Any]":
        context = copy_context()
        context.run(OWNER.set, household)
        return self.loop.create_task(work, context=context)

    async def _live(self) -> None:
        assert self.config is not None
        self.line = line = Lifeline(self.disk.start())
        peers = HttpPeers(self.address_of)
        node = Node(
            identity=self.identity, store=line, clock=self.clock, random=self.luck.randbytes, config=self.config,
            peers=peers, table=self.table or self._table(), ticks=TICKS if self.house else (),
        )  # fmt: skip
        peers.memory = node
        peers._session = Session(self.network)
        self.network.hosts[self.name] = (Starlette(routes=peer.routes(node)), self.household)
        self.node = node
        await node.begin()
        if self.lathe is not None:
            node.floor = Dispatcher(node, OneMachine(node, self.lathe))
            await node.floor.begin()
        self.up.set()

    def _table(self) -> tables.Table:
        return tables.full(self.in_effect) if self.house else tables.light(self.in_effect, keyless=self.keyless)

    def address_of(self, partner: str) -> str:
        """Where ``partner`` can be reached, as the living node knows it."""
        return self.node.address_of(partner) if self.node else ""

    def crash(self) -> None:
        """Power off, between any two steps: what waits to be written is lost, or was written and never told."""
        if self.household is None:
            return
        if self.line is not None:
            self.line.alive = False
            self.disk.crash(durable=self.luck.random() < 0.5)
        self.network.hosts.pop(self.name, None)
        self.up.clear()
        for task in list(self.household.tasks):
            task.cancel()
        self.node = self.line = self.household = None

    async def call(self, action: Any) -> Any:
        """The result of ``action(node)`` in the node's household; raises ``CancelledError`` when the node dies."""
        await self.up.wait()
        node, household = self.node, self.household
        if node is None or household is None:
            raise asyncio.CancelledError
        task = self._own(action(node), household)
        await asyncio.wait([task])
        return task.result()
