"""A machine asked for something by hand: what it is at, the new value, a look at both before it goes, what came of it.

Rule 1: two steps: the first only shows what would be sent, the second sends it. Reading needs but one.
Rule 2: what came of it stands in the address by the command's name and is read from the floor book: looking again, or
        in another language, sends nothing.
Not here: asking (``engine/commands/operating.py``), what is shown (``engine/views/operating.py``).
"""

import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from weft.basis.errors import Refused, WeftError
from weft.doors.console.visit import FLASH, Visit
from weft.locale import formats


async def page(visit: Visit) -> Response:
    """One operation, at the step that the address says."""
    address = visit.named("shell")
    asked = {"sm": visit.asked("sm")[:12_000], "at": visit.asked("at")[:2000], "open": visit.asked("open")[:2000]}
    wanted, done, fresh = visit.asked("value")[:2000], visit.asked("done")[:400], visit.asked("fresh")[:1]
    view = await visit.view("twin-operation", submodel=asked["sm"], at=asked["at"], wanted=wanted, done=done,
                            fresh=fresh)
    here = f"/twins/{address}/operate?{urlencode(asked)}"
    if visit.failed:
        visit.failed = replace(visit.failed, error=_named(visit, view, visit.failed.error))
    wrong = visit.error(_named(visit, view, Refused(view.wrong, **view.wrong_facts))) if view.wrong else ""
    step = _step(visit, view)
    if step == "told":
        visit.request.cookies.pop(FLASH, None)  # the outcome itself is told below, and may be that nobody knows it
    response = await visit.page(
        "twin_operate.html", tab="twins", own_errors=True, view=view, step=step, wrong=wrong, asked=asked, here=here,
        then=f"{here}&done={{command}}", back=f"/twins/{address}?{urlencode({'open': asked['open']})}",
        name=visit.asked("name")[:60] or secrets.token_urlsafe(12), settle=f"/machines/{quote(view.machine, safe='')}",
        form="machine-operate", wanted=wanted, options=[(one, one) for one in view.allowed])
    if step == "told":
        response.delete_cookie(FLASH)
    return response


def _named(visit: Visit, view: Any, error: WeftError) -> WeftError:
    """``error`` with the words of people for property, unit and machine."""
    first, second = (view.zh, view.en) if visit.lang == "zh" else (view.en, view.zh)
    words = {"property": view.label, "unit": formats.unit(visit.lang, view.unit) if view.unit else "",
             "machine": first or second or view.title}
    return Refused(error.code, **{name: words.get(name) or fact for name, fact in error.facts.items()})


def _step(visit: Visit, view: Any) -> str:
    """What the page is about: an outcome, a value that was read, a last look before it is sent, or what to send."""
    if view.told is not None:
        return "told"
    if view.what == "read":
        return "read"
    if view.what == "write":
        return "sure" if visit.asked("value") and (not view.wrong or visit.failed) else "what"
    return "sure" if view.due is not None or view.what == "call" else "what"
