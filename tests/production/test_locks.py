"""Laws of what a person has fixed: it is where it was put, and what stands against that is said."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.test_greedy import lanes, overlaps
from tests.production.workshop import ALWAYS, DAYTIME, HOUR, MONDAY, mixed_problems, ordered, workshop
from weft.planners import cpsat
from weft.planners.climbing import Climb
from weft.planners.cpsat import Limits
from weft.production import greedy, sequence
from weft.production import messages as m
from weft.production.calendar import OpenTime
from weft.production.plan import Arrival, Outage, Placing, PlanCentre, PlanJob, Problem
from weft.production.planning import problem_of

OUT = Outage(centre="W", from_ms=MONDAY, until_ms=MONDAY + 8 * HOUR)
AT = "2026-11-23T06:00:00.000Z"


def shop(*jobs, calendar="always", outages=()):
    return Problem(now_ms=MONDAY, jobs=jobs, centres=(PlanCentre(id="W", calendar=calendar),), outages=outages,
                   calendars={"always": ALWAYS, "day": DAYTIME})


def job(name, hours=1, at=None, **fields):
    return PlanJob(id=name, order=fields.pop("order", name), work_ms=hours * HOUR, centres=("W",),
                   fixed_ms=None if at is None else MONDAY + at * HOUR, **fields)


def kept(problem, plan):
    """Whether every fixed job that has a place has the one that it was given."""
    return all(one.id in plan.unplaced or (plan.jobs[one.id].start_ms, plan.jobs[one.id].centre) == (
        one.fixed_ms, one.centres[0]) for one in problem.jobs if one.fixed_ms is not None)


@settings(max_examples=150)
@given(mixed_problems(fixed=True))
def test_what_is_fixed_is_where_it_was_put_and_nothing_shares_its_place_unless_that_is_said(problem):
    plan = greedy.schedule(problem)
    assert kept(problem, plan)
    assert all(left.conflict or right.conflict for left, right in overlaps(plan))
    for one in problem.jobs:
        placed = plan.jobs.get(one.id)
        if placed is None or one.fixed_ms is None:
            continue
        begin = placed.begin_ms or placed.start_ms
        assert (begin > placed.start_ms) == bool(placed.conflict)
        assert begin >= problem.now_ms and placed.end_ms >= begin + one.work_ms
        assert all(begin >= arrival.at_ms for arrival in one.materials)
        assert all(plan.jobs[other].end_ms <= begin for other in one.after)


@settings(max_examples=80)
@given(mixed_problems(fixed=True), st.randoms(use_true_random=False))
def test_equal_shops_give_equal_plans_and_no_sequence_moves_what_is_fixed(problem, chance):
    plan = greedy.schedule(problem)
    shuffled = list(problem.jobs)
    chance.shuffle(shuffled)
    assert greedy.schedule(msgspec.structs.replace(problem, jobs=tuple(shuffled))) == plan
    other = sequence.following(problem, [Placing(job=one.id, centre="") for one in shuffled])
    for found in (greedy.schedule(other), sequence.planned(other)):
        assert kept(problem, found)


def test_a_plan_that_moves_what_is_fixed_is_found_out():
    problem = shop(job("a", 2), job("b", at=5))
    free = shop(job("a", 2), job("b"))
    assert kept(problem, greedy.schedule(problem)) and not kept(problem, greedy.schedule(free))


@settings(max_examples=20, deadline=None)
@given(mixed_problems(most=6, fixed=True))
def test_searches_leave_what_is_fixed_alone(problem):
    plan = sequence.planned(problem)
    climb = Climb(problem, plan)
    climb.begin()
    climb.climb(lambda: climb.tries >= 12)
    assert kept(problem, climb.plan)
    found = cpsat.search(problem, plan, Limits(seconds=20, effort=0.3))
    assert kept(problem, greedy.schedule(sequence.following(problem, found.sequence)))


def test_others_go_round_what_is_fixed():
    plan = greedy.schedule(shop(job("fixed", 2, at=3, rank=9), job("a", 2, rank=1), job("b", 2, rank=2)))
    assert {name: (one.start_ms - MONDAY) // HOUR for name, one in plan.jobs.items()} == {"a": 0, "fixed": 3, "b": 5}
    assert plan.jobs["fixed"].bound == "lock" and not plan.jobs["fixed"].conflict
    assert (plan.jobs["b"].bound, plan.jobs["b"].bound_by) == ("work-centre", "fixed")


@pytest.mark.parametrize(("shop", "conflict", "by", "begin", "end"), [
    (shop(job("x", at=-2)), "past", "", 0, 1),
    (shop(job("x", at=-0.5, rank=9), job("r", 3, stage="running")), "overlap", "r", 3, 4),
    (shop(job("x", at=1), job("r", 3, stage="running")), "overlap", "r", 3, 4),
    (shop(job("w", 2, at=1), job("x", at=2)), "overlap", "w", 3, 4),
    (shop(job("x", at=1, materials=(Arrival(item="bar", at_ms=MONDAY + 6 * HOUR),))), "material", "bar", 6, 7),
    (shop(job("x", at=1, after=("p",), rank=1), job("p", 4, rank=2)), "predecessor", "p", 6, 7),
    (shop(job("x", at=10), calendar="day"), "closed", "", 24, 25),
    (shop(job("x", at=2), outages=(OUT,)), "outage", "W", 8, 9),
])
def test_what_stands_against_a_lock_is_said_and_its_end_is_what_can_be_kept(shop, conflict, by, begin, end):
    plan = greedy.schedule(shop)
    one = plan.jobs["x"]
    assert kept(shop, plan)
    assert (one.conflict, one.conflict_by) == (conflict, by)
    assert ((one.begin_ms - MONDAY) / HOUR, (one.end_ms - MONDAY) / HOUR) == (begin, end)
    assert plan.order_ends["x"] == one.end_ms


def test_a_machine_is_held_for_what_is_fixed_until_it_can_begin():
    late = job("x", at=1, materials=(Arrival(item="bar", at_ms=MONDAY + 6 * HOUR),))
    plan = greedy.schedule(shop(late, job("a", 3, rank=1)))
    assert plan.jobs["a"].start_ms == plan.jobs["x"].end_ms == MONDAY + 7 * HOUR
    assert not list(overlaps(plan)) and len(lanes(plan)) == 1


def test_a_fixed_job_whose_material_nobody_has_promised_has_no_place():
    plan = greedy.schedule(shop(job("x", at=1, materials=(Arrival(item="bar", at_ms=None),)), job("a", 3)))
    assert plan.unplaced == {"x": "material"} and plan.jobs["a"].start_ms == MONDAY


FAR = MONDAY + 20 * 366 * 24 * HOUR


@pytest.mark.parametrize("fields", [
    {"fixed_ms": FAR}, {"earliest_ms": FAR}, {"materials": (Arrival(item="bar", at_ms=FAR),)}])
def test_what_is_dated_decades_ahead_has_no_place_and_unrolls_no_calendar(fields, monkeypatch):
    asked = []
    monkeypatch.setattr(OpenTime, "_extend", lambda self, extend=OpenTime._extend: (asked.append(1), extend(self)))
    far = msgspec.structs.replace(job("x"), **fields)
    out = Outage(centre="V", from_ms=MONDAY, until_ms=FAR)
    held = PlanJob(id="v", order="v", centres=("V",), work_ms=HOUR)
    problem = msgspec.structs.replace(shop(far, job("a"), held, outages=(out,)), centres=(
        PlanCentre(id="W", calendar="always"), PlanCentre(id="V", calendar="always")))
    plan = greedy.schedule(problem)
    assert plan.unplaced == {"x": "too-long", "v": "too-long"} and plan.jobs["a"].start_ms == MONDAY
    assert len(asked) < 10


def test_a_promise_is_given_beside_what_is_fixed():
    problem = shop(job("x", 2, at=1))
    plan = greedy.insert(problem, greedy.schedule(problem), [job("new", 3, rank=9)])
    assert plan.jobs["new"].start_ms == MONDAY + 3 * HOUR and plan.jobs["x"].start_ms == MONDAY + HOUR


# ---- in the book ----------------------------------------------------------------------------------


def test_a_job_is_fixed_and_let_go():
    one = workshop()
    ordered(one)
    one.say(m.JobLocked(job="PO1-10", start=AT, work_centre="LATHE-2"))
    assert greedy.schedule(problem_of(one.state, MONDAY)).jobs["PO1-10"].start_ms == MONDAY + 6 * HOUR
    assert greedy.schedule(problem_of(one.state, MONDAY)).jobs["PO1-10"].centre == "LATHE-2"
    one.say(m.JobUnlocked(job="PO1-10"))
    assert greedy.schedule(problem_of(one.state, MONDAY)).jobs["PO1-10"].start_ms == MONDAY
    assert one.refused(m.JobUnlocked(job="PO1-10")) == "production.job-not-locked"


def test_not_before_leaves_the_rest_to_the_plan():
    one = workshop()
    ordered(one)
    one.say(m.JobLocked(job="PO1-10", start=AT, hold="not-before"))
    plan = greedy.schedule(problem_of(one.state, MONDAY))
    assert (plan.jobs["PO1-10"].start_ms, plan.jobs["PO1-10"].bound) == (MONDAY + 6 * HOUR, "earliest")


def test_a_lock_names_a_work_centre_that_can_do_it_and_an_instant():
    one = workshop()
    ordered(one)
    assert one.refused(m.JobLocked(job="PO1-10", start=AT, work_centre="BENCH")) == "production.wrong-work-centre"
    assert one.refused(m.JobLocked(job="PO1-10", start="soon")) == "instant.malformed"
    assert one.refused(m.JobLocked(job="PO9-10", start=AT)) == "production.job-unknown"
    one.say(m.JobReleased(job="PO1-10"))
    one.say(m.JobLoaded(job="PO1-10", work_centre="LATHE-1"))
    assert one.refused(m.JobLocked(job="PO1-10", start=AT, work_centre="LATHE-2")) == "production.wrong-work-centre"


@pytest.mark.parametrize("ended_by", ["start", "abort", "cancel"])
def test_a_lock_ends_with_what_it_was_for(ended_by):
    one = workshop()
    ordered(one)
    one.say(m.JobLocked(job="PO1-10", start=AT))
    assert set(one.state.locks) == {"PO1-10"}
    if ended_by == "start":
        one.say(m.JobReleased(job="PO1-10"))
        one.say(m.JobStarted(job="PO1-10", by="operator", work_centre="LATHE-1", at=AT))
        assert one.refused(m.JobLocked(job="PO1-10", start=AT)) == "production.job-state"
    else:
        one.say(m.JobAborted(job="PO1-10") if ended_by == "abort" else m.ProductionOrderCancelled(order="PO1"))
    assert one.state.locks == {}
