"""How an item is made: each operation with its note, its drawing and its piece rate.

Not here: routings as a table (``stock.py``, import), what a worker sees of it (``work.py``).
"""

from urllib.parse import quote

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.views.wages import today


async def page(visit: Visit) -> Response:
    """One routing."""
    item = visit.named("item")
    return await visit.page("routing.html", tab="stock", view=await visit.view("routing", item=item), own_errors=True,
                            names=await item_names(visit), here=f"/routings/{quote(item, safe='')}",
                            today=today(visit.node))
