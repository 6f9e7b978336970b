"""What others see of our twins: the windows of our orders, programs, what the firm's own rules show, and the rules.

Not here: what rules mean (``twin/access``), letting programs go (``devices.py``).
"""

import json
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Invalid, WeftError
from weft.doors.console import forms
from weft.doors.console.visit import Failed, Flash, Visit
from weft.engine import commands

RULES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 64


async def page(visit: Visit) -> Response:
    """All windows, or (``partner``) what one partner sees."""
    view = await visit.view("twin-access", partner=visit.asked("partner")[:200])
    document = json.dumps(view.document, ensure_ascii=False, indent=1)
    return await visit.page("shown.html", tab="settings", live="order", own_errors=True, view=view, document=document)


async def rules(visit: Visit) -> Response:
    """The rules in the file that was brought hold from now on, if nothing is wrong with them."""
    try:
        typed = await forms.read(visit.request, RULES_MAX)
        brought = next((value for _, value in typed.fields if isinstance(value, bytes) and value), None)
        if brought is None:
            raise Invalid("twin.no-file")
        document = web.from_json(brought, dict[str, object], DEPTH_MAX)
        await commands.run(visit.node, "twin-rules", {"document": document}, typed.own.get("key", ""))
    except WeftError as error:
        visit.failed, visit.status = Failed("rules", error, {}), web.status_of(error)
        visit.request = Request({**visit.request.scope, "path": "/shown", "raw_path": b"/shown", "query_string": b""})
        return await page(visit)
    return visit.go("/shown", Flash("twin-rules", {}))
