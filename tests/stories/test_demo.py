"""The demo world as a test: the whole story ends well, also when nodes are killed at any step and at any moment.

Controls: a line that is not cut, a job that starts twice, differing heads, a lost event: each must be named.
Not here: kills at one step at a time and many at once (``test_demo_kills.py``, ``_steps``, ``_writes``).
"""

import jsonschema
import pytest

from tests.stories.demo import DEMO, SCHEMA, STEPS, kills, run, told

pytestmark = pytest.mark.story


@pytest.mark.release  # every day it is told with kills, which must change nothing of it
def test_the_story_ends_well():
    report = told()
    assert kills(report) == 0
    assert report["machine_writes"] == {"CommandIntended": 8, "CommandConfirmed": 8}


def test_a_node_killed_after_every_step_changes_nothing():
    assert kills(told("--kill-at", "all", "--seed", "1")) >= len(STEPS)


@pytest.mark.release
def test_nodes_killed_at_any_moment_and_while_machines_are_told_something_change_nothing():
    assert kills(told("--kill-at", "during,writes", "--seed", "2")) >= 5


# ---- controls -------------------------------------------------------------------------------------


def test_control_a_line_that_is_not_cut_is_told():
    code, report = run("--uncut")
    assert code == 1
    assert report["ok"] is False
    assert [one.partition(":")[0] for one in report["broken"]] == ["offline-drill"]


@pytest.fixture
def checks(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO / "machines"))
    monkeypatch.syspath_prepend(str(DEMO))
    import checks

    return checks


def names(broken: list[str]) -> list[str]:
    return [one.partition(":")[0] for one in broken]


def test_control_a_job_that_starts_twice_is_named(checks):
    starts = [{"machine": f"M{place}", "job": "J-1", "starts": 1} for place in range(4)]
    assert checks.judge_starts(starts) == []
    assert names(checks.judge_starts([*starts[1:], {"machine": "M0", "job": "J-1", "starts": 2}])) == [
        "job-started-once"]
    assert names(checks.judge_starts(starts[1:])) == ["jobs-reach-machines"]


def test_control_differing_heads_are_named(checks):
    one, other = (["h1"], "state", 2), (["h1", "h2"], "state", 2)
    assert checks.judge_heads({"T": [one, one]}) == ({"T": True}, [])
    for sides in ([one, other], [one, (["h1"], "another state", 2)], [one]):
        equal, broken = checks.judge_heads({"T": sides})
        assert equal == {"T": False}
        assert names(broken) == ["heads-equal"]


def test_control_a_lost_and_a_doubled_event_are_named(checks):
    assert checks.judge_acknowledged({"shop T": ["a"]}, {"shop T": ["a", "b"]}) == []
    assert names(checks.judge_acknowledged({"shop T": ["a", "c"]}, {"shop T": ["a", "b"]})) == ["acknowledged-kept"]
    assert names(checks.judge_acknowledged({"shop T": ["a"]}, {"shop T": ["a", "a"]})) == ["acknowledged-once"]
    assert names(checks.judge_acknowledged({"shop T": ["a"]}, {})) == ["acknowledged-kept"]


def test_control_a_drill_that_loses_or_never_cuts_is_named(checks):
    good = {"said": ["a", "b"], "apart": ["a"], "lost": [], "converged": True}
    assert checks.judge_drill(good) == []
    for fault in ({"lost": ["a"]}, {"converged": False}, {"apart": []}):
        assert names(checks.judge_drill(good | fault)) == ["offline-drill"]


def test_the_schema_refuses_what_lacks_a_part():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    missing = {error.message.split("'")[1] for error in validator.iter_errors({})}
    assert missing == set(SCHEMA["required"])
