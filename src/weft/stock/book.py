"""The conversation ``stock/1``: a firm's book of items, lots and everything that happens to them.

Rule 1: our own organisation is written "", whoever wrote its id; so owner and holder have one spelling.
Rule 2: a message whose ``ref`` was booked before gives nothing to say: a retried reaction never books twice.
Rule 3: empty lots and old refs are forgotten by the state beyond a limit; the events stay for ever.
Not here: what may be recorded (``rules.py``), what is read (``levels.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import quantity as q
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, WeftError
from weft.stock import messages as m
from weft.stock import rules
from weft.stock.levels import item_of, lots_of, on_hand, pick
from weft.stock.state import Account, Lot, Reservation, State, account_key

NAME: Final = "stock"
VERSION: Final = 1
MESSAGES: Final[Mapping[str, type[Message]]] = m.MESSAGES
INITIAL: Final = State()
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one member, nobody to cross
EMPTY_KEPT: Final = 500
REFS_KEPT: Final = 2_000

_ORGANISATIONS: Final = ("owner", "holder", "to", "partner")
_replace = msgspec.structs.replace


class Several(msgspec.Struct, frozen=True, kw_only=True):
    """Command: record all ``messages`` in this order, or none of them (an import)."""

    messages: tuple[Message, ...]


class CountItem(msgspec.Struct, frozen=True, kw_only=True):
    """Command: so much of ``item`` was counted at ``holder``, whichever lots it is made of.

    What is missing is taken from the oldest lots; what is more goes to the newest, or a new lot.
    """

    ref: str
    item: str
    quantity: str
    owner: str = ""
    holder: str = ""
    reason: str = ""
    at: str = ""


Command = Message | Several | CountItem


def judge(state: State, said: Said, /) -> str | None:
    """The code for which ``said`` is void, or None."""
    try:
        rules.check(state, _normal(said.message, said.by or state.us))
    except WeftError as error:
        return error.code
    return None


def decide(state: State, command: Command, /) -> Sequence[Message]:
    """What to record for ``command``: one of ``MESSAGES``, several of them, or the count of an item.

    Lots, picks and the expected count are filled in where they are left open.
    Raises ``Invalid``, ``Refused`` or ``NotFound``.
    """
    match command:
        case Several():
            return _in_turn(state, command.messages)
        case CountItem():
            return _in_turn(state, _counts(state, command))
        case _:
            return _decided(state, command)


def _in_turn(state: State, messages: Sequence[Message]) -> Sequence[Message]:
    told: list[Message] = []
    for message in messages:
        for one in _decided(state, message):
            told.append(one)
            state = evolve(state, Said(id="", by="", role="", message=one))
    return told


def _decided(state: State, message: Message) -> Sequence[Message]:
    if type(message) not in _EVOLVE:
        raise Invalid("stock.message-unknown", type=type(message).__name__)
    if rules.booked(state, message):
        return ()
    message = _completed(state, _normal(message, state.us))
    rules.check(state, message)
    return () if _known(state, message) else (message,)


def _known(state: State, message: Message) -> bool:
    """Whether the book says so already."""
    match message:
        case m.ItemDefined(item=item):
            return state.items.get(item.id) == item
        case m.PartnerNumberGiven(item=item, partner=partner, number=number):
            return state.items[item].partner_numbers.get(partner) == number
        case m.CertificateBound(lot=lot, certificate=certificate):
            return certificate in state.lots[lot].certificates
        case m.Placed(lot=lot, place=place):
            return state.lots[lot].place == place
        case _:
            return False


def _normal(message: Any, us: str) -> Any:
    """``message`` with our own id written as "" wherever an organisation is named."""
    changes: dict[str, Any] = {
        name: "" for name in _ORGANISATIONS if us and getattr(message, name, None) == us
    }
    if isinstance(message, m.Received):
        changes["lots"] = tuple(_normal(lot, us) for lot in message.lots)
    if isinstance(message, m.Produced):
        changes["lot"] = _normal(message.lot, us)
    return _replace(message, **changes) if changes else message


def _completed(state: State, message: Message) -> Message:
    """``message`` with what the caller left open: lot ids, picks, the expected count."""
    match message:
        case m.Received():
            lots = [_named(state, lot, place) for place, lot in enumerate(message.lots, 1)]
            if message.why not in ("opening", "found"):
                lots = [_distinct(state, lot, message.partner) for lot in lots]
            return _replace(message, lots=tuple(lots))
        case m.Produced():
            return _replace(message, lot=_named(state, message.lot, 1))
        case m.Counted(expected=""):
            lot = state.lots.get(message.lot)
            return _replace(message, expected=lot.at.get(message.holder, "0") if lot else "0")
        case m.Booking(picks=()):
            item_of(state, message.item)
            held = state.reservations.get(getattr(message, "reservation", ""))
            found = pick(state, message.item, message.quantity, message.owner, message.holder,
                         first=held.lot if held else "")
            return _replace(message, picks=tuple(m.Pick(lot=lot, quantity=amount) for lot, amount in found))
        case _:
            return message


def _named(state: State, lot: m.LotIn, place: int) -> m.LotIn:
    return lot if lot.id else _replace(lot, id=f"L{state.sequence + 1:06d}-{place}")


def _distinct(state: State, lot: m.LotIn, partner: str) -> m.LotIn:
    """``lot`` under a name of its own when its sender's number means another lot here."""
    known = state.lots.get(lot.id)
    if known is None or rules.same_lot(known, lot, partner):
        return lot
    return _replace(lot, id=f"{lot.id}~{state.sequence + 1}")


def _counts(state: State, command: CountItem) -> Sequence[Message]:
    """The lots' counts behind the count of an item."""
    item = item_of(state, command.item)
    counted = q.decimal(command.quantity, command.item)
    if counted < 0:
        raise Invalid("stock.negative", item=command.item, field="quantity", value=command.quantity)
    lots = lots_of(state, command.item, command.owner, command.holder)
    more = counted - on_hand(state, command.item, command.owner, command.holder)
    common = {"holder": command.holder, "reason": command.reason, "at": command.at}
    if not lots and counted:
        if not command.reason.strip():
            raise Invalid("stock.count-reason", lot="", item=item.id, difference=command.quantity)
        found = m.LotIn(item=item.id, quantity=command.quantity, owner=command.owner, holder=command.holder)
        return (m.Received(ref=f"{command.ref}/found", lots=(found,), why="found", at=command.at),)
    told: list[Message] = []
    for lot in lots:
        there = Decimal(lot.at[common["holder"] if common["holder"] != state.us else ""])
        now = there + more if more > 0 and lot is lots[-1] else there - min(there, max(Decimal(0), -more))
        more = more + (there - now) if more < 0 else more
        told.append(m.Counted(ref=f"{command.ref}/{lot.id}", lot=lot.id, quantity=q.text(now), **common))
    return told


# ---- folding --------------------------------------------------------------------------------------


def evolve(state: State, said: Said, /) -> State:
    """``state`` after ``said``, which ``judge`` allows."""
    us = said.by or state.us
    message = _normal(said.message, us)
    state = _replace(state, sequence=state.sequence + 1, us=us)
    if getattr(message, "ref", ""):
        booked = {**state.booked, rules.booking_key(message): state.sequence}
        for key in list(booked)[: max(0, len(booked) - REFS_KEPT)]:
            del booked[key]
        state = _replace(state, booked=booked)
    return _EVOLVE[type(message)](state, message)


def _item(state: State, said: m.ItemDefined) -> State:
    return _replace(state, items={**state.items, said.item.id: said.item})


def _partner_number(state: State, said: m.PartnerNumberGiven) -> State:
    item = state.items[said.item]
    numbers = {**item.partner_numbers, said.partner: said.number}
    return _item(state, m.ItemDefined(item=_replace(item, partner_numbers=numbers)))


def _received(state: State, said: m.Received) -> State:
    for new in said.lots:
        fresh = Lot(id=new.id, item=new.item, unit=state.items[new.item].unit, owner=new.owner,
                    number=_next_number(state), partner=said.partner, why=said.why, ref=said.ref, received=said.at)
        lot = _grown(state.lots.get(new.id) or fresh, new)
        state = _replace(state, lots={**state.lots, lot.id: lot})
        state = _account(state, (new.owner, new.holder, new.item), "sent", Decimal(new.quantity))
    return _replace(state, lots=_forget(dict(state.lots)))


def _produced(state: State, said: m.Produced) -> State:
    new = said.lot
    fresh = Lot(id=new.id, item=new.item, unit=state.items[new.item].unit, owner=new.owner,
                number=_next_number(state), order=said.order, why="produced", ref=said.ref, received=said.at)
    lot = _grown(state.lots.get(new.id) or fresh, new)
    lot = _replace(lot, sources=tuple(dict.fromkeys((*lot.sources, *said.sources))))
    state = _account(state, (new.owner, new.holder, new.item), "made", Decimal(new.quantity))
    return _replace(state, lots=_forget({**state.lots, lot.id: lot}))


def _grown(lot: Lot, new: m.LotIn) -> Lot:
    """``lot`` with the quantity and the papers of ``new``."""
    amount = Decimal(lot.at.get(new.holder, "0")) + Decimal(new.quantity)
    return _replace(lot, at={**lot.at, new.holder: q.text(amount)}, heat=new.heat or lot.heat,
                    place=new.place or lot.place, weight=new.weight or lot.weight,
                    certificates=tuple(dict.fromkeys((*lot.certificates, *new.certificates))))


def _consumed(state: State, said: m.Consumed) -> State:
    return _used(_taken(state, said, "consumed"), said)


def _issued(state: State, said: m.Issued) -> State:
    return _used(_taken(state, said, "returned"), said)


def _scrapped(state: State, said: m.Scrapped) -> State:
    return _taken(state, said, "scrap")


def _moved(state: State, said: m.Moved) -> State:
    state = _used(_taken(state, said, "returned"), said)
    if said.to == said.owner and said.owner:
        return state  # back with its owner, who is not us: no longer in our book
    lots = dict(state.lots)
    for one in said.picks:
        lot = lots[one.lot]
        there = Decimal(lot.at.get(said.to, "0")) + Decimal(one.quantity)
        lots[lot.id] = _replace(lot, at={**lot.at, said.to: q.text(there)})
    state = _replace(state, lots=lots)
    return _account(state, (said.owner, said.to, said.item), "sent", Decimal(said.quantity))


def _taken(state: State, said: m.Booking, column: str) -> State:
    """``state`` without what ``said`` took at its holder, entered in ``column`` of the account."""
    lots = dict(state.lots)
    for one in said.picks:
        lot = lots[one.lot]
        left = Decimal(lot.at[said.holder]) - Decimal(one.quantity)
        lots[lot.id] = _replace(lot, at=_at(lot.at, said.holder, left))
    state = _replace(state, lots=_forget(lots) if not isinstance(said, m.Moved) else lots)
    return _account(state, (said.owner, said.holder, said.item), column, Decimal(said.quantity))


def _used(state: State, said: m.Consumed | m.Issued | m.Moved) -> State:
    """What is taken for a reservation is no longer reserved."""
    held = state.reservations.get(said.reservation)
    if held is None or said.holder or (held.item, held.owner) != (said.item, said.owner):
        return state
    left = Decimal(held.quantity) - Decimal(said.quantity)
    reservations = {name: one for name, one in state.reservations.items() if name != held.id}
    if left > 0:
        reservations[held.id] = _replace(held, quantity=q.text(left))
    return _replace(state, reservations=reservations)


def _counted(state: State, said: m.Counted) -> State:
    lot, there = state.lots[said.lot], Decimal(said.quantity)
    difference = there - Decimal(lot.at.get(said.holder, "0"))
    changed = _replace(lot, at=_at(lot.at, said.holder, there))
    state = _replace(state, lots={**state.lots, lot.id: changed})
    return _account(state, (lot.owner, said.holder, lot.item), "counted", difference)


def _placed(state: State, said: m.Placed) -> State:
    return _replace(state, lots={**state.lots, said.lot: _replace(state.lots[said.lot], place=said.place)})


def _certificate(state: State, said: m.CertificateBound) -> State:
    lot = state.lots[said.lot]
    papers = tuple(dict.fromkeys((*lot.certificates, said.certificate)))
    return _replace(state, lots={**state.lots, lot.id: _replace(lot, certificates=papers)})


def _reserved(state: State, said: m.Reserved) -> State:
    held = Reservation(id=said.id, item=said.item, quantity=_told(said.quantity), first=_told(said.quantity),
                       unit=state.items[said.item].unit, owner=said.owner, thread=said.thread, line=said.line,
                       expires=said.expires, lot=said.lot)
    return _replace(state, reservations={**state.reservations, held.id: held})


def _released(state: State, said: m.ReservationReleased) -> State:
    left = {name: one for name, one in state.reservations.items() if name != said.id}
    return _replace(state, reservations=left)


def _account(state: State, whose: tuple[str, str, str], column: str, amount: Decimal) -> State:
    """``state`` with ``amount`` entered for (owner, holder, item); what lies with its owner needs no account."""
    owner, holder, item = whose
    if owner == holder or not amount:
        return state
    key = account_key(owner, holder, item)
    account = state.accounts.get(key) or Account(owner=owner, holder=holder, item=item)
    entered = _replace(account, **{column: q.text(Decimal(getattr(account, column)) + amount)})
    return _replace(state, accounts={**state.accounts, key: entered})


def _at(places: Mapping[str, str], holder: str, amount: Decimal) -> dict[str, str]:
    left = {name: held for name, held in places.items() if name != holder}
    return {**left, holder: q.text(amount)} if amount else left


def _forget(lots: dict[str, Lot]) -> dict[str, Lot]:
    """``lots`` without the oldest empty ones (Rule 3)."""
    empty = [name for name, lot in lots.items() if not lot.at]
    for name in empty[: max(0, len(empty) - EMPTY_KEPT)]:
        del lots[name]
    return lots


def _next_number(state: State) -> int:
    return max((lot.number for lot in state.lots.values()), default=0) + 1


def _told(number: str) -> str:
    return q.text(q.decimal(number))


_EVOLVE: Final[Mapping[type[Message], Callable[[State, Any], State]]] = {
    m.ItemDefined: _item,
    m.PartnerNumberGiven: _partner_number,
    m.Received: _received,
    m.Produced: _produced,
    m.Consumed: _consumed,
    m.Issued: _issued,
    m.Moved: _moved,
    m.Scrapped: _scrapped,
    m.Counted: _counted,
    m.Placed: _placed,
    m.CertificateBound: _certificate,
    m.Reserved: _reserved,
    m.ReservationReleased: _released,
}
