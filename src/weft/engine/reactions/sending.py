"""From a despatch to a receipt: book what left and what came, and trace it.

Rule 1: stock follows the final event, once; who was sent goods says what arrived.
Rule 2: free-issue material changes its holder and never its owner, in both firms' books.
Not here: deciding to send (``making.py``), the bill (``invoicing.py``).
"""

from decimal import Decimal
from typing import Any, Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.making import advance, trace
from weft.engine.reactions.offering import other_member, own_item
from weft.engine.reactions.ordering import link_of
from weft.production.messages import MaterialExpected
from weft.stock import levels
from weft.stock import messages as sm
from weft.trace import events as traces
from weft.trade.messages import ReceiptAdvice, ReceiptLine
from weft.trade.order_state import Despatch, OrderLine, OrderState

_ZERO: Final = Decimal(0)


async def book_despatch(node: Node, cause: Cause) -> None:
    """Our goods are on their way: they leave the stock (or, as material, only change their holder)."""
    state: OrderState = await node.state(cause.thread)
    partner = await other_member(node, cause.thread)
    stock, link = await node.book_state("stock"), await link_of(node, cause.thread)
    kept = [*levels.reservations_of(stock, cause.thread), *(levels.reservations_of(stock, link.thread) if link else ())]
    free = {one.id: Decimal(one.quantity) for one in kept}
    sold = await pickup.sold(node, cause.thread) if cause.message.kind == "goods" else None
    if sold is not None and not pickup.from_shop(sold, await pickup.goods_of(node, sold.thread), cause.message):
        sold = None
    if sold is not None:
        kept = []  # it leaves the shop, not us
    sent: list[traces.Goods] = []
    said: list[Any] = []
    for line in cause.message.lines:
        item = own_item(stock, partner, line.item, _buyer_item(state, line.line, cause.message.kind))
        if levels.is_service(stock, item):
            continue
        lot = line.lots[0] if len(line.lots) == 1 else ""  # of several the advice does not say how much of each
        sent.append(traces.Goods(item=item, quantity=line.quantity, unit=line.unit, lot=lot))
        mine = [one.id for one in kept if one.item == item]
        said.extend(_leaving(cause, (partner, sold.shop if sold else ""), (item, line),
                             _parts(mine, free, Decimal(line.quantity))))
    if not sent:
        return  # it was a service
    await node.record("stock", *said, key=f"{cause.key}:stock")  # at once: a part alone would be booked again
    event = traces.Despatched(goods=tuple(sent), at=cause.message.at or instant.from_ms(cause.at_ms), partner=partner,
                              thread=cause.thread, despatch=cause.id, kind=cause.message.kind)
    await trace(node, traces.despatched(node.organisation, event), f"{cause.key}:trace")


def _buyer_item(state: OrderState, line: str, kind: str) -> str:
    held = state.lines.get(line) if kind == "goods" else None
    return held.buyer_item if held else ""


def _parts(mine: list[str], free: dict[str, Decimal], left: Decimal) -> list[tuple[str, Decimal]]:
    """(reservation, quantity) that make ``left``, first from what is kept for this order, then from what is free."""
    parts: list[tuple[str, Decimal]] = []
    for name in mine:
        part = min(left, free[name])
        if part > 0:
            parts.append((name, part))
            free[name] -= part
            left -= part
    return [*parts, ("", left)] if left > 0 else parts


def _leaving(
    cause: Cause, whom: tuple[str, str], what: tuple[str, Any], parts: list[tuple[str, Decimal]]
) -> list[Any]:
    """What the stock book says of one line that goes to a partner from a holder ("": from us)."""
    (partner, holder), (item, line) = whom, what
    said: list[Any] = []
    for place, (reservation, amount) in enumerate(parts):
        booked: dict[str, Any] = {
            "ref": f"{cause.id}:{line.line}:{place}", "item": item, "quantity": q.text(amount),
            "thread": cause.thread, "reservation": reservation, "holder": holder, "at": cause.message.at}
        material = cause.message.kind == "materials"
        said.append(sm.Moved(to=partner, **booked) if material else sm.Issued(partner=partner, **booked))
    return said


async def receive_sent(node: Node, cause: Cause) -> None:
    """Something was sent to us: say that it arrived in full, if the owner lets the node do so."""
    state: OrderState = await node.state(cause.thread)
    sent = state.despatches.get(cause.id)
    link = await link_of(node, cause.thread)
    if await pickup.held(node, cause.thread) or (link and await pickup.is_service_of(node, link.thread, cause.thread)):
        return  # somebody inspects it; or the code decides
    if node.config.rules.receive == "auto" and not (sent and sent.receipt):
        await receipt(node, cause.thread, cause.id, None, cause.key)


async def receipt(
    node: Node, thread: str, despatch: str, lines: tuple[ReceiptLine, ...] | None, key: str
) -> list[str]:
    """Say what arrived of ``despatch``; None: all of it, in good order."""
    state: OrderState = await node.state(thread)
    sent = state.despatches.get(despatch)
    if lines is None and sent is not None:
        lines = tuple(ReceiptLine(line=line.line, received=line.quantity) for line in sent.lines)
    advice = ReceiptAdvice(despatch=despatch, lines=lines or (), at=instant.from_ms(node.clock.now_ms()))
    return await node.speak(thread, advice, key)


async def book_receipt(node: Node, cause: Cause) -> None:
    """We have said what arrived: it is in our stock, and jobs that waited for it may start."""
    link = await link_of(node, cause.thread)
    if await pickup.held(node, cause.thread) or (link and await pickup.is_service_of(node, link.thread, cause.thread)):
        return  # booked at the counter; or a shop's service, which is nothing to be put on a shelf
    await book_came(node, cause)


async def book_came(node: Node, cause: Cause) -> None:
    """Book what our receipt ``cause`` says."""
    state: OrderState = await node.state(cause.thread)
    sent = state.despatches.get(cause.message.despatch)
    if sent is None:
        return
    partner = await other_member(node, cause.thread)
    good = await _take_in(node, cause, sent, partner)
    stock = await node.book_state("stock")
    came = traces.Received(
        good=tuple(good), at=cause.message.at or instant.from_ms(cause.at_ms), partner=partner, thread=cause.thread,
        despatch=cause.message.despatch, kind=sent.kind,
        damaged=tuple(_bad(stock, partner, state, sent, cause.message, "damaged")),
        rejected=tuple(_bad(stock, partner, state, sent, cause.message, "rejected")))
    await trace(node, traces.received(node.organisation, came), f"{cause.key}:trace")
    await _material_here(node, cause, sent)
    await advance(node, f"{cause.key}:advance")


async def _take_in(node: Node, cause: Cause, sent: Despatch, partner: str) -> list[traces.Goods]:
    state: OrderState = await node.state(cause.thread)
    stock = await node.book_state("stock")
    owner = partner if sent.kind == "materials" else ""
    why: Any = "free-issue" if sent.kind == "materials" else "purchase"
    if sent.kind == "goods":
        stock = await _named_items(node, cause, sent, partner)
    lots, goods = [], []
    for line in cause.message.lines:
        line_sent = next((one for one in sent.lines if one.line == line.line), None)
        if line_sent is None or q.decimal(line.received) <= 0:
            continue
        ours = _our_item(stock, partner, state, sent, line_sent)
        if levels.is_service(stock, ours):
            continue
        lot = line_sent.lots[0] if line_sent.lots else f"{cause.id[:8]}-{line.line}"
        lots.append(sm.LotIn(id=lot, item=ours, quantity=line.received, owner=owner))
        goods.append(traces.Goods(item=ours, quantity=line.received, unit=line_sent.unit, lot=lot,
                                  named_by=partner if line_sent.lots else ""))
    if lots:
        await node.record("stock", sm.Received(ref=cause.id, lots=tuple(lots), why=why, partner=partner,
                                               at=cause.message.at), key=f"{cause.key}:stock")
    if sent.kind == "goods":
        await _close_partner_material(node, cause, partner)
    return goods


async def _named_items(node: Node, cause: Cause, sent: Despatch, partner: str) -> Any:
    """The stock book; what we have bought and have no item for yet becomes one, under the number it was bought by."""
    state: OrderState = await node.state(cause.thread)
    stock = await node.book_state("stock")
    new = []
    for line in sent.lines:
        ordered = state.lines.get(line.line)
        try:
            _our_item(stock, partner, state, sent, line)
        except NotFound:
            name = (ordered.buyer_item if ordered else "") or line.item
            words = ordered.description if ordered else ""
            new.append(sm.ItemDefined(item=sm.Item(id=name, zh=words, en=words, unit=line.unit, kind="product",
                                                   partner_numbers={partner: line.item})))
    if new:
        await node.record("stock", *new, key=f"{cause.key}:items")
    return await node.book_state("stock")


def _our_item(stock: Any, partner: str, state: OrderState, sent: Despatch, line: Any) -> str:
    """Our number for what came: on a goods line the buyer's own number counts first."""
    ordered: OrderLine | None = state.lines.get(line.line) if sent.kind == "goods" else None
    if ordered is not None and ordered.buyer_item in stock.items:
        return ordered.buyer_item
    return own_item(stock, partner, line.item)


async def _close_partner_material(node: Node, cause: Cause, partner: str) -> None:
    """Goods made from our free-issue material have come: what went into them is used up, as agreed."""
    state: OrderState = await node.state(cause.thread)
    asked = state.request.lines[0].quantity if state.request else "0"
    if state.request is None or not state.request.materials or q.decimal(asked) <= 0:
        return
    came = sum((q.decimal(line.received) for line in cause.message.lines), _ZERO)
    for material in state.request.materials:
        stock = await node.book_state("stock")
        share = (q.decimal(material.quantity) * came / q.decimal(asked)).quantize(Decimal("0.001"))
        there = levels.on_hand(stock, material.item, "", partner)
        used = min(share, there)
        if used > 0:
            await node.record("stock", sm.Consumed(
                ref=f"{cause.id}:{material.item}", item=material.item, quantity=q.text(used), holder=partner,
                order=cause.thread), key=f"{cause.key}:used:{material.item}")


def _bad(stock: Any, partner: str, state: OrderState, sent: Despatch, message: Any, what: str) -> list[traces.Goods]:
    found = []
    for line in message.lines:
        amount = getattr(line, what)
        line_sent = next((one for one in sent.lines if one.line == line.line), None)
        if line_sent is not None and q.decimal(amount) > 0:
            found.append(traces.Goods(item=_our_item(stock, partner, state, sent, line_sent), quantity=amount,
                                      unit=line_sent.unit))
    return found


async def _material_here(node: Node, cause: Cause, sent: Despatch) -> None:
    """Production orders that waited for it may go on."""
    production = await node.book_state("production")
    said = []
    for order in production.orders.values():
        for material in order.materials if not order.closed else ():
            by_child = material.source == "buy" and material.ref.partition("#")[0] == cause.thread
            by_customer = material.source == "free-issue" and order.demand.thread == cause.thread \
                and any(line.item == material.item for line in sent.lines)
            if not material.arrived and (by_child or by_customer):
                lots = tuple(lot for line in sent.lines for lot in line.lots)
                said.append(MaterialExpected(order=order.id, item=material.item, arrived=True, lots=lots,
                                             at=cause.message.at))
    if said:
        await node.record("production", *said, key=f"{cause.key}:arrived")
