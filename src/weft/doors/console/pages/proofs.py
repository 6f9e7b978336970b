"""What is proved of a price: the page of one document, the file to take away, and what no proof can show."""

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from weft.doors.console.visit import HEADERS, Visit

SHOWS: Final = ("rule", "before", "denial", "counter", "complete")
NOT: Final = ("reasonable", "rebates", "service", "attributes", "collusion", "identities")


async def page(visit: Visit) -> Response:
    """The steps of the check of one document."""
    view = await visit.view("price-proof", thread=visit.named("thread"), document=visit.asked("document")[:60])
    return await visit.page("proof.html", tab="partners" if view.place == "relationship" else "orders",
                            live="price-checked relationship order", view=view, home=_home(visit), mine=_mine(view),
                            over=await _over(visit, view))


async def file(visit: Visit) -> Response:
    """The same as a file that anybody can check."""
    view = await visit.view("price-evidence", thread=visit.named("thread"), document=visit.asked("document")[:60])
    return Response(view.file, media_type="application/json", headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(view.name)}"})


async def limits(visit: Visit) -> Response:
    """What a proof shows, and what it does not."""
    return await visit.page("proof_limits.html", tab="prices", shows=SHOWS, shows_not=NOT)


def _home(visit: Visit) -> str:
    """The page that the document stands on."""
    return visit.request.url.path.rsplit("/", 1)[0]


async def _over(visit: Visit, view: Any) -> Any:
    """What is billed too much with this bill and others together: no single price shows it."""
    if view.place != "relationship":
        return None
    return (await visit.view("partner", thread=view.thread)).over.get(view.document)


def _mine(view: Any) -> list[Any]:
    """What is to be told besides the one sentence."""
    return [one for one in view.findings if one.code != view.said]
