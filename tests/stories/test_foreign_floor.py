"""One order of the floor's world drives machines by other makers to completion, and their counts come back.

Every day two of them do, started as the world starts them; for a release all do. Who cannot run here is named in a
skip. Controls: a counterpart that is killed in the midst and one that makes nothing leave their part not completed.
"""

import importlib.util
import json
import sys
from typing import Any

import pytest

from tests.stories.worlds import ROOT, told_by

FLOOR = ROOT / "examples" / "floor"
MACHINES = {one["name"]: one for one in json.loads(
    (FLOOR / "firms" / "works" / "firm.json").read_text(encoding="utf-8"))["machines"]}
PROTOCOLS = {"Cell7": "opc.tcp", "Press7": "opc.tcp", "Saw7": "mqtt", "Mill7": "sparkplug+mqtt", "Drill7": "modbus+tcp",
             "Lathe7": "modbus+tcp", "CNC7": "linuxcnc"}
DAILY = ("Drill7", "Lathe7")
LIMIT_S = 900

pytestmark = pytest.mark.story


def run(*options: str) -> tuple[int, dict[str, Any]]:
    """(exit code, what the world prints on its last line)."""
    return told_by(FLOOR, LIMIT_S, *options)


def without(report: dict[str, Any], *needed: str) -> None:
    """Skip, loudly, if one of ``needed`` (all: none given) could not run here."""
    lost = [one for one in report["missing"] if not needed or one["machine"] in needed]
    if lost:
        pytest.skip("NOT DRIVEN by the order: " + "; ".join(f"{one['machine']}: {one['reason']}" for one in lost))


def completed(report: dict[str, Any], *left_out: str) -> set[str]:
    """The machines, each of which has made, by the factory's books and its own log, what was ordered of it."""
    rows = {row["machine"]: row for row in report["machines"]}
    for name, row in rows.items():
        if name in left_out:
            continue
        asked = MACHINES[name]
        assert row["protocol"] == PROTOCOLS[name]
        assert (row["state"], row["ordered"], row["good"], row["scrap"]) == (
            "done", str(asked["quantity"]), str(asked["quantity"]), str(asked.get("scrap", 0))), row
        assert row["received"] == row["ordered"], row
        assert row.get("starts", 1) == 1, row
        assert row.get("pieces", asked["quantity"]) == asked["quantity"], row
        assert row["job"], row
    return set(rows) - set(left_out)


def test_an_order_drives_two_foreign_machines_to_completion_and_the_counts_come_back() -> None:
    code, report = run("--only", ",".join(DAILY))
    assert report["broken"] == []
    assert (code, report["ok"], report["order"]["phase"]) == (0, True, "closed")
    missing = {one["machine"] for one in report["missing"]}
    assert completed(report) == set(DAILY) - missing
    without(report)


@pytest.mark.release
def test_an_order_drives_every_foreign_machine_to_completion_and_the_counts_come_back() -> None:
    code, report = run()
    assert report["broken"] == []
    assert (code, report["ok"], report["order"]["phase"]) == (0, True, "closed")
    missing = {one["machine"] for one in report["missing"]}
    assert completed(report) == set(MACHINES) - missing
    assert set(MACHINES) == set(PROTOCOLS)
    without(report)


# ---- controls -------------------------------------------------------------------------------------


def broken(report: dict[str, Any], name: str) -> dict[str, Any]:
    """The row of the machine ``name``, whose part alone is told as not completed."""
    assert report["ok"] is False
    told = [one for one in report["broken"] if one.startswith("not-completed:")]
    assert len(told) == 1, report["broken"]
    assert MACHINES[name]["makes"] in told[0]
    assert report["order"]["phase"] != "closed"
    row = next(row for row in report["machines"] if row["machine"] == name)
    assert row["state"] != "done"
    assert float(row["received"]) == 0
    return row


@pytest.mark.release
@pytest.mark.parametrize("name", ["Lathe7", "Cell7", "Saw7", "Mill7"])
def test_control_a_counterpart_that_is_killed_in_the_midst_leaves_its_part_not_completed(name: str) -> None:
    code, report = run("--only", f"{name},Drill7", "--kill", name, "--patience", "25", "--speed", "12")
    without(report, name)
    row = broken(report, name)
    assert code == 1
    assert 0 < float(row["good"]) < float(row["ordered"]), row
    assert row["link"] != "up", row
    assert completed(report, name) == {"Drill7"}


@pytest.mark.release
@pytest.mark.parametrize("name", ["Press7", "Drill7", "CNC7"])
def test_control_a_counterpart_that_makes_nothing_leaves_its_part_not_completed(name: str) -> None:
    code, report = run("--only", f"{name},Lathe7", "--idle", name, "--patience", "25")
    without(report, name)
    row = broken(report, name)
    assert code == 1
    assert (row["good"], row["link"], row.get("pieces", 0)) == ("0", "up", 0), row
    assert completed(report, name) == {"Lathe7"} - {one["machine"] for one in report["missing"]}


def test_control_a_part_that_was_not_made_or_started_twice_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = _world(monkeypatch).judge
    good = {"machine": "M", "item": "P", "ordered": "6", "good": "6", "state": "done", "received": "6", "starts": 1,
            "link": "up", "why": ""}
    assert judge(good) == []
    for fault, name in (({"good": "5"}, "not-completed"), ({"state": "running"}, "not-completed"),
                        ({"received": "4"}, "not-received"), ({"starts": 2}, "started-once"),
                        ({"starts": 0}, "started-once")):
        assert [one.partition(":")[0] for one in judge(good | fault)] == [name]


def _world(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The world's own module, by its file: the other world has one of the same name."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("floor_world", FLOOR / "world.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
