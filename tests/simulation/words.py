"""What the people of a simulated world say in an order: any word that the rules allow now, with a mark.

Goods go short, in parts and above the order within its tolerance; what arrives may be refused in part and is owed
again. Some requests come with material that stays the buyer's (委外带料).
Not here: money (``money.py``), what people do in their own house (``house.py``).
"""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from weft.trade.change import open_change
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
from weft.trade.order import may_say
from weft.trade.order_state import OrderState

PROMISE = "2026-12-01T08:00:00.000Z"
ITEMS = ("valve-dn15", "valve-dn20")
ITEM = ITEMS[0]
MATERIAL = "casting"
ENDS = frozenset({"RequestDeclined", "OrderCancellation", "ShortClosed", "QuotationWithdrawn"})
ONWARD = frozenset({"Order", "OrderResponse", "DespatchAdvice", "ReceiptAdvice"})
SILENT_ABOUT_ENDS = 0.92  # so that most orders live long enough to be despatched
WITH_MATERIAL = 0.25
FREE_ISSUE = {"BODY": "CAST"}  # what is made of the buyer's own material, always


def request(mark: str, luck: random.Random, goods: Sequence[str] = ITEMS) -> RequestForQuotation:
    """Ask for one or two of ``goods``, now and then with our own material along."""
    chosen = luck.sample(list(goods), luck.randint(1, min(2, len(goods))))
    lines = tuple(RequestLine(line=str(place), item=item, quantity=str(luck.randint(2, 20)))
                  for place, item in enumerate(chosen, 1))
    along = {line.item: FREE_ISSUE[line.item] for line in lines if line.item in FREE_ISSUE}
    if goods is ITEMS and luck.random() < WITH_MATERIAL:
        along[lines[0].item] = MATERIAL
    materials = tuple(FreeIssueMaterial(item=along[line.item], quantity=line.quantity) for line in lines
                      if line.item in along)
    return RequestForQuotation(number=mark, currency="CNY", lines=lines, materials=materials)


def offer(mark: str, lines: Sequence[tuple[str, str, int]]) -> Quotation:
    """An offer of ``lines`` (line, item, quantity) at one price; a tenth more may be sent."""
    offered = tuple(
        QuotationLine(line=line, item=item, quantity=str(amount), unit_price="10", net=f"{amount * 10}.00", tax="0.00",
                      gross=f"{amount * 10}.00", promise=PROMISE)
        for line, item, amount in lines)
    net = f"{sum(amount for _, _, amount in lines) * 10}.00"
    return Quotation(number=mark, currency="CNY", lines=offered, net=net, tax="0.00", gross=net,
                     over_delivery_percent="10")


def wanted(state: OrderState, counter: CounterOffer | None) -> list[tuple[str, str, int]]:
    """(line, item, quantity) as last asked for."""
    assert state.request is not None
    asked = {line.line: line.quantity for line in (*state.request.lines, *(counter.lines if counter else ()))}
    return [(line.line, line.item, int(Decimal(asked[line.line]))) for line in state.request.lines]


def any_word(state: OrderState, role: str, mark: str, luck: random.Random) -> Any:
    """Something that ``role`` may say in ``state``; None when there is nothing."""
    names = may_say(state, role)
    if luck.random() < SILENT_ABOUT_ENDS:
        names = tuple(name for name in names if name not in ENDS)
    if not names:
        return None
    weights = [9 if name in ONWARD else 1 for name in names]
    return _BUILD[luck.choices(list(names), weights)[0]](state, role, mark, luck)


def _some_line(state: OrderState, luck: random.Random) -> str:
    return luck.choice(sorted(state.lines))


def _quotation(state: OrderState, _role: str, mark: str, luck: random.Random) -> Quotation:
    return offer(mark, [(line, item, luck.randint(2, 20)) for line, item, _ in wanted(state, None)])


def _counter(state: OrderState, _role: str, mark: str, luck: random.Random) -> CounterOffer:
    assert state.quotation is not None
    line = luck.choice(state.quotation.lines).line
    return CounterOffer(quotation=state.quotation_id, note=mark,
                        lines=(CounterLine(line=line, quantity=str(luck.randint(1, 9))),))


def _change(state: OrderState, _role: str, mark: str, luck: random.Random) -> OrderChange:
    line = _some_line(state, luck)
    later = ChangeLine(line=line, promise="2026-12-05T08:00:00.000Z")
    more = ChangeLine(line=line, quantity=str(luck.randint(0, 30)))
    parts = tuple(ChangeLine(line=line, quantity=str(luck.randint(1, 9)), promise=f"2026-12-0{day}T08:00:00.000Z")
                  for day in (2, 6))
    options = [
        ChangeOption(id="later", kind="later", lines=(later,)),
        ChangeOption(id="more", kind="change", lines=(more,)),
        ChangeOption(id="parts", kind="partial", lines=parts),
        ChangeOption(id="none", kind="cancel", lines=() if luck.random() < 0.5 else (ChangeLine(line=line),)),
    ]
    return OrderChange(number=mark, options=tuple(luck.sample(options, luck.randint(1, 3))))


def _answer(state: OrderState, role: str, mark: str, luck: random.Random) -> OrderChangeResponse:
    name = open_change(state, "seller" if role == "buyer" else "buyer")
    options = [option.id for option in state.changes[name].options] if name else []
    return OrderChangeResponse(change=name or "", option=luck.choice(["", *options]), note=mark)


def _despatch(state: OrderState, role: str, mark: str, luck: random.Random) -> DespatchAdvice:
    """Part of what is open, all of it, or as much as the tolerance allows; a buyer sends its material."""
    if role == "buyer":
        line = DespatchLine(line="m", item=luck.choice(state.materials).item, quantity=str(luck.randint(1, 5)))
        return DespatchAdvice(number=mark, kind="materials", lines=(line,))
    lines = []
    for name, held in state.lines.items():
        room = int(held.room)
        if room < 1 or (lines and luck.random() < 0.5):
            continue
        amounts = [luck.randint(1, room), room] + [int(held.open)] * (held.open >= 1)
        lines.append(DespatchLine(line=name, item=held.item, quantity=str(luck.choice(amounts))))
    if not lines:  # only a part of a piece is open: it will be refused
        lines = [DespatchLine(line=name, item=held.item, quantity="1") for name, held in state.lines.items()]
    return DespatchAdvice(number=mark, lines=tuple(lines))


def _receipt(state: OrderState, role: str, mark: str, luck: random.Random) -> ReceiptAdvice:
    """All of it, or some damaged, some refused, some missing."""
    kind = "goods" if role == "buyer" else "materials"
    name = luck.choice([one for one, held in state.despatches.items() if held.kind == kind and not held.receipt])
    lines = []
    for sent in state.despatches[name].lines:
        left = int(Decimal(sent.quantity))
        parts = {"damaged": 0, "rejected": 0, "short": 0}
        if luck.random() < 0.3:
            for what in ("damaged", "rejected", "short"):
                parts[what] = luck.randint(0, left)
                left -= parts[what]
        lines.append(ReceiptLine(line=sent.line, received=str(left), damaged=str(parts["damaged"]),
                                 rejected=str(parts["rejected"]), reason=mark))
    return ReceiptAdvice(despatch=name, lines=tuple(lines))


def _progress(state: OrderState, _role: str, _mark: str, luck: random.Random) -> ProgressNotice:
    return ProgressNotice(line=_some_line(state, luck), stage="making", done=str(luck.randint(0, 5)), of="5")


def _short(state: OrderState, _role: str, mark: str, luck: random.Random) -> ShortClosed:
    return ShortClosed(lines=() if luck.random() < 0.5 else (_some_line(state, luck),), reason=mark)


_BUILD = {
    "Quotation": _quotation,
    "QuotationWithdrawn": lambda state, role, mark, luck: QuotationWithdrawn(
        quotation=state.quotation_id, reason=mark
    ),
    "CounterOffer": _counter,
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
    "ProgressNotice": _progress,
    "DespatchAdvice": _despatch,
    "ReceiptAdvice": _receipt,
    "ShortClosed": _short,
}


def mark_of(message: Any) -> str:
    """The mark that a message carries; "" for one without a place for it."""
    for name in ("number", "note", "reason"):
        told = getattr(message, name, "")
        if told:
            return str(told)
    lines = getattr(message, "lines", ())
    return str(getattr(lines[0], "reason", "")) if lines else ""
