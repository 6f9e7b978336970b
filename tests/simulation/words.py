"""What the people of a simulated world say: any word that the rules allow now, each with a mark to know it again."""

import random

from weft.trade.change import open_change
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    CounterLine,
    CounterOffer,
    DespatchAdvice,
    DespatchLine,
    Order,
    OrderCancellation,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
    OrderResponse,
    ProgressNotice,
    Quotation,
    QuotationLine,
    QuotationWithdrawn,
    ReceiptAdvice,
    ReceiptLine,
    RequestDeclined,
    RequestForQuotation,
    RequestLine,
    ShortClosed,
)
from weft.trade.order import may_say
from weft.trade.order_state import OrderState

PROMISE = "2026-12-01T08:00:00.000Z"
ITEM = "valve-dn15"
ENDS = frozenset({"RequestDeclined", "OrderCancellation", "ShortClosed", "QuotationWithdrawn"})
ONWARD = frozenset({"Order", "OrderResponse", "DespatchAdvice", "ReceiptAdvice"})
SILENT_ABOUT_ENDS = 0.85  # so that most orders live long enough to be despatched


def request(mark: str, luck: random.Random) -> RequestForQuotation:
    line = RequestLine(line="1", item=ITEM, quantity=str(luck.randint(2, 20)))
    return RequestForQuotation(number=mark, currency="CNY", lines=(line,))


def offer(mark: str, quantity: int) -> Quotation:
    net = f"{quantity * 10}.00"
    line = QuotationLine(
        line="1", item=ITEM, quantity=str(quantity), unit_price="10", net=net, tax="0.00", gross=net, promise=PROMISE
    )
    return Quotation(number=mark, currency="CNY", lines=(line,), net=net, tax="0.00", gross=net)


def any_word(state: OrderState, role: str, mark: str, luck: random.Random):
    """Something that ``role`` may say in ``state``; None when there is nothing."""
    names = may_say(state, role)
    if luck.random() < SILENT_ABOUT_ENDS:
        names = [name for name in names if name not in ENDS]
    if not names:
        return None
    weights = [4 if name in ONWARD else 1 for name in names]
    return _BUILD[luck.choices(list(names), weights)[0]](state, role, mark, luck)


def _change(state, role, mark, luck):
    later = ChangeLine(line="1", promise="2026-12-05T08:00:00.000Z")
    more = ChangeLine(line="1", quantity=str(luck.randint(1, 30)))
    options = (
        ChangeOption(id="later", kind="later", lines=(later,)),
        ChangeOption(id="more", kind="change", lines=(more,)),
        ChangeOption(id="none", kind="cancel"),
    )
    return OrderChange(number=mark, options=options[: luck.randint(1, 3)])


def _answer(state, role, mark, luck):
    name = open_change(state, "seller" if role == "buyer" else "buyer")
    options = [option.id for option in state.changes[name].options] if name else []
    return OrderChangeResponse(change=name or "", option=luck.choice(["", *options]), note=mark)


def _despatch(state, role, mark, luck):
    quantity = str(luck.randint(1, 3))
    return DespatchAdvice(number=mark, lines=(DespatchLine(line="1", item=ITEM, quantity=quantity),))


def _receipt(state, role, mark, luck):
    open_ones = [name for name, one in state.despatches.items() if one.kind == "goods" and not one.receipt]
    name = luck.choice(open_ones)
    line = ReceiptLine(line="1", received=state.despatches[name].lines[0].quantity, reason=mark)
    return ReceiptAdvice(despatch=name, lines=(line,))


_BUILD = {
    "Quotation": lambda state, role, mark, luck: offer(mark, luck.randint(2, 20)),
    "QuotationWithdrawn": lambda state, role, mark, luck: QuotationWithdrawn(
        quotation=state.quotation_id, reason=mark
    ),
    "CounterOffer": lambda state, role, mark, luck: CounterOffer(
        quotation=state.quotation_id, lines=(CounterLine(line="1", quantity=str(luck.randint(1, 9))),), note=mark
    ),
    "RequestDeclined": lambda state, role, mark, luck: RequestDeclined(reason=mark),
    "Order": lambda state, role, mark, luck: Order(number=mark, quotation=state.quotation_id),
    "OrderResponse": lambda state, role, mark, luck: OrderResponse(
        code="AP" if luck.random() < 0.9 else "RE", reason=mark
    ),
    "OrderChange": _change,
    "OrderChangeResponse": _answer,
    "OrderChangeWithdrawn": lambda state, role, mark, luck: OrderChangeWithdrawn(
        change=open_change(state, role) or "", reason=mark
    ),
    "OrderCancellation": lambda state, role, mark, luck: OrderCancellation(reason=mark),
    "ProgressNotice": lambda state, role, mark, luck: ProgressNotice(
        line="1", stage="making", done=str(luck.randint(0, 5)), of="5"
    ),
    "DespatchAdvice": _despatch,
    "ReceiptAdvice": _receipt,
    "ShortClosed": lambda state, role, mark, luck: ShortClosed(reason=mark),
}


def mark_of(message) -> str:
    """The mark that a message carries; "" for one without a place for it."""
    for name in ("number", "note", "reason"):
        told = getattr(message, name, "")
        if told:
            return told
    lines = getattr(message, "lines", ())
    return getattr(lines[0], "reason", "") if lines else ""
