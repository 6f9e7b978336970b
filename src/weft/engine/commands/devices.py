"""Phones and tablets: show a code that pairs one, let one go.

Not here: the page and the cookie (``doors/console``), tokens (``engine/devices.py``).
"""

from weft.engine.commands.params import Done, Params
from weft.engine.node import Node


class NewCode(Params, frozen=True, kw_only=True):
    """``scope``: owner, operator, or client (a program)."""

    scope: str = "owner"


async def new_code(node: Node, params: NewCode, _key: str) -> Done:
    """A code that pairs one device within ten minutes."""
    return Done(facts={"code": await node.devices.new_code(params.scope)})


class Revoke(Params, frozen=True, kw_only=True):
    """One paired device."""

    device: str


async def revoke(node: Node, params: Revoke, _key: str) -> Done:
    """The device comes in no more."""
    await node.devices.revoke(params.device)
    return Done()
