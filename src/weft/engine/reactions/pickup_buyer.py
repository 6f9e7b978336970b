"""A buyer that fetches at a shop: keeps what it is told, and books out what it has brought back.

Not here: naming the place and the code (``commands/pickup.py``), receiving the goods (``sending.py``).
"""

from decimal import Decimal

import msgspec

from weft.basis import instant
from weft.basis.errors import Unavailable
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.making import trace
from weft.engine.reactions.offering import other_member, own_item
from weft.engine.reactions.ordering import link_of
from weft.engine.reactions.selling import moved
from weft.stock import messages as sm
from weft.trace import events as traces
from weft.trade.order_state import OrderState


async def note_places(node: Node, cause: Cause) -> None:
    """The seller says where we may fetch the goods."""
    await pickup.keep(node, pickup.OFFERS, cause.thread, pickup.Offer(cause.message.places))


async def note_ready(node: Node, cause: Cause) -> None:
    """The seller says what lies there for us."""
    found = await pickup.row(node, pickup.FETCHES, cause.thread, pickup.Fetch)
    if found is not None:
        told = msgspec.structs.replace(found, ready=cause.message.lines, off=cause.message.off)
        await pickup.keep(node, pickup.FETCHES, cause.thread, told)


async def book_brought_back(node: Node, cause: Cause) -> None:
    """The seller confirms what we have brought back: it is no longer in our stock."""
    link = await link_of(node, cause.thread)
    if (await node.members(cause.thread)).get(node.organisation) != "buyer" \
            or (link is not None and await pickup.is_service_of(node, link.thread, cause.thread)):
        return  # brought back to a shop that hands out for us (``pickup_seller.py``)
    state = await node.state(cause.thread)
    if not await _booked_in(node, state):
        raise Unavailable("pickup.receipt-first")  # what is not booked in cannot be booked out
    stock, partner = await node.book_state("stock"), await other_member(node, cause.thread)
    said = []
    for place, back in enumerate(cause.message.lines):
        line = state.lines.get(back.line)
        if line is not None:
            item = line.buyer_item if line.buyer_item in stock.items else own_item(stock, partner, line.item)
            said.append(sm.Issued(ref=f"{cause.id}:{place}", item=item, quantity=back.quantity, why="back-to-owner",
                                  partner=partner, thread=cause.thread, gone=True, at=cause.message.at))
    if said:
        booked = await node.record("stock", *said, key=cause.key)
        sent = traces.Despatched(goods=tuple(await moved(node, booked)), partner=partner, thread=cause.thread,
                                 despatch=cause.id, at=cause.message.at or instant.from_ms(cause.at_ms))
        await trace(node, traces.despatched(node.organisation, sent), f"{cause.key}:trace")


async def _booked_in(node: Node, state: OrderState) -> bool:
    """Whether we have said what came of everything, and have it in our stock."""
    for sent in state.despatches.values():
        if sent.kind == "goods" and not sent.receipt:
            return False
        booked = await node.answered(node.book("stock"), f"{sent.receipt}:book-receipt:stock")
        if sent.kind == "goods" and booked is None and any(Decimal(line.received) for line in sent.lines):
            return False
    return True
