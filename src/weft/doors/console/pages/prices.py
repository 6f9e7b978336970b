"""Price books in force, and publishing a new version."""

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit


async def page(visit: Visit) -> Response:
    """All published books."""
    return await visit.page("prices.html", tab="prices", live="pricing", view=await visit.view("prices"),
                            names=await item_names(visit), own_errors=True)
