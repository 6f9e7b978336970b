"""A better sequence by trying: one order is placed earlier or later, and the plan that comes of it is looked at.

Every try is a whole plan by the one planner that knows calendars, outages and arrivals, so nothing here is an estimate;
it suits shops of any size and mixed calendars, where a constraint search (``cpsat.py``) has only a rough axis.
Rule 1: it begins with the orders of placing that people use: as promised, by due date, by slack, shortest first, and
        what is set up alike together.
Rule 2: equal problems, seeds and numbers of tries give equal sequences.
Not here: whether a sequence is worth following (``production/sequence.py``).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from weft.production import greedy
from weft.production.calendar import DAY
from weft.production.plan import Placing, Plan, PlanJob, Problem
from weft.production.sequence import Score, following, harmed, score, sequence_of

Key = tuple[int | str, ...]

FAR: Final = 4 * DAY  # as far as an order is shifted at most


@dataclass(slots=True)
class Climb:
    """The best plan so far, and how to look for a better one; ``frozen`` jobs keep their places."""

    problem: Problem
    present: Plan
    frozen: frozenset[str] = frozenset()
    seed: int = 1
    plan: Plan = field(init=False)
    reached: Score = field(init=False)
    tries: int = 0
    _chance: random.Random = field(init=False)
    _dues: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.plan, self.reached = self.present, score(self.problem, self.present)
        self._chance = random.Random(self.seed)  # noqa: S311 - which order is tried next is no secret
        self._dues = {job.order: job.due_ms for job in self.problem.jobs if job.due_ms is not None} | {
            order: promised.first_ms for order, promised in self.problem.promised.items()}

    def offer(self, sequence: tuple[Placing, ...]) -> bool:
        """Take ``sequence`` when its plan is better; whether it was."""
        self.tries += 1
        found = greedy.schedule(following(self.problem, sequence))
        reached = score(self.problem, found)
        if reached >= self.reached or harmed(self.problem, self.present, found):
            return False
        self.plan, self.reached = found, reached
        return True

    def begin(self) -> None:
        """Try what people would."""
        for key in _habits(self.problem, self._dues):
            keyed = [((job.id not in self.frozen, key(job), job.operation, job.id), job)
                     for job in self.problem.jobs if job.id in self.plan.jobs]
            self.offer(tuple(self._placing(job) for _, job in sorted(keyed, key=lambda one: one[0])))

    def climb(self, enough: Callable[[], bool]) -> None:
        """Try until ``enough``."""
        orders = sorted({job.order for job in self.problem.jobs if job.id in self.plan.jobs})
        while orders and not enough():
            self.offer(self._shifted(self._next(orders)))

    def _next(self, orders: list[str]) -> str:
        late = [order for order in orders if (end := self.plan.order_ends[order]) is not None
                and end > self._dues.get(order, end)]
        return self._chance.choice(late if late and self._chance.random() < 0.8 else orders)

    def _shifted(self, order: str) -> tuple[Placing, ...]:
        """The present sequence with all jobs of ``order`` moved by one stretch of time."""
        end = self.plan.order_ends[order] or 0
        late = end > self._dues.get(order, end)
        chance = self._chance.random()
        by = -round(chance * chance * FAR) if late else round((chance - 0.4) * FAR)
        whole = (one for one in sequence_of(self.plan))
        at = {name: job.start_ms + (by if job.order == order and name not in self.frozen else 0)
              for name, job in self.plan.jobs.items()}
        return tuple(sorted(whole, key=lambda one: (one.job not in self.frozen, at[one.job])))

    def _placing(self, job: PlanJob) -> Placing:
        return Placing(job=job.id, centre=self.plan.jobs[job.id].centre if job.id in self.frozen else "")


def _habits(problem: Problem, dues: Mapping[str, int]) -> Iterator[Callable[[PlanJob], Key]]:
    work: dict[str, int] = {}
    first: dict[str, int] = {}
    far = max(dues.values(), default=0) + 1
    for job in problem.jobs:
        work[job.order] = work.get(job.order, 0) + job.work_ms + job.setup_ms
        if job.family:
            first[job.family] = min(first.get(job.family, far), dues.get(job.order, far))

    def slack(share: int) -> Callable[[PlanJob], Key]:
        return lambda job: (dues.get(job.order, far) - share * work[job.order],)

    yield from (slack(share) for share in (0, 1, 3))
    yield lambda job: (work[job.order],)
    for days in (1, 3, 30) if first else ():  # what is set up alike and due in one stretch goes together
        yield _batched(dues, first, days * DAY)


def _batched(dues: Mapping[str, int], first: Mapping[str, int], stretch: int) -> Callable[[PlanJob], Key]:
    far = max(dues.values(), default=0) + 1

    def key(job: PlanJob) -> Key:
        due = dues.get(job.order, far)
        return due // stretch, first.get(job.family, due), job.family, due

    return key
