"""Language, paired devices, what the node does by itself, and how it is."""

import msgspec
from starlette.responses import Response

from weft.doors.console.visit import Visit

SHOWN_RULES = ("quote", "order", "change", "subcontract", "despatch", "receive")


async def page(visit: Visit) -> Response:
    """Settings; rules are read here and changed in weft.toml."""
    rules = msgspec.structs.asdict(visit.node.config.rules)
    return await visit.page(
        "settings.html", tab="settings", live="peer", rules=[(name, rules[name]) for name in SHOWN_RULES],
        health=await visit.view("health"))
