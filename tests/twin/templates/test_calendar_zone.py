"""A calendar of a place as an iCalendar file, read back by somebody else's reader of time zones."""

import io
from datetime import datetime, timedelta

import pytest

from weft.basis import instant, zone
from weft.twin.templates.calendar import LAST_YEAR, Calendar, Special, icalendar

tzical = pytest.importorskip("dateutil.tz", reason="dateutil reads iCalendar's time zones").tzical
HOUR = 3_600_000


def file(place):
    return icalendar(Calendar(
        machine="L1", id="night", zone=zone.of(place), shifts=((0, 480, 960), (6, 1320, 1800)),
        special=(Special("2026-10-26"),))).decode()


@pytest.mark.parametrize("place", ["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "America/Santiago",
                                   "Africa/Cairo", "Africa/Casablanca", "Asia/Shanghai", "Europe/Dublin"])
def test_another_reader_finds_the_same_clock_in_every_hour_up_to_the_last_year(place):
    text = file(place)
    unfolded = text.replace("\r\n ", "")
    (name,) = (found := tzical(io.StringIO(unfolded.replace("\r\n", "\n")))).keys()
    clock = found.get(name)
    assert name == place
    at, end = instant.to_ms("2024-01-01T00:00:00.000Z"), instant.to_ms(f"{LAST_YEAR}-12-31T00:00:00.000Z")
    changes = list(zone.of(place).changes(at, end))
    assert bool(changes) == (place != "Asia/Shanghai")
    for moment in [at, end, *(one + step for one in changes for step in (-2 * HOUR, 2 * HOUR))]:
        wall = datetime(1970, 1, 1) + timedelta(milliseconds=zone.of(place).wall(moment))  # noqa: DTZ001 - as shown
        ahead = wall.replace(tzinfo=clock).utcoffset()
        assert ahead == timedelta(minutes=zone.of(place).offset(moment)), (instant.from_ms(moment), wall)


def test_times_name_the_place_and_a_fixed_offset_stays_as_it_was():
    berlin, fixed = file("Europe/Berlin"), file("+08:00")
    assert "DTSTART;TZID=Europe/Berlin:20240101T080000" in berlin
    assert "EXDATE;TZID=Europe/Berlin:20261026T080000" in berlin
    assert "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU" in berlin
    assert "TZID:Local" in fixed and "DAYLIGHT" not in fixed and "TZOFFSETTO:+0800" in fixed
    assert all(len(line.encode()) <= 75 for line in file("America/Santiago").split("\r\n"))
