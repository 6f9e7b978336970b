"""A shop that hands out what belongs to others: what it has inspected, handed out, taken back and sent back is booked.

Rule 1: what lies here stays the sender's, in every line of our book.
Rule 2: nothing here waits for the network: what happened at the counter is a fact, and is booked at once.
Rule 3: what is booked leaves its trace event, in the lots that its sender has named, and without who fetched it.
Not here: whether a code is right (``commands/pickup.py``), the bill for it (``invoicing.py``, as for everything).
"""

from typing import Any

from msgspec.structs import replace

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.making import trace
from weft.engine.reactions.offering import other_member, own_item
from weft.engine.reactions.selling import moved
from weft.engine.reactions.sending import book_came
from weft.stock import messages as sm
from weft.trace import events as traces


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
    booked = await node.record("stock", *said, key=cause.key)
    goods = await _goods(node, cause.thread, booked)
    await trace(node, traces.handed_out(node.organisation, goods, _at(cause), cause.thread, cause.id),
                f"{cause.key}:trace")


async def _goods(node: Node, thread: str, booked: list[str]) -> list[traces.Goods]:
    """The lots that events of the stock book moved; those that the sender has named carry its name."""
    state, partner = await node.state(thread), await other_member(node, thread)
    named = {lot for sent in state.despatches.values() if sent.kind == "materials"
             for line in sent.lines for lot in line.lots}
    return [replace(one, named_by=partner) if one.lot in named else one for one in await moved(node, booked)]


def _at(cause: Cause) -> str:
    return cause.message.at or instant.from_ms(cause.at_ms)


async def book_return(node: Node, cause: Cause) -> None:
    """Goods were brought back: they lie here again for who sent them."""
    if await pickup.held(node, cause.thread) is None:
        return
    partner, stock = await other_member(node, cause.thread), await node.book_state("stock")
    lots = tuple(sm.LotIn(id=f"{cause.id[:8]}-{place}", item=own_item(stock, partner, line.line),
                          quantity=line.quantity, owner=partner) for place, line in enumerate(cause.message.lines))
    booked = await node.record("stock", sm.Received(ref=cause.id, lots=lots, why="return", partner=partner,
                                                    at=cause.message.at), key=cause.key)
    back = traces.brought_back(node.organisation, await _goods(node, cause.thread, booked), _at(cause), cause.thread,
                               cause.id)
    await trace(node, back, f"{cause.key}:trace")


async def book_sent_back(node: Node, cause: Cause) -> None:
    """What lay here has gone back to its owner."""
    if await pickup.held(node, cause.thread) is None:
        return
    partner, stock = await other_member(node, cause.thread), await node.book_state("stock")
    booked = await node.record("stock", *(
        sm.Moved(ref=f"{cause.id}:{place}", item=own_item(stock, partner, line.line), quantity=line.quantity,
                 owner=partner, to=partner, thread=cause.thread, at=cause.message.at)
        for place, line in enumerate(cause.message.lines)), key=cause.key)
    sent = traces.Despatched(goods=tuple(await _goods(node, cause.thread, booked)), at=_at(cause), partner=partner,
                             thread=cause.thread, despatch=cause.id, kind="materials")
    await trace(node, traces.despatched(node.organisation, sent), f"{cause.key}:trace")
