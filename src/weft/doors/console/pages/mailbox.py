"""The mailbox: where our mail is kept while nobody can reach us, mail that we left for others, and what we keep."""

from starlette.responses import Response

from weft.doors.console.visit import Visit
from weft.locale import known


async def page(visit: Visit) -> Response:
    """All mail of this node."""
    return await visit.page("mailbox.html", tab="partners", live="mailbox peer", view=await visit.view("mailbox"),
                            own_errors=True, fault=lambda code: fault(visit, code))


def fault(visit: Visit, code: str) -> str:
    """What is wrong with a keeper, in a few words."""
    key = f"mailbox.fault.{code.partition('.')[2]}"
    return visit.text(key if known(visit.lang, key) else "mailbox.fault.other")
