"""Pictures drawn by the node: they hold what they should, and no word in them can break out."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from weft.doors.console import figures
from weft.engine.views.plan import PlanView
from weft.production.views import Bar, Row

HOUR = 3_600_000
NASTY = '"><script>alert(1)</script>'


def parsed(drawn) -> ET.Element:
    return ET.fromstring(str(drawn))


@dataclass
class At:
    """A plan of two work centres between midnight and four."""

    late: tuple[str, ...] = ()

    def plan(self) -> PlanView:
        bars = tuple(
            Bar(job=f"J{hour}", order="O", operation=10, item=item, lane=0, start_ms=hour * HOUR,
                end_ms=(hour + 1) * HOUR, state=state)
            for hour, item, state in ((1, NASTY, "Running"), (2, "BV-15", "AllowedToStart"), (3, "", "Reserved")))
        return PlanView(now_ms=HOUR, from_ms=0, until_ms=4 * HOUR, late=self.late, rows=(
            Row(work_centre="A", zh="车床", en="Lathe", open=((0, 2 * HOUR), (3 * HOUR, 4 * HOUR)), bars=bars),
            Row(work_centre="B", parallel=2)))


def test_a_sparkline_stays_inside_its_box_and_needs_two_points():
    drawn = parsed(figures.spark([(0, 1.0), (1000, 5.0), (2000, 3.0)], "load"))
    numbers = [float(one) for one in re.findall(r"-?\d+\.?\d*", drawn.findall("path")[1].get("d"))]
    assert all(0 <= one <= figures.SPARK_WIDTH for one in numbers)
    assert parsed(figures.spark([], "none")).find("path").get("class") == "zero"
    assert parsed(figures.spark([(0, 2.0), (10, 2.0)])).findall("path")  # a flat line divides by nothing
    assert "script>" not in figures.spark([(0, 1.0), (1, 2.0)], NASTY)


def test_the_plan_has_a_bar_for_each_job_and_shades_closed_hours():
    drawn = str(figures.gantt(At(late=("J2",)).plan(), "en", 0))
    assert parsed(drawn) is not None
    assert re.findall(r'class="bar ([a-z]*)"', drawn) == ["running", "late", "held"]
    assert drawn.count('class="closed"') == 3  # the gap of A, and both lanes of B all the time
    assert 'href="/jobs/J1"' in drawn
    assert 'href="/jobs/J3"' not in drawn  # what is only held is no job yet
    assert "<script>" not in drawn


def test_the_plan_names_days_in_the_firm_s_own_time():
    assert "1月1日周四" in figures.gantt(At().plan(), "zh", -60)
    assert "Thu 1 Jan" in figures.gantt(At().plan(), "en", 0)


def test_a_code_to_scan_says_what_it_is():
    drawn = str(figures.qr("https://example.test/?a=1&b=2", NASTY, "small"))
    assert parsed(drawn).get("class") == "qr small"
    assert "<script>" not in drawn
    assert "style=" not in drawn
