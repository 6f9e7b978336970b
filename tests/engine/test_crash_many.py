"""The stories of ``test_crash_reactions.py`` with many crashes of all firms, and again soon after."""

import pytest

from tests.engine.test_crash_reactions import several

pytestmark = pytest.mark.release


@pytest.mark.parametrize("seed", range(10, 20))
def test_many_more_crashes_of_all_firms_change_nothing(seed):
    several(seed, 50)
