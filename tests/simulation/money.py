"""What people say about money in a simulated relationship: bills, credits, statements, payments, each by its command.

Rule 1: what is drawn is drawn once, so that asked again after a crash the same is said with the same key.
Not here: what is billed by itself (``weft/engine/reactions/invoicing.py``).
"""

import random
from decimal import Decimal
from typing import Any

from weft.engine.node import Node
from weft.trade.relationship_state import Document, RelationshipState, other

CURRENCY = "CNY"
Asked = tuple[str, dict[str, Any]]  # a command and its parameters


async def something(node: Node, thread: str, luck: random.Random) -> Asked | None:
    """A command about money that makes sense between us and the partner of ``thread`` now; None when there is none."""
    state: RelationshipState = await node.state(thread)
    partner = other(state, node.organisation)
    found = [*await _bills(node, partner), *_credits(state, node.organisation, partner, luck),
             *_statements(state, node.organisation, partner, luck), *_payments(state, node.organisation, partner, luck)]
    return luck.choice(found) if found else None


async def _bills(node: Node, partner: str) -> list[Asked]:
    """Bill again what may have been billed by itself a moment ago."""
    found: list[Asked] = []
    for thread in node.threads("order"):
        loaded = await node.loaded(thread)
        if loaded.members.get(node.organisation) == "seller" and partner in loaded.members and loaded.state.lines and \
                any(Decimal(line.received) for line in loaded.state.lines.values()):
            found.append(("invoice", {"thread": thread}))
    return found


def _credits(state: RelationshipState, us: str, partner: str, luck: random.Random) -> list[Asked]:
    """Some of a bill of ours is given back."""
    return [("credit", {"partner": partner, "invoice": name, "currency": CURRENCY, "reason": "damage",
                        "lines": (_share(bill, luck),)})
            for name, bill in state.documents.items()
            if bill.by == us and bill.kind == "invoice" and Decimal(bill.credited) < Decimal(bill.gross)]


def _share(bill: Document, luck: random.Random) -> dict[str, Any]:
    left = Decimal(bill.gross) - Decimal(bill.retained) - Decimal(bill.credited)
    money = f"{(left * luck.randint(1, 100) / 100).quantize(Decimal('0.01'))}"
    return {"order": bill.orders[0], "order_line": "1", "quantity": "1", "net": money, "tax": "0.00", "gross": money,
            "tax_category": "E"}


def _statements(state: RelationshipState, us: str, partner: str, luck: random.Random) -> list[Asked]:
    """Make one of all that is open, or answer one line by line."""
    found: list[Asked] = [("statement", {"partner": partner, "currency": CURRENCY})] * any(
        one.by == us for one in state.documents.values())
    for name, one in state.statements.items():
        if one.by == partner and one.status == "open":
            disputed = luck.random() < 0.2
            answers = [{"line": line, "confirmed": not disputed, "reason": "" if not disputed else "not ours"}
                       for line in one.entries]
            found.append(("answer-statement", {"partner": partner, "statement": name, "answers": answers}))
    return found


def _payments(state: RelationshipState, us: str, partner: str, luck: random.Random) -> list[Asked]:
    """Pay all that is open, part of one bill, or a statement; say whether a payment has come."""
    found: list[Asked] = []
    owed = [(name, one) for name, one in state.documents.items() if one.by == partner and one.free > 0]
    if owed:
        name, bill = luck.choice(owed)
        part = (bill.free * luck.randint(1, 100) / 100).quantize(Decimal("0.01"))
        found.append(("remit", {"partner": partner, "currency": CURRENCY}))
        if part > 0:
            found.append(("remit", {"partner": partner, "currency": CURRENCY, "allocations": {name: f"{part}"}}))
    for name, one in state.statements.items():
        if one.by == partner and one.status == "confirmed" and Decimal(one.balance) > 0:
            found.append(("remit", {"partner": partner, "currency": CURRENCY, "allocations": {name: one.balance}}))
    for name, paid in state.remittances.items():
        if paid.by == partner and paid.status == "announced":
            found.append(("confirm-remittance", {"partner": partner, "remittance": name,
                                                 "received": luck.random() < 0.85}))
    return found
