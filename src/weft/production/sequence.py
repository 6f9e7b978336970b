"""A better order of placing: what makes one plan better than another, and when a sequence is worth following.

A sequence (who is placed first, and at which work centre) comes from a search outside (``planners/``). It says nothing
about instants: calendars, outages and arrivals stay the affair of the one planner that places jobs (``greedy.py``).
Rule 1: a sequence is followed only while the plan that it gives is better than the plan without it.
Rule 2: no sequence is adopted that makes any promise later than it would be without: nobody pays for another's gain.
Rule 3: what is about to begin keeps its place: a job that starts within the frozen time is not moved by a search.
Not here: the search, keeping a sequence (``book.py``).
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from weft.production import greedy
from weft.production.calendar import MINUTE
from weft.production.plan import Placing, Plan, PlanJob, Problem

Score = tuple[int, int, int]

WORTH: Final = 100  # a gain below one in so many of what is to be won is not worth moving anything


def score(problem: Problem, plan: Plan) -> Score:
    """How good ``plan`` is, less is better: (orders without an end, minutes late, minutes to the ends of all orders).

    Lateness is counted from the instant first promised, else from the due instant; it weighs with the priority.
    """
    weights, dues = _weights(problem.jobs), _dues(problem)
    late = ends = 0
    for order, end in plan.order_ends.items():
        if end is not None:
            due = dues.get(order)
            late += 0 if due is None else max(0, end - due) // MINUTE * weights.get(order, 1)
            ends += (end - plan.now_ms) // MINUTE
    return sum(end is None for end in plan.order_ends.values()), late, ends


def _weights(jobs: Iterable[PlanJob]) -> dict[str, int]:
    return {job.order: 1 + max(0, job.priority) for job in jobs}


def _dues(problem: Problem) -> dict[str, int]:
    dues = {job.order: job.due_ms for job in problem.jobs if job.due_ms is not None}
    return dues | {order: promised.first_ms for order, promised in problem.promised.items()}


def planned(problem: Problem) -> Plan:
    """The plan for ``problem``: by its sequence while that is better, else without it."""
    if all(job.place is None for job in problem.jobs):
        return greedy.schedule(problem)
    followed, plain = greedy.schedule(problem), greedy.schedule(without(problem))
    return min(followed, plain, key=lambda one: score(problem, one))


def without(problem: Problem) -> Problem:
    """``problem`` without its sequence."""
    return msgspec.structs.replace(problem, jobs=tuple(
        msgspec.structs.replace(job, place=None, prefer="") for job in problem.jobs))


def following(problem: Problem, sequence: Sequence[Placing]) -> Problem:
    """``problem`` with ``sequence``; jobs that it does not name are placed behind those that it does."""
    places = {one.job: (place, one.centre) for place, one in enumerate(sequence)}
    return msgspec.structs.replace(problem, jobs=tuple(
        msgspec.structs.replace(job, place=places[job.id][0], prefer=places[job.id][1]) if job.id in places
        else msgspec.structs.replace(job, place=None, prefer="") for job in problem.jobs))


def sequence_of(plan: Plan) -> tuple[Placing, ...]:
    """The sequence that gives ``plan`` again; a job that takes no time may come after one in which it lay."""
    jobs = sorted(plan.jobs.values(), key=lambda one: (one.start_ms, one.end_ms, one.id))
    return tuple(Placing(job=one.id, centre=one.centre) for one in jobs)


def adopted(problem: Problem, present: Plan, sequence: Sequence[Placing], frozen_ms: int = 0) -> Plan | None:
    """The plan by ``sequence`` when it is worth adopting in place of ``present``, else None."""
    found = greedy.schedule(following(problem, sequence))
    if not _worth(score(problem, present), score(problem, found)):
        return None
    if harmed(problem, present, found):
        return None
    moved = (name for name in frozen_jobs(problem, present, frozen_ms) if _where(found, name) != _where(present, name))
    return None if any(moved) else found


def _where(plan: Plan, job: str) -> tuple[int, str] | None:
    placed = plan.jobs.get(job)
    return None if placed is None else (placed.start_ms, placed.centre)


def _worth(before: Score, after: Score) -> bool:
    if before[:2] != after[:2]:
        return after < before
    return after[2] < before[2] - before[2] // WORTH


def frozen_jobs(problem: Problem, plan: Plan, frozen_ms: int) -> frozenset[str]:
    """Jobs that have begun, that lie ready at their machine, or that begin within ``frozen_ms``."""
    known = {job.id: job.stage for job in problem.jobs}
    return frozenset(name for name, job in plan.jobs.items() if name in known and (
        known[name] != "waiting" or job.start_ms < problem.now_ms + frozen_ms))


def harmed(problem: Problem, before: Plan, after: Plan) -> bool:
    """Whether any order would end later than it was promised and later than it does now, or would end no more."""
    for order, now in before.order_ends.items():
        then, promised = after.order_ends.get(order), problem.promised.get(order)
        if now is not None and (then is None or (promised is not None and then > max(now, promised.at_ms))):
            return True
    return False
