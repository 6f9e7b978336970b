"""Phones, tablets, devices with keys, and the firm's own keys: let one in, let one go, rotate, put the sheet away.

Rule 1: keys typed in from the recovery sheet sign once and are neither kept nor told again.
Not here: the pages (``doors/console``), tokens (``engine/devices.py``), key logs (``engine/keys.py``).
"""

from weft.basis import instant
from weft.basis.errors import NotFound, Refused
from weft.engine import keys, papers
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.reactions.offering import partner_id
from weft.engine.till import pairing


class NewCode(Params, frozen=True, kw_only=True):
    """``scope``: owner, operator, worker, or client (a program); ``partner``: whose program it is, if not ours.

    ``person``: whose phone it is; what is reported with it is that person's work.
    """

    scope: str = "owner"
    partner: str = ""
    person: str = ""


async def new_code(node: Node, params: NewCode, _key: str) -> Done:
    """A code that pairs one device within ten minutes."""
    if not params.partner:
        return Done(facts={"code": await node.devices.new_code(params.scope, person=params.person)})
    return Done(facts={"code": await node.devices.new_code("partner", partner_id(node, params.partner))})


class NewProgram(Params, frozen=True, kw_only=True):
    """``name``: what it is called, in access rules too; ``partner``: whose program it is, if not ours."""

    name: str
    partner: str = ""


async def new_program(node: Node, params: NewProgram, _key: str) -> Done:
    """A program comes in with the token that is told, once."""
    partner = partner_id(node, params.partner) if params.partner else ""
    return Done(facts={"token": await node.devices.program(params.name, partner)})


class Revoke(Params, frozen=True, kw_only=True):
    """One paired device."""

    device: str


async def revoke(node: Node, params: Revoke, _key: str) -> Done:
    """The device comes in no more."""
    await node.devices.revoke(params.device)
    return Done()


class AddKey(Params, frozen=True, kw_only=True):
    """``key``: the public key of a till or line; ``scope``: till, line or node; ``sheet``: the firm's key in force."""

    key: str
    sheet: str
    scope: str = "till"
    name: str = ""


async def add_key(node: Node, params: AddKey, _key: str) -> Done:
    """A device with a key of its own may sign for the firm, within its scope."""
    await keys.add_device(node, await keys.hands(node, params.sheet), params.key, params.scope, params.name)
    return Done(facts={"key": params.key})


class RevokeKey(Params, frozen=True, kw_only=True):
    """``since``: when it was lost (instant); what partners had read of it before counts."""

    key: str
    sheet: str
    since: str = ""


async def revoke_key(node: Node, params: RevokeKey, _key: str) -> Done:
    """A device signs no more; beyond what counts, its words are void on every side."""
    since = instant.to_ms(params.since, "since") if params.since else None
    given = await keys.hands(node, params.sheet)
    await pairing.close_book(node, given, params.key, since=params.since)
    count = await keys.revoke_device(node, given, params.key, since)
    return Done(facts={"chains": count})


class Sheet(Params, frozen=True, kw_only=True):
    """``sheet``: the firm's next key as it stands on the recovery sheet."""

    sheet: str


async def rotate(node: Node, params: Sheet, _key: str) -> Done:
    """The next key comes into force; a new recovery sheet waits to be printed."""
    await keys.rotate(node, await keys.hands(node, params.sheet), node.paper,
                      keys.Firm(node.config.firm.name, node.config.firm.url))
    return Done()


class Kept(Params, frozen=True, kw_only=True):
    """``printed``: how many prints lie in different places."""

    printed: int = 2


async def kept(node: Node, params: Kept, _key: str) -> Done:
    """The recovery sheet is printed and locked away: it is taken off this machine."""
    if params.printed < 1:
        raise Refused("paper.not-printed")
    if not node.paper.read():
        raise NotFound("paper.none")
    await papers.keep(node, node.paper)
    return Done()
