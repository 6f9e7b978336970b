"""Values between their two spellings: the text of an XML Schema type and the value of JSON.

IDTA-01001 v3.1.2 §6 (mapping of data types in the value-only format).
Rule 1: digits are never lost: ``exact`` gives the very digits that are stored, ``written`` stores those that came.
Rule 2: what JSON has no number for (INF, NaN) is told as text, and read back from it.
Not here: whether a text is of its type (``metamodel/judge.py``).
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid

WHOLE: Final = frozenset({
    "xs:long", "xs:int", "xs:integer", "xs:short", "xs:byte", "xs:unsignedLong", "xs:unsignedInt", "xs:unsignedShort",
    "xs:unsignedByte", "xs:nonNegativeInteger", "xs:positiveInteger", "xs:negativeInteger", "xs:nonPositiveInteger"})
REAL: Final = frozenset({"xs:double", "xs:float", "xs:decimal"})
DIGITS_MAX: Final = 400    # what is larger is no measure of anything, and costs as much to write out as it has digits
_TRUTH: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
_NUMBER: Final = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?")


class Number(str):
    """A number of JSON with the digits in which it came."""

    __slots__ = ()


def parsed(body: bytes) -> Any:
    """The JSON in ``body``, its numbers as ``Number``; raises ``Invalid('twin.value-json')``."""
    try:
        return json.loads(body.decode(), parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("twin.value-json") from error


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def typed(text: str, kind: str, *, exact: bool = False) -> Any:
    """``text`` of the XML Schema type ``kind`` as the value of JSON; what does not fit its type stays text.

    ``exact``: numbers as ``msgspec.Raw`` with the digits of ``text``, for ``msgspec.json``; else int or float.
    """
    if kind == "xs:boolean":
        return _TRUTH.get(text, text)
    if kind not in WHOLE and kind not in REAL:
        return text
    digits = _json_number(text)
    if digits is None:
        return text
    if exact:
        return msgspec.Raw(digits.encode())
    return _natural(text, kind)


def _natural(text: str, kind: str) -> Any:
    try:
        if kind in WHOLE:
            return int(text)
        number = Decimal(text)
        if kind == "xs:decimal" and number == number.to_integral_value() and abs(number.adjusted()) < DIGITS_MAX:
            return int(number)
        return float(number)
    except (ValueError, InvalidOperation):
        return text


def _json_number(text: str) -> str | None:
    """``text`` as JSON spells numbers, with all its digits; None when it is none."""
    match = _NUMBER.fullmatch(text)
    if match is None or not any(one.isdigit() for one in text.partition("e")[0].partition("E")[0]):
        return None
    sign, whole, part, power = match.groups()
    return (("-" if sign == "-" else "") + (whole or "0") + (f".{part}" if part else "")
            + (f"e{power}" if power else ""))


def written(value: Any, kind: str) -> str | None:
    """``value`` of JSON as text of the type ``kind``, in the digits in which it came; None when it cannot be one."""
    if isinstance(value, bool):
        return ("true" if value else "false") if kind == "xs:boolean" else None
    if isinstance(value, Number | int | float):
        return _digits(str(value) if isinstance(value, Number) else _spelled(value), kind)
    return value if isinstance(value, str) else None


def same(old: str, new: str, kind: str) -> bool:
    """Whether two texts of one type are the same value in the same digits, such as +7 and 7, 1 and true."""
    if kind == "xs:boolean":
        return _TRUTH.get(old, old) == _TRUTH.get(new, new)
    return old == new or (kind in WHOLE | REAL and _json_number(old) is not None
                          and _json_number(old) == _json_number(new))


def _spelled(value: float) -> str:
    text = repr(value)
    return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(text, text)


def _digits(text: str, kind: str) -> str | None:
    if kind in ("xs:double", "xs:float"):
        return text
    if kind not in WHOLE and kind != "xs:decimal":
        return None
    plain = "e" not in text.lower() and "n" not in text.lower()
    if plain and ("." not in text or kind == "xs:decimal"):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        return None
    if kind == "xs:decimal":
        return format(number, "f")
    return format(number.to_integral_value(), "f") if number == number.to_integral_value() else None
