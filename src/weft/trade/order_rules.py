"""The tables of the order: who may say what in which phase, and which of two crossing words is read first.

``RULES`` gives the usual next phase; ``OUTCOMES`` what a message may lead to besides, by what it holds.
``READ_FIRST`` names what each message is read before, and why; ``CROSSINGS`` follows from it for every pair.
Rule 1: facts come before words: what has left the yard or arrived cannot be undone by what was said meanwhile.
Rule 2: answers come before the taking back of questions, acceptances before the taking back of offers.
Rule 3: what ends comes last, so that it ends all that was said meanwhile.
Rule 4: pairs that commute are free, so that a void word of one kind cannot carry another in front of its better.
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
        (BUYER, OrderCancellation): Phase.CANCELLED,
    },
    Phase.CONFIRMED: {
        (SELLER, ProgressNotice): Phase.CONFIRMED,
        (SELLER, DespatchAdvice): Phase.CONFIRMED,
        (BUYER, DespatchAdvice): Phase.CONFIRMED,
        (BUYER, ReceiptAdvice): Phase.CONFIRMED,
        (SELLER, ReceiptAdvice): Phase.CONFIRMED,
        (BUYER, OrderChange): Phase.CONFIRMED,
        (SELLER, OrderChange): Phase.CONFIRMED,
        (BUYER, OrderChangeResponse): Phase.CONFIRMED,
        (SELLER, OrderChangeResponse): Phase.CONFIRMED,
        (BUYER, OrderChangeWithdrawn): Phase.CONFIRMED,
        (SELLER, OrderChangeWithdrawn): Phase.CONFIRMED,
        (BUYER, ShortClosed): Phase.CONFIRMED,
        (BUYER, OrderCancellation): Phase.CANCELLED,
    },
    # what was still on its way, or being told, when the order ended
    Phase.CLOSED: {
        (SELLER, ProgressNotice): Phase.CLOSED,
        (BUYER, DespatchAdvice): Phase.CLOSED,
        (SELLER, ReceiptAdvice): Phase.CLOSED,
    },
    Phase.CANCELLED: {
        (SELLER, ProgressNotice): Phase.CANCELLED,
        (BUYER, DespatchAdvice): Phase.CANCELLED,
        (BUYER, ReceiptAdvice): Phase.CANCELLED,
        (SELLER, ReceiptAdvice): Phase.CANCELLED,
    },
    Phase.REJECTED: {},
    Phase.DECLINED: {},
}

OUTCOMES: Final[Mapping[tuple[Phase, type[Message]], tuple[Phase, ...]]] = {
    (Phase.ORDERED, OrderResponse): (Phase.REJECTED,),  # code RE
    (Phase.CONFIRMED, OrderChangeResponse): (Phase.CANCELLED, Phase.CLOSED),  # the option that cancels everything
    (Phase.CONFIRMED, OrderChangeWithdrawn): (Phase.CLOSED,),  # it was all that was still undecided
    (Phase.CONFIRMED, ReceiptAdvice): (Phase.CLOSED,),  # nothing is open and nothing on its way
    (Phase.CONFIRMED, ShortClosed): (Phase.CLOSED,),
}

READ_FIRST: Final[tuple[tuple[type[Message], tuple[type[Message], ...], str], ...]] = (
    # CISG article 16: an offer cannot be revoked once its acceptance has been sent
    (Order, (CounterOffer, Quotation, QuotationWithdrawn, RequestDeclined),
     "accepts an offer that was open to its author: a new offer, a withdrawal, an end of the talk are too late"),
    (CounterOffer, (Quotation, QuotationWithdrawn, RequestDeclined),
     "is heard as an answer to the offer it names; a new offer that crosses it is then on the table"),
    (Quotation, (RequestDeclined,), "stays on record even if the other side ends the talk meanwhile"),
    (QuotationWithdrawn, (RequestDeclined,), "takes back the offer before the talk ends"),
    (OrderResponse, (DespatchAdvice, OrderChange, ShortClosed, OrderCancellation),
     "what is sent, proposed or ended meanwhile meets an answered order"),
    # a cancellation or short-closing that crosses goods ends the rest; what is on its way becomes a return request
    (DespatchAdvice, (ReceiptAdvice, OrderChangeResponse, OrderChangeWithdrawn, ShortClosed, OrderCancellation),
     "goods that have left cannot be called back by words, nor refused for what was agreed meanwhile"),
    (ReceiptAdvice, (OrderChange, ShortClosed, OrderCancellation),
     "what arrived has arrived, whatever is proposed or ended meanwhile"),
    (OrderChangeResponse, (OrderChangeWithdrawn, OrderChange, ShortClosed, OrderCancellation),
     "an answer binds both: taking the question back is too late, an end ends what was agreed"),
    (OrderChangeWithdrawn, (OrderChange, ShortClosed, OrderCancellation),
     "takes back a question that nobody has answered, before anything new is asked or ended"),
    (OrderChange, (ShortClosed, OrderCancellation), "a proposal is on record even if its order ends meanwhile"),
    (ShortClosed, (OrderCancellation,), "gives up some of what the cancellation ends"),
)


def _crossing(left: type[Message], right: type[Message]) -> Crossing:
    """The table's word for two types; what commutes is free.

    Where each side takes the other's change of the same line, the buyer's answer is read first: so what the buyer
    asked for and the seller agreed to is what is made.
    """
    if left is right is OrderChangeResponse:
        return Crossing.BY_ROLE
    for first, later, _ in READ_FIRST:
        if left is first and right in later:
            return Crossing.LEFT_FIRST
        if right is first and left in later:
            return Crossing.RIGHT_FIRST
    return Crossing.EITHER


CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {
    (left, right): _crossing(left, right) for left in ORDER_MESSAGES.values() for right in ORDER_MESSAGES.values()
}

_OTHER: Final = {BUYER: SELLER, SELLER: BUYER}
_NEVER: Final = [(role, kind) for role in _OTHER for kind in ORDER_MESSAGES.values()
                 if all((role, kind) not in turns for turns in RULES.values())]

# What its speaker may never say is void, and so has no strength: else it would carry its branch ahead of others.
# Free-issue material goes the other way: its despatch and receipt touch nothing that the other side may say.
CROSSINGS_BY_ROLE: Final[Mapping[tuple[Turn, Turn], Crossing]] = {
    **{((role, never), (_OTHER[role], kind)): Crossing.EITHER
       for role, never in _NEVER for kind in ORDER_MESSAGES.values()},
    **{((BUYER, DespatchAdvice), (SELLER, kind)): Crossing.EITHER
       for kind in (ReceiptAdvice, OrderChangeResponse, OrderChangeWithdrawn)},
    **{((BUYER, kind), (SELLER, ReceiptAdvice)): Crossing.EITHER
       for kind in (OrderChange, ShortClosed, OrderCancellation)},
}
