"""Quotations, orders, bills and slips in the one form that the check of a price reads.

Rule 1: nothing is computed but what both firms agree on: an order has its quotation's prices, a bill shares those of
        its orders, as accepted changes have left them.
Rule 2: a step of a price's explanation may say how a line is called in the book (``item``), and which book it follows.
Not here: the check itself (``pricing/check.py``), where documents come from (``evidence.py``, ``checking.py``).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from weft.basis.errors import Invalid
from weft.pricing.document import Document, Line
from weft.till.slip import Slip
from weft.trade import change
from weft.trade.messages import Invoice, InvoiceLine, OrderChange, Quotation, QuotationLine, RequestForQuotation
from weft.trade.order_state import OrderLine, OrderState

ITEM: Final = "item"  # kinds of steps in a line's trace that tell of the book
BOOK: Final = "book"
WHOLE: Final = {"deposit": "deposit_percent", "retention": "retention_percent"}


class Word(NamedTuple):
    """A message that counts: its event, thread and author, when its author says it was said."""

    id: str
    thread: str
    by: str
    at: str
    message: Any


class Deal(NamedTuple):
    """An order: the quotation that was accepted, and (proposal, option taken) of what was changed since."""

    quotation: Word
    changes: Sequence[tuple[OrderChange, str]] = ()


def quotation(said: Word, request: Word | None = None) -> Document:
    """The quotation ``said``; ``request``: what it answers."""
    message: Quotation = said.message
    return Document(kind="quotation", id=said.id, seller=said.by, number=message.number, at=said.at,
                    currency=message.currency, net=message.net, tax=message.tax, gross=message.gross,
                    lines=tuple(_quoted(said, line, request) for line in message.lines))


def is_other(request: RequestForQuotation, offer: Quotation) -> bool:
    """Whether ``offer`` is priced for other attributes than ``request`` asks for."""
    return offer.price is not None and offer.price.attributes != request.attributes


def order(said: Word, accepted: Word, request: Word | None = None) -> Document:
    """The order ``said`` of the quotation ``accepted``: the same prices, under the order's name."""
    quoted = quotation(accepted, request)
    return replace(quoted, kind="order", id=said.id, number=said.message.number, at=said.at)


def invoice(said: Word, deals: Mapping[str, Deal], slips: Mapping[str, Slip] = MappingProxyType({})) -> Document:
    """The bill ``said``; ``deals`` are its orders by thread, ``slips`` what a till sold on account, by hash.

    What has none of them stands without a rule.
    """
    message: Invoice = said.message
    return Document(kind="invoice", id=said.id, seller=said.by, number=message.number, at=said.at,
                    currency=message.currency, net=message.net, tax=message.tax, gross=message.gross,
                    lines=tuple(_sold(line, slips[line.order]) if line.order in slips else
                                _billed(message, line, deals.get(line.order)) for line in message.lines))


def slip(said: Slip) -> Document:
    """The slip ``said``; of goods taken back the price is that of their sale. Raises ``Invalid`` for a day's close."""
    if said.kind == "close":
        raise Invalid("evidence.incomplete", what="close")
    lines = tuple(Line(
        line=str(number), item=line.item, quantity=line.quantity, unit=line.unit, base=line.base, net=line.net,
        tax=line.tax, gross=line.gross, tax_category=line.tax_category, tax_percent=line.tax_percent, book=said.book,
        attributes=dict(said.attributes), off_book=said.off_book, changed=said.kind == "return")
        for number, line in enumerate(said.lines, 1))
    return Document(kind="slip", id=said.hash, seller=said.firm, number=said.number, at=said.at,
                    currency=said.currency, net=said.net, tax=said.tax, gross=said.gross, lines=lines)


def _quoted(said: Word, line: QuotationLine, request: Word | None = None) -> Line:
    price = said.message.price
    other = request is not None and is_other(request.message, said.message)
    told = {kind: name for kind, name, _, _ in line.trace if kind in {ITEM, BOOK}}
    return Line(
        line=line.line, item=told.get(ITEM, line.item), name=line.item, quantity=line.quantity, unit=line.unit,
        unit_price=line.unit_price, base=line.base, net=line.net, tax=line.tax, gross=line.gross,
        tax_category=line.tax_category, tax_percent=line.tax_percent, priced_at=said.at,
        book=told.get(BOOK, price.book) if price else "", attributes=dict(price.attributes) if price else {},
        inputs=dict(line.inputs), off_book=said.message.off_book,
        asked=dict(request.message.attributes) if request is not None and other else None)


def agreed(deal: Deal) -> dict[str, Line]:
    """The lines of an order as they were agreed last, by line."""
    message: Quotation = deal.quotation.message
    quoted = {line.line: _quoted(deal.quotation, line) for line in message.lines}
    state = OrderState(currency=message.currency, lines={line.line: _ordered(line) for line in message.lines})
    for proposed, option in deal.changes:
        for one in proposed.options:
            if one.id == option:
                state = change.take(state, one)
    return {name: _as_changed(quoted[name], line) for name, line in state.lines.items()}


def _ordered(line: QuotationLine) -> OrderLine:
    return OrderLine(line=line.line, item=line.item, unit=line.unit, ordered=line.quantity, unit_price=line.unit_price,
                     base=line.base, net=line.net, tax=line.tax, gross=line.gross, promise=line.promise,
                     first_promise=line.promise)


def _as_changed(before: Line, after: OrderLine) -> Line:
    now = (after.ordered, after.unit_price, after.net, after.tax, after.gross)
    if now == (before.quantity, before.unit_price, before.net, before.tax, before.gross):
        return before
    unit_price = after.unit_price if after.unit_price != before.unit_price else ""
    return replace(before, quantity=after.ordered, unit_price=unit_price, net=after.net, tax=after.tax,
                   gross=after.gross, changed=True)


def _sold(line: InvoiceLine, said: Slip) -> Line:
    """A bill's line of what a till sold; its place on the slip is its line."""
    whole = tuple(replace(one, priced_at=said.at) for one in slip(said).lines if one.line == line.order_line)
    return Line(
        line=line.order_line, item=whole[0].item if whole else line.item, name=line.item, quantity=line.quantity,
        unit=line.unit, net=line.net, tax=line.tax, gross=line.gross, tax_category=line.tax_category,
        tax_percent=line.tax_percent, book=said.book if whole else "", agreed=whole, order=line.order,
        priced_at=said.at)


def _billed(message: Invoice, line: InvoiceLine, deal: Deal | None) -> Line:
    found = agreed(deal) if deal is not None else {}
    whole: tuple[Line, ...] = (found[line.order_line],) if line.order_line in found else ()
    percent = ""
    if deal is not None and message.kind in WHOLE:
        whole, percent = tuple(found.values()), getattr(deal.quotation.message, WHOLE[message.kind])
    first = whole[0] if whole else None
    return Line(
        line=line.order_line, item=first.item if first else line.item, name=line.item, quantity=line.quantity,
        unit=line.unit, net=line.net, tax=line.tax, gross=line.gross, tax_category=line.tax_category,
        tax_percent=line.tax_percent, book=first.book if first else "", agreed=whole, percent=percent, order=line.order,
        priced_at=first.priced_at if first else "")
