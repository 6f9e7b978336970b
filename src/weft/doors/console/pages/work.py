"""A worker's own pages (报工): a job by its traveller, what he says of it, his own sums, and the drawing beside it.

Rule 1: it works without scripts; with them, what is entered while there is no network waits in the page's own store.
Rule 2: a worker sees his own entries and sums, never another's; a drawing only of a job that is open.
Not here: what an entry does (``engine/commands/work.py``), the store of the page (``static/work.js``).
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
from starlette.responses import FileResponse, RedirectResponse, Response

from weft import web
from weft.basis.errors import NotFound
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import HEADERS, Failed, Visit
from weft.engine import commands
from weft.engine.drawings import drawing as read_drawing
from weft.engine.views.jobs import jobs as all_jobs
from weft.locale import formats
from weft.production.reported import PAUSE_REASONS, SCRAP_REASONS

SERVICE: Final = Path(__file__).parents[1] / "static" / "work-sw.js"
PICTURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
PDF_POLICY: Final = "frame-ancestors 'self'"  # a browser shows it by a viewer of its own, which a policy would stop
SAID_MAX: Final = 16 * 1024
FLOOR: Final = ("waiting", "sent", "refused", "drop", "again", "aside", "seen", "offline", "locked", "entry.start",
                "entry.pause", "entry.resume", "entry.count", "entry.scrap", "entry.correct", "entry.done")


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry as a phone sends it: its key and the parameters of ``work-report``."""

    key: str
    params: dict[str, str]


async def job(visit: Visit) -> Response:
    """One job: what to make and by what, start, pause, count, scrap, done."""
    name, asof = visit.named("job"), visit.now_ms
    view = await visit.view("job", job=name)
    worker = visit.person or visit.asked("worker")[:60].strip()
    own = await visit.view("job-work", job=name, worker=worker)
    master = (await visit.node.book_state("production")).master
    centres = [(one, (master.work_centres[one].zh if visit.lang == "zh" else master.work_centres[one].en) or one)
               for one in view.centres if one in master.work_centres]
    names = await item_names(visit)
    return await visit.page(
        "job.html", tab="jobs", live="production", view=view, own=own, own_errors=True, centre_names=centres,
        asof=asof, names=names, pauses=PAUSE_REASONS, scraps=SCRAP_REASONS,
        workers=await _workers(visit),
        here=f"/jobs/{quote(name)}" + (f"?worker={quote(worker)}" if worker and not visit.person else ""),
        lacking=_lacking(visit, view, names),
        words={one: visit.text(f"work.{one}") for one in FLOOR} | {
            f"{kind}.{one}": visit.text(f"work.{kind}.{one}")
            for kind, reasons in (("pause", PAUSE_REASONS), ("reason", SCRAP_REASONS)) for one in reasons})


def _lacking(visit: Visit, view: Any, name: Any) -> list[str]:
    """For what a job waits that is not free yet: the step before, or material that is not here."""
    before = next((one for one in view.steps if one.id == view.row.waits_for), None)
    if before is not None:
        called = (before.zh or before.en) if visit.lang == "zh" else (before.en or before.zh)
        return [visit.text("job.not-released.step", step=f"{before.operation} {called}".strip())]
    found = []
    for one in view.materials:
        if not one.arrived and one.source != "stock":
            when = formats.day_clock(visit.lang, one.at, visit.zone) if one.at else ""
            found.append(visit.text("job.not-released.item-comes" if when else "job.not-released.item",
                                    item=name(one.item), when=when))
    return found


async def _workers(visit: Visit) -> list[str]:
    """Names that the owner may report for: those who have phones, and those who have reported."""
    if visit.person:
        return []
    log = await visit.node.work_log.since(visit.node, visit.now_ms)
    paired = {one.person for one in await visit.node.devices.all() if one.person}
    return sorted(paired | {one.worker for one in log.entries.values() if one.worker})


async def scan(visit: Visit) -> Response:
    """A traveller is scanned, or its number typed; jobs that the worker has begun."""
    number, found, failed = visit.asked("number")[:40].strip(), (), None
    if number:
        try:
            found = (await visit.view("job-find", number=number)).jobs
        except NotFound as error:
            failed = error
    if len(found) == 1:
        return RedirectResponse(f"/jobs/{quote(found[0].job)}", 303, HEADERS)
    if failed is not None:
        visit.failed, visit.status = Failed("scan", failed, {"number": number}), 404
    begun = await _begun(visit)
    return await visit.page("scan.html", tab="scan", live="production", found=found, begun=begun, own_errors=True,
                            names=await item_names(visit))


async def _begun(visit: Visit) -> list[Any]:
    """Open jobs at which the visitor works or has worked."""
    if not visit.person:
        return []
    log = await visit.node.work_log.since(visit.node, visit.now_ms)
    mine = {one.job for one in log.entries.values() if one.worker == visit.person}
    return [row for queue in (await all_jobs(visit.node)).queues for row in queue.jobs if row.id in mine]


async def mine(visit: Visit) -> Response:
    """A worker's own month."""
    worker = visit.person or visit.asked("worker")[:60].strip()
    view = await visit.view("my-work", worker=worker, month=visit.asked("month")[:7])
    year, month = int(view.begin[:4]), int(view.begin[5:7])
    return await visit.page(
        "my_work.html", tab="my-work", live="production", view=view, names=await item_names(visit),
        earlier=f"{year - (month == 1):04d}-{(month - 2) % 12 + 1:02d}",
        later=f"{year + (month == 12):04d}-{month % 12 + 1:02d}")


async def say(visit: Visit) -> Response:
    """One entry of a phone, as JSON; refusals are told as RFC 9457 problems."""
    said = await web.json_body(visit.request, Said, SAID_MAX)
    device = visit.request.state.device
    done = await commands.run(
        visit.node, "work-report", said.params, said.key,
        commands.Caller(device.scope, visit.person) if device is not None else web.OWNER)
    return web.json({"kept": done.facts.get("kept", "counted"), "told": told(visit, done.facts), "now": visit.now_ms},
                    headers={"Cache-Control": "no-store"})


def told(visit: Visit, facts: Any) -> str:
    """What a worker is told of an entry that met something; "" when all is as he thinks."""
    if not facts.get("late"):
        return ""
    known = {"when": formats.day_clock(visit.lang, facts["ended"], visit.zone),
             "good": formats.number(visit.lang, facts["good"]), "who": facts["by"] or visit.text("work.office")}
    return visit.text("work.told.aside" if facts["kept"] == "aside" else "work.told.over", **known)


async def now(visit: Visit) -> Response:
    """The present time, by which a phone sets its entries."""
    return web.json({"now": visit.now_ms, "who": visit.person}, headers={"Cache-Control": "no-store"})


async def drawing(visit: Visit) -> Response:
    """One drawing, for those who may see it."""
    held, data = await read_drawing(visit.node, visit.named("file"), worker=visit.worker)
    return Response(data, media_type=held.media, headers={
        **HEADERS, "Content-Security-Policy": PDF_POLICY if held.media == "application/pdf" else PICTURE_POLICY,
        "Cache-Control": "private, max-age=86400",
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(held.name or 'drawing', safe='')}"})


async def service(_visit: Visit) -> Response:
    """The script that shows a job's page again while there is no network."""
    return FileResponse(SERVICE, media_type="text/javascript", headers={
        "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})


