"""Devices: who is let in, who may sign for the firm, and how it stands with the recovery sheet.

Rule 1: no secret is in a view: neither tokens nor keys of the sheet.
Not here: pages (``doors/console``), what devices may do (``identity/scopes.py``).
"""

from typing import Any

from weft.engine import keys
from weft.engine.papers import state_of_sheet
from weft.engine.views.shape import View


class PairedRow(View, frozen=True, kw_only=True):
    """A paired phone, tablet or program."""

    id: str
    name: str
    scope: str
    paired_ms: int
    seen_ms: int


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
    return DevicesView(
        paired=tuple(PairedRow(id=one.id, name=one.name, scope=one.scope, paired_ms=one.paired_ms, seen_ms=one.seen_ms)
                     for one in await node.devices.all() if not one.key),  # tills have a page of their own
        keys=tuple(KeyRow(key=key, name=names.get(key, ""), scope=one.scope, revoked=one.revoked, here=key == here)
                   for key, one in held.devices.items()),
        sheet_waiting=sheet["waiting"], sheet_kept_ms=sheet["kept_ms"])
