"""A file of twins comes in: first only a report on it, then, by a button, the twins.

Rule 1: nothing of a file is taken in before its report was shown; all of it or nothing is.
Rule 2: a file waits on disk for ``KEPT_S`` at most, ``WAITING_MAX`` of them; what waits is known to nobody else.
Rule 3: reading goes on beside the loop of the node, and the page tells how far it is; it can be stopped throughout.
Not here: what comes of a file (``engine/twins/importing.py``), the same for programs (``doors/api``).
"""

import asyncio
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Invalid, NotFound, Unavailable, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import Failed, Visit
from weft.engine.twins import importing
from weft.engine.twins.underway import Progress
from weft.twin.aasx.container import LIMITS
from weft.twin.aasx.findings import GRADES, Finding, Report
from weft.twin.names import encode_id

UPLOAD_S: Final = 1800  # how long a file may take to arrive
KEPT_S: Final = 3600
WAITING_MAX: Final = 4
AT_ONCE_S: Final = 1.5  # what is read by then needs no page of its own that tells how far it is
FORM_BYTES_MAX: Final = 64 * 1024
SHOWN: Final = 8  # findings of each grade that are seen at once; further ones open
LISTED: Final = 200
ARRIVED: Final = 20  # twins that are named when a file was taken in


@dataclass(slots=True)
class Arrival:
    """A file that came in: how far it is, its report, and what became of it."""

    name: str
    size: int
    file: BinaryIO
    progress: Progress = field(default_factory=Progress)
    taking: bool = False
    work: "asyncio.Task[importing.Imported] | None" = None
    arrived: list[tuple[str, str]] = field(default_factory=list)

    def told(self, progress: Progress) -> None:
        """Hear how far it is."""
        self.progress = progress

    async def stop(self) -> None:
        """Leave off; nothing of the file is there afterwards."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.wait((self.work,))
        self.file.close()

    def let_go(self) -> None:
        """Forget the file."""
        if self.work is not None:
            self.work.cancel()
        self.file.close()


async def page(visit: Visit) -> Response:
    """Where to drop a file."""
    return await visit.page("twin_import.html", tab="twins", own_errors=True, mega=LIMITS.package >> 20)


async def come_in(visit: Visit) -> Response:
    """Keep the file that was dropped, and begin to read it."""
    try:
        arrival = await _kept(visit)
    except WeftError as error:
        visit.failed, visit.status = Failed("twin-in", error, {}), web.status_of(error)
        visit.request = Request({**visit.request.scope, "path": "/twins/import", "raw_path": b"/twins/import",
                                 "query_string": b""})
        return await page(visit)
    waiting = _waiting(visit)
    while len(waiting) >= WAITING_MAX:
        waiting.pop(next(iter(waiting))).let_go()
    handle = secrets.token_urlsafe(16)
    waiting[handle] = arrival
    asyncio.get_running_loop().call_later(KEPT_S, _over, waiting, handle)
    await _begin(visit, arrival, report_only=True)
    return visit.go(f"/twins/import/{handle}")


async def take(visit: Visit) -> Response:
    """Take the twins of a file in whose report was shown."""
    handle = (await forms.read(visit.request)).shown.get("file", "")[:40]
    arrival = _arrival(visit, handle)
    if not arrival.taking:
        arrival.taking, arrival.progress = True, Progress()
        await _begin(visit, arrival, report_only=False)
    return visit.go(f"/twins/import/{handle}")


async def stop(visit: Visit) -> Response:
    """Leave off in the middle, or forget a file that waits."""
    handle = (await forms.read(visit.request)).shown.get("file", "")[:40]
    arrival = _waiting(visit).pop(handle, None)
    if arrival is not None:
        await arrival.stop()
    return visit.go("/twins/import")


async def one(visit: Visit) -> Response:
    """How far it is, then the report, then what came of it."""
    arrival = _arrival(visit, visit.named("file"))
    work = arrival.work
    if work is None or not work.done():
        response = await visit.page("twin_reading.html", tab="twins", arrival=arrival,
                                    handle=visit.named("file"))
        response.headers["Refresh"] = "1"
        return response
    try:
        outcome, wrong = work.result(), None
    except WeftError as error:
        outcome, wrong = None, error
    return await visit.page("twin_report.html", tab="twins", arrival=arrival, outcome=outcome, wrong=wrong,
                            handle=visit.named("file"), arrived=arrival.arrived, shown=SHOWN,
                            grades=_graded(visit, outcome.report) if outcome else [])


def _graded(visit: Visit, report: Report) -> list[tuple[str, int, list[tuple[str, str, str]], int]]:
    """(grade, how many, what was found with its places, how many are not listed), the gravest first."""
    found: list[tuple[str, int, list[tuple[str, str, str]], int]] = []
    for grade in GRADES:
        rows = [(_sentence(visit, one), one.path, " · ".join(filter(None, (
            one.part, visit.text("twin.in.line", n=one.line) if one.line else ""))))
            for one in report.findings if one.grade == grade][:LISTED]
        total = report.totals.get(grade, 0)
        if total:
            found.append((grade, total, rows, total - len(rows)))
    return found


def _sentence(visit: Visit, one: Finding) -> str:
    key = f"error.{one.code}" if "." in one.code else f"finding.{one.code}"
    return visit.text(key, **one.facts)


async def _begin(visit: Visit, arrival: Arrival, *, report_only: bool) -> None:
    arrival.work = asyncio.create_task(_work(visit.node, arrival, report_only=report_only))
    await asyncio.wait((arrival.work,), timeout=AT_ONCE_S)


async def _work(node: Any, arrival: Arrival, *, report_only: bool) -> importing.Imported:
    arrival.file.seek(0)
    store = node.twins.store
    last = (await store.feed_ends())[1]
    try:
        outcome = await importing.take_in(
            node.twins, arrival.file, arrival.name, report_only=report_only, told=arrival.told)
    finally:
        if not report_only:
            arrival.file.close()
    if outcome.taken:
        told = await store.feed(last, outcome.changed)
        shells = [one.id for one in told if one.kind == "shell"]
        ids = dict.fromkeys(shells or [one.id for one in told if one.kind == "submodel"])
        for name in list(ids)[:ARRIVED]:
            row = await store.get("shell", name) or await store.get("submodel", name)
            arrival.arrived.append((encode_id(name), _title(row.body) if row else name))
    return outcome


def _title(body: bytes) -> str:
    document = msgspec.json.decode(body)
    return str(document.get("idShort") or document["id"])


def _waiting(visit: Visit) -> dict[str, Arrival]:
    state = visit.request.app.state
    if not hasattr(state, "twin_arrivals"):
        state.twin_arrivals = {}
    held: dict[str, Arrival] = state.twin_arrivals
    return held


def _arrival(visit: Visit, handle: str) -> Arrival:
    found = _waiting(visit).get(handle)
    if found is None:
        raise NotFound("twin.file-gone")
    return found


def _over(waiting: dict[str, Arrival], handle: str) -> None:
    found = waiting.pop(handle, None)
    if found is not None:
        found.let_go()


async def _kept(visit: Visit) -> Arrival:
    """The file in the form, laid down in a file of ours."""
    request = visit.request
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared[:15]) > LIMITS.package + FORM_BYTES_MAX:
        raise Invalid("web.body-too-large", limit=LIMITS.package)
    try:
        async with (asyncio.timeout(UPLOAD_S),
                    request.form(max_files=1, max_fields=10, max_part_size=FORM_BYTES_MAX) as form):
            given = form.get("content@file")
            if not isinstance(given, UploadFile) or not given.size:
                raise Invalid("twin.no-file-given")
            held: BinaryIO = tempfile.TemporaryFile(dir=visit.node.twins.scratch)  # noqa: SIM115 - it lives until its twins are taken in
            await asyncio.to_thread(shutil.copyfileobj, given.file, held, 1 << 20)
            return Arrival((given.filename or "")[:200], given.size, held)
    except TimeoutError as error:
        raise Invalid("web.body-slow", seconds=UPLOAD_S) from error
    except OSError as error:
        raise Unavailable("store.full", path=str(visit.node.twins.scratch)) from error
    except (HTTPException, MultiPartException, UnicodeDecodeError) as error:
        raise Invalid("web.form-malformed") from error
