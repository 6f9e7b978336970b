"""Production Calendar (IDTA 02067): the working time of a machine as an iCalendar file (RFC 5545).

Filled from: the calendar of the work centre that the machine belongs to.
Rule 1: each weekly shift is one event that repeats; a special day is taken out of it and stands by itself.
Rule 2: times are those of the clock of the place; when it is put on and back stands in the file, up to ``LAST_YEAR``.
Not here: planning with it (``production/calendar.py``).
"""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.zone import UTC, Zone
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import short
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import listing, submodel

ID_SHORT: Final = "ProductionCalendar"
_BASE: Final = "https://admin-shell.io/idta/ProductionCalendar"
SEMANTIC: Final = "https://admin-shell.io/idta/SubmodelTemplate/ProductionCalendar/1/0"
VERSION: Final = {"version": "1", "revision": "0"}
VARIABLE: Final = "X_PRODUCTION_DAY"  # the template's own word for time in which the asset produces
SPECIFICATION: Final = "/aasx/files/X_PRODUCTION_DAY.txt"
_FIRST: Final = date(2024, 1, 1)  # a Monday: from here on weekly shifts repeat
LAST_YEAR: Final = 2037
_SINCE, _UNTIL = (instant.to_ms(f"{year}-01-01T00:00:00.000Z") for year in (_FIRST.year - 1, LAST_YEAR + 1))
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local, as told
_LINE_MAX: Final = 75  # octets, RFC 5545 §3.1

Minutes = tuple[int, int]


class Special(msgspec.Struct, frozen=True):
    """A date that differs from its weekday; no ``spans``: nobody works."""

    date: str
    spans: tuple[Minutes, ...] = ()
    note: str = ""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Working time: ``shifts`` as (weekday, from, to), Monday is 0, minutes of the local day; "" for no calendar.

    ``variable`` explains ``VARIABLE`` to people.
    """

    machine: str
    id: str = ""
    titles: dict[str, str] = {}
    zone: Zone = UTC
    shifts: tuple[tuple[int, int, int], ...] = ()
    special: tuple[Special, ...] = ()
    variable: str = ""


def gaps(calendar: Calendar) -> list[Gap]:
    """A machine that no work centre names has no working time."""
    return [] if calendar.id else [Gap(ID_SHORT, "work-centre", {"machine": calendar.machine})]


def file_of(calendar: Calendar) -> str:
    """How the submodel names its file: apart from those of other machines, so that one package holds them all."""
    return f"/aasx/files/{short(calendar.machine or calendar.id, 'Calendar_')}.ics"


def build(name: str, calendar: Calendar) -> Json:
    """The submodel whose id is ``name``; what its files hold is ``files``."""
    variable = e.collection("", [
        e.prop("variableName", VARIABLE, f"{_BASE}/variableName/1/0"),
        e.file("variableSpecification", SPECIFICATION, "text/plain", f"{_BASE}/variableSpecification/1/0"),
    ], f"{_BASE}/specificationExtensionVariables/1/0")
    return submodel(name, ID_SHORT, [
        e.file("calendar", file_of(calendar), "text/calendar", f"{_BASE}/calendar/1/0"),
        listing("specificationExtensionVariables", [variable], f"{_BASE}/specificationExtensionVariables/1/0"),
    ], SEMANTIC, VERSION)


def files(calendar: Calendar) -> dict[str, bytes]:
    """What the File elements of the submodel name, by their value."""
    return {file_of(calendar): icalendar(calendar), SPECIFICATION: f"{calendar.variable}\n".encode()}


def icalendar(calendar: Calendar) -> bytes:
    """``calendar`` as an iCalendar file."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Weft//Production calendar//EN", "CALSCALE:GREGORIAN",
             f"NAME:{_escaped(_title(calendar))}", f"X-WR-CALNAME:{_escaped(_title(calendar))}",
             *_zone(calendar.zone)]
    for number, shift in enumerate(calendar.shifts):
        lines += _weekly(calendar, number, shift)
    for special in calendar.special:
        for number, (start, end) in enumerate(special.spans):
            lines += _event(calendar, f"{special.date}-{number}", date.fromisoformat(special.date), (start, end),
                            special.note)
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line)).encode()


def _title(calendar: Calendar) -> str:
    return " ".join(calendar.titles.values()) or calendar.id


def _place(zone: Zone) -> str:
    """What times name as their clock; without a name it is described by its offset alone."""
    return "Local" if zone.is_fixed else zone.name


def _zone(zone: Zone) -> list[str]:
    """The clock of the place (RFC 5545 §3.6.5): how it was before all shifts, and each way in which it changes."""
    lines = ["BEGIN:VTIMEZONE", f"TZID:{_place(zone)}", *_observed(zone.offset(_SINCE), zone.offset(_SINCE), [])]
    ways: dict[tuple[int, int], list[datetime]] = {}
    for at in zone.changes(_SINCE, _UNTIL):
        before, after = zone.offset(at - 1), zone.offset(at)
        ways.setdefault((before, after), []).append(_EPOCH + timedelta(milliseconds=at, minutes=before))
    for (before, after), onsets in ways.items():
        lines += _observed(before, after, onsets)
    return [*lines, "END:VTIMEZONE"]


def _observed(before: int, after: int, onsets: Sequence[datetime]) -> list[str]:
    """From one offset to another, at ``onsets`` (local, as the clock showed before): by rule if they have one."""
    kind, form = "DAYLIGHT" if after > before else "STANDARD", "%Y%m%dT%H%M%S"
    first = onsets[0].strftime(form) if onsets else "19700101T000000"
    rule = _yearly(onsets)
    often = [rule] if rule else [f"RDATE:{','.join(one.strftime(form) for one in onsets[1:])}"] if onsets[1:] else []
    return [f"BEGIN:{kind}", f"DTSTART:{first}", *often,
            f"TZOFFSETFROM:{_ahead(before)}", f"TZOFFSETTO:{_ahead(after)}", f"END:{kind}"]


def _yearly(onsets: Sequence[datetime]) -> str:
    """``RRULE`` where it is the same Sunday (or other day) of the same month in every year to the last; or ""."""
    if not onsets or [one.year for one in onsets] != list(range(onsets[0].year, LAST_YEAR + 1)):
        return ""
    places = {(one.month, one.weekday(), one.time()) for one in onsets}
    weeks = {(one.day - 1) // 7 + 1 for one in onsets}
    last = all(one.day + 7 > monthrange(one.year, one.month)[1] for one in onsets)
    if len(places) > 1 or (len(weeks) > 1 and not last):
        return ""
    month, day, _ = places.pop()
    return f"RRULE:FREQ=YEARLY;BYMONTH={month};BYDAY={-1 if last else weeks.pop()}{_DAYS[day]}"


def _ahead(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def _weekly(calendar: Calendar, number: int, shift: tuple[int, int, int]) -> list[str]:
    """One shift of every week, without the dates that are special."""
    day, start, end = shift
    special = sorted(date.fromisoformat(one.date) for one in calendar.special)
    without = [f"EXDATE;TZID={_place(calendar.zone)}:{_stamp(one, start)}"
               for one in special if one.weekday() == day and one >= _FIRST]
    return _event(calendar, f"shift-{number}", _FIRST + timedelta(days=day), (start, end), "",
                  [f"RRULE:FREQ=WEEKLY;BYDAY={_DAYS[day]}", *without])


def _event(calendar: Calendar, key: str, day: date, span: Minutes, note: str,
           more: list[str] | None = None) -> list[str]:
    start, end = (f"TZID={_place(calendar.zone)}:{_stamp(day, minutes)}" for minutes in span)
    return ["BEGIN:VEVENT", f"UID:{_escaped(calendar.id)}-{key}@weft", "DTSTAMP:19700101T000000Z",
            f"DTSTART;{start}", f"DTEND;{end}",
            f"SUMMARY:{_escaped(note or _title(calendar))}", "X-PRODUCTION-DAY:TRUE", *(more or ()), "END:VEVENT"]


def _stamp(day: date, minutes: int) -> str:
    moment = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - local, as told
    return moment.strftime("%Y%m%dT%H%M%S")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n").replace("\r", "")


def _folded(line: str) -> Iterator[str]:
    """``line`` in parts of at most 75 octets, the next ones after a blank; no character is cut."""
    part = ""
    for letter in line:
        if len((part + letter).encode()) > _LINE_MAX:
            yield part
            part = " "
        part += letter
    yield part
