"""Carried by hand: a file for each partner to take along, and a place to drop the file that a partner gave us.

Rule 1: a file goes out by a button, never by a link, so that no preview takes it; coming in twice is once.
Not here: what is in the file (``engine/bundles.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft import web
from weft.basis.errors import Invalid, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import HEADERS, Failed, Flash, Visit
from weft.engine import bundles
from weft.thread.bundle import BYTES_MAX

UPLOAD_S: Final = 600  # how long a file may take to arrive
FORM_BYTES_MAX: Final = 64 * 1024  # all around the file
ORDERS_SHOWN: Final = 12
STEP: Final = 256 * 1024


async def page(visit: Visit) -> Response:
    """What could be carried to whom, and where to drop what was brought."""
    flash = visit.flash()
    threads = flash.facts.get("orders", "").split() if flash else []
    view = await visit.view("carry")
    return await visit.page("carry.html", tab="partners", live="relationship order", view=view, own_errors=True,
                            chosen=visit.asked("partner")[:60], news=await _cards(visit, threads))


async def _cards(visit: Visit, threads: list[str]) -> list[Any]:
    """The orders of ``threads`` as the board shows them."""
    columns = (await visit.view("orders")).columns if threads else ()
    return [card for column in columns for card in column.cards if card.thread in threads]


async def out(visit: Visit) -> Response:
    """The file for one partner."""
    typed = await forms.read(visit.request)
    try:
        peer = await bundles.find(visit.node, typed.shown.get("partner", "")[:80])
        pieces = await bundles.export(visit.node, peer)
    except WeftError as error:
        return await _again(visit, "carry-out", error)
    name = quote(bundles.file_name(visit.node, peer))
    return StreamingResponse(pieces, media_type="application/octet-stream", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})


async def come_in(visit: Visit) -> Response:
    """Take in the file that was dropped, and say what it brought."""
    try:
        report = await _taken(visit)
    except WeftError as error:
        return await _again(visit, "carry-in", error)
    orders = [one.thread for one in report.threads if one.new and one.machine.startswith("order/")][:ORDERS_SHOWN]
    word = "carried-waiting" if report.waiting else "carried" if report.new else "carried-nothing"
    return visit.go("/carry", Flash(word, {
        "partner": report.name or report.by[:8], "n": str(report.new), "waiting": str(report.waiting),
        "orders": " ".join(orders)}))


async def _taken(visit: Visit) -> bundles.Report:
    request = visit.request
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared[:15]) > BYTES_MAX + FORM_BYTES_MAX:
        raise Invalid("web.body-too-large", limit=BYTES_MAX)
    try:
        async with (asyncio.timeout(UPLOAD_S),
                    request.form(max_files=1, max_fields=10, max_part_size=FORM_BYTES_MAX) as form):
            file = form.get("content@file")
            if not isinstance(file, UploadFile) or not file.size:
                raise Invalid("bundle.no-file")
            return await bundles.import_(visit.node, _pieces(file))
    except TimeoutError as error:
        raise Invalid("web.body-slow", seconds=UPLOAD_S) from error
    except (HTTPException, MultiPartException, UnicodeDecodeError) as error:
        raise Invalid("web.form-malformed") from error


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(STEP):
        yield piece


async def _again(visit: Visit, form: str, error: WeftError) -> Response:
    visit.failed, visit.status = Failed(form, error, {}), web.status_of(error)
    visit.request = Request({**visit.request.scope, "path": "/carry", "raw_path": b"/carry", "query_string": b""})
    return await page(visit)
