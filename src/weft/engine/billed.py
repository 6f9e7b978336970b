"""How much of an order is on bills: what was received against what was billed in the relationship.

Rule 1: what was credited counts as not billed by its money: a credit of 5 % frees no whole piece.
Not here: making a bill (``reactions/invoicing.py``), whether one bill follows what was agreed (``pricing/worth.py``).
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from weft.basis import quantity as q
from weft.engine.node import Node
from weft.engine.pricelog import gathering
from weft.pricing import exact
from weft.trade.messages import CreditNote, Invoice, InvoiceLine
from weft.trade.order_state import OrderState, Phase
from weft.trade.relationship_state import KEPT, RelationshipState

ENDED = (Phase.CLOSED, Phase.CANCELLED)
_Key = tuple[str, str]
_Bill = TypeVar("_Bill", Invoice, CreditNote)


class Over(NamedTuple):
    """With a partner's bill more of a line is ``billed`` in all than its ``limit``: what was ordered, or came."""

    number: str
    line: str
    billed: str
    limit: str


async def unbilled(node: Node, relationship: str, thread: str, state: OrderState) -> dict[str, str]:
    """What was received in good order and is on no invoice of ``relationship`` yet, by line of the order ``thread``."""
    billed: dict[str, Decimal] = {}
    for bill in await _bills_of(node, relationship, thread):
        for line in bill.lines if bill.kind == "goods" else ():
            if line.order == thread:
                billed[line.order_line] = billed.get(line.order_line, Decimal(0)) + q.decimal(line.quantity)
    left = {name: q.decimal(line.received) - billed.get(name, Decimal(0)) for name, line in state.lines.items()}
    return {name: q.text(amount) for name, amount in left.items() if amount > 0}


async def _bills_of(node: Node, relationship: str, thread: str) -> list[Invoice]:
    """The bills that name the order ``thread`` and count."""
    loaded = await node.loaded(relationship)
    names = await node.bills.of(node, relationship, thread)
    if all(name in loaded.state.documents for name in names):
        said: list[Any] = [await node.entry(loaded, name) for name in names]
    else:  # one that is settled and forgotten, or does not count: only the whole history tells which
        said = [one for one in await node.log(relationship) if not one.void]
    return [one.message for one in said if one is not None and isinstance(one.message, Invoice)]


async def forgotten(node: Node, relationship: str, order: str, state: RelationshipState) -> bool:
    """Whether goods of ``order`` were billed so long ago that ``state`` has forgotten the bill."""
    if len(state.documents) < KEPT:
        return False
    names = [name for name in await node.bills.of(node, relationship, order) if name not in state.documents]
    said = [await _said(node, relationship, name, Invoice) for name in names]
    return any(one is not None and one.kind == "goods" for one in said)


async def over(node: Node, relationship: str, state: RelationshipState) -> dict[str, Over]:
    """The partner's bills, by id, with which an order or a slip is billed for more than it is, across all bills.

    The first bills of a line stand; those that go beyond it are told. What one bill asks too much, the check of its
    price tells.
    """
    bills = {name: one for name, one in state.documents.items()
             if one.by != node.organisation and one.kind == "invoice" and one.purpose == "goods"
             and Decimal(one.gross) > Decimal(one.credited) + Decimal(one.retained)}
    counted = Counter(order for one in bills.values() for order in one.orders)
    twice = {order for order, n in counted.items() if n > 1}
    if not twice:
        return {}
    told = [name for name, one in bills.items() if not twice.isdisjoint(one.orders)]
    seller = next(iter(bills.values())).by
    limits = {**await _sold(node, relationship, seller, twice), **await _ordered(node, twice)}
    said = {name: _sums(bill.lines) for name in told if (bill := await _said(node, relationship, name, Invoice))}
    notes = [note for name, one in state.documents.items() if one.kind == "credit-note" and one.invoice in said
             and (note := await _said(node, relationship, name, CreditNote))]
    total = _credited(notes, said)
    found: dict[str, Over] = {}
    for name, lines in said.items():
        for key, (amount, _) in lines.items():
            if key not in limits:
                continue
            total[key] = total.get(key, Fraction(0)) + amount
            number, limit = limits[key]
            if total[key] > limit:
                found.setdefault(name, Over(number, key[1], exact.written(round(total[key], 6)), exact.written(limit)))
    return found


async def _said(node: Node, thread: str, name: str, kind: type[_Bill]) -> _Bill | None:
    """The word ``name`` in ``thread``, if it is still there and a ``kind``."""
    entry = await node.entry(await node.loaded(thread), name)
    return entry.message if entry is not None and isinstance(entry.message, kind) else None


def _sums(lines: Iterable[InvoiceLine]) -> dict[_Key, tuple[Fraction, Fraction]]:
    """Quantity and gross by order and line."""
    found: dict[_Key, tuple[Fraction, Fraction]] = {}
    for line in lines:
        amount, gross = found.get((line.order, line.order_line), (Fraction(0), Fraction(0)))
        found[line.order, line.order_line] = (amount + Fraction(q.decimal(line.quantity)),
                                              gross + Fraction(q.decimal(line.gross)))
    return found


def _credited(
    notes: Iterable[CreditNote], said: dict[str, dict[_Key, tuple[Fraction, Fraction]]],
) -> dict[_Key, Fraction]:
    """What credit notes take off, below zero: the share of the money, and no more than they name."""
    found: dict[_Key, Fraction] = {}
    for note in notes:
        billed = said[note.invoice]
        for key, (amount, gross) in _sums(note.lines).items():
            whole, money = billed.get(key, (Fraction(0), Fraction(0)))
            if money > 0:
                found[key] = found.get(key, Fraction(0)) - min(amount, whole * min(gross / money, Fraction(1)))
    return found


async def _ordered(node: Node, orders: set[str]) -> dict[_Key, tuple[str, Fraction]]:
    """Number and limit by order and line: what was ordered or came, if more; of a deal that has ended what came."""
    found: dict[_Key, tuple[str, Fraction]] = {}
    for thread in orders & set(node.threads("order")):
        state = await node.state(thread)
        number = state.order.number if state.order else ""
        for name, line in state.lines.items():
            came = Fraction(q.decimal(line.received))
            found[thread, name] = (
                number, came if state.phase in ENDED else max(came, Fraction(q.decimal(line.ordered))))
    return found


async def _sold(node: Node, thread: str, seller: str, names: set[str]) -> dict[_Key, tuple[str, Fraction]]:
    """The same of what a till sold on account, as ``seller`` has shown it; a bill without its slip has no rule."""
    found: dict[_Key, tuple[str, Fraction]] = {}
    for name in sorted(names):
        shown = await gathering.slip_shown(node, seller, name, thread)
        if shown is not None:
            slip = shown[1].slip
            found |= {(name, str(place)): (slip.number, Fraction(q.decimal(line.quantity)))
                      for place, line in enumerate(slip.lines, 1)}
    return found
