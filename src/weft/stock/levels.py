"""What is read from the stock book: levels, picks, partners' material, what runs short.

Organisations: "" is this firm; our own id (``State.us``) means the same.
Rule 1: ``available`` counts what is here and belongs to ``owner``, less what is reserved of it; it may be
        negative after a count or scrap, and then is a task (``shortages``), never a silent loss.
Not here: changing anything (``book.py``).
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound, Refused
from weft.stock.messages import Data, Item
from weft.stock.state import Account, Lot, Reservation, State

_ZERO: Final = Decimal(0)


class Parcel(Data, frozen=True, kw_only=True):
    """What of one lot lies at one holder."""

    lot: str
    item: str
    quantity: str
    unit: str
    owner: str = ""
    holder: str = ""
    heat: str = ""
    certificates: tuple[str, ...] = ()
    place: str = ""


class Level(Data, frozen=True, kw_only=True):
    """One item at a glance: here and ours, reserved of it, still free, ours at partners, theirs here."""

    item: str
    unit: str
    on_hand: str
    reserved: str
    available: str
    at_partners: str
    of_partners: str
    low: bool = False


class Balance(Data, frozen=True, kw_only=True):
    """One item of ``owner`` at ``holder``: sent + made + counted = consumed + returned + scrap + there."""

    owner: str
    holder: str
    item: str
    unit: str
    sent: str
    consumed: str
    returned: str
    scrap: str
    counted: str
    there: str
    made: str = "0"


class Reorder(Data, frozen=True, kw_only=True):
    """``item`` has fallen to its reorder point: ``quantity`` is to be asked of ``supplier``."""

    item: str
    unit: str
    available: str
    incoming: str
    point: str
    quantity: str
    supplier: str = ""


class Shortage(Data, frozen=True, kw_only=True):
    """More of ``item`` is reserved than is here: ``missing`` of it, for these reservations."""

    item: str
    owner: str
    unit: str
    missing: str
    reservations: tuple[str, ...]


def ours(state: State, organisation: str) -> str:
    """``organisation`` as the book writes it: "" for ourselves."""
    return "" if organisation == state.us else organisation


def item_of(state: State, item: str) -> Item:
    """The item called ``item``; raises ``NotFound('stock.item-unknown')``."""
    found = state.items.get(item)
    if found is None:
        raise NotFound("stock.item-unknown", item=item[:60])
    return found


def is_service(state: State, item: str) -> bool:
    """Whether ``item`` is known to be something that is done: nothing of it is stocked, made or sent."""
    known = state.items.get(item)
    return known is not None and known.kind == "service"


def lots_of(state: State, item: str, owner: str = "", holder: str = "") -> tuple[Lot, ...]:
    """Lots of ``item`` that belong to ``owner`` and lie at ``holder``, oldest first (FIFO)."""
    owner, holder = ours(state, owner), ours(state, holder)
    found = [lot for lot in state.lots.values() if lot.item == item and lot.owner == owner and holder in lot.at]
    return tuple(sorted(found, key=lambda lot: lot.number))


def on_hand(state: State, item: str, owner: str = "", holder: str = "") -> Decimal:
    """How much of ``owner``'s ``item`` lies at ``holder``."""
    holder = ours(state, holder)
    return sum((Decimal(lot.at[holder]) for lot in lots_of(state, item, owner, holder)), _ZERO)


def reserved(state: State, item: str, owner: str = "") -> Decimal:
    """How much of ``owner``'s ``item`` here is kept for somebody."""
    owner = ours(state, owner)
    return sum((Decimal(r.quantity) for r in state.reservations.values()
                if r.item == item and r.owner == owner), _ZERO)


def available(state: State, item: str, owner: str = "") -> Decimal:
    """What of ``owner``'s ``item`` is here and free; negative when more is reserved than is here."""
    return on_hand(state, item, owner) - reserved(state, item, owner)


def lies_in(state: State, name: str, item: str, owner: str = "") -> Decimal:
    """How much of ``owner``'s ``item`` lies here in the lot called ``name``."""
    lot = state.lots.get(name)
    if lot is None or (lot.item, lot.owner) != (item, ours(state, owner)):
        return _ZERO
    return Decimal(lot.at.get("", "0"))


def made_for(state: State, reservations: Iterable[Reservation]) -> Decimal:
    """What of ``reservations`` lies here in the lots that were made for them, whatever else is missing."""
    return sum((min(Decimal(one.quantity), lies_in(state, one.lot, one.item, one.owner)) for one in reservations
                if one.lot), _ZERO)


def availability(state: State, customer: str = "") -> dict[str, str]:
    """Item -> free quantity of ours and of ``customer``'s here, above zero only: what ``explode`` nets."""
    owners = {"", ours(state, customer)}
    totals: dict[str, Decimal] = {}
    for item in dict.fromkeys(lot.item for lot in state.lots.values() if lot.owner in owners and "" in lot.at):
        totals[item] = sum((max(_ZERO, available(state, item, owner)) for owner in owners), _ZERO)
    return {item: q.text(amount) for item, amount in totals.items() if amount > 0}


def pick(
    state: State, item: str, quantity: str, owner: str = "", holder: str = "", *, first: str = ""
) -> tuple[tuple[str, str], ...]:
    """(lot, quantity) that together make ``quantity``: of the lot ``first``, then of the oldest that are free.

    What was made for somebody is taken last, and only if nothing else is there.
    Raises ``Refused('stock.insufficient')``, and ``Invalid`` on a quantity not above zero.
    """
    left, taken = q.positive(quantity, item), dict[str, Decimal]()
    there = {lot.id: Decimal(lot.at[ours(state, holder)]) for lot in lots_of(state, item, owner, holder)}
    kept = {} if ours(state, holder) else _kept_by_name(state)
    free = [(name, amount - kept.get(name, _ZERO)) for name, amount in there.items()]
    for name, upto in ((first, there.get(first, _ZERO)), *free, *there.items()):
        part = min(left, upto - taken.get(name, _ZERO))
        if part > 0:
            taken[name] = taken.get(name, _ZERO) + part
            left -= part
    if left > 0:
        raise Refused("stock.insufficient", item=item, wanted=q.text(q.decimal(quantity)),
                      available=q.text(sum(taken.values(), _ZERO)))
    return tuple((name, q.text(amount)) for name, amount in taken.items())


def _kept_by_name(state: State) -> dict[str, Decimal]:
    """Lot -> how much of it is kept for whom it was made."""
    kept: dict[str, Decimal] = {}
    for one in state.reservations.values():
        if one.lot:
            kept[one.lot] = kept.get(one.lot, _ZERO) + Decimal(one.quantity)
    return kept


def parcels(state: State) -> Iterator[Parcel]:
    """Everything that lies anywhere, oldest lots first."""
    for lot in sorted(state.lots.values(), key=lambda lot: lot.number):
        for holder, amount in lot.at.items():
            yield Parcel(lot=lot.id, item=lot.item, quantity=amount, unit=lot.unit, owner=lot.owner, holder=holder,
                         heat=lot.heat, certificates=lot.certificates, place="" if holder else lot.place)


def at_partners(state: State, partner: str = "") -> tuple[Parcel, ...]:
    """Our material that lies at ``partner``, or at any partner when that is empty."""
    return tuple(p for p in parcels(state) if not p.owner and p.holder and partner in ("", p.holder))


def of_partners(state: State, partner: str = "") -> tuple[Parcel, ...]:
    """Material here that belongs to ``partner``, or to any partner when that is empty."""
    return tuple(p for p in parcels(state) if p.owner and not p.holder and partner in ("", p.owner))


def material_balance(state: State, partner: str) -> tuple[Balance, ...]:
    """Both ways with ``partner``: our material there, then theirs here; one line per item, by item."""
    found = [a for a in state.accounts.values() if partner in (a.owner, a.holder)]
    return tuple(_balance(state, account) for account in sorted(found, key=lambda a: (a.owner, a.item)))


def _balance(state: State, account: Account) -> Balance:
    there = on_hand(state, account.item, account.owner, account.holder)
    return Balance(owner=account.owner, holder=account.holder, item=account.item,
                   unit=item_of(state, account.item).unit, sent=account.sent, consumed=account.consumed,
                   returned=account.returned, scrap=account.scrap, counted=account.counted, there=q.text(there),
                   made=account.made)


def level(state: State, item: str) -> Level:
    """``item`` at a glance; raises ``NotFound``."""
    known = item_of(state, item)
    free = available(state, item)
    there = [lot.at for lot in state.lots.values() if lot.item == item and not lot.owner]
    theirs = [lot.at.get("", "0") for lot in state.lots.values() if lot.item == item and lot.owner]
    return Level(
        item=item, unit=known.unit, on_hand=q.text(on_hand(state, item)), reserved=q.text(reserved(state, item)),
        available=q.text(free), at_partners=_total(amount for at in there for h, amount in at.items() if h),
        of_partners=_total(theirs), low=_low(known, free))


def levels(state: State) -> tuple[Level, ...]:
    """All items at a glance, by id."""
    return tuple(level(state, item) for item in sorted(state.items))


def reorders(state: State, incoming: Mapping[str, str] | None = None) -> tuple[Reorder, ...]:
    """Items to be ordered again; ``incoming`` is what is already on its way, by item."""
    found = []
    for item in state.items.values():
        free, coming = available(state, item.id), q.decimal((incoming or {}).get(item.id, "0"))
        if not _low(item, free + coming):
            continue
        point = _point(item)
        amount = Decimal(item.reorder_quantity) if item.reorder_quantity else point - free - coming
        if amount > 0:
            found.append(Reorder(item=item.id, unit=item.unit, available=q.text(free), incoming=q.text(coming),
                                 point=q.text(point), quantity=q.text(amount), supplier=item.supplier))
    return tuple(found)


def _low(item: Item, free: Decimal) -> bool:
    if item.reorder_point:
        return free <= _point(item)
    return free < _point(item)


def _point(item: Item) -> Decimal:
    return max(Decimal(item.safety or "0"), Decimal(item.reorder_point or "0"))


def shortages(state: State) -> tuple[Shortage, ...]:
    """Where more is reserved than is here, because a count or scrap took it away."""
    found = []
    for item, owner in dict.fromkeys((r.item, r.owner) for r in state.reservations.values()):
        free = available(state, item, owner)
        if free < 0:
            names = tuple(r.id for r in state.reservations.values() if (r.item, r.owner) == (item, owner))
            found.append(Shortage(item=item, owner=owner, unit=item_of(state, item).unit,
                                  missing=q.text(-free), reservations=names))
    return tuple(found)


def reservations_of(state: State, thread: str, line: str = "") -> tuple[Reservation, ...]:
    """Open reservations for ``thread``, of one ``line`` when given."""
    return tuple(r for r in state.reservations.values() if r.thread == thread and line in ("", r.line))


def expired(state: State, now_ms: int) -> tuple[str, ...]:
    """Reservations whose instant has passed: to be released by an event (``why="expired"``)."""
    return tuple(r.id for r in state.reservations.values()
                 if r.expires and instant.to_ms(r.expires, r.id) <= now_ms)


def item_called(state: State, partner: str, number: str) -> str:
    """Our item that ``partner`` calls ``number``, or ""."""
    for item in state.items.values():
        if number and item.partner_numbers.get(partner) == number:
            return item.id
    return ""


def item_named(state: State, words: str) -> str:
    """Our item that exactly one reading of ``words`` means, whatever the case: its number or its name; else ""."""
    wanted = _plain(words)
    found = [item.id for item in state.items.values()
             if wanted and wanted in {_plain(name) for name in (item.id, item.zh, item.en)}]
    return found[0] if len(found) == 1 else ""


def _plain(words: str) -> str:
    return " ".join(words.casefold().split())


def in_unit(item: Item, quantity: str, unit: str) -> Decimal | None:
    """``quantity`` of ``item`` in ``unit``, by its weight per piece; None when that is not known."""
    amount = q.decimal(quantity, item.id)
    if unit == item.unit:
        return amount
    if not item.weight_each or unit not in _KILOGRAMS:
        return None
    kilograms = amount * Decimal(item.weight_each) / _KILOGRAMS[unit]
    return kilograms.quantize(Decimal("0.001"), ROUND_HALF_UP)


_KILOGRAMS: Final = {"KGM": Decimal(1), "GRM": Decimal("0.001"), "TNE": Decimal(1000)}


def _total(amounts: Iterable[str]) -> str:
    return q.text(sum((Decimal(amount) for amount in amounts), _ZERO))
