"""A buyer that fetches at a shop: keeps what it is told, and books out what it has brought back.

Not here: naming the place and the code (``commands/pickup.py``), receiving the goods (``sending.py``).
"""

import msgspec

from weft.basis.errors import Unavailable
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.offering import other_member, own_item
from weft.stock import messages as sm


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
    if (await node.members(cause.thread)).get(node.organisation) != "buyer":
        return
    state = await node.state(cause.thread)
    if any(one.kind == "goods" and not one.receipt for one in state.despatches.values()):
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
        await node.record("stock", *said, key=cause.key)
