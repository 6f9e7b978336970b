"""What if: the plan as it would become if something were said, and who would be served later or earlier by it.

Rule 1: nothing is said: the book's own rules fold a supposed message into a copy of its state.
Rule 2: what is supposed and then said gives the same plan, in the same moment.
Not here: the lock itself (``book.py``), how it is shown (``engine/views/plan_if.py``).
"""

from collections.abc import Iterator
from typing import NamedTuple

from weft.basis.decider import Message, Said
from weft.production import book
from weft.production.calendar import MINUTE
from weft.production.master import Data
from weft.production.messages import JobUnlocked
from weft.production.plan import Plan, Problem
from weft.production.planning import problem_of
from weft.production.sequence import planned
from weft.production.state import State


class Supposed(NamedTuple):
    """The book, the problem and the plan after what was supposed."""

    state: State
    problem: Problem
    plan: Plan


class Shifted(Data, frozen=True, kw_only=True):
    """An order that would end at another instant (``None``: at none); ``due_ms`` is what it was promised for.

    ``broken``: its promise could be kept and could be no longer; ``mended``: the other way round.
    """

    order: str
    before_ms: int | None
    after_ms: int | None
    due_ms: int | None = None
    broken: bool = False
    mended: bool = False


def supposed(state: State, message: Message, now_ms: int) -> Supposed:
    """As if ``message`` had been said; raises what the book would refuse it with."""
    for told in book.decide(state, message):
        state = book.evolve(state, Said(id="", by="", role="", message=told))
    problem = problem_of(state, now_ms)
    return Supposed(state, problem, planned(problem))


def shifted(problem: Problem, before: Plan, after: Plan, slack_ms: int = 0) -> tuple[Shifted, ...]:
    """Orders whose end differs by a minute or more: broken promises first, then by how much later."""
    dues = promised_for(problem)
    found = [_shifted(order, (was, after.order_ends.get(order)), dues.get(order), slack_ms)
             for order, was in before.order_ends.items()
             if order in after.order_ends and _differ(was, after.order_ends[order])]
    return tuple(sorted(found, key=lambda one: (not one.broken, -_by(one), one.order)))


def _shifted(order: str, ends: tuple[int | None, int | None], due: int | None, slack_ms: int) -> Shifted:
    kept = [due is None or (end is not None and end <= due + slack_ms) for end in ends]
    return Shifted(order=order, before_ms=ends[0], after_ms=ends[1], due_ms=due,
                   broken=kept[0] and not kept[1], mended=kept[1] and not kept[0])


def _differ(was: int | None, then: int | None) -> bool:
    if was is None or then is None:
        return was is not then
    return abs(then - was) >= MINUTE


def _by(one: Shifted) -> int:
    if one.after_ms is None or one.before_ms is None:
        return 2**53 if one.after_ms is None else -(2**53)
    return one.after_ms - one.before_ms


def promised_for(problem: Problem) -> dict[str, int]:
    """Order -> the instant that it was first promised for, else the one that it is due."""
    dues = {job.order: job.due_ms for job in problem.jobs if job.due_ms is not None}
    return dues | {order: promised.first_ms for order, promised in problem.promised.items()}


class Standing(Data, frozen=True, kw_only=True):
    """A lock in force: what stands against it, from when it can really begin, and which orders wait because of it."""

    job: str
    start: str
    work_centre: str = ""
    hold: str = "at"
    conflict: str = ""
    conflict_by: str = ""
    begin_ms: int = 0
    sufferers: tuple[Shifted, ...] = ()


def standing(state: State, plan: Plan, now_ms: int, slack_ms: int = 0, most: int = 12) -> tuple[Standing, ...]:
    """The locks of ``state``, the first ``most`` of them with who suffers."""
    return tuple(_standing(state, plan, now_ms, slack_ms, most))


def _standing(state: State, plan: Plan, now_ms: int, slack_ms: int, most: int) -> Iterator[Standing]:
    for number, (job, lock) in enumerate(sorted(state.locks.items(), key=lambda one: (one[1].start, one[0]))):
        placed = plan.jobs.get(job)
        later: tuple[Shifted, ...] = ()
        if number < most:
            free = supposed(state, JobUnlocked(job=job), now_ms)
            later = tuple(one for one in shifted(free.problem, free.plan, plan, slack_ms) if _by(one) > 0)
        begin = (placed.begin_ms or placed.start_ms) if placed else 0
        yield Standing(job=job, start=lock.start, work_centre=lock.work_centre, hold=lock.hold, sufferers=later,
                       conflict=placed.conflict if placed else plan.unplaced.get(job, ""),
                       conflict_by=placed.conflict_by if placed else "", begin_ms=begin)
