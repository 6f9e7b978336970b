"""A seller whose buyer fetches at a shop: offers places, orders the shop's service, sends the goods there, and tells.

Rule 1: the shop's service is an order like any other: asked, quoted by the shop's book, ordered, billed.
Rule 2: the shop learns the digest of the code and nothing of the buyer; the buyer learns the place in words.
Rule 3: goods lie at the shop as ours, and are sold when the shop shows the code: the code itself is the evidence.
Not here: sending there (``pickup_shipping.py``), the shop (``pickup_shop.py``), the buyer (``pickup_buyer.py``).
"""

from decimal import Decimal
from typing import Any

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64
from weft.basis.errors import Refused
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.making import deliver, trace
from weft.engine.reactions.offering import LINKS, Link, next_number, other_member, own_item
from weft.engine.reactions.ordering import link_of
from weft.engine.reactions.selling import moved
from weft.engine.reactions.sending import receipt
from weft.stock import levels
from weft.stock import messages as sm
from weft.trace import events as traces
from weft.trade import parent
from weft.trade.messages import (
    DespatchAdvice,
    DespatchLine,
    FreeIssueMaterial,
    Order,
    RequestForQuotation,
    RequestLine,
)
from weft.trade.order_state import OrderState, Phase
from weft.trade.pickup import BackLine, BroughtBack, Ledger, PickUpNamed, PickUpOffered, PickUpReady, opens

_ZERO = Decimal(0)


async def offer_places(node: Node, cause: Cause) -> None:
    """We have quoted: say where the goods may be fetched."""
    shops = await pickup.shops(node)
    partner, stock = await other_member(node, cause.thread), await node.book_state("stock")
    state: OrderState = await node.state(cause.thread)
    goods = [line for line in cause.message.lines
             if not levels.is_service(stock, own_item(stock, partner, line.item, line.buyer_item))]
    places = tuple(one.place for one in shops if one.partner != partner)
    if places and goods and state.phase in (Phase.QUOTED, Phase.COUNTERED, Phase.ORDERED):
        await node.speak(cause.thread, PickUpOffered(places=places), "pickup:offered")


async def take_place(node: Node, cause: Cause) -> None:
    """The buyer has named a place, or a new code; at a shop, its customer has."""
    if await _asks_us_to_hand_out(node, cause):
        return
    named: PickUpNamed = cause.message
    shop = next((one for one in await pickup.shops(node) if one.place.id == named.place.id), None)
    before = await pickup.row(node, pickup.SOLD, cause.thread, pickup.Sold)
    elsewhere = before is not None and bool(before.thread) and before.shop != (shop.partner if shop else "")
    if before is not None and before.off:  # what a shop has declined it is not asked again
        elsewhere, before = not elsewhere, None
    if shop is None or elsewhere:
        raise Refused("pickup.not-offered", place=named.place.name[:60])
    asked = before if before is not None and before.thread else None
    kept = asked or pickup.Sold(named=named, shop=shop.partner, item=shop.item, unit=shop.unit)
    kept = msgspec.structs.replace(kept, named=named)
    await pickup.keep(node, pickup.SOLD, cause.thread, kept)
    if kept.thread:
        await node.speak(kept.thread, await _for_shop(node, cause.thread, kept), f"{cause.key}:shop")
    elif (await node.state(cause.thread)).response_id:
        await _ask_shop(node, cause.thread)


async def _asks_us_to_hand_out(node: Node, cause: Cause) -> bool:
    """Whether the thread orders a service of ours; then what opens the parcel is kept."""
    state: OrderState = await node.state(cause.thread)
    stock, partner = await node.book_state("stock"), await other_member(node, cause.thread)
    lines = state.request.lines if state.request else ()
    if not lines or not all(levels.is_service(stock, own_item(stock, partner, line.item, line.buyer_item))
                            for line in lines):
        return False
    await pickup.keep(node, pickup.HELD, cause.thread, cause.message)
    return True


async def ask_shop(node: Node, cause: Cause) -> None:
    """We have accepted an order that is fetched at a shop: ask the shop for its service."""
    found = await pickup.sold(node, cause.thread)
    if found is not None and cause.message.code == "AP":
        await _ask_shop(node, cause.thread)


async def _ask_shop(node: Node, thread: str) -> None:
    kept = await pickup.sold(node, thread)
    assert kept is not None
    if not kept.thread:
        child = await _open(node, thread, kept)
        kept = msgspec.structs.replace(kept, thread=child)
        await pickup.keep(node, pickup.SOLD, thread, kept)
    await node.speak(kept.thread, await _for_shop(node, thread, kept), f"pickup:{kept.thread}")


async def _open(node: Node, thread: str, kept: pickup.Sold) -> str:
    state: OrderState = await node.state(thread)
    own = await own_items(node, thread)
    amounts: dict[tuple[str, str], Decimal] = {}
    for name, line in state.lines.items():
        amounts[own[name], line.unit] = amounts.get((own[name], line.unit), _ZERO) + Decimal(line.ordered)
    salt = node.random(32)
    message = RequestForQuotation(
        number=await next_number(node, "R"), currency=node.config.firm.currency,
        lines=(RequestLine(line="1", item=kept.item, quantity="1", unit=kept.unit),),
        materials=tuple(FreeIssueMaterial(item=item, quantity=q.text(amount), unit=unit)
                        for (item, unit), amount in amounts.items()),
        parent=parent.commit(salt, thread, next(iter(state.lines))))
    link = msgspec.json.encode(Link(salt=b64(salt), thread=thread, line=next(iter(state.lines))))
    return await node.open("order", {node.organisation: "buyer", kept.shop: "seller"}, message,
                           f"pickup:{thread}:{kept.shop}", lambda child: [(LINKS, child, link)])


async def own_items(node: Node, thread: str) -> dict[str, str]:
    """Line -> our own number of what our order ``thread`` sells."""
    state: OrderState = await node.state(thread)
    stock, partner = await node.book_state("stock"), await other_member(node, thread)
    return {name: own_item(stock, partner, line.item, line.buyer_item) for name, line in state.lines.items()}


async def _for_shop(node: Node, thread: str, kept: pickup.Sold) -> PickUpNamed:
    """What the shop is told: its own place, the digest, and what the goods are called."""
    items = (await node.book_state("stock")).items
    names = {item: " · ".join(dict.fromkeys(name for name in (items[item].zh, items[item].en) if name))
             for item in (await own_items(node, thread)).values() if item in items}
    return msgspec.structs.replace(kept.named, names=names)


# ---- the order of the shop's service ---------------------------------------------------------------


async def served(node: Node, child: str) -> tuple[str, pickup.Sold] | None:
    """The order that ``child``, the order of a shop's service, serves; None for other orders."""
    link = await link_of(node, child)
    found = await pickup.row(node, pickup.SOLD, link.thread, pickup.Sold) if link is not None else None
    return None if link is None or found is None or found.thread != child else (link.thread, found)


async def order_service(node: Node, cause: Cause) -> None:
    """The shop has quoted its service by its book: order it, if the owner lets the node do so."""
    state: OrderState = await node.state(cause.thread)
    if await served(node, cause.thread) is None or node.config.rules.subcontract != "auto" \
            or state.phase is not Phase.QUOTED:
        return
    await node.speak(cause.thread, Order(number=await next_number(node, "P"), quotation=state.quotation_id), cause.key)


async def take_shop_answer(node: Node, cause: Cause) -> None:
    """The shop has taken our order of its service: send the goods; or it does not want to."""
    found = await served(node, cause.thread)
    if found is None:
        return
    if getattr(cause.message, "code", "") == "AP":
        await deliver(node, found[0], f"{cause.key}:deliver")
        return
    await pickup.keep(node, pickup.SOLD, found[0], msgspec.structs.replace(found[1], off=True))
    await node.speak(found[0], PickUpReady(off=True), cause.key)
    raise Refused("pickup.shop-declined", place=found[1].named.place.name)


async def take_inspection(node: Node, cause: Cause) -> None:
    """The shop has inspected what came: what is lost is booked, and the buyer is told what is ready."""
    found = await served(node, cause.thread)
    state: OrderState = await node.state(cause.thread)
    sent = state.despatches.get(cause.message.despatch)
    if found is None or sent is None or sent.kind != "materials":
        return
    stock, shop = await node.book_state("stock"), found[1].shop
    reasons = {line.line: line.reason for line in cause.message.lines}
    said: list[Any] = []
    for line in sent.lines:
        common = {"item": own_item(stock, shop, line.item), "holder": shop, "at": cause.message.at}
        lost = Decimal(line.damaged) + Decimal(line.short)
        if lost > 0:
            said.append(sm.Scrapped(ref=f"{cause.id}:{line.line}:lost", quantity=q.text(lost),
                                    reason=(reasons.get(line.line) or "damaged")[:200], **common))
        if Decimal(line.rejected) > 0:
            said.append(sm.Moved(ref=f"{cause.id}:{line.line}:rejected", quantity=line.rejected, to="", **common))
    if said:
        await node.record("stock", *said, key=f"{cause.key}:stock")
    await _tell_ready(node, cause, *found)


async def _tell_ready(node: Node, cause: Cause, thread: str, kept: pickup.Sold) -> None:
    ledger = await pickup.goods_of(node, kept.thread)
    state: OrderState = await node.state(thread)
    if ledger.out or state.phase is not Phase.CONFIRMED:
        return
    ready = pickup.lines_of(state, await own_items(node, thread), ledger.here)
    await node.speak(thread, PickUpReady(lines={name: q.text(amount) for name, amount in ready.items()}), cause.key)


async def take_hand_out(node: Node, cause: Cause) -> None:
    """The shop says that it has handed the goods out: with the right code they are the buyer's now."""
    found = await served(node, cause.thread)
    if found is None or cause.message.kind != "goods":
        return
    thread, kept = found
    ledger = await pickup.goods_of(node, cause.thread, cause.id)
    if not is_evidence(ledger.code, (kept.named, *ledger.named)):
        raise Refused("pickup.wrong-evidence", place=kept.named.place.name)
    state: OrderState = await node.state(thread)
    if not any(pickup.from_shop(kept, ledger, sent) for sent in state.despatches.values()):
        await _tell_handed_out(node, cause, found, ledger)
    service: OrderState = await node.state(cause.thread)
    if not service.despatches[cause.id].receipt:  # nothing of it is to be looked at: the code is the evidence
        await receipt(node, cause.thread, cause.id, None, f"{cause.key}:receipt")


async def _tell_handed_out(node: Node, cause: Cause, found: tuple[str, pickup.Sold], ledger: Ledger) -> None:
    """The buyer has it in writing, with the place and the instant of the hand-out."""
    thread, kept = found
    state: OrderState = await node.state(thread)
    own, stock = await own_items(node, thread), await node.book_state("stock")
    shares = pickup.lines_of(state, own, ledger.handed)
    if sum(shares.values(), _ZERO) < sum(ledger.handed.values(), _ZERO):
        raise Refused("pickup.more-than-open", place=kept.named.place.name)
    lines = tuple(
        DespatchLine(line=name, item=state.lines[name].item, quantity=q.text(amount), unit=state.lines[name].unit,
                     lots=tuple(lot for lot, _ in levels.pick(stock, own[name], q.text(amount), "", kept.shop)))
        for name, amount in shares.items())
    await node.speak(thread, DespatchAdvice(number=await next_number(node, "D"), lines=lines, at=cause.message.at,
                                            carrier=pickup.carrier_of(kept)), cause.key)


def is_evidence(code: str, named: tuple[PickUpNamed, ...]) -> bool:
    """Whether ``code`` is one that the buyer has given: the shop may not have heard of the last one yet."""
    return any(opens(code, one) for one in {one.digest: one for one in named}.values())


# ---- goods come back --------------------------------------------------------------------------------


async def take_return(node: Node, cause: Cause) -> None:
    """The buyer has brought goods back to the shop: they are ours again, and the buyer has it in writing."""
    found = await served(node, cause.thread)
    if found is None:
        return
    thread, kept = found
    ledger = await pickup.goods_of(node, cause.thread, cause.id)
    if not is_evidence(cause.message.code, (kept.named, *ledger.named)) or any(
            brought > ledger.handed.get(item, _ZERO) for item, brought in ledger.brought.items()):
        raise Refused("pickup.wrong-evidence", place=kept.named.place.name)
    stock, own = await node.book_state("stock"), await own_items(node, thread)
    lots, told = [], []
    for place, line in enumerate(cause.message.lines):
        item = own_item(stock, kept.shop, line.line)
        lots.append(sm.LotIn(id=f"{cause.id[:8]}-{place}", item=item, quantity=line.quantity, holder=kept.shop))
        told.append(BackLine(line=next((name for name, one in own.items() if one == item), "1"),
                             quantity=line.quantity, unit=line.unit, reason=line.reason))
    booked = await node.record("stock", sm.Received(ref=cause.id, lots=tuple(lots), why="return", partner=kept.shop,
                                                    at=cause.message.at), key=f"{cause.key}:stock")
    back = traces.brought_back(node.organisation, await moved(node, booked),
                               cause.message.at or instant.from_ms(cause.at_ms), cause.thread, cause.id,
                               holder=kept.shop)
    await trace(node, back, f"{cause.key}:trace")
    await node.speak(thread, BroughtBack(lines=tuple(told), at=cause.message.at), cause.key)


async def take_sent_back(node: Node, cause: Cause) -> None:
    """The shop has sent our goods back: they are with us, and free."""
    found = await served(node, cause.thread)
    if found is None:
        return
    ledger = await pickup.goods_of(node, cause.thread, cause.id)
    if any(gone > ledger.arrived.get(item, _ZERO) + ledger.brought.get(item, _ZERO) - ledger.handed.get(item, _ZERO)
           for item, gone in ledger.gone_back.items()):
        raise Refused("pickup.more-than-there", place=found[1].named.place.name)
    stock, shop = await node.book_state("stock"), found[1].shop
    at = cause.message.at or instant.from_ms(cause.at_ms)
    booked = await node.record("stock", *(
        sm.Moved(ref=f"{cause.id}:{place}", item=own_item(stock, shop, line.line), quantity=line.quantity,
                 holder=shop, to="", at=at)
        for place, line in enumerate(cause.message.lines)), key=cause.key)
    came = traces.Received(good=tuple(await moved(node, booked)), at=at, partner=shop, thread=cause.thread,
                           despatch=cause.id, kind="materials")
    await trace(node, traces.received(node.organisation, came), f"{cause.key}:trace")
