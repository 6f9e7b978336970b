"""The local time of a place, held against a clock that is walked minute by minute."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo
from zoneinfo import _zoneinfo as read  # type: ignore[attr-defined]  # the one in Python, which keeps its table

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import instant, zone
from weft.basis.errors import Invalid

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
# Days on which clocks are put on or back: at night, at midnight, by half an hour, and a day that was left out.
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"), "America/Chicago": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"), "America/Santiago": ("2026-04-04", "2026-09-06"),
    "Africa/Cairo": ("2026-04-24", "2026-10-29"), "Pacific/Apia": ("2011-12-29", "2011-12-31"),
    "Asia/Shanghai": ("2026-03-29", "2026-10-25"), "Asia/Kathmandu": ("2026-03-29", "2026-10-25"),
}
DAYS = [(name, day) for name, days in CHANGES.items() for day in days]


def clock(name, at):
    """What the clock shows, by the standard library alone."""
    shown = datetime.fromtimestamp(at / 1000, ZoneInfo(name)).replace(tzinfo=UTC)
    return round(shown.timestamp() * 1000)


def walked(name, wall):
    """The first full minute at which the clock shows ``wall`` or later, found by looking at it every minute."""
    at = wall - 16 * HOUR
    while clock(name, at) < wall:
        at += MINUTE
    return at


@given(st.sampled_from(DAYS), st.integers(-26 * 60, 50 * 60))
def test_a_time_is_the_first_moment_at_which_the_clock_shows_it_or_a_later_one(place, minute):
    name, day = place
    wall = instant.to_ms(f"{day}T00:00:00.000Z") + minute * MINUTE
    assert zone.of(name).utc(wall) == walked(name, wall)


@pytest.mark.parametrize(("name", "day"), [one for one in DAYS if not one[0].startswith("Asia")])
def test_a_fixed_offset_would_be_wrong_there(name, day):
    """The control: by the offset of the day before, some hour of these days is told wrong."""
    midnight = instant.to_ms(f"{day}T00:00:00.000Z")
    fixed = zone.fixed(zone.of(name).offset(midnight - 2 * DAY))
    hours = [midnight + hour * HOUR for hour in range(-6, 36)]
    assert any(fixed.utc(wall) != walked(name, wall) for wall in hours)


@given(st.sampled_from(DAYS), st.integers(-3 * DAY, 3 * DAY))
def test_it_shows_what_the_standard_library_shows(place, shift):
    name, day = place
    at = instant.to_ms(f"{day}T00:00:00.000Z") + shift
    assert zone.of(name).wall(at) == clock(name, at)
    assert zone.of(name).utc(zone.of(name).wall(at)) <= at


@given(st.sampled_from(sorted(CHANGES)), st.integers(instant.FIRST_MS, instant.LAST_MS))
def test_any_instant_has_a_local_time(name, at):
    found = zone.of(name)
    assert abs(found.wall(at) - at) <= 16 * HOUR
    assert abs(found.utc(at) - at) <= 16 * HOUR
    assert len(found.day(at)) == 10


@pytest.mark.parametrize(("name", "day"), DAYS)
@pytest.mark.parametrize("length", [1, 7])
def test_days_meet_and_each_begins_when_its_date_does(name, day, length):
    found, begin = zone.of(name), instant.to_ms(f"{day}T00:00:00.000Z") - 9 * DAY
    days = list(found.days(begin, begin + 18 * DAY, length))
    assert days[0][0] <= begin < days[0][1] and days[-1][0] < begin + 18 * DAY <= days[-1][1]
    assert all(before[1] == after[0] for before, after in pairwise(days))
    assert all(found.begins(found.day(first)) == first for first, _ in days)


def test_days_of_a_change_are_longer_or_shorter():
    berlin = zone.of("Europe/Berlin")
    lengths = {berlin.day(begin): (end - begin) // HOUR for begin, end in berlin.days(
        instant.to_ms("2026-03-28T12:00:00.000Z"), instant.to_ms("2026-10-27T12:00:00.000Z"))}
    assert {day: hours for day, hours in lengths.items() if hours != 24} == {"2026-03-29": 23, "2026-10-25": 25}


def test_marks_of_an_axis_stand_at_full_hours_of_the_clock():
    berlin = zone.of("Europe/Berlin")
    spring, = berlin.days(*(instant.to_ms(f"2026-03-29T{at}:00:00.000Z") for at in ("10", "11")))
    told = [instant.from_ms(berlin.wall(at))[11:16] for at in berlin.marks(*spring, 4 * HOUR)]
    assert told == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "00:00"]
    left_out = [instant.from_ms(berlin.wall(at))[11:16] for at in berlin.marks(*spring, HOUR)]
    assert left_out[:4] == ["00:00", "01:00", "03:00", "04:00"]


@pytest.mark.parametrize(("written", "name"), [
    ("Europe/Berlin", "Europe/Berlin"), ("europe/berlin ", "Europe/Berlin"), ("America/New York", "America/New_York"),
    ("PRC", "PRC"), ("UTC", "UTC"), ("z", "UTC"), ("+00:00", "UTC"), ("+08:00", "+08:00"), ("UTC+8", "+08:00"),
    ("gmt-3:30", "-03:30"), ("+0545", "+05:45"),
])
def test_a_zone_is_written_in_many_ways(written, name):
    assert zone.of(written).name == name
    assert zone.of(zone.of(written).name) is zone.of(written)


@pytest.mark.parametrize(("written", "mend"), [
    ("Erope/Berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("New York", "America/New_York"),
    ("北京时间", "Asia/Shanghai"), ("Beijing", "Asia/Shanghai"), ("", zone.EXAMPLES), ("+25:00", zone.EXAMPLES),
    ("+08:75", zone.EXAMPLES), ("../../etc/passwd", zone.EXAMPLES), ("x" * 100_000, zone.EXAMPLES),
])
def test_what_is_no_zone_is_told_with_the_one_that_was_meant(written, mend):
    with pytest.raises(Invalid) as refused:
        zone.of(written)
    assert (refused.value.code, refused.value.facts["mend"]) == ("zone.unknown", mend)


def test_no_clock_of_the_world_changes_there_and_back_within_four_days():
    """On it stands that a stretch which begins and ends alike is alike throughout."""
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    assert len(names) > 500
    for name in names:
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            table = read.ZoneInfo.from_file(file, key=name)
        offsets = [table._tti_before, *table._ttinfos]
        moves = [(at, before.utcoff, after.utcoff) for at, before, after in zip(
            table._trans_utc, offsets, offsets[1:], strict=False) if before.utcoff != after.utcoff]
        near = [(first, then) for first, then in pairwise(moves) if then[0] - first[0] < 5 * 86_400]
        assert not near, name


LIES = """
import sys
from datetime import datetime
from zoneinfo import ZoneInfo
from weft.basis import zone
at = 1_793_000_000_000
try:
    machine = ZoneInfo("Europe/Berlin").utcoffset(datetime(2026, 7, 1)).total_seconds() / 3600
except Exception as error:
    machine = type(error).__name__
print(zone.of("Europe/Berlin").offset(1_782_900_000_000), machine)
"""


def told_on(path):
    answer = subprocess.run([sys.executable, "-c", LIES], env={**os.environ, "PYTHONTZPATH": str(path)}, check=True,
                            capture_output=True, text=True, timeout=60)
    return answer.stdout.split()


def test_it_is_the_same_on_a_machine_without_zone_files_and_on_one_whose_files_are_others(tmp_path):
    """As on Windows; and the control: the standard library's own answer follows the machine's files."""
    assert told_on("") == ["120", "2.0"]
    shutil.copytree(Path(str(resources.files("tzdata") / "zoneinfo" / "Asia")), tmp_path / "Europe")
    (tmp_path / "Europe" / "Shanghai").rename(tmp_path / "Europe" / "Berlin")
    assert told_on(tmp_path) == ["120", "8.0"]


def test_a_zone_says_its_offset_as_people_write_it():
    assert zone.of("Europe/Berlin").told(instant.to_ms("2026-07-01T00:00:00.000Z")) == "UTC+02:00"
    assert zone.fixed(-210).told(0) == "UTC-03:30"
    assert timedelta(minutes=zone.of("Australia/Lord_Howe").offset(0)) == timedelta(hours=10)
