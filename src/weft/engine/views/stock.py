"""Stock as its owner sees it: what is here, what is kept for whom, what lies at partners, what runs short.

Not here: booking (``engine/commands``), the rules of the book (``stock/``).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine.threads import entry_of
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.stock import levels
from weft.stock import messages as stock_messages
from weft.trade.order_state import OrderState, Phase

HISTORY_SHOWN: Final = 30
HISTORY_READ: Final = 2000


class StockRow(View, frozen=True, kw_only=True):
    """One item at a glance."""

    id: str
    zh: str = ""
    en: str = ""
    kind: str = "part"
    unit: str = "C62"
    on_hand: str = "0"
    reserved: str = "0"
    available: str = "0"
    at_partners: str = "0"
    of_partners: str = "0"
    low: bool = False


class ReorderRow(View, frozen=True, kw_only=True):
    """An item that is to be ordered again."""

    item: str
    unit: str
    available: str
    point: str
    quantity: str
    supplier: str = ""
    supplier_name: str = ""


class StockView(View, frozen=True, kw_only=True):
    """All items, and what is to be ordered again."""

    items: tuple[StockRow, ...]
    reorders: tuple[ReorderRow, ...] = ()


class LotRow(View, frozen=True, kw_only=True):
    """What of one lot lies at one place; ``owner`` and ``holder`` are names, "" is us."""

    lot: str
    quantity: str
    unit: str
    owner: str = ""
    holder: str = ""
    place: str = ""
    heat: str = ""
    certificates: tuple[str, ...] = ()


class ReservationRow(View, frozen=True, kw_only=True):
    """What is kept for whom."""

    id: str
    quantity: str
    unit: str
    thread: str = ""
    expires: str = ""


class Movement(View, frozen=True, kw_only=True):
    """One booking: ``kind`` is the message, ``quantity`` signed where it changes what is here."""

    kind: str
    quantity: str = ""
    ref: str = ""
    partner: str = ""
    at_ms: int = 0


class BillRow(View, frozen=True, kw_only=True):
    """One component of the item's bill of material."""

    item: str
    quantity: str
    unit: str
    source: str


class ItemView(View, frozen=True, kw_only=True):
    """One item in full."""

    row: StockRow
    gtin: str = ""
    safety: str = "0"
    reorder_point: str = ""
    reorder_quantity: str = ""
    supplier: str = ""
    partner_numbers: tuple[tuple[str, str], ...] = ()
    lots: tuple[LotRow, ...] = ()
    reservations: tuple[ReservationRow, ...] = ()
    movements: tuple[Movement, ...] = ()
    bill: tuple[BillRow, ...] = ()
    operations: int = 0


async def stock(node: Any) -> StockView:
    """Every item, by id."""
    state = await node.state(node.book("stock"))
    names = await partner_names(node)
    coming = await incoming(node)
    return StockView(
        items=tuple(_row(state, one.item) for one in levels.levels(state)),
        reorders=tuple(ReorderRow(item=one.item, unit=one.unit, available=one.available, point=one.point,
                                  quantity=one.quantity, supplier=one.supplier, supplier_name=names(one.supplier))
                       for one in levels.reorders(state, coming)))


async def incoming(node: Any) -> dict[str, str]:
    """What is on its way to us, by our own item number: bought, confirmed or asked for, and not here yet."""
    coming: dict[str, Decimal] = {}
    over = await node.ended.known(node)
    for thread in (one for one in node.threads("order") if one not in over):
        order: OrderState = await node.state(thread)
        if (await node.members(thread)).get(node.organisation) != "buyer":
            continue
        if order.phase in (Phase.ORDERED, Phase.CONFIRMED):
            for line in order.lines.values():
                name = line.buyer_item or line.item
                coming[name] = coming.get(name, Decimal(0)) + line.open + line.in_transit
    return {name: q.text(amount) for name, amount in coming.items()}


async def item(node: Any, item: str) -> ItemView:
    """The item with the id ``item``; raises ``NotFound``."""
    book = node.book("stock")
    state = await node.state(book)
    known = state.items.get(item)
    if known is None:
        raise NotFound("stock.item-unknown", item=item[:60])
    names = await partner_names(node)
    production = await node.state(node.book("production"))
    bill, routing = production.master.bills.get(item), production.master.routings.get(item)
    return ItemView(
        row=_row(state, item), gtin=known.gtin, safety=known.safety, reorder_point=known.reorder_point,
        reorder_quantity=known.reorder_quantity, supplier=names(known.supplier),
        partner_numbers=tuple((names(who), number) for who, number in known.partner_numbers.items()),
        lots=tuple(_lot(one, names) for one in levels.parcels(state) if one.item == item),
        reservations=tuple(ReservationRow(id=r.id, quantity=r.quantity, unit=r.unit, thread=r.thread, expires=r.expires)
                           for r in state.reservations.values() if r.item == item),
        movements=await _movements(node, book, item, names),
        bill=tuple(BillRow(item=line.item, quantity=line.quantity, unit=line.unit, source=line.source)
                   for line in bill.lines) if bill else (),
        operations=len(routing.operations) if routing else 0,
    )


def _row(state: Any, item: str) -> StockRow:
    known, level = state.items[item], levels.level(state, item)
    return StockRow(id=item, zh=known.zh, en=known.en, kind=known.kind, unit=known.unit, on_hand=level.on_hand,
                    reserved=level.reserved, available=level.available, at_partners=level.at_partners,
                    of_partners=level.of_partners, low=level.low)


def _lot(one: levels.Parcel, names: Callable[[str], str]) -> LotRow:
    return LotRow(lot=one.lot, quantity=one.quantity, unit=one.unit, owner=names(one.owner), holder=names(one.holder),
                  place=one.place, heat=one.heat, certificates=one.certificates)


async def _movements(node: Any, book: str, item: str, names: Callable[[str], str]) -> tuple[Movement, ...]:
    """The last bookings of ``item``, newest first, looked for among the last ``HISTORY_READ`` of the book."""
    loaded = await node.loaded(book)
    rows = await node.store.events(book, max(-1, loaded.position - HISTORY_READ - 1))
    entries = [entry_of(event, loaded.machine) for event in await node.with_payloads(book, rows)]
    found = [(one, told) for one in entries if (told := _quantity(one.message, item)) is not None]
    return tuple(
        Movement(kind=one.kind, quantity=told, ref=getattr(one.message, "ref", ""),
                 partner=names(getattr(one.message, "partner", "")), at_ms=one.at_ms)
        for one, told in reversed(found[-HISTORY_SHOWN:]))


def _quantity(message: Any, item: str) -> str | None:
    """How much of ``item`` the booking is about; None when it is about something else."""
    match message:
        case stock_messages.Booking() | stock_messages.Reserved():
            return message.quantity if message.item == item else None
        case stock_messages.Received():
            amounts = [lot.quantity for lot in message.lots if lot.item == item]
            return None if not amounts else amounts[0] if len(amounts) == 1 else ""
        case stock_messages.Produced():
            return message.lot.quantity if message.lot.item == item else None
        case _:
            return None
