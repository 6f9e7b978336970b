"""The demo world with kills after every step and at any moment, in other orders of chance each time."""

import pytest

from tests.stories.demo import STEPS, kills, told

pytestmark = [pytest.mark.story, pytest.mark.release]


@pytest.mark.parametrize("seed", range(10, 30))
def test_kills_after_every_step_and_at_any_moment_change_nothing(seed):
    assert kills(told("--kill-at", "all,during", "--seed", str(seed))) > len(STEPS)
