"""Amounts of a document against the rule: each line by itself, shares of what was agreed, and the sums.

Rule 1: amounts are compared exactly, to the last minor digit; what a price was called is not compared.
Rule 2: a bill shares the agreed amounts by quantity, rounded half up; a deposit or what was held back is a per cent of
        the whole, and may be less. What a bill asks for twice counts together.
Not here: whether the book is the right one (``check.py``), when it was in force (``timing.py``).
"""

from collections.abc import Iterator
from decimal import Context, Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple

import msgspec

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.pricing import evaluate
from weft.pricing.document import Document, Line
from weft.pricing.schema import PriceBook

AMOUNTS: Final = ("net", "tax", "gross")
_WIDE: Final = Context(prec=100)  # a share of a readable amount is exact in it


class Told(NamedTuple):
    """A finding without its step."""

    weight: Literal["red", "amber", "note"]
    code: str
    facts: dict[str, str | int]


def compared(line: Line, book: PriceBook | None, currency: str) -> list[Told]:
    """What differs between ``line`` and what ``book`` gives for it; nothing when they are the same."""
    facts: dict[str, str | int] = {"item": line.name or line.item}
    if book is None:
        return [Told("amber", "off-book" if line.off_book else "no-book", facts)]
    try:
        priced = evaluate.price(book, _attributes(line, currency))
    except Invalid as error:
        return [_differs(line, "not-in-rule", {**facts, "why": error.code})]
    if not _same(line, priced, currency):
        return [_differs(line, "price-differs", {**facts, "said": line.net, "rule": priced.net, "currency": currency})]
    if line.name not in {"", line.item} and any(one.item == line.name for one in book.lines):
        return [Told("amber", "other-item", {**facts, "taken": line.item})]
    if line.name not in {"", line.item} and not line.inputs:  # a partner's own number, or another thing's price
        return [Told("note", "called-otherwise", {**facts, "taken": line.item})]
    return []


def asked(line: Line, book: PriceBook | None, currency: str) -> Iterator[Told]:
    """That ``line`` was priced for another choice than its buyer asked for."""
    if line.asked is None or book is None or line.off_book or line.changed:
        return
    try:
        wanted = evaluate.price(book, _attributes(msgspec.structs.replace(line, attributes=line.asked), currency)).net
        dearer = quantity.decimal(line.net) > quantity.decimal(wanted)
    except Invalid:
        wanted, dearer = "?", False
    yield Told("red" if dearer else "amber", "asked-other", {
        "item": line.name or line.item, "said": line.net, "rule": wanted, "currency": currency})


def otherwise(line: Line, rival: PriceBook, currency: str) -> Iterator[Told]:
    """That another book of the seller, in force at the same time, gives another price for ``line``."""
    try:
        priced = evaluate.price(rival, _attributes(line, currency))
    except Invalid:
        return
    if priced.currency == currency and not _equal(priced.net, line.net):
        yield Told("amber", "two-rules", {"item": line.name or line.item, "other": priced.net, "said": line.net,
                                          "currency": currency})


def _attributes(line: Line, currency: str) -> evaluate.Attributes:
    given = {**line.attributes, "item": line.item, "quantity": line.quantity, "unit": line.unit, "currency": currency,
             "inputs": line.inputs}
    try:
        return msgspec.convert(given, evaluate.Attributes)
    except msgspec.ValidationError as error:
        raise Invalid("pricing.shape", where="attributes", detail=str(error)[:120]) from error


def _same(line: Line, priced: evaluate.Priced, currency: str) -> bool:
    amounts = all(_equal(getattr(line, name), getattr(priced, name)) for name in AMOUNTS)
    tax = line.tax_category == priced.tax_category and _equal(line.tax_percent, priced.tax_percent)
    unit = not line.unit_price or (_equal(line.unit_price, priced.unit_price) and _equal(line.base, priced.base))
    return amounts and tax and unit and priced.currency == currency


def _equal(one: str, other: str) -> bool:
    try:
        return quantity.decimal(one) == quantity.decimal(other)
    except Invalid:
        return False


def _differs(line: Line, code: str, facts: dict[str, str | int]) -> Told:
    """That the price is another: allowed where both were told, or have agreed to a change; else a contradiction."""
    if line.off_book:
        return Told("amber", "off-book", {"item": facts["item"]})
    return Told("amber", "changed", {"item": facts["item"]}) if line.changed else Told("red", code, facts)


def shares(document: Document) -> Iterator[Told]:
    """Lines of a bill that are no share of what was agreed."""
    for line in document.lines:
        if not line.agreed:
            continue
        facts = {"item": line.name or line.item, "currency": document.currency, "said": line.gross}
        try:
            wanted = _share(line, document.currency)
            given = [Fraction(quantity.decimal(getattr(line, name))) for name in AMOUNTS]
        except (Invalid, KeyError, ZeroDivisionError):
            yield Told("red", "bill-differs", {**facts, "agreed": "?"})
            continue
        gross = quantity.money(_decimal(wanted[2]), document.currency)
        if given[2] > wanted[2] or (not line.percent and given[2] == wanted[2] and given != wanted):
            yield Told("red", "bill-differs", {**facts, "agreed": gross})
        elif given[2] < wanted[2] and not line.percent:
            yield Told("amber", "bill-lower", {**facts, "agreed": gross})


def together(document: Document) -> Iterator[Told]:
    """What a bill asks for more than was agreed in all: each of its lines may be a share by itself."""
    asked: dict[tuple[str, str, str], list[Line]] = {}
    for line in document.lines:
        if line.agreed:
            asked.setdefault((line.order, "" if line.percent else line.line, line.percent), []).append(line)
    for lines in asked.values():
        first, what = lines[0], "gross" if lines[0].percent else "quantity"
        try:
            limit = _share(first, document.currency)[2] if first.percent else Fraction(
                quantity.decimal(first.agreed[0].quantity))
            said = sum((Fraction(quantity.decimal(getattr(one, what))) for one in lines), Fraction(0))
        except (Invalid, KeyError, ZeroDivisionError):
            continue  # told by ``shares``
        if said <= limit:
            continue
        facts: dict[str, str | int] = {"item": first.name or first.item, "said": quantity.text(_decimal(said)),
                                       "agreed": quantity.text(_decimal(limit))}
        if not first.percent:
            yield Told("amber", "bill-more", facts)
        elif len(lines) > 1:  # one alone was told already
            yield Told("red", "bill-differs", {**facts, "currency": document.currency})


def _share(line: Line, currency: str) -> list[Fraction]:
    """Net, tax and gross that ``line`` may bill."""
    places = quantity.MINOR_UNITS[currency]
    if line.percent:
        whole = sum((Fraction(quantity.decimal(one.gross)) for one in line.agreed), Fraction(0))
        gross = _rounded(whole * Fraction(quantity.decimal(line.percent)) / 100, places)
        return [gross, Fraction(0), gross]
    (whole_line,) = line.agreed
    part = Fraction(quantity.decimal(line.quantity)) / Fraction(quantity.decimal(whole_line.quantity))
    net, gross = (_rounded(Fraction(quantity.decimal(getattr(whole_line, name))) * part, places)
                  for name in ("net", "gross"))
    return [net, gross - net, gross]


def _rounded(value: Fraction, places: int) -> Fraction:
    """``value`` to ``places`` decimals, half up."""
    scaled = value * 10**places
    return Fraction((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator), 10**places)


def _decimal(value: Fraction) -> Decimal:
    """``value``, which ends within a number's decimals, whatever its size."""
    return _WIDE.divide(Decimal(value.numerator), Decimal(value.denominator))


def sums(document: Document) -> Iterator[Told]:
    """Totals that are not the sums of the lines."""
    for name in AMOUNTS:
        try:
            added = sum((Fraction(quantity.decimal(getattr(line, name))) for line in document.lines), Fraction(0))
            if added == Fraction(quantity.decimal(getattr(document, name))):
                continue
        except Invalid:
            pass
        yield Told("red", "sums", {"said": getattr(document, name)})
        return
