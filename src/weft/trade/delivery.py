"""Goods: progress, despatch, receipt, short-closing, cancellation, and when an order is done.

Rule 1: a despatch of goods is bounded by the open rest and the tolerance; free-issue material by nothing but its item.
Rule 2: a despatch is receipted once, every line of it; what is missing was short.
Rule 3: an order closes by itself when nothing is open, nothing on its way and no change undecided.
Not here: stock and lots (``stock/``), money (``billing.py``).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeVar

from msgspec.structs import replace

from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import form
from weft.trade.change import lapse, touched
from weft.trade.messages import (
    DespatchAdvice,
    DespatchLine,
    OrderCancellation,
    ProgressNotice,
    ReceiptAdvice,
    ReceiptLine,
    ShortClosed,
)
from weft.trade.numbers import WIDE, ZERO, text, total
from weft.trade.order_state import Change, Despatch, MaterialAccount, OrderLine, OrderState, Phase, SentLine

Account = TypeVar("Account", OrderLine, MaterialAccount)

LOTS_MAX: Final = 100
DESPATCHES_MAX: Final = 1000
LOSSES: Final = ("damaged", "rejected", "short")


# ---- what each word must hold --------------------------------------------------------------------


def check_progress(state: OrderState, said: Said, notice: ProgressNotice) -> None:
    _check_confirmed(state, said)
    if notice.line not in state.lines:
        raise Invalid("order.unknown-line", line=notice.line[:40])
    form.not_negative(notice.done, notice.line)
    form.not_negative(notice.of, notice.line)
    form.moment(notice.at, notice.line)


def _check_confirmed(state: OrderState, said: Said) -> None:
    """Refuse words about making and sending if the seller never confirmed: some may come after the end."""
    if not state.response_id:
        facts = {"message": type(said.message).__name__, "phase": state.phase.value, "role": said.role}
        raise Refused("order.not-confirmed", **facts)


def check_despatch(state: OrderState, said: Said, advice: DespatchAdvice) -> None:
    _check_confirmed(state, said)
    if (advice.kind == "materials") != (said.role == "buyer"):
        raise Refused("order.despatch-kind", kind=advice.kind, role=said.role)
    if len(state.despatches) >= DESPATCHES_MAX:
        raise Refused("order.too-many-despatches", limit=DESPATCHES_MAX)
    form.name(advice.number, "number")
    form.words(advice.carrier, "carrier", form.NAME_MAX)
    form.words(advice.tracking, "tracking", form.NAME_MAX)
    form.moment(advice.at, "at")
    form.counted(advice.lines, "lines")
    form.distinct(line.line for line in advice.lines)
    for line in advice.lines:
        _check_sent(line)
        if advice.kind == "goods":
            _check_goods(state, line)
        else:
            _check_material(state, line)


def _check_sent(line: DespatchLine) -> None:
    form.positive(line.quantity, line.line)
    if line.weighed:
        form.positive(line.weighed, line.line)
    if len(line.lots) > LOTS_MAX:
        raise Invalid("trade.lines-too-many", where=line.line, limit=LOTS_MAX)
    for lot in line.lots:
        form.name(lot, line.line)


def _check_goods(state: OrderState, sent: DespatchLine) -> None:
    line = state.lines.get(sent.line)
    if line is None:
        raise Invalid("order.unknown-line", line=sent.line)
    _check_same(sent, line.item, line.unit)
    if line.ended:
        raise Refused("order.line-ended", line=sent.line)
    if Decimal(sent.quantity) > line.room:
        raise Refused("order.over-despatch", line=sent.line, open=text(line.open), room=text(line.room),
                      quantity=sent.quantity)


def _check_material(state: OrderState, sent: DespatchLine) -> None:
    account = next((one for one in state.materials if one.item == sent.item), None)
    if account is None:
        raise Invalid("order.unknown-material", line=sent.line, item=sent.item[:100])
    _check_same(sent, account.item, account.unit)


def _check_same(sent: DespatchLine, item: str, unit: str) -> None:
    if sent.item != item:
        raise Invalid("order.item", line=sent.line, given=sent.item[:100], expected=item)
    if sent.unit != unit:
        raise Invalid("order.unit", line=sent.line, given=sent.unit[:10], expected=unit)


def check_receipt(state: OrderState, said: Said, advice: ReceiptAdvice) -> None:
    despatch = state.despatches.get(advice.despatch)
    if despatch is None:
        raise Invalid("order.unknown-despatch")
    if (despatch.kind == "materials") != (said.role == "seller"):
        raise Refused("order.own-despatch")
    if despatch.receipt:
        raise Refused("order.received-already")
    form.moment(advice.at, "at")
    form.distinct(line.line for line in advice.lines)
    sent = {line.line: line for line in despatch.lines}
    for line in advice.lines:
        _check_arrived(line, sent)
    for name in sent:
        if all(line.line != name for line in advice.lines):
            raise Invalid("order.receipt-incomplete", line=name)


def _check_arrived(line: ReceiptLine, sent: Mapping[str, SentLine]) -> None:
    if line.line not in sent:
        raise Invalid("order.unknown-line", line=line.line)
    form.words(line.reason, line.line, 500)
    arrived = sum((form.not_negative(given, line.line) for given in (line.received, line.damaged, line.rejected)), ZERO)
    if arrived > Decimal(sent[line.line].quantity):
        raise Refused("order.over-receipt", line=line.line, sent=sent[line.line].quantity, quantity=text(arrived))


def check_short(state: OrderState, _said: Said, closed: ShortClosed) -> None:
    form.words(closed.reason, "reason", 500)
    if closed.lines:
        form.counted(closed.lines, "lines")
        form.distinct(closed.lines)
    for name in closed.lines:
        if name not in state.lines:
            raise Invalid("order.unknown-line", line=name)
    if not any(state.lines[name].open or not state.lines[name].ended for name in closed.lines or state.lines):
        raise Refused("order.nothing-open")


def check_cancellation(_: OrderState, _said: Said, message: OrderCancellation) -> None:
    form.words(message.reason, "reason", 500)


# ---- what it makes of the state ------------------------------------------------------------------


def progress(state: OrderState, _said: Said, notice: ProgressNotice) -> OrderState:
    line = replace(state.lines[notice.line], stage=notice.stage, done=notice.done, of=notice.of, progress_at=notice.at)
    return replace(state, lines={**state.lines, notice.line: line})


def despatch(state: OrderState, said: Said, advice: DespatchAdvice) -> OrderState:
    sent = tuple(
        SentLine(line=one.line, item=one.item, quantity=one.quantity, unit=one.unit, lots=one.lots, weighed=one.weighed)
        for one in advice.lines
    )
    entry = Despatch(kind=advice.kind, number=advice.number, lines=sent, carrier=advice.carrier,
                     tracking=advice.tracking, at=advice.at)
    state = replace(state, despatches={**state.despatches, said.id: entry})
    if advice.kind == "goods":
        return _book_lines(state, [(line.line, {"despatched": line.quantity}) for line in sent])
    return _book_materials(state, [(line.item, {"sent": line.quantity}) for line in sent])


def receipt(state: OrderState, said: Said, advice: ReceiptAdvice) -> OrderState:
    entry = state.despatches[advice.despatch]
    told = {line.line: line for line in advice.lines}
    arrived = tuple(_arrived(line, told[line.line]) for line in entry.lines)
    despatches = {**state.despatches, advice.despatch: replace(entry, lines=arrived, receipt=said.id)}
    state = replace(state, despatches=despatches)
    amounts = [(line, {name: getattr(line, name) for name in ("received", *LOSSES)}) for line in arrived]
    if entry.kind == "goods":
        return _book_lines(state, [(line.line, booked) for line, booked in amounts])
    return _book_materials(state, [(line.item, booked) for line, booked in amounts])


def _arrived(sent: SentLine, told: ReceiptLine) -> SentLine:
    missing = Decimal(sent.quantity) - total((told.received, told.damaged, told.rejected))
    return replace(sent, received=text(Decimal(told.received)), damaged=text(Decimal(told.damaged)),
                   rejected=text(Decimal(told.rejected)), short=text(missing))


def _book_lines(state: OrderState, booked: list[tuple[str, dict[str, str]]]) -> OrderState:
    lines = dict(state.lines)
    for name, amounts in booked:
        lines[name] = _added(lines[name], amounts)
    return replace(state, lines=lines)


def _book_materials(state: OrderState, booked: list[tuple[str, dict[str, str]]]) -> OrderState:
    accounts = {account.item: account for account in state.materials}
    for item, amounts in booked:
        accounts[item] = _added(accounts[item], amounts)
    return replace(state, materials=tuple(accounts.values()))


def _added(account: Account, amounts: dict[str, str]) -> Account:
    return replace(account, **{
        name: text(WIDE.add(Decimal(getattr(account, name)), Decimal(amount))) for name, amount in amounts.items()
    })


def short(state: OrderState, _said: Said, message: ShortClosed) -> OrderState:
    lines = dict(state.lines)
    for name in message.lines or state.lines:
        if not lines[name].ended:
            lines[name] = replace(lines[name], ended="short-closed")
    return replace(state, lines=lines)


def cancellation(state: OrderState, _said: Said, _message: OrderCancellation) -> OrderState:
    lines = {
        name: replace(line, ended=line.ended or "cancelled", return_requested=text(line.in_transit))
        for name, line in state.lines.items()
    }
    return lapse(replace(state, lines=lines))


def settle(state: OrderState) -> OrderState:
    """``state``, closed or cancelled if nothing is left to do."""
    if state.phase not in {Phase.ORDERED, Phase.CONFIRMED}:
        return state
    state = lapse(state, lambda change: _is_over(state, change))
    lines = state.lines.values()
    if all(line.ended == "cancelled" and not Decimal(line.despatched) for line in lines):
        return replace(lapse(state), phase=Phase.CANCELLED)
    undecided = any(change.status == "open" for change in state.changes.values())
    if state.phase is Phase.CONFIRMED and not undecided and not any(line.open or line.in_transit for line in lines):
        return replace(state, phase=Phase.CLOSED)
    return state


def _is_over(state: OrderState, change: Change) -> bool:
    """Whether every line that ``change`` is about has ended."""
    return all(state.lines[name].ended for option in change.options for name in touched(state, option))
