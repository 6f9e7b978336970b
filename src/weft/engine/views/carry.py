"""What could be carried by hand: for each partner, what a bundle to it would hold now.

Not here: making and taking in bundles (``engine/bundles.py``).
"""

from typing import Any

from weft.engine import bundles
from weft.engine.views.partners import partners
from weft.engine.views.shape import View


class CarryRow(View, frozen=True, kw_only=True):
    """One partner: ``waiting`` messages for it, ``confirming`` conversations of which it waits for our word.

    ``sealable``: we know a key of it, without which no bundle can be made.
    """

    thread: str
    organisation: str
    name: str
    waiting: int = 0
    confirming: int = 0
    sealable: bool = True


class CarryView(View, frozen=True, kw_only=True):
    """All partners, those first for whom there is something."""

    partners: tuple[CarryRow, ...]


async def carry(node: Any) -> CarryView:
    """What there is to be carried to each partner."""
    rows: dict[str, CarryRow] = {}
    for one in (await partners(node)).partners:
        if one.state in ("ended", "declined") or one.organisation in rows:
            continue
        waiting, confirming = await bundles.waiting(node, one.organisation)
        rows[one.organisation] = CarryRow(
            thread=one.thread, organisation=one.organisation, name=one.name, waiting=waiting, confirming=confirming,
            sealable=await bundles.sealable(node, one.organisation))
    return CarryView(partners=tuple(sorted(rows.values(), key=lambda row: (not row.waiting, not row.confirming))))
