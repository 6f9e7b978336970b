"""Tills: let one in, let one go, and say what becomes of doubtful slips, shortages and what is on account.

Rule 1: keys typed in from the recovery sheet sign once and are neither kept nor told again.
Not here: taking slips in (``engine/till``), the pages (``doors/console``).
"""

import re

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64
from weft.basis.errors import Invalid, NotFound
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.till import pairing
from weft.till import messages as m
from weft.till.book import Settle
from weft.till.slip import parse
from weft.till.state import State

CUSTOMER_BYTES = 32
_LOCAL = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d))?")


class LetIn(Params, frozen=True, kw_only=True):
    """``code``: as the till shows it; ``sheet``: the firm's key in force; ``name``: what we call the till."""

    code: str
    sheet: str
    name: str = ""


async def let_in(node: Node, params: LetIn, _key: str) -> Done:
    """A till may sell for the firm."""
    return Done(facts={"till": await pairing.let_in(node, params.code, params.sheet, params.name.strip())})


class LetGo(Params, frozen=True, kw_only=True):
    """``till``: its key; ``sheet``: the firm's key in force; ``reason``: lost, stolen, worn out.

    ``since``: when it was lost: an instant, or the firm's own day or day and time ("2026-11-24", "2026-11-24 09:30").
    """

    till: str
    sheet: str
    reason: str = ""
    since: str = ""


async def let_go(node: Node, params: LetGo, _key: str) -> Done:
    """A till sells no more: what it brought before it was lost counts, what came or comes later is kept and shown."""
    since = since_of(node, params.since.strip())
    doubted = await pairing.let_go(node, params.till, params.sheet, params.reason, since)
    return Done(facts={"doubted": doubted})


def since_of(node: Node, typed: str) -> str:
    """The instant that somebody has typed, or ""; raises ``Invalid``: not a time, or yet to come."""
    if not typed:
        return ""
    local = _LOCAL.fullmatch(typed)
    if local:
        day, time = local.groups()
        at_ms = node.config.firm.zone.utc(instant.to_ms(f"{day}T{time or '00:00'}:00.000Z", "since"))
    else:
        at_ms = instant.to_ms(typed, "since")
    if at_ms > node.clock.now_ms():
        raise Invalid("till.since-future", value=typed[:40])
    return instant.from_ms(at_ms)


class SettleSlip(Params, frozen=True, kw_only=True):
    """``slip``: hash of a doubtful slip; ``counts``: goods and money follow it; else ``reason`` says why not.

    ``till`` (its key) instead of ``slip``: all that came since it was lost.
    """

    counts: bool
    slip: str = ""
    till: str = ""
    reason: str = ""


async def settle(node: Node, params: SettleSlip, key: str) -> Done:
    """The owner's word about slips that were kept and did not count."""
    if params.till:
        return await _settle_all(node, params)
    word = Settle(hash=params.slip, counts=params.counts, reason=params.reason, at=_now(node))
    return Done(thread=node.book("till"), events=await node.record("till", word, key=key))


async def _settle_all(node: Node, params: SettleSlip) -> Done:
    state: State = await node.book_state("till")
    names = [name for name, one in state.doubts.items()
             if one.why == "since" and parse(one.slip.encode()).till == params.till]
    if not names:
        raise NotFound("till.no-doubt", slip=params.till[:12])
    for name in reversed(names):  # they were doubted the newest first
        word = Settle(hash=name, counts=params.counts, reason=params.reason, at=_now(node))
        await node.record("till", word, key=f"settled:{name}")
    return Done(thread=node.book("till"), facts={"slips": len(names)})


class Seen(Params, frozen=True, kw_only=True):
    """``slip``: hash of the slip; or ``till``: the key of one whose missing slips are known."""

    slip: str = ""
    till: str = ""


async def seen(node: Node, params: Seen, key: str) -> Done:
    """What is odd about a slip was looked at."""
    word = m.OddSeen(hash=params.slip, key=params.till, at=_now(node))
    return Done(thread=node.book("till"), events=await node.record("till", word, key=key))


class NotShort(Params, frozen=True, kw_only=True):
    """``slip`` and ``line`` (from 1) name a shortage that is none: the piece was there, and stock did not know."""

    slip: str
    line: int


async def not_short(node: Node, params: NotShort, key: str) -> Done:
    """What was sold over was there after all: nothing is booked for it any more."""
    state: State = await node.book_state("till")
    short = state.short.get(f"{params.slip}/{params.line}")
    if short is None:
        if (first := await node.answered(node.book("till"), key)) is not None:
            return Done(thread=node.book("till"), events=first)
        raise NotFound("till.no-shortage")
    word = m.ShortageMet(hash=params.slip, line=params.line, quantity=short.missing, why="written-off", at=_now(node))
    return Done(thread=node.book("till"), events=await node.record("till", word, key=key))


class AddCustomer(Params, frozen=True, kw_only=True):
    """``name``: a firm without a node that may buy on account."""

    name: str


async def add_customer(node: Node, params: AddCustomer, key: str) -> Done:
    """A customer may buy on account at the tills."""
    word = m.CustomerAdded(id=b64(node.random(CUSTOMER_BYTES)), name=params.name.strip(), at=_now(node))
    said = await node.record("till", word, key=key)
    return Done(thread=node.book("till"), events=said, facts={"customer": word.id})


class Paid(Params, frozen=True, kw_only=True):
    """``customer`` (its id) has paid ``amount`` of what is on account."""

    customer: str
    amount: str
    currency: str = ""
    note: str = ""


async def paid(node: Node, params: Paid, key: str) -> Done:
    """Money came for what was on account."""
    currency = q.currency(params.currency or node.config.firm.currency, "currency")
    amount = q.money(q.positive(params.amount, "amount"), currency)
    word = m.AccountPaid(customer=params.customer, currency=currency, amount=amount, at=_now(node),
                         note=params.note[:200])
    return Done(thread=node.book("till"), events=await node.record("till", word, key=key))


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
