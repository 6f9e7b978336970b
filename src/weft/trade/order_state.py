"""The folded state of one order: its phase, the offer on the table, and how much of each line is where.

Rule 1: what can be derived is not stored: the open rest of a line follows from what was ordered, sent and lost,
        so ``ordered = delivered - over-delivered + open + short-closed + cancelled`` holds by construction.
Rule 2: pieces that came short, damaged or rejected are owed again, until replaced, short-closed or cancelled.
Not here: how it changes (``bargain.py``, ``change.py``, ``delivery.py``), how it is shown (``views.py``).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from weft.thread.closing import Closing
from weft.trade.messages import ChangeOption, CounterOffer, Order, Quotation, RequestForQuotation
from weft.trade.numbers import ZERO, percent_of


class Phase(StrEnum):
    """How far the deal is."""

    NEW = "new"
    REQUESTED = "requested"
    QUOTED = "quoted"
    COUNTERED = "countered"
    ORDERED = "ordered"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    REJECTED = "rejected"


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of the state."""


class OrderLine(Piece, frozen=True, kw_only=True):
    """One line of the accepted offer with its accepted changes, and what happened to it.

    ``tolerance``: per cent of ``ordered`` that may be sent too much. ``schedule``: (quantity, promise) of parts, when
    the line was split. ``ended``: no more will come. ``return_requested``: was on its way when the buyer cancelled.
    """

    line: str
    item: str
    unit: str
    ordered: str
    unit_price: str
    base: str = "1"
    net: str
    tax: str
    gross: str
    tax_category: str = "S"
    tax_percent: str = "0"
    promise: str
    first_promise: str
    tolerance: str = "0"
    buyer_item: str = ""
    description: str = ""
    schedule: tuple[tuple[str, str], ...] = ()
    despatched: str = "0"
    received: str = "0"
    damaged: str = "0"
    rejected: str = "0"
    short: str = "0"
    return_requested: str = "0"
    ended: Literal["", "short-closed", "cancelled"] = ""
    stage: Literal["", "planned", "making", "made"] = ""
    done: str = "0"
    of: str = "0"
    progress_at: str = ""

    @property
    def lost(self) -> Decimal:
        """What was sent and is no use to the buyer: short, damaged, rejected."""
        return Decimal(self.short) + Decimal(self.damaged) + Decimal(self.rejected)

    @property
    def delivered(self) -> Decimal:
        """What was sent, less what was lost."""
        return Decimal(self.despatched) - self.lost

    @property
    def in_transit(self) -> Decimal:
        """What was sent and is not yet receipted."""
        return self.delivered - Decimal(self.received)

    @property
    def over_delivered(self) -> Decimal:
        """What was sent above the order."""
        return max(ZERO, self.delivered - Decimal(self.ordered))

    @property
    def rest(self) -> Decimal:
        """What was ordered and not delivered, wanted or not."""
        return max(ZERO, Decimal(self.ordered) - self.delivered)

    @property
    def open(self) -> Decimal:
        """What the seller still owes."""
        return ZERO if self.ended else self.rest

    @property
    def short_closed(self) -> Decimal:
        """What the buyer agreed will not come."""
        return self.rest if self.ended == "short-closed" else ZERO

    @property
    def cancelled(self) -> Decimal:
        """What was cancelled."""
        return self.rest if self.ended == "cancelled" else ZERO

    @property
    def room(self) -> Decimal:
        """How much may still be sent: the open rest and the tolerance."""
        if self.ended:
            return ZERO
        ordered = Decimal(self.ordered)
        return max(ZERO, ordered + percent_of(self.tolerance, ordered) - self.delivered)


class Change(Piece, frozen=True, kw_only=True):
    """A proposed change. ``by``: the proposer's role; ``option``: the one taken; ``lapsed``: overtaken by events."""

    by: str
    number: str
    options: tuple[ChangeOption, ...]
    cause: str = ""
    status: Literal["open", "accepted", "refused", "withdrawn", "lapsed"] = "open"
    option: str = ""


class SentLine(Piece, frozen=True, kw_only=True):
    """One line of a despatch and, once receipted, what arrived of it."""

    line: str
    item: str
    quantity: str
    unit: str
    lots: tuple[str, ...] = ()
    weighed: str = ""
    received: str = "0"
    damaged: str = "0"
    rejected: str = "0"
    short: str = "0"


class Despatch(Piece, frozen=True, kw_only=True):
    """Goods on their way, or free-issue materials from the buyer; ``receipt``: event id of what says it arrived."""

    kind: Literal["goods", "materials"]
    number: str
    lines: tuple[SentLine, ...]
    carrier: str = ""
    tracking: str = ""
    at: str = ""
    receipt: str = ""


class MaterialAccount(Piece, frozen=True, kw_only=True):
    """Free-issue material of this order: what the seller is to get, was sent and has received; it stays the buyer's."""

    item: str
    unit: str
    agreed: str
    sent: str = "0"
    received: str = "0"
    damaged: str = "0"
    rejected: str = "0"
    short: str = "0"


class OrderState(Piece, frozen=True, kw_only=True):
    """The order as both members see it.

    ``quotation``/``quotation_id``: the offer that may be ordered now, or was; "" when there is none.
    ``counter``/``counter_id``: the buyer's last counter-offer. ``response_id``: the seller's acceptance.
    ``lines`` exist from the order on, keyed by line.
    ``changes`` and ``despatches`` are keyed by event id. ``rounds`` counts quotations.
    """

    phase: Phase = Phase.NEW
    currency: str = ""
    request_id: str = ""
    request: RequestForQuotation | None = None
    rounds: int = 0
    quotation_id: str = ""
    quotation: Quotation | None = None
    counter_id: str = ""
    counter: CounterOffer | None = None
    order_id: str = ""
    order: Order | None = None
    response_id: str = ""
    lines: dict[str, OrderLine] = {}
    changes: dict[str, Change] = {}
    despatches: dict[str, Despatch] = {}
    materials: tuple[MaterialAccount, ...] = ()
    closing: Closing | None = None
