"""Twins that were deleted and of which former states are kept still; what was erased for good, with its receipts.

Not here: the erasure (``engine/twins/erasing.py``).
"""

from typing import Any, Final

import msgspec

from weft.engine.twins.erasing import Receipt, receipts
from weft.engine.twins.ports import Gone
from weft.engine.views.shape import View

SHOWN: Final = 100


class DeletedTwin(View, frozen=True, kw_only=True):
    """One twin that was deleted ``at`` this instant; so many ``states`` of it, of ``size`` bytes, are kept."""

    id: str
    kind: str
    name: str
    at: str
    states: int
    size: int


class DeletedView(View, frozen=True, kw_only=True):
    """``days``: how long what was deleted is kept; ``after`` leads on, "" at the end."""

    twins: tuple[DeletedTwin, ...]
    receipts: tuple[Receipt, ...]
    days: int
    after: str = ""


async def twin_deleted(node: Any, after: str = "") -> DeletedView:
    """Those behind ``after`` (kind and id with a blank between)."""
    kind, _, name = after.partition(" ")
    found = list(await node.twins.store.deleted((kind, name) if name else None, SHOWN + 1))
    rows = [await _row(node, one) for one in found[:SHOWN]]
    return DeletedView(twins=tuple(rows), receipts=tuple((await receipts(node))[:SHOWN]),
                       days=node.config.twins.deleted_days,
                       after=f"{rows[-1].kind} {rows[-1].id}" if len(found) > SHOWN else "")


async def _row(node: Any, one: Gone) -> DeletedTwin:
    """With the name that it had last."""
    rows = await node.twins.store.history(one.kind, one.id, one.revision, 1)
    body = rows[0].body if rows else b""
    name = msgspec.json.decode(body).get("idShort", "") if body else ""
    return DeletedTwin(id=one.id, kind=one.kind, name=str(name), at=one.at, states=one.states, size=one.size)
