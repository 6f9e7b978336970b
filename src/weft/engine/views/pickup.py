"""Picking up at a shop as people see it: parcels at our counter, places of our buyers, and one order's own pick-up.

Rule 1: what is shown of a parcel names its sender, and nobody who fetches it.
Not here: what may be done (``commands/pickup.py``), words and looks (``doors/console``).
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine import pickup
from weft.engine.reactions.offering import other_member, own_item
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.trade.order_state import OrderState, Phase, SentLine
from weft.trade.pickup import QR, Ledger, PickUpNamed, PickUpPlace, label_of

SHOWN: Final = 50
DAYS_SHOWN: Final = 90
_DAY_MS: Final = 86_400_000
_STATES: Final = ("arriving", "here", "back", "expected", "asked", "out", "over")


class Goods(View, frozen=True, kw_only=True):
    """What of one item of a parcel is where; ``item`` is its sender's number, ``back`` what may still come back."""

    item: str
    name: str = ""
    unit: str = "C62"
    agreed: str = "0"
    coming: str = "0"
    here: str = "0"
    lost: str = "0"
    handed: str = "0"
    back: str = "0"


class Arriving(View, frozen=True, kw_only=True):
    """A despatch to us that nobody has looked at."""

    id: str
    number: str
    lines: tuple[SentLine, ...]


class ParcelView(View, frozen=True, kw_only=True):
    """One parcel. ``state``: asked, expected, arriving, here, out, back or over; ``until``: last day for returns."""

    thread: str
    label: str
    sender: str
    number: str
    state: str
    goods: tuple[Goods, ...]
    arriving: tuple[Arriving, ...] = ()
    tries_left: int = pickup.TRIES_MAX
    out_at: str = ""
    until: str = ""


class ShopView(View, frozen=True, kw_only=True):
    """A place where our buyers may fetch their goods."""

    place: PickUpPlace
    partner: str
    partner_name: str
    item: str


class PickUpsView(View, frozen=True, kw_only=True):
    """The counter and the places; ``partners`` are those that could hand out for us."""

    parcels: tuple[ParcelView, ...] = ()
    shops: tuple[ShopView, ...] = ()
    partners: tuple[tuple[str, str], ...] = ()


class OrderPickUp(View, frozen=True, kw_only=True):
    """The pick-up of one order. ``role``: buyer (fetches), seller (has it handed out), shop; "" when there is none.

    ``code`` is shown to the buyer alone; ``ready``: how much of each line lies there; ``service``: the shop's order.
    """

    role: str = ""
    state: str = ""
    places: tuple[PickUpPlace, ...] = ()
    place: PickUpPlace | None = None
    label: str = ""
    code: str = ""
    qr: str = ""
    ready: dict[str, str] = {}
    shop_name: str = ""
    service: str = ""
    goods: tuple[Goods, ...] = ()


async def pickups(node: Any) -> PickUpsView:
    """What is at our counter, and where our buyers may fetch."""
    names = await partner_names(node)
    known = [(thread, msgspec.json.decode(data, type=PickUpNamed))
             for thread, data in await node.store.values(pickup.HELD)]
    parcels = [await _parcel(node, thread, named, names) for thread, named in known
               if not await _long_over(node, thread, named)]
    parcels.sort(key=lambda one: (_STATES.index(one.state), one.number))
    shops = tuple(ShopView(place=one.place, partner=one.partner, partner_name=names(one.partner), item=one.item)
                  for one in await pickup.shops(node))
    return PickUpsView(parcels=tuple(parcels[:SHOWN]), shops=shops, partners=tuple(sorted(
        ((one, names(one)) for one in node.partners if one not in node.ended_with), key=lambda pair: pair[1])))


async def _long_over(node: Any, thread: str, named: PickUpNamed) -> bool:
    """Whether it was handed out so long ago that nobody looks for it at the counter."""
    state: OrderState = await node.state(thread)
    out = [one.at for one in state.despatches.values() if one.kind == "goods" and one.at]
    days = named.place.return_days + DAYS_SHOWN
    return bool(out) and node.clock.now_ms() > instant.to_ms(max(out)) + days * _DAY_MS


async def _parcel(node: Any, thread: str, named: PickUpNamed, names: Any) -> ParcelView:
    state: OrderState = await node.state(thread)
    ledger = await pickup.goods_of(node, thread)
    sender = await other_member(node, thread)
    arriving = tuple(Arriving(id=name, number=one.number, lines=one.lines) for name, one in state.despatches.items()
                     if one.kind == "materials" and not one.receipt)
    return ParcelView(
        thread=thread, label=label_of(named.digest), sender=names(sender), number=_number(state),
        state=_state(state, ledger, arriving=bool(arriving)), goods=await _goods(node, sender, state, ledger, named),
        arriving=arriving, tries_left=pickup.TRIES_MAX - len(await pickup.tries(node, thread)), out_at=ledger.out_at,
        until=_until(node, ledger, named) if ledger.with_buyer else "")


def _number(state: OrderState) -> str:
    known = state.order or state.request
    return known.number if known else ""


def _state(state: OrderState, ledger: Ledger, *, arriving: bool) -> str:
    if arriving:
        return "arriving"
    if ledger.here:
        return "back" if ledger.out else "here"
    if ledger.out and ledger.with_buyer:
        return "out"
    if ledger.out or ledger.gone_back or state.phase in (Phase.CANCELLED, Phase.DECLINED, Phase.REJECTED):
        return "over"
    return "expected" if state.phase is Phase.CONFIRMED else "asked"


async def _goods(node: Any, sender: str, state: OrderState, ledger: Ledger, named: PickUpNamed) -> tuple[Goods, ...]:
    stock = await node.book_state("stock")
    found = []
    for one in state.materials:
        try:
            item = stock.items[own_item(stock, sender, one.item)]
            ours = " · ".join(dict.fromkeys(name for name in (item.zh, item.en) if name))
        except NotFound:
            ours = ""
        name = named.names.get(one.item, "") or ours
        found.append(_of_item(ledger, one.item, one.unit, agreed=one.agreed, name=name))
    return tuple(found)


def _of_item(ledger: Ledger, item: str, unit: str, *, agreed: str, name: str) -> Goods:
    def of(column: dict[str, Decimal]) -> str:
        return q.text(column.get(item, Decimal(0)))

    return Goods(item=item, name=name, unit=unit, agreed=agreed, coming=of(ledger.under_way), here=of(ledger.here),
                 lost=of(ledger.lost), handed=of(ledger.handed), back=of(ledger.with_buyer))


def _until(node: Any, ledger: Ledger, named: PickUpNamed) -> str:
    last = instant.to_ms(ledger.out_at) + named.place.return_days * _DAY_MS
    return instant.from_ms(last) if named.place.return_days and node.clock.now_ms() <= last else ""


async def order_pick_up(node: Any, thread: str) -> OrderPickUp:
    """The pick-up of the order ``thread``; raises ``NotFound``."""
    if thread not in node.threads("order"):
        raise NotFound("thread.unknown")
    role = (await node.members(thread)).get(node.organisation, "")
    if role == "buyer":
        return await _fetching(node, thread)
    kept = await pickup.row(node, pickup.SOLD, thread, pickup.Sold)
    if kept is not None:
        return await _handed_out_for_us(node, kept)
    named = await pickup.held(node, thread)
    return OrderPickUp() if named is None else OrderPickUp(role="shop", label=label_of(named.digest), place=named.place)


async def _fetching(node: Any, thread: str) -> OrderPickUp:
    offer = await pickup.row(node, pickup.OFFERS, thread, pickup.Offer)
    fetch = await pickup.row(node, pickup.FETCHES, thread, pickup.Fetch)
    state: OrderState = await node.state(thread)
    sent = any(one.kind == "goods" for one in state.despatches.values())
    open_ = state.phase in (Phase.QUOTED, Phase.COUNTERED, Phase.ORDERED, Phase.CONFIRMED) and not sent
    declined = fetch.named.place.id if fetch is not None and fetch.off else ""
    places = tuple(one for one in offer.places if one.id != declined) if offer and open_ else ()
    if fetch is None:
        return OrderPickUp(role="buyer" if places else "", places=places)
    label = label_of(fetch.named.digest)
    stage = "off" if fetch.off else "fetched" if sent else "ready" if any(map(float, fetch.ready.values())) else "waits"
    return OrderPickUp(role="buyer", state=stage, places=places, place=fetch.named.place, label=label,
                       code=f"{fetch.code[:4]} {fetch.code[4:]}", qr=f"{QR}{label}-{fetch.code}", ready=fetch.ready)


async def _handed_out_for_us(node: Any, kept: pickup.Sold) -> OrderPickUp:
    names = await partner_names(node)
    goods: tuple[Goods, ...] = ()
    stage = "off" if kept.off else "asked"
    if kept.thread:
        state: OrderState = await node.state(kept.thread)
        ledger = await pickup.goods_of(node, kept.thread)
        goods = await _goods(node, kept.shop, state, ledger, kept.named)
        stage = "off" if kept.off else _state(state, ledger, arriving=bool(ledger.under_way))
    return OrderPickUp(role="seller", state=stage, place=kept.named.place, shop_name=names(kept.shop),
                       label=label_of(kept.named.digest), service=kept.thread, goods=goods)
