"""What a till must know to sell alone: the books in force and coming, items with stock, partners, and its own place.

Rule 1: it holds what stands on a price tag and who may buy on account; no costs, no orders, no other till's sales.
Rule 2: it changes only when something in it changes (``tag``): a till asks often and is mostly told "the same".
Not here: the price (the till works it out), the door (``doors/till``).
"""

from decimal import Decimal
from typing import Any

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64, digest
from weft.engine.node import Node
from weft.engine.till.pairing import standing
from weft.pricing import publish
from weft.pricing.schema import PriceBook
from weft.stock.messages import Item
from weft.till.state import Place, State


class Book(msgspec.Struct, frozen=True):
    """A published version: in force, or coming."""

    hash: str
    number: int
    valid_from: str
    book: PriceBook


class LotOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of one lot is here."""

    lot: str
    on_hand: str


class ItemOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item that a book prices; ``free`` is what is here less what is kept for orders."""

    id: str
    unit: str
    free: str
    on_hand: str
    gtin: str = ""
    zh: str = ""
    en: str = ""
    lots: tuple[LotOf, ...] = ()


class PartnerOf(msgspec.Struct, frozen=True):
    """Who may buy on account; ``node``: billed from node to node, else in the list of open customers."""

    id: str
    name: str
    node: bool


class FirmOf(msgspec.Struct, frozen=True):
    """What stands at the head of a slip, and by which clock; ``utc_offset_minutes``: now, for tills of before."""

    id: str
    name: str
    address: str
    contact: str
    tax_number: str
    lang: str
    utc_offset_minutes: int
    time_zone: str


class TillOf(msgspec.Struct, frozen=True):
    """The till that asks: its name, and up to where the node has its lives."""

    key: str
    name: str
    lives: dict[str, Place]


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """A till of the firm: so that a slip can be known as one of ours without the node.

    ``gone``: it was let go, so that a thief may sign with its key; which of its slips are true only the node knows.
    """

    key: str
    name: str
    gone: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """Everything; ``state`` is open, or gone: then there is nothing to sell any more."""

    state: str
    firm: FirmOf
    till: TillOf
    at: str
    currency: str
    books: tuple[Book, ...] = ()
    items: tuple[ItemOf, ...] = ()
    partners: tuple[PartnerOf, ...] = ()
    tills: tuple[Known, ...] = ()

    @property
    def tag(self) -> str:
        """A strong ETag: all of it but the time at which it was asked."""
        return f'"{b64(digest("till-snapshot/1", msgspec.json.encode(msgspec.structs.replace(self, at=""))))}"'


async def snapshot(node: Node, key: str) -> Snapshot:
    """What the till ``key`` is to know now."""
    book: State = await node.book_state("till")
    firm = node.config.firm
    till, at = book.tills[key], instant.from_ms(node.clock.now_ms())
    head = FirmOf(node.organisation, firm.name, firm.address, firm.contact, firm.tax_number, firm.lang,
                  firm.zone.offset(node.clock.now_ms()), firm.zone.name)
    state = await standing(node, key)
    bare = Snapshot(state, head, TillOf(key, till.name, till.lives), at, firm.currency)
    if state != "open":
        return bare
    books = _books(await node.book_state("pricing"), at)
    tills = tuple(Known(one.key, one.name, bool(one.ended_at)) for one in book.tills.values())
    return msgspec.structs.replace(bare, books=books, items=_items(await node.book_state("stock"), books),
                                   partners=_partners(node, book), tills=tills)


def _books(state: publish.State, at: str) -> tuple[Book, ...]:
    """In force and coming, the newest publication first."""
    now_ms = instant.to_ms(at)
    running = {book.hash for book in publish.current(state, at)}
    found = [version for version in state.books.values() if not version.withdrawn_at and (
        version.book.hash in running or instant.to_ms(version.book.valid_from) > now_ms)]
    return tuple(Book(version.book.hash, version.number, version.book.valid_from, version.book)
                 for version in sorted(found, key=lambda version: -version.number))


def _items(state: Any, books: tuple[Book, ...]) -> tuple[ItemOf, ...]:
    priced = sorted({line.item for one in books for line in one.book.lines})
    here: dict[str, list[LotOf]] = {name: [] for name in priced}
    for lot in sorted(state.lots.values(), key=lambda lot: lot.number):
        if lot.item in here and not lot.owner and "" in lot.at:
            here[lot.item].append(LotOf(lot.id, lot.at[""]))
    reserved: dict[str, Decimal] = {}
    for kept in state.reservations.values():
        if not kept.owner:
            reserved[kept.item] = reserved.get(kept.item, Decimal(0)) + Decimal(kept.quantity)
    return tuple(_item(state.items.get(name) or Item(id=name), here[name], reserved.get(name, Decimal(0)))
                 for name in priced)


def _item(item: Item, lots: list[LotOf], reserved: Decimal) -> ItemOf:
    there = sum((Decimal(lot.on_hand) for lot in lots), Decimal(0))
    return ItemOf(item.id, item.unit, q.text(max(Decimal(0), there - reserved)), q.text(there), item.gtin, item.zh,
                  item.en, tuple(lots[:20]))


def _partners(node: Node, book: State) -> tuple[PartnerOf, ...]:
    known = [PartnerOf(org, next(iter(node.names.get(org, ())), "") or org[:8], node=True)
             for org in node.partners if org not in node.ended_with]
    known += [PartnerOf(one.id, one.name, node=False) for one in book.customers.values()
              if one.name and one.id not in node.partners]
    return tuple(sorted(known, key=lambda one: (one.name, one.id)))
