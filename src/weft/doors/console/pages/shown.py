"""What others see of our twins: the windows of our orders, what the firm's own rules show, and what nobody sees."""

from starlette.responses import Response

from weft.doors.console.visit import Visit


async def page(visit: Visit) -> Response:
    """All windows, or (``partner``) what one partner sees."""
    return await visit.page("shown.html", tab="settings", live="order",
                            view=await visit.view("twin-access", partner=visit.asked("partner")[:200]))
