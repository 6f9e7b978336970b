"""How the links to all machines do, in words: since when, last heard, gaps, bad values, and what to do.

Not here: what machines make (``making.py``), connecting one (``connecting.py``).
"""

from typing import Any, Final

from starlette.responses import Response

from weft.basis import instant
from weft.basis.errors import Refused
from weft.doors.console.visit import Visit
from weft.locale import formats
from weft.shopfloor import remedies

AGAIN_S: Final = 2
CLEAR: Final = frozenset({"refused", "silent", "name"})  # of these the machine's own word says no more


async def page(visit: Visit) -> Response:
    """All connections, those that need somebody first."""
    view = await visit.view("connections")
    return await visit.page(
        "connections.html", tab="machines", live="floor connecting", again=str(AGAIN_S), view=view, own_errors=True,
        told=[(one, _state(visit, one), _error(visit, one), _raw(one)) for one in view.connections],
        heard=_ago(visit), why=_why,
        log_in=("login", "login-wanted"))


def _ago(visit: Visit) -> Any:
    return lambda ms: formats.ago(visit.lang, instant.from_ms(ms), visit.now_ms)


def _state(visit: Visit, one: Any) -> str:
    since = formats.day_clock(visit.lang, instant.from_ms(one.since_ms), visit.zone) if one.since_ms else ""
    return visit.text(f"connection.{one.state}" if since or one.state in {"fault", "never"} else "connection.never",
                      since=since)


def _error(visit: Visit, one: Any) -> str:
    """The last error as a sentence, if it is one of ours; else the device's own word."""
    if one.fault is None:
        plain = one.remedy in CLEAR or not one.error
        return "" if plain else visit.text("connection.error", detail=visit.reason(one.error))
    return visit.error(Refused(one.fault.code, **one.fault.facts))


def _raw(one: Any) -> str:
    """The last error as the machine or the operating system put it, where our word stands in its place."""
    told = str(one.fault.facts.get("detail", "")) if one.fault else one.error
    return remedies.own_word(told)


def _why(one: Any) -> str:
    """The device's own word, where ours says less."""
    return one.detail if one.why == "other" else ""
