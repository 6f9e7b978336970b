"""The demo world as a test: the whole story ends well, also when a node is killed at any of its steps."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "demo.schema.json").read_text(encoding="utf-8"))
STEPS = ("ask-stock", "ask", "counter", "order", "machines", "alarm", "accept", "cut", "join", "deliver", "settle")
STORY_S = 400

pytestmark = pytest.mark.story


def told(*options: str) -> dict[str, Any]:
    """What the story prints on its last line; it must have ended well."""
    done = subprocess.run(
        [sys.executable, "-m", "weft", "demo", str(ROOT / "examples" / "demo"), "--headless", "--json", *options],
        capture_output=True, text=True, timeout=STORY_S, check=False, cwd=ROOT)
    assert done.stdout, done.stderr[-3_000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert report["broken"] == []
    assert report["ok"] is True
    assert done.returncode == 0
    return report


def check(report: dict[str, Any]) -> None:
    assert all(report["heads_equal"].values())
    assert {one["starts"] for one in report["job_starts_seen_by_machines"]} == {1}
    assert report["order"]["after_alarm_promise"] > report["order"]["first_promise"]
    assert report["offline_drill"]["events_while_cut"] > 0
    assert report["offline_drill"]["converged"] is True
    assert report["offline_drill"]["lost"] == 0
    assert len(report["child_orders"]) == 3


def test_the_story_ends_well_though_a_node_is_killed_while_machines_run():
    report = told("--kill-at", "machines", "--seed", "3")
    check(report)
    assert sum(firm["kills"] for firm in report["firms"].values()) == 1


@pytest.mark.release
@pytest.mark.parametrize("step", STEPS)
def test_a_node_killed_at_any_step_changes_nothing(step):
    report = told("--kill-at", step, "--seed", str(STEPS.index(step)))
    check(report)
    assert sum(firm["kills"] for firm in report["firms"].values()) >= 1


@pytest.mark.release
@pytest.mark.parametrize("seed", range(3))
def test_nor_does_a_kill_at_every_step(seed):
    check(told("--kill-at", "all", "--seed", str(seed)))


def test_the_schema_itself_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
