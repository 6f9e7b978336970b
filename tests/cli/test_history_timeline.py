"""``weft history timeline``: what a machine did, on the terminal, for programs and as a file."""

import json

import openpyxl
import pytest

from tests.cli.desk import Desk
from tests.doors.console.test_machine_timeline import lived
from weft import launch
from weft.basis.errors import Refused
from weft.basis.instant import from_ms
from weft.cli import history
from weft.config import Config, Firm


@pytest.fixture
async def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(launch.Home, "config", lambda _: Config(firm=Firm(time_zone="+08:00")))
    node = await lived(tmp_path)
    held = Desk(node)
    held.home = tmp_path
    yield held
    await node.history.stop()
    node.closing()
    await node.stop()


def asked(**changed):
    return {"machine": "Lathe1", "by": "day", "target": None, "begin": "2026-01-01", "end": "", **changed}


async def test_people_read_shares_and_reasons_and_programs_read_it_all(desk, capsys):
    begin = _days_ago(desk, 3)
    await desk.call(history.timeline, **asked(begin=begin))
    said = capsys.readouterr().out
    assert "Ran" in said
    assert "Door open (3 times)" in said
    assert " %" in said
    await desk.call(history.timeline, as_json=True, **asked(begin=begin))
    view = json.loads(capsys.readouterr().out)
    assert sum(part["use"]["planned_ms"] for part in view["parts"]) == view["total"]["planned_ms"]
    assert {one["state"] for one in view["pieces"]} >= {"running", "standing", "idle", "lost"}


async def test_it_is_written_as_a_file_that_is_never_overwritten(desk, tmp_path, capsys):
    for name in ("out.xlsx", "out.csv"):
        await desk.call(history.timeline, **asked(begin=_days_ago(desk, 3), target=tmp_path / name))
    assert len(openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets) == 2
    assert (tmp_path / "out.csv").read_text("utf-8-sig").startswith("From (UTC+08:00),")
    with pytest.raises(Refused, match=r"cli\.history\.exists"):
        await desk.call(history.timeline, **asked(begin=_days_ago(desk, 3), target=tmp_path / "out.csv"))


def _days_ago(desk, days):
    return from_ms(desk.node.clock.now_ms() - days * 86_400_000)
