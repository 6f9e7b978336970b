"""What binds us to our prices: a book that is published is logged, and our quotations, orders and bills are committed.

Rule 1: a document is committed by who sells: its own quotation and bill, and the order that it was given.
Not here: when a batch is made (``pricelog/batches.py``), what partners are shown of it (``pricelog/showing.py``).
"""

from weft.basis.canonical import unb64
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.pricelog import batches, exceptions, showing
from weft.engine.reactions.offering import other_member
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
        await exceptions.agreed(node, cause.id, state.quotation)
    await commit_document(node, cause)
