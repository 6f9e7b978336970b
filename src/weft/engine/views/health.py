"""Health: what is still to be delivered, to whom, and what is wrong.

Not here: liveness for machines that watch us (``doors/api``).
"""

from typing import Any, Final

import msgspec

from weft.engine.effects import TROUBLES, Trouble
from weft.engine.exchange import unseen
from weft.engine.keyring import let_go
from weft.engine.memory import ALARMS
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View

BARRED: Final = frozenset({"peer.private-address", "peer.forbidden-address"})


class Told(View, frozen=True, kw_only=True):
    """An error as its code and facts; its sentence is ``error.<code>``."""

    code: str
    facts: dict[str, str | int] = {}


class PeerHealth(View, frozen=True, kw_only=True):
    """One partner: how many conversations it has not confirmed yet, and when it was last heard.

    ``barred``: its address as it names it, where that is one which is not called (``peers.allow_private``), and why.
    """

    organisation: str
    name: str
    waiting: int = 0
    attempts: int = 0
    seen_ms: int = 0
    barred: Told | None = None


class HealthView(View, frozen=True, kw_only=True):
    """``stopped``: threads whose work stopped and why; ``troubles``: what the node was refused.

    ``store``: why nothing can be stored now, or why the last attempt was refused; None: all is well.
    ``values``: why those of machines are not kept now.
    ``newer``: partners that begin what this program does not know yet: it is to be updated.
    ``unheard``: partners that have not given back yet what was said since the backup that was restored; where keys were
    renewed since, those that have not shown yet what they know of them.
    ``renewed``: the keys of the firm were renewed without this node: nobody listens to it.

    Undelivered conversations, consequences not drawn yet, and proofs that somebody said two things at once.
    """

    waiting: int
    effects: int
    forks: int
    peers: tuple[PeerHealth, ...] = ()
    alarms: tuple[str, ...] = ()
    stopped: dict[str, str] = {}
    troubles: tuple[Trouble, ...] = ()
    unheard: tuple[str, ...] = ()
    renewed: bool = False
    newer: tuple[str, ...] = ()
    store: Told | None = None
    values: Told | None = None


def barred(node: Any, organisation: str) -> Told | None:
    """Why the address that ``organisation`` names is not called, if it is not."""
    why = getattr(node.outbox, "why", {}).get(organisation)
    return Told(code=why.code, facts=dict(why.facts)) if why is not None and why.code in BARRED else None


async def health(node: Any) -> HealthView:
    """How the node is."""
    rows = await node.store.outbox()
    names = await partner_names(node)
    heard = getattr(node.outbox, "seen_ms", {})
    peers = tuple(
        PeerHealth(organisation=who, name=names(who), waiting=sum(1 for row in rows if row.peer == who),
                   attempts=max((row.attempts for row in rows if row.peer == who), default=0),
                   seen_ms=int(heard.get(who, 0)), barred=barred(node, who))
        for who in sorted({*node.partners, *(row.peer for row in rows)}))
    trouble = await node.store.trouble() or await node.twins.trouble()
    values = node.history.trouble() if node.history is not None else None
    floor = await node.state(node.book("floor"))
    return HealthView(
        store=Told(code=trouble.code, facts=trouble.facts) if trouble else None,
        values=Told(code=values.code, facts=values.facts) if values else None,
        waiting=len(rows), effects=len(await node.store.effects()), forks=len(await node.store.forks()), peers=peers,
        stopped={thread: why.decode() for thread, why in await node.store.values(ALARMS)},
        unheard=tuple(names(who) for who in sorted(await unseen(node) if let_go(node) else node.unheard)),
        renewed=let_go(node),
        newer=tuple(names(who) for who in sorted(node.newer)),
        troubles=tuple([msgspec.json.decode(value, type=Trouble) for _, value in await node.store.values(TROUBLES)]),
        alarms=tuple(one.name for one in floor.machines.values() if one.seen.alarm and not one.removed))
