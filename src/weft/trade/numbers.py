"""Sums and shares of money and quantity, exact or rounded half up once, that never fail on what was checked.

Rule 1: arithmetic has 60 digits, so that no accepted number can overflow or lose a digit.
Not here: whether a number is well formed (``form.py``).
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from weft.basis.quantity import MINOR_UNITS

WIDE: Final = Context(prec=60, rounding=ROUND_HALF_UP)
ZERO: Final = Decimal(0)


def text(value: Decimal) -> str:
    """The one spelling of a quantity: plain notation without trailing zeros."""
    return format(WIDE.normalize(value), "f") if value else "0"


def money(value: Decimal, currency: str) -> str:
    """``value`` rounded and written with the full minor digits of ``currency``."""
    return format(WIDE.quantize(value, Decimal(1).scaleb(-MINOR_UNITS[currency])), "f")


def total(values: Iterable[str]) -> Decimal:
    """The sum of decimals written as text."""
    result = ZERO
    for value in values:
        result = WIDE.add(result, Decimal(value))
    return result


def share(amount: str, part: Decimal, whole: Decimal, currency: str) -> str:
    """``amount`` × ``part`` / ``whole`` as money; ``amount`` itself when ``whole`` is zero."""
    if not whole:
        return money(Decimal(amount), currency)
    return money(WIDE.divide(WIDE.multiply(Decimal(amount), part), whole), currency)


def percent_of(percent: str, value: Decimal) -> Decimal:
    """``percent`` per cent of ``value``, exactly."""
    return WIDE.divide(WIDE.multiply(Decimal(percent), value), Decimal(100))
