"""Exact quantities and money: decimals as strings with a unit code, rounded per line, half up.

Units are UN/ECE Recommendation 20 codes, currencies ISO 4217. Never floats.
Rule 1: a decimal string is plain: digits and at most one point, no exponent, no leading zeros, no blanks. What
        we write ourselves (``text``) has one spelling, without trailing zeros.
Rule 2: rounding is half up (四舍五入), per line, to the currency's minor unit.
Not here: prices (``pricing/``), stock (``stock/``).
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from weft.basis.errors import Invalid

DIGITS_MAX: Final = 18
UNITS: Final = frozenset({"C62", "EA", "PCE", "KGM", "GRM", "TNE", "MTR", "MMT", "CMT", "MTK", "LTR", "MLT",
                          "SET", "PR", "NPR", "BX", "MIN", "HUR", "SEC", "DAY", "KWH", "RO", "NRL", "MTQ"})
WHOLE_UNITS: Final = frozenset({"C62", "EA", "PCE", "SET", "PR", "NPR", "BX", "RO", "NRL"})  # counted, never split
MINOR_UNITS: Final = {"CNY": 2, "EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "HKD": 2, "JPY": 0, "KRW": 0, "TWD": 2}
_PLAIN: Final = re.compile(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?")
_WIDE: Final = Context(prec=100)  # the product of any two readable quantities, and sums of many, are exact in it


def decimal(text: str, where: str = "") -> Decimal:
    """The exact value of ``text``; raises ``Invalid('quantity.malformed')``."""
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise Invalid("quantity.malformed", value=str(text)[:40], where=where)
    value = Decimal(text)
    if len(value.as_tuple().digits) > DIGITS_MAX or abs(value.adjusted()) > DIGITS_MAX:
        raise Invalid("quantity.malformed", value=text[:40], where=where)
    return value


def text(value: Decimal) -> str:
    """The one spelling of ``value``: plain notation without trailing zeros."""
    return "0" if value == 0 else format(value.normalize(_WIDE), "f")


def positive(quantity: str, where: str = "") -> Decimal:
    """The value of ``quantity`` if it is above zero; raises ``Invalid('quantity.not-positive')``."""
    value = decimal(quantity, where)
    if value <= 0:
        raise Invalid("quantity.not-positive", value=quantity, where=where)
    return value


def unit(code: str, where: str = "") -> str:
    """``code`` if it is a unit we know; raises ``Invalid('quantity.unit')``."""
    if code not in UNITS:
        raise Invalid("quantity.unit", value=str(code)[:10], where=where)
    return code


def currency(code: str, where: str = "") -> str:
    """``code`` if it is a currency we know; raises ``Invalid('money.currency')``."""
    if code not in MINOR_UNITS:
        raise Invalid("money.currency", value=str(code)[:10], where=where)
    return code


def round_money(amount: Decimal, currency_code: str) -> Decimal:
    """``amount`` rounded half up to the minor unit of ``currency_code``."""
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency_code]), ROUND_HALF_UP, _WIDE)


def money(amount: Decimal, currency_code: str) -> str:
    """``amount`` rounded and written with the currency's full minor digits, as on an invoice."""
    return format(round_money(amount, currency_code), "f")
