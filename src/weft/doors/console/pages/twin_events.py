"""Who is told of changes of the twins without asking: how each stands, a test, a pause, and one more.

Rule 1: a secret is shown once, right after it was made.
Not here: delivery (``engine/twins/delivering.py``), pages and streams for who asks (``doors/aas``).
"""

from typing import Any

from starlette.responses import Response

from weft.doors.console.visit import Visit
from weft.locale import known


async def page(visit: Visit) -> Response:
    """All of them."""

    def why(one: Any) -> str:
        """What is in the way, as a sentence."""
        key = f"error.{one.code}"
        return visit.text(key, **one.facts) if known(visit.lang, key) else visit.text("error.unnamed", code=one.code)

    return await visit.page("twin_events.html", tab="twins", live="twin-events", own_errors=True, why=why,
                            view=await visit.view("twin-events"))
