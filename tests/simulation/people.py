"""The people of a world: they say whatever the rules allow now, and insist with the same key when their node dies.

Not here: what they say (``speech.py``).
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.simulation import words
from tests.simulation.firm import Firm
from tests.simulation.speech import Said, choose
from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.ports import StoreConflict

if TYPE_CHECKING:
    from tests.simulation.world import Link, World

PAUSE_S = 1.5
TRIES_MAX = 200
OPENS = 0.04  # how often a buyer begins another order
OPENS_OF_FACTORIES = 0.01  # there much goes on by itself, and there is much to do at home


@dataclass(slots=True)
class Person:
    """Somebody of ``firm`` who speaks in the orders of ``link``, as its ``role`` there."""

    world: "World"
    firm: Firm
    role: str
    link: "Link"
    name: str

    async def work(self) -> None:
        """Speak with pauses between, until all have said enough together."""
        luck = self.world.luck
        opens = OPENS_OF_FACTORIES if self.world.plan.factories else OPENS
        for number in range(TRIES_MAX):
            await asyncio.sleep(luck.expovariate(1 / PAUSE_S))
            if self.world.figures["writes"] >= self.world.plan.writes:
                return
            mark = f"{self.name} {number}"
            known = [thread for thread, link in self.world.orders.items() if link is self.link]
            if self.role == "buyer" and (not known or luck.random() < opens):
                await self.open(mark)
            elif known:
                await self.say(mark, luck.choice(known))

    async def open(self, mark: str) -> None:
        """Begin an order."""
        said = words.request(mark, self.world.luck, self.link.seller.goods)
        members = {self.link.buyer.organisation: "buyer", self.link.seller.organisation: "seller"}

        async def opened(node: Node) -> list[str]:
            thread = await node.open("order", members, said, key=mark)
            loaded = await node.loaded(thread)
            return [thread, next(name for name, entry in loaded.entries.items() if not entry.parents)]

        told = await self._insist(opened)
        if told:
            self.world.figures["writes"] += 1
            self.world.orders[told[0]] = self.link
            self.world.acknowledged[mark] = (told[0], told[1:])

    async def say(self, mark: str, thread: str) -> None:
        """Say or do something that the rules allow now, if there is anything: in ``thread``, about money, at home."""
        chosen: list[Said | None] = []
        where = [thread]

        async def said(node: Node) -> list[str]:
            if not chosen:
                threads = (thread, self.link.relationship)
                chosen.append(await choose(self.firm, node, threads, mark, self.world.luck))
            if chosen[0] is None:
                return []
            where[0], told = await chosen[0](node)
            return told

        told = await self._insist(said)
        if told:
            self.world.figures["writes"] += 1
            self.world.acknowledged[mark] = (where[0], told)

    async def _insist(self, action: Any) -> list[str]:
        """What ``action`` gives, tried again with the same key whenever the node dies under it; [] when refused."""
        restores = self.world.faults.restores[self.firm.name]
        while restores == self.world.faults.restores[self.firm.name]:  # else it would look first what came back
            self.world.faults.working(self.firm)
            try:
                return await self.firm.call(action)
            except (asyncio.CancelledError, StoreConflict):
                self.world.figures["tried again"] += 1
                await asyncio.sleep(0.01)
            except WeftError:
                self.world.figures["refused"] += 1
                return []
        return []
