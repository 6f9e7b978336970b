"""The demo world with a node killed at one step at a time, for each step of the story."""

import pytest

from tests.stories.demo import STEPS, kills, told

pytestmark = [pytest.mark.story, pytest.mark.release]


@pytest.mark.parametrize("step", STEPS)
def test_a_node_killed_at_any_step_changes_nothing(step):
    assert kills(told("--kill-at", step, "--seed", str(STEPS.index(step)))) >= 1
