"""A bit that flips in an event is found by the deep check, and by no reading that checks nothing."""

from collections import Counter

import pytest

from tests.faults.flips import PLACES, flips


def played(many):
    figures = Counter()
    return figures, [one for one in flips(many, 1, PLACES, figures) if not one[3]]


def test_every_flip_in_an_event_is_found_and_the_control_sees_none():
    figures, unseen = played(12)
    assert not unseen
    assert sum(figures[f"{place} seen by plain reading"] for place in PLACES) == 0
    assert sum(figures[f"{place} seen by integrity check"] for place in PLACES) == 0


@pytest.mark.release
def test_a_thousand_flips():
    _, unseen = played(1_000)
    assert not unseen
