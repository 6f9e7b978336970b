"""What is odd about a slip that a till has signed: it counts all the same, and the owner is told.

Codes: ``price`` (not what its book says), ``no-book`` (none named, and not marked as made at the counter), ``book``
(we never published it), ``book-time`` (not in force at the time of the slip), ``return`` (not as it was sold),
``return-over`` (with what came back before, more than was sold), ``return-unknown`` (we do not hold the sale),
``close`` (not what its slips come to), ``item`` (we have no such item), ``clock`` (from the future),
``clock-behind`` (from before its till was let in, or before the slip that it follows).
Rule 1: the book of the slip's own hash is asked, not the one in force now.
Not here: sums and signatures, which must hold (``till/verify.py``).
"""

from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.till import slips
from weft.pricing import publish
from weft.pricing.evaluate import Attributes, price
from weft.pricing.schema import ATTRIBUTES, PriceBook
from weft.till import closing, returns
from weft.till import messages as m
from weft.till.slip import Line, Slip, parse
from weft.till.state import State

AHEAD_MS: Final = 15 * 60_000
TOO_MUCH: Final = "slip.return-too-much"
CLOCKS: Final = frozenset({"clock", "clock-behind"})
SINCE_MAX: Final = 5_000  # slips between two closes that are added up


async def of(node: Node, slip: Slip, now_ms: int) -> tuple[str, ...]:
    """Codes of what is odd about ``slip``, at our time ``now_ms``."""
    found: list[str] = []
    if clock := await _clock(node, slip, now_ms):
        found.append(clock)
    if slip.kind == "close":
        return (*found, *await _close(node, slip))
    items = (await node.book_state("stock")).items
    if any(line.item not in items for line in slip.lines):
        found.append("item")
    if slip.kind == "return":
        found += await _return(node, slip)
    elif not slip.off_book:
        found += _prices(await node.book_state("pricing"), slip)
    return tuple(found)


async def _clock(node: Node, slip: Slip, now_ms: int) -> str:
    """What is odd about the time on ``slip``, or "": one that came late is none, for tills sell offline."""
    at_ms = instant.to_ms(slip.at)
    if at_ms > now_ms + AHEAD_MS:
        return "clock"
    book: State = await node.book_state("till")
    till, before = book.tills.get(slip.till), await slips.kept(node, slip.prev) if slip.prev else None
    if till is not None and at_ms < instant.to_ms(till.paired_at) - AHEAD_MS:
        return "clock-behind"
    if before is None or "clock" in before.odd:
        return ""  # nothing to compare with; or a clock that was ahead was set right
    return "clock-behind" if at_ms < instant.to_ms(parse(before.slip.encode()).at) - AHEAD_MS else ""


def _prices(published: publish.State, slip: Slip) -> list[str]:
    if not slip.book:
        return ["no-book"]
    version = published.books.get(slip.book)
    if version is None:
        return ["book"]
    found = [] if all(follows(version.book, slip, line) for line in slip.lines) else ["price"]
    if version.book.hash not in {book.hash for book in publish.current(_then(published, slip.at), slip.at)}:
        found.append("book-time")
    return found


def _then(published: publish.State, at: str) -> publish.State:
    """What was published, without what was withdrawn after ``at``: a slip may come long after it was made."""
    at_ms = instant.to_ms(at)
    replace = msgspec.structs.replace
    return publish.State(books={
        name: replace(one, withdrawn_at="") if one.withdrawn_at and instant.to_ms(one.withdrawn_at) > at_ms else one
        for name, one in published.books.items()})


def follows(book: PriceBook, slip: Slip, line: Line) -> bool:
    """Whether the line is exactly what ``book`` gives for it."""
    if set(slip.attributes) - set(ATTRIBUTES):
        return False
    try:
        due = price(book, Attributes(item=line.item, quantity=line.quantity, unit=line.unit,
                                     **dict[str, Any](slip.attributes)))
    except WeftError:
        return False
    told = (line.unit_price, line.base, line.net, line.tax, line.gross, line.tax_category, line.tax_percent)
    return (slip.currency, slip.basis, *told) == (
        due.currency, due.basis, due.unit_price, due.base, due.net, due.tax, due.gross, due.tax_category,
        due.tax_percent)


async def _close(node: Node, slip: Slip) -> list[str]:
    """Whether the close says what the slips since the last one come to; where we lack one of them it cannot be told."""
    since: list[Slip] = []
    name = slip.prev
    while name and len(since) < SINCE_MAX:
        held = await slips.kept(node, name)
        if held is None:
            return []
        before = parse(held.slip.encode())
        if before.kind == "close":
            return ["close"] if closing.check(slip, since[::-1], before) else []
        since.append(before)
        name = before.prev
    return ["close"] if not name and closing.check(slip, since[::-1], None) else []


async def _return(node: Node, slip: Slip) -> list[str]:
    sale = await slips.kept(node, slip.of)
    if sale is None or isinstance(sale, m.SlipDoubted):
        return ["return-unknown"]
    book: State = await node.book_state("till")
    earlier = [await slips.one(node, name) for name in book.returned.get(slip.of, ())]
    wrong = returns.check(slip, parse(sale.slip.encode()), [one.slip for one in earlier])
    if any(one.code == TOO_MUCH for one in wrong):
        return ["return-over"]
    return ["return"] if wrong else []
