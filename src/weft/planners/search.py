"""One search for a better sequence, whatever the shop: habits first, then trying, then constraint search, then trying.

Rule 1: each step goes on from the best plan of those before it, and only what gives a better plan is kept.
Not here: the process (``process.py``), the steps (``climbing.py``, ``cpsat.py``), adopting (``sequence.py``).
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from weft.planners import cpsat
from weft.planners.climbing import Climb
from weft.planners.cpsat import Limits
from weft.production.plan import Placing, Plan, Problem
from weft.production.sequence import adopted, frozen_jobs, sequence_of

SHARE: Final = 0.3  # of the time goes into trying before the constraint search, the rest of it behind
JOBS_MAX: Final = 2_000  # of the constraint search: beyond, its model takes longer to build than there is


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed to the process of a search."""

    problem: Problem
    plan: Plan
    limits: Limits = Limits()
    frozen_ms: int = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The best sequence that was found, empty when nothing is better than the plan; ``tries`` were looked at."""

    sequence: tuple[Placing, ...] = ()
    tries: int = 0
    status: str = ""


def improve(task: Task) -> Answer:
    """Search as long as ``task`` allows."""
    limits = task.limits
    frozen = frozen_jobs(task.problem, task.plan, task.frozen_ms)
    climb = Climb(task.problem, task.plan, frozen, limits.seed)
    climb.begin()
    climb.climb(_enough(climb, limits, SHARE))
    status = ""
    if len(task.plan.jobs) <= JOBS_MAX:
        searched = cpsat.search(task.problem, climb.plan, msgspec.structs.replace(
            limits, seconds=limits.seconds * (1 - 2 * SHARE), effort=limits.effort * (1 - 2 * SHARE)), frozen)
        status = searched.status
        climb.offer(searched.sequence)
    climb.climb(_enough(climb, limits, SHARE))
    found = sequence_of(climb.plan) if climb.plan is not task.plan else ()
    if found and adopted(task.problem, task.plan, found, task.frozen_ms) is None:
        found = ()  # followed, it gives another plan: a job that takes no time may lie elsewhere then
    return Answer(sequence=found, tries=climb.tries, status=status)


def _enough(climb: Climb, limits: Limits, share: float) -> Callable[[], bool]:
    """Whether the share of the limit is used up: by tries where the effort is limited, else by the clock."""
    if limits.effort:
        last = climb.tries + int(limits.effort * share * 100)
        return lambda: climb.tries >= last
    until = time.monotonic() + limits.seconds * share
    return lambda: time.monotonic() >= until
