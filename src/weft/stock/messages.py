"""What a firm's stock book records: items, and every quantity that comes, goes, moves, or is counted.

Organisations are named by their id; "" is this firm itself, as owner and as holder alike.
Rule 1: every message that books a quantity has a ``ref``; a ``ref`` is booked once for each kind of message.
Rule 2: a booked quantity names its lots (``picks``); a command may leave them open, ``decide`` then picks
        what was made for it, else of the oldest what was made for nobody else.
Rule 3: material changes its holder without changing its owner (free-issue, 委外带料).
Not here: what may follow what (``rules.py``), folding (``book.py``).
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import field

from weft.basis.decider import Message

ItemKind = Literal["product", "part", "material", "supply", "service"]
ReceiptReason = Literal["purchase", "subcontract", "free-issue", "return", "opening", "found"]
IssueReason = Literal["sale", "sample", "own-use", "back-to-owner"]
ReleaseReason = Literal["cancelled", "expired", "replaced", "done"]


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Frozen data that travels inside messages and folded state."""


class Item(Data, frozen=True, kw_only=True):
    """A thing we name. ``partner_numbers`` maps an organisation to its own number for it.

    A ``service`` is done: nothing of it is stocked or made.
    At ``reorder_point`` (or below ``safety``) ``reorder_quantity`` is to be asked of ``supplier``.
    ``weight_each``: kilograms per piece, for what is counted by piece and by weight.
    ``co2_kg``: carbon footprint per unit, CO2 equivalents in kg, as calculated by ``co2_methods`` for the life cycle
    phases ``co2_phases`` and published on the day ``co2_at``.
    """

    id: str
    zh: str = ""
    en: str = ""
    unit: str = "C62"
    kind: ItemKind = "part"
    gtin: str = ""
    safety: str = "0"
    reorder_point: str = ""
    reorder_quantity: str = ""
    supplier: str = ""
    partner_numbers: dict[str, str] = field(default_factory=dict)
    weight_each: str = ""
    co2_kg: str = ""
    co2_methods: tuple[str, ...] = ()
    co2_phases: tuple[str, ...] = ()
    co2_at: str = ""


class Pick(Data, frozen=True, kw_only=True):
    """``quantity`` out of ``lot``."""

    lot: str
    quantity: str


class LotIn(Data, frozen=True, kw_only=True):
    """A lot as it arrives; ``id`` "" lets the book number it, ``unit`` "" is the item's own.

    ``heat`` is the heat number (炉号), ``certificates`` name its papers, ``weight`` is as weighed, in kg.
    """

    id: str = ""
    item: str
    quantity: str
    unit: str = ""
    owner: str = ""
    holder: str = ""
    heat: str = ""
    certificates: tuple[str, ...] = ()
    place: str = ""
    weight: str = ""


class ItemDefined(Message, frozen=True, kw_only=True):
    """An item is new or has changed; its unit never changes once a lot of it exists."""

    item: Item


class PartnerNumberGiven(Message, frozen=True, kw_only=True):
    """``partner`` calls our ``item`` by ``number``."""

    item: str
    partner: str
    number: str


class Received(Message, frozen=True, kw_only=True):
    """Lots arrive: bought, made for us, sent by a customer who owns them, or there when the book begins."""

    ref: str
    lots: tuple[LotIn, ...]
    why: ReceiptReason = "purchase"
    partner: str = ""
    at: str = ""


class Produced(Message, frozen=True, kw_only=True):
    """Production ``order`` put out ``lot``; an existing lot of the same item and owner grows.

    ``sources`` are the lots that went into it.
    """

    ref: str
    order: str
    lot: LotIn
    sources: tuple[str, ...] = ()
    at: str = ""


class Booking(Message, frozen=True, kw_only=True):
    """What all messages that take a quantity out of lots have in common."""

    ref: str
    item: str
    quantity: str
    unit: str = ""
    owner: str = ""
    holder: str = ""
    picks: tuple[Pick, ...] = ()
    at: str = ""


class Consumed(Booking, frozen=True, kw_only=True):
    """Used up for ``order`` (ours, or the order thread at the partner who holds the material)."""

    order: str = ""
    reservation: str = ""


class Issued(Booking, frozen=True, kw_only=True):
    """Left for good to ``partner``: sold, given, used, or sent back to its owner.

    ``gone``: it has left already (over the counter), whatever was kept for others: a fact, not a choice.
    """

    why: IssueReason = "sale"
    partner: str = ""
    thread: str = ""
    reservation: str = ""
    gone: bool = False


class Moved(Booking, frozen=True, kw_only=True):
    """From ``holder`` to holder ``to``; the owner stays. ``to`` "" is back here."""

    to: str = ""
    thread: str = ""
    reservation: str = ""


class Scrapped(Booking, frozen=True, kw_only=True):
    """Lost to scrap, for ``reason``."""

    reason: str = ""


class Counted(Message, frozen=True, kw_only=True):
    """``lot`` at ``holder`` was counted: ``quantity`` is there; ``expected`` is what the book said."""

    ref: str
    lot: str
    holder: str = ""
    quantity: str
    expected: str = ""
    reason: str = ""
    at: str = ""


class Placed(Message, frozen=True, kw_only=True):
    """``lot`` now lies at ``place`` in our house."""

    lot: str
    place: str


class CertificateBound(Message, frozen=True, kw_only=True):
    """A quality paper (3.1, 合格证, test report) belongs to ``lot``."""

    lot: str
    certificate: str


class Reserved(Message, frozen=True, kw_only=True):
    """``quantity`` here is kept for ``thread#line``. ``expires`` is data, not a timer: an event releases.

    ``lot``: it was made for it, and is kept of that lot also while more of the item is kept than is there.
    """

    id: str
    item: str
    quantity: str
    unit: str = ""
    owner: str = ""
    thread: str = ""
    line: str = ""
    expires: str = ""
    lot: str = ""


class ReservationReleased(Message, frozen=True, kw_only=True):
    """What is left of a reservation is free again."""

    id: str
    why: ReleaseReason = "cancelled"


MESSAGES: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        ItemDefined, PartnerNumberGiven, Received, Produced, Consumed, Issued, Moved, Scrapped, Counted,
        Placed, CertificateBound, Reserved, ReservationReleased,
    )
}
