"""What a person says about the plan: a job is fixed at a time and a work centre, or let go again.

Rule 1: a lock is a word in the production book; the plan follows it and says what stands against it.
Not here: what it would do to others (``views/plan_if.py``), keeping it (``production/book.py``).
"""

from typing import Literal

from weft.basis import instant
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.production import messages as pm


class JobLock(Params, frozen=True, kw_only=True):
    """Fix ``job``: it begins ``at`` the instant ``start``, or ``not-before`` it, at ``work_centre`` ("": any)."""

    job: str
    start: str
    work_centre: str = ""
    hold: Literal["at", "not-before"] = "at"


async def job_lock(node: Node, params: JobLock, key: str) -> Done:
    """Fix a job in the plan."""
    start = instant.from_ms(instant.to_ms(params.start, params.job))
    return await _said(node, pm.JobLocked(job=params.job, start=start, work_centre=params.work_centre,
                                          hold=params.hold, at=_now(node)), key)


class JobUnlock(Params, frozen=True, kw_only=True):
    """One job that was fixed."""

    job: str


async def job_unlock(node: Node, params: JobUnlock, key: str) -> Done:
    """Let the plan place a job again."""
    return await _said(node, pm.JobUnlocked(job=params.job, at=_now(node)), key)


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def _said(node: Node, message: pm.JobLocked | pm.JobUnlocked, key: str) -> Done:
    told = await node.record("production", message, key=key)
    return Done(thread=node.book("production"), events=told, facts={"job": message.job})
