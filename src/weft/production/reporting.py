"""What an entry of a worker means for his job, what may be recorded of wages, and how both change the book.

Rule 1: entry and consequence are one: either both are recorded or none; whoever reports second is told what he met.
Rule 2: pieces that come after their job is over are never lost: they are kept aside until the owner says what counts.
Rule 3: of several people at a job the last one who pauses pauses it; who says done says it for all.
Rule 4: where a machine counts, a person's count is his wage alone and changes nothing of the job's total.
Not here: the messages (``reported.py``), rules of jobs (``rules.py``), sums (``wages.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.decider import Message
from weft.basis.errors import Invalid, NotFound, Refused
from weft.production import messages as m
from weft.production import reported as r
from weft.production import rules
from weft.production.state import FINISHED, Job, JobState, State

_LATE: Final = frozenset({"production.job-state", "production.job-ended-already"})
_WHATS: Final = ("start", "pause", "resume", "count", "scrap", "correct", "done")
_replace = msgspec.structs.replace


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Command: one entry of a worker; fields as in ``WorkReported``. ``told`` is now, ``centre`` where it starts."""

    entry: str
    worker: str
    job: str
    what: str
    good: str = "0"
    scrap: str = "0"
    reason: str = ""
    note: str = ""
    corrects: str = ""
    corrects_at: str = ""
    centre: str = ""
    at: str
    told: str


def decided(state: State, said: Report) -> Sequence[Message]:
    """What to record for ``said``: what it does to the job, then the entry; raises as ``rules.check`` does."""
    job = state.jobs.get(said.job)
    if job is None:
        raise NotFound("production.job-unknown", job=said.job[:60])
    _sound(said)
    messages = _ABOUT[said.what](job, said)
    aside = ""
    for message in messages:
        code = rules.fault(state, message)
        if code in _LATE and job.state in FINISHED and (said.good, said.scrap) != ("0", "0"):
            messages, aside = [], code
            break
        rules.check(state, message)
        state = _after(state, message)
    entry = _entry(state, job, said, aside)
    rules.check(state, entry)
    return (*messages, entry)


def _after(state: State, message: Message) -> State:
    """Enough of the state after ``message`` to check the next one of the same report."""
    if isinstance(message, m.JobResumed):
        job = _replace(state.jobs[message.job], state=JobState.RUNNING)
    elif isinstance(message, m.JobCounted):
        job = _replace(state.jobs[message.job], good=message.good)
    else:
        return state
    return _replace(state, jobs={**state.jobs, job.id: job})


def _entry(state: State, job: Job, said: Report, aside: str) -> r.WorkReported:
    closed = state.wages_closed
    return r.WorkReported(
        entry=said.entry, worker=said.worker, job=job.id, item=job.item, operation=job.operation,
        what=said.what, good=said.good, scrap=said.scrap, reason=said.reason,  # type: ignore[arg-type] # among _WHATS
        note=said.note, corrects=said.corrects, corrects_at=said.corrects_at, at=said.at, told=said.told,
        booked=said.told if closed and instant.to_ms(said.at) <= instant.to_ms(closed) else said.at, aside=aside)


def _sound(said: Report) -> None:
    """Raises ``Invalid`` when the entry by itself makes no sense."""
    good, scrap = q.decimal(said.good, said.entry), q.decimal(said.scrap, said.entry)
    if said.what not in _WHATS:
        raise Invalid("work.what", value=said.what[:20])
    pieces = good != 0 or scrap != 0
    if pieces and said.what not in r.PIECES:
        raise Invalid("work.what", value=said.what[:20])
    if said.what == "correct":
        if not said.corrects or not pieces:
            raise Invalid("work.correct-nothing")
    elif good < 0 or scrap < 0 or (said.what == "count" and good == 0) or (said.what == "scrap" and scrap == 0):
        raise Invalid("quantity.not-positive", value=said.good if said.what == "count" else said.scrap, where="")
    if scrap != 0 and said.reason not in r.SCRAP_REASONS:
        raise Invalid("production.scrap-reason", value=said.reason[:20])
    if said.what == "pause" and said.reason not in r.PAUSE_REASONS:
        raise Invalid("work.pause-reason", value=said.reason[:20])


# ---- what each entry does to its job ---------------------------------------------------------------


def _start(job: Job, said: Report) -> list[Message]:
    if job.state is JobState.RUNNING:
        return []  # he joins who is there
    if job.state in FINISHED:
        raise Refused("production.job-ended-already", job=job.id, state=job.state.value)
    if job.state is JobState.INTERRUPTED:
        return [m.JobResumed(job=job.id, at=said.at)]
    centre = said.centre or job.work_centre or job.work_centres[0]
    return [m.JobStarted(job=job.id, by="operator", work_centre=centre, operator=said.worker, at=said.at)]


def _pause(job: Job, said: Report) -> list[Message]:
    if job.state is not JobState.RUNNING or set(job.present) - {said.worker}:
        return []
    return [m.JobPaused(job=job.id, reason=said.note or said.reason, at=said.at)]


def _resume(job: Job, said: Report) -> list[Message]:
    return [] if job.state is JobState.RUNNING else [m.JobResumed(job=job.id, at=said.at)]


def _count(job: Job, said: Report) -> list[Message]:
    if job.machine and job.state not in FINISHED:
        return []
    total = q.text(q.decimal(job.good) + q.decimal(said.good))
    return [m.JobCounted(job=job.id, good=total, scrap=job.counted_scrap, at=said.at)]


def _scrap(job: Job, said: Report) -> list[Message]:
    return [m.JobScrapped(job=job.id, quantity=said.scrap, reason=said.reason, note=said.note, at=said.at)]  # type: ignore[arg-type] # checked in _sound


def _correct(job: Job, said: Report) -> list[Message]:
    good = job.good if job.machine else q.text(q.decimal(job.good) + q.decimal(said.good))
    scrapped: dict[str, str] = {}
    if q.decimal(said.scrap) != 0:
        scrapped = {said.reason: q.text(q.decimal(job.scrapped.get(said.reason, "0")) + q.decimal(said.scrap))}
    return [r.JobCorrected(job=job.id, good=good, scrapped=scrapped, at=said.at)]


def _done(job: Job, said: Report) -> list[Message]:
    counted = _count(job, said) if said.good != "0" else []
    if job.state in FINISHED and not counted:
        return []  # somebody else was first: his own time ends all the same
    return [*counted, m.JobEnded(job=job.id, at=said.at)]


_ABOUT: Final[Mapping[str, Callable[[Job, Report], list[Message]]]] = {
    "start": _start, "pause": _pause, "resume": _resume, "count": _count, "scrap": _scrap, "correct": _correct,
    "done": _done,
}


# ---- the book after it -----------------------------------------------------------------------------


def reported(state: State, said: r.WorkReported) -> State:
    """Who is at the job now."""
    job = state.jobs.get(said.job)
    if job is None or said.what not in ("start", "resume", "pause", "done"):
        return state
    others = tuple(one for one in job.present if one != said.worker)
    here = () if said.what == "done" else (*others, said.worker) if said.what in ("start", "resume") else others
    return _replace(state, jobs={**state.jobs, job.id: _replace(job, present=here)})


def unchanged(state: State, _said: r.WorkSettled) -> State:
    """Nothing of the jobs."""
    return state


def corrected(state: State, said: r.JobCorrected) -> State:
    """The job with its right totals."""
    job = state.jobs[said.job]
    job = _replace(job, good=q.text(q.decimal(said.good)), scrapped={**job.scrapped, **said.scrapped},
                   counted_at=said.at or job.counted_at)
    return _replace(state, jobs={**state.jobs, job.id: job})


def instructed(state: State, said: r.InstructionSet) -> State:
    """The operation with its note and drawing."""
    key = r.operation_key(said.item, said.operation)
    others = {name: one for name, one in state.instructions.items() if name != key}
    if said.note or said.file:
        others[key] = r.Instruction(note=said.note, file=said.file, media=said.media, name=said.name, size=said.size)
    return _replace(state, instructions=others)


def rated(state: State, said: r.PieceRateSet) -> State:
    """The operation with its price from a day on."""
    key = r.operation_key(said.item, said.operation)
    rate = r.Rate(since=said.since, price=said.price, material=said.material, currency=said.currency)
    kept = [one for one in state.rates.get(key, ()) if one.since != said.since]
    return _replace(state, rates={**state.rates, key: tuple(sorted((*kept, rate), key=lambda one: one.since))})


def closed(state: State, said: r.WagesClosed) -> State:
    """Wages are closed up to there."""
    return _replace(state, wages_closed=said.at, wages_until=said.until)


EVOLVE: Final[Mapping[type[Message], Callable[[State, Any], State]]] = {
    r.WorkReported: reported, r.WorkSettled: unchanged, r.JobCorrected: corrected, r.InstructionSet: instructed,
    r.PieceRateSet: rated, r.WagesClosed: closed,
}
