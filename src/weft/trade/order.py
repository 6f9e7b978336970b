"""The conversation ``order/1``: one deal between a buyer and a seller, from the request to the last receipt.

Names follow UBL 2.4. The tables are in ``order_rules.py``, the words' effects in ``bargain.py``, ``change.py`` and
``delivery.py``, the state in ``order_state.py``.
Rule 1: ``judge`` is total: whatever a peer signs, it gives a code or None and never raises.
Rule 2: a message of a type that is not of this conversation (an acknowledgement) changes nothing; those of
        ``pickup.py`` and ``attested.py`` do not either, though not everybody may say them at any time.
Not here: bills and payments (``relationship.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from weft.basis.decider import Message, Said
from weft.basis.errors import Refused, WeftError
from weft.trade import attested, bargain, change, delivery, pickup
from weft.trade.messages import (
    ORDER_MESSAGES,
    CounterOffer,
    DespatchAdvice,
    Order,
    OrderCancellation,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
    OrderResponse,
    ProgressNotice,
    Quotation,
    QuotationWithdrawn,
    ReceiptAdvice,
    RequestDeclined,
    RequestForQuotation,
    ShortClosed,
)
from weft.trade.order_rules import BUYER, CROSSINGS, CROSSINGS_BY_ROLE, READ_FIRST, RULES, SELLER
from weft.trade.order_state import Change, Despatch, MaterialAccount, OrderLine, OrderState, Phase
from weft.trade.say import Say

__all__ = ["BUYER", "CROSSINGS", "CROSSINGS_BY_ROLE", "INITIAL", "MESSAGES", "NAME", "READ_FIRST", "RULES", "SELLER",
           "VERSION", "Change", "Despatch", "MaterialAccount", "OrderLine", "OrderState", "Phase", "Say", "decide",
           "evolve", "judge", "may_say"]

NAME: Final = "order"
VERSION: Final = 1
MESSAGES: Final[Mapping[str, type[Message]]] = {**ORDER_MESSAGES, **pickup.WORDS, **attested.WORDS}
INITIAL: Final = OrderState()

Check = Callable[[OrderState, Said, Any], None]
Effect = Callable[[OrderState, Said, Any], OrderState]

WORDS: Final[Mapping[type[Message], tuple[Check, Effect]]] = {
    RequestForQuotation: (bargain.check_request, bargain.request),
    Quotation: (bargain.check_quotation, bargain.quotation),
    QuotationWithdrawn: (bargain.check_withdrawal, bargain.withdrawal),
    CounterOffer: (bargain.check_counter, bargain.counter),
    RequestDeclined: (bargain.check_declined, bargain.declined),
    Order: (bargain.check_order, bargain.order),
    OrderResponse: (bargain.check_response, bargain.response),
    OrderChange: (change.check_change, change.proposed),
    OrderChangeResponse: (change.check_answer, change.answered),
    OrderChangeWithdrawn: (change.check_withdrawn, change.withdrawn),
    OrderCancellation: (delivery.check_cancellation, delivery.cancellation),
    ProgressNotice: (delivery.check_progress, delivery.progress),
    DespatchAdvice: (delivery.check_despatch, delivery.despatch),
    ReceiptAdvice: (delivery.check_receipt, delivery.receipt),
    ShortClosed: (delivery.check_short, delivery.short),
}


def judge(state: OrderState, said: Said) -> str | None:
    """The code of the rule that denies ``said`` in ``state``, or None."""
    if type(said.message) not in WORDS:
        return pickup.judge(state, said) or attested.judge(state, said)
    try:
        _check(state, said)
    except WeftError as error:
        return error.code
    return None


def decide(state: OrderState, command: Say) -> Sequence[Message]:
    """The message to say; raises ``Refused`` or ``Invalid`` with the facts for its sentence."""
    for silent in (pickup, attested):
        if type(command.message).__name__ in silent.WORDS:
            silent.check(state, Said(id="", by=command.by, role=command.role, message=command.message))
            return (command.message,)
    if type(command.message) not in WORDS:
        raise Refused("order.unknown-word", message=type(command.message).__name__)
    message = command.message
    if isinstance(message, OrderResponse) and not message.order:
        message = replace(message, order=state.order_id)
    _check(state, Said(id="", by=command.by, role=command.role, message=message))
    return (message,)


def evolve(state: OrderState, said: Said) -> OrderState:
    """``state`` after ``said``, which ``judge`` allows."""
    kind = type(said.message)
    if kind not in WORDS:
        return state
    following = RULES[state.phase][said.role, kind]
    return delivery.settle(WORDS[kind][1](replace(state, phase=following), said, said.message))


def check_turn(state: OrderState, role: str, kind: type[Message]) -> None:
    """Raises ``Refused('order.…')`` where ``role`` may not say a word of ``kind`` now, whatever stands in it."""
    if (role, kind) not in RULES[state.phase]:
        _refuse_turn(state, role, kind)


def _check(state: OrderState, said: Said) -> None:
    check_turn(state, said.role, type(said.message))
    WORDS[type(said.message)][0](state, said, said.message)


def _refuse_turn(state: OrderState, role: str, kind: type[Message]) -> None:
    facts = {"role": role[:20], "phase": state.phase.value, "message": kind.__name__}
    if all((role, kind) not in turns for turns in RULES.values()):
        raise Refused("order.wrong-role", **facts)
    if state.phase is Phase.ORDERED and kind in {DespatchAdvice, OrderChange, ProgressNotice}:
        raise Refused("order.not-confirmed", **facts)
    if state.phase in {Phase.CLOSED, Phase.CANCELLED, Phase.DECLINED, Phase.REJECTED}:
        raise Refused("order.ended", **facts)
    raise Refused("order.not-now", **facts)


# ---- what could be said now: the console's buttons ---------------------------------------------------


def may_say(state: OrderState, role: str) -> tuple[str, ...]:
    """Names of the messages that ``role`` may say now, in the table's order; those without an object are left out."""
    turns = RULES[state.phase]
    return tuple(kind.__name__ for who, kind in turns if who == role and _has_object(state, role, kind))


def _has_object(state: OrderState, role: str, kind: type[Message]) -> bool:
    test = _OBJECTS.get(kind)
    return test is None or test(state, role)


def _on_table(state: OrderState, _: str) -> bool:
    return bool(state.quotation_id)


def _sendable(state: OrderState, role: str) -> bool:
    if state.phase is not Phase.CONFIRMED:
        return False
    return bool(state.materials) if role == BUYER else any(line.room for line in state.lines.values())


def _arriving(state: OrderState, role: str) -> bool:
    kind = "goods" if role == BUYER else "materials"
    return any(entry.kind == kind and not entry.receipt for entry in state.despatches.values())


def _unended(state: OrderState, _: str) -> bool:
    return any(not line.ended for line in state.lines.values())


def _changeable(state: OrderState, role: str) -> bool:
    return change.open_change(state, role) is None and _unended(state, role)


def _answerable(state: OrderState, role: str) -> bool:
    return change.open_change(state, SELLER if role == BUYER else BUYER) is not None


def _withdrawable(state: OrderState, role: str) -> bool:
    return change.open_change(state, role) is not None


def _owed(state: OrderState, _: str) -> bool:
    return any(line.open for line in state.lines.values())


def _underway(state: OrderState, role: str) -> bool:
    return state.phase is Phase.CONFIRMED and _owed(state, role)


_OBJECTS: Final[Mapping[type[Message], Callable[[OrderState, str], bool]]] = {
    ProgressNotice: _underway,
    QuotationWithdrawn: _on_table,
    CounterOffer: _on_table,
    Order: _on_table,
    DespatchAdvice: _sendable,
    ReceiptAdvice: _arriving,
    ShortClosed: _owed,  # goods that have left are not called back by a button: nothing of them is open
    OrderCancellation: _owed,
    OrderChange: _changeable,
    OrderChangeResponse: _answerable,
    OrderChangeWithdrawn: _withdrawable,
}
