"""The conversation ``production/1``: a firm's book of master data, orders, jobs, capacity and promises.

Rule 1: every message of ``messages.MESSAGES`` has its ``case`` here; what may be said is in ``rules.py``.
Rule 2: an order or reservation keeps the place in the queue (``rank``) that it had when it was promised.
Rule 3: of what is closed only the newest ``CLOSED_KEPT`` stay in the state; the events stay for ever.
Not here: what is read from the state (``views.py``), the plan (``planning.py``, ``greedy.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis import quantity as q
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid
from weft.production import messages as m
from weft.production import reporting, rules
from weft.production.master import changeover_s
from weft.production.planning import job_id
from weft.production.state import (
    FINISHED,
    Answer,
    Down,
    Job,
    JobState,
    Lock,
    Order,
    Place,
    Promise,
    Reservation,
    Sourcing,
    State,
)

NAME: Final = "production"
VERSION: Final = 1
MESSAGES: Final[Mapping[str, type[Message]]] = m.MESSAGES
INITIAL: Final = State()
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one member, nobody to cross
CLOSED_KEPT: Final = 200

_replace = msgspec.structs.replace


class Several(msgspec.Struct, frozen=True, kw_only=True):
    """Command: record all ``messages`` in this order, or none of them (an import)."""

    messages: tuple[Message, ...]


def judge(state: State, said: Said, /) -> str | None:
    """The code for which ``said`` is void, or None."""
    return rules.fault(state, said.message)


def decide(state: State, command: Message | Several | reporting.Report, /) -> Sequence[Message]:
    """What to record for ``command``, one of ``MESSAGES`` or ``Several`` of them, or what a worker reports.

    Raises ``Invalid``, ``Refused`` or ``NotFound``. Master data that is already so gives nothing to record.
    An order without a rank gets that of its demand's reservation, else the end of the queue.
    """
    if isinstance(command, reporting.Report):
        return reporting.decided(state, command)
    if not isinstance(command, Several):
        return _decided(state, command)
    told: list[Message] = []
    for message in command.messages:
        for one in _decided(state, message):
            told.append(one)
            state = evolve(state, Said(id="", by="", role="", message=one))
    return told


def _decided(state: State, command: Message) -> Sequence[Message]:
    if type(command) not in _EVOLVE:
        raise Invalid("production.message-unknown", type=type(command).__name__)
    rules.check(state, command)
    if isinstance(command, m.ProductionOrderCreated) and not command.rank:
        command = _replace(command, rank=_rank(state, command))
    if type(command) in _MASTER and evolve(state, Said(id="", by="", role="", message=command)).master == state.master:
        return ()
    return (command,)


def _rank(state: State, said: m.ProductionOrderCreated) -> int:
    """The place in the queue of what was reserved for the same demand, else behind all."""
    held = [r.rank for r in state.reservations.values()
            if said.demand.thread and r.demand == said.demand] or [
            o.rank for o in state.orders.values() if said.demand.thread and o.demand == said.demand]
    return min(held, default=state.sequence + 1)


def evolve(state: State, said: Said, /) -> State:
    """``state`` after ``said``, which ``judge`` allows."""
    state = _replace(state, sequence=state.sequence + 1)
    return _EVOLVE[type(said.message)](state, said.message)


# ---- master data ----------------------------------------------------------------------------------


def _with_master(state: State, **tables: Any) -> State:
    return _replace(state, master=_replace(state.master, **tables))


def _work_centre(state: State, said: m.WorkCentreDefined) -> State:
    centre = said.work_centre
    return _with_master(state, work_centres={**state.master.work_centres, centre.id: centre})


def _calendar(state: State, said: m.CalendarDefined) -> State:
    return _with_master(state, calendars={**state.master.calendars, said.calendar.id: said.calendar})


def _bill(state: State, said: m.BillDefined) -> State:
    return _with_master(state, bills={**state.master.bills, said.bill.item: said.bill})


def _routing(state: State, said: m.RoutingDefined) -> State:
    return _with_master(state, routings={**state.master.routings, said.routing.item: said.routing})


def _supply_rule(state: State, said: m.SupplyRuleDefined) -> State:
    return _with_master(state, supply_rules={**state.master.supply_rules, said.rule.item: said.rule})


# ---- sourcing, capacity, promises -----------------------------------------------------------------


def _sourcing_opened(state: State, said: m.SourcingOpened) -> State:
    sourcing = Sourcing(id=said.id, demand=said.demand, needs=said.needs)
    live = {held.demand.thread for held in state.reservations.values()} | {
        order.demand.thread for order in state.orders.values() if not order.closed}
    closed = [one.id for one in state.sourcings.values() if one.closed and one.demand.thread not in live]
    kept = _without(state.sourcings, closed[:max(0, len(closed) - CLOSED_KEPT)])
    return _replace(state, sourcings={**kept, said.id: sourcing})


def _sourcing_answered(state: State, said: m.SourcingAnswered) -> State:
    sourcing = state.sourcings[said.id]
    answer = Answer(promise=said.promise, refusal=said.refusal)
    answers = {**sourcing.answers, f"{said.thread}#{said.line}": answer}
    return _replace(state, sourcings={**state.sourcings, said.id: _replace(sourcing, answers=answers)})


def _sourcing_closed(state: State, said: m.SourcingClosed) -> State:
    sourcing = _replace(state.sourcings[said.id], closed=said.why)
    return _replace(state, sourcings={**state.sourcings, said.id: sourcing})


def _reserved(state: State, said: m.CapacityReserved) -> State:
    held = Reservation(id=said.id, demand=said.demand, promise=said.promise, expires=said.expires,
                       drafts=said.drafts, priority=said.priority, rank=state.sequence)
    return _replace(state, reservations={**state.reservations, said.id: held})


def _released_capacity(state: State, said: m.CapacityReleased) -> State:
    return _replace(state, reservations=_without(state.reservations, [said.id]))


def _promise_made(state: State, said: m.PromiseMade) -> State:
    promise = Promise(demand=said.demand, at=said.at, first=said.at, why=said.why)
    return _replace(state, promises={**state.promises, said.demand.key: promise})


def _promise_moved(state: State, said: m.PromiseMoved) -> State:
    before = state.promises[said.demand.key]
    moved = _replace(before, at=said.at, why=said.why, moves=before.moves + 1, moved=said.said)
    return _replace(state, promises={**state.promises, said.demand.key: moved})


def _sequence_adopted(state: State, said: m.SequenceAdopted) -> State:
    open_jobs = {name for name, job in state.jobs.items() if job.state not in FINISHED}
    held = {job_id(draft.id, sheet.number) for one in state.reservations.values()
            for draft in one.drafts for sheet in draft.operations}
    return _replace(state, places={
        one.job: Place(number=number, centre=one.centre)
        for number, one in enumerate(said.jobs) if one.job in open_jobs or one.job in held})


# ---- orders ---------------------------------------------------------------------------------------


def _order_created(state: State, said: m.ProductionOrderCreated) -> State:
    draft = said.order
    jobs = {job.id: job for job in _jobs(state, said)}
    order = Order(id=draft.id, item=draft.item, quantity=draft.quantity, unit=draft.unit, parent=draft.parent,
                  demand=said.demand, due=said.due, priority=said.priority, rank=said.rank or state.sequence,
                  materials=draft.materials, jobs=tuple(jobs))
    state = _replace(state, orders={**state.orders, order.id: order}, jobs={**state.jobs, **jobs})
    return _forget(state)


def _jobs(state: State, said: m.ProductionOrderCreated) -> list[Job]:
    """One job per operation; the first waits for the last jobs of the orders that make its materials."""
    draft, jobs = said.order, list[Job]()
    made = [material.ref for material in draft.materials if material.source == "make"]
    before = tuple(sorted({state.orders[ref].jobs[-1] for ref in made if ref in state.orders}))
    previous = ""
    for sheet in draft.operations:
        job = Job(id=job_id(draft.id, sheet.number), order=draft.id, item=draft.item, operation=sheet.number,
                  zh=sheet.zh, en=sheet.en, quantity=draft.quantity, unit=draft.unit,
                  tolerance_percent=said.tolerance_percent, work_centres=sheet.work_centres, setup_s=sheet.setup_s,
                  run_s=sheet.run_s, set_points=sheet.set_points, program=sheet.program, family=sheet.family,
                  after=before, previous=previous)
        jobs.append(job)
        previous, before = job.id, (job.id,)
    return jobs


def _order_cancelled(state: State, said: m.ProductionOrderCancelled) -> State:
    order = _replace(state.orders[said.order], closed="cancelled")
    given_up = {
        name: _replace(state.jobs[name], state=JobState.ABORTED, reason=said.reason)
        for name in order.jobs if state.jobs[name].state not in FINISHED
    }
    return _replace(state, orders={**state.orders, order.id: order}, jobs={**state.jobs, **given_up},
                    locks=_without(state.locks, given_up))


def _output_taken(state: State, said: m.OutputTaken) -> State:
    order = state.orders[said.order]
    taken = q.text(q.decimal(order.taken) + q.decimal(said.quantity))
    return _replace(state, orders={**state.orders, order.id: _replace(order, taken=taken)})


def _material_expected(state: State, said: m.MaterialExpected) -> State:
    order = state.orders[said.order]
    news = {"at": said.at, "arrived": said.arrived}
    materials = tuple(
        _replace(material, **news, lots=said.lots or material.lots) if material.item == said.item else material
        for material in order.materials
    )
    return _replace(state, orders={**state.orders, order.id: _replace(order, materials=materials)})


def _forget(state: State) -> State:
    """``state`` without the oldest closed orders that nothing open waits for (Rule 3)."""
    closed = [order for order in state.orders.values() if order.closed]
    if len(closed) <= CLOSED_KEPT:
        return state
    awaited = {name for order in state.orders.values() if not order.closed
               for job in order.jobs for name in state.jobs[job].after}
    surplus = [order for order in closed[:len(closed) - CLOSED_KEPT] if not awaited & set(order.jobs)]
    gone = {order.id for order in surplus}
    demands = {order.demand.key for name, order in state.orders.items() if name not in gone}
    promises = [order.demand.key for order in surplus if order.demand.key not in demands]
    return _replace(state, orders=_without(state.orders, gone), promises=_without(state.promises, promises),
                    jobs=_without(state.jobs, {job for order in surplus for job in order.jobs}))


# ---- jobs -----------------------------------------------------------------------------------------


def _with_job(state: State, job: str, /, **changes: Any) -> State:
    return _replace(state, jobs={**state.jobs, job: _replace(state.jobs[job], **changes)})


def _job_released(state: State, said: m.JobReleased) -> State:
    return _with_job(state, said.job, state=JobState.ALLOWED)


def _job_loaded(state: State, said: m.JobLoaded) -> State:
    return _with_job(state, said.job, loaded=True, work_centre=said.work_centre, machine=said.machine)


def _job_locked(state: State, said: m.JobLocked) -> State:
    lock = Lock(start=said.start, work_centre=said.work_centre, hold=said.hold)
    return _replace(state, locks={**state.locks, said.job: lock})


def _job_unlocked(state: State, said: m.JobUnlocked) -> State:
    return _replace(state, locks=_without(state.locks, [said.job]))


def _job_started(state: State, said: m.JobStarted) -> State:
    job = state.jobs[said.job]
    state = _with_job(state, said.job, state=JobState.RUNNING, work_centre=said.work_centre,
                      machine=said.machine or job.machine, operator=said.operator, started=said.at,
                      started_by=said.by, setup_s=_set_up(state, job, said.work_centre))
    return _fitted(_replace(state, locks=_without(state.locks, [job.id])), job, said.work_centre)


def _set_up(state: State, job: Job, centre: str) -> str:
    """What setting up takes really, now that it is known what stood there before."""
    master = state.master.work_centres.get(centre)
    if master is None:
        return job.setup_s
    before = state.fitted.get(centre, "") if master.parallel == 1 else ""
    return changeover_s(master, before, job.family, job.setup_s)


def _fitted(state: State, job: Job, centre: str) -> State:
    if state.fitted.get(centre, "") == job.family:
        return state
    return _replace(state, fitted={**state.fitted, centre: job.family})


def _job_counted(state: State, said: m.JobCounted) -> State:
    job = state.jobs[said.job]
    state = _with_job(state, job.id, good=_told(said.good), counted_scrap=_told(said.scrap),
                      counted_at=said.at or job.started, cycle_s=said.cycle_s or job.cycle_s)
    return _made(state, job.id)


def _job_scrapped(state: State, said: m.JobScrapped) -> State:
    job = state.jobs[said.job]
    explained = q.decimal(job.scrapped.get(said.reason, "0")) + q.decimal(said.quantity)
    return _with_job(state, job.id, scrapped={**job.scrapped, said.reason: q.text(explained)})


def _job_paused(state: State, said: m.JobPaused) -> State:
    return _with_job(state, said.job, state=JobState.INTERRUPTED, reason=said.reason)


def _job_resumed(state: State, said: m.JobResumed) -> State:
    job = state.jobs[said.job]
    return _fitted(_with_job(state, said.job, state=JobState.RUNNING, reason=""), job, job.work_centre)


def _job_ended(state: State, said: m.JobEnded) -> State:
    job = state.jobs[said.job]
    state = _with_job(state, job.id, state=JobState.ENDED, ended=said.at, reason="",
                      good=_told(said.good or job.good), counted_scrap=_told(said.scrap or job.counted_scrap))
    return _closed_with(_made(state, job.id), job.order)


def _job_aborted(state: State, said: m.JobAborted) -> State:
    job = state.jobs[said.job]
    state = _with_job(state, job.id, state=JobState.ABORTED, ended=said.at, reason=said.reason)
    return _closed_with(_replace(state, locks=_without(state.locks, [job.id])), job.order)


def _made(state: State, job: str) -> State:
    """The order has made what its last operation has put out."""
    order = state.orders[state.jobs[job].order]
    if order.jobs[-1] != job:
        return state
    return _replace(state, orders={**state.orders, order.id: _replace(order, made=state.jobs[job].good)})


def _closed_with(state: State, name: str) -> State:
    """The order closes with the last of its jobs; it is cancelled when nothing of it was made."""
    order = state.orders[name]
    if order.closed or any(state.jobs[job].state not in FINISHED for job in order.jobs):
        return state
    nothing = state.jobs[order.jobs[-1]].state is JobState.ABORTED and q.decimal(order.made) == 0
    order = _replace(order, closed="cancelled" if nothing else "done")
    return _replace(state, orders={**state.orders, name: order})


def _told(number: str) -> str:
    return q.text(q.decimal(number))


# ---- work centres ---------------------------------------------------------------------------------


def _down(state: State, said: m.WorkCentreDown) -> State:
    down = Down(alarm=said.alarm, since=said.at, expected_minutes=said.expected_minutes)
    return _replace(state, downs={**state.downs, said.work_centre: down})


def _up(state: State, said: m.WorkCentreUp) -> State:
    return _replace(state, downs=_without(state.downs, [said.work_centre]))


def _without(table: Mapping[str, Any], names: Any) -> dict[str, Any]:
    gone = set(names)
    return {name: value for name, value in table.items() if name not in gone}


_EVOLVE: Final[Mapping[type[Message], Callable[[State, Any], State]]] = {
    m.WorkCentreDefined: _work_centre,
    m.CalendarDefined: _calendar,
    m.BillDefined: _bill,
    m.RoutingDefined: _routing,
    m.SupplyRuleDefined: _supply_rule,
    m.SourcingOpened: _sourcing_opened,
    m.SourcingAnswered: _sourcing_answered,
    m.SourcingClosed: _sourcing_closed,
    m.CapacityReserved: _reserved,
    m.CapacityReleased: _released_capacity,
    m.PromiseMade: _promise_made,
    m.PromiseMoved: _promise_moved,
    m.OutputTaken: _output_taken,
    m.SequenceAdopted: _sequence_adopted,
    m.ProductionOrderCreated: _order_created,
    m.ProductionOrderCancelled: _order_cancelled,
    m.MaterialExpected: _material_expected,
    m.JobReleased: _job_released,
    m.JobLoaded: _job_loaded,
    m.JobLocked: _job_locked,
    m.JobUnlocked: _job_unlocked,
    m.JobStarted: _job_started,
    m.JobCounted: _job_counted,
    m.JobScrapped: _job_scrapped,
    m.JobPaused: _job_paused,
    m.JobResumed: _job_resumed,
    m.JobEnded: _job_ended,
    m.JobAborted: _job_aborted,
    m.WorkCentreDown: _down,
    m.WorkCentreUp: _up,
    **reporting.EVOLVE,
}
_MASTER: Final = frozenset({m.WorkCentreDefined, m.CalendarDefined, m.BillDefined, m.RoutingDefined,
                            m.SupplyRuleDefined})
