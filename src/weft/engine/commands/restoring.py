"""After a backup was restored: go on without a partner that cannot be heard any more.

Not here: fetching back what was said (``engine/restored.py``).
"""

from weft.basis.errors import NotFound
from weft.engine import restored
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.pricelog import back
from weft.engine.reactions.offering import partner_id


class RestoredGoOn(Params, frozen=True, kw_only=True):
    """``partner``: who is gone; what we said to it since the backup will not come back."""

    partner: str


async def go_on(node: Node, params: RestoredGoOn, _key: str) -> Done:
    """Speak to ``partner`` again without having heard what we said since the backup."""
    organisation = params.partner if params.partner in node.unheard else partner_id(node, params.partner)
    waited = await back.without(node, organisation)
    if organisation not in node.unheard and not waited:
        raise NotFound("restored.nobody")
    if organisation in node.unheard:
        await restored.heard(node, organisation)
    return Done(facts={"organisation": organisation})
