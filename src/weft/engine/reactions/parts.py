"""What is ready goes first: the buyer takes a part now, while the rest is still being made or comes from elsewhere.

Rule 1: what was agreed to go now is put into stock and sent, no more and no less, if that much is made.
Rule 2: where the owner sends by hand it lies ready, kept for the order.
Not here: what is offered (``lateness.py``), what was made in the end (``making.py``).
"""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from weft.basis import quantity as q
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions import making, pickup_shipping
from weft.engine.reactions.lateness import ELSEWHERE, PARTIAL
from weft.production import views
from weft.production.messages import DemandRef, OutputTaken
from weft.production.state import Order
from weft.trade.messages import ChangeOption
from weft.trade.order_state import OrderState, Phase


async def send_part(node: Node, cause: Cause) -> None:
    """The buyer has taken what is ready: into stock with it, and off it goes."""
    state: OrderState = await node.state(cause.thread)
    option = _taken(state, cause.message)
    if option is None or (await node.members(cause.thread)).get(node.organisation) != "seller":
        return
    name = option.lines[0].line
    async for order, quantity in _taking(node, DemandRef(thread=cause.thread, line=name), option, cause):
        job = (await node.book_state("production")).jobs[order.jobs[-1]]
        output = making.Output(order, job, quantity, cause.id[:8], first=order.taken == quantity)
        await making.stock_output(node, output, f"{cause.key}:{order.id}")
    state = await node.state(cause.thread)
    wanted = min(q.decimal(option.note), state.lines[name].open)
    if node.config.rules.despatch != "auto" or state.phase is not Phase.CONFIRMED or wanted <= 0:
        return
    if await pickup_shipping.may_leave(node, cause.thread):
        await making.despatch(node, cause.thread, {name: q.text(wanted)}, f"{cause.key}:part")


def _taken(state: OrderState, answer: Any) -> ChangeOption | None:
    """The option of ours that sends a part now, if that was taken."""
    change = state.changes.get(answer.change)
    if change is None or change.by != "seller" or change.status != "accepted":
        return None
    return next((one for one in change.options if one.id == answer.option and one.id in (PARTIAL, ELSEWHERE)
                 and one.note and len(one.lines) == 1), None)


async def _taking(
    node: Node, demand: DemandRef, option: ChangeOption, cause: Cause
) -> AsyncIterator[tuple[Order, str]]:
    """Each order with what is taken out of it now; the same again after a crash."""
    left = q.decimal(option.note)
    for order in views.top_orders(await node.book_state("production"), demand):
        part = min(left, q.decimal(order.made) - q.decimal(order.taken)) if not order.closed else Decimal(0)
        key = f"{cause.key}:{order.id}:taken"
        book = node.book("production")
        if part <= 0 and await node.answered(book, key) is None:
            continue
        (said,) = await node.record("production", OutputTaken(order=order.id, quantity=q.text(part)), key=key)
        entry = await node.entry(await node.loaded(book), said)
        if entry is None:
            continue
        left -= q.decimal(entry.message.quantity)
        yield (await node.book_state("production")).orders[order.id], entry.message.quantity
