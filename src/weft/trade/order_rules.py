"""The tables of the order: who may say what in which phase, and which of two crossing words is read first.

``RULES`` gives the usual next phase; ``OUTCOMES`` what a message may lead to besides, by what it holds.
``READ_FIRST`` ranks the messages, strongest first, each with its reason; ``CROSSINGS`` follows from it for every pair.
Rule 1: facts come before words: what has left the yard or arrived cannot be undone by what was said meanwhile.
Rule 2: answers come before the taking back of questions, acceptances before the taking back of offers.
Rule 3: what ends comes last, so that it ends all that was said meanwhile.
Not here: what a message must hold (``bargain.py``, ``change.py``, ``delivery.py``).
"""

from collections.abc import Mapping
from typing import Final

from weft.basis.decider import Crossing, Message
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
from weft.trade.order_state import Phase

BUYER: Final = "buyer"
SELLER: Final = "seller"

Turn = tuple[str, type[Message]]

_END: Final[Mapping[Turn, Phase]] = {
    (BUYER, RequestDeclined): Phase.DECLINED,
    (SELLER, RequestDeclined): Phase.DECLINED,
}


def _changes(phase: Phase) -> dict[Turn, Phase]:
    """Both sides may propose, answer and take back changes without leaving ``phase``."""
    kinds = (OrderChange, OrderChangeResponse, OrderChangeWithdrawn)
    return {(role, kind): phase for role in (BUYER, SELLER) for kind in kinds}


RULES: Final[Mapping[Phase, Mapping[Turn, Phase]]] = {
    Phase.NEW: {(BUYER, RequestForQuotation): Phase.REQUESTED},
    Phase.REQUESTED: {(SELLER, Quotation): Phase.QUOTED, **_END},
    Phase.QUOTED: {
        (SELLER, Quotation): Phase.QUOTED,
        (SELLER, QuotationWithdrawn): Phase.REQUESTED,
        (BUYER, CounterOffer): Phase.COUNTERED,
        (BUYER, Order): Phase.ORDERED,
        **_END,
    },
    Phase.COUNTERED: {
        (SELLER, Quotation): Phase.QUOTED,
        (SELLER, QuotationWithdrawn): Phase.COUNTERED,
        (BUYER, CounterOffer): Phase.COUNTERED,
        (BUYER, Order): Phase.ORDERED,
        **_END,
    },
    Phase.ORDERED: {
        (SELLER, OrderResponse): Phase.CONFIRMED,
        **_changes(Phase.ORDERED),
        (BUYER, DespatchAdvice): Phase.ORDERED,
        (SELLER, ReceiptAdvice): Phase.ORDERED,
        (BUYER, OrderCancellation): Phase.CANCELLED,
    },
    Phase.CONFIRMED: {
        **_changes(Phase.CONFIRMED),
        (SELLER, ProgressNotice): Phase.CONFIRMED,
        (SELLER, DespatchAdvice): Phase.CONFIRMED,
        (BUYER, DespatchAdvice): Phase.CONFIRMED,
        (BUYER, ReceiptAdvice): Phase.CONFIRMED,
        (SELLER, ReceiptAdvice): Phase.CONFIRMED,
        (BUYER, ShortClosed): Phase.CONFIRMED,
        (BUYER, OrderCancellation): Phase.CANCELLED,
    },
    Phase.CLOSED: {(SELLER, ReceiptAdvice): Phase.CLOSED},
    Phase.CANCELLED: {(BUYER, ReceiptAdvice): Phase.CANCELLED, (SELLER, ReceiptAdvice): Phase.CANCELLED},
    Phase.REJECTED: {(SELLER, ReceiptAdvice): Phase.REJECTED},
    Phase.DECLINED: {},
}

OUTCOMES: Final[Mapping[tuple[Phase, type[Message]], tuple[Phase, ...]]] = {
    (Phase.ORDERED, OrderResponse): (Phase.REJECTED,),  # code RE
    (Phase.ORDERED, OrderChangeResponse): (Phase.CANCELLED,),  # the option that cancels everything
    (Phase.CONFIRMED, OrderChangeResponse): (Phase.CANCELLED, Phase.CLOSED),
    (Phase.CONFIRMED, OrderChangeWithdrawn): (Phase.CLOSED,),  # it was all that was still undecided
    (Phase.CONFIRMED, ReceiptAdvice): (Phase.CLOSED,),  # nothing is open and nothing on its way
    (Phase.CONFIRMED, ShortClosed): (Phase.CLOSED,),
}

READ_FIRST: Final[tuple[tuple[type[Message], str], ...]] = (
    (ProgressNotice, "tells what has been made; whatever is said meanwhile does not unmake it"),
    # a cancellation or short-closing that crosses goods ends the rest; what is on its way becomes a return request
    (DespatchAdvice, "goods that have left cannot be called back by words"),
    (ReceiptAdvice, "what arrived has arrived, whatever is proposed or cancelled meanwhile"),
    (OrderResponse, "answers only an order that its author has seen; what crosses it meets an answered order"),
    (OrderChangeResponse, "an answer binds both: taking the question back is too late, an end ends what was agreed"),
    (OrderChangeWithdrawn, "takes back a question that nobody has answered, before new questions are read"),
    (OrderChange, "a proposal changes nothing by itself: proposals of both sides stay open side by side"),
    # CISG article 16: an offer cannot be revoked once its acceptance has been sent
    (Order, "accepts an offer that was open to its author: a new offer, a withdrawal, an end of the talk are too late"),
    (CounterOffer, "is heard as an answer to the offer it names; a new offer that crosses it is then on the table"),
    (Quotation, "stays on record even if the other side ends the talk meanwhile"),
    (QuotationWithdrawn, "takes back the offer, after all that was validly said about it"),
    (ShortClosed, "gives up the rest that is open after all that was sent and agreed meanwhile"),
    (OrderCancellation, "ends what is open after all that was sent, answered and agreed meanwhile"),
    (RequestDeclined, "ends the talk after all that was said meanwhile"),
    (RequestForQuotation, "is the first word of the thread; a second one is void wherever it is read"),
)

_RANK: Final = {kind: rank for rank, (kind, _) in enumerate(READ_FIRST)}


def _crossing(left: type[Message], right: type[Message]) -> Crossing:
    """By rank. Of one type by both sides, the buyer's first: where each takes the other's change of the same line,
    what the buyer asked for and the seller agreed to is what is made.
    """
    if left is right:
        return Crossing.BY_ROLE
    return Crossing.LEFT_FIRST if _RANK[left] < _RANK[right] else Crossing.RIGHT_FIRST


CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {
    (left, right): _crossing(left, right) for left in ORDER_MESSAGES.values() for right in ORDER_MESSAGES.values()
}
