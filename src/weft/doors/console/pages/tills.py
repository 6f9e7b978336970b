"""Tills: what each sold today, what waits for a word, and one slip as it is printed.

Rule 1: what is typed from the recovery sheet to let a till in or go is not shown again.
Not here: the till itself (``doors/till``), what may be done (``engine/commands/tills.py``).
"""

from typing import Any, Final

from starlette.responses import Response

from weft import web
from weft.basis.errors import WeftError
from weft.doors.console import forms
from weft.doors.console.visit import HEADERS, Failed, Flash, Visit
from weft.engine import commands

WITH_SHEET: Final = frozenset({"till-let-in", "till-let-go"})


async def page(visit: Visit) -> Response:
    """All tills."""
    return await visit.page("tills.html", tab="tills", live="till", view=await visit.view("tills"), own_errors=True,
                            leaving=visit.asked("go")[:60], counting=visit.asked("doubt")[:60])


async def slips(visit: Visit) -> Response:
    """Slips of a till or day, page by page."""
    till, day = visit.asked("till")[:60], visit.asked("day")[:10]
    view = await visit.view("slips", till=till, day=day, before=visit.asked("before")[:12])
    return await visit.page("till_slips.html", tab="tills", live="till", view=view, till=till, on_day=day,
                            tills=(await visit.view("tills")).tills)


async def slip(visit: Visit) -> Response:
    """One slip, with its code, to be looked at and printed."""
    return await visit.page("till_slip.html", tab="tills", live=None, view=await visit.view(
        "slip", hash=visit.named("slip")))


async def slip_file(visit: Visit) -> Response:
    """One slip and all that speaks for its price, to be kept or handed on."""
    told = await visit.view("slip-file", hash=visit.named("slip"))
    return Response(told.file, media_type="application/json", headers={
        **HEADERS, "content-disposition": f'attachment; filename="{told.name}"'})


async def with_sheet(visit: Visit) -> Response:
    """Let a till in, or let it go, with the key in force."""
    typed = await forms.read(visit.request)
    fields: dict[str, Any] = {name: value.strip() for name, value in typed.shown.items() if value.strip()}
    name = "till-let-go" if "till" in fields else "till-let-in"
    device = visit.request.state.device
    try:
        await commands.run(visit.node, name, fields, "", device.scope if device is not None else web.OWNER)
    except WeftError as error:
        shown = {name: value for name, value in fields.items() if name != "sheet"}
        visit.failed, visit.status = Failed(name, error, shown), web.status_of(error)
        return await visit.page("tills.html", tab="tills", live=None, view=await visit.view("tills"), own_errors=True,
                                leaving=str(fields.get("till", "")), counting="")
    return visit.go("/tills", Flash(name))
