"""Working time: adding and measuring agree, whatever the calendar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.production.workshop import ALWAYS, DAY, DAYTIME, HOUR, MONDAY, calendars
from weft.basis.errors import Invalid
from weft.production.calendar import OpenTime
from weft.production.master import Calendar, Shift, SpecialDay, calendar_faults

instants = st.integers(MONDAY - 40 * DAY, MONDAY + 400 * DAY)


@given(calendars, instants, st.integers(1, 200 * HOUR))
def test_what_is_added_is_what_is_measured(calendar, at, work):
    time = OpenTime(calendar)
    end = time.add(at, work)
    assert end > at
    assert time.between(at, end) == work
    assert time.between(at, end - 1) == work - 1  # never later than need be


@given(calendars, instants, instants)
def test_windows_add_up_to_the_time_between(calendar, one, other):
    start, end = min(one, other), max(one, other)
    if end - start > 60 * DAY:
        end = start + 60 * DAY
    time = OpenTime(calendar)
    assert sum(stop - begin for begin, stop in time.windows(start, end)) == OpenTime(calendar).between(start, end)


@given(calendars, instants)
def test_next_open_is_open_and_nothing_before_it_is(calendar, at):
    time = OpenTime(calendar)
    found = time.next_open(at)
    assert found >= at
    assert time.is_open(found)
    assert time.between(at, found) == 0


@given(calendars, st.lists(instants, min_size=2, max_size=6))
def test_a_memo_never_changes_an_answer(calendar, asked):
    shared = OpenTime(calendar)
    assert [shared.next_open(at) for at in asked] == [OpenTime(calendar).next_open(at) for at in asked]


def test_special_days_replace_their_weekday():
    time = OpenTime(DAYTIME)
    assert time.next_open(MONDAY + 9 * HOUR) == MONDAY + DAY           # closed from 17:00 local
    assert time.next_open(MONDAY + 2 * DAY) == MONDAY + 3 * DAY        # Wednesday is a holiday
    worked = Calendar(id="d", shifts=(Shift(day=0, start=480, end=1020),),
                      special=(SpecialDay(date="2026-11-28", spans=DAYTIME.shifts[:0], note="closed"),))
    assert OpenTime(worked).next_open(MONDAY) == MONDAY + 8 * HOUR


def test_a_night_shift_reaches_into_the_next_day():
    night = OpenTime(Calendar(id="n", shifts=(Shift(day=0, start=1320, end=1800),)))
    assert night.next_open(MONDAY) == MONDAY + 22 * HOUR
    assert night.add(MONDAY, 8 * HOUR) == MONDAY + 30 * HOUR
    assert not night.is_open(MONDAY + 30 * HOUR)


def test_a_calendar_that_never_opens_is_refused_not_searched_for_ever():
    with pytest.raises(Invalid) as empty:
        OpenTime(Calendar(id="e"))
    assert empty.value.code == "production.calendar-empty"
    with pytest.raises(Invalid) as long:
        OpenTime(Calendar(id="m", shifts=(Shift(day=0, start=0, end=1),))).add(MONDAY, 100 * DAY)
    assert long.value.code == "production.work-too-long"


@pytest.mark.parametrize(("calendar", "code"), [
    (Calendar(id="", shifts=ALWAYS.shifts), "production.id-form"),
    (Calendar(id="x"), "production.calendar-empty"),
    (Calendar(id="x", shifts=(Shift(day=7, start=0, end=10),)), "production.calendar-shift"),
    (Calendar(id="x", shifts=(Shift(day=0, start=10, end=10),)), "production.calendar-shift"),
    (Calendar(id="x", shifts=ALWAYS.shifts, utc_offset=900), "production.calendar-offset"),
    (Calendar(id="x", shifts=ALWAYS.shifts, time_zone="../Berlin"), "production.calendar-zone"),
    (Calendar(id="x", shifts=ALWAYS.shifts, special=(SpecialDay(date="2026-02-30"),)), "production.calendar-date"),
])
def test_faults_of_a_calendar(calendar, code):
    assert code in [fault.code for fault in calendar_faults(calendar)]
    assert not list(calendar_faults(ALWAYS))
