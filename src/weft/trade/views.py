"""Reading an order: its column on the board, whose turn it is, what is open, what it is worth.

Rule 1: everything follows from the state; nothing here knows which side we are.
Not here: sentences and forms (``doors/console``), tables over many orders (``engine/views``).
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from weft.trade.change import open_change
from weft.trade.numbers import ZERO, money, text, total
from weft.trade.order_rules import BUYER, SELLER
from weft.trade.order_state import OrderLine, OrderState, Phase

Column = Literal["asked", "quoted", "ordered", "making", "on-the-way", "received", "billed", "ended"]
COLUMNS: Final[tuple[Column, ...]] = (
    "asked", "quoted", "ordered", "making", "on-the-way", "received", "billed", "ended",
)


class OrderSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One card of the board. ``waiting_for``: the role to act, or "". ``promise``: when the last open line leaves."""

    column: Column
    phase: str
    number: str
    waiting_for: str
    promise: str
    first_promise: str
    currency: str
    net: str
    gross: str
    lines: int
    open: bool
    change_open: bool


def order_summary(state: OrderState, *, billed: bool = False) -> OrderSummary:
    """The card of ``state``; that it is billed is known to the relationship, so it is told."""
    net, gross = amounts(state)
    return OrderSummary(
        column=column(state, billed=billed), phase=state.phase.value, number=_number(state),
        waiting_for=waiting_for(state), promise=promise(state), first_promise=first_promise(state),
        currency=state.currency, net=net, gross=gross,
        lines=len(state.lines) or (len(state.request.lines) if state.request else 0),
        open=any(line.open for line in state.lines.values()),
        change_open=any(open_change(state, role) is not None for role in (BUYER, SELLER)),
    )


def _number(state: OrderState) -> str:
    if state.order is not None:
        return state.order.number
    return state.request.number if state.request is not None else ""


_EARLY: Final[dict[Phase, Column]] = {
    Phase.NEW: "asked", Phase.REQUESTED: "asked", Phase.COUNTERED: "asked", Phase.QUOTED: "quoted",
    Phase.ORDERED: "ordered", Phase.CANCELLED: "ended", Phase.DECLINED: "ended", Phase.REJECTED: "ended",
}


def column(state: OrderState, *, billed: bool = False) -> Column:
    """Where the order stands on the board."""
    early = _EARLY.get(state.phase)
    if early is not None:
        return early
    if billed:
        return "billed"
    lines = state.lines.values()
    if state.phase is Phase.CLOSED:
        return "received"
    if any(line.in_transit for line in lines):
        return "on-the-way"
    started = any(line.stage in {"making", "made"} or Decimal(line.despatched) for line in lines)
    return "making" if started else "ordered"


def waiting_for(state: OrderState) -> str:
    """The role that is to answer or act next; "" when nobody is."""
    for role, answerer in ((SELLER, BUYER), (BUYER, SELLER)):
        if open_change(state, role) is not None:
            return answerer
    if state.phase in {Phase.REQUESTED, Phase.COUNTERED, Phase.ORDERED}:
        return SELLER
    if state.phase is Phase.QUOTED:
        return BUYER
    if state.phase is Phase.CONFIRMED:
        return SELLER if any(line.open for line in state.lines.values()) else BUYER
    return BUYER if state.phase is Phase.CANCELLED and _in_transit(state) else ""


def _in_transit(state: OrderState) -> bool:
    return any(entry.kind == "goods" and not entry.receipt for entry in state.despatches.values())


def open_quantity(state: OrderState, line: str) -> str:
    """What the seller still owes of ``line``."""
    found = state.lines.get(line)
    return text(found.open) if found else "0"


def promise(state: OrderState) -> str:
    """When the last line that is still open leaves; before the order, as quoted; "" if nothing is promised."""
    if not state.lines:
        return max((line.promise for line in state.quotation.lines), default="") if state.quotation else ""
    lines = state.lines.values()
    return max((line.promise for line in lines if line.open), default=max((line.promise for line in lines), default=""))


def first_promise(state: OrderState) -> str:
    """What was promised when it was ordered."""
    return max((line.first_promise for line in state.lines.values()), default=promise(state))


def amounts(state: OrderState) -> tuple[str, str]:
    """Net and gross of what is ordered, or offered."""
    if not state.currency:
        return "0", "0"
    priced = state.lines.values() or (state.quotation.lines if state.quotation else ())
    net, gross = total(line.net for line in priced), total(line.gross for line in priced)
    return money(net, state.currency), money(gross, state.currency)


def delivered_share(state: OrderState) -> int:
    """Whole per cent of the ordered quantities that were delivered, over all lines; for a progress bar."""
    ordered = total(line.ordered for line in state.lines.values())
    if not ordered:
        return 0
    sent = sum((min(line.delivered, Decimal(line.ordered)) for line in state.lines.values()), ZERO)
    return int(sent * 100 / ordered)


def billable(line: OrderLine) -> str:
    """The quantity of a line that the seller may bill: what arrived in good state."""
    return text(Decimal(line.received))
