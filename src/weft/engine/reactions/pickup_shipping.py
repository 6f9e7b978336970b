"""Goods that the buyer fetches at a shop are sent to the shop: they stay ours until they are handed out.

Not here: whether they may leave (``making.py``), what the shop says of them (``pickup_seller.py``).
"""

from decimal import Decimal
from typing import Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Refused
from weft.engine import pickup
from weft.engine.node import Node
from weft.engine.reactions.offering import next_number, other_member, own_item
from weft.production.messages import DemandRef
from weft.stock import levels
from weft.trade.messages import DespatchAdvice, DespatchLine
from weft.trade.order_state import OrderState, Phase
from weft.trade.pickup import Ledger

OVER: Final = frozenset({Phase.CLOSED, Phase.CANCELLED, Phase.DECLINED, Phase.REJECTED})


async def may_leave(node: Node, thread: str) -> bool:
    """Whether goods of our order ``thread`` may leave now: not before the shop has agreed to take them."""
    found = await pickup.sold(node, thread)
    return found is None or (bool(found.thread) and await _phase(node, found) in {Phase.CONFIRMED, *OVER})


async def _phase(node: Node, kept: pickup.Sold) -> Phase:
    """How far the order of the shop's service is."""
    state: OrderState = await node.state(kept.thread)
    return state.phase


async def to_shop(node: Node, thread: str, quantities: dict[str, str], key: str) -> list[str] | None:
    """Say to the shop that the goods are on their way; None when the buyer does not fetch them there (any more)."""
    found = await pickup.sold(node, thread)
    if found is None:
        return None
    if found.thread and (first := await node.answered(found.thread, key)) is not None:
        return first
    if not await may_leave(node, thread):
        raise Refused("pickup.shop-not-ready", place=found.named.place.name)
    ledger = await pickup.goods_of(node, found.thread)
    if ledger.out or await _phase(node, found) in OVER:
        return None  # the parcel is gone: what comes later is sent to the buyer
    lines = await _missing_there(node, thread, quantities, ledger)
    if not lines:
        raise Refused("pickup.there-already", place=found.named.place.name)
    advice = DespatchAdvice(number=await next_number(node, "M"), kind="materials", lines=lines,
                            at=instant.from_ms(node.clock.now_ms()))
    return await node.speak(found.thread, advice, key)


async def _missing_there(
    node: Node, thread: str, quantities: dict[str, str], ledger: Ledger
) -> tuple[DespatchLine, ...]:
    """What is to be sent so that ``quantities`` by line lie at the shop."""
    state: OrderState = await node.state(thread)
    wanted: dict[tuple[str, str], Decimal] = {}
    lots: dict[str, tuple[str, ...]] = {}
    stock, partner = await node.book_state("stock"), await other_member(node, thread)
    for name, quantity in quantities.items():
        line = state.lines[name]
        item = own_item(stock, partner, line.item, line.buyer_item)
        wanted[item, line.unit] = wanted.get((item, line.unit), Decimal(0)) + min(q.decimal(quantity), line.open)
        lots[item] = await _made(node, DemandRef(thread=thread, line=name), item)
    lines = []
    for place, ((item, unit), amount) in enumerate(wanted.items(), 1):
        there = ledger.here.get(item, Decimal(0)) + ledger.under_way.get(item, Decimal(0))
        missing = amount - there
        if missing > 0:
            picked = tuple(lot for lot, _ in levels.pick(stock, item, q.text(missing)))
            lines.append(DespatchLine(line=str(place), item=item, quantity=q.text(missing), unit=unit,
                                      lots=lots[item] or picked))
    return tuple(lines)


async def _made(node: Node, demand: DemandRef, item: str) -> tuple[str, ...]:
    """The lots that were made for this line."""
    stock, production = await node.book_state("stock"), await node.book_state("production")
    return tuple(f"L{one.id}" for one in production.orders.values()
                 if one.demand == demand and f"L{one.id}" in stock.lots and one.item == item)
