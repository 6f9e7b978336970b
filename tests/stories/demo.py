"""The demo world told once, by its own command, and what must hold whoever was killed meanwhile."""

import json
from typing import Any

import jsonschema

from tests.stories.worlds import ROOT, told_by

DEMO = ROOT / "examples" / "demo"
SCHEMA = json.loads((ROOT / "docs" / "reference" / "demo.schema.json").read_text(encoding="utf-8"))
STEPS = ("start", "meet", "import", "ask-stock", "ask", "counter", "order", "machines", "alarm", "accept", "cut",
         "join", "twin", "deliver", "settle", "prove", "counter-sale")
STORY_S = 1200


def run(*options: str) -> tuple[int, dict[str, Any]]:
    """(exit code, what the story prints on its last line)."""
    return told_by(DEMO, STORY_S, *options)


def told(*options: str) -> dict[str, Any]:
    """The report of a story that ended well, whoever was killed."""
    code, report = run(*options)
    assert report["broken"] == [], f"{options}: {report['broken']}"
    assert (code, report["ok"]) == (0, True)
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert all(report["heads_equal"].values())
    assert {one["starts"] for one in report["job_starts_seen_by_machines"]} == {1}
    assert report["order"]["after_alarm_promise"] > report["order"]["first_promise"]
    assert report["order"]["change_accepted"] == "later"
    assert report["offline_drill"]["events_while_cut"] > 0
    assert report["offline_drill"]["converged"] is True
    assert report["offline_drill"]["lost"] == 0
    assert [one["phase"] for one in report["child_orders"]] == ["closed"] * 3
    return report


def kills(report: dict[str, Any]) -> int:
    return sum(firm["kills"] for firm in report["firms"].values())
