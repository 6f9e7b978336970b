"""The plan as it is drawn: bars, set-ups, locks and promises in their places; no word in it can break out."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import msgspec

from weft.basis.zone import of
from weft.doors.console.gantt import Look, gantt, plan_page
from weft.engine.views.plan import PlanView, PromiseLine
from weft.locale import text
from weft.production.views import Bar, Row

HOUR = 3_600_000
NASTY = '"><script>alert(1)</script>'
EN = Look("en")


def parsed(drawn) -> ET.Element:
    return ET.fromstring(str(drawn))


@dataclass
class At:
    """A plan of two work centres between midnight and four."""

    late: tuple[str, ...] = ()

    def plan(self) -> PlanView:
        bars = tuple(
            Bar(job=f"J{hour}", order="O", operation=10, item=item, lane=0, start_ms=hour * HOUR,
                end_ms=(hour + 1) * HOUR, state=state, centres=("A", "B") if state == "AllowedToStart" else ())
            for hour, item, state in ((1, NASTY, "Running"), (2, "BV-15", "AllowedToStart"), (3, "", "Reserved")))
        return PlanView(now_ms=HOUR, from_ms=0, until_ms=4 * HOUR, late=self.late, rows=(
            Row(work_centre="A", zh="车床", en="Lathe", open=((0, 2 * HOUR), (3 * HOUR, 4 * HOUR)), bars=bars),
            Row(work_centre="B", parallel=2)))


def test_the_plan_has_a_bar_for_each_job_and_shades_closed_hours():
    drawn = str(gantt(At(late=("J2",)).plan(), EN))
    assert parsed(drawn) is not None
    assert re.findall(r'class="bar ([a-z]*)"', drawn) == ["running", "late", "held"]
    assert drawn.count('class="closed"') == 3  # the gap of A, and both lanes of B all the time
    assert 'href="/jobs/J1"' in drawn
    assert 'href="/jobs/J3"' not in drawn  # what is only held is no job yet
    assert "<script>" not in drawn


def test_the_plan_names_days_in_the_firm_s_own_time():
    assert "1月1日周四" in gantt(At().plan(), Look("zh", of("-01:00")))
    assert "Thu 1 Jan" in gantt(At().plan(), EN)



def one_bar(**fields) -> PlanView:
    bar = Bar(job="J", order="O", item="BV-15", operation=10, lane=0, start_ms=HOUR, end_ms=3 * HOUR,
              state="AllowedToStart", **fields)
    return PlanView(now_ms=0, from_ms=0, until_ms=4 * HOUR, rows=(Row(work_centre="A", bars=(bar,)),),
                    promises=(PromiseLine(order="O", centre="A", lane=0, end_ms=3 * HOUR, due_ms=2 * HOUR, late=True),))


def box(drawn, kind) -> tuple[float, float]:
    """Left and right edge of the part ``kind``."""
    [found] = [one for one in parsed(drawn).iter() if (one.get("class") or "").split()[:1] == [kind]]
    return float(found.get("x")), float(found.get("x")) + float(found.get("width"))


def test_a_set_up_is_the_first_part_of_its_bar_and_a_wait_comes_before_it():
    plain = gantt(one_bar(), EN)
    assert 'class="setup"' not in plain and 'class="wait"' not in plain and 'class="lock"' not in plain
    drawn = gantt(one_bar(begin_ms=HOUR * 3 // 2, setup_end_ms=2 * HOUR, hold="at", conflict="material",
                          conflict_by="BAR"), EN)
    bar, wait, setup = box(drawn, "bar"), box(drawn, "wait"), box(drawn, "setup")
    assert bar[0] == wait[0] and wait[1] == setup[0] and setup[1] == (bar[0] + bar[1]) / 2
    assert 'class="lock"' in drawn and 'class="bar conflict"' in drawn
    assert text("en", "plan.conflict.material", by="BAR") in drawn


def test_a_line_leads_from_the_end_of_an_order_to_its_promise():
    [line] = [one for one in parsed(gantt(one_bar(), EN)).iter() if one.get("class") == "promise late"]
    assert line.get("d") == "M420.0 27V55M570.0 55H420.0"
    assert "O is promised for" in next(iter(line)).text


def test_only_the_line_of_a_late_or_chosen_order_is_drawn_whole():
    plan = one_bar()
    kept = msgspec.structs.replace(plan, promises=(msgspec.structs.replace(plan.promises[0], late=False),))
    for look, whole in ((EN, False), (Look("en", order="O"), True), (Look("en", order="P"), False)):
        [line] = [one for one in parsed(gantt(kept, look)).iter() if one.get("class") == "promise"]
        assert ("H" in line.get("d")) == whole


def test_what_a_script_needs_to_drag_a_job_is_there_for_those_that_may_be_moved():
    assert "data-job" not in gantt(At().plan(), EN)
    words = gantt(At().plan(), Look("en", of("Asia/Shanghai"), link=plan_page, draggable=True))
    drawn = parsed(words)
    assert {name: drawn.get(f"data-{name}") for name in ("begin", "end", "offset", "zone", "step")} == {
        "begin": "0", "end": str(4 * HOUR), "offset": "480", "zone": "Asia/Shanghai", "step": "900000"}
    jobs = list(drawn.iter("a"))
    assert [one.get("data-job") for one in jobs] == [None, "J2"]  # what runs is not moved
    assert 'data-centres="A\nB"' in words and jobs[1].get("href") == "/plan?job=J2"
    assert [one.get("data-centre") for one in drawn.iter("rect") if one.get("class") == "lane"] == ["A", "B", "B"]
    assert all(one.get("aria-label") for one in jobs)
