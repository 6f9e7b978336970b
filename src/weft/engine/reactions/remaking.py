"""What is owed and neither lies there nor is being made is made: more was agreed, or some of it was scrapped.

Rule 1: it takes what lies in stock; where something must be bought for it, that is the owner's task.
Not here: what begins with an order (``ordering.py``).
"""

from decimal import Decimal

from weft.basis import quantity as q
from weft.basis.errors import Refused
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.reactions.offering import other_member, own_item, short
from weft.production import promise as promises
from weft.production.messages import DemandRef, ProductionOrderCreated
from weft.production.state import Order
from weft.production.views import top_orders
from weft.stock import levels
from weft.trade.order_state import OrderState, Phase


async def make_short(node: Node, order: Order, key: str) -> None:
    """``order`` has ended with fewer good pieces than are owed: what was scrapped is made again, where the owner lets
    the node take orders by itself; what must be bought for it is the owner's task.
    """
    if node.config.rules.order != "auto" or q.decimal(order.made) >= q.decimal(order.quantity):
        return
    state: OrderState = await node.state(order.demand.thread)
    members = await node.members(order.demand.thread)
    if state.phase is Phase.CONFIRMED and members.get(node.organisation) == "seller":
        await make_owed(node, order.demand, state, f"{order.id[-4:]}r", key)


async def make_owed(node: Node, demand: DemandRef, state: OrderState, suffix: str, key: str) -> None:
    """Make what is owed and neither lies there nor is being made; raises ``Refused`` when something must be bought."""
    production, stock = await node.book_state("production"), await node.book_state("stock")
    partner = await other_member(node, demand.thread)
    line = state.lines[demand.line]
    making = sum((q.decimal(one.quantity) for one in top_orders(production, demand) if not one.closed), Decimal(0))
    item = own_item(stock, partner, line.item, line.buyer_item)
    held = sum((q.decimal(one.quantity) for one in levels.reservations_of(stock, demand.thread, demand.line)
                if one.item == item), Decimal(0))
    missing = line.open - making - held
    if missing <= 0:
        return
    ask = promises.Ask(id=f"{short(demand.thread)}-{demand.line}-{suffix}", item=item, quantity=q.text(missing),
                       unit=line.unit)
    explosion = promises.explode(production.master, ask, levels.availability(stock, partner))
    if explosion.purchases or explosion.gaps:
        raise Refused("order.change-needs-purchase", line=demand.line, item=item)
    _, problem, plan = await present(node)
    offer = promises.propose(problem, plan, explosion, {})
    await node.record("production", *(ProductionOrderCreated(order=draft, demand=demand, due=line.promise)
                                      for draft in offer.drafts), key=key)
