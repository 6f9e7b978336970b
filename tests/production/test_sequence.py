"""Laws of a better sequence, over random problems."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.workshop import ALWAYS, HOUR, MINUTE, MONDAY, problems, workshop
from weft.production import greedy, sequence
from weft.production import messages as m
from weft.production.plan import Placing, PlanCentre, PlanJob, Problem, Promised
from weft.production.planning import problem_of

OPEN = {"always": ALWAYS}


def job(name, hours, centres=("W",), **fields):
    return PlanJob(id=name, order=name, centres=centres, work_ms=hours * HOUR, **fields)


def promised(hours):
    return Promised(first_ms=MONDAY + hours * HOUR, at_ms=MONDAY + hours * HOUR)


def one_machine(*jobs, **promises):
    return Problem(now_ms=MONDAY, jobs=jobs, centres=(PlanCentre(id="W", calendar="always"),), calendars=OPEN,
                   promised=promises)


def placings(*names, centre="W"):
    return tuple(Placing(job=name, centre=centre) for name in names)


@settings(max_examples=40)
@given(problems(), st.randoms(use_true_random=False))
def test_whatever_the_sequence_the_plan_is_never_worse_than_without_it(problem, chance):
    jobs = [one.id for one in problem.jobs]
    chance.shuffle(jobs)
    centres = {one.id: one.centres[0] for one in problem.jobs}
    followed = sequence.following(problem, [Placing(job=one, centre=centres[one]) for one in jobs])
    best = sequence.score(problem, greedy.schedule(problem))
    assert sequence.score(problem, sequence.planned(followed)) <= best


def in_turn(problem):
    """Nothing goes before by a word of its own; what took no time could lie within another, and had no turn then."""
    return msgspec.structs.replace(problem, jobs=tuple(
        msgspec.structs.replace(one, priority=0, work_ms=one.work_ms or MINUTE) for one in problem.jobs))


@settings(max_examples=60)
@given(problems().map(in_turn))
def test_the_sequence_of_a_plan_gives_a_plan_as_good(problem):
    plan = greedy.schedule(problem)
    again = greedy.schedule(sequence.following(problem, sequence.sequence_of(plan)))
    assert again.jobs.keys() == plan.jobs.keys()  # begun in turn, a job may find a gap that others had still to leave
    assert [name for name, one in again.jobs.items() if one.end_ms > plan.jobs[name].end_ms] == []


def test_a_late_order_goes_first_when_the_other_can_wait():
    problem = one_machine(job("A", 8, rank=1), job("B", 2, rank=2), A=promised(20), B=promised(4))
    present = sequence.planned(problem)
    better = sequence.adopted(problem, present, placings("B", "A"))
    assert sequence.score(problem, present)[1] == 6 * 60 and sequence.score(problem, better)[1] == 0


def test_nobody_is_made_late_for_anothers_gain():
    problem = one_machine(job("A", 8, rank=1), job("B", 2, rank=2), A=promised(8), B=promised(4))
    present = sequence.planned(problem)
    assert sequence.adopted(problem, present, placings("B", "A")) is None
    found = greedy.schedule(sequence.following(problem, placings("B", "A")))
    assert sequence.score(problem, found) < sequence.score(problem, present)  # the control: it would have paid


def test_what_is_about_to_begin_is_not_moved():
    problem = one_machine(job("A", 8, rank=1), job("B", 2, rank=2), A=promised(20), B=promised(4))
    present = sequence.planned(problem)
    assert sequence.adopted(problem, present, placings("B", "A"), frozen_ms=HOUR) is None
    assert sequence.adopted(problem, present, placings("B", "A"), frozen_ms=0) is not None


def test_a_gain_that_is_not_worth_it_moves_nothing():
    problem = one_machine(job("A", 1, rank=1), msgspec.structs.replace(job("B", 1, rank=2), work_ms=HOUR - MINUTE))
    present = sequence.planned(problem)
    found = greedy.schedule(sequence.following(problem, placings("B", "A")))
    assert sequence.score(problem, found) < sequence.score(problem, present)
    assert sequence.adopted(problem, present, placings("B", "A")) is None


def test_a_sequence_that_no_longer_pays_is_not_followed():
    both = ("W", "V")
    jobs = (job("A", 4, both, rank=1), job("B", 4, both, rank=2))
    problem = Problem(now_ms=MONDAY, jobs=jobs, calendars=OPEN, centres=(
        PlanCentre(id="W", calendar="always"), PlanCentre(id="V", calendar="always")))
    followed = sequence.following(problem, placings("A", "B"))  # both at W, while V stands idle
    assert sequence.planned(followed).jobs["B"].centre == "V"
    assert greedy.schedule(followed).jobs["B"].centre == "W"


def test_what_was_adopted_stands_in_the_book_and_in_its_plan():
    one = workshop()
    for name in ("PO1", "PO2"):
        draft = m.Draft(id=name, item="STEM", quantity="10", operations=(
            m.JobSheet(number=10, work_centres=("LATHE-1",), setup_s="0", run_s="360"),))
        one.say(m.ProductionOrderCreated(order=draft, demand=m.DemandRef(thread=name, line="1")))
    first = sequence.planned(problem_of(one.state, MONDAY))
    assert first.jobs["PO1-10"].start_ms < first.jobs["PO2-10"].start_ms
    one.say(m.PromiseMade(demand=m.DemandRef(thread="PO2", line="1"), at="2026-11-23T01:00:00.000Z"))
    one.say(m.SequenceAdopted(jobs=placings("PO2-10", "PO1-10", "gone", centre="LATHE-1")))
    assert set(one.state.places) == {"PO1-10", "PO2-10"}
    then = sequence.planned(problem_of(one.state, MONDAY))
    assert then.jobs["PO2-10"].start_ms < then.jobs["PO1-10"].start_ms


def test_a_sequence_names_no_job_twice_and_no_work_centre_that_there_is_not():
    one = workshop()
    assert one.refused(m.SequenceAdopted(jobs=placings("A", "A", centre=""))) == "production.sequence-twice"
    assert one.refused(m.SequenceAdopted(jobs=placings("A", centre="MOON"))) == "production.work-centre-missing"
