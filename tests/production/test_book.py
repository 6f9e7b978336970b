"""The production book: master data, orders and jobs folded; every message in every job state."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.workshop import AT, Book, draft, ordered, workshop
from weft.basis.canonical import encode
from weft.basis.decider import Message, Said
from weft.basis.errors import Invalid, Refused
from weft.production import book, rules
from weft.production import messages as m
from weft.production.master import Bill, BillLine, Operation, Routing, SupplyRule, WorkCentre
from weft.production.state import FINISHED, JobState

DEMAND = m.DemandRef(thread="T", line="1")


def started(one: Book, job: str, centre: str = "LATHE-1", by: str = "operator"):
    one.say(m.JobReleased(job=job))
    one.say(m.JobLoaded(job=job, work_centre=centre))
    one.say(m.JobStarted(job=job, by=by, work_centre=centre, at=AT))


def test_every_message_has_its_check_its_fold_and_its_codec():
    assert set(rules._CHECKS) == set(book._EVOLVE) == set(book.MESSAGES.values())
    assert not book.CROSSINGS


def test_an_order_becomes_jobs_with_their_own_copy_of_the_routing():
    one = workshop()
    ordered(one, item="VALVE", quantity="4")
    jobs = [one.state.jobs[name] for name in one.state.orders["PO1"].jobs]
    assert [(job.id, job.after, job.previous) for job in jobs] == [
        ("PO1-10", (), ""), ("PO1-20", ("PO1-10",), "PO1-10")]
    one.say(m.RoutingDefined(routing=Routing(item="VALVE", operations=(
        Operation(number=10, work_centre="BENCH", run_s="1"),))))
    assert [one.state.jobs[name] for name in one.state.orders["PO1"].jobs] == jobs


def test_an_order_waits_for_the_orders_that_make_its_parts():
    one = workshop()
    ordered(one, "PO1.1", item="STEM")
    materials = (m.Material(item="STEM", quantity="4", source="make", ref="PO1.1"),)
    one.say(m.ProductionOrderCreated(order=draft(one, "PO1", "VALVE", "4", materials=materials), demand=DEMAND))
    assert one.state.jobs["PO1-10"].after == ("PO1.1-10",)


def test_a_job_goes_from_release_to_its_end_and_closes_its_order():
    one = workshop()
    ordered(one)
    started(one, "PO1-10")
    one.say(m.JobCounted(job="PO1-10", good="4", scrap="1", at=AT, cycle_s="80"))
    assert (one.state.orders["PO1"].made, one.state.jobs["PO1-10"].cycle_s) == ("4", "80")
    one.say(m.JobPaused(job="PO1-10", reason="tool"))
    one.say(m.JobResumed(job="PO1-10"))
    one.say(m.JobScrapped(job="PO1-10", quantity="2", reason="work"))
    one.say(m.JobEnded(job="PO1-10", good="10", at=AT))
    job, order = one.state.jobs["PO1-10"], one.state.orders["PO1"]
    assert (job.state, job.good, str(job.scrap)) == (JobState.ENDED, "10", "2")
    assert (order.closed, order.made) == ("done", "10")
    assert one.refused(m.ProductionOrderCancelled(order="PO1")) == "production.order-closed"


def test_an_order_given_up_with_nothing_made_counts_as_cancelled():
    one = workshop()
    ordered(one)
    started(one, "PO1-10")
    one.say(m.JobAborted(job="PO1-10", reason="broken"))
    assert one.state.orders["PO1"].closed == "cancelled"


def test_cancelling_aborts_what_has_not_begun_and_is_refused_once_a_job_runs():
    one = workshop()
    ordered(one, item="VALVE")
    one.say(m.ProductionOrderCancelled(order="PO1", reason="customer"))
    assert {one.state.jobs[name].state for name in ("PO1-10", "PO1-20")} == {JobState.ABORTED}
    ordered(one, "PO2")
    started(one, "PO2-10")
    assert one.refused(m.ProductionOrderCancelled(order="PO2")) == "production.cancel-running"


JOB_MESSAGES = {
    m.JobReleased: {}, m.JobLoaded: {"work_centre": "LATHE-1"}, m.JobStarted: {
        "by": "operator", "work_centre": "LATHE-1", "at": AT},
    m.JobCounted: {"good": "1"}, m.JobScrapped: {"quantity": "1", "reason": "work"}, m.JobPaused: {},
    m.JobResumed: {}, m.JobEnded: {}, m.JobAborted: {},
}


def in_state(state: JobState) -> Book:
    one = workshop()
    ordered(one)
    path = {
        JobState.NOT_ALLOWED: [], JobState.ALLOWED: [m.JobReleased],
        JobState.RUNNING: [m.JobReleased, m.JobStarted],
        JobState.INTERRUPTED: [m.JobReleased, m.JobStarted, m.JobPaused],
        JobState.ENDED: [m.JobReleased, m.JobStarted, m.JobEnded], JobState.ABORTED: [m.JobAborted],
    }[state]
    for kind in path:
        one.say(kind(job="PO1-10", **JOB_MESSAGES[kind]))
    assert one.state.jobs["PO1-10"].state is state
    return one


@pytest.mark.parametrize("state", list(JobState), ids=lambda state: state.value)
@pytest.mark.parametrize("kind", list(JOB_MESSAGES), ids=lambda kind: kind.__name__)
def test_every_job_message_in_every_state_is_as_the_table_says(state, kind):
    one = in_state(state)
    message = kind(job="PO1-10", **JOB_MESSAGES[kind])
    if kind in rules.RULES[state]:
        one.say(message)
        assert one.state.jobs["PO1-10"].state is rules.RULES[state][kind]
        assert kind.__name__ in rules.may_say(in_state(state).state.jobs["PO1-10"])
    else:
        code = one.refused(message)
        assert code.startswith("production.job-")
        assert kind.__name__ not in rules.may_say(one.state.jobs["PO1-10"])


def test_no_job_is_ever_started_twice():
    one = in_state(JobState.RUNNING)
    again = m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=AT)
    assert one.refused(again) == "production.job-started-already"
    one.say(m.JobAborted(job="PO1-10"))
    assert one.refused(again) == "production.job-started-already"


def test_a_work_centre_runs_one_job_at_a_time_unless_it_has_more_lanes():
    one = workshop()
    for name in ("PO1", "PO2"):
        ordered(one, name)
        one.say(m.JobReleased(job=f"{name}-10"))
    one.say(m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=AT))
    second = m.JobStarted(job="PO2-10", by="operator", work_centre="LATHE-1", at=AT)
    assert one.refused(second) == "production.work-centre-busy"
    one.say(m.JobPaused(job="PO1-10"))
    one.say(second)
    assert one.refused(m.JobResumed(job="PO1-10")) == "production.work-centre-busy"


def test_nothing_starts_where_it_is_down_or_not_a_candidate():
    one = workshop()
    ordered(one)
    one.say(m.JobReleased(job="PO1-10"))
    one.say(m.WorkCentreDown(work_centre="LATHE-1", alarm="spindle", at=AT))
    at = {"job": "PO1-10", "by": "operator", "at": AT}
    assert one.refused(m.JobStarted(work_centre="LATHE-1", **at)) == "production.work-centre-down"
    assert one.refused(m.JobStarted(work_centre="BENCH", **at)) == "production.wrong-work-centre"
    one.say(m.WorkCentreUp(work_centre="LATHE-1"))
    one.say(m.JobStarted(work_centre="LATHE-1", **at))
    assert one.refused(m.WorkCentreUp(work_centre="LATHE-1")) == "production.work-centre-not-down"


def test_a_program_starts_by_itself_only_where_the_owner_said_so_and_it_was_loaded():
    one = workshop()
    ordered(one)
    one.say(m.JobReleased(job="PO1-10"))
    auto = {"job": "PO1-10", "by": "auto", "at": AT}
    assert one.refused(m.JobStarted(work_centre="LATHE-2", **auto)) == "production.auto-not-allowed"
    assert one.refused(m.JobStarted(work_centre="LATHE-1", **auto)) == "production.job-not-loaded"
    one.say(m.JobLoaded(job="PO1-10", work_centre="LATHE-1"))
    one.say(m.JobStarted(work_centre="LATHE-1", **auto))


def test_the_most_that_may_be_counted_is_told_in_whole_pieces():
    one = workshop()
    ordered(one, item="VALVE", quantity="30", tolerance_percent="5")
    started(one, "PO1-10", "BENCH")
    with pytest.raises(Refused) as refused:
        one.say(m.JobCounted(job="PO1-10", good="32"))
    assert refused.value.facts["limit"] == "31"
    one.say(m.JobCounted(job="PO1-10", good="31"))  # the control: what is told may be counted


def test_an_operator_counts_within_plan_tolerance_and_what_came_before():
    one = workshop()
    ordered(one, item="VALVE", quantity="100", tolerance_percent="5")
    started(one, "PO1-10", "BENCH")
    assert one.refused(m.JobCounted(job="PO1-10", good="106")) == "production.over-count"
    one.say(m.JobCounted(job="PO1-10", good="105", scrap="2"))
    assert one.refused(m.JobCounted(job="PO1-10", good="104")) == "production.count-back"
    started(one, "PO1-20", "BENCH")
    assert one.refused(m.JobCounted(job="PO1-20", good="105", scrap="1")) == "production.ahead-of-previous"
    one.say(m.JobCounted(job="PO1-20", good="100", scrap="5"))


def test_a_machines_count_is_a_fact_that_only_may_not_go_back():
    one = workshop()
    ordered(one)
    started(one, "PO1-10")
    one.say(m.JobCounted(job="PO1-10", good="14", by="machine"))
    assert one.refused(m.JobCounted(job="PO1-10", good="13", by="machine")) == "production.count-back"


def test_the_next_operation_waits_for_a_good_piece():
    one = workshop()
    ordered(one, item="VALVE")
    one.say(m.JobReleased(job="PO1-20"))
    start = m.JobStarted(job="PO1-20", by="operator", work_centre="BENCH", at=AT)
    assert one.refused(start) == "production.predecessor-not-produced"
    started(one, "PO1-10", "BENCH")
    one.say(m.JobCounted(job="PO1-10", good="1"))
    one.say(start)


BAD = [
    (m.BillDefined(bill=Bill(item="STEM", lines=(BillLine(item="VALVE", quantity="1"),))), "production.bill-cycle"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="X", quantity="1"),))), "production.bill-cycle"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="Y", quantity="0"),))), "quantity.not-positive"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="Y", quantity="-1"),))), "quantity.not-positive"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="Y", quantity="1", unit="STONE"),))), "quantity.unit"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="BODY", quantity="1", unit="KGM"),))),
     "production.unit-mismatch"),
    (m.BillDefined(bill=Bill(item="阀", lines=())), "production.id-form"),
    (m.BillDefined(bill=Bill(item="X", lines=(BillLine(item="Y", quantity="1"),) * 2)), "production.bill-line-twice"),
    (m.RoutingDefined(routing=Routing(item="X", operations=(Operation(number=10, work_centre="SAW", run_s="1"),))),
     "production.work-centre-unknown"),
    (m.RoutingDefined(routing=Routing(item="X", operations=(Operation(number=10, capability="magic", run_s="1"),))),
     "production.capability-unknown"),
    (m.RoutingDefined(routing=Routing(item="X", operations=(Operation(number=10, run_s="1"),))),
     "production.operation-nowhere"),
    (m.RoutingDefined(routing=Routing(item="X", operations=(Operation(number=10, work_centre="BENCH", run_s="0"),))),
     "quantity.not-positive"),
    (m.RoutingDefined(routing=Routing(item="X", operations=())), "production.routing-empty"),
    (m.RoutingDefined(routing=Routing(item="X", operations=(
        Operation(number=10, work_centre="BENCH", run_s="1", set_points={"速度": "1"}),))),
     "production.set-point-name"),
    (m.WorkCentreDefined(work_centre=WorkCentre(id="W", calendar="never")), "production.calendar-unknown"),
    (m.WorkCentreDefined(work_centre=WorkCentre(id="W", calendar="day", parallel=0)), "production.parallel"),
    (m.WorkCentreDefined(work_centre=WorkCentre(id="W", calendar="day", start="auto")),
     "production.auto-without-machine"),
    (m.SupplyRuleDefined(rule=SupplyRule(item="X", source="buy")), "production.supplier-missing"),
    (m.SupplyRuleDefined(rule=SupplyRule(item="X", source="make", lead_days=-1)), "production.lead-time"),
    (m.JobReleased(job="none"), "production.job-unknown"),
    (m.MaterialExpected(order="none", item="X"), "production.order-unknown"),
    (m.WorkCentreDown(work_centre="none", at=AT), "production.work-centre-missing"),
    (m.WorkCentreDown(work_centre="BENCH", at="yesterday"), "instant.malformed"),
    (m.PromiseMoved(demand=DEMAND, at=AT), "production.promise-unknown"),
    (m.CapacityReleased(id="none", why="expired"), "production.reservation-unknown"),
    (m.CapacityReserved(id="R", demand=DEMAND, promise=AT, expires="soon", drafts=()), "instant.malformed"),
    (m.SourcingOpened(id="S", demand=DEMAND, needs=()), "production.sourcing-empty"),
    (m.SourcingClosed(id="none", why="expired"), "production.sourcing-unknown"),
    (m.ProductionOrderCreated(order=m.Draft(id="P", item="X", quantity="1"), demand=DEMAND),
     "production.order-without-operations"),
    (m.ProductionOrderCreated(order=m.Draft(id="P", item="X", quantity="0"), demand=DEMAND), "quantity.not-positive"),
    (m.ProductionOrderCreated(order=m.Draft(id="P", item="X", quantity="1", operations=(
        m.JobSheet(number=10, work_centres=("SAW",), run_s="1"),)), demand=DEMAND), "production.work-centre-unknown"),
]


@pytest.mark.parametrize(("message", "code"), BAD, ids=[f"{code}-{n}" for n, (_, code) in enumerate(BAD)])
def test_what_is_wrong_is_refused_with_its_code_and_changes_nothing(message, code):
    assert workshop().refused(message) == code


def test_several_are_recorded_together_or_not_at_all():
    one = workshop()
    good = m.BillDefined(bill=Bill(item="CAP", lines=(BillLine(item="BAR", quantity="1"),)))
    bad = m.BillDefined(bill=Bill(item="BAR", lines=(BillLine(item="CAP", quantity="1"),)))
    before = one.state
    with pytest.raises(Invalid) as found:
        one.say(book.Several(messages=(good, bad)))
    assert found.value.code == "production.bill-cycle"
    assert one.state == before
    one.say(book.Several(messages=(good, good)))
    assert len([said for said in one.said if said == good]) == 1


def test_what_is_so_already_is_not_said_again():
    one = workshop()
    assert not one.say(m.BillDefined(bill=one.state.master.bills["VALVE"]))


def test_an_order_keeps_the_place_that_its_offer_had():
    one = workshop()
    one.say(m.CapacityReserved(id="R", demand=DEMAND, promise=AT, expires=AT, drafts=(draft(one, "PO9"),)))
    rank = one.state.reservations["R"].rank
    ordered(one, "PO1", thread="other")
    one.say(m.ProductionOrderCreated(order=draft(one, "PO9"), demand=DEMAND))
    one.say(m.CapacityReleased(id="R", why="ordered"))
    one.say(m.ProductionOrderCreated(order=draft(one, "PO9b"), demand=DEMAND))
    assert one.state.orders["PO9"].rank == one.state.orders["PO9b"].rank == rank < one.state.orders["PO1"].rank


def test_sourcing_is_answered_need_by_need():
    one = workshop()
    needs = tuple(m.ChildNeed(item=item, quantity="10", supplier="S", thread="C", line=line)
                  for line, item in (("1", "SEAL"), ("2", "CASTING")))
    one.say(m.SourcingOpened(id="S1", demand=DEMAND, needs=needs))
    assert one.refused(m.SourcingAnswered(id="S1", thread="C", line="3", promise=AT)) == "production.need-unknown"
    assert one.refused(m.SourcingAnswered(id="S1", thread="C", line="1")) == "production.answer-both"
    one.say(m.SourcingAnswered(id="S1", thread="C", line="1", promise=AT))
    assert one.refused(m.SourcingClosed(id="S1", why="complete")) == "production.sourcing-incomplete"
    one.say(m.SourcingAnswered(id="S1", thread="C", line="2", refusal="no-capacity"))
    one.say(m.SourcingClosed(id="S1", why="complete"))
    assert one.state.sourcings["S1"].answers["C#2"].refusal == "no-capacity"
    assert one.refused(m.SourcingClosed(id="S1", why="expired")) == "production.sourcing-closed"


def test_a_promise_is_made_once_and_then_moves():
    one = workshop()
    one.say(m.PromiseMade(demand=DEMAND, at=AT))
    assert one.refused(m.PromiseMade(demand=DEMAND, at=AT)) == "production.promise-exists"
    one.say(m.PromiseMoved(demand=DEMAND, at="", why=(m.Why(code="bound-outage"),)))
    promise = one.state.promises[DEMAND.key]
    assert (promise.first, promise.at, promise.moves) == (AT, "", 1)


def test_only_the_newest_closed_orders_stay_in_the_state(monkeypatch):
    monkeypatch.setattr(book, "CLOSED_KEPT", 3)
    one = workshop()
    ordered(one, "KEPT", thread="K")
    for n in range(8):
        name = ordered(one, f"PO{n}", thread=f"T{n}")
        one.say(m.PromiseMade(demand=m.DemandRef(thread=f"T{n}", line="1"), at=AT))
        one.say(m.ProductionOrderCancelled(order=name))
    ordered(one, "LAST", thread="L")
    assert list(one.state.orders) == ["KEPT", "PO5", "PO6", "PO7", "LAST"]
    assert {job.order for job in one.state.jobs.values()} == set(one.state.orders)
    assert set(one.state.promises) == {"T5#1", "T6#1", "T7#1"}


class Unknown(Message):
    """A message of another conversation."""


JOBS = st.sampled_from(["PO1-10", "PO2-10", "PO2-20", "none"])
NUMBERS = st.sampled_from(["0", "1", "5", "10", "11", "-1", "x", "1.5", "1e999"])
CENTRES = st.sampled_from(["LATHE-1", "LATHE-2", "BENCH", "none"])
INSTANTS = st.sampled_from([AT, "", "now"])
WORDS = st.one_of(
    st.builds(m.JobReleased, job=JOBS), st.builds(m.JobLoaded, job=JOBS, work_centre=CENTRES),
    st.builds(m.JobStarted, job=JOBS, by=st.sampled_from(["operator", "auto"]), work_centre=CENTRES, at=INSTANTS),
    st.builds(m.JobCounted, job=JOBS, good=NUMBERS, scrap=NUMBERS, by=st.sampled_from(["operator", "machine"])),
    st.builds(m.JobScrapped, job=JOBS, quantity=NUMBERS, reason=st.sampled_from(["material", "work"])),
    st.builds(m.JobPaused, job=JOBS), st.builds(m.JobResumed, job=JOBS),
    st.builds(m.JobEnded, job=JOBS, good=NUMBERS), st.builds(m.JobAborted, job=JOBS),
    st.builds(m.ProductionOrderCancelled, order=st.sampled_from(["PO1", "PO2", "none"])),
    st.builds(m.WorkCentreDown, work_centre=CENTRES, at=INSTANTS), st.builds(m.WorkCentreUp, work_centre=CENTRES),
    st.builds(m.MaterialExpected, order=st.sampled_from(["PO1", "none"]), item=st.just("BAR"), at=INSTANTS),
    st.builds(Unknown),
)


@settings(max_examples=150)
@given(st.lists(WORDS, max_size=25))
def test_whatever_is_said_judge_never_raises_and_counts_never_go_back(words):
    one = workshop()
    ordered(one)
    ordered(one, "PO2", item="VALVE", thread="U")
    state, made = one.state, {}
    for word in words:
        said = Said(id="x", by="us", role="owner", message=word)
        if book.judge(state, said) is not None:
            continue
        was, state = state, book.evolve(state, said)
        for name, job in state.jobs.items():
            before = was.jobs[name].state
            assert float(job.good) >= made.get(name, 0)
            assert job.state is before or before not in FINISHED
            made[name] = float(job.good)
        for centre in state.master.work_centres.values():
            running = [job for job in state.jobs.values() if job.state is JobState.RUNNING
                       and job.work_centre == centre.id]
            assert len(running) <= centre.parallel
    encode(msgspec.to_builtins(state))
    assert msgspec.json.decode(msgspec.json.encode(state), type=type(state)) == state
