"""What machines did follows from the floor book: page by page, again from the start where need be, at honest times."""

import pytest

from tests.doors.console.sample import LATHE
from tests.engine.world import Wires, found
from weft import locale
from weft.basis.instant import from_ms
from weft.config import Config
from weft.engine.clock import SystemClock
from weft.engine.series import History
from weft.engine.timeline_tables import cause
from weft.engine.value_evidence import Books
from weft.engine.views.machine_timeline import machine_timeline, shifts
from weft.production.master import Calendar, Shift, SpecialDay
from weft.production.reported import WorkReported
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.facts import (
    ConnectionLost,
    ConnectionRestored,
    JobCounted,
    JobEnded,
    JobPaused,
    JobStarted,
    MachineAlarmed,
    MachineCleared,
)
from weft.shopfloor.reading import fill
from weft.shopfloor.timeline import State
from weft.stores.series import SqliteSeries

MINUTE = 60_000


class Moved:
    """A clock that is ahead by what it was moved."""

    def __init__(self):
        self.real, self.ahead = SystemClock(), 0

    def now_ms(self):
        return self.real.now_ms() + self.ahead


@pytest.fixture
async def node(tmp_path):
    clock = Moved()
    node = await found(Wires(), "Jinggong", clock=clock)
    node.history = History(lambda at: SqliteSeries(str(tmp_path / "values.db"), at), Config(), clock, lambda: 1 << 40)
    node.history.books = Books(node)
    await node.history.begin()
    text = fill(LATHE.read_text(), {"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:1"})
    await node.record("floor", MachineAdded(machine="L1", description=text))
    yield node
    await node.history.stop()
    node.closing()
    await node.stop()


async def said(node, minutes, fact, **told):
    """Later, the machine says so."""
    node.clock.ahead += minutes * MINUTE
    told.setdefault("at", from_ms(node.clock.now_ms()))
    await node.record("floor", fact(machine="L1", **told))


async def told(node):
    await node.history.written()
    await node.history.books.follow(node.history)
    return await machine_timeline(node, "L1", by="day")


async def test_facts_of_the_floor_become_a_timeline(node):
    await said(node, 10, JobStarted, job="J1")
    await said(node, 30, JobCounted, job="J1", good=10, scrap=1)
    await said(node, 5, JobPaused, job="J1", alarm="E7")
    await said(node, 20, ConnectionLost)
    await said(node, 15, ConnectionRestored, gap_ms=900_000)
    await said(node, 10, JobEnded, job="J1", good=10, scrap=1)
    node.clock.ahead += 5 * MINUTE
    view = await told(node)
    assert [(one.state, round((one.until - one.begin) / MINUTE), one.cause) for one in view.pieces[-6:]] == [
        (State.IDLE, 10, ""), (State.RUNNING, 35, ""), (State.STANDING, 20, "E7"), (State.LOST, 15, ""),
        (State.STANDING, 10, "E7"), (State.IDLE, 5, "")]
    assert (view.total.good, view.total.scrap, view.planned) == (10, 1, False)
    assert [(one.cause, round(one.ms / MINUTE)) for one in view.causes] == [("E7", 30), ("", 15)]
    assert sum(part.use.planned_ms for part in view.parts) == view.total.planned_ms


async def test_what_a_person_said_on_a_phone_is_the_reason_of_a_stop(node):
    await said(node, 10, JobStarted, job="J1")
    await said(node, 30, JobPaused, job="J1")
    node.clock.ahead += MINUTE
    now = from_ms(node.clock.now_ms())
    node.work_log.entries["e"] = WorkReported(entry="e", worker="Li", job="J1", item="BV", operation=10, what="pause",
                                              reason="tool", at=now, told=now, booked=now)
    node.clock.ahead += 9 * MINUTE
    view = await told(node)
    assert view.pieces[-1].cause == "work.pause.tool"
    assert [cause(one, lambda key: locale.text("zh", key)) for one in view.causes if one.state is State.STANDING
            ] == ["刀具、夹具"]


async def test_an_alarm_that_stands_while_the_machine_says_it_runs_is_among_the_reasons(node):
    await said(node, 10, JobStarted, job="J1")
    await said(node, 5, MachineAlarmed, code="207", text="")
    await said(node, 4, MachineCleared, code="207")
    node.clock.ahead += 5 * MINUTE
    view = await told(node)
    (one,) = [one for one in view.causes if one.state is State.RUNNING]
    assert (round(one.ms / MINUTE), view.total.standing_ms) == (4, 0)
    assert cause(one, lambda key, **facts: locale.text("zh", key, **facts)) == "报警“207”，但机床自己报告在运行"


async def test_a_clock_of_a_machine_that_is_years_off_moves_nothing(node):
    await said(node, 10, JobStarted, job="J1", at="2011-01-01T00:00:00Z")
    await said(node, 30, JobPaused, job="J1", at="2044-01-01T00:00:00Z")
    view = await told(node)
    assert [(one.state, round((one.until - one.begin) / MINUTE)) for one in view.pieces if one.state is State.RUNNING
            ] == [(State.RUNNING, 30)]


async def test_the_book_is_read_once_and_anew_where_it_is_another(node):
    await said(node, 10, JobStarted, job="J1")
    first = await told(node)
    again = Books(node)
    await again.follow(node.history)
    followed = await node.history.followed()
    assert followed.doings["L1"].job == "J1"
    await node.history.follow([], followed.event, followed.position + 1)  # as if the book had been restored
    third = Books(node)
    await third.follow(node.history)
    assert await node.history.followed() == followed
    doings, _ = await node.history.done("L1", (0, 1 << 44))
    assert len(doings) == 2  # added, started: none twice
    assert [one.state for one in (await told(node)).pieces] == [one.state for one in first.pieces]


def test_each_shift_is_one_whatever_follows_it_and_a_holiday_has_none():
    week = tuple(Shift(day=day, start=start, end=start + 480) for day in range(5) for start in (360, 840, 1_320))
    calendar = Calendar(id="3", utc_offset=480, shifts=week, special=(SpecialDay(date="2026-11-25"),))
    begin = 1_795_564_800_000  # 2026-11-25T00:00Z
    found_ = sorted(shifts(calendar, begin - 86_400_000, begin + 2 * 86_400_000))
    assert all(last - first == 8 * 3_600_000 for first, last in found_)
    day = [first for first, _ in found_ if begin - 8 * 3_600_000 <= first < begin + 16 * 3_600_000]
    assert day == []
    assert len(found_) == 7
