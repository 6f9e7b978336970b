"""Partners: invite, join, accept; and what each owes the other (对账)."""

from starlette.responses import Response

from weft.basis import instant
from weft.doors.console.visit import Visit
from weft.engine.commands import COMMANDS
from weft.engine.views.alarms import over
from weft.engine.views.mailbox import left_for
from weft.locale import formats


async def page(visit: Visit) -> Response:
    """All partners."""
    return await visit.page("partners.html", tab="partners", live="relationship", view=await visit.view("partners"),
                            link=visit.asked("link")[:2000], own_errors=True,
                            can=lambda name: name in COMMANDS)


async def one(visit: Visit) -> Response:
    """One partner: bills, statements, payments."""
    view = await visit.view("partner", thread=visit.named("thread"))
    return await visit.page(
        "partner.html", tab="partners", live="relationship order mailbox", view=view, own_errors=True,
        alarms=await over(visit.node, view.thread), mail=await left_for(visit.node, view.organisation),
        month=formats.local_day(instant.from_ms(visit.now_ms), visit.zone)[:7])
