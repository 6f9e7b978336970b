"""What if: nothing is written, and what is shown is what comes of it."""

import copy

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.workshop import HOUR, MONDAY, draft, workshop
from weft.basis import instant
from weft.production import messages as m
from weft.production.planning import problem_of
from weft.production.sequence import planned
from weft.production.supposing import shifted, standing, supposed


def made(*promises, materials=()):
    """A shop with one order for each promise (an hour of Monday, or None), all at the second lathe."""
    one = workshop()
    for number, hour in enumerate(promises, 1):
        name = f"PO{number}"
        demand = m.DemandRef(thread=name, line="1")
        sheet = m.JobSheet(number=10, work_centres=("LATHE-1", "LATHE-2"), run_s="360")
        one.say(m.ProductionOrderCreated(demand=demand, order=m.Draft(
            id=name, item="STEM", quantity="20", operations=(sheet,), materials=materials if number == 1 else ())))
        if hour is not None:
            one.say(m.PromiseMade(demand=demand, at=at(hour)))
    return one


def at(hour):
    return instant.from_ms(MONDAY + hour * HOUR)


def lock(job, hour, centre="LATHE-1", hold="at"):
    return m.JobLocked(job=job, start=at(hour), work_centre=centre, hold=hold)


@settings(max_examples=40)
@given(st.integers(1, 3), st.integers(0, 9), st.sampled_from(["", "LATHE-1", "LATHE-2"]),
       st.sampled_from(["at", "not-before"]))
def test_what_is_supposed_writes_nothing_and_comes_true_when_it_is_said(number, hour, centre, hold):
    one = made(2, 4, None)
    before, said = msgspec.json.encode(one.state), copy.copy(one.said)
    word = lock(f"PO{number}-10", hour, centre, hold)
    then = supposed(one.state, word, MONDAY)
    assert msgspec.json.encode(one.state) == before and one.said == said
    one.say(word)
    assert planned(problem_of(one.state, MONDAY)) == then.plan
    assert msgspec.json.encode(one.state) != before  # the control: saying it does write


def test_it_is_told_whose_promise_would_break_and_whose_would_be_kept_again():
    one = made(2, 2, 4, 6)
    problem = problem_of(one.state, MONDAY)
    before = planned(problem)
    assert before.order_ends["PO3"] == MONDAY + 4 * HOUR
    found = shifted(problem, before, supposed(one.state, lock("PO1-10", 4), MONDAY).plan)
    broken = [(each.order, each.broken) for each in found if each.after_ms > each.before_ms]
    assert broken == [("PO1", True)]
    one.say(lock("PO1-10", 4))
    late = planned(problem_of(one.state, MONDAY))
    back = shifted(problem, late, supposed(one.state, m.JobUnlocked(job="PO1-10"), MONDAY).plan)
    assert [(each.order, each.mended) for each in back if each.mended] == [("PO1", True)]


def test_who_suffers_from_a_lock_is_named():
    one = made(2, 2, 4)
    one.say(lock("PO3-10", 0))
    plan = planned(problem_of(one.state, MONDAY))
    [held] = standing(one.state, plan, MONDAY)
    assert (held.job, held.conflict) == ("PO3-10", "")
    assert [(each.order, each.broken) for each in held.sufferers] == [("PO2", True)]


def test_a_job_waits_for_its_material_whatever_is_supposed_or_fixed():
    bar = m.Material(item="BAR", quantity="2", source="buy", at=at(5))
    one = made(2, None, materials=(bar,))
    assert planned(problem_of(one.state, MONDAY)).jobs["PO1-10"].start_ms == MONDAY + 5 * HOUR
    for hold in ("at", "not-before"):
        placed = supposed(one.state, lock("PO1-10", 1, hold=hold), MONDAY).plan.jobs["PO1-10"]
        assert placed.work_from_ms == MONDAY + 5 * HOUR
    one.say(lock("PO1-10", 1))
    [held] = standing(one.state, planned(problem_of(one.state, MONDAY)), MONDAY)
    assert (held.conflict, held.conflict_by, held.begin_ms) == ("material", "BAR", MONDAY + 5 * HOUR)
    one.say(m.MaterialExpected(order="PO1", item="BAR", at=at(8)))
    assert planned(problem_of(one.state, MONDAY)).jobs["PO1-10"].work_from_ms == MONDAY + 8 * HOUR
    one.say(m.MaterialExpected(order="PO1", item="BAR", arrived=True))
    here = planned(problem_of(one.state, MONDAY)).jobs["PO1-10"]
    assert (here.start_ms, here.conflict) == (MONDAY + HOUR, "")


def test_an_offer_that_is_held_is_shifted_like_an_order():
    one = made(2)
    held = msgspec.structs.replace(draft(one, "OF1"), operations=(
        m.JobSheet(number=10, work_centres=("LATHE-1",), run_s="360"),))
    one.say(m.CapacityReserved(id="R1", demand=m.DemandRef(thread="OF", line="1"), promise=at(3), expires=at(90),
                               drafts=(held,)))
    problem = problem_of(one.state, MONDAY)
    found = shifted(problem, planned(problem), supposed(one.state, lock("PO1-10", 2), MONDAY).plan)
    assert {each.order for each in found} == {"PO1", "OF1"}
