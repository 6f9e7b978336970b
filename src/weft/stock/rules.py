"""What may be recorded next in the stock book.

Rule 1: nothing is taken where it does not lie: lots name item, owner and holder, and hold enough.
Rule 2: what is consumed, scrapped, counted or gone is a fact and only needs to be there; what is issued or moved
        is a choice and must leave what is reserved for others.
Rule 3: counting needs the quantity that the book expects, and a reason for any difference.
Not here: folding (``book.py``), picking lots (``levels.py``).
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.decider import Message
from weft.basis.errors import Invalid, NotFound, Refused
from weft.stock import messages as m
from weft.stock.levels import available, item_of, lies_in, made_for
from weft.stock.state import Lot, State

AMOUNT_MAX: Final = Decimal(10) ** 9
PLACES_MAX: Final = 6
ID_MAX: Final = 120
REF_MAX: Final = 200
LOTS_MAX: Final = 500  # per receipt
_GTIN = re.compile(r"\d{8}|\d{12,14}")


def check(state: State, message: Message) -> None:
    """Raise ``Invalid``, ``NotFound`` or ``Refused`` when ``message`` may not be recorded in ``state``."""
    found = _CHECKS.get(type(message))
    if found is None:
        raise Invalid("stock.message-unknown", type=type(message).__name__)
    found(state, message)


def booked(state: State, message: Any) -> bool:
    """Whether a message of this kind with this ``ref`` was recorded before."""
    return bool(getattr(message, "ref", "")) and booking_key(message) in state.booked


def booking_key(message: Any) -> str:
    """The key of a booking in ``State.booked``."""
    return f"{type(message).__name__}:{message.ref}"


# ---- items ----------------------------------------------------------------------------------------


def item_check(item: m.Item) -> None:
    """Raise ``Invalid`` when ``item`` by itself is not sound."""
    _id("item", item.id)
    q.unit(item.unit, item.id)
    if item.gtin and not gtin_sound(item.gtin):
        raise Invalid("stock.gtin", item=item.id, value=item.gtin[:20])
    for name in ("safety", "reorder_point", "co2_kg"):
        text = getattr(item, name)
        if text and q.decimal(text, item.id) < 0:
            raise Invalid("stock.negative", item=item.id, field=name, value=text[:20])
    for text in (item.reorder_quantity, item.weight_each):
        if text:
            _amount(text, item.id, "KGM")
    for partner in item.partner_numbers:
        _id("partner", partner)


def gtin_sound(gtin: str) -> bool:
    """Whether ``gtin`` has 8, 12, 13 or 14 digits and the right last one (GS1 General Specifications 7.9)."""
    if not gtin.isascii() or not _GTIN.fullmatch(gtin):
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(gtin)))
    return total % 10 == 0


def _item(state: State, said: m.ItemDefined) -> None:
    item_check(said.item)
    before = state.items.get(said.item.id)
    if before and before.unit != said.item.unit and any(lot.item == before.id for lot in state.lots.values()):
        raise Refused("stock.unit-fixed", item=before.id, unit=said.item.unit, before=before.unit)


def _partner_number(state: State, said: m.PartnerNumberGiven) -> None:
    item_of(state, said.item)
    _id("partner", said.partner)


# ---- what comes in --------------------------------------------------------------------------------


def _received(state: State, said: m.Received) -> None:
    _fresh(state, said)
    if not 0 < len(said.lots) <= LOTS_MAX:
        raise Invalid("stock.lots-count", count=len(said.lots), limit=LOTS_MAX)
    seen: set[str] = set()
    for lot in said.lots:
        _lot_in(state, lot)
        known = state.lots.get(lot.id)
        if lot.id in seen or (known and said.why in ("opening", "found")):
            raise Refused("stock.lot-exists", lot=lot.id, item=lot.item)
        if known and not same_lot(known, lot, said.partner):
            raise Refused("stock.lot-differs", lot=known.id, item=known.item)
        seen.add(lot.id)
        if said.why == "free-issue" and not lot.owner:
            raise Invalid("stock.owner-missing", item=lot.item, lot=lot.id)


def same_lot(known: Lot, lot: m.LotIn, partner: str) -> bool:
    """Whether ``lot`` from ``partner`` is more of what we hold as ``known``."""
    return (known.item, known.owner, known.partner) == (lot.item, lot.owner, partner)


def _produced(state: State, said: m.Produced) -> None:
    _fresh(state, said)
    _lot_in(state, said.lot)
    known = state.lots.get(said.lot.id)
    if known and (known.item, known.owner) != (said.lot.item, said.lot.owner):
        raise Refused("stock.lot-differs", lot=known.id, item=known.item)


def _lot_in(state: State, lot: m.LotIn) -> None:
    item = item_of(state, lot.item)
    if item.kind == "service":
        raise Refused("stock.service", item=item.id)
    _id("lot", lot.id)
    lot_form(lot)
    _unit(item, lot.unit)
    _amount(lot.quantity, item.id, item.unit)
    if lot.weight:
        _amount(lot.weight, item.id, "KGM")


def amount_check(quantity: str, item: m.Item) -> None:
    """Raise ``Invalid`` when ``quantity`` cannot be one of ``item``."""
    _amount(quantity, item.id, item.unit)


def lot_form(lot: m.LotIn) -> None:
    """Raise ``Invalid`` when the names in ``lot`` are malformed; an open id is none."""
    if lot.id:
        _id("lot", lot.id)
    _organisations(lot.owner, lot.holder)
    if lot.owner and lot.owner == lot.holder:
        raise Invalid("stock.not-ours", lot=lot.id, item=lot.item)


# ---- what goes out --------------------------------------------------------------------------------


def _fact(state: State, said: m.Booking) -> None:
    _booking(state, said)


def _choice(state: State, said: m.Issued | m.Moved) -> None:
    _booking(state, said)
    if said.holder:
        return
    free = available(state, said.item, said.owner)
    own = state.reservations.get(said.reservation)
    if own and (own.item, own.owner) == (said.item, said.owner):
        free = max(free + Decimal(own.quantity), made_for(state, [own]))
    if q.decimal(said.quantity) > free:
        raise Refused("stock.reserved-for-others", item=said.item, wanted=said.quantity,
                      available=q.text(max(Decimal(0), free)))


def _issued(state: State, said: m.Issued) -> None:
    (_fact if said.gone else _choice)(state, said)


def _moved(state: State, said: m.Moved) -> None:
    if said.to == said.holder:
        raise Invalid("stock.move-nowhere", item=said.item, holder=said.holder)
    _organisations(said.to)
    _choice(state, said)


def _booking(state: State, said: m.Booking) -> None:
    _fresh(state, said)
    item = item_of(state, said.item)
    _unit(item, said.unit)
    _organisations(said.owner, said.holder)
    wanted = _amount(said.quantity, item.id, item.unit)
    taken = Decimal(0)
    if len({pick.lot for pick in said.picks}) < len(said.picks):
        raise Invalid("stock.lot-twice", item=item.id)
    for pick in said.picks:
        taken += _pick(state, said, pick)
    if taken != wanted:
        raise Invalid("stock.picks-sum", item=item.id, quantity=said.quantity, picked=q.text(taken))


def _pick(state: State, said: m.Booking, pick: m.Pick) -> Decimal:
    lot = _lot(state, pick.lot)
    if (lot.item, lot.owner) != (said.item, said.owner):
        raise Refused("stock.lot-differs", lot=lot.id, item=lot.item)
    amount = _amount(pick.quantity, lot.item, lot.unit)
    there = Decimal(lot.at.get(said.holder, "0"))
    if amount > there:
        raise Refused("stock.insufficient", item=lot.item, wanted=pick.quantity, available=q.text(there))
    return amount


# ---- counts, places, papers, reservations ---------------------------------------------------------


def _counted(state: State, said: m.Counted) -> None:
    _fresh(state, said)
    lot = _lot(state, said.lot)
    counted = q.decimal(said.quantity, lot.item)
    if counted < 0:
        raise Invalid("stock.negative", item=lot.item, field="quantity", value=said.quantity)
    if counted:
        _amount(said.quantity, lot.item, lot.unit)
    there = lot.at.get(said.holder, "0")
    if said.holder == lot.owner and lot.owner:
        raise Invalid("stock.not-ours", lot=lot.id, item=lot.item)
    _organisations(said.holder)
    if q.decimal(said.expected, lot.item) != Decimal(there):
        raise Refused("stock.count-stale", lot=lot.id, expected=said.expected, there=there)
    if counted != Decimal(there) and not said.reason.strip():
        raise Invalid("stock.count-reason", lot=lot.id, item=lot.item, difference=q.text(counted - Decimal(there)))


def _about_lot(state: State, said: m.Placed | m.CertificateBound) -> None:
    _lot(state, said.lot)


def _reserved(state: State, said: m.Reserved) -> None:
    _id("reservation", said.id)
    if said.id in state.reservations:
        raise Refused("stock.reservation-exists", reservation=said.id)
    item = item_of(state, said.item)
    _unit(item, said.unit)
    wanted = _amount(said.quantity, item.id, item.unit)
    if said.expires:
        instant.to_ms(said.expires, said.id)
    free = available(state, item.id, said.owner)
    if said.lot:
        free = max(free, lies_in(state, _lot(state, said.lot).id, item.id, said.owner))
    if wanted > free:
        raise Refused("stock.insufficient", item=item.id, wanted=said.quantity,
                      available=q.text(max(Decimal(0), free)))


def _released(state: State, said: m.ReservationReleased) -> None:
    if said.id not in state.reservations:
        raise NotFound("stock.reservation-unknown", reservation=said.id[:60])


# ---- forms ----------------------------------------------------------------------------------------


def _fresh(state: State, said: Any) -> None:
    if not 0 < len(said.ref) <= REF_MAX or not said.ref.isascii() or not said.ref.isprintable():
        raise Invalid("stock.ref-form", value=said.ref[:40])
    if booked(state, said):
        raise Refused("stock.already-booked", ref=said.ref)
    if said.at:
        instant.to_ms(said.at, said.ref)


def _id(what: str, name: str) -> None:
    if not 0 < len(name) <= ID_MAX or not name.isascii() or not name.isprintable() or name != name.strip():
        raise Invalid("stock.id-form", what=what, value=name[:40])


def _organisations(*names: str) -> None:
    for name in names:
        if name:
            _id("organisation", name)
        if "|" in name:
            raise Invalid("stock.id-form", what="organisation", value=name[:40])


def _lot(state: State, name: str) -> Lot:
    found = state.lots.get(name)
    if found is None:
        raise NotFound("stock.lot-unknown", lot=name[:60])
    return found


def _unit(item: m.Item, unit: str) -> None:
    if unit not in ("", item.unit):
        raise Invalid("stock.unit", item=item.id, unit=unit[:10], expected=item.unit)


def _amount(text: str, item: str, unit: str) -> Decimal:
    """A quantity above zero, of sensible size, and whole where pieces are counted."""
    amount = q.positive(text, item)
    exponent = amount.normalize().as_tuple().exponent
    if amount > AMOUNT_MAX or (isinstance(exponent, int) and -exponent > PLACES_MAX):
        raise Invalid("stock.quantity-range", item=item, value=text[:40])
    if unit in q.WHOLE_UNITS and amount != amount.to_integral_value():
        raise Invalid("stock.not-whole", item=item, value=text[:40], unit=unit)
    return amount


_CHECKS: Final[Mapping[type[Message], Callable[[State, Any], None]]] = {
    m.ItemDefined: _item,
    m.PartnerNumberGiven: _partner_number,
    m.Received: _received,
    m.Produced: _produced,
    m.Consumed: _fact,
    m.Issued: _issued,
    m.Moved: _moved,
    m.Scrapped: _fact,
    m.Counted: _counted,
    m.Placed: _about_lot,
    m.CertificateBound: _about_lot,
    m.Reserved: _reserved,
    m.ReservationReleased: _released,
}
