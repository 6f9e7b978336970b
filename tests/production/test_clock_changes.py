"""Working time while clocks are put on or back, held against a person who looks at the clock every minute."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.workshop import MONDAY
from weft.basis import instant, zone
from weft.basis.decider import Said
from weft.basis.errors import Invalid
from weft.engine.views.machine_timeline import shifts as told_shifts
from weft.production.book import INITIAL, evolve, judge
from weft.production.calendar import OpenTime
from weft.production.greedy import schedule
from weft.production.master import Calendar, Shift, Span, SpecialDay
from weft.production.messages import CalendarDefined
from weft.production.plan import PlanCentre, PlanJob, Problem

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"), "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "America/Santiago": ("2026-04-04", "2026-09-06"), "Asia/Shanghai": ("2026-03-29",),
    "Asia/Kathmandu": ("2026-10-25",),
}
PLACES = [(name, day) for name, days in CHANGES.items() for day in days]


def minutes_open(calendar, name, begin, end):
    """Each minute from ``begin`` to ``end`` at which somebody at that clock works: they come when it first shows the
    begin of a shift (or later), and go when it first shows its end. Written apart from the code: it only looks."""
    place, special = ZoneInfo(name), {one.date: one.spans for one in calendar.special}
    from_day = datetime.fromtimestamp(begin / 1000, place).date() - timedelta(days=4)
    bells = []  # local times of coming and going, by shift
    for step in range((end - begin) // DAY + 9):
        day = from_day + timedelta(days=step)
        spans = special.get(day.isoformat())
        week = [Span(start=one.start, end=one.end) for one in calendar.shifts if one.day == day.weekday()]
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - what a clock shows
        bells += [tuple(midnight + timedelta(minutes=at) for at in (one.start, one.end))
                  for one in (week if spans is None else spans)]
    first_shown = {}
    waiting = sorted({bell for shift in bells for bell in shift})
    at, walked = begin - 6 * DAY, 0
    while walked < len(waiting) and at < end + 6 * DAY:
        shown = datetime.fromtimestamp(at / 1000, place).replace(tzinfo=None)
        while walked < len(waiting) and waiting[walked] <= shown:
            first_shown[waiting[walked]] = at
            walked += 1
        at += MINUTE
    found = set()
    for come, go in bells:
        found.update(range(max(begin, first_shown.get(come, end)), min(end, first_shown.get(go, end)), MINUTE))
    return found


times = st.integers(0, 47).map(lambda half: half * 30)
spans = st.tuples(times, st.integers(1, 48)).map(lambda one: (one[0], one[0] + one[1] * 30))
weeks = st.lists(st.tuples(st.integers(0, 6), spans), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PLACES), weeks, st.none() | st.lists(spans, max_size=2), st.integers(-2 * DAY // MINUTE, 0),
       st.integers(1, 4 * DAY // MINUTE))
def test_working_time_is_what_somebody_at_the_clock_would_count(place, week, on_the_day, since, length):
    name, day = place
    calendar = Calendar(
        id="x", time_zone=name, shifts=tuple(Shift(day=at, start=one[0], end=one[1]) for at, one in week),
        special=() if on_the_day is None else (
            SpecialDay(date=day, spans=tuple(Span(start=one[0], end=one[1]) for one in on_the_day)),))
    begin = instant.to_ms(f"{day}T00:00:00.000Z") + since * MINUTE
    end = begin + length * MINUTE
    counted, time = minutes_open(calendar, name, begin, end), OpenTime(calendar)
    assert time.between(begin, end) == len(counted) * MINUTE
    assert {at for window in time.windows(begin, end) for at in range(*window, MINUTE)} == counted
    if counted:
        assert max(begin, time.next_open(begin)) == min(counted)
        assert time.add(begin, len(counted) * MINUTE) == max(counted) + MINUTE


NIGHT = Calendar(id="night", time_zone="Europe/Berlin",
                 shifts=tuple(Shift(day=day, start=22 * 60, end=30 * 60) for day in range(7)))
DAYS = [("2026-03-28", 7), ("2026-10-24", 9), ("2026-07-01", 8)]


@pytest.mark.parametrize(("day", "hours"), DAYS)
def test_a_night_shift_is_seven_or_nine_hours_when_clocks_change(day, hours):
    evening = zone.of("Europe/Berlin").begins(day) + 20 * HOUR
    (window,) = OpenTime(NIGHT).windows(evening, evening + 12 * HOUR)
    assert window[1] - window[0] == hours * HOUR
    assert [instant.from_ms(zone.of("Europe/Berlin").wall(at))[11:16] for at in window] == ["22:00", "06:00"]
    assert list(told_shifts(NIGHT, *window)) == [window]


@pytest.mark.parametrize(("day", "hours"), DAYS)
def test_a_plan_across_the_change_ends_when_the_shift_does(day, hours):
    berlin = zone.of("Europe/Berlin")
    evening = berlin.begins(day) + 20 * HOUR
    jobs = tuple(PlanJob(id=name, order=name, centres=("L",), work_ms=hours * HOUR, rank=rank)
                 for rank, name in enumerate(("first", "second")))
    plan = schedule(Problem(now_ms=evening, jobs=jobs, centres=(PlanCentre(id="L", calendar="night"),),
                            calendars={"night": NIGHT}))
    told = [[instant.from_ms(berlin.wall(at))[11:16] for at in (plan.jobs[job.id].start_ms, plan.jobs[job.id].end_ms)]
            for job in jobs]
    assert told[0] == ["22:00", "06:00"]
    assert told[1][0] == "22:00"  # the next evening, by the clock on the wall
    assert plan.jobs["second"].start_ms - plan.jobs["first"].start_ms == {7: 23, 8: 24, 9: 25}[hours] * HOUR


def test_a_fixed_offset_would_count_eight_hours_and_end_at_another_time():
    """The control: what a calendar with an offset alone says of the same nights."""
    fixed = msgspec.structs.replace(NIGHT, time_zone="", utc_offset=60)
    counted = []
    for day, hours in DAYS:
        evening = zone.of("Europe/Berlin").begins(day) + 20 * HOUR
        begin, end = OpenTime(fixed).windows(evening, evening + 12 * HOUR)[0]
        right = minutes_open(NIGHT, "Europe/Berlin", evening, evening + 12 * HOUR)
        assert len(right) == hours * 60
        counted.append(set(range(begin, end, MINUTE)) == right)
    assert counted == [False, False, False]


def test_shifts_that_meet_on_the_clock_neither_overlap_nor_leave_a_gap():
    """Three shifts round the clock, of which one ends in the hour that comes twice."""
    week = tuple(Shift(day=day, start=start, end=start + 480) for day in range(7) for start in (150, 630, 1110))
    for place, day in PLACES:
        calendar = Calendar(id="x", time_zone=place, shifts=week)
        begin = instant.to_ms(f"{day}T00:00:00.000Z") - 2 * DAY
        assert OpenTime(calendar).windows(begin, begin + 5 * DAY) == ((begin, begin + 5 * DAY),)
        parts = sorted(told_shifts(calendar, begin, begin + 5 * DAY))
        assert all(before[1] == after[0] for before, after in pairwise(parts))


def test_a_shift_in_the_hour_that_is_left_out_does_not_take_place_and_one_in_that_which_comes_twice_takes_two():
    calendar = Calendar(id="x", time_zone="Europe/Berlin", shifts=(Shift(day=6, start=120, end=180),))
    for day, hours in (("2026-03-29", 0), ("2026-10-25", 2), ("2026-11-01", 1)):
        midnight = zone.of("Europe/Berlin").begins(day)
        assert OpenTime(calendar).between(midnight, midnight + DAY) == hours * HOUR


def test_a_fold_depends_on_no_version_of_the_database():
    """A place that is unknown here was known where it was said: it is folded, and goes by the offset beside it."""
    said = Said(id="e", by="F", role="member", message=CalendarDefined(calendar=Calendar(
        id="x", time_zone="Mars/Olympus_Mons", utc_offset=60, shifts=NIGHT.shifts)))
    assert judge(INITIAL, said) is None
    kept = evolve(INITIAL, said).master.calendars["x"]
    assert (kept.time_zone, kept.zone) == ("Mars/Olympus_Mons", zone.fixed(60))
    with pytest.raises(Invalid, match=r"zone\.unknown"):  # the control: asking the database would have denied it
        zone.of(kept.time_zone)


def test_a_calendar_of_before_keeps_its_meaning_and_one_of_a_place_unknown_here_goes_by_its_offset():
    stored = b'{"id":"day","utc_offset":480,"shifts":[{"day":0,"start":480,"end":1020}]}'
    old = msgspec.json.decode(stored, type=Calendar)
    assert old.zone is zone.fixed(480)
    assert msgspec.json.encode(old) == stored
    assert OpenTime(old).next_open(MONDAY) == MONDAY
    assert msgspec.structs.replace(old, time_zone="Mars/Olympus").zone is zone.fixed(480)
