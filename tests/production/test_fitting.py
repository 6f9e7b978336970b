"""Laws of set-up families: what is set up alike follows without changing over, and no plan forgets a set-up."""

from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.test_greedy import lanes, overlaps
from tests.production.workshop import ALWAYS, HOUR, MINUTE, MONDAY, draft, mixed_problems, workshop
from weft.planners import cpsat
from weft.planners.cpsat import Limits
from weft.production import greedy, sequence, table
from weft.production import messages as m
from weft.production.calendar import OpenTime
from weft.production.fitting import Fitting
from weft.production.master import Changeover, Operation, Routing
from weft.production.plan import PlanCentre, PlanJob, Problem
from weft.production.planning import problem_of

ONE = PlanCentre(id="W", calendar="always")


def shop(*jobs, centre=ONE):
    return Problem(now_ms=MONDAY, jobs=jobs, centres=(centre,), calendars={"always": ALWAYS})


def job(name, family="", hours=1, setup=30, **fields):
    return PlanJob(id=name, order=fields.pop("order", name), work_ms=hours * HOUR, family=family,
                   setup_ms=setup * MINUTE, centres=("W",), **fields)


def forgotten(problem, plan):
    """Jobs that are set up for less than what stands before them asks for."""
    fittings = {centre.id: Fitting(centre) for centre in problem.centres}
    every = {one.id: one for one in problem.jobs}
    for (centre, _), held in lanes(plan).items():
        ordered = sorted((one for one in held if one.end_ms > one.start_ms), key=lambda one: (one.start_ms, one.end_ms))
        if any(one.conflict for one in ordered):
            continue
        families = [fittings[centre].fitted, *(one.family for one in ordered)]
        for before, one in zip(families, ordered, strict=False):
            if one.setup_ms < fittings[centre].of(before, every[one.id]):
                yield one


@settings(max_examples=80)
@given(mixed_problems())
def test_no_two_jobs_and_their_set_ups_share_a_lane_at_one_time_and_none_is_forgotten(problem):
    plan = greedy.schedule(problem)
    assert not list(overlaps(plan))
    assert not list(forgotten(problem, plan))
    open_time = {centre.id: OpenTime(problem.calendars[centre.calendar]) for centre in problem.centres}
    for one in problem.jobs:
        if (placed := plan.jobs.get(one.id)) is not None:
            times = open_time[placed.centre]
            assert times.between(placed.start_ms, placed.end_ms) == one.work_ms + placed.setup_ms
            assert times.between(placed.start_ms, placed.work_from_ms) == placed.setup_ms


def test_a_plan_that_forgets_a_set_up_is_found_out():
    problem = shop(job("a", "A", rank=1), job("b", "B", rank=2))
    plan = greedy.schedule(problem)
    careless = msgspec.structs.replace(plan.jobs["b"], setup_ms=0)
    assert list(forgotten(problem, msgspec.structs.replace(plan, jobs={**plan.jobs, "b": careless}))) == [careless]


@given(mixed_problems(), st.integers(1, 40), st.sampled_from(["", "A", "B"]), st.data())
def test_a_later_job_never_moves_the_work_of_an_earlier_one(problem, quarters, family, data):
    late = PlanJob(id="Z-late", order="Z", work_ms=quarters * 15 * MINUTE, rank=99, priority=-1, family=family,
                   centres=(data.draw(st.sampled_from([centre.id for centre in problem.centres])),))
    before = greedy.schedule(problem)
    for after in (greedy.schedule(msgspec.structs.replace(problem, jobs=(*problem.jobs, late))),
                  greedy.insert(problem, before, [late])):
        for name, was in before.jobs.items():
            one = after.jobs[name]
            assert (one.centre, one.lane, one.work_from_ms, one.end_ms) == (
                was.centre, was.lane, was.work_from_ms, was.end_ms)
            assert one.start_ms <= was.start_ms
        assert not list(overlaps(after))


@given(mixed_problems(), st.randoms(use_true_random=False))
def test_equal_shops_give_equal_plans_whatever_the_order_of_their_jobs(problem, chance):
    shuffled = list(problem.jobs)
    chance.shuffle(shuffled)
    assert greedy.schedule(msgspec.structs.replace(problem, jobs=tuple(shuffled))) == greedy.schedule(problem)


def test_within_a_family_nothing_is_set_up_again():
    plan = greedy.schedule(shop(job("a", "A", rank=1), job("b", "A", rank=2), job("c", "B", rank=3), job("d", rank=4)))
    assert [one.setup_ms // MINUTE for one in plan.jobs.values()] == [30, 0, 30, 30]
    assert plan.jobs["b"].start_ms == plan.jobs["a"].end_ms
    assert plan.jobs["a"].setup_end_ms == MONDAY + 30 * MINUTE


def test_what_stands_set_up_now_is_known_and_the_nearest_word_counts():
    centre = msgspec.structs.replace(ONE, fitted="A", changeover_ms=45 * MINUTE, changeovers=(
        ("A", "B", 10 * MINUTE), ("B", "B", 5 * MINUTE)))
    jobs = (job("a", "A", rank=1), job("b", "B", rank=2), job("c", "B", rank=3), job("d", "C", setup=0, rank=4))
    plan = greedy.schedule(shop(*jobs, centre=centre))
    assert [one.setup_ms // MINUTE for one in plan.jobs.values()] == [0, 10, 5, 45]


def test_a_gap_takes_another_family_when_the_next_job_can_be_set_up_again_before_its_time():
    waits = job("waits", "A", rank=1, earliest_ms=MONDAY + 4 * HOUR)
    centre = msgspec.structs.replace(ONE, fitted="A")
    alone = greedy.schedule(shop(waits, centre=centre)).jobs["waits"]
    assert alone.setup_ms == 0
    others = (job("b", "B", hours=2, rank=2), job("long", "B", hours=3, rank=3))
    plan = greedy.schedule(shop(waits, *others, centre=centre))
    assert plan.jobs["b"].start_ms == MONDAY
    assert plan.jobs["waits"].work_from_ms == alone.start_ms
    assert plan.jobs["waits"].start_ms == alone.start_ms - 30 * MINUTE
    tight = greedy.schedule(shop(waits, job("b", "B", hours=3, setup=45, rank=2), centre=centre))
    assert tight.jobs["b"].start_ms > tight.jobs["waits"].start_ms  # 45 + 180 + 30 minutes would not fit before it


def test_a_promise_counts_the_set_up():
    problem = shop(job("now", "A", rank=1))
    plan = greedy.schedule(problem)
    alike, other = (greedy.insert(problem, plan, [job("X", family, rank=9)]) for family in "AB")
    assert alike.order_ends["X"] == plan.jobs["now"].end_ms + HOUR
    assert other.order_ends["X"] == plan.jobs["now"].end_ms + HOUR + 30 * MINUTE


def test_a_search_puts_together_what_is_set_up_alike():
    jobs = tuple(job(f"J{n}", "AB"[n % 2], setup=60, rank=n) for n in range(6))
    problem = shop(*jobs)
    present = greedy.schedule(problem)
    found = cpsat.search(problem, present, Limits(seconds=60, effort=3, goal="makespan"))
    better = greedy.schedule(sequence.following(problem, found.sequence))
    assert max(one.end_ms for one in present.jobs.values()) == MONDAY + 12 * HOUR
    assert max(one.end_ms for one in better.jobs.values()) == MONDAY + 8 * HOUR
    assert found.best * found.step_ms == 8 * HOUR  # what it reckoned is what comes of it


@settings(max_examples=15, deadline=None)
@given(mixed_problems(most=6))
def test_a_search_over_families_is_deterministic_and_never_stops_on_one(problem):
    plan = greedy.schedule(problem)
    limits = Limits(seconds=20, effort=0.3, seed=7)
    assert cpsat.search(problem, plan, limits) == cpsat.search(problem, plan, limits)


def rows(*cells):
    return list(enumerate(cells, 1))


def test_families_and_times_are_read_from_tables():
    one = workshop()
    routing = rows(["item", "operation", "work centre", "setup", "run", "换型族"],
                    ["STEM", "10", "LATHE-1", "20 min", "60", "brass"])
    messages, problems = table.routings(routing, one.state.master)
    assert not problems
    assert messages[0].routing.operations[0].family == "brass"
    centres = rows(["id", "calendar", "changeover", "换型表"],
                    ["LATHE-1", "always", "45 min", "brass>steel=40 min; steel>brass=0"])
    messages, problems = table.work_centres(centres, one.state.master)
    assert not problems
    assert messages[0].work_centre.changeover_s == "2700"
    assert messages[0].work_centre.changeovers == (
        Changeover(before="brass", after="steel", time_s="2400"), Changeover(before="steel", after="brass", time_s="0"))
    for told in ("brass=40 min", "brass>=40", "brass>steel", "brass>steel=soon"):
        wrong = rows(["id", "calendar", "changeovers"], ["LATHE-1", "always", told])
        assert [one.column for one in table.work_centres(wrong, one.state.master)[1]] == ["changeovers"]


def test_what_runs_says_what_its_work_centre_is_set_up_for():
    one = workshop()
    for item, family in (("STEM", "brass"), ("BODY", "steel")):
        one.say(m.RoutingDefined(routing=Routing(item=item, operations=(
            Operation(number=10, work_centre="LATHE-2", setup_s="1200", run_s="60", family=family),))))
    for name, item in (("P1", "STEM"), ("P2", "STEM"), ("P3", "BODY")):
        one.say(m.ProductionOrderCreated(order=draft(one, name, item), demand=m.DemandRef(thread=name, line="1")))
    plan = greedy.schedule(problem_of(one.state, MONDAY))
    assert [one.setup_ms // MINUTE for one in plan.jobs.values()] == [20, 0, 20]
    assert [left.end_ms == right.start_ms for left, right in pairwise(plan.jobs.values())] == [True, True]
    for name in ("P1-10", "P2-10"):
        one.say(m.JobReleased(job=name))
        one.say(m.JobStarted(job=name, by="operator", work_centre="LATHE-2", at="2026-11-23T00:00:00.000Z"))
        if name == "P1-10":
            one.say(m.JobEnded(job=name, good="10", at="2026-11-23T00:30:00.000Z"))
    assert one.state.fitted == {"LATHE-2": "brass"}
    assert (one.state.jobs["P1-10"].setup_s, one.state.jobs["P2-10"].setup_s) == ("1200", "0")
