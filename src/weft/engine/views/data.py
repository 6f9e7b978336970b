"""Our data: what this node holds, how long, what may be closed or let go, and what was erased with whose receipts.

Not here: the export (``engine/export.py``), closing and erasing (``engine/commands/keeping.py``).
"""

from typing import Any, Final

from weft.engine import closing, erasure
from weft.engine.memory import PRUNED
from weft.engine.views.deals import deal
from weft.engine.views.shape import View
from weft.thread.closing import is_done

DONE_MAX: Final = 200  # orders shown: each is read in full


class Held(View, frozen=True, kw_only=True):
    """How much there is of one kind: orders, partners, books; ``closed`` and ``pruned`` of them."""

    kind: str
    threads: int
    closed: int = 0
    pruned: int = 0


class Paper(View, frozen=True, kw_only=True):
    """One paper of an order that still holds something. ``kept``: by law it cannot be erased yet."""

    id: str
    kind: str
    at_ms: int
    kept: bool = False


class Kept(View, frozen=True, kw_only=True):
    """One order that has ended. ``until``: the day until which papers of it must be kept, "" when none need be.

    ``open``: codes of what keeps it open.

    ``papers`` are what can be erased of a closed one.
    """

    thread: str
    number: str
    partner_name: str
    at_ms: int
    closed: bool = False
    proposed: bool = False
    pruned: bool = False
    until: str = ""
    may_prune: bool = False
    open: tuple[str, ...] = ()
    papers: tuple[Paper, ...] = ()


class Erased(View, frozen=True, kw_only=True):
    """One request to erase. ``receipts``: (firm's name, instant, until or "")."""

    thread: str
    number: str
    partner_name: str
    ours: bool
    at_ms: int
    reason: str
    papers: int
    left: int
    receipts: tuple[tuple[str, int, str], ...] = ()
    waiting: tuple[str, ...] = ()


class DataView(View, frozen=True, kw_only=True):
    """What we hold. ``size``: bytes of the database."""

    held: tuple[Held, ...]
    size: int
    close_days: int
    keep_years: int
    prune: str
    done: tuple[Kept, ...] = ()
    erased: tuple[Erased, ...] = ()


async def data(node: Any) -> DataView:
    """What this node holds and has let go."""
    closed = {name: int(at) for name, at in await node.store.values(closing.CLOSED)}
    pruned = {name for name, _ in await node.store.values(PRUNED)}
    rows = await node.store.threads()
    held = []
    for kind in ("order", "relationship"):
        names = set(node.threads(kind))
        held.append(Held(kind=kind, threads=len(names), closed=len(names & closed.keys()), pruned=len(names & pruned)))
    ended, erased = [], []
    for thread in node.threads("order"):
        one = await deal(node, thread)
        if thread in closed or not one.open:
            ended.append(one)
        if thread in closed:
            erased += await _erased(node, one)
    ended.sort(key=lambda one: (one.thread in closed, -closed.get(one.thread, 0)))  # first what can still be closed
    done = [await _kept(node, one, closed.get(one.thread), pruned=one.thread in pruned) for one in ended[:DONE_MAX]]
    done.sort(key=lambda kept: -kept.at_ms)
    settings = node.config.retention
    return DataView(
        held=(*held, Held(kind="event", threads=sum(row.length for row in rows))), size=await node.store.size(),
        close_days=settings.close_days, keep_years=settings.keep_years, prune=settings.prune,
        done=tuple(done), erased=tuple(sorted(erased, key=lambda found: -found.at_ms)))


async def _kept(node: Any, one: Any, closed_ms: int | None, *, pruned: bool) -> Kept:
    loaded = await node.whole(one.thread)
    last = max((entry.at_ms for entry in loaded.entries.values()), default=0)
    shut = is_done(loaded.state)
    standing = getattr(loaded.state, "closing", None)
    papers: tuple[Paper, ...] = ()
    until_ms, until = erasure.years_after(closed_ms or last, node.config.retention.keep_years), ""
    if shut:
        until = await erasure.kept_until(node, loaded)
        papers = tuple(
            Paper(id=name, kind=entry.kind, at_ms=entry.at_ms, kept=bool(until) and entry.kind in erasure.VOUCHERS)
            for name, entry in loaded.entries.items() if entry.message is not None and entry.kind in _SHOWN)
    return Kept(
        thread=one.thread, number=one.number, partner_name=one.partner_name, at_ms=closed_ms or last, closed=shut,
        proposed=standing is not None and not shut and standing.by == node.organisation, pruned=pruned,
        until=until[:10],
        may_prune=shut and not pruned and node.clock.now_ms() >= until_ms,
        open=() if shut else tuple(await closing.open_matters(node, one.thread)), papers=papers)


_SHOWN = frozenset({
    "RequestForQuotation", "Quotation", "CounterOffer", "RequestDeclined", "Order", "OrderResponse", "OrderChange",
    "OrderChangeResponse", "OrderCancellation", "DespatchAdvice", "ReceiptAdvice", "ShortClosed", "ProgressNotice"})


async def _erased(node: Any, one: Any) -> list[Erased]:
    found = []
    members = await node.members(one.thread)
    for request in await erasure.erasures(node, one.thread):
        names = {who: node.config.firm.name if who == node.organisation else one.partner_name for who in members}
        found.append(Erased(
            thread=one.thread, number=one.number, partner_name=one.partner_name, ours=request.by == node.organisation,
            at_ms=request.at_ms, reason=request.reason, papers=len(request.events), left=request.left,
            receipts=tuple((names[receipt.organisation], receipt.at_ms, receipt.until[:10])
                           for receipt in request.receipts),
            waiting=tuple(name for who, name in names.items() if not request.erased_by(who) and not any(
                receipt.organisation == who for receipt in request.receipts))))
    return found
