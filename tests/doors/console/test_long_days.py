"""The days on which clocks are put on and back, as the page of a machine shows them: 23 and 25 hours, all of each."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from tests.doors.console.test_machine_timeline import asked, lived, shown
from weft.basis import instant, zone
from weft.doors.console import strips
from weft.engine import views
from weft.locale import text

HOUR = 3_600_000
BERLIN = zone.of("Europe/Berlin")
ROUND_THE_CLOCK = "calendar,time zone,day,start,end\n" + "".join(
    f"day,{{zone}},1-7,{start},{end}\n" for start, end in (("06:00", "14:00"), ("14:00", "22:00"), ("22:00", "06:00")))
CHANGES = [("2026-03-29", 23, 7), ("2026-10-25", 25, 9)]


async def lathe(folder, day, place="Europe/Berlin"):
    """The lathe on the day after a change, having worked for three days."""
    nine = BERLIN.ends(day) + 8 * HOUR
    return await lived(folder, nine=nine, calendar=ROUND_THE_CLOCK.format(zone=place))


@pytest.fixture(params=CHANGES, ids=[day for day, *_ in CHANGES])
async def changed(request, tmp_path):
    node = await lathe(tmp_path, request.param[0])
    yield node, *request.param
    await node.history.stop()
    node.closing()
    await node.stop()


async def told(node, day, by, span=(0, 1)):
    begin, end = BERLIN.begins(day) + span[0] * 24 * HOUR, BERLIN.ends(day) + (span[1] - 1) * 24 * HOUR
    return await views.VIEWS["machine-timeline"](node, machine="Lathe1", begin=str(begin), end=str(end), by=by)


def clocks(view, part):
    return [instant.from_ms(zone.of(view.zone).wall(at))[11:16] for at in (part.begin, part.until)]


async def test_shifts_and_days_meet_and_have_the_hours_that_people_worked(changed):
    node, day, hours, night = changed
    days = await told(node, day, "day", (-1, 2))
    assert [(one.until - one.begin) // HOUR for one in days.parts] == [24, hours, 24][:len(days.parts)]
    shifts = await told(node, day, "shift")
    assert all(before.until == after.begin for before, after in pairwise(shifts.parts))
    assert sum(one.until - one.begin for one in shifts.parts) == hours * HOUR
    assert [clocks(shifts, one) for one in shifts.parts] == [
        ["00:00", "06:00"], ["06:00", "14:00"], ["14:00", "22:00"], ["22:00", "00:00"]]
    assert (shifts.parts[0].until - shifts.parts[0].begin) // HOUR == night - 2
    assert shifts.total.planned_ms == hours * HOUR
    pieces = shifts.pieces
    assert (pieces[0].begin, pieces[-1].until) == (shifts.begin, shifts.end)
    assert all(before.until == after.begin for before, after in pairwise(pieces))


async def test_control_with_an_offset_the_shifts_of_that_day_are_not_those_that_people_worked(tmp_path):
    node = await lathe(tmp_path, "2026-10-25", "+01:00")
    try:
        found = {day: [instant.from_ms(BERLIN.wall(one.begin))[11:16] for one in (await told(node, day, "shift")).parts]
                 for day in ("2026-10-24", "2026-10-25")}
        assert found["2026-10-25"][1:] == ["06:00", "14:00", "22:00"]
        assert found["2026-10-24"][1:] == ["07:00", "15:00", "23:00"]
    finally:
        await node.history.stop()
        node.closing()
        await node.stop()


def bars(strip):
    return [(float(one.get("x")), float(one.get("x")) + float(one.get("width")))
            for one in strip.iter("rect") if one.get("class") in strips.STATES]


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_strip_of_such_a_day_is_filled_from_end_to_end(changed, lang):
    node, day, _hours, _night = changed
    begin, end = BERLIN.begins(day) - 24 * HOUR, BERLIN.ends(day)
    page = await shown(node, f"/machines/Lathe1/timeline?from={begin}&to={end}&by=shift", lang)
    drawn = [ET.fromstring(one) for one in re.findall(r'<svg class="strip" .*?</svg>', page)]
    assert len(drawn) == 2  # one for each day, and none for the hour that is too many
    for one in drawn:
        edges = bars(one)
        assert edges[0][0] == strips.LEFT and abs(edges[-1][1] - (strips.WIDTH - strips.LEFT)) < 0.05
        assert all(abs(before[1] - after[0]) < 0.05 for before, after in pairwise(edges))
        times = [tick.text for tick in one.iter("text")]
        assert times == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24:00"], times
    assert "22:00–06:00" in page
    earlier = re.search(r"from=(\d+)&amp;to=(\d+)", page)
    assert [BERLIN.wall(int(at)) % (24 * HOUR) for at in earlier.groups()] == [0, 0], "from midnight to midnight"
    assert text(lang, "timeline.no-calendar") not in page


async def test_a_table_of_that_night_says_by_which_clock(changed):
    node, day, hours, _night = changed
    begin, end = BERLIN.begins(day), BERLIN.ends(day)
    answer = await asked(node, f"/machines/Lathe1/timeline.csv?from={begin}&to={end}&by=day")
    head, row = answer.body.decode("utf-8-sig").splitlines()[:2]
    assert "Europe/Berlin" in head
    assert row.startswith(f"{day} 00:00:00,")
    assert float(row.split(",")[2]) == hours * 60
