"""Picking up at a shop: where our buyers may, that we do, and what is done at the counter.

Rule 1: at the counter nothing waits for the network: a code is checked by its digest, here.
Rule 2: one parcel, one hand at a time: two clerks with the same code hand it out once.
Rule 3: a wrong code is counted: five in an hour, then the parcel waits.
Not here: what follows (``reactions/pickup_*.py``).
"""

from decimal import Decimal

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine import pickup
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.reactions import sending
from weft.engine.reactions.offering import next_number, partner_id
from weft.trade.messages import DespatchAdvice, DespatchLine, ReceiptLine
from weft.trade.pickup import (
    DAYS_MAX,
    BackLine,
    BroughtBack,
    Ledger,
    PickUpNamed,
    PickUpPlace,
    SentBack,
    code_of,
    digest_of,
    opens,
    typed,
)

_DAY_MS = 86_400_000


class AddShop(Params, frozen=True, kw_only=True):
    """A partner that hands out for us; ``item``: its own number for that service."""

    partner: str
    item: str
    name: str
    address: str = ""
    return_days: int = 0


async def add_shop(node: Node, params: AddShop, _key: str) -> Done:
    """From now on our quotations offer this place."""
    if not 0 <= params.return_days <= DAYS_MAX:
        raise Invalid("pickup.days", limit=DAYS_MAX)
    partner = partner_id(node, params.partner)
    known = next((one for one in await pickup.shops(node) if one.partner == partner), None)
    place = PickUpPlace(id=known.place.id if known else node.random(8).hex(), name=params.name,
                        address=params.address, return_days=params.return_days)
    await pickup.keep(node, pickup.SHOPS, place.id, pickup.Shop(partner=partner, item=params.item, place=place))
    return Done(facts={"name": params.name})


class DropShop(Params, frozen=True, kw_only=True):
    """A place by its id."""

    place: str


async def drop_shop(node: Node, params: DropShop, _key: str) -> Done:
    """Offer this place no more; what is on its way there goes on."""
    await pickup.keep(node, pickup.SHOPS, params.place, None)
    return Done()


class PickUp(Params, frozen=True, kw_only=True):
    """Fetch order ``thread`` at ``place``, one of those that the seller has offered."""

    thread: str
    place: str


async def pick_up(node: Node, params: PickUp, key: str) -> Done:
    """Name the place and make a code; asked again, a new code."""
    offer = await pickup.row(node, pickup.OFFERS, params.thread, pickup.Offer)
    place = next((one for one in offer.places if one.id == params.place), None) if offer else None
    if place is None:
        raise NotFound("pickup.no-place")
    async with node.lock(f"pick-up:{params.thread}"):
        first = await node.answered(params.thread, key)
        if first is not None:
            return Done(thread=params.thread, events=first)
        before = await pickup.row(node, pickup.FETCHES, params.thread, pickup.Fetch)
        code, salt = code_of(node.random), b64(node.random(32))
        named = PickUpNamed(place=place, salt=salt, digest=digest_of(code, salt))
        fetch = pickup.Fetch(code=code, named=named, ready=before.ready if before else {})
        await pickup.keep(node, pickup.FETCHES, params.thread, fetch)
        try:
            said = await node.speak(params.thread, named, key)
        except (Invalid, Refused):
            await pickup.keep(node, pickup.FETCHES, params.thread, before)
            raise
    return Done(thread=params.thread, events=said)


# ---- at the counter --------------------------------------------------------------------------------


class Inspect(Params, frozen=True, kw_only=True):
    """What came for a parcel; ``despatch`` "" is the oldest that nobody has looked at."""

    thread: str
    lines: tuple[ReceiptLine, ...] = ()
    despatch: str = ""


async def inspect(node: Node, params: Inspect, key: str) -> Done:
    """Say what came, good, damaged or refused."""
    await _parcel(node, params.thread)
    state = await node.state(params.thread)
    name = params.despatch or next(
        (one for one, sent in state.despatches.items() if sent.kind == "materials" and not sent.receipt), "")
    if not name:
        raise NotFound("order.nothing-to-receive")
    said = await sending.receipt(node, params.thread, name, params.lines or None, key)
    return Done(thread=params.thread, events=said)


class HandOut(Params, frozen=True, kw_only=True):
    """A code as typed or scanned; ``thread`` where the clerk has chosen the parcel."""

    code: str
    thread: str = ""


async def hand_out(node: Node, params: HandOut, key: str) -> Done:
    """Hand the goods out to who has brought the code."""
    label, code = typed(params.code)
    thread = params.thread or await pickup.parcel_called(node, label)
    async with node.lock(f"parcel:{thread}"):
        named = await _parcel(node, thread)
        first = await node.answered(thread, key)
        if first is None:
            ledger = await pickup.goods_of(node, thread)
            if ledger.out:
                raise Refused("pickup.handed-out")
            await _open(node, thread, code, named)
            if not ledger.here:
                raise Refused("pickup.nothing-here")
            first = await node.speak(thread, await _handed(node, thread, code), key)
    return Done(thread=thread, events=first)


async def _handed(node: Node, thread: str, code: str) -> DespatchAdvice:
    state = await node.state(thread)
    lines = tuple(DespatchLine(line=name, item=line.item, quantity=q.text(line.open), unit=line.unit)
                  for name, line in state.lines.items() if line.open > 0)
    return DespatchAdvice(number=await next_number(node, "D"), lines=lines, at=_now(node), code=code)


class BackItem(Params, frozen=True, kw_only=True):
    """How much of an item (its sender's number) was brought back, and why."""

    item: str
    quantity: str
    reason: str = ""


class TakeBack(Params, frozen=True, kw_only=True):
    """Goods brought back by who has the code of the parcel; no lines: all of it."""

    code: str
    thread: str = ""
    lines: tuple[BackItem, ...] = ()


async def take_back(node: Node, params: TakeBack, key: str) -> Done:
    """Take goods back for their sender."""
    label, code = typed(params.code)
    thread = params.thread or await pickup.parcel_called(node, label)
    async with node.lock(f"parcel:{thread}"):
        named = await _parcel(node, thread)
        first = await node.answered(thread, key)
        if first is None:
            ledger = await pickup.goods_of(node, thread)
            _check_returnable(ledger, named, node.clock.now_ms())
            await _open(node, thread, code, named)
            lines = await _coming_back(node, thread, params.lines, ledger)
            first = await node.speak(thread, BroughtBack(lines=lines, code=code, at=_now(node)), key)
    return Done(thread=thread, events=first)


def _check_returnable(ledger: Ledger, named: PickUpNamed, now_ms: int) -> None:
    if not ledger.out:
        raise Refused("pickup.not-handed-out")
    if not named.place.return_days:
        raise Refused("pickup.no-returns")
    if now_ms > instant.to_ms(ledger.out_at) + named.place.return_days * _DAY_MS:
        raise Refused("pickup.return-late", days=named.place.return_days)


async def _coming_back(node: Node, thread: str, lines: tuple[BackItem, ...], ledger: Ledger) -> tuple[BackLine, ...]:
    units = {one.item: one.unit for one in (await node.state(thread)).materials}
    left = dict(ledger.with_buyer)
    wanted = lines or tuple(BackItem(item=item, quantity=q.text(amount)) for item, amount in left.items())
    found = []
    for one in wanted:
        amount = q.decimal(one.quantity, one.item)
        if amount == 0:
            continue
        if amount < 0 or amount > left.get(one.item, Decimal(0)):
            raise Refused("pickup.more-than-handed-out", left=q.text(left.get(one.item, Decimal(0))))
        left[one.item] -= amount
        found.append(BackLine(line=one.item, quantity=q.text(amount), unit=units.get(one.item, "C62"),
                              reason=one.reason))
    if not found:
        raise Refused("pickup.nothing-back")
    return tuple(found)


class Parcel(Params, frozen=True, kw_only=True):
    """One parcel."""

    thread: str


async def send_back(node: Node, params: Parcel, key: str) -> Done:
    """Send all that lies here of a parcel back to who sent it."""
    async with node.lock(f"parcel:{params.thread}"):
        await _parcel(node, params.thread)
        first = await node.answered(params.thread, key)
        if first is None:
            here = (await pickup.goods_of(node, params.thread)).here
            if not here:
                raise Refused("pickup.nothing-here")
            units = {one.item: one.unit for one in (await node.state(params.thread)).materials}
            lines = tuple(BackLine(line=item, quantity=q.text(amount), unit=units.get(item, "C62"))
                          for item, amount in here.items())
            first = await node.speak(params.thread, SentBack(lines=lines, at=_now(node)), key)
    return Done(thread=params.thread, events=first)


async def _open(node: Node, thread: str, code: str, named: PickUpNamed) -> None:
    """Raises ``Refused`` when ``code`` is not the parcel's; wrong ones are counted."""
    before = await pickup.check_tries(node, thread)
    if not opens(code, named):
        raise Refused("pickup.wrong-code", left=await pickup.count_try(node, thread, before))


async def _parcel(node: Node, thread: str) -> PickUpNamed:
    named = await pickup.held(node, thread)
    if named is None:
        raise NotFound("pickup.no-parcel", label="")
    return named


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
