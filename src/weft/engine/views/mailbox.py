"""Sealed mail as the owner sees it: what we keep for others, where ours is kept, and whose word waits where.

Rule 1: of what we keep there is nothing to show but numbers, sizes and times: there is nothing else.
Not here: keeping, leaving and fetching (``engine/mail``).
"""

from typing import Any

from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View


class PlaceRow(View, frozen=True, kw_only=True):
    """A place that we gave out. ``used``: its holder has opened it; ``full`` in per cent of its quota."""

    place: str
    note: str
    since_ms: int
    used: bool
    letters: int
    bytes: int
    full: int


class KeeperRow(View, frozen=True, kw_only=True):
    """A keeper of our mail. ``code``: what is wrong with it now, or ""; ``letters``: fetched since the node began."""

    keeper: str
    name: str
    url: str
    code: str
    heard_ms: int
    letters: int


class LeftRow(View, frozen=True, kw_only=True):
    """A partner and the mail for it. ``state``: none (nothing waits), direct, kept, stuck, or asks (we must agree).

    ``waiting``: conversations that it has not confirmed; ``letters`` lie at ``keepers`` since ``since_ms``; ``named``:
    the keepers that it named, the best first; ``code``: why the last try failed.
    """

    thread: str
    organisation: str
    name: str
    state: str
    agreed: bool
    named: tuple[str, ...]
    keepers: tuple[str, ...] = ()
    letters: int = 0
    waiting: int = 0
    since_ms: int = 0
    code: str = ""


class MailboxView(View, frozen=True, kw_only=True):
    """All mail of this node. ``reachable``: it has an address, without which it cannot keep mail for others."""

    reachable: bool
    places: tuple[PlaceRow, ...] = ()
    keepers: tuple[KeeperRow, ...] = ()
    partners: tuple[LeftRow, ...] = ()


async def mailbox(node: Any) -> MailboxView:
    """All mail of this node."""
    reachable = bool(node.config.firm.url)
    if node.mail is None:
        return MailboxView(reachable=reachable)
    return MailboxView(reachable=reachable, places=_places(node.mail.keeper), keepers=_keepers(node.mail.fetch),
                       partners=await _partners(node))


async def left_for(node: Any, organisation: str) -> LeftRow | None:
    """The mail for one partner; None when it named no keeper."""
    rows = await _partners(node) if node.mail is not None else ()
    return next((one for one in rows if one.organisation == organisation), None)


def _places(keeper: Any) -> tuple[PlaceRow, ...]:
    most, letters = keeper.limits.place_megabytes * 1024 * 1024, keeper.limits.place_letters
    return tuple(
        PlaceRow(place=room.place, note=room.given.note, since_ms=room.given.since_ms, used=bool(room.given.boxes),
                 letters=room.letters, bytes=room.bytes,
                 full=min(100, max(room.letters * 100 // letters, room.bytes * 100 // most)))
        for room in keeper.rooms())


def _keepers(fetch: Any) -> tuple[KeeperRow, ...]:
    return tuple(
        KeeperRow(keeper=one.key, name=one.name, url=one.url, code=fetch.faults.get(one.key, ""),
                  heard_ms=fetch.heard_ms.get(one.key, 0), letters=fetch.letters.get(one.key, 0))
        for one in fetch.ranked())


async def _partners(node: Any) -> tuple[LeftRow, ...]:
    names, post = await partner_names(node), node.mail.post
    waiting: dict[str, int] = {}
    for row in await node.store.outbox():
        waiting[row.peer] = waiting.get(row.peer, 0) + 1
    rows = []
    for peer, route in post.routes.items():
        if not route.keepers:
            continue
        letters = [one for one in post.sent.values() if one.peer == peer]
        codes = [post.down[peer, one.key][2] for one in route.keepers if (peer, one.key) in post.down]
        rows.append(LeftRow(
            thread=node.partner(peer) or "", organisation=peer, name=names(peer), agreed=post.agreed(peer),
            named=tuple(one.name or one.url for one in route.keepers), letters=len(letters),
            keepers=tuple(dict.fromkeys(one.keeper.name or one.keeper.url for one in letters)),
            waiting=waiting.get(peer, 0), since_ms=min((one.at_ms for one in letters), default=0),
            code=next(iter(codes), ""), state=_state(post, peer, route, waits=bool(waiting.get(peer)))))
    return tuple(sorted(rows, key=lambda row: (row.state not in ("stuck", "asks"), row.name, row.organisation)))


def _state(post: Any, peer: str, route: Any, *, waits: bool) -> str:
    if not post.agreed(peer):
        return "asks"
    if not waits:
        return "none"
    if post.direct(peer):
        return "direct"
    return "stuck" if all((peer, one.key) in post.down for one in route.keepers) else "kept"
