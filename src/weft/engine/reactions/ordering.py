"""From an order to work: answer it, create production orders, order from suppliers, send material along.

Rule 1: work begins only when our answer is final: the buyer holds it, and nothing concurrent can undo it.
Rule 2: what an offer held becomes what the order uses; the place in the queue stays.
Rule 3: a cancellation reaches suppliers and the shop floor as far as they have not begun.
Not here: making and sending (``making.py``), moved dates (``lateness.py``).
"""

from decimal import Decimal
from typing import Any

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions import remaking
from weft.engine.reactions.holding import hold_again, let_go_of_older
from weft.engine.reactions.making import advance, deliver
from weft.engine.reactions.offering import LINKS, Link, next_number
from weft.engine.reactions.releasing import one_at_a_time, release
from weft.production.master import whole
from weft.production.messages import (
    CapacityReleased,
    DemandRef,
    MaterialExpected,
    ProductionOrderCancelled,
    ProductionOrderCreated,
    PromiseMade,
)
from weft.production.planning import in_force
from weft.production.state import STARTED
from weft.production.views import top_orders
from weft.stock import levels
from weft.trade.messages import DespatchAdvice, DespatchLine, Order, OrderCancellation, OrderResponse
from weft.trade.order_state import OrderState, Phase


async def answer_order(node: Node, cause: Cause) -> None:
    """The buyer has ordered what we offered: accept, if the owner lets the node do so."""
    if node.config.rules.order != "auto":
        return
    state: OrderState = await node.state(cause.thread)
    if state.phase is Phase.ORDERED:
        await node.speak(cause.thread, OrderResponse(code="AP"), cause.key)


async def begin_work(node: Node, cause: Cause) -> None:
    """Our acceptance is final: production orders, promises, and orders to suppliers."""
    async with one_at_a_time(node, cause.thread):
        if cause.message.code != "AP":
            await release(node, cause.thread, "refused", cause.key)
            return
        await let_go_of_older(node, cause)
        await _create_orders(node, cause)
    if node.config.rules.subcontract == "auto":
        await order_from_suppliers(node, cause.thread, cause.key)
    await advance(node, f"{cause.key}:advance")
    await deliver(node, cause.thread, f"{cause.key}:deliver")
    if await hold_again(node, cause):
        await advance(node, f"{cause.key}:again:advance")
        await deliver(node, cause.thread, f"{cause.key}:again:deliver")


async def _create_orders(node: Node, cause: Cause) -> None:
    production = await node.book_state("production")
    state: OrderState = await node.state(cause.thread)
    said: list[Any] = []
    counts = {held.id for held in in_force(production)}
    for held in production.reservations.values():
        if held.demand.thread != cause.thread:
            continue
        line = state.lines.get(held.demand.line)
        due = line.promise if line else held.promise
        delivered = line is not None and line.open <= 0  # before a backup of ours was restored
        if held.id in counts and not delivered:
            said.extend(ProductionOrderCreated(order=draft, demand=held.demand, due=due, rank=held.rank,
                                               tolerance_percent="5") for draft in held.drafts)
            said.append(PromiseMade(demand=held.demand, at=due))
        said.append(CapacityReleased(id=held.id, why="ordered"))
    if said:
        await node.record("production", *said, key=f"{cause.key}:orders")


async def order_from_suppliers(node: Node, thread: str, key: str) -> None:
    """Order what suppliers quoted for this order."""
    production = await node.book_state("production")
    last: dict[str, str] = {}
    for sourcing in production.sourcings.values():
        if sourcing.demand.thread == thread and sourcing.closed == "complete":
            last = {need.thread: need.item for need in sourcing.needs}
    for child in last:
        state: OrderState = await node.state(child)
        if state.phase is Phase.QUOTED:
            order = Order(number=await next_number(node, "P"), quotation=state.quotation_id)
            await node.speak(child, order, f"{key}:{child}")


# ---- the buyer's side ----------------------------------------------------------------------------


async def take_supplier_response(node: Node, cause: Cause) -> None:
    """A supplier has accepted our order: send our material along; or refused it: nothing arrives."""
    if cause.message.code == "AP":
        await send_material(node, cause)
        return
    await expect_from(node, cause.thread, "", f"{cause.key}:refused")


async def send_material(node: Node, cause: Cause) -> None:
    """Free-issue material for the order leaves with the next van: it stays ours (委外带料)."""
    state: OrderState = await node.state(cause.thread)
    sent = any(one.kind == "materials" for one in state.despatches.values())
    link = await link_of(node, cause.thread)
    if link is not None and await pickup.is_service_of(node, link.thread, cause.thread):
        return  # to a shop that hands them out goods go when they are there
    if state.request is None or not state.request.materials or sent:
        return
    stock = await node.book_state("stock")
    lines = []
    share = _ordered_share(state)
    for place, material in enumerate(state.request.materials, 1):
        quantity = q.text(whole(q.decimal(material.quantity) * share, material.unit))
        lots = levels.pick(stock, material.item, quantity)
        lines.append(DespatchLine(line=str(place), item=material.item, quantity=quantity,
                                  unit=material.unit, lots=tuple(lot for lot, _ in lots)))
    advice = DespatchAdvice(number=await next_number(node, "M"), lines=tuple(lines), kind="materials",
                            at=instant.from_ms(node.clock.now_ms()))
    await node.speak(cause.thread, advice, cause.key)


def _ordered_share(state: OrderState) -> Decimal:
    """How much of what was first asked for was ordered in the end; material is sent in that proportion."""
    assert state.request is not None
    asked = sum((q.decimal(line.quantity) for line in state.request.lines), Decimal(0))
    ordered = sum((q.decimal(line.ordered) for line in state.lines.values()), Decimal(0))
    return ordered / asked if asked else Decimal(1)


async def expect_from(node: Node, child: str, at: str, key: str) -> None:
    """What comes by a child order is expected at ``at`` ("" when nobody knows)."""
    production = await node.book_state("production")
    said = [
        MaterialExpected(order=order.id, item=material.item, at=at, arrived=False, lots=())
        for order in production.orders.values() if not order.closed
        for material in order.materials
        if not material.arrived and material.ref.partition("#")[0] == child and material.at != at
    ]
    if said:
        await node.record("production", *said, key=key)


async def link_of(node: Node, child: str) -> Link | None:
    """What a child order serves; None for an order of its own."""
    data = await node.store.value(LINKS, child)
    return None if data is None else msgspec.json.decode(data, type=Link)


async def children(node: Node, thread: str) -> list[str]:
    """The child orders that serve ``thread``."""
    return [child for child, data in await node.store.values(LINKS)
            if msgspec.json.decode(data, type=Link).thread == thread]


# ---- cancellation --------------------------------------------------------------------------------


async def stop_work(node: Node, cause: Cause) -> None:
    """The buyer has cancelled: what has not begun is not made, what it held is free, suppliers are told."""
    production = await node.book_state("production")
    said = []
    for order in production.orders.values():
        begun = any(production.jobs[job].state in STARTED for job in order.jobs)
        if order.demand.thread == cause.thread and not order.closed and not begun:
            said.append(ProductionOrderCancelled(order=order.id, reason="cancelled"))
    if said:
        await node.record("production", *said, key=f"{cause.key}:orders")
    async with one_at_a_time(node, cause.thread):
        await release(node, cause.thread, "refused", cause.key)
    for child in await children(node, cause.thread):
        state: OrderState = await node.state(child)
        if state.phase in (Phase.ORDERED, Phase.CONFIRMED):
            await node.speak(child, OrderCancellation(reason="not-needed"), f"{cause.key}:{child}")


# ---- accepted changes ----------------------------------------------------------------------------


async def apply_change(node: Node, cause: Cause) -> None:
    """A change was accepted: the shop floor follows the order's new quantities."""
    if not cause.message.option:
        return
    state: OrderState = await node.state(cause.thread)
    production = await node.book_state("production")
    for name, line in state.lines.items():
        demand = DemandRef(thread=cause.thread, line=name)
        open_orders = [one for one in production.orders.values() if one.demand == demand and not one.closed]
        untouched = all(production.jobs[job].state not in STARTED for one in open_orders for job in one.jobs)
        if open_orders and line.open == 0 and untouched:
            await node.record("production", *(ProductionOrderCancelled(order=one.id, reason="change")
                                              for one in open_orders), key=f"{cause.key}:{name}:cancel")
    await make_missing(node, cause, state)
    await advance(node, f"{cause.key}:advance")
    await deliver(node, cause.thread, f"{cause.key}:deliver")


async def make_missing(node: Node, cause: Cause, state: OrderState) -> None:
    """More was agreed than is being made: make the rest as well; what must be bought for it is the owner's task."""
    production = await node.book_state("production")
    for name in state.lines:
        demand = DemandRef(thread=cause.thread, line=name)
        if any(q.decimal(one.quantity) for one in top_orders(production, demand)):
            await remaking.make_owed(node, demand, state, cause.id[:4], f"{cause.key}:{name}:more")
