"""Jobs: the dispatch list of each work centre, and one job as its operator needs it.

Rule 1: buttons come from ``production.rules.may_say``; nothing is offered that the book would refuse.
Not here: the plan's bars (``plan.py``), machines (``machines.py``).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import NotFound
from weft.engine.moves import moves
from weft.engine.views.plan import Place, places
from weft.engine.views.shape import Named, View
from weft.production.messages import Material
from weft.production.moves import Move
from weft.production.rules import may_say
from weft.production.state import FINISHED, Job, JobState

STATES: Final = {
    JobState.NOT_ALLOWED: "waiting", JobState.ALLOWED: "free", JobState.RUNNING: "running",
    JobState.INTERRUPTED: "paused", JobState.ENDED: "done", JobState.ABORTED: "aborted",
}
DONE_SHOWN: Final = 20


class JobRow(View, frozen=True, kw_only=True):
    """One job in a list. ``state``: waiting, free, ready (loaded), running, paused, done or aborted."""

    id: str
    order: str
    item: str
    operation: int
    zh: str = ""
    en: str = ""
    state: str
    quantity: str
    unit: str = "C62"
    good: str = "0"
    scrap: str = "0"
    work_centre: str = ""
    machine: str = ""
    due: str = ""
    start: str = ""
    end: str = ""
    late: bool = False
    waits_for: str = ""
    run_s: str = "0"
    program: str = ""


class Queue(View, frozen=True, kw_only=True):
    """The jobs of one work centre, in the order in which they are to be run."""

    centre: Named
    machine: str = ""
    down: str = ""
    jobs: tuple[JobRow, ...] = ()


class JobsView(View, frozen=True, kw_only=True):
    """All queues, and what was finished lately."""

    queues: tuple[Queue, ...]
    done: tuple[JobRow, ...] = ()


class JobView(View, frozen=True, kw_only=True):
    """One job in full; ``may`` are names of messages, ``centres`` where it may be started.

    ``moved`` is its last move in the plan and why; ``fixed`` since a person said so (``hold``), "" when nobody did.
    """

    row: JobRow
    may: tuple[str, ...]
    centres: tuple[str, ...]
    startable: bool = False
    operator: str = ""
    started: str = ""
    ended: str = ""
    scrapped: dict[str, str] = {}
    set_points: dict[str, str] = {}
    program: str = ""
    run_s: str = "0"
    cycle_s: str = ""
    previous: str = ""
    previous_good: str = ""
    steps: tuple[JobRow, ...] = ()
    materials: tuple[Material, ...] = ()
    thread: str = ""
    moved: Move | None = None
    fixed: str = ""
    hold: str = ""


async def jobs(node: Any) -> JobsView:
    """Every open job by work centre, in the order of the plan."""
    state = await node.state(node.book("production"))
    planned = await places(node)
    queues = []
    for centre in sorted(state.master.work_centres.values(), key=lambda one: one.id):
        rows = [job_row(job, state, planned) for job in state.jobs.values()
                if job.state not in FINISHED and _at(job, planned) == centre.id]
        rows.sort(key=lambda row: (row.state not in ("running", "paused", "ready"), row.start or "~", row.id))
        down = state.downs.get(centre.id)
        queues.append(Queue(centre=Named(id=centre.id, zh=centre.zh, en=centre.en), machine=centre.machine,
                            down=(down.alarm or "down") if down else "", jobs=tuple(rows)))
    finished = [job for job in state.jobs.values() if job.state in FINISHED]
    ended = sorted(finished, key=lambda job: job.ended, reverse=True)
    return JobsView(queues=tuple(queues), done=tuple(job_row(job, state, planned) for job in ended[:DONE_SHOWN]))


async def job(node: Any, job: str) -> JobView:
    """The job with the id ``job``; raises ``NotFound``."""
    state = await node.state(node.book("production"))
    found: Job | None = state.jobs.get(job)
    if found is None:
        raise NotFound("production.job-unknown", job=job[:80])
    order = state.orders.get(found.order)
    before = state.jobs.get(found.previous) if found.previous else None
    planned, lock = await places(node), state.locks.get(found.id)
    return JobView(
        row=job_row(found, state, planned), may=may_say(found), centres=found.work_centres,
        startable="JobStarted" in may_say(found) and all(float(state.jobs[name].good) > 0 for name in found.after
                                                         if name in state.jobs),
        operator=found.operator, started=found.started, ended=found.ended, scrapped=dict(found.scrapped),
        set_points=dict(found.set_points), program=found.program, run_s=found.run_s, cycle_s=found.cycle_s,
        previous=found.previous, previous_good=before.good if before else "",
        steps=tuple(job_row(state.jobs[name], state, planned) for name in order.jobs if name in state.jobs)
        if order else (), materials=order.materials if order else (),
        thread=order.demand.thread if order else "",
        moved=_moved((await moves(node)).get(found.id), planned.get(found.id)),
        fixed=lock.start if lock else "", hold=lock.hold if lock else "",
    )


def _moved(last: Move | None, place: Place | None) -> Move | None:
    """The last move with where the job is now: small steps since then are told with it, and back is no move."""
    if last is None or place is None or last.to_ms is None:
        return last
    now = instant.to_ms(place.start)
    return msgspec.structs.replace(last, to_ms=now) if now != last.from_ms else None


def job_row(job: Job, state: Any, planned: Mapping[str, Place]) -> JobRow:
    """``job`` as one line of a list."""
    order = state.orders.get(job.order)
    place = planned.get(job.id)
    due = order.due if order else ""
    waits = next((name for name in job.after if name in state.jobs and state.jobs[name].good == "0"), "")
    told = "ready" if job.loaded and job.state is JobState.ALLOWED else STATES[job.state]
    return JobRow(
        id=job.id, order=job.order, item=job.item, operation=job.operation, zh=job.zh, en=job.en, state=told,
        quantity=job.quantity, unit=job.unit, good=job.good, scrap=str(job.scrap), machine=job.machine,
        work_centre=job.work_centre or (place.centre if place else "") or job.work_centres[0], due=due,
        start=place.start if place else "", end=place.end if place else job.ended,
        late=bool(place and place.late), waits_for=waits, run_s=job.run_s,
        program=job.program,
    )


def _at(job: Job, planned: Mapping[str, Place]) -> str:
    place = planned.get(job.id)
    return job.work_centre or (place.centre if place else "") or job.work_centres[0]
