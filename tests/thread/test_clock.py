"""The hybrid logical clock: it goes up, and no member can bring it to a stop."""

from hypothesis import given
from hypothesis import strategies as st

from weft.thread import clock

READINGS = st.integers(0, clock.LAST).map(lambda number: format(number, "016x"))


@given(st.integers(-(10**15), 2**47), st.lists(READINGS, max_size=4))
def test_a_reading_is_above_all_seen_and_keeps_its_form(now_ms, seen):
    reading = clock.tick(now_ms, seen)
    assert len(reading) == 16
    assert all(reading > other or other == "f" * 16 for other in seen)
    assert clock.milliseconds(reading) >= min(now_ms, 2**48 - 1)


def test_it_follows_the_machines_clock():
    assert clock.milliseconds(clock.tick(1_795_336_200_250, [])) == 1_795_336_200_250


def test_at_the_end_of_the_scale_it_stands_still():
    assert clock.tick(0, ["f" * 16]) == "f" * 16
    assert clock.tick(2**60, []) == "f" * 16
