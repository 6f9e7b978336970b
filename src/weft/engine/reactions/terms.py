"""What the owner adds to an offer that the book does not say: deposit, retention, tolerance, and a price off the book.

Rule 1: terms are kept until the offer is made, since suppliers may have to be asked first.
Rule 2: a price off the book is possible, and both sides see that it is one.
Not here: the price by the book (``pricing/``), the offer itself (``offering.py``).
"""

from decimal import Decimal
from fractions import Fraction

import msgspec

from weft.basis import quantity as q
from weft.engine.memory import TERMS
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.trade.messages import Quotation, QuotationLine


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Percentages are decimal strings; ``unit_prices`` maps a line to a net price per unit that is off the book.

    ``inputs``: what the rate card is given for parts made to a drawing, by line and name (``1/kg``); ``1/card`` says
    which card, where there are several.
    """

    deposit_percent: str = "0"
    retention_percent: str = "0"
    over_delivery_percent: str = "0"
    payment_term: str = ""
    note: str = ""
    unit_prices: dict[str, str] = {}
    inputs: dict[str, str] = {}


async def keep(node: Node, thread: str, terms: Terms) -> None:
    """Remember ``terms`` for the next offer in ``thread``."""
    await node.store.commit(Batch(values=[(TERMS, thread, msgspec.json.encode(terms))]))


async def kept(node: Node, thread: str) -> Terms | None:
    """The terms for the next offer in ``thread``, if there are any."""
    data = await node.store.value(TERMS, thread)
    return None if data is None else msgspec.json.decode(data, type=Terms)


async def apply(node: Node, thread: str, offer: Quotation) -> Quotation:
    """``offer`` with the owner's terms, if there are any."""
    terms = await kept(node, thread)
    if terms is None:
        return offer
    lines = tuple(_priced(line, terms.unit_prices.get(line.line, ""), offer.currency) for line in offer.lines)

    def total(name: str) -> str:
        return q.money(sum((Decimal(getattr(line, name)) for line in lines), Decimal(0)), offer.currency)

    return msgspec.structs.replace(
        offer, lines=lines, net=total("net"), tax=total("tax"), gross=total("gross"),
        off_book=offer.off_book or bool(terms.unit_prices), deposit_percent=terms.deposit_percent,
        retention_percent=terms.retention_percent, over_delivery_percent=terms.over_delivery_percent,
        payment_term=terms.payment_term, note=terms.note)


def _priced(line: QuotationLine, unit_price: str, currency: str) -> QuotationLine:
    """``line`` at a net price of its own; rounded per line, half up."""
    if not unit_price:
        return line
    exact = Fraction(q.decimal(unit_price, line.line)) * Fraction(q.decimal(line.quantity))
    net = q.round_money(Decimal(exact.numerator) / Decimal(exact.denominator), currency)
    tax = q.round_money(net * q.decimal(line.tax_percent) / 100, currency)
    return msgspec.structs.replace(
        line, unit_price=unit_price, base="1", net=q.money(net, currency), tax=q.money(tax, currency),
        gross=q.money(net + tax, currency), trace=(), inputs={})
