"""Work as people report it (报工), what it is paid (计件工资), and what it is worked by.

Rule 1: each entry carries the person whose phone it is; the owner may say for whom.
Rule 2: an entry is said once whatever the line does: its key is its name.
Rule 3: who reports second is told what he met; pieces that come too late are kept aside for the owner.
Not here: what an entry does to its job (``production/reporting.py``), sums (``views/wages.py``).
"""

import base64
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.engine import drawings
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.work_log import WorkLog
from weft.production.reported import (
    InstructionSet,
    PieceRateSet,
    WagesClosed,
    WorkReported,
    WorkSettled,
    operation_key,
)
from weft.production.reporting import Report
from weft.production.state import FINISHED

BACK_MS: Final = 31 * 86_400_000  # how old an entry may be that a phone had kept


class WorkReport(Params, frozen=True, kw_only=True):
    """``what``: start, pause, resume, count, scrap, correct or done. ``good`` and ``scrap``: so many more.

    ``reason`` of a pause or of scrap; ``corrects`` the entry that was wrong, with the ``right`` number of its pieces,
    or with ``good`` or ``scrap`` below zero; ``at``: when it was done, if not now; ``worker``: for whom it is reported.
    """

    job: str
    what: str
    good: str = "0"
    scrap: str = "0"
    reason: str = ""
    note: str = ""
    corrects: str = ""
    right: str = ""
    centre: str = ""
    at: str = ""
    worker: str = ""


async def report(node: Node, params: WorkReport, key: str) -> Done:
    """One entry of one worker; ``facts`` say what it met."""
    now = node.clock.now_ms()
    at = min(max(instant.to_ms(params.at), now - BACK_MS), now) if params.at else now
    log = await node.work_log.since(node, now - BACK_MS)
    worker, reason, wrong = params.worker, params.reason, None
    if params.corrects:
        wrong, params = _corrected(log, params)
        worker, reason = wrong.worker, wrong.reason if q.decimal(params.scrap) != 0 else ""
    entry = key.partition(":")[2] or b64(node.random(12))
    done = await node.record("production", Report(
        entry=entry, worker=worker, job=params.job, what=params.what, good=params.good, scrap=params.scrap,
        reason=reason, note=params.note, corrects=params.corrects, corrects_at=wrong.at if wrong else "",
        centre=params.centre, at=instant.from_ms(at), told=instant.from_ms(now)), key=key)
    return Done(thread=node.book("production"), events=done, facts=await _met(node, entry))


def _corrected(log: WorkLog, params: WorkReport) -> tuple[WorkReported, WorkReport]:
    """The entry that was wrong, and by how much; raises where it is another's, or would be less than nothing."""
    wrong = log.entries.get(params.corrects)
    if wrong is None or wrong.job != params.job or wrong.what == "correct":
        raise NotFound("work.entry-unknown")
    if params.worker not in ("", wrong.worker):
        raise Denied("work.not-yours")
    stands = {field: sum((q.decimal(getattr(one, field)) for one in log.entries.values()
                          if wrong.entry in (one.entry, one.corrects)), Decimal(0)) for field in ("good", "scrap")}
    if params.right:
        field = "scrap" if wrong.scrap != "0" else "good"
        params = msgspec.structs.replace(params, **{field: q.text(q.decimal(params.right) - stands[field])})
    for field, left in stands.items():
        if left + q.decimal(getattr(params, field)) < 0:
            raise Refused("work.correct-too-much", left=q.text(left))
    return wrong, params


async def _met(node: Node, entry: str) -> dict[str, Any]:
    """What the entry met: whether its pieces count, and how the job stands now."""
    log = await node.work_log.since(node, node.clock.now_ms())
    said = log.entries.get(entry)
    job = (await node.book_state("production")).jobs.get(said.job) if said else None
    if said is None or job is None:
        return {}
    facts: dict[str, Any] = {"entry": entry, "kept": "aside" if said.aside else "counted", "state": job.state.value,
                             "good": job.good}
    if job.state in FINISHED:
        last = [one for one in log.entries.values() if one.job == job.id and one.what == "done" and one.entry != entry]
        facts |= {"ended": job.ended, "by": last[-1].worker if last else "", "late": said.aside != "" or bool(last)}
    return facts


class WorkSettle(Params, frozen=True, kw_only=True):
    """``counts``: whether the entry that was kept aside is paid."""

    entry: str
    counts: bool
    note: str = ""


async def settle(node: Node, params: WorkSettle, key: str) -> Done:
    """The owner says whether an entry that came too late is paid."""
    log = await node.work_log.since(node, 0)
    said = log.entries.get(params.entry)
    if said is None or not said.aside:
        raise NotFound("work.entry-unknown")
    if params.entry in log.settled:
        raise Refused("work.settled")
    message = WorkSettled(entry=params.entry, counts=params.counts, note=params.note, at=_now(node))
    return Done(thread=node.book("production"), events=await node.record("production", message, key=key))


class InstructionOf(Params, frozen=True, kw_only=True):
    """``operation`` 0: the whole item. ``content``: a drawing (base64), ``name`` its file's; ``drop`` takes it away."""

    item: str
    operation: int = 0
    note: str = ""
    content: str = ""
    name: str = ""
    drop: bool = False


async def instruct(node: Node, params: InstructionOf, key: str) -> Done:
    """What an operation is worked by: a note and a drawing."""
    state = await node.book_state("production")
    _operation(state, params.item, params.operation)
    held = state.instructions.get(operation_key(params.item, params.operation))
    file, media, name, size = (held.file, held.media, held.name, held.size) if held and not params.drop else (
        "", "", "", 0)
    if params.content:
        try:
            data = base64.b64decode(params.content, validate=True)
        except ValueError as error:
            raise Invalid("work.drawing-kind") from error
        file, media = await drawings.keep(node, data)
        name, size = params.name[-120:], len(data)
    message = InstructionSet(item=params.item, operation=params.operation, note=params.note.strip(), file=file,
                             media=media, name=name, size=size)
    events = await node.record("production", message, key=key)
    if held and held.file != file:
        await drawings.sweep(node, held.file)
    return Done(thread=node.book("production"), events=events)


class PieceRate(Params, frozen=True, kw_only=True):
    """What a good piece is paid from ``since`` on (a date, "" today); ``material``: for one lost by bad material."""

    item: str
    operation: int
    price: str
    material: str = ""
    since: str = ""


async def rate(node: Node, params: PieceRate, key: str) -> Done:
    """A piece rate from a day on."""
    _operation(await node.book_state("production"), params.item, params.operation)
    since = params.since or node.config.firm.zone.day(node.clock.now_ms())
    message = PieceRateSet(item=params.item, operation=params.operation, price=params.price, material=params.material,
                           currency=node.config.firm.currency, since=since)
    return Done(thread=node.book("production"), events=await node.record("production", message, key=key))


class CloseWages(Params, frozen=True, kw_only=True):
    """``until``: the last local date (YYYY-MM-DD) of the wages that are closed."""

    until: str


async def close(node: Node, params: CloseWages, key: str) -> Done:
    """What is reported later is paid later; what was paid does not change any more."""
    try:
        end = node.config.firm.zone.ends(params.until)
    except Invalid as error:
        raise Invalid("wages.date", value=params.until[:20]) from error
    if end > node.clock.now_ms():
        raise Refused("wages.not-over", until=params.until)
    message = WagesClosed(until=params.until, at=instant.from_ms(end - 1))
    return Done(thread=node.book("production"), events=await node.record("production", message, key=key))


def _operation(state: Any, item: str, operation: int) -> None:
    routing = state.master.routings.get(item)
    if routing is None or (operation and operation not in {one.number for one in routing.operations}):
        raise NotFound("work.operation-unknown", item=item[:60], operation=operation)


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
