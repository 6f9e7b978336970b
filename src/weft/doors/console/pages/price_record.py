"""The price record: who has seen ours, and whose we have seen.

Not here: price books (``prices.py``), what is proved of one price (``proofs.py``), audits (``audits.py``).
"""

from typing import Final

from starlette.responses import Response

from weft.doors.console.visit import Visit
from weft.engine.memory import PRICE_LOG

LIVE: Final = "price-log price-followed pricing relationship"
WHY: Final = frozenset({"pricelog.no-witness", "pricelog.refused"})


async def page(visit: Visit) -> Response:
    """Our record with those who have seen it, and partners' records as we have seen them."""
    alarms = {name.removeprefix(PRICE_LOG) for name in visit.node.alarms if name.startswith(PRICE_LOG)}
    return await visit.page("price_record.html", tab="prices", live=LIVE, ours=await visit.view("price-log"),
                            theirs=await visit.view("price-witnesses"), alarms=alarms, told_why=WHY,
                            invited=bool(visit.node.partners))
