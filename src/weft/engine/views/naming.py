"""Names of partners by their organisation's id, as their relationship threads have them."""

from collections.abc import Callable
from typing import Any

from weft.trade.relationship_state import RelationshipState


async def partner_names(node: Any) -> Callable[[str], str]:
    """A function from an organisation to its name; "" for ourselves and for nobody, a short id for a stranger."""
    names: dict[str, str] = {}
    for thread in node.threads("relationship"):
        state: RelationshipState = await node.state(thread)
        names.update({who: party.name for who, party in state.parties.items()})

    def name(organisation: str) -> str:
        if not organisation or organisation == node.organisation:
            return ""
        return names.get(organisation, "") or organisation[:8]

    return name
