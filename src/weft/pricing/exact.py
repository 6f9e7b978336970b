"""Exact values written down, and the one rounding: half up.

Not here: reading numbers (``basis/quantity.py``), when anything is rounded (``evaluate.py``).
"""

from fractions import Fraction
from typing import Final

_EXACT_SCALE: Final = 10**12


def rounded(value: Fraction, places: int) -> int:
    """``value``, not below zero, in units of the last of ``places`` decimals, rounded half up."""
    above: int = value.numerator * 10**places
    below = value.denominator
    return (2 * above + below) // (2 * below)


def decimals(value: int, places: int) -> str:
    """``value`` units of the last of ``places`` decimals, with all ``places`` written."""
    whole, rest = divmod(value, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


def plain(value: int, places: int) -> str:
    """``value`` units of the last of ``places`` decimals in the one spelling, without zeros at the end."""
    return decimals(value, places).rstrip("0").rstrip(".") if places else str(value)


def written(value: Fraction) -> str:
    """``value`` as a decimal where it ends within 12 places, else as a fraction."""
    below = value.denominator
    if below == 1:
        return str(value.numerator)
    scaled, rest = divmod(value.numerator * _EXACT_SCALE, below)
    if rest:
        return f"{value.numerator}/{below}"
    whole, places = divmod(abs(scaled), _EXACT_SCALE)
    return f"{'-' if scaled < 0 else ''}{whole}.{places:012d}".rstrip("0")
