"""Machine minutes: what ran, and in which band around it the bill is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.pricing import attest
from weft.pricing.attest import BANDS, Mark, Run


def marks(*told):
    return [Mark(what, instant.from_ms(1_764_000_000_000 + minute * 60_000)) for what, minute in told]


def test_a_job_counts_what_it_ran_without_the_stops():
    assert attest.ran(marks(("started", 0), ("paused", 10), ("resumed", 25), ("ended", 40))) == 25
    assert attest.ran(marks(("started", 0), ("paused", 10), ("paused", 20), ("resumed", 30), ("resumed", 35),
                            ("aborted", 40))) == 20
    assert attest.ran([]) == 0


@pytest.mark.parametrize("told", [(("started", 0),), (("started", 5), ("ended", 1)), (("guessed", 0), ("ended", 1))])
def test_marks_that_are_no_record_are_refused(told):
    with pytest.raises(Invalid, match=r"pricing\.minutes-record"):
        attest.ran(marks(*told))


def test_runs_add_up_by_class_and_billed_minutes_are_for_all_pieces():
    runs = [Run("a", "turning", marks(("started", 0), ("ended", 30))),
            Run("b", "turning", marks(("started", 40), ("ended", 50))),
            Run("c", "milling", marks(("started", 0), ("ended", 7)))]
    assert attest.recorded(runs) == {"turning": 40, "milling": 7}
    assert attest.billed({"kg": "1", "minutes.turning": "1.5", "setups": "1"}, "10") == {"turning": 15}


@pytest.mark.parametrize(("said", "band"), [
    ("100", "5"), ("105", "5"), ("95", "5"), ("105.01", "10"), ("90", "10"), ("120", "20"), ("150", "50"),
    ("150.1", "more"), ("0", "more"), ("300", "more")])
def test_the_band_is_the_narrowest_that_holds(said, band):
    assert attest.band({"turning": Fraction(said)}, {"turning": Fraction(100)}) == band


def test_what_is_too_few_of_one_class_hides_no_excess_of_another():
    assert attest.band({"a": Fraction(150), "b": Fraction(50)}, {"a": Fraction(100), "b": Fraction(100)}) == "50"
    assert attest.band({"a": Fraction(10)}, {}) == "more"
    assert attest.band({}, {"a": Fraction(10)}) == "more"


@given(st.fractions(1, 1000), st.fractions(1, 1000))
def test_no_narrower_band_would_be_true(said, record):
    band = attest.band({"x": said}, {"x": record})
    away = abs(said - record) / record * 100
    if band != "more":
        assert away <= int(band)
    narrower = BANDS[:BANDS.index(band)]
    assert all(away > int(one) for one in narrower)
