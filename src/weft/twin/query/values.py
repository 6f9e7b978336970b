"""Texts of the model as numbers, instants, times, booleans and hex; their casts and comparisons.

XPath functions 3.0 and XML Schema, as IDTA-01002 v3.1 refers to them.
Rule 1: a cast that fails is None and never an exception; what None means is decided where values are compared.
Rule 2: the element index keeps what ``number`` and ``instant`` say here, so that a database cannot read otherwise.
Rule 3: an instant without a zone is UTC; a time is what the clock on the wall says.
"""

import re
from datetime import date, timedelta
from typing import Final

from weft.twin.query.tree import Constant, Type

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?|-?INF", re.ASCII)
_DATE: Final = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME: Final = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,20}))?)?"
_ZONE: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_INSTANT: Final = re.compile(rf"{_DATE}(?:T?{_TIME})?{_ZONE}", re.ASCII)
_CLOCK: Final = re.compile(_TIME + _ZONE, re.ASCII)
_HEX: Final = re.compile(r"(?:16#)?([0-9A-Fa-f]{1,1024})", re.ASCII)
_SPACE: Final = " \t\r\n"
_NUMBER_MAX: Final = 400  # characters; longer ones are no numbers that anybody means
DAY: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)


def number(text: str) -> float | None:
    """``text`` as xs:double; None for NaN and what is no number."""
    plain = text.strip(_SPACE)
    if len(plain) > _NUMBER_MAX or not _NUMBER.fullmatch(plain):
        return None
    return float(plain.replace("INF", "inf"))


def instant(text: str) -> int | None:
    """``text`` as xs:dateTime (or xs:date) in microseconds since 1970; None when it is none."""
    found = moment(text)
    return None if found is None else found[0]


def moment(text: str) -> tuple[int, int] | None:
    """(microseconds since 1970, minutes east of UTC), or None."""
    match = _INSTANT.fullmatch(text.strip(_SPACE)) if 10 <= len(text) <= 80 else None
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    within = _of_day(match[4], match[5], match[6], match[7]) if match[4] else 0
    east = _east(match[8])
    if within is None or east is None or year == 0:
        return None
    try:
        days = (date(year, month, day) - _EPOCH).days
    except ValueError:
        return None
    return days * DAY + within - east * 60_000_000, east


def clock(text: str) -> int | None:
    """``text`` as xs:time in microseconds of the day; None when it is none."""
    match = _CLOCK.fullmatch(text.strip(_SPACE)) if len(text) <= 80 else None
    if match is None or _east(match[5]) is None:
        return None
    within = _of_day(match[1], match[2], match[3], match[4])
    return None if within is None else within % DAY


def _of_day(hour: str, minute: str, second: str | None, fraction: str | None) -> int | None:
    parts = int(hour), int(minute), int(second or 0)
    micro = int(f"{fraction or ''}000000"[:6])
    if parts == (24, 0, 0) and not micro:
        return DAY
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        return None
    return ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000 + micro


def _east(zone: str | None) -> int | None:
    if zone in (None, "Z"):
        return 0
    assert zone is not None
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    if minutes > 14 * 60 or int(zone[4:6]) > 59:
        return None
    return -minutes if zone[0] == "-" else minutes


def boolean(text: str) -> bool | None:
    """``text`` as xs:boolean."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip(_SPACE))


def hexadecimal(text: str) -> int | None:
    """The digits of ``text``, with or without ``16#``, as a number."""
    match = _HEX.fullmatch(text.strip(_SPACE))
    return int(match[1], 16) if match else None


def typed(text: str, to: Type) -> Constant | None:
    """``text`` as a value of type ``to``, or None."""
    if to == "str":
        return Constant("str", text)
    read = {"num": number, "bool": boolean, "hex": hexadecimal, "dateTime": moment, "time": clock}[to]
    value = read(text)
    if value is None and to == "time":
        whole = moment(text)
        value = None if whole is None else _wall(whole) % DAY
    return None if value is None else Constant(to, value)


def _wall(when: tuple[int, int]) -> int:
    return when[0] + when[1] * 60_000_000


def cast(value: Constant, to: Type) -> Constant | None:
    """``value`` as a value of type ``to``, or None where XPath knows no such cast."""
    had = value.value
    if value.type == to:
        return value
    if isinstance(had, str):
        return typed(had, to)
    if to == "str":
        return Constant("str", text_of(value))
    if isinstance(had, tuple):
        return Constant("time", _wall(had) % DAY) if to == "time" else None
    if to == "bool" and value.type in {"num", "hex"}:
        return Constant("bool", bool(had))
    if to == "num" and value.type in {"bool", "hex"}:
        return Constant("num", _double(had))
    if to == "hex" and value.type in {"bool", "num"} and had >= 0 and float(had).is_integer():
        return Constant("hex", int(had))
    return None


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def text_of(value: Constant) -> str:
    """``value`` as XML Schema writes it."""
    had = value.value
    if isinstance(had, bool):
        return "true" if had else "false"
    if isinstance(had, tuple):
        return _written(had)
    if value.type == "time":
        return _clock_text(int(had))
    if value.type == "hex":
        return f"{int(had):X}"
    if isinstance(had, float):
        if had in {float("inf"), float("-inf")}:
            return "INF" if had > 0 else "-INF"
        return str(int(had)) if had == int(had) and abs(had) < 1e15 else repr(had)
    return str(had)


def _clock_text(micro: int) -> str:
    seconds, rest = divmod(micro, 1_000_000)
    fraction = f".{rest:06d}".rstrip("0").rstrip(".")
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}"


def _written(when: tuple[int, int]) -> str:
    days, micro = divmod(_wall(when), DAY)
    east = when[1]
    zone = "Z" if not east else f"{'-' if east < 0 else '+'}{abs(east) // 60:02d}:{abs(east) % 60:02d}"
    return f"{_date(days).isoformat()}T{_clock_text(micro)}{zone}"


def _date(days: int) -> date:
    """The day so many days after 1970; beyond the calendar, its first or last day."""
    return _EPOCH + timedelta(days=min(max(days, (date.min - _EPOCH).days), (date.max - _EPOCH).days))


def part(which: str, value: Constant) -> Constant | None:
    """The number that ``which`` takes out of a dateTime; Sunday is 0."""
    had = value.value
    if not isinstance(had, tuple):
        return None
    day = _date(_wall(had) // DAY)
    taken = {"$dayOfWeek": day.isoweekday() % 7, "$dayOfMonth": day.day, "$month": day.month, "$year": day.year}
    return Constant("num", float(taken[which]))


def compared(op: str, left: Constant, right: Constant) -> bool:
    """``left op right`` of two values of one type; booleans know equality alone, which ``$ge`` and ``$le`` imply."""
    a, b = left.value, right.value
    if isinstance(a, tuple) and isinstance(b, tuple):
        a, b = a[0], b[0]
    if op in {"$eq", "$ne"}:
        return (a == b) is (op == "$eq")
    if isinstance(a, bool):
        return op in {"$ge", "$le"} and a == b
    less, equal = a < b, a == b  # type: ignore[operator]  # both are of one type
    return {"$lt": less, "$le": less or equal, "$gt": not less and not equal, "$ge": not less}[op]
