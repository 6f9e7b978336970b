"""The power of a store of written twins is cut; what it acknowledged is there, whole. Weaker stores are found out."""

import pytest

from tests.faults.played import played
from tests.faults.twins import worlds


def test_a_cut_takes_no_twin_that_was_acknowledged_and_leaves_none_half_done():
    figures, found = played(worlds(range(1, 13)))
    assert not found
    assert figures["cuts"] == 72
    assert figures["acked"] > 60
    assert figures["files"] > 0 and figures["imports"] > 10


@pytest.mark.parametrize(("control", "how"), [("normal", "lost"), ("off", "lost"), ("half", "half")])
def test_control_a_weaker_store_of_twins_is_found_out(control, how):
    figures, found = played(worlds(range(1, 11), control))
    assert figures[how] > 1
    assert found


def test_a_cut_soon_after_a_file_was_made_takes_nothing():
    assert not [told for _, told in worlds(range(40), new=True) if told]


def test_control_a_file_whose_journal_may_come_back_is_found_out():
    assert [told for _, told in worlds(range(40), "made", new=True) if told]


@pytest.mark.release
def test_five_thousand_cuts_of_twins():
    figures, found = played(worlds(range(1, 850)))
    assert not found
    assert figures["cuts"] > 5_000
