"""Dates, money and quantities as people of each language write them.

Instants come as UTC ISO 8601, quantities and money as decimal strings; out come words for a page.
Rule 1: what cannot be read is shown as it is; showing never fails.
Rule 2: digits are never dropped from a quantity or a price.
Not here: sentences (``__init__``), rounding (``basis/quantity.py``).
"""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from babel.dates import format_skeleton
from babel.numbers import format_currency, format_decimal

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.basis.zone import UTC, Zone
from weft.locale import known, text

_BABEL: Final = {"zh": "zh_Hans_CN", "en": "en_GB"}
DIGITS_MAX: Final = 28  # of a number that is written out; what has more stands as it was told
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock's time, as it is shown
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


def _moment(at: str, zone: Zone) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=zone.wall(instant.to_ms(at)))
    except (Invalid, OverflowError):
        return None


def _number(value: str) -> Decimal | None:
    """``value`` as a number to be written out; None when it is none, or has more digits than anybody reads."""
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError):
        return None
    if not number.is_finite() or len(number.as_tuple().digits) > DIGITS_MAX or abs(number.adjusted()) >= DIGITS_MAX:
        return None
    return number


def day(lang: str, at: str, zone: Zone = UTC) -> str:
    """The day of ``at``: ``5月3日周二``, ``Tue, 3 May``."""
    moment = _moment(at, zone)
    return at if moment is None else format_skeleton("MMMEd", moment, locale=_BABEL[lang])


def date(lang: str, at: str, zone: Zone = UTC) -> str:
    """The full date of ``at``, for papers: ``2026年5月3日``, ``3 May 2026``."""
    moment = _moment(at, zone)
    return at if moment is None else format_skeleton("yMMMd", moment, locale=_BABEL[lang])


def clock(lang: str, at: str, zone: Zone = UTC) -> str:
    """The time of day of ``at``: ``14:05``."""
    moment = _moment(at, zone)
    return at if moment is None else format_skeleton("Hm", moment, locale=_BABEL[lang])


def day_clock(lang: str, at: str, zone: Zone = UTC) -> str:
    """Day and time of ``at``."""
    moment = _moment(at, zone)
    return at if moment is None else f"{day(lang, at, zone)} {clock(lang, at, zone)}"


def moment(lang: str, at: str, zone: Zone = UTC) -> str:
    """Full date and time of ``at``, where no year goes without saying: ``3 May 2026 14:05``, ``2026年5月3日 14:05``."""
    if _moment(at, zone) is None:
        return at
    return f"{date(lang, at, zone)} {clock(lang, at, zone)}"


def is_instant(value: object) -> bool:
    """Whether ``value`` is an instant as we write it."""
    return isinstance(value, str) and value.endswith("Z") and _moment(value, UTC) is not None


def local_day(at: str, zone: Zone = UTC) -> str:
    """The local date of ``at`` as a form field wants it: ``2026-05-03``; empty when there is none."""
    moment = _moment(at, zone)
    return "" if moment is None else moment.date().isoformat()


def ago(lang: str, at: str, now_ms: int) -> str:
    """How long since, or until, ``at``: ``3 min ago``, ``in 2 days``."""
    try:
        passed = now_ms - instant.to_ms(at)
    except Invalid:
        return at
    side, amount = ("ago", passed) if passed >= 0 else ("ahead", -passed)
    if amount < _MINUTE:
        return text(lang, "time.now")
    for name, size in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if amount >= size:
            return text(lang, f"time.{name}-{side}", n=amount // size)
    return at


def number(lang: str, value: str) -> str:
    """``value`` with separators; all its digits stay."""
    parsed = _number(value)
    if parsed is None:
        return value
    exponent = parsed.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return format_decimal(parsed, format="#,##0" + ("." + "0" * places if places else ""), locale=_BABEL[lang])


def money(lang: str, value: str, currency: str) -> str:
    """``value`` of ``currency``: ``¥1,234.50``; further digits of a unit price stay."""
    parsed = _number(value)
    if parsed is None or not currency:
        return value
    exponent = parsed.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    if places <= 2:
        return _plain(format_currency(parsed, currency, locale=_BABEL[lang]))
    return _plain(format_currency(parsed, currency, format="¤#,##0." + "0" * places, locale=_BABEL[lang],
                                  currency_digits=False))


def _plain(told: str) -> str:
    """Our firms' own sign is short in every language, the yen keeps its letters; minus is a true minus sign."""
    return told.replace("CN¥", "¥").replace("-", "−")


def unit(lang: str, code: str) -> str:
    """The word for a unit code; the code itself when we have no word."""
    key = f"unit.{code}"
    return text(lang, key) if known(lang, key) else code


def amount(lang: str, value: str, code: str = "C62") -> str:
    """A quantity with its unit: ``1,200 pcs``, ``1,200 件``."""
    return f"{number(lang, value)} {unit(lang, code)}"


def seconds(lang: str, value: str) -> str:
    """A duration in seconds as people say it: ``45 s``, ``2 min 30 s``, ``1 h 5 min``."""
    parsed = _number(value)
    if parsed is None:
        return value
    whole = int(parsed.to_integral_value())
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left if not hours else 0, "s")]
    told = [f"{size} {text(lang, 'time.' + name)}" for size, name in parts if size]
    return " ".join(told[:2]) or f"0 {text(lang, 'time.s')}"
