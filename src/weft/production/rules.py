"""What may be recorded next: the job states of ISA-95 as one table, and the checks beside it.

Rule 1: a job is started at most once; what is interrupted is resumed, what ended or was aborted stays so.
Rule 2: totals never go back; an operator's good count stays within plan and tolerance, and within what
        the operation before has produced. A machine's count is a fact and only may not go back.
Rule 3: a program starts by itself only where the owner said ``auto``, and only after it was loaded.
Not here: folding (``book.py``), writes to machines and their interlocks (``shopfloor/``).
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final, TypeVar

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.decider import Message
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.production import messages as m
from weft.production.master import (
    Master,
    bill_faults,
    calendar_faults,
    cycle_faults,
    id_faults,
    raise_first,
    routing_faults,
    supply_rule_faults,
    unit_faults,
    work_centre_faults,
)
from weft.production.planning import job_id
from weft.production.reported import JobCorrected
from weft.production.state import FINISHED, STARTED, Job, JobState, Order, State
from weft.production.work_rules import CHECKS as REPORTED

_Found = TypeVar("_Found")

RULES: Final[Mapping[JobState, Mapping[type[Message], JobState]]] = {
    JobState.NOT_ALLOWED: {
        m.JobReleased: JobState.ALLOWED,
        m.JobLocked: JobState.NOT_ALLOWED,
        m.JobUnlocked: JobState.NOT_ALLOWED,
        m.JobAborted: JobState.ABORTED,
    },
    JobState.ALLOWED: {
        m.JobLoaded: JobState.ALLOWED,
        m.JobLocked: JobState.ALLOWED,
        m.JobUnlocked: JobState.ALLOWED,
        m.JobStarted: JobState.RUNNING,
        m.JobAborted: JobState.ABORTED,
    },
    JobState.RUNNING: {
        m.JobCounted: JobState.RUNNING,
        JobCorrected: JobState.RUNNING,
        m.JobScrapped: JobState.RUNNING,
        m.JobPaused: JobState.INTERRUPTED,
        m.JobEnded: JobState.ENDED,
        m.JobAborted: JobState.ABORTED,
    },
    JobState.INTERRUPTED: {
        m.JobCounted: JobState.INTERRUPTED,
        JobCorrected: JobState.INTERRUPTED,
        m.JobScrapped: JobState.INTERRUPTED,
        m.JobResumed: JobState.RUNNING,
        m.JobEnded: JobState.ENDED,
        m.JobAborted: JobState.ABORTED,
    },
    JobState.ENDED: {},
    JobState.ABORTED: {},
}


_OF_THE_PLAN: Final = frozenset({m.JobLocked, m.JobUnlocked})  # the owner's affair, not that of who stands there


def may_say(job: Job) -> tuple[str, ...]:
    """Names of the messages that the state of ``job`` allows: the buttons of its phone page."""
    return tuple(kind.__name__ for kind in RULES[job.state] if kind not in _OF_THE_PLAN)


def check(state: State, message: Message) -> None:
    """Raise ``Invalid``, ``NotFound`` or ``Refused`` when ``message`` may not be recorded in ``state``."""
    if type(message) not in _CHECKS:
        raise Invalid("production.message-unknown", type=type(message).__name__)
    _CHECKS[type(message)](state, message)


def fault(state: State, message: Message) -> str | None:
    """The code of the refusal that ``check`` would raise, or None."""
    try:
        check(state, message)
    except WeftError as error:
        return error.code
    return None


# ---- master data ----------------------------------------------------------------------------------


def _work_centre(state: State, said: m.WorkCentreDefined) -> None:
    raise_first(work_centre_faults(said.work_centre, state.master.calendars))


def _calendar(_: State, said: m.CalendarDefined) -> None:
    raise_first(calendar_faults(said.calendar))


def _bill(state: State, said: m.BillDefined) -> None:
    raise_first(_bill_faults(state.master, said))


def _bill_faults(master: Master, said: m.BillDefined) -> Iterator[Invalid]:
    yield from bill_faults(said.bill)
    together = {**master.bills, said.bill.item: said.bill}
    yield from cycle_faults(together)
    yield from unit_faults(together)


def _routing(state: State, said: m.RoutingDefined) -> None:
    raise_first(routing_faults(said.routing, state.master.work_centres))


def _supply_rule(_: State, said: m.SupplyRuleDefined) -> None:
    raise_first(supply_rule_faults(said.rule))


# ---- sourcing, capacity, promises -----------------------------------------------------------------


def _sourcing_opened(state: State, said: m.SourcingOpened) -> None:
    raise_first(id_faults("sourcing", said.id))
    if said.id in state.sourcings:
        raise Refused("production.sourcing-exists", sourcing=said.id)
    if not said.needs:
        raise Invalid("production.sourcing-empty", sourcing=said.id)
    for need in said.needs:
        q.positive(need.quantity, need.item)
        q.unit(need.unit, need.item)


def _sourcing_answered(state: State, said: m.SourcingAnswered) -> None:
    sourcing = _found(state.sourcings, said.id, "production.sourcing-unknown", "sourcing")
    if sourcing.closed in ("expired", "cancelled"):
        raise Refused("production.sourcing-closed", sourcing=said.id)
    if f"{said.thread}#{said.line}" not in {need.key for need in sourcing.needs}:
        raise NotFound("production.need-unknown", sourcing=said.id, thread=said.thread, line=said.line)
    if bool(said.promise) == bool(said.refusal):
        raise Invalid("production.answer-both", sourcing=said.id)
    if said.promise:
        instant.to_ms(said.promise, said.id)


def _sourcing_closed(state: State, said: m.SourcingClosed) -> None:
    sourcing = _found(state.sourcings, said.id, "production.sourcing-unknown", "sourcing")
    if sourcing.closed:
        raise Refused("production.sourcing-closed", sourcing=said.id)
    if said.why == "complete" and len(sourcing.answers) < len(sourcing.needs):
        raise Refused("production.sourcing-incomplete", sourcing=said.id,
                      missing=len(sourcing.needs) - len(sourcing.answers))


def _reserved(state: State, said: m.CapacityReserved) -> None:
    raise_first(id_faults("reservation", said.id))
    if said.id in state.reservations:
        raise Refused("production.reservation-exists", reservation=said.id)
    instant.to_ms(said.promise, said.id)
    instant.to_ms(said.expires, said.id)
    for draft in said.drafts:
        _draft(draft)


def _released_capacity(state: State, said: m.CapacityReleased) -> None:
    _found(state.reservations, said.id, "production.reservation-unknown", "reservation")


def _promise_made(state: State, said: m.PromiseMade) -> None:
    raise_first(id_faults("demand", said.demand.key))
    if said.demand.key in state.promises:
        raise Refused("production.promise-exists", demand=said.demand.key)
    instant.to_ms(said.at, said.demand.key)


def _promise_moved(state: State, said: m.PromiseMoved) -> None:
    _found(state.promises, said.demand.key, "production.promise-unknown", "demand")
    for at in (said.at, said.said):
        if at:
            instant.to_ms(at, said.demand.key)


def _sequence_adopted(state: State, said: m.SequenceAdopted) -> None:
    seen: set[str] = set()
    for one in said.jobs:
        if one.job in seen:
            raise Invalid("production.sequence-twice", job=one.job[:120])
        seen.add(one.job)
        if one.centre:
            _found(state.master.work_centres, one.centre, "production.work-centre-missing", "work_centre")


# ---- orders ---------------------------------------------------------------------------------------


def _draft(draft: m.Draft) -> None:
    raise_first(id_faults("order", draft.id))
    q.positive(draft.quantity, draft.id)
    q.unit(draft.unit, draft.id)
    if not draft.operations:
        raise Invalid("production.order-without-operations", order=draft.id, item=draft.item)
    for sheet in draft.operations:
        if not sheet.work_centres:
            raise Invalid("production.operation-nowhere", item=draft.item, operation=sheet.number)
        q.positive(sheet.run_s, draft.id)
        if q.decimal(sheet.setup_s, draft.id) < 0:
            raise Invalid("production.negative", value=sheet.setup_s, where=draft.id)
    for material in draft.materials:
        if material.at:
            instant.to_ms(material.at, material.item)


def _order_created(state: State, said: m.ProductionOrderCreated) -> None:
    if said.order.id in state.orders:
        raise Refused("production.order-exists", order=said.order.id)
    _draft(said.order)
    if said.due:
        instant.to_ms(said.due, said.order.id)
    if q.decimal(said.tolerance_percent, said.order.id) < 0:
        raise Invalid("production.negative", value=said.tolerance_percent, where=said.order.id)
    for sheet in said.order.operations:
        if job_id(said.order.id, sheet.number) in state.jobs:
            raise Refused("production.order-exists", order=said.order.id)
        missing = [centre for centre in sheet.work_centres if centre not in state.master.work_centres]
        if missing:
            raise Invalid("production.work-centre-unknown", item=said.order.item,
                          operation=sheet.number, name=missing[0])


def _order(state: State, name: str) -> Order:
    order = _found(state.orders, name, "production.order-unknown", "order")
    if order.closed:
        raise Refused("production.order-closed", order=name, state=order.closed)
    return order


def _order_cancelled(state: State, said: m.ProductionOrderCancelled) -> None:
    for name in _order(state, said.order).jobs:
        if state.jobs[name].state in STARTED:
            raise Refused("production.cancel-running", order=said.order, job=name)


def _output_taken(state: State, said: m.OutputTaken) -> None:
    order = _order(state, said.order)
    ready = q.decimal(order.made) - q.decimal(order.taken)
    if q.positive(said.quantity, said.order) > ready:
        raise Refused("production.not-made-yet", order=said.order, wanted=said.quantity, ready=q.text(ready))


def _material_expected(state: State, said: m.MaterialExpected) -> None:
    order = _order(state, said.order)
    if said.item not in {material.item for material in order.materials}:
        raise NotFound("production.material-unknown", order=said.order, item=said.item)
    if said.at:
        instant.to_ms(said.at, said.item)


# ---- jobs -----------------------------------------------------------------------------------------


def _job(state: State, said: Any) -> Job:
    """The job that ``said`` is about, if its state allows ``said``."""
    job = _found(state.jobs, said.job, "production.job-unknown", "job")
    if type(said) not in RULES[job.state]:
        codes: dict[type[Message], str] = {
            m.JobStarted: "production.job-started-already", m.JobEnded: "production.job-ended-already"}
        once = job.state in FINISHED or (type(said) is m.JobStarted and job.state in STARTED)
        code = codes.get(type(said), "production.job-state") if once else "production.job-state"
        raise Refused(code, job=job.id, state=job.state.value, message=type(said).__name__)
    if said.at:
        instant.to_ms(said.at, job.id)
    return job


def _job_plain(state: State, said: Any) -> None:
    _job(state, said)


def _job_loaded(state: State, said: m.JobLoaded) -> None:
    job = _job(state, said)
    _candidate(job, said.work_centre)


def _job_locked(state: State, said: m.JobLocked) -> None:
    job = _job(state, said)
    instant.to_ms(said.start, job.id)
    if said.work_centre:
        _candidate(job, said.work_centre)
    if job.loaded and said.work_centre not in ("", job.work_centre):
        raise Refused("production.wrong-work-centre", job=job.id, work_centre=said.work_centre)


def _job_unlocked(state: State, said: m.JobUnlocked) -> None:
    job = _job(state, said)
    if job.id not in state.locks:
        raise Refused("production.job-not-locked", job=job.id)


def _candidate(job: Job, centre: str) -> None:
    if centre not in job.work_centres:
        raise Refused("production.wrong-work-centre", job=job.id, work_centre=centre)


def _job_started(state: State, said: m.JobStarted) -> None:
    job = _job(state, said)
    instant.to_ms(said.at, job.id)
    _candidate(job, said.work_centre)
    if said.by == "auto":
        if state.master.work_centres[said.work_centre].start != "auto":
            raise Refused("production.auto-not-allowed", job=job.id, work_centre=said.work_centre)
        if not job.loaded:
            raise Refused("production.job-not-loaded", job=job.id, work_centre=said.work_centre)
    if job.loaded and job.work_centre != said.work_centre:
        raise Refused("production.wrong-work-centre", job=job.id, work_centre=said.work_centre)
    for name in job.after:
        if q.decimal(state.jobs[name].good) <= 0:
            raise Refused("production.predecessor-not-produced", job=job.id, predecessor=name)
    _room(state, job, said.work_centre)


def _job_resumed(state: State, said: m.JobResumed) -> None:
    job = _job(state, said)
    _room(state, job, job.work_centre)


def _room(state: State, job: Job, centre: str) -> None:
    """The work centre is up and has a free lane."""
    if centre in state.downs:
        raise Refused("production.work-centre-down", job=job.id, work_centre=centre,
                      alarm=state.downs[centre].alarm)
    running = [other.id for other in state.jobs.values()
               if other.state is JobState.RUNNING and other.work_centre == centre]
    if len(running) >= state.master.work_centres[centre].parallel:
        raise Refused("production.work-centre-busy", job=job.id, work_centre=centre, other=running[0])


def _job_counted(state: State, said: m.JobCounted) -> None:
    job = _job(state, said)
    if said.cycle_s:
        q.positive(said.cycle_s, job.id)
    _counts(state, job, said.good, said.scrap, said.by)


def _job_ended(state: State, said: m.JobEnded) -> None:
    job = _job(state, said)
    _counts(state, job, said.good or job.good, said.scrap or job.counted_scrap, said.by)


def _counts(state: State, job: Job, good_text: str, scrap_text: str, by: str) -> None:
    good, scrap = q.decimal(good_text, job.id), q.decimal(scrap_text, job.id)
    if good < q.decimal(job.good) or scrap < q.decimal(job.counted_scrap):
        raise Refused("production.count-back", job=job.id, good=good_text, before=job.good,
                      scrap=scrap_text, scrap_before=job.counted_scrap)
    if by == "machine":
        return
    limit = q.decimal(job.quantity) * (1 + q.decimal(job.tolerance_percent) / 100)
    if good > limit:
        told = limit.to_integral_value(ROUND_FLOOR) if job.unit in q.WHOLE_UNITS else limit
        raise Refused("production.over-count", job=job.id, good=good_text, limit=q.text(told))
    _within_previous(state, job, good + max(scrap, job.scrap))


def _within_previous(state: State, job: Job, pieces: Decimal) -> None:
    if job.previous:
        before = state.jobs[job.previous].good
        if pieces > q.decimal(before):
            raise Refused("production.ahead-of-previous", job=job.id, pieces=q.text(pieces), made=before,
                          previous=job.previous)


def _job_scrapped(state: State, said: m.JobScrapped) -> None:
    job = _job(state, said)
    pieces = q.positive(said.quantity, job.id)
    explained = sum((q.decimal(part) for part in job.scrapped.values()), pieces)
    _within_previous(state, job, q.decimal(job.good) + max(explained, q.decimal(job.counted_scrap)))


def _job_corrected(state: State, said: JobCorrected) -> None:
    job = _job(state, said)
    good, scrapped = q.decimal(said.good, job.id), {**job.scrapped, **said.scrapped}
    if good < 0 or any(q.decimal(part, job.id) < 0 for part in scrapped.values()):
        raise Refused("production.correct-below-zero", job=job.id, good=job.good, scrap=q.text(job.scrap))
    _counts(state, msgspec.structs.replace(job, good="0", scrapped=scrapped), said.good, job.counted_scrap, "operator")
    for after in state.jobs.values():
        if after.previous == job.id and q.decimal(after.good) + after.scrap > good:
            raise Refused("production.correct-below-next", job=job.id, good=said.good, next=after.id,
                          pieces=q.text(q.decimal(after.good) + after.scrap))


# ---- work centres ---------------------------------------------------------------------------------


def _down(state: State, said: m.WorkCentreDown) -> None:
    _found(state.master.work_centres, said.work_centre, "production.work-centre-missing", "work_centre")
    instant.to_ms(said.at, said.work_centre)
    if said.expected_minutes < 0:
        raise Invalid("production.negative", value=said.expected_minutes, where=said.work_centre)


def _up(state: State, said: m.WorkCentreUp) -> None:
    if said.work_centre not in state.downs:
        raise Refused("production.work-centre-not-down", work_centre=said.work_centre)


def _found(table: Mapping[str, _Found], name: str, code: str, fact: str) -> _Found:
    if name not in table:
        raise NotFound(code, **{fact: name})
    return table[name]


_CHECKS: Final[Mapping[type[Message], Callable[[State, Any], None]]] = {
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
    m.JobReleased: _job_plain,
    m.JobLoaded: _job_loaded,
    m.JobLocked: _job_locked,
    m.JobUnlocked: _job_unlocked,
    m.JobStarted: _job_started,
    m.JobCounted: _job_counted,
    m.JobScrapped: _job_scrapped,
    m.JobPaused: _job_plain,
    m.JobResumed: _job_resumed,
    m.JobEnded: _job_ended,
    m.JobAborted: _job_plain,
    m.WorkCentreDown: _down,
    m.WorkCentreUp: _up,
    JobCorrected: _job_corrected,
    **REPORTED,
}
