"""``weft history``: values of a machine as a file, page by page, and what is refused."""

import asyncio
import csv
import io
import json
from datetime import UTC

import openpyxl
import pytest

from tests.cli.desk import Desk
from tests.doors.console.sample import at_work
from weft import launch
from weft.basis.errors import Invalid, NotFound, Refused
from weft.basis.zone import of
from weft.cli import history, history_files, history_span
from weft.config import Config, Firm
from weft.engine.series import History
from weft.shopfloor.connection import Value
from weft.stores.series import SqliteSeries

COUNT = 700


@pytest.fixture
async def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(history_files, "_PAGE", "100")
    monkeypatch.setattr(launch.Home, "config", lambda _: Config(firm=Firm(time_zone="+08:00")))
    sample = await at_work()
    node = sample.node
    node.history = History(lambda at: SqliteSeries(str(tmp_path / "values.db"), at), Config(), node.clock,
                           lambda: 1 << 40)
    await node.history.begin()
    begin = node.clock.now_ms() - 1_000 * COUNT
    for second in range(COUNT):
        node.history.take("Cell1", "SpindleSpeed", Value(float(second)), begin + 1_000 * second)
    held = Desk(node)
    held.home = tmp_path
    yield held
    await node.history.stop()
    await sample.stop()


def asked(**changed):
    return {"machine": "Cell1", "begin": "", "end": "", "of": "SpindleSpeed", "form": "csv", "target": None, **changed}


async def test_a_day_is_written_page_by_page_and_nothing_twice(desk, tmp_path, capsys):
    await desk.call(history.export, **asked())
    rows = list(csv.reader(io.StringIO((tmp_path / "Cell1.csv").read_text("utf-8-sig"))))
    assert rows[0][0] == "Time (UTC+08:00)"
    assert [row[1] for row in rows[1:]] == [str(second) for second in range(COUNT)]
    assert f"Cell1.csv: {COUNT} rows" in capsys.readouterr().out
    with pytest.raises(Refused, match=r"cli\.history\.exists"):
        await desk.call(history.export, **asked())


@pytest.mark.parametrize(("typed", "meant"), [
    ("2026-07-01", "2026-06-30T22:00"), ("2026-12-01 09:30", "2026-12-01T08:30"),
    ("2026-10-25T02:30", "2026-10-25T00:30"), ("2026-03-29 02:30", "2026-03-29T01:00"),
    ("2026-07-01T09:30+08:00", "2026-07-01T01:30")])
def test_a_time_that_is_typed_is_one_of_the_clock_of_its_own_season(typed, meant):
    assert history_span.moment(typed, of("Europe/Berlin")).astimezone(UTC).isoformat()[:16] == meant


async def test_a_sheet_and_a_span_by_the_firm_s_clock(desk, tmp_path, capsys):
    await desk.call(history.export, as_json=True, **asked(form="xlsx", target=tmp_path / "a.xlsx"))
    assert json.loads(capsys.readouterr().out)["rows"] == COUNT
    rows = list(openpyxl.load_workbook(tmp_path / "a.xlsx").active.iter_rows(values_only=True))
    assert [row[1] for row in rows[1:]] == list(range(COUNT))
    begin, end = rows[11][0], rows[21][0]
    await desk.call(history.export, **asked(begin=begin.isoformat(), end=end.isoformat()))
    part = list(csv.reader(io.StringIO((tmp_path / "Cell1.csv").read_text("utf-8-sig"))))
    assert [row[1] for row in part[1:]] == [str(second) for second in range(10, 20)]


async def test_what_cannot_be_exported_is_refused_and_leaves_no_file(desk, tmp_path):
    with pytest.raises(Invalid, match=r"values\.moment"):
        await desk.call(history.export, **asked(begin="yesterday"))
    with pytest.raises(Invalid, match=r"values\.span"):
        await desk.call(history.export, **asked(begin="2026-01-02", end="2026-01-01"))
    with pytest.raises(NotFound):
        await desk.call(history.export, **asked(machine="Nothing"))
    assert not [one for one in tmp_path.iterdir() if one.suffix in (".csv", ".partial")]


async def test_since_when_there_is_something_is_listed(desk, capsys, monkeypatch):
    await desk.node.history.written()
    await asyncio.sleep(0)
    await desk.call(history.show)
    told = capsys.readouterr().out
    assert "Cell1" in told and "Lathe1" in told
