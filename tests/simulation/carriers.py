"""People who carry bundles by hand between firms, mostly when the line between them is cut; some arrive in part.

Not here: what a bundle is (``weft/engine/bundles.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from tests.simulation.firm import Firm
from weft.basis.errors import WeftError
from weft.engine import bundles
from weft.engine.node import Node

if TYPE_CHECKING:
    from tests.simulation.world import World

PIECE = 1_000


async def carry(world: "World", count: int) -> None:
    """Carry ``count`` bundles, one after the other."""
    for _ in range(count):
        await asyncio.sleep(world.luck.expovariate(1 / 6.0))
        cut = [link for link in world.links if world.network.is_cut(link.buyer.name, link.seller.name)]
        link = world.luck.choice(cut or world.links)
        sender, taker = link.firms if world.luck.random() < 0.5 else link.firms[::-1]
        data = await _exported(sender, taker)
        if data is None:
            continue
        await asyncio.sleep(world.luck.random() * 6)
        for _ in range(1 + (world.luck.random() < 0.3)):  # some are taken in twice
            if world.luck.random() < 0.3:
                world.figures["bundles cut short"] += 1
                await _imported(world, taker, data[:world.luck.randrange(len(data))])
            world.figures["bundles by hand"] += await _imported(world, taker, data)


async def _exported(sender: Firm, taker: Firm) -> bytes | None:
    async def export(node: Node) -> bytes:
        return b"".join([piece async for piece in await bundles.export(node, taker.organisation)])

    try:
        return await sender.call(export)
    except (WeftError, asyncio.CancelledError):  # nothing to carry, or the node died over it
        return None


async def _imported(world: "World", taker: Firm, data: bytes) -> bool:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), PIECE):
            yield data[start:start + PIECE]
            await asyncio.sleep(0)

    async def take(node: Node) -> bundles.Report:
        return await bundles.import_(node, pieces())

    try:
        report = await taker.call(take)
    except (WeftError, asyncio.CancelledError):
        return False
    world.network.seen[taker.name].update(one.thread.encode() for one in report.threads)
    return True
