"""Who is told of changes of the twins: to where, of which, how far it has come and what is in the way.

Rule 1: of credentials nothing is shown, not even whether they are right.
Not here: delivery (``engine/twins/delivering.py``).
"""

from typing import Any
from urllib.parse import urlsplit

from weft.basis.errors import WeftError
from weft.engine.twins.subscriptions import TYPES
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View


class SubscriptionRow(View, frozen=True, kw_only=True):
    """One that is told. ``state``: fine, behind, failing, paused (by the owner), gone (it wants no more).

    ``sees``: firm, partner (``partner_name``), everybody. ``behind``: changes that were not looked at yet. ``code`` and
    ``facts``: why the last try failed, ``next_ms``: when the next one is. ``lost_ms``: when changes were found to be no
    longer known. Instants in ms since 1970, 0: never.
    """

    id: str
    name: str
    kind: str
    address: str
    host: str
    topic: str
    encrypted: bool
    types: tuple[str, ...]
    ids: tuple[str, ...]
    sees: str
    partner: str
    partner_name: str
    handshake: bool
    batch: bool
    state: str
    behind: int
    delivered: int
    delivered_ms: int
    lost_ms: int
    next_ms: int
    code: str = ""
    facts: dict[str, str | int] = {}


class TwinEventsView(View, frozen=True, kw_only=True):
    """All of them; ``partners`` (organisation, name) are those whose eyes may be lent."""

    subscriptions: tuple[SubscriptionRow, ...] = ()
    partners: tuple[tuple[str, str], ...] = ()
    types: tuple[str, ...] = ()


async def twin_events(node: Any) -> TwinEventsView:
    """All that are told of changes, in order of name."""
    names = await partner_names(node)
    partners = tuple(sorted(((org, names(org)) for org in node.partners if org not in node.ended_with),
                            key=lambda pair: pair[1]))
    known = list(node.twin_events.known.values()) if node.twin_events is not None else []
    ends = await node.twins.feed_ends() if known else (0, 0)
    rows = sorted([_row(node, one, ends, names(one.about.partner)) for one in known], key=lambda row: row.name)
    return TwinEventsView(subscriptions=tuple(rows), partners=partners, types=TYPES)


def _row(node: Any, one: Any, ends: tuple[int, int], partner_name: str) -> SubscriptionRow:
    about, how, oldest = one.about, one.progress, max(0, ends[0] - 1)
    behind = max(0, ends[1] - max(how.place, oldest))
    return SubscriptionRow(
        id=about.id, name=about.name, kind=about.kind, address=about.address,
        host=urlsplit(about.address).hostname or "", encrypted=about.encrypted,
        topic=about.topic(node.organisation) if about.kind == "mqtt" else "", types=about.types, ids=about.ids,
        sees=about.sees, partner=about.partner, partner_name=partner_name, handshake=about.handshake,
        batch=about.batch, state=_state(one, behind), behind=behind, delivered=how.delivered,
        delivered_ms=how.delivered_ms, lost_ms=how.lost_ms, next_ms=one.due_ms, **_why(one.why))


def _state(one: Any, behind: int) -> str:
    if one.progress.paused:
        return "paused" if one.progress.paused == "owner" else "gone"
    return "failing" if one.why is not None else "behind" if behind else "fine"


def _why(error: WeftError | None) -> dict[str, Any]:
    return {} if error is None else {"code": error.code, "facts": dict(error.facts)}
