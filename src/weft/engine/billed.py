"""How much of an order is on bills: what was received against what was billed in the relationship.

Not here: making a bill (``reactions/invoicing.py``).
"""

from decimal import Decimal

from weft.basis import quantity as q
from weft.engine.node import Node
from weft.trade.messages import Invoice
from weft.trade.order_state import OrderState


async def unbilled(node: Node, relationship: str, thread: str, state: OrderState) -> dict[str, str]:
    """What was received in good order and is on no invoice of ``relationship`` yet, by line of the order ``thread``."""
    billed: dict[str, Decimal] = {}
    for logged in await node.log(relationship):
        if isinstance(logged.message, Invoice) and not logged.void and logged.message.kind == "goods":
            for line in logged.message.lines:
                if line.order == thread:
                    billed[line.order_line] = billed.get(line.order_line, Decimal(0)) + q.decimal(line.quantity)
    left = {name: q.decimal(line.received) - billed.get(name, Decimal(0)) for name, line in state.lines.items()}
    return {name: q.text(amount) for name, amount in left.items() if amount > 0}
