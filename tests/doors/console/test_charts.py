"""Charts of a machine's numbers: gaps are gaps, peaks are there, nothing leaves the picture, no word breaks out."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.zone import fixed
from weft.doors.console import charts
from weft.engine.views.machine_values import Line

HOUR = 3_600_000
NASTY = '"><script>alert(1)</script>'
VALUE = st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False))


def drawn(line, begin=0, end=4 * HOUR, now=1 << 50, lang="en"):
    count = len(line.last)
    bounds = [begin + (end - begin) * place // count for place in range(count + 1)]
    frame = charts.Frame(bounds, lang, fixed(480), now)
    return ET.fromstring(str(charts.chart(line, frame, NASTY, lambda first, last: f"/x?a={first}&b={last}", NASTY)))


def line(*last, whole=None, bad=None):
    return Line(property="S", title="S", low=last, high=last, last=last,
                whole=tuple(whole or [value is not None for value in last]), bad=tuple(bad or [False] * len(last)))


def of(found, kind):
    return [one for one in found.iter() if one.get("class") == kind]


def test_a_gap_has_no_line_and_is_shaded():
    found = drawn(line(1.0, 2.0, None, None, 3.0))
    assert len(of(found, "trace")) == 2
    (gap,) = of(found, "gap")
    assert float(gap.get("x")) == pytest.approx(charts.LEFT + (charts.RIGHT - charts.LEFT) * 2 / 5, abs=0.1)
    assert len(of(drawn(line(1.0, 2.0, 2.0, 2.0, 3.0)), "trace")) == 1  # the control: unchanged is no gap
    assert not of(drawn(line(1.0, 2.0, 2.0, 2.0, 3.0)), "gap")


def test_what_is_missing_in_part_and_what_is_bad_is_marked_along_the_foot():
    found = drawn(line(1.0, 2.0, None, whole=[True, False, False], bad=[False, False, True]))
    assert [one.get("height") for one in of(found, "gap")] == [str(charts.BASE - charts.TOP), "5"]
    assert len(of(found, "bad")) == 1


def test_the_time_that_has_not_come_is_no_gap():
    assert not of(drawn(line(1.0, None, None), now=HOUR), "gap")


@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=40))
def test_everything_stays_within_the_picture_and_the_highest_is_shown(pairs):
    pairs = [(min(pair), max(pair)) if None not in pair else (None, None) for pair in pairs]
    lows, highs = zip(*pairs, strict=True)
    made = Line(property="S", title="S", low=lows, high=highs, last=lows, whole=tuple(low is not None for low in lows),
                bad=(False,) * len(lows))
    found = drawn(made)
    tops = []
    for path in (*of(found, "band"), *of(found, "trace")):
        numbers = [float(one) for one in re.findall(r"-?\d+\.?\d*", path.get("d"))]
        assert all(-0.1 <= one <= charts.WIDTH for one in numbers)
        tops += [float(one) for one in re.findall(r" (-?\d+\.?\d*)", path.get("d"))]
    assert all(charts.TOP - 0.2 <= one <= charts.BASE + 0.2 for one in tops)
    assert bool(tops) == any(low is not None for low in lows)


def test_words_cannot_break_out_and_parts_lead_closer():
    found = drawn(line(None, None))
    assert [one.text for one in found.iter("title")] == [NASTY]
    assert NASTY in [one.text for one in found.iter("text")]
    first, *_, last = [one.get("href") for one in found.iter("a")]
    assert first == f"/x?a={-HOUR // 3}&b={HOUR}"
    assert last.endswith(f"b={4 * HOUR + HOUR // 3}")


@pytest.mark.parametrize(("length", "texts"), [
    (60_000, ["08:00:00", "08:00:20", "08:00:40", "08:01:00"]),
    (600_000, ["08:00", "08:02", "08:04", "08:06", "08:08", "08:10"]),
    (24 * HOUR, ["08:00", "16:00", "Fri 2 Jan", "08:00"]),
    (7 * 24 * HOUR, ["Sat 3 Jan", "Mon 5 Jan", "Wed 7 Jan"])])
def test_times_stand_at_full_local_hours_and_days(length, texts):
    frame = charts.Frame([0, length], "en", fixed(480), 0)
    assert [frame.told(at) for at in charts.ticks(frame)] == texts


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (1180.0, "1,180"), (39.25, "39.25"), (0.05, "0.05"), (-2.5, "−2.5"), (1e9, "1.00e+09"),
    (123_456.0, "123,456"), (1e-7, "1.00e-07")])
def test_a_number_on_an_axis_is_short(value, text):
    assert charts.short(value, "en") == text
