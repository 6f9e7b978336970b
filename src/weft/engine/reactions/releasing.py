"""What an offer holds is free again: refused, replaced, undone, or its time is over.

Rule: an offer is made, and what one holds is let go or becomes work, one after the other (``one_at_a_time``): who lets
go while another one holds would find nothing yet, and leave it held.
Not here: holding it (``offering.py``), what an order holds (``holding.py``).
"""

import asyncio

from weft.basis.errors import Invalid, NotFound, Refused, Unavailable
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.production.messages import CapacityReleased
from weft.production.views import expired
from weft.stock import levels
from weft.stock.messages import ReservationReleased
from weft.trade.messages import QuotationWithdrawn
from weft.trade.order_state import OrderState, Phase


def one_at_a_time(node: Node, thread: str) -> asyncio.Lock:
    """The lock under which offers of ``thread`` are made, and what they hold is looked up and let go."""
    return node.lock(f"offer:{thread}")


async def release(node: Node, thread: str, why: str, key: str, keep: tuple[str, ...] = ()) -> None:
    """Let go what offers of this order hold, except what is named like ``keep``; capacity last: it is what expires.

    The clock and a word of the order may let go of the same at one moment: who comes second looks again.
    """
    while True:
        try:
            return await _release(node, thread, why, key, keep)
        except NotFound as error:
            if error.code not in {"stock.reservation-unknown", "production.reservation-unknown"}:
                raise


async def _release(node: Node, thread: str, why: str, key: str, keep: tuple[str, ...]) -> None:
    production, stock = await node.book_state("production"), await node.book_state("stock")
    kept = [ReservationReleased(id=one.id, why="replaced" if why == "replaced" else "cancelled")
            for one in levels.reservations_of(stock, thread) if not (keep and one.id.startswith(keep))]
    if kept:
        await node.record("stock", *kept, key=f"{key}:stock")
    capacity = [CapacityReleased(id=one.id, why=why) for one in production.reservations.values()  # type: ignore[arg-type] # a Literal by its callers
                if one.demand.thread == thread and one.id not in keep]
    if capacity:
        await node.record("production", *capacity, key=f"{key}:capacity")


async def release_offer(node: Node, cause: Cause) -> None:
    """The talk is over without an order."""
    async with one_at_a_time(node, cause.thread):
        await release(node, cause.thread, "refused", cause.key)


async def expire(node: Node) -> None:
    """Offers whose time is over: take them back by our own word, and let go what they hold."""
    production = await node.book_state("production")
    for name in expired(production, node.clock.now_ms()):
        thread = production.reservations[name].demand.thread
        async with one_at_a_time(node, thread):
            if name in (await node.book_state("production")).reservations:
                await _expire(node, thread, name)


async def _expire(node: Node, thread: str, name: str) -> None:
    state: OrderState = await node.state(thread)
    if state.phase is Phase.QUOTED and state.quotation_id:
        try:
            await node.speak(thread, QuotationWithdrawn(quotation=state.quotation_id, reason="expired"),
                             f"expired:{state.quotation_id}")
        except (Refused, Invalid, Unavailable):
            return  # ordered a moment ago, or the thread is stopped
    await release(node, thread, "expired", f"expired:{name[-80:]}")
