"""From the request to the answered order: what each word must hold, and what it makes of the order's state.

Rule 1: only the last quotation is on the table; an order of any other is void.
Rule 2: a counter-offer does not take the quotation off the table: the buyer may still order it, the seller may still
        reject the order.
Not here: whose turn it is (``order_rules.py``).
"""

from collections.abc import Mapping

from msgspec.structs import replace

from weft.basis import quantity
from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import form
from weft.trade.messages import (
    CounterOffer,
    FreeIssueMaterial,
    Order,
    OrderResponse,
    Quotation,
    QuotationLine,
    QuotationWithdrawn,
    RequestDeclined,
    RequestForQuotation,
    RequestLine,
)
from weft.trade.order_state import MaterialAccount, OrderLine, OrderState, Phase

TRACE_MAX = 50


# ---- what each word must hold --------------------------------------------------------------------


def check_request(_: OrderState, _said: Said, request: RequestForQuotation) -> None:
    form.name(request.number, "number")
    quantity.currency(request.currency, "currency")
    form.counted(request.lines, "lines")
    form.distinct(line.line for line in request.lines)
    for line in request.lines:
        _check_request_line(line)
    form.moment(request.wanted_by, "wanted_by")
    form.moment(request.reply_by, "reply_by")
    form.attributes(request.attributes, "attributes")
    _check_materials(request.materials)
    form.commitment(request.parent, "parent")
    form.words(request.note, "note")


def _check_request_line(line: RequestLine) -> None:
    form.positive(line.quantity, line.line)
    quantity.unit(line.unit, line.line)
    form.words(line.item, line.line, form.NAME_MAX)
    form.words(line.buyer_item, line.line, form.NAME_MAX)
    form.words(line.description, line.line, 500)
    if not (line.item or line.buyer_item or line.description):
        raise Invalid("trade.text-missing", where=line.line)


def _check_materials(materials: tuple[FreeIssueMaterial, ...]) -> None:
    if len(materials) > form.LINES_MAX:
        raise Invalid("trade.lines-too-many", where="materials", limit=form.LINES_MAX)
    for material in materials:
        form.name(material.item, "materials")
        form.positive(material.quantity, "materials")
        quantity.unit(material.unit, "materials")
    if len({material.item for material in materials}) < len(materials):
        raise Invalid("trade.line-twice", line="materials")


def check_quotation(state: OrderState, _said: Said, quotation: Quotation) -> None:
    form.name(quotation.number, "number")
    if quotation.currency != state.currency:
        raise Invalid("order.currency", given=quotation.currency[:10], expected=state.currency)
    form.counted(quotation.lines, "lines")
    form.distinct(line.line for line in quotation.lines)
    asked = requested(state)
    for line in quotation.lines:
        _check_quotation_line(line, asked, state.currency)
    form.summed(quotation, state.currency)
    for given in (quotation.deposit_percent, quotation.retention_percent, quotation.over_delivery_percent):
        form.percent(given, "percent")
    form.moment(quotation.valid_until, "valid_until")
    form.words(quotation.payment_term, "payment_term", form.NAME_MAX)
    form.words(quotation.in_reply_to, "in_reply_to", form.NAME_MAX)
    form.words(quotation.note, "note")
    if quotation.price is not None:
        form.words(quotation.price.book, "price", form.NAME_MAX)
        form.words(quotation.price.proof, "price", 20_000)
        form.attributes(quotation.price.attributes, "price")


def _check_quotation_line(line: QuotationLine, asked: Mapping[str, RequestLine], currency: str) -> None:
    request = asked.get(line.line)
    if request is None:
        raise Invalid("order.unknown-line", line=line.line)
    if line.unit != request.unit:
        raise Invalid("order.unit", line=line.line, given=line.unit[:10], expected=request.unit)
    form.name(line.item, line.line)
    form.words(line.buyer_item, line.line, form.NAME_MAX)
    form.words(line.description, line.line, 500)
    form.words(line.tax_category, line.line, 10)
    form.positive(line.quantity, line.line)
    form.positive(line.base, line.line)
    form.not_negative(line.unit_price, line.line)
    form.not_negative(line.gross, line.line)
    form.percent(line.tax_percent, line.line)
    form.taxed(line, currency, line.line)
    if not line.promise:
        raise Invalid("order.no-promise", line=line.line)
    form.moment(line.promise, line.line)
    if len(line.trace) > TRACE_MAX:
        raise Invalid("trade.lines-too-many", where=line.line, limit=TRACE_MAX)
    for step in line.trace:
        for word in step:
            form.words(word, line.line, form.NAME_MAX)


def requested(state: OrderState) -> dict[str, RequestLine]:
    """The lines asked for, by line."""
    return {} if state.request is None else {line.line: line for line in state.request.lines}


def check_on_table(state: OrderState, quotation: str) -> None:
    """Refuse what names a quotation that is not the one on the table."""
    if not state.quotation_id:
        raise Refused("order.quotation-withdrawn")
    if quotation != state.quotation_id:
        raise Refused("order.quotation-superseded")


def check_withdrawal(state: OrderState, _said: Said, withdrawn: QuotationWithdrawn) -> None:
    check_on_table(state, withdrawn.quotation)
    form.words(withdrawn.reason, "reason", 500)


def check_counter(state: OrderState, _said: Said, counter: CounterOffer) -> None:
    check_on_table(state, counter.quotation)
    form.counted(counter.lines, "lines")
    form.distinct(line.line for line in counter.lines)
    asked = requested(state)
    for line in counter.lines:
        if line.line not in asked:
            raise Invalid("order.unknown-line", line=line.line)
        form.positive(line.quantity, line.line)
        if line.unit_price:
            form.not_negative(line.unit_price, line.line)
        form.moment(line.wanted_by, line.line)
    form.words(counter.note, "note")


def check_order(state: OrderState, _said: Said, order: Order) -> None:
    form.name(order.number, "number")
    check_on_table(state, order.quotation)
    form.words(order.delivery_address, "delivery_address", 500)
    form.words(order.note, "note")


def check_response(state: OrderState, _said: Said, message: OrderResponse) -> None:
    if message.order != state.order_id:
        raise Refused("order.other-order")
    form.words(message.reason, "reason", 500)


def check_declined(_: OrderState, _said: Said, message: RequestDeclined) -> None:
    form.words(message.reason, "reason", 500)


# ---- what it makes of the state ------------------------------------------------------------------


def request(state: OrderState, said: Said, message: RequestForQuotation) -> OrderState:
    accounts = tuple(MaterialAccount(item=one.item, unit=one.unit, agreed=one.quantity) for one in message.materials)
    return replace(state, request=message, request_id=said.id, currency=message.currency, materials=accounts)


def quotation(state: OrderState, said: Said, message: Quotation) -> OrderState:
    return replace(state, quotation=message, quotation_id=said.id, rounds=state.rounds + 1)


def withdrawal(state: OrderState, _said: Said, _message: QuotationWithdrawn) -> OrderState:
    return replace(state, quotation=None, quotation_id="")


def counter(state: OrderState, said: Said, message: CounterOffer) -> OrderState:
    return replace(state, counter=message, counter_id=said.id)


def order(state: OrderState, said: Said, message: Order) -> OrderState:
    offer = state.quotation
    assert offer is not None
    asked = requested(state)
    lines = {line.line: _ordered(line, asked[line.line], offer.over_delivery_percent) for line in offer.lines}
    return replace(state, order=message, order_id=said.id, lines=lines)


def _ordered(line: QuotationLine, asked: RequestLine, tolerance: str) -> OrderLine:
    return OrderLine(
        line=line.line, item=line.item, unit=line.unit, ordered=line.quantity, unit_price=line.unit_price,
        base=line.base, net=line.net, tax=line.tax, gross=line.gross, tax_category=line.tax_category,
        tax_percent=line.tax_percent, promise=line.promise, first_promise=line.promise, tolerance=tolerance,
        buyer_item=line.buyer_item or asked.buyer_item, description=asked.description or line.description,
    )


def response(state: OrderState, said: Said, message: OrderResponse) -> OrderState:
    if message.code == "AP":
        return replace(state, response_id=said.id)
    return replace(state, phase=Phase.REJECTED)


def declined(state: OrderState, _said: Said, _message: RequestDeclined) -> OrderState:
    return state
