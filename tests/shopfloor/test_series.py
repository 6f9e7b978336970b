"""Points become intervals: what holds of the parts holds of the whole, and what nobody heard is not made up."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.shopfloor.series import BAD, GOOD, MISSING, Gathering, edges, gather

POINTS = st.lists(
    st.tuples(st.integers(0, 1_000),
              st.one_of(st.integers(-50, 50), st.sampled_from([BAD, MISSING]).map(lambda told: (told,)))),
    max_size=60,
).map(lambda drawn: [
    (at, None, told[0]) if isinstance(told, tuple) else (at, float(told), GOOD)
    for at, told in sorted(dict(drawn).items())])


def held(points, moment):
    """What holds at ``moment``, by looking at every point."""
    last = None
    for at, value, quality in points:
        if at <= moment:
            last = (value, quality)
    return last


def by_hand(points, begin, end, until):
    """The slow truth: millisecond by millisecond."""
    values, area, ms, bad = [], 0.0, 0, 0
    for moment in range(begin, min(end, until)):
        now = held(points, moment)
        if now is not None and now[0] is not None:
            values.append(now[0])
            area += now[0]
            ms += 1
        elif now is not None and now[1] == BAD:
            bad += 1
    return values, area, ms, bad


@given(POINTS, st.integers(1, 12), st.integers(0, 1_100))
def test_an_interval_is_what_a_look_at_each_millisecond_finds(points, count, until):
    bounds = edges(100, 900, count)
    before = next((point for point in reversed(points) if point[0] < 100), None)
    inside = [point for point in points if 100 <= point[0] < 900]
    until = max(until, inside[-1][0] + 1 if inside else 0)
    for one in gather(bounds, inside, until, before):
        values, area, ms, bad = by_hand(points, one.at, one.until, until)
        assert (one.held_ms, one.bad_ms) == (ms, bad)
        assert one.area == pytest.approx(area)
        assert (one.low, one.high, one.last) == (
            (min(values), max(values), values[-1]) if values else (None, None, None))
        assert one.count == sum(one.at <= at < one.until and value is not None for at, value, _ in inside)
        assert one.missing_ms == one.until - one.at - ms - bad


@given(POINTS, st.integers(1, 8), st.integers(1, 5))
def test_what_is_true_of_the_parts_is_true_of_the_whole(points, coarse, parts):
    fine = gather([160 * place // parts for place in range(parts * coarse + 1)], points, 1_001)
    whole = gather([160 * place for place in range(coarse + 1)], points, 1_001)
    for place, one in enumerate(whole):
        inner = fine[place * parts:(place + 1) * parts]
        lows = [part.low for part in inner if part.low is not None]
        highs = [part.high for part in inner if part.high is not None]
        assert one.low == (min(lows) if lows else None)
        assert one.high == (max(highs) if highs else None)
        assert one.last == next((part.last for part in reversed(inner) if part.last is not None), None)
        assert (one.count, one.held_ms, one.bad_ms) == tuple(
            sum(getattr(part, name) for part in inner) for name in ("count", "held_ms", "bad_ms"))
        assert math.isclose(one.area, sum(part.area for part in inner), abs_tol=1e-6)


@given(POINTS, st.integers(1, 40))
def test_no_peak_is_lost_however_coarse_the_picture(points, count):
    numbers = [value for at, value, _ in points if value is not None and at < 1_000]
    found = gather(edges(0, 1_000, count), points, 1_000)
    highs = [one.high for one in found if one.high is not None]
    lows = [one.low for one in found if one.low is not None]
    assert max(highs, default=None) == max(numbers, default=None)
    assert min(lows, default=None) == min(numbers, default=None)


def test_the_mean_of_an_interval_is_found_out_to_lose_a_peak():
    """The control: a chart of means would pass over what a chart of lowest and highest shows."""
    found = gather([0, 1_000], [(0, 1.0, GOOD), (500, 99.0, GOOD), (501, 1.0, GOOD)], 1_000)[0]
    assert found.mean is not None
    assert found.mean < 2 < found.high


def test_unchanged_bad_and_no_data_are_three_things():
    first, second, third, fourth = gather(
        [0, 100, 200, 300, 400], [(10, 5.0, GOOD), (200, None, BAD), (250, None, MISSING)], 400)
    assert (first.low, first.missing_ms) == (5.0, 10)
    assert (second.low, second.high, second.count, second.missing_ms) == (5.0, 5.0, 0, 0)  # nothing new: it holds
    assert (third.low, third.bad_ms, third.missing_ms) == (None, 50, 50)
    assert (fourth.low, fourth.missing_ms) == (None, 100)


def test_behind_the_last_moment_that_was_heard_nothing_holds():
    last = gather([0, 100, 200], [(10, 5.0, GOOD)], 120)[1]
    assert (last.low, last.held_ms, last.missing_ms) == (5.0, 20, 80)


def test_what_comes_out_of_order_is_left_out_and_stops_nothing():
    gathering = Gathering([0, 100])
    gathering.take([50, 60], [1.0, 2.0])
    gathering.mark(40, MISSING)
    gathering.take([10, 20, 70], [9.0, 9.0, 3.0])
    assert (gathering.end(100)[0].high, gathering.end(100)[0].last) == (3.0, 3.0)


def test_an_interval_is_never_shorter_than_a_millisecond():
    assert edges(0, 3, 10) == [0, 1, 2, 3]
    assert edges(5, 5, 10) == [5, 5]
