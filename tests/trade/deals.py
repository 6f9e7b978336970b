"""Deals for the tests beside this file: samples, conversations that reach every phase, all that could be said."""

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from weft.basis.canonical import encode
from weft.basis.decider import Said
from weft.thread.fold import Node
from weft.trade import order
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    CounterLine,
    CounterOffer,
    DespatchAdvice,
    DespatchLine,
    FreeIssueMaterial,
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
from weft.trade.numbers import text
from weft.trade.order_state import OrderState

BUYER, SELLER = order.BUYER, order.SELLER
ORGANISATION = {BUYER: "B" * 43, SELLER: "S" * 43}
NOBODY = "n" * 43
SOON, LATER = "2026-12-01T08:00:00.000Z", "2026-12-09T08:00:00.000Z"

REQUEST = RequestForQuotation(
    number="RFQ-1", currency="CNY", wanted_by=SOON, attributes={"zone": "CN-ZJ"},
    lines=(RequestLine(line="1", item="body", quantity="10", buyer_item="我方-阀体"),
           RequestLine(line="2", item="stem", quantity="4")),
    materials=(FreeIssueMaterial(item="铸件", quantity="10"),),
)


def quoted(quantity="10", price="3.00", number="Q-1", **more):
    """A quotation of both lines, 13 % tax."""
    lines = []
    for name, item, amount in (("1", "body", quantity), ("2", "stem", "4")):
        net = Decimal(amount) * Decimal(price)
        tax = (net * 13 / 100).quantize(Decimal("0.01"))
        lines.append(QuotationLine(
            line=name, item=item, quantity=amount, unit_price=price, net=f"{net:.2f}", tax=f"{tax:.2f}",
            gross=f"{net + tax:.2f}", tax_percent="13", promise=SOON))
    sums = {kind: f"{sum(Decimal(getattr(line, kind)) for line in lines):.2f}" for kind in ("net", "tax", "gross")}
    return Quotation(number=number, lines=tuple(lines), currency="CNY",
                     **{**sums, "over_delivery_percent": "20", "valid_until": LATER, **more})


def said(role, message, name="event"):
    return Said(name, ORGANISATION[role], role, message)


def sent(quantity, line="1", item="body", **more):
    return DespatchAdvice(number="D", lines=(DespatchLine(line=line, item=item, quantity=quantity),), **more)


def arrived(state, name, lost="0"):
    """A receipt of despatch ``name``; of each line ``lost`` pieces were damaged, and the same came short if it can."""
    lines = []
    for line in state.despatches[name].lines:
        damaged = min(Decimal(lost), Decimal(line.quantity))
        good = max(Decimal(0), Decimal(line.quantity) - 2 * damaged)
        lines.append(ReceiptLine(line=line.line, received=text(good), damaged=text(damaged), reason="dented"))
    return ReceiptAdvice(despatch=name, lines=tuple(lines))


CHANGES = (
    OrderChange(number="C-1", cause="machine-late", options=(
        ChangeOption(id="later", kind="later", lines=(ChangeLine(line="1", promise=LATER),)),
        ChangeOption(id="partial", kind="partial", lines=(
            ChangeLine(line="1", quantity="4", promise=SOON), ChangeLine(line="1", quantity="6", promise=LATER))),
        ChangeOption(id="cancel", kind="cancel"),
    )),
    OrderChange(number="C-2", cause="quantity", options=(
        ChangeOption(id="less", kind="change", lines=(
            ChangeLine(line="1", quantity="2"), ChangeLine(line="2", quantity="0"))),
        ChangeOption(id="more", kind="change", lines=(
            ChangeLine(line="1", quantity="12", net="36.00", tax="4.68", gross="40.68"),)),
    )),
)


def bargaining(state: OrderState, role: str):
    """What ``role`` might say about the offer, sensible or not."""
    offer = state.quotation_id or NOBODY
    yield RequestDeclined(reason="no time")
    if role == BUYER:
        yield REQUEST
        yield CounterOffer(quotation=offer, lines=(CounterLine(line="1", quantity="8", unit_price="2.5"),))
        yield CounterOffer(quotation=NOBODY, lines=(CounterLine(line="1", quantity="8"),))
        yield Order(number="PO-1", quotation=offer)
        yield OrderCancellation(reason="no need")
        return
    yield quoted(price="2.80", number="Q-2")
    yield QuotationWithdrawn(quotation=offer)
    yield OrderResponse(code="AP", order=state.order_id)
    yield OrderResponse(code="RE", order=state.order_id)
    yield OrderResponse(code="AP", order=NOBODY)


def changing(state: OrderState, role: str):
    yield from CHANGES
    for name, change in [*state.changes.items(), (NOBODY, None)]:
        options = [option.id for option in change.options] if change else ["later"]
        yield from (OrderChangeResponse(change=name, option=option) for option in [*options, ""])
        yield OrderChangeWithdrawn(change=name)


def delivering(state: OrderState, role: str):
    """What ``role`` might say about goods, sensible or not."""
    for name in state.despatches:
        yield from (arrived(state, name, lost) for lost in ("0", "1"))
    yield ReceiptAdvice(despatch=NOBODY, lines=(ReceiptLine(line="1", received="1"),))
    if role == BUYER:
        yield from (ShortClosed(lines=lines) for lines in ((), ("1",), ("2",)))
        yield sent("5", line="1", item="铸件", kind="materials")
        return
    yield ProgressNotice(line="1", stage="making", done="2", of="10")
    line = state.lines.get("1")
    rest = text(line.open) if line and line.open else "3"
    for quantity in {"1", rest, text(Decimal(rest) + 1)}:
        yield sent(quantity)
    yield DespatchAdvice(number="D", lines=(
        DespatchLine(line="1", item="body", quantity=rest), DespatchLine(line="2", item="stem", quantity="4")))


def possible(state: OrderState, role: str) -> list:
    """All that ``role`` might say in ``state``; at least one of each type that is its own."""
    return [*bargaining(state, role), *changing(state, role), *delivering(state, role)]


@dataclass
class Deal:
    """A conversation in one line, each word allowed."""

    state: OrderState = order.INITIAL
    nodes: list[Node] = field(default_factory=list)

    def say(self, role, message):
        name = f"{len(self.nodes):03d}"
        word = said(role, message, name)
        assert order.judge(self.state, word) is None, order.judge(self.state, word)
        self.state = order.evolve(self.state, word)
        self.nodes.append(Node(word, tuple(node.said.id for node in self.nodes[-1:])))
        return name

    def seller(self, message):
        return self.say(SELLER, message)

    def buyer(self, message):
        return self.say(BUYER, message)


def _requested():
    deal = Deal()
    deal.buyer(REQUEST)
    return deal


def _quoted():
    deal = _requested()
    deal.seller(quoted())
    return deal


def _countered():
    deal = _quoted()
    deal.buyer(CounterOffer(quotation="001", lines=(CounterLine(line="1", quantity="8"),)))
    return deal


def _withdrawn():
    deal = _countered()
    deal.seller(QuotationWithdrawn(quotation="001"))
    return deal


def _ordered():
    deal = _quoted()
    deal.buyer(Order(number="PO-1", quotation="001"))
    return deal


def _confirmed():
    deal = _ordered()
    deal.seller(OrderResponse(code="AP", order="002"))
    return deal


def _making():
    deal = _confirmed()
    deal.buyer(sent("5", item="铸件", kind="materials"))
    deal.seller(ProgressNotice(line="1", stage="making", done="2", of="10"))
    return deal


def _changing(*roles):
    deal = _partly()
    for role in roles:
        deal.say(role, CHANGES[roles.index(role)])
    return deal


def _partly():
    deal = _making()
    deal.seller(sent("3"))
    return deal


def _partly_received():
    deal = _partly()
    deal.buyer(arrived(deal.state, "006", "1"))
    return deal


def _all_sent():
    deal = _confirmed()
    deal.seller(sent("10"))
    deal.seller(sent("4", line="2", item="stem"))
    deal.buyer(arrived(deal.state, "004"))
    return deal


def _all_received_but_undecided(role):
    deal = _all_sent()
    deal.say(role, CHANGES[0])
    deal.buyer(arrived(deal.state, "005"))
    return deal


def _closed():
    deal = _all_sent()
    deal.buyer(sent("1", item="铸件", kind="materials"))
    deal.buyer(arrived(deal.state, "005"))
    return deal


def _short_closed():
    deal = _partly()
    deal.buyer(ShortClosed(lines=("2",)))
    return deal


def _cancelled():
    deal = _partly()
    deal.buyer(OrderCancellation())
    return deal


def _declined():
    deal = _quoted()
    deal.buyer(RequestDeclined())
    return deal


def _rejected():
    deal = _ordered()
    deal.seller(OrderResponse(code="RE", order="002"))
    return deal


SCENES = {
    "new": Deal(), "requested": _requested(), "quoted": _quoted(), "countered": _countered(),
    "withdrawn": _withdrawn(), "ordered": _ordered(), "confirmed": _confirmed(), "making": _making(),
    "partly": _partly(), "partly received": _partly_received(), "all sent": _all_sent(),
    "seller asks": _changing(SELLER), "buyer asks": _changing(BUYER), "both ask": _changing(SELLER, BUYER),
    "undecided": _all_received_but_undecided(SELLER), "undecided too": _all_received_but_undecided(BUYER),
    "short": _short_closed(), "closed": _closed(),
    "cancelled": _cancelled(), "declined": _declined(), "rejected": _rejected(),
}


def read(state: OrderState, *words: Said) -> OrderState:
    """``state`` after ``words`` in their order; what is denied changes nothing."""
    for word in words:
        if order.judge(state, word) is None:
            state = order.evolve(state, word)
    return state


def fingerprint(state) -> bytes:
    """What two members compare."""
    return encode(msgspec.to_builtins(state))
