"""All that two firms can say to each other, in UBL 2.4 names; one struct per message, each field explained.

Quantities and money are decimal strings with UN/ECE Rec 20 and ISO 4217 codes; instants are UTC ISO 8601.
Rule 1: stored fields never change; a new meaning is a new field with a default, or a new message.
Rule 2: a message holds all that its rules need: prices, dates and expiries enter as data of who grants them.
Rule 3: nothing here names a third firm: links to other threads are salted commitments (``parent``).
Not here: who may say what when (``order.py``, ``relationship.py``), UBL documents (``ubl.py``), what a seller shows of
its prices (``shown.py``).
"""

from typing import Final, Literal

import msgspec

from weft.basis.decider import Message
from weft.trade.shown import PriceBookShown, PricesCommitted, SlipShown


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a message."""


# ---- the order thread: roles ``buyer`` and ``seller``; its genesis event is a RequestForQuotation --------


class RequestLine(Part, frozen=True, kw_only=True):
    """One line asked for. ``item`` is the seller's number where known, ``buyer_item`` the buyer's own part number."""

    line: str
    item: str
    quantity: str
    unit: str = "C62"
    buyer_item: str = ""
    description: str = ""


class FreeIssueMaterial(Part, frozen=True, kw_only=True):
    """Material that the buyer sends and still owns (委外带料): seller's or common item number, and how much."""

    item: str
    quantity: str
    unit: str = "C62"


class RequestForQuotation(Message, frozen=True, kw_only=True):
    """The buyer asks for a price and a date. ``attributes``: public price attributes (zone, lead_time ...).

    ``wanted_by``: instant; ``reply_by``: hint only. ``parent``: salted commitment to the order that this one serves.
    """

    number: str
    lines: tuple[RequestLine, ...]
    currency: str
    wanted_by: str = ""
    reply_by: str = ""
    attributes: dict[str, str] = {}
    materials: tuple[FreeIssueMaterial, ...] = ()
    parent: str = ""
    note: str = ""


class QuotationLine(Part, frozen=True, kw_only=True):
    """One line offered. ``unit_price`` per ``base`` units in the book's basis; ``net``/``tax``/``gross`` of the line.

    ``trace``: the steps of the price book's evaluation as (kind, name, by, result); empty for an off-book price.
    ``promise``: when the goods leave. ``description``: what the seller calls the item. ``inputs``: of the cost model.
    """

    line: str
    item: str
    quantity: str
    unit: str = "C62"
    unit_price: str
    base: str = "1"
    net: str
    tax: str
    gross: str
    tax_category: str = "S"
    tax_percent: str = "0"
    promise: str
    trace: tuple[tuple[str, str, str, str], ...] = ()
    buyer_item: str = ""
    description: str = ""
    inputs: dict[str, str] = {}


class PriceEvidence(Part, frozen=True, kw_only=True):
    """Which price book the lines follow (its hash); ``attributes`` as evaluated; ``proof``: place of the log's."""

    book: str
    attributes: dict[str, str] = {}
    proof: str = ""


class Quotation(Message, frozen=True, kw_only=True):
    """The seller offers. It answers the last request or counter-offer; ``valid_until`` binds only by the seller's word.

    ``off_book``: the price does not follow the book (allowed, shown to both as an exception).
    """

    number: str
    lines: tuple[QuotationLine, ...]
    currency: str
    net: str
    tax: str
    gross: str
    valid_until: str = ""
    payment_term: str = ""
    deposit_percent: str = "0"
    retention_percent: str = "0"
    over_delivery_percent: str = "0"
    price: PriceEvidence | None = None
    off_book: bool = False
    in_reply_to: str = ""
    note: str = ""


class QuotationWithdrawn(Message, frozen=True, kw_only=True):
    """The seller takes its quotation back or lets it expire, before it is ordered."""

    quotation: str
    reason: str = ""


class CounterLine(Part, frozen=True, kw_only=True):
    """What the buyer would take instead: quantity and, if it names one, a target price or date."""

    line: str
    quantity: str
    unit_price: str = ""
    wanted_by: str = ""


class CounterOffer(Message, frozen=True, kw_only=True):
    """The buyer answers a quotation (its event id) with other quantities, prices or dates, as often as both like."""

    quotation: str
    lines: tuple[CounterLine, ...]
    note: str = ""


class RequestDeclined(Message, frozen=True, kw_only=True):
    """The seller does not offer; or the buyer ends the talk. The thread is closed. ``reason``: a code or words."""

    reason: str = ""


class Order(Message, frozen=True, kw_only=True):
    """The buyer accepts the quotation whose event id is ``quotation``; that embeds every price and date it holds."""

    number: str
    quotation: str
    delivery_address: str = ""
    note: str = ""


class OrderResponse(Message, frozen=True, kw_only=True):
    """The seller accepts (``AP``) or rejects (``RE``) the order (UNCL 4343) whose event id is ``order``.

    ``decide`` fills in ``order``: nobody answers an order that it has not seen.
    """

    code: Literal["AP", "RE"]
    reason: str = ""
    order: str = ""


class ChangeLine(Part, frozen=True, kw_only=True):
    """New absolute values of one line; an empty field stays as it is. ``quantity`` "0" drops the line's open rest."""

    line: str
    quantity: str = ""
    promise: str = ""
    unit_price: str = ""
    net: str = ""
    tax: str = ""
    gross: str = ""


class ChangeOption(Part, frozen=True, kw_only=True):
    """One choice that the other side is offered: ``later``, ``partial`` (some now, rest later) or ``cancel``."""

    id: str
    kind: Literal["later", "partial", "cancel", "change"]
    lines: tuple[ChangeLine, ...] = ()
    note: str = ""


class OrderChange(Message, frozen=True, kw_only=True):
    """Either side proposes a change of the order; nothing changes until the other accepts one of ``options``.

    ``cause``: a code such as ``machine-late``, ``material-late``, ``plan-late``, ``quantity``, ``date``. Never
    a third firm's name.
    """

    number: str
    options: tuple[ChangeOption, ...]
    cause: str = ""
    note: str = ""


class OrderChangeResponse(Message, frozen=True, kw_only=True):
    """Answer to the change whose event id is ``change``: the ``option`` taken, or "" when all are refused."""

    change: str
    option: str = ""
    note: str = ""


class OrderChangeWithdrawn(Message, frozen=True, kw_only=True):
    """The proposer takes back its open change (its event id)."""

    change: str
    reason: str = ""


class OrderCancellation(Message, frozen=True, kw_only=True):
    """The buyer cancels what is still open. What was despatched stands and becomes a return request."""

    reason: str = ""


class ProgressNotice(Message, frozen=True, kw_only=True):
    """The seller tells how far a line is: ``stage`` (planned, making, made), pieces done of all."""

    line: str
    stage: Literal["planned", "making", "made"]
    done: str = "0"
    of: str = "0"
    at: str = ""


class DespatchLine(Part, frozen=True, kw_only=True):
    """What is on its way of one order line; ``weighed``: actual weight where units are by piece and by weight."""

    line: str
    item: str
    quantity: str
    unit: str = "C62"
    lots: tuple[str, ...] = ()
    weighed: str = ""


class DespatchAdvice(Message, frozen=True, kw_only=True):
    """The seller has sent goods; ``kind`` ``materials`` is the buyer sending free-issue material to the seller.

    ``code``: what a customer brought to be handed the goods (``pickup.py``); it is evidence and no part of the state.
    """

    number: str
    lines: tuple[DespatchLine, ...]
    kind: Literal["goods", "materials"] = "goods"
    carrier: str = ""
    tracking: str = ""
    at: str = ""
    code: str = ""


class ReceiptLine(Part, frozen=True, kw_only=True):
    """What arrived of one line of a despatch: good, damaged, rejected; what is missing was short."""

    line: str
    received: str
    damaged: str = "0"
    rejected: str = "0"
    reason: str = ""


class ReceiptAdvice(Message, frozen=True, kw_only=True):
    """Who was sent goods says what arrived of the despatch (its event id). ``received`` counts good pieces only."""

    despatch: str
    lines: tuple[ReceiptLine, ...]
    at: str = ""


class ShortClosed(Message, frozen=True, kw_only=True):
    """The buyer agrees that the open rest of these lines will not come (短交结案); empty means all lines."""

    lines: tuple[str, ...] = ()
    reason: str = ""


# ---- the relationship thread: two members with equal rights; its genesis event is a RelationshipProposed ----


class Party(Part, frozen=True, kw_only=True):
    """A firm as its partner knows it. ``url`` "" means: cannot be reached, it polls. ``contact`` is free words."""

    name: str
    lang: Literal["zh", "en"] = "en"
    url: str = ""
    address: str = ""
    tax_number: str = ""
    contact: str = ""


class RelationshipProposed(Message, frozen=True, kw_only=True):
    """The first word: who we are, our key log (wire envelopes in order), and the invitation it answers.

    ``token``: the secret of the invitation link; "" asks without one.
    """

    party: Party
    key_log: tuple[str, ...]
    token: str = ""


class RelationshipAccepted(Message, frozen=True, kw_only=True):
    """The other side agrees and says who it is."""

    party: Party
    key_log: tuple[str, ...]


class RelationshipEnded(Message, frozen=True, kw_only=True):
    """Either side ends it: no new orders; open orders and bills go on."""

    reason: str = ""


class PartyUpdated(Message, frozen=True, kw_only=True):
    """New name, address or keys of who says it."""

    party: Party
    key_log: tuple[str, ...] = ()


class Keeper(Part, frozen=True, kw_only=True):
    """A node that keeps sealed mail: the key it answers with, its address, and what its firm is called."""

    key: str
    url: str
    name: str = ""


class MailboxesNamed(Message, frozen=True, kw_only=True):
    """Where mail for who says it may be left while it cannot be reached, the best first; none: nowhere.

    ``number`` grows with each such word of its author; ``secret``: what names and closes the boxes of these two.
    It folds to nothing, so that a node which does not know it yet still comes to the same state.
    """

    number: int
    secret: str
    keepers: tuple[Keeper, ...] = ()


class InvoiceLine(Part, frozen=True, kw_only=True):
    """One billed line: the order thread, its line, how much, and the money (may be negative for a deduction)."""

    order: str
    order_line: str
    item: str = ""
    quantity: str
    unit: str = "C62"
    net: str
    tax: str
    gross: str
    tax_category: str = "S"
    tax_percent: str = "0"


class Invoice(Message, frozen=True, kw_only=True):
    """A bill (结算单): ``kind`` goods, deposit (before delivery) or retention (what was held back).

    ``deposit_used`` and ``retained`` are deducted from ``gross``; ``payable`` is what is left.
    ``tax_invoice``: number of the statutory invoice, only recorded.
    """

    number: str
    lines: tuple[InvoiceLine, ...]
    currency: str
    net: str
    tax: str
    gross: str
    payable: str
    kind: Literal["goods", "deposit", "retention"] = "goods"
    deposit_used: str = "0"
    retained: str = "0"
    due: str = ""
    tax_invoice: str = ""
    note: str = ""


class CreditNote(Message, frozen=True, kw_only=True):
    """Money given back on an invoice (its event id): returns, damage, price mistakes. Amounts are positive."""

    number: str
    invoice: str
    lines: tuple[InvoiceLine, ...]
    currency: str
    net: str
    tax: str
    gross: str
    reason: str = ""


class StatementLine(Part, frozen=True, kw_only=True):
    """One document of the period: ``document`` is its event id, ``amount`` what it adds to what is owed (signed)."""

    line: str
    kind: Literal["invoice", "credit-note", "remittance", "opening"]
    document: str
    number: str = ""
    amount: str
    at: str = ""


class Statement(Message, frozen=True, kw_only=True):
    """All documents of a period across orders (对账单), made by who is owed; ``balance`` = sum of the lines."""

    number: str
    period: str
    currency: str
    lines: tuple[StatementLine, ...]
    balance: str


class StatementAnswer(Part, frozen=True, kw_only=True):
    """Answer to one line: confirmed, or disputed with a reason and the amount that we hold right."""

    line: str
    confirmed: bool
    reason: str = ""
    amount: str = ""


class StatementResponse(Message, frozen=True, kw_only=True):
    """Who owes answers the statement (its event id) line by line; a later answer to a line replaces the earlier."""

    statement: str
    answers: tuple[StatementAnswer, ...]


class RemittanceAdvice(Message, frozen=True, kw_only=True):
    """Who owes says that it has paid: ``allocations`` maps invoice or statement event id to money."""

    number: str
    currency: str
    amount: str
    allocations: dict[str, str]
    method: str = ""
    at: str = ""


class RemittanceConfirmed(Message, frozen=True, kw_only=True):
    """Who is owed says that the money of the remittance (its event id) has come; or not (``received`` false)."""

    remittance: str
    received: bool = True
    note: str = ""


ORDER_MESSAGES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        RequestForQuotation, Quotation, QuotationWithdrawn, CounterOffer, RequestDeclined, Order, OrderResponse,
        OrderChange, OrderChangeResponse, OrderChangeWithdrawn, OrderCancellation, ProgressNotice,
        DespatchAdvice, ReceiptAdvice, ShortClosed,
    )
}
RELATIONSHIP_MESSAGES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        RelationshipProposed, RelationshipAccepted, RelationshipEnded, PartyUpdated, Invoice, CreditNote, Statement,
        StatementResponse, RemittanceAdvice, RemittanceConfirmed, MailboxesNamed, PriceBookShown, PricesCommitted,
        SlipShown,
    )
}
