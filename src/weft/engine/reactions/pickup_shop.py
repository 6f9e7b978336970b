"""A shop that hands out what belongs to others: what it has inspected, handed out, taken back and sent back is booked.

Rule 1: what lies here stays the sender's, in every line of our book.
Rule 2: nothing here waits for the network: what happened at the counter is a fact, and is booked at once.
Not here: whether a code is right (``commands/pickup.py``), the bill for it (``invoicing.py``, as for everything).
"""

from typing import Any

from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.offering import other_member, own_item
from weft.engine.reactions.sending import book_came
from weft.stock import messages as sm


async def book_inspected(node: Node, cause: Cause) -> None:
    """We have said what came: the good pieces lie here, and are the sender's."""
    named = await pickup.held(node, cause.thread)
    sent = (await node.state(cause.thread)).despatches.get(cause.message.despatch)
    if named is None or sent is None or sent.kind != "materials":
        return
    stock, partner = await node.book_state("stock"), await other_member(node, cause.thread)
    new = []
    for line in sent.lines:
        try:
            own_item(stock, partner, line.item)
        except NotFound:
            words = named.names.get(line.item, "")
            new.append(sm.ItemDefined(item=sm.Item(id=line.item, zh=words, en=words, unit=line.unit, kind="product",
                                                   partner_numbers={partner: line.item})))
    if new:
        await node.record("stock", *new, key=f"{cause.key}:items")
    await book_came(node, cause)


async def book_hand_out(node: Node, cause: Cause) -> None:
    """The goods have left with who brought the code."""
    if await pickup.held(node, cause.thread) is None or cause.message.kind != "goods":
        return
    handed = (await pickup.goods_of(node, cause.thread)).handed
    partner = await other_member(node, cause.thread)
    stock = await node.book_state("stock")
    said: list[Any] = [
        sm.Issued(ref=f"{cause.id}:{item}", item=own_item(stock, partner, item), quantity=q.text(amount),
                  owner=partner, thread=cause.thread, gone=True, at=cause.message.at)
        for item, amount in handed.items()]
    await node.record("stock", *said, key=cause.key)


async def book_return(node: Node, cause: Cause) -> None:
    """Goods were brought back: they lie here again for who sent them."""
    if await pickup.held(node, cause.thread) is None:
        return
    partner, stock = await other_member(node, cause.thread), await node.book_state("stock")
    lots = tuple(sm.LotIn(id=f"{cause.id[:8]}-{place}", item=own_item(stock, partner, line.line),
                          quantity=line.quantity, owner=partner) for place, line in enumerate(cause.message.lines))
    await node.record("stock", sm.Received(ref=cause.id, lots=lots, why="return", partner=partner,
                                           at=cause.message.at), key=cause.key)


async def book_sent_back(node: Node, cause: Cause) -> None:
    """What lay here has gone back to its owner."""
    if await pickup.held(node, cause.thread) is None:
        return
    partner, stock = await other_member(node, cause.thread), await node.book_state("stock")
    await node.record("stock", *(
        sm.Moved(ref=f"{cause.id}:{place}", item=own_item(stock, partner, line.line), quantity=line.quantity,
                 owner=partner, to=partner, thread=cause.thread, at=cause.message.at)
        for place, line in enumerate(cause.message.lines)), key=cause.key)
