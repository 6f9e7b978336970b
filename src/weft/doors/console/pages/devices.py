"""My devices and my recovery sheet: who may come in and sign, and the paper that is stronger than all of them.

Rule 1: the sheet is shown on the owner's word only, never behind a link, and never to a worker's device; what is typed
        from it is not shown again.
Not here: tokens (``engine/devices.py``), keys (``engine/keys.py``).
"""

from typing import Any, Final

from starlette.responses import Response

from weft import web
from weft.basis.errors import NotFound, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import Failed, Flash, Visit
from weft.engine import commands
from weft.identity import sheet

LETTING_GO: Final = "revoke"  # the first of two steps


async def page(visit: Visit) -> Response:
    """My devices."""
    flash = visit.flash()
    code = flash.facts.get("code", "") if flash else ""
    device = visit.request.state.device
    return await visit.page(
        "devices.html", tab="settings", live="peer", view=await visit.view("devices"), code=code,
        pair_link=f"{visit.base}/pair?code={code}", own_device=device.id if device else "",
        asked=visit.asked(LETTING_GO)[:60])


async def paper(visit: Visit) -> Response:
    """My recovery sheet: what it is and how it stands; not yet the keys."""
    return await visit.page("sheet.html", tab="settings", view=await visit.view("devices"), keys=[], own_errors=True)


async def shown(visit: Visit) -> Response:
    """The sheet itself, to be printed."""
    typed = await forms.read(visit.request)
    if typed.shown.get("alone") != "yes":
        return visit.go("/sheet")
    seeds = sheet.seeds_in(visit.node.paper.read()) if visit.node.paper.read() else []
    if len(seeds) != len(("present", "following")):
        raise NotFound("paper.none")
    rows = [(name, sheet.rows(seed)) for name, seed in zip(("present", "following"), seeds, strict=True)]
    return await visit.page("sheet.html", tab="settings", view=await visit.view("devices"), keys=rows, own_errors=True,
                            organisation=visit.node.organisation)


async def with_paper(visit: Visit) -> Response:
    """What needs the sheet: rotate, or let go of a device that signs."""
    typed = await forms.read(visit.request)
    fields: dict[str, Any] = {name: value for name, value in typed.shown.items() if value}
    name = "revoke-key" if "key" in fields else "rotate-keys"
    device = visit.request.state.device
    try:
        await commands.run(visit.node, name, fields, "", device.scope if device is not None else web.OWNER)
    except WeftError as error:
        visit.failed, visit.status = Failed(name, error, {}), web.status_of(error)
        visit.request.scope["path"] = "/devices" if name == "revoke-key" else "/sheet"
        return await (page if name == "revoke-key" else paper)(visit)
    return visit.go("/devices" if name == "revoke-key" else "/sheet", Flash(name))
