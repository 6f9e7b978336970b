"""Prices that were agreed off the book: counted by month, and written into the price log when the month is over.

Rule 1: an exception counts when it is agreed: by the order or an accepted change, not by the offer.
Rule 2: every month since the log began is counted, also one without exceptions: silence would tell, too.
Rule 3: how far a price was from the book is told as a band, the widest of the month; what cannot be compared is in the
        last one.
Rule 4: our clock alone ends no more than ``ALONE_MONTHS`` months: of a longer time only as much is counted as the
        clocks of those who saw our record have got to, so that a wrong clock does not write of months to come. The
        owner hears of it (``doubt``).
Not here: what an off-book price is on the screens (``views/order.py``), the leaf's form (``pricing/leaf.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import log
from weft.engine.pricelog.documents import ITEM
from weft.pricing import evaluate, leaf
from weft.pricing.schema import PriceBook
from weft.tlog import cosignature
from weft.trade.messages import ChangeOption, Quotation, QuotationLine
from weft.trade.order_state import OrderState

EXCEPTIONS: Final = "price-exception"  # bucket: agreed prices off the book that no leaf has counted yet, by event id
COUNTED: Final = "counted"  # in log.STATE: the last month that was counted
DOUBTED: Final = "clock-doubted"  # in log.STATE: our clock and theirs (ms), while they are too far apart to count
ALONE_MONTHS: Final = 3
NOBODY_MONTHS: Final = 24  # where nobody has ever seen our record, there is no other clock
_BANDS: Final = {"none": Decimal(0), "5": Decimal(5), "10": Decimal(10), "20": Decimal(20), "50": Decimal(50)}
_ORDER: Final = leaf.BANDS
NONE: Final = "none"
LEAST: Final = "5"
MORE: Final = "more"
Own = Callable[[str], str]


class _Priced(NamedTuple):
    """What was agreed: our item, how much of it, its net amount."""

    item: str
    quantity: str
    unit: str
    net: str
    inputs: Mapping[str, str] = MappingProxyType({})


class Agreed(msgspec.Struct, frozen=True):
    """A price off the book that was agreed: in which band, and when."""

    band: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The leaves of the months that are over, and what is to be kept with them."""

    leaves: Sequence[leaf.ExceptionsLeaf]
    values: Sequence[log.Value]


async def agreed(node: Node, event: str, offer: Quotation, own: Own = str) -> None:
    """The offer was ordered by ``event``: if its price is off the book, it counts. ``own``: our name of its items."""
    if not offer.off_book:
        return
    book = await _book(node, offer)
    bands = [_band(book, offer, _Priced(own(line.item), line.quantity, line.unit, line.net))
             for line in offer.lines if not line.trace]
    await _count(node, event, max(bands, key=_ORDER.index, default=LEAST))


async def changed(node: Node, event: str, state: OrderState, option: ChangeOption, own: Own = str) -> None:
    """A change was agreed by ``event``: a price in it that is not the book's counts."""
    offer = state.quotation
    if offer is None:
        return
    book, bands = await _book(node, offer), [NONE]
    for part in option.lines:
        line = state.lines.get(part.line)
        if line is None or not (part.unit_price or part.net):
            continue
        quantity = part.quantity or line.ordered
        net = part.net or q.money(q.decimal(part.unit_price) * q.decimal(quantity), offer.currency)
        item, inputs = next(((_in_book(one) or own(one.item), one.inputs) for one in offer.lines
                             if one.line == part.line), (own(line.item), {}))
        bands.append(_band(book, offer, _Priced(item, quantity, line.unit, net, inputs)))
    band = max(bands, key=_ORDER.index)
    if band != NONE:
        await _count(node, event, band)


async def _count(node: Node, event: str, band: str) -> None:
    """Once; what comes back after a leaf has counted it is counted again: too many is not too few."""
    if await node.store.value(EXCEPTIONS, event) is None:
        row = msgspec.msgpack.encode(Agreed(band if band != NONE else LEAST, node.clock.now_ms()))
        await node.store.commit(Batch(values=[(EXCEPTIONS, event, row)]))


async def _book(node: Node, offer: Quotation) -> PriceBook | None:
    known = (await node.book_state("pricing")).books.get(offer.price.book) if offer.price is not None else None
    return None if known is None else known.book


def _in_book(line: QuotationLine) -> str:
    """What the price book calls a part that is made to a drawing; "" for others."""
    return next((name for kind, name, _, _ in line.trace if kind == ITEM), "") if line.inputs else ""


def _attributes(offer: Quotation) -> dict[str, Any]:
    return dict(offer.price.attributes) if offer.price is not None else {}


def _band(book: PriceBook | None, offer: Quotation, said: _Priced) -> str:
    """How far ``said`` is from ``book``; ``NONE``: it is the book's price."""
    if book is None or offer.price is None:
        return MORE
    try:
        priced = evaluate.price(book, evaluate.Attributes(
            item=said.item, quantity=said.quantity, unit=said.unit, currency=offer.currency,
            inputs=dict(said.inputs), **_attributes(offer)))
        by_book, net = q.decimal(priced.net), q.decimal(said.net)
    except WeftError:
        return MORE
    if by_book == 0:
        return NONE if net == 0 else MORE
    distance = abs(net - by_book) * 100 / abs(by_book)
    return next((name for name, limit in _BANDS.items() if distance <= limit), MORE)


# ---- months --------------------------------------------------------------------------------------


def month_of(ms: int) -> str:
    """The month of an instant, by UTC."""
    return instant.from_ms(ms)[:7]


async def finished(node: Node, now_ms: int) -> Finished:
    """What the next append has to say of the months that are over; the caller holds the log's lock."""
    now = month_of(now_ms)
    data = await node.store.value(log.STATE, COUNTED)
    counted = "" if data is None else data.decode()
    if counted > _later(now, ALONE_MONTHS):  # no leaf says so: the log began while our clock was far ahead
        counted = _before(now)
    if counted and _after(counted) >= now:
        return Finished((), [(log.STATE, COUNTED, counted.encode()), (log.STATE, DOUBTED, None)])
    rows = [(name, msgspec.msgpack.decode(kept, type=Agreed)) for name, kept in await node.store.values(EXCEPTIONS)]
    begun = min([now, *(month_of(one.at_ms) for _, one in rows)])  # where the log begins, if nothing was counted yet
    months, doubted = await _believed(node, list(_between(counted or _before(begun), now)), now_ms)
    if not months:
        begins = [] if doubted else [(log.STATE, COUNTED, _before(now).encode())]
        return Finished((), [*begins, (log.STATE, DOUBTED, doubted)])
    taken = {month: [one for _, one in rows if month_of(one.at_ms) == month] for month in months}
    early = [one for _, one in rows if month_of(one.at_ms) < months[0]]
    taken[months[0]] += early
    gone: list[Any] = [(EXCEPTIONS, name, None) for name, one in rows if month_of(one.at_ms) <= months[-1]]
    return Finished([_leaf(month, taken[month]) for month in months],
                    [*gone, (log.STATE, COUNTED, months[-1].encode()), (log.STATE, DOUBTED, doubted)])


class Doubt(msgspec.Struct, frozen=True):
    """Our clock is further ahead of those who saw our record last than can be believed (instants in ms)."""

    ours_ms: int
    theirs_ms: int


async def doubt(store: Store) -> Doubt | None:
    """Why months are not counted, if they are not."""
    data = await store.value(log.STATE, DOUBTED)
    return None if data is None else msgspec.msgpack.decode(data, type=Doubt)


async def _believed(node: Node, months: list[str], now_ms: int) -> tuple[list[str], bytes | None]:
    """Those of ``months`` that are over by other clocks, too, if they are too many for ours alone; and a ``Doubt``."""
    if len(months) <= ALONE_MONTHS:
        return months, None
    theirs_ms = await _theirs_ms(node.store)
    if not theirs_ms and len(months) <= NOBODY_MONTHS:
        return months, None
    over = [month for month in months if month < month_of(theirs_ms)]
    if len(months) - len(over) <= ALONE_MONTHS:
        return months, None
    return over, msgspec.msgpack.encode(Doubt(now_ms, theirs_ms))


async def _theirs_ms(store: Store) -> int:
    """What the clocks of those who saw our record last showed: that in their midst; 0: nobody has seen it."""
    found = [0]
    for at in await log.heads(store):
        times = sorted(cosignature.timestamp_of(one.value) for one in at.read.signatures[1:])
        found += [times[len(times) // 2] * 1000] if times else []
    return max(found)


def _leaf(month: str, rows: Sequence[Agreed]) -> leaf.ExceptionsLeaf:
    band = max((one.band for one in rows), key=_ORDER.index, default=NONE)
    return msgspec.convert({"period": month, "count": len(rows), "band": band, "kind": "exceptions"},
                           leaf.ExceptionsLeaf)


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02d}"


def _later(month: str, count: int) -> str:
    for _ in range(count):
        month = _after(month)
    return month


def _between(last: str, now: str) -> Iterator[str]:
    """The months after ``last`` that are over ``now``."""
    month = _after(last)
    while month < now:
        yield month
        month = _after(month)
