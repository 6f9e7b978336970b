"""Pick-ups: the counter where parcels of others are handed out, and the places where our buyers may fetch."""

from starlette.responses import Response

from weft.doors.console.visit import Visit


async def page(visit: Visit) -> Response:
    """What has come, what is to be handed out, what may come back; below, our own places."""
    return await visit.page("pickup.html", tab="pick-up", live="order", view=await visit.view("pick-ups"),
                            own_errors=True)
