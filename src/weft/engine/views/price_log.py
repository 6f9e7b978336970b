"""Price records as the owner sees them: who has seen ours, whose we have seen, and whether one tells two stories.

Rule 1: of other firms' records there is nothing to show but sizes, times and books: there is nothing else in them.
Not here: seeing and being seen (``engine/pricelog``), what is in our own record (``prices.py``).
"""

from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.memory import PRICE_PEERS
from weft.engine.pricelog import exceptions, gossip, known, log, witness
from weft.engine.pricelog.witnesses import Asked
from weft.engine.reactions.offering import partner_id
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View

SILENT_MS: Final = 3 * 86_400_000  # a computer that is off over a weekend is no news


class SeenBy(View, frozen=True, kw_only=True):
    """A partner that sees our record. ``size``: as far as it has confirmed, at ``at_ms``; ``code``: why not further.

    ``since_ms``: when it confirmed for the first time, 0: before that was kept.
    """

    organisation: str
    name: str
    thread: str
    size: int
    at_ms: int
    newest: bool
    code: str = ""
    since_ms: int = 0


class Partner(View, frozen=True, kw_only=True):
    """A partner in whose record, or in ours, nothing was seen yet."""

    name: str
    thread: str


class PriceLogView(View, frozen=True, kw_only=True):
    """Our own record. ``begun``: there is one; ``state``: none, alone, seen or waits (a backup was restored).

    ``seen``: how many partners have confirmed its newest state; ``waiting``: from whom we still wait to hear of it;
    ``others``: partners that were not asked yet, or could not be. ``clock_ms`` and ``their_clock_ms``: ours and that of
    those who saw it last, when they are too far apart to count months by; else 0.
    """

    begun: bool
    state: str
    size: int = 0
    seen: int = 0
    seen_size: int = 0
    waiting: tuple[str, ...] = ()
    code: str = ""
    partners: tuple[SeenBy, ...] = ()
    others: tuple[Partner, ...] = ()
    clock_ms: int = 0
    their_clock_ms: int = 0


class SeenLog(View, frozen=True, kw_only=True):
    """A partner's record as far as we have seen it. ``confirmed``: up to where we confirmed it; ``books``: price lists.

    ``witnesses``: how many firms, we among them, are known here to see it; ``enough``: no price of it can count as
    checked with fewer than we want (``WitnessesView.need``); ``forked``: it tells two stories; ``silent``: it did not
    grow for ``SILENT_MS``, while a record grows by itself many times a day; ``seen_ms``: when we saw it last.
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
    silent: bool = False
    enough: bool = True
    seen_ms: int = 0


class WitnessesView(View, frozen=True, kw_only=True):
    """Other firms' records that we see. ``need``: how many firms that we know, we among them, must have seen one;
    ``others``: partners of which we have seen no record.
    """

    logs: tuple[SeenLog, ...] = ()
    need: int = 1
    others: tuple[Partner, ...] = ()


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
                   newest=bool(held.at_ms) and held.size == size, code=held.code, since_ms=held.since_ms)
            for one, held in asked.items() if witness.is_partner(node, one)]
    told = {row.organisation for row in rows}
    others = [Partner(name=names(one), thread=thread) for one, thread in node.partners.items()
              if one not in told and witness.is_partner(node, one)]
    waits = now is not None and await log.waits(node.store)
    waiting = [names(one) for one in await waited_for(node)]
    count = sum(row.newest for row in rows)
    doubt = await exceptions.doubt(node.store)
    state = "waits" if waits else "none" if now is None else "seen" if count else "alone"
    return PriceLogView(
        begun=now is not None, state=state, size=size, seen=count, seen_size=0 if seen is None else seen.size,
        waiting=tuple(sorted(waiting)), code=node.witnessing.back.code if waits and node.witnessing else "",
        partners=tuple(sorted(rows, key=lambda row: (not row.newest, row.name, row.organisation))),
        others=tuple(sorted(others, key=lambda one: one.name)), clock_ms=doubt.ours_ms if doubt else 0,
        their_clock_ms=doubt.theirs_ms if doubt else 0)


async def waited_for(node: Any) -> list[str]:
    """Partners that may hold more of our record than we do since a backup was restored."""
    if await log.head(node.store) is None or not await log.waits(node.store):
        return []
    return [one for one, _ in await node.store.values(PRICE_PEERS)]


async def price_witnesses(node: Any) -> WitnessesView:
    """Partners' price records that we have seen."""
    names, need = await partner_names(node), node.config.prices.seen_by
    rows, others = [], []
    for organisation, thread in node.partners.items():
        row = await _seen(node, organisation, need)
        if row is not None:
            rows.append(msgspec.structs.replace(row, name=names(organisation), thread=thread))
        elif witness.is_partner(node, organisation):
            others.append(Partner(name=names(organisation), thread=thread))
    return WitnessesView(
        logs=tuple(sorted(rows, key=lambda row: (not row.forked, not row.silent, row.name, row.organisation))),
        need=need, others=tuple(sorted(others, key=lambda one: one.name)))


async def _seen(node: Any, organisation: str, need: int) -> SeenLog | None:
    """What we have seen of the record of ``organisation``, if anything."""
    now, signed = await known.followed(node.store, organisation), await witness.witnessed(node.store, organisation)
    forked = await known.red(node.store, organisation) is not None
    if not now.size and signed is None and not forked:
        return None
    seen_ms = max([now.at_ms, signed.at_ms if signed else 0,
                   *(ms for _, ms in await known.sightings(node.store, organisation))])
    witnesses = len(await gossip.statements(node, organisation))
    return SeenLog(
        organisation=organisation, name="", thread="", size=now.size, at_ms=now.at_ms,
        confirmed=0 if signed is None else signed.size, books=len(await known.books(node.store, organisation)),
        witnesses=witnesses, enough=witnesses >= need, forked=forked, seen_ms=seen_ms,
        silent=node.clock.now_ms() - seen_ms > SILENT_MS)


async def price_fork(node: Any, firm: str) -> PriceForkView:
    """The proof against ``firm`` (name or id); raises ``NotFound('pricelog.no-fork')``."""
    organisation = firm if await known.red(node.store, firm) is not None else partner_id(node, firm)
    proof = await known.red(node.store, organisation)
    if proof is None:
        raise NotFound("pricelog.no-fork")
    return PriceForkView(organisation=organisation, name=(await partner_names(node))(organisation),
                         proof=proof.decode())
