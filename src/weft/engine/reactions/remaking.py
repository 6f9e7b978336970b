"""What is owed and neither lies there nor is being made is made: more was agreed, or some of it was scrapped.

Rule 1: what is made counts until it lies there: also what has ended and could not be put into stock yet.
Rule 2: it takes what lies in stock; where something must be bought for it, that is the owner's task.
Not here: what begins with an order (``ordering.py``).
"""

from collections.abc import Sequence
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
from weft.stock.messages import Produced
from weft.stock.state import State
from weft.trade.order_state import OrderLine, OrderState, Phase


def lot_of(order: Order) -> str:
    """The lot that is what ``order`` puts out."""
    return f"L{order.id}"


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
    coming = _coming(top_orders(production, demand), stock, line)
    item = own_item(stock, partner, line.item, line.buyer_item)
    held = sum((q.decimal(one.quantity) for one in levels.reservations_of(stock, demand.thread, demand.line)
                if one.item == item), Decimal(0))
    missing = line.open - coming - held
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


def _coming(orders: Sequence[Order], stock: State, line: OrderLine) -> Decimal:
    """What ``orders`` for ``line`` are still to put into stock; of what has ended no more than was made and not sent.

    Long after, the stock book has forgotten what it booked: then it was sent.
    """
    making = sum((q.decimal(one.quantity) - q.decimal(one.taken) for one in orders if not one.closed), Decimal(0))
    ended = [one for one in orders if one.closed]
    waits = sum((q.decimal(one.made) - q.decimal(one.taken) for one in ended if not _put(stock, one)), Decimal(0))
    made = sum((q.decimal(one.made) for one in ended), Decimal(0))
    return making + max(Decimal(0), min(waits, made - q.decimal(line.despatched)))


def _put(stock: State, order: Order) -> bool:
    """Whether the stock book knows the last output of ``order``, as far as it remembers."""
    whole = order.taken == "0" and lot_of(order) in stock.lots
    return whole or f"{Produced.__name__}:{order.id}" in stock.booked
