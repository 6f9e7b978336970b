"""Today: what to answer, what is late, what came in; and the menu behind it."""

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit


async def page(visit: Visit) -> Response:
    """The first page of the day."""
    return await visit.page("today.html", tab="today", live="", view=await visit.view("today"),
                            names=await item_names(visit))


async def more(visit: Visit) -> Response:
    """What the bar of a phone has no room for."""
    return await visit.page("more.html", tab="more")
