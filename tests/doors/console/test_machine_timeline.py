"""The page of what a machine did: strips, plain words, reasons and files, in both languages."""

import io
import re

import openpyxl
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import ASK, LATHE, TABLES, TOKEN, table
from tests.engine.world import Wires, found
from weft.basis.instant import from_ms
from weft.config import Config
from weft.doors import console
from weft.engine.clock import SystemClock
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.series import History
from weft.engine.value_evidence import Books
from weft.locale import text
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.facts import (
    ConnectionLost,
    ConnectionRestored,
    JobCounted,
    JobEnded,
    JobPaused,
    JobResumed,
    JobStarted,
    MachineAlarmed,
    MachineCleared,
)
from weft.shopfloor.reading import fill
from weft.stores.series import SqliteSeries

MINUTE = 60_000
DAY = 1_440 * MINUTE


class Moved:
    """Today at nine in the shop, so much earlier: what is told does not depend on when the test runs."""

    def __init__(self, nine=0):
        self.nine, self.back = nine or SystemClock().now_ms() // DAY * DAY + 60 * MINUTE, 0

    def now_ms(self):
        return self.nine - self.back


TWO_SHIFTS = "calendar,utc_offset,day,start,end\nday,+08:00,1-7,08:00,16:00\nday,+08:00,1-7,16:00,24:00\n"


async def lived(folder, days=3, nine=0, calendar=TWO_SHIFTS):
    """A factory whose lathe has worked for some days: shifts, stops with reasons, a night without data, scrap."""
    clock = Moved(nine)
    clock.back = days * DAY
    node = await found(Wires(), "恒泰阀门", rules=ASK, clock=clock)
    node.devices = Devices(node.store, clock, node.random, TOKEN)
    for kind, given in TABLES:
        content = given if kind != "calendars" else calendar
        await run(node, "import", {"kind": kind, "content": table(content)})
    node.history = History(lambda at: SqliteSeries(str(folder / "values.db"), at), Config(), clock, lambda: 1 << 40)
    node.history.books = Books(node)
    await node.history.begin()
    await node.record("floor", MachineAdded(machine="Lathe1", description=fill(
        LATHE.read_text(), {"NAME": "Lathe1", "ENDPOINT": "opc.tcp://127.0.0.1:1"})))
    tale = (
        (JobStarted, 40, {"job": "J1"}), (JobCounted, 90, {"job": "J1", "good": 60}),
        (MachineAlarmed, 5, {"code": "E7", "text": "Door open"}), (JobPaused, 1, {"job": "J1", "alarm": "E7"}),
        (MachineCleared, 25, {"code": "E7"}), (JobResumed, 1, {"job": "J1"}),
        (JobCounted, 120, {"job": "J1", "good": 140, "scrap": 4}), (JobPaused, 10, {"job": "J1"}),
        (JobResumed, 15, {"job": "J1"}), (ConnectionLost, 100, {}), (ConnectionRestored, 130, {"gap_ms": 1}),
        (JobEnded, 200, {"job": "J1", "good": 310, "scrap": 9}))
    for day in range(days):
        for fact, after, told in tale:
            clock.back = max(0, clock.back - after * MINUTE)
            facts = {name: f"{value}-{day}" if name == "job" else value for name, value in told.items()}
            await node.record("floor", fact(machine="Lathe1", at=from_ms(clock.now_ms()), **facts))
        clock.back = (days - day - 1) * DAY
    await node.history.written()
    await node.history.books.follow(node.history)
    return node


@pytest.fixture
async def work(tmp_path):
    node = await lived(tmp_path)
    yield node
    await node.history.stop()
    node.closing()
    await node.stop()


async def asked(sample, address, lang="en"):
    return await Client(console.routes(sample)).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")


async def shown(sample, address, lang="en"):
    answer = await asked(sample, address, lang)
    assert answer.status == 200, (address, answer.status, answer.body[:300])
    page = answer.body.decode()
    assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
    return page


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("span", ["shift", "day", "week", "month", "nonsense"])
async def test_every_span_is_there_in_both_languages(work, lang, span):
    page = await shown(work, f"/machines/Lathe1/timeline?span={span}", lang)
    assert page.count('class="frame"') == {"week": 7, "month": 30}.get(span, 1)
    assert ("运行情况" if lang == "zh" else "What it did") in page


async def test_figures_are_words_first_and_no_data_is_said_as_such(work):
    page = await shown(work, "/machines/Lathe1/timeline?span=week")
    assert re.search(r"Ran \d+ % of the planned time", page)
    assert "counts neither as running nor as standing" in page
    assert "Door open" in page
    assert "Standing, no reason told" in page
    assert page.index("Ran ") < page.index("OEE")
    assert text("zh", "timeline.oee", share="80 %").startswith("三项相乘：80 %")
    assert "16:00–24:00" in await shown(work, "/machines/Lathe1/timeline?span=week&by=shift")  # a day ends at 24:00
    assert "url(" not in page.replace("/static/", "")  # looks come from the style sheet
    for by in ("shift", "day", "week"):
        assert await shown(work, f"/machines/Lathe1/timeline?span=week&by={by}", "zh")


async def test_it_can_be_taken_along_as_a_table(work):
    answer = await asked(work, "/machines/Lathe1/timeline.xlsx?span=week&by=day")
    book = openpyxl.load_workbook(io.BytesIO(answer.body))
    parts, pieces = book.worksheets
    rows = list(parts.values)
    assert rows[0][0] == "From (UTC+08:00)"
    assert rows[-1][2] == pytest.approx(sum(row[2] for row in rows[1:-1]))  # planned minutes add up
    used = [sum(row[place] for place in (3, 4, 5, 6)) for row in rows[1:]]
    assert used == pytest.approx([row[2] for row in rows[1:]], abs=0.05)
    assert "Door open" in {row[4] for row in pieces.values}
    lines = (await asked(work, "/machines/Lathe1/timeline.csv?span=day", "zh")).body.decode("utf-8-sig").splitlines()
    assert "计划（分钟）" in lines[0]
    assert (await asked(work, "/machines/Lathe1/timeline.pdf")).status == 404
    assert (await asked(work, "/machines/Nobody/timeline")).status == 404
    assert (await asked(work, "/machines/Lathe1/timeline?from=5&to=6")).status == 422
