"""Twins that were deleted: what is kept of them still, erasing it for good, and the receipts of that.

Not here: the erasure (``engine/twins/erasing.py``).
"""

from starlette.responses import Response

from weft.doors.console.visit import Visit


async def page(visit: Visit) -> Response:
    """The list, and the receipts."""
    view = await visit.view("twin-deleted", after=visit.asked("after")[:12_000])
    return await visit.page("twin_deleted.html", tab="twins", view=view)
