"""A process killed with -9 while the engine works: what it reported is there, whole; one that lies is found out."""

from collections import Counter

import pytest

from tests.faults.kills import files


def played(kills, control=""):
    figures = Counter()
    return figures, [told for _, told in files(1, kills, control, figures) if told]


def test_a_killed_process_leaves_all_that_was_acknowledged_and_nothing_half_done():
    figures, found = played(12)
    assert not found
    assert figures["acked"] > 50


def test_control_a_process_that_tells_too_soon_is_found_out():
    figures, found = played(8, "hasty")
    assert figures["lost"]
    assert all("lost" in told for told in found)


@pytest.mark.release
def test_five_hundred_kills():
    figures, found = played(500)
    assert not found
    assert figures["kills"] == 500
