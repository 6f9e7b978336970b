"""The local time of a place: what its clock shows at an instant, and when it first shows a time.

A place is an IANA name (``Europe/Berlin``) or a fixed offset (``+08:00``, ``UTC``). Instants are UTC milliseconds since
1970; a *wall* time is what the clock shows, written as if it were UTC, so that days and minutes can be reckoned with.
Rule 1: a wall time means the first instant at which the clock shows it or a later one. What the clock leaves out in
        spring is the moment of the change, what it shows twice in autumn is the first time: wall times in order are
        instants in order, so shifts that meet on the clock neither overlap nor leave a gap.
Rule 2: names are read from the ``tzdata`` that came with this program, never from the machine's own files: the same
        version says the same everywhere (docs/decisions/0010-time-zones.md).
Rule 3: no clock changes there and back within four days (a test asks all of them), so most stretches are asked once.
Not here: the present time (``engine/clock.py``), dates in words (``locale/formats.py``).
"""

import difflib
import functools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC as _UTC
from datetime import datetime, timedelta, tzinfo
from importlib import resources
from typing import Final

from weft.basis import instant
from weft.basis.errors import Invalid

MINUTE: Final = 60_000
DAY: Final = 86_400_000
_STRETCH: Final = 4 * DAY
_STRETCHES_MAX: Final = 4_096
_CHANGES: Final = 1  # of a stretch: no clock is one millisecond ahead
AHEAD_MAX: Final = 14 * 60  # minutes
EXAMPLES: Final = "Europe/Berlin, Asia/Shanghai, +08:00"  # for who has written something else
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=_UTC)
_FIRST, _LAST = instant.FIRST_MS + 2 * DAY, instant.LAST_MS - 2 * DAY  # a clock shows no day outside the calendar
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII | re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*(?<!.{65})", re.ASCII)
_ALSO: Final = {"beijing": "Asia/Shanghai", "peking": "Asia/Shanghai", "china": "Asia/Shanghai",
                "中国": "Asia/Shanghai", "北京": "Asia/Shanghai", "北京时间": "Asia/Shanghai", "上海": "Asia/Shanghai"}


class Zone:
    """The clock of a place; made by ``of`` and ``fixed`` alone, so that one name is one object."""

    __slots__ = ("_ahead", "_info", "_stretches", "name")

    def __init__(self, name: str, info: tzinfo | None, ahead: int = 0) -> None:
        """``info`` None: the clock is ever ``ahead`` milliseconds ahead of UTC."""
        self.name, self._info, self._ahead = name, info, ahead
        self._stretches: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"Zone({self.name})"

    @property
    def is_fixed(self) -> bool:
        """Whether its clock never changes."""
        return self._info is None

    def ahead(self, at: int) -> int:
        """Milliseconds that the clock is ahead of UTC at an instant."""
        if self._info is None:
            return self._ahead
        stretch = at // _STRETCH
        held = self._stretches.get(stretch)
        if held is None:
            if len(self._stretches) >= _STRETCHES_MAX:
                self._stretches.clear()
            first = self._asked(stretch * _STRETCH)
            held = self._stretches[stretch] = first if first == self._asked((stretch + 1) * _STRETCH - 1) else _CHANGES
        return self._asked(at) if held == _CHANGES else held

    def _asked(self, at: int) -> int:
        moment = (_EPOCH + timedelta(milliseconds=min(max(at, _FIRST), _LAST))).astimezone(self._info)
        return _ms(moment.utcoffset())

    def offset(self, at: int) -> int:
        """Whole minutes that the clock is ahead of UTC at an instant."""
        return self.ahead(at) // MINUTE

    def wall(self, at: int) -> int:
        """What the clock shows at an instant."""
        return at + self.ahead(at)

    def utc(self, wall: int) -> int:
        """The first instant at which the clock shows ``wall`` or later (rule 1)."""
        if self._info is None:
            return wall - self._ahead
        held = self.ahead(wall - 2 * DAY)
        if held == self.ahead(wall + 2 * DAY):
            return wall - held
        shown = (_EPOCH + timedelta(milliseconds=min(max(wall, _FIRST), _LAST))).replace(tzinfo=self._info)
        before, after = _ms(shown.utcoffset()), _ms(shown.replace(fold=1).utcoffset())
        if before >= after:  # once, or twice: PEP 495 gives the first time first
            return wall - before
        return self._change(wall - after, wall - before)  # left out: before the one the clock has not changed yet

    def _change(self, low: int, high: int) -> int:
        """The first instant up to ``high`` at which the clock is ahead by other than at ``low``."""
        before = self.ahead(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.ahead(middle) == before else (low, middle)
        return high

    def changes(self, begin: int, end: int) -> Iterator[int]:
        """The instants from ``begin`` to ``end`` at which the clock is put on or back."""
        while begin < end and not self.is_fixed:
            then = min(begin + _STRETCH, end)
            if self.ahead(begin) != self.ahead(then):
                yield self._change(begin, then)
            begin = then

    def day(self, at: int) -> str:
        """The local date of an instant, such as ``2026-11-25``."""
        return instant.from_ms(self.wall(at))[:10]

    def begins(self, day: str, where: str = "") -> int:
        """When a local date begins; raises ``Invalid('instant.malformed')``."""
        return self.utc(instant.to_ms(f"{day}T00:00:00.000Z", where))

    def ends(self, day: str, where: str = "") -> int:
        """When a local date is over, and the next begins; raises ``Invalid('instant.malformed')``."""
        return self.utc(instant.to_ms(f"{day}T00:00:00.000Z", where) + DAY)

    def marks(self, begin: int, end: int, step: int) -> Iterator[int]:
        """The instants from ``begin`` to ``end`` at which the clock shows a full ``step`` (ms), each once."""
        wall, last = -(-self.wall(begin) // step) * step, begin - 1
        while (at := self.utc(wall)) <= end:
            if at > last:
                yield at
                last = at
            wall += step

    def days(self, begin: int, end: int, length: int = 1) -> Iterator[tuple[int, int]]:
        """The local days (weeks, if ``length`` is 7) that touch [``begin``, ``end``), whole: begin and end of each."""
        day = self.wall(begin) // DAY
        day -= (day + 3) % 7 if length == 7 else 0  # 1970-01-01 was a Thursday
        while (first := self.utc(day * DAY)) < end:
            following = self.utc((day + length) * DAY)
            if following > max(first, begin):  # a place that moves across the date line leaves a day out
                yield first, following
            day += length

    def told(self, at: int) -> str:
        """The offset at an instant as people write it: ``UTC+08:00``."""
        return f"UTC{_sign(self.offset(at))}"


def _ms(delta: timedelta | None) -> int:
    return (delta or timedelta()) // timedelta(milliseconds=1)


def _sign(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


@functools.lru_cache(1024)
def fixed(minutes: int) -> Zone:
    """The clock that is ever so many minutes ahead of UTC."""
    return Zone(_sign(minutes) if minutes else "UTC", None, minutes * MINUTE)


UTC: Final = fixed(0)


def is_form(name: str) -> bool:
    """Whether ``name`` looks like that of a place, known here or not; this is the same in every version."""
    return _NAME.fullmatch(name) is not None


def offset_of(text: str) -> int | None:
    """``+08:00``, ``UTC+8``, ``utc`` or ``Z`` in minutes; None for what is no offset."""
    plain = text.strip().replace(" ", "")
    if plain.upper() in {"UTC", "Z", "0"}:
        return 0
    found = _OFFSET.fullmatch(plain)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return None if minutes > AHEAD_MAX else minutes * (-1 if found[1] == "-" else 1)


@functools.lru_cache(1024)
def of(text: str) -> Zone:
    """The zone that somebody has written; raises ``Invalid('zone.unknown')`` with the nearest name (``mend``)."""
    minutes = offset_of(text)
    if minutes is not None:
        return fixed(minutes)
    name = _names().get(text.strip().lower().replace(" ", "_"))
    if name is None:
        raise Invalid("zone.unknown", value=text[:40], mend=_near(text) or EXAMPLES)
    return _named(name)


@functools.lru_cache(1024)
def _named(name: str) -> Zone:
    from zoneinfo import ZoneInfo  # takes a while, and a fixed offset needs none

    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return Zone(name, ZoneInfo.from_file(file, key=name))


@functools.cache
def _names() -> Mapping[str, str]:
    """Every name of the database by its small letters."""
    listed = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in listed}


def _near(text: str) -> str:
    """The name that may have been meant, also by its city alone; "" when there is none."""
    plain = text.strip().lower().replace(" ", "_")
    cities = {name.rpartition("/")[2]: full for name, full in _names().items()}
    known = {**_ALSO, **cities, **_names()}
    near = difflib.get_close_matches(plain[:60], known, n=1, cutoff=0.7)
    return known[near[0]] if near else ""
