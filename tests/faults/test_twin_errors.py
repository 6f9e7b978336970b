"""A disk that is full or fails costs written twins nothing that was confirmed; who tells too soon is found out."""

import pytest

from tests.faults.errors import CONTROLS
from tests.faults.played import played
from tests.faults.twin_errors import worlds


def test_faults_of_a_disk_cost_no_twin_that_was_confirmed():
    figures, found = played(worlds(range(1, 4)))
    assert not found
    assert figures["faults"] == 36 and figures["imports"] > 20
    assert min(figures["store.full"], figures["store.unavailable"], figures["cuts"], figures["healed"]) > 10


@pytest.mark.parametrize("control", CONTROLS)
def test_control_a_store_of_twins_that_believes_or_tells_too_soon_is_found_out(control):
    assert any(told for _, told in worlds(range(1, 100), control))  # the first ends it


@pytest.mark.release
def test_two_thousand_faults_under_twins():
    figures, found = played(worlds(range(1, 170)))
    assert not found
    assert figures["faults"] > 2_000
