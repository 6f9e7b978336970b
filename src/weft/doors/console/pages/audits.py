"""Audits: what was asked of us, what we asked of a seller, what was found, and what a sample can miss.

Rule 1: what is opened for an auditor goes out by a button, never by a link, and sealed for that auditor alone.
Not here: how an audit goes on (``engine/pricelog/audits.py``), the words of the command line (``weft.cli``).
"""

from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Invalid, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import HEADERS, Failed, Flash, Visit
from weft.engine.pricelog import audits
from weft.engine.till import export

DAYS: Final = (0, 30, 90, 365)
SHOWN: Final = 100  # documents of one audit on its page
LIVE: Final = "price-followed"


async def page(visit: Visit) -> Response:
    """All audits, and whom one could audit."""
    view = await visit.view("price-audits")
    return await visit.page(
        "audits.html", tab="prices", live=LIVE, view=view, own_errors=True,
        firms=[(one.organisation, one.name) for one in view.firms],
        openings=[(str(count), visit.text("audits.documents", n=count)) for count in view.counts],
        spans=[(str(days), visit.text(f"audits.days.{'n' if days else 'all'}", n=days)) for days in DAYS])


async def one(visit: Visit) -> Response:
    """One audit: where it stands, who decides the draw, what was found."""
    view = await visit.view("price-audit", name=visit.named("audit")[:60])
    return await visit.page("audit.html", tab="prices", live=LIVE, view=view, row=view.row, shown=SHOWN,
                            own_errors=True)


async def plan_file(visit: Visit) -> Response:
    """The plan, for the seller: it names nobody's business."""
    name = visit.named("audit")[:60]
    return _file(await audits.plan_of(visit.node.store, name), f"weft-audit-{name[:8]}-plan.json")


async def result_file(visit: Visit) -> Response:
    """The signed result, for whoever buys from the seller."""
    name = visit.named("audit")[:60]
    return _file(await audits.result_of(visit.node.store, name), f"weft-audit-{name[:8]}-result.json")


async def opened(visit: Visit) -> Response:
    """What a plan draws from our own record, sealed for its auditor."""
    typed = await forms.read(visit.request, forms.STRANGERS_BYTES_MAX)
    name = typed.shown.get("audit", "")[:60]
    try:
        data = await audits.answer(visit.node, name, export.export)
    except WeftError as error:
        return await _again(visit, f"/prices/audits/{name}", {"audit": name}, Failed("audit-open", error, {}))
    return _file(data, f"weft-audit-{name[:8]}-answer.json")


async def come_in(visit: Visit) -> Response:
    """Take in the file that was dropped, whichever it is."""
    try:
        typed = await forms.read(visit.request, audits.FILE_BYTES_MAX)
        data = next((value for name, value in typed.fields if name == "content@file" and isinstance(value, bytes)), b"")
        if not data:
            raise Invalid("bundle.no-file")
        kind, name = await audits.take_in(visit.node, data)
    except WeftError as error:
        return await _again(visit, "/prices/audits", {}, Failed("audit-in", error, {}))
    return visit.go("/prices/audits" if kind == "result" else f"/prices/audits/{quote(name)}", Flash(f"audit-{kind}"))


def _file(data: bytes, name: str) -> Response:
    return Response(data, media_type="application/octet-stream", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"})


async def _again(visit: Visit, address: str, named: dict[str, str], failed: Failed) -> Response:
    """The page that the form stood on, with what was wrong."""
    visit.failed, visit.status = failed, web.status_of(failed.error)
    visit.request = Request({**visit.request.scope, "path": address, "raw_path": address.encode(), "query_string": b"",
                             "path_params": named})
    return await (one(visit) if named else page(visit))
