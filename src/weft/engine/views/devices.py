"""Devices: who is let in, who may sign for the firm, and how it stands with the recovery sheet.

Rule 1: no secret is in a view: neither tokens nor keys of the sheet.
Not here: pages (``doors/console``), what devices may do (``identity/scopes.py``).
"""

from typing import Any

from weft.engine import keys
from weft.engine.devices import PARTNER, Device
from weft.engine.papers import state_of_sheet
from weft.engine.twins.access import Access, program
from weft.engine.twins.guarded import CHANGING
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View


class PairedRow(View, frozen=True, kw_only=True):
    """A paired phone, tablet or program; ``partner``: whose program it is ("" ours).

    ``may`` is the scope, for programs with what the access rules give: client-all, client-changes, client-reads,
    client-nothing, partner, partner-changes.
    """

    id: str
    name: str
    scope: str
    may: str
    paired_ms: int
    seen_ms: int
    partner: str = ""
    partner_name: str = ""
    person: str = ""


class KeyRow(View, frozen=True, kw_only=True):
    """A device with a key of its own; ``here``: this machine."""

    key: str
    name: str
    scope: str
    revoked: bool
    here: bool


class DevicesView(View, frozen=True, kw_only=True):
    """``sheet_waiting``: a recovery sheet lies on this machine; ``sheet_kept_ms``: when it was put away (0: never)."""

    paired: tuple[PairedRow, ...]
    keys: tuple[KeyRow, ...]
    sheet_waiting: bool
    sheet_kept_ms: int


async def devices(node: Any) -> DevicesView:
    """Everything that speaks for the firm."""
    held = await node.keys(node.organisation)
    names = {key: name.decode() for key, name in await node.store.values(keys.NAMES)}
    sheet = await state_of_sheet(node, node.paper)
    here = node.identity.signer.public
    partners = await partner_names(node)
    return DevicesView(
        paired=tuple([PairedRow(
            id=one.id, name=one.name, scope=one.scope, may=await _may(node, one), paired_ms=one.paired_ms,
            seen_ms=one.seen_ms, partner=one.partner, partner_name=partners(one.partner) if one.partner else "",
            person=one.person)
            for one in await node.devices.all() if not one.key]),  # tills have a page of their own
        keys=tuple(KeyRow(key=key, name=names.get(key, ""), scope=one.scope, revoked=one.revoked, here=key == here)
                   for key, one in held.devices.items()),
        sheet_waiting=sheet["waiting"], sheet_kept_ms=sheet["kept_ms"])


async def _may(node: Any, one: Device) -> str:
    """What ``one`` may do, as the rules that decide say it now."""
    if one.scope not in ("client", PARTNER):
        return one.scope
    sight = await Access(node).sight(program(one.name, one.partner))
    if one.scope == PARTNER:
        return f"{PARTNER}-changes" if sight.gives(CHANGING) else PARTNER
    if sight.everything():
        return "client-all"
    return "client-changes" if sight.gives(CHANGING) else "client-reads" if sight.gives(("READ",)) else "client-nothing"
