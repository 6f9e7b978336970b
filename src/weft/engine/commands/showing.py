"""What others may see of our twins: how long an order's window stays open, and the firm's own rules.

Not here: what they mean (``engine/twins/access``), who is asking (doors).
"""

from typing import Any

from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.twins.access import Access


class KeepOpen(Params, frozen=True, kw_only=True):
    """The window of one order; ``until``: an instant to come."""

    thread: str
    until: str


async def keep_open(node: Node, params: KeepOpen, _key: str) -> Done:
    """The buyer of this order sees its milestones and the lots sent to it until then."""
    await node.windows.keep_open(params.thread, params.until)
    return Done(thread=params.thread)


class Shut(Params, frozen=True, kw_only=True):
    """The window of one order."""

    thread: str


async def shut(node: Node, params: Shut, _key: str) -> Done:
    """The buyer of this order sees nothing of our twins through it any more."""
    await node.windows.shut(params.thread)
    return Done(thread=params.thread)


class Rules(Params, frozen=True, kw_only=True):
    """``document``: AllAccessPermissionRules of IDTA-01004; it takes the place of the one before."""

    document: dict[str, Any]


async def rules(node: Node, params: Rules, _key: str) -> Done:
    """Who may do what with our twins follows from these rules; the house itself is never shut out."""
    await Access(node).keep(params.document)
    return Done()


class RuleRemove(Params, frozen=True, kw_only=True):
    """The rule at ``place`` (from 0) of the document known by ``seen``, as the view ``twin-access`` tells it."""

    place: int
    seen: str


async def rule_remove(node: Node, params: RuleRemove, _key: str) -> Done:
    """One rule is taken out of those that the firm keeps; what it showed is shown no more."""
    await Access(node).remove(params.place, params.seen)
    return Done()
