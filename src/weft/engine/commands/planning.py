"""What a person says about the plan: a job is fixed or let go again; a work centre gets its machine.

Rule 1: a lock is a word in the production book; the plan follows it and says what stands against it.
Rule 2: a work centre at which a job has begun, or lies loaded, keeps its machine until that job has ended.
Not here: what it would do to others (``views/plan_if.py``), keeping it (``production/book.py``).
"""

from typing import Literal

import msgspec

from weft.basis import instant
from weft.basis.errors import NotFound, Refused
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.production import messages as pm
from weft.production.state import FINISHED, STARTED


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


class WorkCentreMachine(Params, frozen=True, kw_only=True):
    """``work_centre`` runs on ``machine`` from now on; "": on none, its jobs are reported by phone."""

    work_centre: str
    machine: str = ""


async def work_centre_machine(node: Node, params: WorkCentreMachine, key: str) -> Done:
    """Say which machine a work centre has."""
    book = await node.book_state("production")
    centre = book.master.work_centres.get(params.work_centre)
    if centre is None:
        raise NotFound("production.no-work-centre", work_centre=params.work_centre[:80])
    known = (await node.book_state("floor")).machines.get(params.machine)
    if params.machine and (known is None or known.removed):
        raise NotFound("floor.machine-unknown", machine=params.machine[:80])
    held = next((job.id for job in book.jobs.values()
                 if job.work_centre == centre.id and (
                     job.state in STARTED or (job.loaded and job.state not in FINISHED))), "")
    if held and centre.machine != params.machine:
        raise Refused("production.machine-in-use", work_centre=centre.id, job=held)
    start = centre.start if params.machine else "operator"
    changed = msgspec.structs.replace(centre, machine=params.machine, start=start)
    told = await node.record("production", pm.WorkCentreDefined(work_centre=changed), key=key)
    return Done(thread=node.book("production"), events=told, facts={"work_centre": centre.id})


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def _said(node: Node, message: pm.JobLocked | pm.JobUnlocked, key: str) -> Done:
    told = await node.record("production", message, key=key)
    return Done(thread=node.book("production"), events=told, facts={"job": message.job})
