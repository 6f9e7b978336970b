"""Price records as the owner sees them: who has seen ours, whose we have seen, and whether one tells two stories.

Rule 1: of other firms' records there is nothing to show but sizes, times and books: there is nothing else in them.
Not here: seeing and being seen (``engine/pricelog``), what is in our own record (``prices.py``).
"""

from typing import Any

from weft.basis.errors import NotFound
from weft.engine.memory import PRICE_PEERS
from weft.engine.pricelog import gossip, known, log, witness
from weft.engine.pricelog.witnesses import Asked
from weft.engine.reactions.offering import partner_id
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View


class SeenBy(View, frozen=True, kw_only=True):
    """A partner that sees our record. ``size``: as far as it has confirmed, at ``at_ms``; ``code``: why not further."""

    organisation: str
    name: str
    thread: str
    size: int
    at_ms: int
    newest: bool
    code: str = ""


class PriceLogView(View, frozen=True, kw_only=True):
    """Our own record. ``begun``: there is one; ``state``: none, alone, seen or waits (a backup was restored).

    ``seen``: how many partners have confirmed its newest state; ``waiting``: from whom we still wait to hear of it.
    """

    begun: bool
    state: str
    size: int = 0
    seen: int = 0
    seen_size: int = 0
    waiting: tuple[str, ...] = ()
    code: str = ""
    partners: tuple[SeenBy, ...] = ()


class SeenLog(View, frozen=True, kw_only=True):
    """A partner's record as far as we have seen it. ``confirmed``: up to where we confirmed it; ``books``: price lists.

    ``witnesses``: how many firms, we among them, are known here to see it; ``forked``: it tells two stories.
    """

    organisation: str
    name: str
    thread: str
    size: int
    at_ms: int
    confirmed: int
    books: int
    witnesses: int
    forked: bool


class WitnessesView(View, frozen=True, kw_only=True):
    """Other firms' records that we see."""

    logs: tuple[SeenLog, ...] = ()


class PriceForkView(View, frozen=True, kw_only=True):
    """The proof that a firm's record tells two stories, as a file (``price-fork/1``)."""

    organisation: str
    name: str
    proof: str


async def price_log(node: Any) -> PriceLogView:
    """Our own price record, and who has seen it."""
    now, seen = await log.head(node.store), await log.seen(node.store)
    names = await partner_names(node)
    size = 0 if now is None else now.size
    asked: dict[str, Asked] = node.witnessing.asking.asked if node.witnessing is not None else {}
    rows = [SeenBy(organisation=one, name=names(one), thread=node.partner(one) or "", size=held.size, at_ms=held.at_ms,
                   newest=bool(held.at_ms) and held.size == size, code=held.code)
            for one, held in asked.items() if witness.is_partner(node, one)]
    waits = now is not None and await log.waits(node.store)
    waiting = [names(one) for one in await waited_for(node)]
    count = sum(row.newest for row in rows)
    state = "waits" if waits else "none" if now is None else "seen" if count else "alone"
    return PriceLogView(
        begun=now is not None, state=state, size=size, seen=count, seen_size=0 if seen is None else seen.size,
        waiting=tuple(sorted(waiting)), code=node.witnessing.back.code if waits and node.witnessing else "",
        partners=tuple(sorted(rows, key=lambda row: (not row.newest, row.name, row.organisation))))


async def waited_for(node: Any) -> list[str]:
    """Partners that may hold more of our record than we do since a backup was restored."""
    if await log.head(node.store) is None or not await log.waits(node.store):
        return []
    return [one for one, _ in await node.store.values(PRICE_PEERS)]


async def price_witnesses(node: Any) -> WitnessesView:
    """Partners' price records that we have seen."""
    names, rows = await partner_names(node), []
    for organisation, thread in node.partners.items():
        now, signed = await known.followed(node.store, organisation), await witness.witnessed(node.store, organisation)
        forked = await known.red(node.store, organisation) is not None
        if not now.size and signed is None and not forked:
            continue
        rows.append(SeenLog(
            organisation=organisation, name=names(organisation), thread=thread, size=now.size, at_ms=now.at_ms,
            confirmed=0 if signed is None else signed.size, books=len(await known.books(node.store, organisation)),
            witnesses=len(await gossip.statements(node, organisation)), forked=forked))
    return WitnessesView(logs=tuple(sorted(rows, key=lambda row: (not row.forked, row.name, row.organisation))))


async def price_fork(node: Any, firm: str) -> PriceForkView:
    """The proof against ``firm`` (name or id); raises ``NotFound('pricelog.no-fork')``."""
    organisation = firm if await known.red(node.store, firm) is not None else partner_id(node, firm)
    proof = await known.red(node.store, organisation)
    if proof is None:
        raise NotFound("pricelog.no-fork")
    return PriceForkView(organisation=organisation, name=(await partner_names(node))(organisation),
                         proof=proof.decode())
