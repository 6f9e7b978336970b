"""The stories of ``test_crash_reactions.py`` with a crash after each single commit of each firm."""

import pytest

from tests.engine.test_crash_reactions import FIRMS, SEEDS, check, commits, undisturbed

pytestmark = pytest.mark.release


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("victim", FIRMS)
def test_a_crash_after_any_commit_changes_nothing(victim, seed):
    for last in range(1, commits(undisturbed(seed)[1], victim) + 1):
        check({victim: [last]}, seed)
