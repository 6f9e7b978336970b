"""Checks of form that all trade messages pass: lengths, counts, names, numbers, money, instants.

Each raises ``Invalid`` with the place (``where``); all are total, whatever a peer sends.
Rule 1: what becomes a key of a state is ASCII, because canonical bytes want it so.
Not here: what a message may do in the present state (``bargain.py``, ``change.py``, ``delivery.py``, ``billing.py``).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from weft.basis import instant, quantity
from weft.basis.errors import Invalid
from weft.trade.numbers import total

LINES_MAX: Final = 200
NAME_MAX: Final = 100
WORDS_MAX: Final = 2000
ATTRIBUTES_MAX: Final = 20
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?")
_LINE = re.compile(r"[A-Za-z0-9._-]{1,20}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,50}")
_COMMITMENT = re.compile(r"[A-Za-z0-9_-]{43}")


def number(text: str, where: str) -> Decimal:
    """The value of ``text``: at most 12 digits before and 6 after the point."""
    if not _DECIMAL.fullmatch(text):
        raise Invalid("quantity.malformed", value=text[:40], where=where)
    return Decimal(text)


def not_negative(text: str, where: str) -> Decimal:
    value = number(text, where)
    if value < 0:
        raise Invalid("quantity.negative", value=text, where=where)
    return value


def positive(text: str, where: str) -> Decimal:
    value = number(text, where)
    if value <= 0:
        raise Invalid("quantity.not-positive", value=text, where=where)
    return value


def percent(text: str, where: str) -> Decimal:
    value = not_negative(text, where)
    if value > 100:
        raise Invalid("trade.percent", value=text, where=where)
    return value


def money(text: str, currency: str, where: str) -> Decimal:
    """The value of ``text`` if it has no more digits than ``currency`` has."""
    value = number(text, where)
    if value != quantity.round_money(value, currency):
        raise Invalid("money.too-fine", value=text, currency=currency, where=where)
    return value


def name(text: str, where: str, limit: int = NAME_MAX) -> str:
    """``text`` if there is any and it is short."""
    if not text.strip():
        raise Invalid("trade.text-missing", where=where)
    return words(text, where, limit)


def words(text: str, where: str, limit: int = WORDS_MAX) -> str:
    """``text`` if it is not longer than ``limit``."""
    if len(text) > limit:
        raise Invalid("trade.text-too-long", where=where, limit=limit)
    return text


def moment(text: str, where: str) -> str:
    """``text`` if it is an instant or empty."""
    if text:
        instant.to_ms(text, where)
    return text


def commitment(text: str, where: str) -> str:
    """``text`` if it is 32 bytes in base64url, or empty."""
    if text and not _COMMITMENT.fullmatch(text):
        raise Invalid("trade.commitment", where=where)
    return text


def line_id(text: str) -> str:
    if not _LINE.fullmatch(text):
        raise Invalid("trade.line-id", value=text[:40])
    return text


def counted(things: Collection[Any], where: str, most: int = LINES_MAX) -> None:
    """Refuse none and too many."""
    if not things:
        raise Invalid("trade.lines-none", where=where)
    if len(things) > most:
        raise Invalid("trade.lines-too-many", where=where, limit=most)


def distinct(lines: Iterable[str]) -> None:
    """Refuse a malformed or repeated line id."""
    seen: set[str] = set()
    for line in lines:
        line_id(line)
        if line in seen:
            raise Invalid("trade.line-twice", line=line)
        seen.add(line)


def attributes(given: Mapping[str, str], where: str) -> None:
    if len(given) > ATTRIBUTES_MAX:
        raise Invalid("trade.lines-too-many", where=where, limit=ATTRIBUTES_MAX)
    for key, value in given.items():
        if not _KEY.fullmatch(key):
            raise Invalid("trade.attribute-name", value=key[:40], where=where)
        words(value, where, NAME_MAX)


def taxed(priced: Any, currency: str, where: str) -> None:
    """Refuse a ``priced`` thing (line or document) whose net and tax do not make its gross."""
    net, tax, gross = (money(value, currency, where) for value in (priced.net, priced.tax, priced.gross))
    if net + tax != gross:
        raise Invalid("trade.tax-sum", where=where, net=priced.net, tax=priced.tax, gross=priced.gross)


def summed(document: Any, currency: str) -> None:
    """Refuse a document whose totals are not the sums of its lines."""
    taxed(document, currency, "total")
    for field in ("net", "tax", "gross"):
        sum_of_lines = total(getattr(line, field) for line in document.lines)
        if sum_of_lines != Decimal(getattr(document, field)):
            raise Invalid("trade.total", field=field, total=getattr(document, field), lines=str(sum_of_lines))
