"""One job as the person at it needs it: what to work by, what he has reported, and the short number of a traveller.

Rule 1: of entries a person sees his own alone.
Not here: the job itself (``jobs.py``), wages (``wages.py``).
"""

from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine.views.shape import View
from weft.production.reported import Instruction, WorkReported, operation_key
from weft.production.state import FINISHED, Job, State

DAY_MS: Final = 86_400_000
LOOKED_BACK: Final = 62  # days in which a job's own entries are looked for
DIGITS: Final = 6


class EntryRow(View, frozen=True, kw_only=True):
    """One entry; ``left_good`` and ``left_scrap`` are what stands of it after its counter-entries.

    ``kept``: counted, aside (waits for the owner), paid or unpaid (he has said so).
    """

    entry: str
    worker: str
    job: str
    item: str
    operation: int
    what: str
    good: str = "0"
    scrap: str = "0"
    reason: str = ""
    note: str = ""
    corrects: str = ""
    at: str
    told: str
    kept: str = "counted"
    left_good: str = "0"
    left_scrap: str = "0"
    amount: str = ""
    currency: str = ""


class WorkView(View, frozen=True, kw_only=True):
    """A worker at a job. ``mine``: none, working, paused or over. ``good`` and ``scrap`` are his own, so far.

    ``number``: what is typed to find the job. ``drawings`` belong to the operation, then to the whole item.
    """

    job: str
    number: str
    worker: str
    mine: str
    good: str
    scrap: str
    present: tuple[str, ...]
    notes: tuple[str, ...]
    drawings: tuple[Instruction, ...]
    entries: tuple[EntryRow, ...]


class FoundJob(View, frozen=True, kw_only=True):
    """A job that a number stands for."""

    job: str
    item: str
    operation: int
    zh: str
    en: str


class FoundView(View, frozen=True, kw_only=True):
    """Jobs with this number: one, or (rarely) several."""

    jobs: tuple[FoundJob, ...]


def number_of(job: str) -> str:
    """The short number of a job, six digits, as it stands on the traveller below the code."""
    return f"{int.from_bytes(sha256(job.encode()).digest()[:8]) % 10 ** DIGITS:0{DIGITS}d}"


async def job_find(node: Any, number: str) -> FoundView:
    """Jobs whose number or id is ``number``, open ones first; raises ``NotFound``."""
    typed = "".join(number.split())
    state: State = await node.book_state("production")
    found = [job for job in state.jobs.values() if job.id == typed or number_of(job.id) == typed]
    found.sort(key=lambda job: (job.state in FINISHED, job.id))
    if not found:
        raise NotFound("work.number-unknown", number=typed[:20])
    live = [job for job in found if job.state not in FINISHED] or found[:1]
    return FoundView(jobs=tuple(FoundJob(job=one.id, item=one.item, operation=one.operation, zh=one.zh, en=one.en)
                                for one in live))


async def job_work(node: Any, job: str, worker: str = "") -> WorkView:
    """What ``worker`` sees at ``job``; raises ``NotFound``."""
    state: State = await node.book_state("production")
    found = state.jobs.get(job)
    if found is None:
        raise NotFound("production.job-unknown", job=job[:80])
    log = await node.work_log.since(node, node.clock.now_ms() - LOOKED_BACK * DAY_MS)
    own = [one for one in log.entries.values() if one.job == job and one.worker == worker]
    rows = entry_rows(own, log.settled)
    counted = [one for one in own if not one.aside]
    instructions = [state.instructions[key] for key in (
        operation_key(found.item, found.operation), operation_key(found.item, 0)) if key in state.instructions]
    return WorkView(
        job=job, number=number_of(job), worker=worker, mine=_mine(found, worker, own),
        good=q.text(sum((q.decimal(one.good) for one in counted), Decimal(0))),
        scrap=q.text(sum((q.decimal(one.scrap) for one in counted), Decimal(0))), present=found.present,
        notes=tuple(one.note for one in instructions if one.note),
        drawings=tuple(one for one in instructions if one.file), entries=tuple(reversed(rows)))


def _mine(job: Job, worker: str, own: list[WorkReported]) -> str:
    if job.state in FINISHED:
        return "over"
    if worker in job.present:
        return "working"
    return "paused" if any(one.what in ("start", "resume") for one in own) else "none"


def entry_rows(entries: list[WorkReported], settled: Any) -> list[EntryRow]:
    """``entries`` as rows, oldest first."""
    back: dict[str, list[WorkReported]] = {}
    for one in entries:
        if one.corrects:
            back.setdefault(one.corrects, []).append(one)
    return [_row(one, back.get(one.entry, ()), settled)
            for one in sorted(entries, key=lambda one: (instant.to_ms(one.at), one.entry))]


def _row(one: WorkReported, back: Any, settled: Any) -> EntryRow:
    verdict = settled.get(one.entry)
    kept = "counted" if not one.aside else "aside" if verdict is None else "paid" if verdict.counts else "unpaid"
    left = {field: sum((q.decimal(getattr(each, field)) for each in (one, *back)), Decimal(0))
            for field in ("good", "scrap")}
    return EntryRow(
        entry=one.entry, worker=one.worker, job=one.job, item=one.item, operation=one.operation, what=one.what,
        good=one.good, scrap=one.scrap, reason=one.reason, note=one.note, corrects=one.corrects, at=one.at,
        told=one.told, kept=kept, left_good=q.text(left["good"]), left_scrap=q.text(left["scrap"]))
