"""What binds us to our prices: a book that is published is logged, and our quotations, orders and bills are committed.

Rule 1: a document is committed by who sells: its own quotation and bill, and the order that it was given.
Not here: when a batch is made (``pricelog/batches.py``), what partners are shown of it (``pricelog/showing.py``).
"""

from weft.basis.canonical import unb64
from weft.basis.errors import WeftError
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.pricelog import batches, exceptions, showing
from weft.engine.reactions.offering import other_member, own_item
from weft.trade.order_state import OrderState


async def log_book(node: Node, cause: Cause) -> None:
    """Our book is published: others can see from now on that it is."""
    await showing.log_book(node, cause.message.hash)


async def commit_document(node: Node, cause: Cause) -> None:
    """Our quotation or bill is said, or an order came: it is bound into the next batch."""
    await batches.pending(node, unb64(cause.id, 32), await other_member(node, cause.thread))


async def commit_order(node: Node, cause: Cause) -> None:
    """An order came: it is bound into the next batch, and a price off the book is agreed by it."""
    state: OrderState = await node.state(cause.thread)
    if state.quotation is not None and state.quotation_id == cause.message.quotation:
        await exceptions.agreed(node, cause.id, state.quotation, await _own(node, cause.thread))
    await commit_document(node, cause)


async def count_change(node: Node, cause: Cause) -> None:
    """A change was agreed: a price in it may be off the book."""
    state: OrderState = await node.state(cause.thread)
    change = state.changes.get(cause.message.change)
    members = await node.members(cause.thread)
    if change is None or not cause.message.option or members[node.organisation] != "seller":
        return
    option = next((one for one in change.options if one.id == cause.message.option), None)
    if option is not None:
        await exceptions.changed(node, cause.id, state, option, await _own(node, cause.thread))


async def _own(node: Node, thread: str) -> exceptions.Own:
    """Our names of the items in ``thread``."""
    stock, partner = await node.book_state("stock"), await other_member(node, thread)

    def named(item: str) -> str:
        try:
            return own_item(stock, partner, item)
        except WeftError:
            return item

    return named
