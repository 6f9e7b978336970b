"""Talking about an order: ask, counter, order, answer, change, cancel, send, receive.

Rule 1: whether it may be said now is the conversation's affair (``trade/order.py``); here only words are put together.
Rule 2: where a line, a quotation or a despatch is not named, the one on the table is meant.
Not here: what the node says by itself (``reactions/``).
"""

from typing import Any

from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.reactions import lateness, making, offering, ordering, sending
from weft.engine.reactions.terms import Terms, keep
from weft.production.messages import DemandRef
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    CounterLine,
    CounterOffer,
    Order,
    OrderCancellation,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
    OrderResponse,
    Quotation,
    ReceiptLine,
    RequestDeclined,
    RequestForQuotation,
    RequestLine,
    ShortClosed,
)
from weft.trade.order import check_turn
from weft.trade.order_state import OrderState


class AskedLine(Params, frozen=True, kw_only=True):
    """What is asked for; ``item`` in the seller's number or ours."""

    item: str
    quantity: str
    unit: str = "C62"
    buyer_item: str = ""
    description: str = ""


class RequestQuotation(Params, frozen=True, kw_only=True):
    """Ask ``supplier`` (id or name) for price and date of ``lines``."""

    supplier: str
    lines: tuple[AskedLine, ...]
    wanted_by: str = ""
    currency: str = ""
    attributes: dict[str, str] = {}
    note: str = ""


async def request_quotation(node: Node, params: RequestQuotation, key: str) -> Done:
    """Open an order with a request for quotation."""
    supplier = offering.partner_id(node, params.supplier)
    if supplier in node.ended_with:
        raise Refused("partner.ended", name=params.supplier[:60])
    stock = await node.book_state("stock")
    lines = []
    for place, line in enumerate(params.lines, 1):
        known = stock.items.get(line.item)
        number = known.partner_numbers.get(supplier, line.item) if known else line.item
        lines.append(RequestLine(line=str(place), item=number, quantity=line.quantity, unit=line.unit,
                                 buyer_item=line.buyer_item or (line.item if known else ""),
                                 description=line.description))
    message = RequestForQuotation(
        number=await offering.next_number(node, "R"), lines=tuple(lines), wanted_by=params.wanted_by,
        currency=params.currency or node.config.firm.currency, attributes=params.attributes, note=params.note)
    thread = await node.open("order", {node.organisation: "buyer", supplier: "seller"}, message, key)
    return Done(thread=thread)


class Thread(Params, frozen=True, kw_only=True):
    """One order."""

    thread: str


class Reasoned(Thread, frozen=True, kw_only=True):
    """One order, and why."""

    reason: str = ""


class Quote(Thread, frozen=True, kw_only=True):
    """Offer what was last asked for; ``terms`` add deposit, retention, tolerance, or a price off the book."""

    terms: Terms | None = None


async def quote(node: Node, params: Quote, key: str) -> Done:
    """Offer by the book and the plan; suppliers are asked first where needed."""
    state = await _order(node, params.thread)
    if not await offering.is_begun(node, params.thread, key):
        check_turn(state, (await node.members(params.thread))[node.organisation], Quotation)
    if params.terms is not None:
        await keep(node, params.thread, params.terms)
    await offering.prepare_offer(node, params.thread, key or f"quote:{node.random(8).hex()}")
    return Done(thread=params.thread)


async def decline(node: Node, params: Reasoned, key: str) -> Done:
    """Do not offer, or end the talk."""
    return await _spoken(node, params.thread, RequestDeclined(reason=params.reason), key)


class CounterParams(Thread, frozen=True, kw_only=True):
    """What we would take instead."""

    lines: tuple[CounterLine, ...]
    note: str = ""


async def counter_offer(node: Node, params: CounterParams, key: str) -> Done:
    """Answer the quotation on the table with other quantities, prices or dates."""
    state = await _order(node, params.thread)
    message = CounterOffer(quotation=state.quotation_id, lines=params.lines, note=params.note)
    return await _spoken(node, params.thread, message, key)


class PlaceOrder(Thread, frozen=True, kw_only=True):
    """Order what the quotation on the table offers."""

    number: str = ""
    delivery_address: str = ""
    note: str = ""


async def order(node: Node, params: PlaceOrder, key: str) -> Done:
    """Accept the quotation on the table."""
    state = await _order(node, params.thread)
    message = Order(number=params.number or await offering.next_number(node, "P"), quotation=state.quotation_id,
                    delivery_address=params.delivery_address or node.config.firm.address, note=params.note)
    return await _spoken(node, params.thread, message, key)


class Respond(Reasoned, frozen=True, kw_only=True):
    """Accept (``AP``) or reject (``RE``) an order."""

    code: str = "AP"


async def respond(node: Node, params: Respond, key: str) -> Done:
    """Answer an order."""
    if params.code not in ("AP", "RE"):
        raise Invalid("order.response-code", value=params.code[:10])
    message = OrderResponse(code="AP" if params.code == "AP" else "RE", reason=params.reason)
    return await _spoken(node, params.thread, message, key)


async def order_children(node: Node, params: Thread, key: str) -> Done:
    """Order from suppliers what they quoted for this order."""
    await _order(node, params.thread)
    await ordering.order_from_suppliers(node, params.thread, key or f"children:{params.thread}")
    return Done(thread=params.thread)


class ProposeChange(Thread, frozen=True, kw_only=True):
    """Propose other quantities or dates; ``options`` when there is a choice, else ``lines``."""

    lines: tuple[ChangeLine, ...] = ()
    options: tuple[ChangeOption, ...] = ()
    cause: str = ""
    note: str = ""


async def propose_change(node: Node, params: ProposeChange, key: str) -> Done:
    """Propose a change of an order."""
    options = params.options or (ChangeOption(id="change", kind="change", lines=params.lines),)
    message = OrderChange(number=await offering.next_number(node, "C"), options=options, cause=params.cause,
                          note=params.note)
    return await _spoken(node, params.thread, message, key)


class AnswerChange(Thread, frozen=True, kw_only=True):
    """Take ``option`` of a change, or "" to refuse it; ``change`` "" is the other side's open one."""

    option: str = ""
    change: str = ""
    note: str = ""


async def answer_change(node: Node, params: AnswerChange, key: str) -> Done:
    """Answer a proposed change."""
    state = await _order(node, params.thread)
    mine = (await node.members(params.thread))[node.organisation]
    change = params.change or next(
        (name for name, one in state.changes.items() if one.status == "open" and one.by != mine), "")
    if not change:
        raise NotFound("order.no-open-change")
    message = OrderChangeResponse(change=change, option=params.option, note=params.note)
    return await _spoken(node, params.thread, message, key)


async def withdraw_change(node: Node, params: Reasoned, key: str) -> Done:
    """Take back our own open change."""
    state = await _order(node, params.thread)
    mine = (await node.members(params.thread))[node.organisation]
    change = next((name for name, one in state.changes.items() if one.status == "open" and one.by == mine), "")
    if not change:
        raise NotFound("order.no-open-change")
    return await _spoken(node, params.thread, OrderChangeWithdrawn(change=change, reason=params.reason), key)


class Line(Thread, frozen=True, kw_only=True):
    """One line of one order."""

    line: str


async def propose_promise(node: Node, params: Line, key: str) -> Done:
    """Confirm a moved date: propose it to the buyer now."""
    state = await _order(node, params.thread)
    if params.line not in state.lines:
        raise NotFound("order.line-unknown", line=params.line[:40])
    await lateness.propose(node, DemandRef(thread=params.thread, line=params.line),
                           key or f"propose:{node.random(8).hex()}")
    return Done(thread=params.thread)


async def cancel(node: Node, params: Reasoned, key: str) -> Done:
    """Cancel what is still open of an order."""
    return await _spoken(node, params.thread, OrderCancellation(reason=params.reason), key)


class Despatch(Thread, frozen=True, kw_only=True):
    """Send: quantities by line; nothing named means all that is open."""

    quantities: dict[str, str] = {}


async def despatch(node: Node, params: Despatch, key: str) -> Done:
    """Say that goods leave."""
    from weft.basis import quantity as q

    state = await _order(node, params.thread)
    quantities = params.quantities or {name: q.text(one.open) for name, one in state.lines.items() if one.open > 0}
    unknown = next((name for name in quantities if name not in state.lines), None)
    if unknown is not None:
        raise Invalid("order.line-unknown", line=unknown[:40])
    if not quantities:
        raise Refused("order.nothing-to-send")
    said = await making.despatch(node, params.thread, quantities, key)
    return Done(thread=params.thread, events=said)


class Receive(Thread, frozen=True, kw_only=True):
    """Say what arrived: ``despatch`` "" is the oldest without a receipt; no lines means all, in good order."""

    despatch: str = ""
    lines: tuple[ReceiptLine, ...] = ()


async def receive(node: Node, params: Receive, key: str) -> Done:
    """Say what arrived of a despatch."""
    state = await _order(node, params.thread)
    mine = (await node.members(params.thread))[node.organisation]
    kind = "goods" if mine == "buyer" else "materials"
    name = params.despatch or next(
        (one for one, sent in state.despatches.items() if not sent.receipt and sent.kind == kind), "")
    if not name:
        raise NotFound("order.nothing-to-receive")
    said = await sending.receipt(node, params.thread, name, params.lines or None, key)
    return Done(thread=params.thread, events=said)


class ShortClose(Reasoned, frozen=True, kw_only=True):
    """The open rest of ``lines`` (none named: all) will not come."""

    lines: tuple[str, ...] = ()


async def short_close(node: Node, params: ShortClose, key: str) -> Done:
    """Close the open rest."""
    return await _spoken(node, params.thread, ShortClosed(lines=params.lines, reason=params.reason), key)


async def _order(node: Node, thread: str) -> OrderState:
    if thread not in node.threads("order"):
        raise NotFound("order.unknown")
    state: Any = await node.state(thread)
    assert isinstance(state, OrderState)
    return state


async def _spoken(node: Node, thread: str, message: Any, key: str) -> Done:
    await _order(node, thread)
    return Done(thread=thread, events=await node.speak(thread, message, key))
