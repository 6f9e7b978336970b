"""An alarm: what happened, what it means, whom to call, the file that proves it, and going on once it is settled.

Rule 1: the file goes out by a button, never by a link; going on takes an answer to a question besides the button.
Not here: what is in the file (``engine/packs.py``).
"""

from urllib.parse import quote

from starlette.responses import Response

from weft import web
from weft.basis.errors import NotFound, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import HEADERS, Failed, Visit
from weft.engine import packs
from weft.engine.memory import PRICE_LOG
from weft.engine.pricelog import known
from weft.engine.views.alarms import alarm


async def page(visit: Visit) -> Response:
    """One alarm."""
    return await visit.page("alarm.html", tab="today", own_errors=True,
                            view=await alarm(visit.node, visit.named("name")))


async def evidence(visit: Visit) -> Response:
    """All that both have signed in a conversation with an alarm, with the proof, as one file."""
    typed = await forms.read(visit.request)
    name = typed.shown.get("alarm", "")[:80]
    try:
        view = await alarm(visit.node, name)
        if not view.proof:
            raise NotFound("thread.unknown")
        if name.startswith(PRICE_LOG):
            data, ending = await known.red(visit.node.store, view.partner) or b"", "price-fork.json"
        else:
            data, ending = await packs.pack(visit.node.store, view.proof, lambda _kind, _slot: False), "weft-pack"
    except WeftError as error:
        visit.failed, visit.status = Failed("evidence", error, {}), web.status_of(error)
        return visit.plain("wrong.html", visit.status, words=visit.error(error))
    told = f"weft-{view.partner_name or view.partner[:8]}-{visit.zone.day(visit.now_ms)}.{ending}"
    return Response(data, media_type="application/octet-stream", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(told)}"})
