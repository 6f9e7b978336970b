"""The price record: who has seen ours, and whose we have seen.

Not here: price books (``prices.py``), what is proved of one price (``proofs.py``), audits (``audits.py``).
"""

from typing import Final

from starlette.responses import Response

from weft.doors.console.visit import Visit
from weft.engine.memory import PRICE_LOG

LIVE: Final = "price-log price-followed pricing relationship"
DAY_MS: Final = 86_400_000  # the newest entries are confirmed by and by: so long that is nothing to worry about
WHY: Final = frozenset({"pricelog.no-witness", "pricelog.refused"})


async def page(visit: Visit) -> Response:
    """Our record with those who have seen it, and partners' records as we have seen them."""
    ours = await visit.view("price-log")
    last_ms = max((one.at_ms for one in ours.partners), default=0)
    state = "behind" if ours.state == "alone" and visit.now_ms - last_ms < DAY_MS else ours.state
    alarms = {name.removeprefix(PRICE_LOG) for name in visit.node.alarms if name.startswith(PRICE_LOG)}
    return await visit.page("price_record.html", tab="prices", live=LIVE, ours=ours, state=state,
                            confirmed=sum(one.at_ms > 0 for one in ours.partners),
                            theirs=await visit.view("price-witnesses"), alarms=alarms, told_why=WHY,
                            invited=bool(visit.node.partners))
