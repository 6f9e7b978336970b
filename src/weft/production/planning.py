"""From orders to a planning problem: what is left of every job, and what holds it.

Rule 1: reservations enter the plan as jobs of their own rank, so no capacity is promised twice; of several rounds of
        one offer only the last counts, and none once its orders exist.
Rule 2: what remains of a running job goes by what was counted; before the first count, by the clock.
Not here: placing jobs (``greedy.py``), promises for a new demand (``promise.py``).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.production.calendar import MINUTE, OpenTime
from weft.production.master import Routing, WorkCentre, centres_for, seconds_to_ms
from weft.production.messages import Draft, JobSheet, Material
from weft.production.plan import Arrival, Outage, Placing, PlanCentre, PlanJob, Problem, Promised, Stage
from weft.production.sequence import following
from weft.production.state import FINISHED, Down, Job, JobState, Lock, Order, Reservation, State

OVERDUE: Final = 15 * MINUTE  # a repair that is past its estimate is assumed to take this much longer, then twice it …
LATE: Final = 60 * MINUTE  # and so is material that is not there a quarter of an hour after its date


def job_id(order: str, operation: int) -> str:
    """The id of the job that runs ``operation`` of ``order``."""
    return f"{order}-{operation}"


def sheets(routing: Routing, centres: dict[str, WorkCentre]) -> tuple[JobSheet, ...]:
    """The operations of ``routing`` as an order carries them, candidates resolved."""
    return tuple(
        JobSheet(number=o.number, zh=o.zh, en=o.en, work_centres=centres_for(o, centres), setup_s=o.setup_s,
                 run_s=o.run_s, set_points=dict(o.set_points), program=o.program, family=o.family)
        for o in routing.operations
    )


def predecessors(draft: Draft, index: int, last_jobs: dict[str, str]) -> tuple[str, ...]:
    """Jobs that come before operation ``index``: the one before, or the last jobs of child orders."""
    if index:
        return (job_id(draft.id, draft.operations[index - 1].number),)
    refs = [m.ref for m in draft.materials if m.source == "make"]
    return tuple(sorted({last_jobs[ref] for ref in refs if ref in last_jobs}))


def last_jobs(drafts: Iterable[Draft]) -> dict[str, str]:
    """Order id -> id of its last job, for drafts that have operations."""
    return {d.id: job_id(d.id, d.operations[-1].number) for d in drafts if d.operations}


def draft_jobs(drafts: Sequence[Draft], rank: int = 0, priority: int = 0) -> tuple[PlanJob, ...]:
    """The jobs of orders that do not exist yet."""
    ends = last_jobs(drafts)
    jobs: list[PlanJob] = []
    for draft in drafts:
        amount = q.decimal(draft.quantity)
        for index, sheet in enumerate(draft.operations):
            jobs.append(PlanJob(
                id=job_id(draft.id, sheet.number), order=draft.id, operation=sheet.number,
                work_ms=seconds_to_ms(q.decimal(sheet.run_s) * amount), family=sheet.family,
                setup_ms=seconds_to_ms(q.decimal(sheet.setup_s)), centres=sheet.work_centres,
                after=predecessors(draft, index, ends), rank=rank, priority=priority,
                materials=() if index else arrivals(draft.materials),
            ))
    return tuple(jobs)


def assumed(at_ms: int, now_ms: int, step_ms: int) -> int:
    """When what should have been by ``at_ms`` is taken to be: there, or one, two, four … steps later than it was said.

    In steps that double, so that what is overdue for long moves a promise a few times and not every minute.
    """
    at, step = at_ms, step_ms
    while at <= now_ms:
        at, step = at_ms + step, step * 2
    return at


def arrivals(materials: Sequence[Material], now_ms: int = 0) -> tuple[Arrival, ...]:
    """Materials that an order still waits for; what is made here arrives by precedence instead."""
    return tuple(
        Arrival(item=m.item, at_ms=_arrival(instant.to_ms(m.at, m.item), now_ms) if m.at else None)
        for m in materials if not m.arrived and m.source not in ("make", "stock")
    )


def _arrival(at_ms: int, now_ms: int) -> int:
    return at_ms if now_ms - at_ms < OVERDUE else assumed(at_ms, now_ms, LATE)


def in_force(state: State) -> tuple[Reservation, ...]:
    """The reservations that hold capacity: a crash may leave a round of an offer beside the one that replaced it."""
    last = {draft.id: held.id for held in sorted(state.reservations.values(), key=lambda one: one.rank)
            for draft in held.drafts}
    return tuple(held for held in state.reservations.values()
                 if all(last[draft.id] == held.id and draft.id not in state.orders for draft in held.drafts))


def problem_of(state: State, now_ms: int) -> Problem:
    """The problem of planning everything open in ``state`` from ``now_ms`` on."""
    times = {name: OpenTime(calendar) for name, calendar in state.master.calendars.items()}
    centres = state.master.work_centres
    jobs: list[PlanJob] = []
    for order in state.orders.values():
        if order.closed:
            continue
        for name in order.jobs:
            job = state.jobs[name]
            if job.state not in FINISHED:
                open_time = times[centres[job.work_centre].calendar] if job.work_centre in centres else None
                jobs.append(_plan_job(order, job, state.locks.get(name), open_time, now_ms))
    for held in in_force(state):
        jobs.extend(draft_jobs(held.drafts, held.rank, held.priority))
    problem = Problem(
        now_ms=now_ms, jobs=tuple(jobs), calendars=dict(state.master.calendars), promised=_promised(state),
        centres=tuple(_plan_centre(one, state.fitted.get(one.id, "")) for one in centres.values()),
        outages=tuple(outage_of(name, down, now_ms) for name, down in state.downs.items()),
    )
    if not state.places:
        return problem
    ordered = sorted(state.places.items(), key=lambda place: place[1].number)
    return following(problem, [Placing(job=name, centre=place.centre) for name, place in ordered])


def _promised(state: State) -> dict[str, Promised]:
    """What was promised, by the id of the order at the top of each demand."""
    found: dict[str, Promised] = {}
    for held in in_force(state):
        at = instant.to_ms(held.promise, held.id) if held.promise else None
        if at is not None:
            found |= {draft.id: Promised(first_ms=at, at_ms=at) for draft in held.drafts if not draft.parent}
    for order in state.orders.values():
        promise = state.promises.get(order.demand.key) if not order.parent and not order.closed else None
        if promise is not None and promise.at:
            found[order.id] = Promised(first_ms=instant.to_ms(promise.first), at_ms=instant.to_ms(promise.at))
    return found


def outage_of(work_centre: str, down: Down, now_ms: int) -> Outage:
    """The outage as the plan sees it at ``now_ms``; an overdue repair is moved ahead of the clock."""
    since = instant.to_ms(down.since, work_centre)
    until = None
    if down.expected_minutes:
        until = since + down.expected_minutes * MINUTE
        until = assumed(until, now_ms, OVERDUE)
    return Outage(centre=work_centre, from_ms=since, until_ms=until, alarm=down.alarm)


def _plan_centre(centre: WorkCentre, fitted: str) -> PlanCentre:
    return PlanCentre(
        id=centre.id, calendar=centre.calendar, parallel=centre.parallel,
        fitted=fitted if centre.parallel == 1 else "",  # of several stations nobody knows which is set up for what
        changeover_ms=seconds_to_ms(q.decimal(centre.changeover_s)),
        changeovers=tuple((one.before, one.after, seconds_to_ms(q.decimal(one.time_s))) for one in centre.changeovers))


def _plan_job(order: Order, job: Job, lock: Lock | None, open_time: OpenTime | None, now_ms: int) -> PlanJob:
    stage: Stage = "waiting"
    if job.state is JobState.RUNNING:
        stage = "running"
    elif job.loaded or job.state is JobState.INTERRUPTED:
        stage = "loaded"
    centres = (job.work_centre,) if stage != "waiting" and job.work_centre else job.work_centres
    at = instant.to_ms(lock.start, job.id) if lock else None
    if lock is not None and lock.work_centre in centres:
        centres = (lock.work_centre,)
    return PlanJob(
        id=job.id, order=order.id, operation=job.operation, centres=centres,
        work_ms=remaining_ms(job, open_time, now_ms), family=job.family,
        setup_ms=0 if job.started else seconds_to_ms(q.decimal(job.setup_s)),
        fixed_ms=at if lock and lock.hold == "at" else None, earliest_ms=at if at and lock and lock.hold != "at" else 0,
        materials=arrivals(order.materials, now_ms) if job.id == order.jobs[0] and not job.started else (),
        after=job.after, due_ms=instant.to_ms(order.due, order.id) if order.due else None,
        priority=order.priority, rank=order.rank, stage=stage,
        started_ms=instant.to_ms(job.started, job.id) if job.started else None,
    )


def remaining_ms(job: Job, open_time: OpenTime | None, now_ms: int) -> int:
    """Working milliseconds that ``job`` still takes at ``now_ms``, without the set-up of one that has not begun.

    ``open_time`` is that of its work centre.
    """
    piece = q.decimal(job.cycle_s or job.run_s)
    run = piece * job.remaining
    if not job.started or job.state is JobState.INTERRUPTED or open_time is None:
        return seconds_to_ms(run)
    spent = Decimal(open_time.between(instant.to_ms(job.counted_at or job.started, job.id), now_ms)) / 1000
    if job.counted_at:
        return seconds_to_ms(run) + _silent_ms(spent - piece, piece)
    total = q.decimal(job.setup_s) + run - spent
    return seconds_to_ms(total) if total > 0 else _silent_ms(-total, min(piece, run))


def _silent_ms(overdue_s: Decimal, piece_s: Decimal) -> int:
    """What is added to a job of which nothing is heard ``overdue_s`` after it should be: in steps that double."""
    if overdue_s < 0:
        return 0
    overdue = seconds_to_ms(overdue_s)
    return assumed(0, overdue, max(OVERDUE, seconds_to_ms(piece_s))) - overdue
