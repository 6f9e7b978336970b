"""The demo world with nodes killed while they tell a machine something."""

import pytest

from tests.stories.demo import kills, told

pytestmark = [pytest.mark.story, pytest.mark.release]


@pytest.mark.parametrize("seed", range(30, 40))
def test_kills_while_machines_are_told_something_change_nothing(seed):
    report = told("--kill-at", "writes", "--seed", str(seed))
    assert kills(report) >= 1
    writes = report["machine_writes"]
    assert writes.get("CommandSettled", 0) == writes.get("CommandUnknown", 0)
