"""What is read from the production book: release, dispatch, progress, moved promises, chart and traveller."""

import msgspec
import pytest

from tests.production.workshop import AT, DAY, HOUR, MINUTE, MONDAY, draft, ordered, workshop
from weft.basis import instant
from weft.basis.errors import NotFound
from weft.production import greedy, views
from weft.production import messages as m
from weft.production.planning import problem_of

NOW = MONDAY + 8 * HOUR
DEMAND = m.DemandRef(thread="T", line="1")


def plan_of(one, now=NOW):
    return greedy.schedule(problem_of(one.state, now))


def test_a_job_is_releasable_when_its_material_is_here_and_what_comes_before_is_finished():
    one = workshop()
    ordered(one, "PO1.1", item="STEM", quantity="4")
    materials = (m.Material(item="STEM", quantity="4", source="make", ref="PO1.1"),
                 m.Material(item="SEAL", quantity="4", source="buy", at=AT, ref="C#1"))
    one.say(m.ProductionOrderCreated(order=draft(one, "PO1", "VALVE", "4", materials=materials), demand=DEMAND))
    assert views.releasable(one.state) == ("PO1.1-10",)
    one.say(m.JobReleased(job="PO1.1-10"))
    assert views.releasable(one.state) == ()
    one.say(m.JobStarted(job="PO1.1-10", by="operator", work_centre="LATHE-1", at=AT))
    one.say(m.JobCounted(job="PO1.1-10", good="4"))
    one.say(m.MaterialExpected(order="PO1", item="SEAL", arrived=True, lots=("L1",)))
    assert views.releasable(one.state) == ()  # the stems are not finished
    one.say(m.JobEnded(job="PO1.1-10"))
    assert views.releasable(one.state) == ("PO1-10",)


def test_what_an_order_waits_for_is_found_by_item_and_by_reference():
    one = workshop()
    materials = (m.Material(item="SEAL", quantity="4", source="buy", at=AT, ref="C#1"),)
    one.say(m.ProductionOrderCreated(order=draft(one, "PO1", "VALVE", "4", materials=materials), demand=DEMAND))
    assert [order for order, _ in views.waiting_for(one.state, ref="C#1")] == ["PO1"]
    assert views.waiting_for(one.state, item="STEM") == ()
    one.say(m.MaterialExpected(order="PO1", item="SEAL", arrived=True))
    assert views.waiting_for(one.state) == ()


def test_the_next_job_of_each_free_lane_is_due():
    one = workshop()
    for name in ("PO1", "PO2", "PO3"):
        ordered(one, name)
        one.say(m.JobReleased(job=f"{name}-10"))
    due = {due.work_centre: due for due in views.due_jobs(one.state, plan_of(one))}
    assert {centre: one.job for centre, one in due.items()} == {"LATHE-1": "PO1-10", "LATHE-2": "PO2-10"}
    assert due["LATHE-1"].now and due["LATHE-1"].start == "auto" and due["LATHE-1"].machine == "lathe-1"
    one.say(m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=instant.from_ms(NOW)))
    assert [one.job for one in views.due_jobs(one.state, plan_of(one))] == ["PO2-10"]
    one.say(m.WorkCentreDown(work_centre="LATHE-2", at=instant.from_ms(NOW)))
    assert views.due_jobs(one.state, plan_of(one)) == ()


def test_a_job_whose_material_is_late_does_not_hold_up_the_next_one():
    one = workshop()
    late = (m.Material(item="BAR", quantity="1", source="buy", at=instant.from_ms(NOW - DAY)),)
    for name in ("PO1", "PO1b"):
        ordered(one, name, materials=late)
    ordered(one, "PO2", thread="U")
    one.say(m.JobReleased(job="PO2-10"))
    plan = plan_of(one)
    assert plan.jobs["PO1-10"].start_ms == NOW + 8 * HOUR  # a day late: taken to be late by 32 hours, not to come now
    assert [one.job for one in views.due_jobs(one.state, plan)] == ["PO2-10"]
    future = (m.Material(item="BAR", quantity="1", source="buy", at=instant.from_ms(NOW + 20 * MINUTE)),)
    other = workshop()
    ordered(other, "PO1", materials=future)
    ordered(other, "PO1b", materials=future)
    ordered(other, "PO2", thread="U")
    other.say(m.JobReleased(job="PO2-10"))
    assert views.due_jobs(other.state, plan_of(other)) == ()  # it would delay what was promised first


def test_progress_counts_what_is_asked_for_and_weighs_the_work_in_parts():
    one = workshop()
    ordered(one, "PO1.1", item="STEM", parent="PO1")
    ordered(one, "PO1", item="VALVE")
    assert views.progress(one.state, DEMAND) == ("0", "10") and views.permille(one.state, DEMAND) == 0
    one.say(m.JobReleased(job="PO1.1-10"))
    one.say(m.JobStarted(job="PO1.1-10", by="operator", work_centre="LATHE-1", at=AT))
    one.say(m.JobEnded(job="PO1.1-10", good="10"))
    assert views.progress(one.state, DEMAND) == ("0", "10")
    assert 0 < views.permille(one.state, DEMAND) < 1000
    for job in ("PO1-10", "PO1-20"):
        one.say(m.JobReleased(job=job))
        one.say(m.JobStarted(job=job, by="operator", work_centre="BENCH", at=AT))
        one.say(m.JobEnded(job=job, good="10"))
    assert views.progress(one.state, DEMAND) == ("10", "10") and views.permille(one.state, DEMAND) == 1000
    assert views.progress(one.state, m.DemandRef(thread="none")) == ("0", "0")


def promised(one, quantity="100"):
    ordered(one, item="STEM", quantity=quantity)
    at = plan_of(one).order_ends["PO1"]
    one.say(m.PromiseMade(demand=DEMAND, at=instant.from_ms(at)))
    return at


def test_an_alarm_moves_the_promise_and_its_end_moves_it_back_but_never_before_the_first():
    one = workshop()
    at = promised(one)
    now = instant.from_ms(NOW)
    assert views.moved_promises(one.state, plan_of(one), now) == []
    for centre in ("LATHE-1", "LATHE-2"):
        one.say(m.WorkCentreDown(work_centre=centre, alarm="spindle", expected_minutes=240, at=now))
    (demand, old, new, why), = views.moved_promises(one.state, plan_of(one), now)
    assert (demand, old, new) == (DEMAND, instant.from_ms(at), instant.from_ms(at + 4 * HOUR))
    assert [line.code for line in why] == ["bound-outage"]
    one.say(m.PromiseMoved(demand=DEMAND, at=new, why=why))
    assert views.moved_promises(one.state, plan_of(one), now) == []
    for centre in ("LATHE-1", "LATHE-2"):
        one.say(m.WorkCentreUp(work_centre=centre))
    (_, _, back, _), = views.moved_promises(one.state, plan_of(one), now)
    assert back == instant.from_ms(at)


def test_what_is_made_before_its_first_promise_is_late_no_more_and_nothing_that_falters_is_waited_for():
    one = workshop()
    at = promised(one)
    now = instant.from_ms(NOW)
    for centre in ("LATHE-1", "LATHE-2"):
        one.say(m.WorkCentreDown(work_centre=centre, alarm="spindle", expected_minutes=240, at=now))
    (_, _, new, why), = views.moved_promises(one.state, plan_of(one), now)
    one.say(m.PromiseMoved(demand=DEMAND, at=new, why=why, said=now))
    for centre in ("LATHE-1", "LATHE-2"):
        one.say(m.WorkCentreUp(work_centre=centre))
    assert views.moved_promises(one.state, plan_of(one), now, 60, 120) == [], "the control: it may falter again"
    one.say(m.JobReleased(job="PO1-10"))
    one.say(m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=now))
    one.say(m.JobCounted(job="PO1-10", good="100"))
    one.say(m.JobEnded(job="PO1-10", good="100", at=now))
    assert one.state.orders["PO1"].closed == "done"
    (_, _, back, _), = views.moved_promises(one.state, plan_of(one), now, 60, 120)
    assert back == instant.from_ms(at)
    one.say(m.PromiseMoved(demand=DEMAND, at=back))
    assert views.moved_promises(one.state, plan_of(one), now, 60, 120) == []


def test_a_small_delay_is_not_told_and_an_open_ended_one_gives_no_instant():
    one = workshop()
    promised(one)
    now = instant.from_ms(NOW)
    one.say(m.WorkCentreDown(work_centre="LATHE-1", expected_minutes=20, at=now))
    one.say(m.WorkCentreDown(work_centre="LATHE-2", expected_minutes=20, at=now))
    assert views.moved_promises(one.state, plan_of(one), now) == []
    assert len(views.moved_promises(one.state, plan_of(one), now, 15)) == 1
    one.say(m.WorkCentreDown(work_centre="LATHE-1", at=now))
    one.say(m.WorkCentreDown(work_centre="LATHE-2", at=now))
    (_, _, new, why), = views.moved_promises(one.state, plan_of(one), now)
    assert new == "" and [line.code for line in why] == ["unplaced-outage"]
    one.say(m.PromiseMoved(demand=DEMAND, at=""))
    assert views.moved_promises(one.state, plan_of(one), now) == []


def test_a_reservation_is_found_by_its_demand_and_expires_by_an_instant():
    one = workshop()
    assert views.reservation_of(one.state, DEMAND) is None
    one.say(m.CapacityReserved(id="R", demand=DEMAND, promise=AT, expires=AT, drafts=(draft(one, "PO1"),)))
    assert views.reservation_of(one.state, DEMAND).id == "R"
    assert views.expired(one.state, instant.to_ms(AT) - 1) == ()
    assert views.expired(one.state, instant.to_ms(AT)) == ("R",)


def test_the_chart_shows_jobs_reservations_outages_and_open_time():
    one = workshop()
    ordered(one)
    one.say(m.CapacityReserved(id="R", demand=m.DemandRef(thread="U"), promise=AT, expires=AT,
                               drafts=(draft(one, "PO2"),)))
    one.say(m.WorkCentreDown(work_centre="BENCH", alarm="power", at=AT))
    chart = views.gantt(one.state, plan_of(one), NOW, NOW + DAY)
    rows = {row.work_centre: row for row in chart.rows}
    assert {bar.job: bar.state for row in chart.rows for bar in row.bars} == {
        "PO1-10": "NotAllowedToStart", "PO2-10": "Reserved"}
    assert rows["BENCH"].down and rows["BENCH"].alarm == "power"
    assert rows["LATHE-1"].open == ((NOW, NOW + DAY),)
    assert msgspec.json.decode(msgspec.json.encode(chart), type=views.Gantt) == chart


def test_a_traveller_shows_every_operation_and_its_buttons():
    one = workshop()
    ordered(one, item="VALVE")
    one.say(m.JobReleased(job="PO1-10"))
    paper = views.traveller(one.state, "PO1")
    assert [(step.operation, step.state) for step in paper.steps] == [
        (10, "AllowedToStart"), (20, "NotAllowedToStart")]
    assert paper.steps[0].may == ("JobLoaded", "JobStarted", "JobAborted")
    with pytest.raises(NotFound):
        views.traveller(one.state, "none")


def test_what_remains_of_a_running_job_goes_by_its_counts_and_real_cycle():
    one = workshop()
    ordered(one, quantity="100")
    one.say(m.JobReleased(job="PO1-10"))
    one.say(m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=instant.from_ms(NOW)))
    planned = plan_of(one).order_ends["PO1"]
    assert planned == NOW + (1200 + 90 * 100) * 1000
    one.say(m.JobCounted(job="PO1-10", good="50", cycle_s="180", at=instant.from_ms(NOW + HOUR)))
    assert plan_of(one, NOW + HOUR).order_ends["PO1"] == NOW + HOUR + 50 * 180 * 1000
