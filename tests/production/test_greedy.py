"""Laws of the plan, over random problems."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.production.workshop import ALWAYS, DAY, DAYTIME, HOUR, MINUTE, MONDAY, problems
from weft.basis.errors import Invalid
from weft.production import greedy
from weft.production.calendar import OpenTime
from weft.production.plan import Arrival, Outage, PlanCentre, PlanJob, Problem


def lanes(plan):
    found = {}
    for job in plan.jobs.values():
        found.setdefault((job.centre, job.lane), []).append(job)
    return found


def overlaps(plan):
    for jobs in lanes(plan).values():
        ordered = sorted(jobs, key=lambda job: (job.start_ms, job.end_ms))
        for left, right in pairwise(ordered):
            if left.end_ms > right.start_ms and left.start_ms < left.end_ms and right.start_ms < right.end_ms:
                yield left, right


@given(problems())
def test_no_two_jobs_share_a_lane_at_one_time(problem):
    plan = greedy.schedule(problem)
    assert not list(overlaps(plan))
    parallel = {centre.id: centre.parallel for centre in problem.centres}
    assert all(0 <= lane < parallel[centre] for centre, lane in lanes(plan))


@given(problems())
def test_a_job_runs_as_long_as_its_work_in_open_time_and_never_through_an_outage(problem):
    plan = greedy.schedule(problem)
    open_time = {centre.id: OpenTime(problem.calendars[centre.calendar]) for centre in problem.centres}
    for job in problem.jobs:
        if job.id not in plan.jobs:
            continue
        placed = plan.jobs[job.id]
        assert placed.centre in job.centres
        assert open_time[placed.centre].between(placed.start_ms, placed.end_ms) == job.work_ms
        if job.work_ms:
            assert open_time[placed.centre].is_open(placed.start_ms)
            assert not [o for o in problem.outages if o.centre == placed.centre
                        and o.from_ms < placed.end_ms and placed.start_ms < o.until_ms]


@given(problems())
def test_a_job_waits_for_its_predecessors_and_materials(problem):
    plan = greedy.schedule(problem)
    for job in problem.jobs:
        if job.id in plan.unplaced:
            assert plan.order_ends[job.order] is None
            continue
        start = plan.jobs[job.id].start_ms
        assert start >= max(problem.now_ms, job.earliest_ms)
        assert all(arrival.at_ms is not None and start >= arrival.at_ms for arrival in job.materials)
        assert all(plan.jobs[other].end_ms <= start for other in job.after)


@given(problems())
def test_every_job_is_either_placed_or_named_with_the_reason(problem):
    plan = greedy.schedule(problem)
    names = {job.id for job in problem.jobs}
    assert plan.jobs.keys() | plan.unplaced.keys() == names
    assert not plan.jobs.keys() & plan.unplaced.keys()


@given(problems(), st.randoms(use_true_random=False))
def test_equal_problems_give_equal_plans_whatever_the_order_of_their_jobs(problem, random):
    shuffled = list(problem.jobs)
    random.shuffle(shuffled)
    again = msgspec.structs.replace(problem, jobs=tuple(shuffled))
    assert greedy.schedule(again) == greedy.schedule(problem)
    plan = greedy.schedule(problem)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=type(plan)) == plan


@given(problems(), st.integers(1, 40), st.data())
def test_a_later_job_never_moves_an_earlier_one(problem, quarters, data):
    late = PlanJob(id="Z-late", order="Z", work_ms=quarters * 15 * MINUTE, rank=99, priority=-1,
                   centres=(data.draw(st.sampled_from([centre.id for centre in problem.centres])),))
    before = greedy.schedule(problem)
    longer = msgspec.structs.replace(problem, jobs=(*problem.jobs, late))
    after = greedy.schedule(longer)
    assert {name: job for name, job in after.jobs.items() if name != late.id} == before.jobs
    inserted = greedy.insert(problem, before, [late])
    assert {name: job for name, job in inserted.jobs.items() if name != late.id} == before.jobs
    assert not list(overlaps(inserted))


@given(problems(most=8), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_what_is_inserted_one_after_another_is_never_promised_twice(problem, works):
    plan = greedy.schedule(problem)
    for n, quarters in enumerate(works):
        job = PlanJob(id=f"X{n}", order=f"X{n}", work_ms=quarters * 15 * MINUTE, centres=(problem.centres[0].id,))
        plan = greedy.insert(problem, plan, [job])
        assert not list(overlaps(plan))


@given(problems(most=8), st.integers(1, 40))
def test_a_job_ends_as_early_as_any_of_its_candidates_allows(problem, quarters):
    plan = greedy.schedule(problem)
    free = PlanJob(id="X", order="X", work_ms=quarters * 15 * MINUTE, centres=tuple(c.id for c in problem.centres))
    each = [greedy.insert(problem, plan, [msgspec.structs.replace(free, centres=(c.id,))]) for c in problem.centres]
    ends = [one.order_ends["X"] for one in each if one.order_ends["X"] is not None]
    assert greedy.insert(problem, plan, [free]).order_ends["X"] == min(ends, default=None)


ONE = PlanCentre(id="W", calendar="always")


def problem_of(*jobs, outages=(), centres=(ONE,)):
    return Problem(now_ms=MONDAY, jobs=jobs, centres=centres, outages=outages,
                   calendars={"always": ALWAYS, "day": DAYTIME})


def job(name, hours=1, **fields):
    return PlanJob(id=name, order=fields.pop("order", name), work_ms=hours * HOUR,
                   centres=fields.pop("centres", ("W",)), **fields)


def test_what_was_promised_first_is_placed_first():
    plan = greedy.schedule(problem_of(job("late", rank=2), job("early", rank=1)))
    assert plan.jobs["early"].start_ms == MONDAY
    assert plan.jobs["late"].start_ms == MONDAY + HOUR
    assert (plan.jobs["late"].bound, plan.jobs["late"].bound_by) == ("work-centre", "early")


def test_priority_goes_before_rank():
    plan = greedy.schedule(problem_of(job("first", rank=1), job("urgent", rank=2, priority=1)))
    assert plan.jobs["urgent"].start_ms == MONDAY


def test_a_job_takes_the_lane_where_it_ends_first():
    plan = greedy.schedule(problem_of(job("a", 3), job("b", 1, centres=("V", "W")),
                                      centres=(ONE, PlanCentre(id="V", calendar="always"))))
    assert (plan.jobs["a"].centre, plan.jobs["b"].centre) == ("W", "V")


def test_a_short_job_fits_into_a_gap_before_a_promised_one():
    waits = job("waits", 2, rank=1, materials=(Arrival(item="x", at_ms=MONDAY + 4 * HOUR),))
    plan = greedy.schedule(problem_of(waits, job("short", 3, rank=2), job("long", 5, rank=3)))
    assert plan.jobs["waits"].start_ms == MONDAY + 4 * HOUR
    assert plan.jobs["short"].start_ms == MONDAY
    assert plan.jobs["long"].start_ms == MONDAY + 6 * HOUR


def test_a_running_job_waits_out_an_outage_and_a_waiting_one_does_not_begin_in_it():
    outage = Outage(centre="W", from_ms=MONDAY - HOUR, until_ms=MONDAY + 2 * HOUR, alarm="spindle")
    plan = greedy.schedule(problem_of(
        job("runs", 1, stage="running", started_ms=MONDAY - HOUR), job("next", 1), outages=(outage,)))
    assert plan.jobs["runs"].end_ms == MONDAY + 3 * HOUR
    assert plan.jobs["runs"].bound == "outage"
    assert plan.jobs["next"].start_ms == MONDAY + 3 * HOUR
    control = greedy.schedule(problem_of(job("runs", 1, stage="running", started_ms=MONDAY - HOUR), job("next", 1)))
    assert control.jobs["next"].start_ms == MONDAY + HOUR


def test_a_paused_job_with_nothing_left_waits_until_the_running_one_is_done():
    running = job("A", stage="running", started_ms=MONDAY - HOUR)
    plan = greedy.schedule(problem_of(running, job("P", hours=0, stage="loaded", started_ms=MONDAY - 2 * HOUR)))
    assert plan.jobs["P"].start_ms == plan.jobs["P"].end_ms == plan.jobs["A"].end_ms


def test_an_outage_without_end_leaves_jobs_without_a_place():
    forever = Outage(centre="W", from_ms=MONDAY, until_ms=None)
    plan = greedy.schedule(problem_of(job("runs", stage="running"), job("next"), outages=(forever,)))
    assert plan.unplaced == {"runs": "outage", "next": "outage"}
    assert plan.order_ends == {"runs": None, "next": None}


def test_a_job_of_a_lifetime_has_no_place_and_does_not_stop_the_others():
    plan = greedy.schedule(problem_of(job("absurd", 10**6, rank=1), job("sane", 2, rank=2)))
    assert plan.unplaced == {"absurd": "too-long"} and plan.jobs["sane"].start_ms == MONDAY
    running = greedy.schedule(problem_of(job("absurd", 10**6, stage="running"), job("sane", 2)))
    assert running.unplaced["absurd"] == "too-long"


def test_a_job_rests_over_the_night_and_a_holiday():
    plan = greedy.schedule(problem_of(job("long", 20, centres=("D",)), centres=(PlanCentre(id="D", calendar="day"),)))
    # Monday 08:00 at +08:00 is 00:00 UTC: 9 hours on Monday, 9 on Tuesday, Wednesday is closed, 2 on Thursday.
    assert plan.jobs["long"].start_ms == MONDAY
    assert plan.jobs["long"].end_ms == MONDAY + 3 * DAY + 2 * HOUR


def test_circular_predecessors_and_unknown_work_centres_are_refused():
    with pytest.raises(Invalid) as cycle:
        greedy.schedule(problem_of(job("a", after=("b",)), job("b", after=("a",))))
    assert cycle.value.code == "production.plan-cycle"
    with pytest.raises(Invalid) as nowhere:
        greedy.schedule(problem_of(job("a", centres=("missing",))))
    assert nowhere.value.code == "production.plan-centre"
