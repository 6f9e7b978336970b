"""Makes the plan better while nobody waits: a search outside looks for a sequence, what is worth it is adopted.

Rule 1: a plan is there at once, always (``planner.py``); a search only ever replaces it by a better one.
Rule 2: what was adopted is a fact of the production book: a promise that rests on it outlives a restart.
Rule 3: a sequence is judged against the plan of the moment in which it comes back, not of that in which it was asked
        for: the shop floor has gone on meanwhile.
Rule 4: one search at a time, after the book has been still for a moment, with a pause between two.
Not here: the search (``planners/``), what makes a plan better (``production/sequence.py``).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.planner import present
from weft.production.messages import SequenceAdopted
from weft.production.plan import Placing, Plan, PlanJob, Problem
from weft.production.sequence import adopted, sequence_of

Search = Callable[[Problem, Plan, float, int], Awaitable[tuple[Placing, ...]]]

STILL_S: Final = 2.0
PAUSE_S: Final = 20.0
JOBS_MIN: Final = 3  # fewer have no order worth a search

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Improving:
    """The searches of one node."""

    node: Node
    search: Search
    still_s: float = STILL_S
    pause_s: float = PAUSE_S
    _task: "asyncio.Task[None] | None" = None

    async def begin(self) -> None:
        """Look for better plans from now on, if the owner gives time to it."""
        if self.node.config.rules.plan_search_s > 0:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End a search that is going on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        asked: Problem | None = None
        while True:
            await asyncio.sleep(self.still_s)
            try:
                _, problem, _ = await present(self.node)
                if _alike(problem, asked):
                    continue
                asked = problem
                await self.once()
            except WeftError:
                pass  # a book that waits: its owner is told where it does
            except Exception:  # noqa: BLE001 - a search that fails must not end those to come
                _log.exception("the plan could not be improved")
            await asyncio.sleep(self.pause_s)

    async def once(self) -> bool:
        """Search once; whether a better sequence was adopted."""
        rules = self.node.config.rules
        frozen = rules.plan_frozen_minutes * 60_000
        _, problem, plan = await present(self.node)
        if sum(job.stage == "waiting" for job in problem.jobs) < JOBS_MIN:
            return False
        sequence = await self.search(problem, plan, rules.plan_search_s, frozen)
        if not sequence:
            return False
        _, problem, plan = await present(self.node)
        better = adopted(problem, plan, sequence, frozen)
        if better is None:
            return False
        await self.node.record("production", SequenceAdopted(jobs=sequence_of(better)))
        return True


def _alike(problem: Problem, asked: Problem | None) -> bool:
    """Whether nothing has come or gone since the last search: work that only went on is no reason for another."""
    if asked is None:
        return not problem.jobs
    return [_asked(job) for job in problem.jobs] == [_asked(job) for job in asked.jobs] and \
        problem.outages == asked.outages and problem.promised == asked.promised


def _asked(job: PlanJob) -> tuple[object, ...]:
    return job.id, job.materials, job.due_ms, job.fixed_ms, job.earliest_ms, job.centres, job.family
