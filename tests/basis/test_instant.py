"""Instants: one codec, UTC, milliseconds, and no reading that can break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import instant
from weft.basis.errors import Invalid


@given(st.integers(instant.FIRST_MS, instant.LAST_MS))
def test_an_instant_is_read_back(milliseconds):
    assert instant.to_ms(instant.from_ms(milliseconds)) == milliseconds


@given(st.integers(instant.FIRST_MS, instant.LAST_MS), st.integers(instant.FIRST_MS, instant.LAST_MS))
def test_instants_sort_as_text_like_they_sort_in_time(one, other):
    assert (one < other) == (instant.from_ms(one) < instant.from_ms(other))


@given(st.integers(-(2**80), 2**80))
def test_a_reading_beyond_the_calendar_is_shown_as_its_edge(milliseconds):
    """A member may put anything into an event's clock; showing it must not fail."""
    assert instant.FIRST_MS <= instant.to_ms(instant.from_ms(milliseconds)) <= instant.LAST_MS


@pytest.mark.parametrize(("written", "milliseconds"), [
    ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1),
    ("2026-11-22T08:30:00.250Z", 1_795_336_200_250),
])
def test_instants_by_example(written, milliseconds):
    assert instant.to_ms(written) == milliseconds


@pytest.mark.parametrize("written", [
    "", "2026-11-22", "2026-11-22T08:30Z", "2026-11-22T08:30:00", "2026-11-22T08:30:00+08:00", "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T08:30:60Z", "2026-11-22 08:30:00Z",
    "0000-01-01T00:00:00Z", "2026-11-22T08:30:00.1Z", "２０２６-11-22T08:30:00Z", "2026-11-22T08:30:00Z\n", None, 0,
])
def test_other_spellings_are_refused(written):
    with pytest.raises(Invalid, match=r"instant\.malformed"):
        instant.to_ms(written, "wanted_by")
