"""Prices that were agreed off the book: counted by month, and written into the price log when the month is over.

Rule 1: an exception counts when it is agreed: by the order, not by the offer; once, whatever is said about it later.
Rule 2: every month since the log began is counted, also one without exceptions: silence would tell, too.
Rule 3: how far a price was from the book is told as a band, the widest of the month; what cannot be compared is in the
        last one.
Not here: what an off-book price is on the screens (``views/order.py``), the leaf's form (``pricing/leaf.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.pricelog import log
from weft.pricing import evaluate, leaf
from weft.pricing.schema import PriceBook
from weft.trade.messages import Quotation, QuotationLine

EXCEPTIONS: Final = "price-exception"  # bucket: agreed prices off the book that no leaf has counted yet, by event id
COUNTED: Final = "counted"  # in log.STATE: the last month that was counted
_BANDS: Final = {"none": Decimal(0), "5": Decimal(5), "10": Decimal(10), "20": Decimal(20), "50": Decimal(50)}
_ORDER: Final = leaf.BANDS
MORE: Final = "more"


class Agreed(msgspec.Struct, frozen=True):
    """A price off the book that was agreed: in which band, and when."""

    band: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The leaves of the months that are over, and what is to be kept with them."""

    leaves: Sequence[leaf.ExceptionsLeaf]
    values: Sequence[log.Value]


async def agreed(node: Node, event: str, offer: Quotation) -> None:
    """The offer was ordered by ``event``: if its price is off the book, it counts."""
    if not offer.off_book or await node.store.value(EXCEPTIONS, event) is not None:
        return
    books = (await node.book_state("pricing")).books
    known = books.get(offer.price.book) if offer.price is not None else None
    band = MORE if known is None else band_of(offer, known.book)
    row = msgspec.msgpack.encode(Agreed(band, node.clock.now_ms()))
    await node.store.commit(Batch(values=[(EXCEPTIONS, event, row)]))


def band_of(offer: Quotation, book: PriceBook) -> str:
    """The band of the line of ``offer`` that is farthest from ``book``."""
    attributes = offer.price.attributes if offer.price is not None else {}
    found = [_line_band(offer, line, book, attributes) for line in offer.lines if not line.trace]
    return max(found, key=_ORDER.index, default="5")


def _line_band(offer: Quotation, line: QuotationLine, book: PriceBook, attributes: dict[str, str]) -> str:
    try:
        priced = evaluate.price(book, evaluate.Attributes(
            item=line.item, quantity=line.quantity, unit=line.unit, currency=offer.currency, **attributes))
        by_book, said = q.decimal(priced.net), q.decimal(line.net)
    except WeftError:
        return MORE
    if by_book == 0:
        return MORE
    distance = abs(said - by_book) * 100 / abs(by_book)
    return next((name for name, limit in _BANDS.items() if name != "none" and distance <= limit), MORE)


# ---- months --------------------------------------------------------------------------------------


def month_of(ms: int) -> str:
    """The month of an instant, by UTC."""
    return instant.from_ms(ms)[:7]


async def finished(node: Node, now_ms: int) -> Finished:
    """What the next append has to say of the months that are over; the caller holds the log's lock."""
    now = month_of(now_ms)
    data = await node.store.value(log.STATE, COUNTED)
    if data is not None and _after(data.decode()) >= now:
        return Finished((), ())
    rows = [(name, msgspec.msgpack.decode(kept, type=Agreed)) for name, kept in await node.store.values(EXCEPTIONS)]
    begun = min([now, *(month_of(one.at_ms) for _, one in rows)])  # where the log begins, if nothing was counted yet
    months = list(_between(_before(begun) if data is None else data.decode(), now))
    if not months:
        return Finished((), [(log.STATE, COUNTED, _before(now).encode())])
    taken = {month: [one for _, one in rows if month_of(one.at_ms) == month] for month in months}
    early = [one for _, one in rows if month_of(one.at_ms) < months[0]]
    taken[months[0]] += early
    gone: list[Any] = [(EXCEPTIONS, name, None) for name, one in rows if month_of(one.at_ms) < now]
    return Finished([_leaf(month, taken[month]) for month in months],
                    [*gone, (log.STATE, COUNTED, months[-1].encode())])


def _leaf(month: str, rows: Sequence[Agreed]) -> leaf.ExceptionsLeaf:
    band = max((one.band for one in rows), key=_ORDER.index, default="none")
    return msgspec.convert({"period": month, "count": len(rows), "band": band, "kind": "exceptions"},
                           leaf.ExceptionsLeaf)


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _after(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + 1}-01" if number == 12 else f"{year}-{number + 1:02d}"


def _between(last: str, now: str) -> Iterator[str]:
    """The months after ``last`` that are over ``now``."""
    month = _after(last)
    while month < now:
        yield month
        month = _after(month)
