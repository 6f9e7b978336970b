"""A slip counts: goods leave or come back, what was not there is noted, and what is on account is billed.

Rule 1: both sales of a last piece stand; what stock could not give is a shortage, met as soon as something is free.
Rule 2: what went over the counter is gone: it is booked whatever was kept for orders, and those are then short.
Rule 3: every booking carries the slip's hash and line as its reference, so that a slip is booked once.
Not here: taking slips in (``engine/till/intake.py``), who decides what to do about a shortage (the owner).
"""

import contextlib
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import unb64
from weft.basis.errors import NotFound, Refused, WeftError
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, exceptions, showing
from weft.engine.reactions.making import trace
from weft.engine.till import slips
from weft.pricing import leaf
from weft.pricing.evaluate import Attributes, price
from weft.pricing.schema import PriceBook
from weft.stock import levels
from weft.stock import messages as sm
from weft.till import messages as m
from weft.till.slip import Line, Slip, parse
from weft.till.state import Short, State
from weft.trace import events as traces
from weft.trade.messages import CreditNote, Invoice, InvoiceLine
from weft.trade.shown import SlipShown

TRIES: Final = 5  # somebody may take of the same lot at the same moment


async def book_slip(node: Node, cause: Cause) -> None:
    """Goods follow the slip: sold ones leave, returned ones come back."""
    slip = parse(cause.message.slip.encode())
    name = await _name(node, cause.message)
    async with node.lock(ref(slip.hash, 0)):
        if name == slip.hash and await node.answered(node.book("till"), slips.doubt_key(name)) is not None:
            return  # doubted before anything followed from it
        for place, line in enumerate(slip.lines, 1):
            item = (await node.book_state("stock")).items.get(line.item)
            if item is None:
                continue  # the slip says that it is odd
            amount = in_item_unit(item, line)
            if slip.kind == "return":
                await _take_back(node, slip, ref(name, place), (line, amount))
            else:
                await _hand_over(node, slip, (name, place), (line, amount))
        await _trace(node, slip, name, cause.key)


async def _name(node: Node, said: m.SlipTaken) -> str:
    """Under which name the slip's lines are booked: its hash; another when it counts again after it was doubted."""
    again = said.settled and await node.answered(node.book("till"), slips.doubt_key(said.hash)) is not None
    return f"{said.hash}:again" if again else said.hash


async def _trace(node: Node, slip: Slip, name: str, key: str) -> None:
    """Which lots went over the counter by the slip, or came back by it: so that a recall finds them."""
    stock = node.book("stock")
    goods: list[traces.Goods] = []
    for place, _ in enumerate(slip.lines, 1):
        said = await node.answered(stock, ref(name, place)) or []
        goods += await moved(node, said)
    await trace(node, traces.sold(node.organisation, goods, slip.at, slip.hash, back=slip.kind == "return"),
                f"{key}:trace")


async def moved(node: Node, events: list[str]) -> list[traces.Goods]:
    """The lots that events of the stock book took out or in."""
    loaded, items = await node.loaded(node.book("stock")), (await node.book_state("stock")).items
    found: list[traces.Goods] = []
    for one in events:
        entry = await node.entry(loaded, one)
        match entry.message if entry is not None else None:
            case sm.Issued(item=item, picks=picks) | sm.Moved(item=item, picks=picks):
                parts = [(item, pick.lot, pick.quantity) for pick in picks]
            case sm.Received(lots=lots):
                parts = [(lot.item, lot.id, lot.quantity) for lot in lots]
            case _:
                parts = []
        found += [traces.Goods(item=item, quantity=quantity, unit=items[item].unit, lot=lot, gtin=items[item].gtin)
                  for item, lot, quantity in parts]
    return found


def in_item_unit(item: sm.Item, line: Line) -> Decimal:
    """How much of ``item`` the line is, in the unit in which stock counts it; raises ``Refused('till.unit')``."""
    sold = Decimal(line.quantity)
    if line.unit == item.unit:
        return sold
    each = levels.in_unit(item, "1", line.unit)
    if each:
        pieces = sold / each
        if item.unit not in q.WHOLE_UNITS or pieces == pieces.to_integral_value():
            return pieces.quantize(Decimal("0.000001")).normalize()
    raise Refused("till.unit", item=item.id, unit=line.unit, expected=item.unit)


def ref(name: str, place: int) -> str:
    """The reference of line ``place`` of the slip booked as ``name`` in the stock book."""
    return f"slip:{name}:{place}"


def short_key(name: str, at: str, missing: str) -> str:
    """The key under which stock gives what line ``name`` (hash/line) sold over ``at``, while ``missing`` is open."""
    return f"short:{name}:{at}:{missing}"


async def _hand_over(node: Node, slip: Slip, booked: tuple[str, int], what: tuple[Line, Decimal]) -> None:
    (name, place), (line, amount) = booked, what
    key = ref(name, place)
    if await node.answered(node.book("till"), key) is not None:
        return
    missing = amount - await _issue(node, key, slip, line, amount)
    if missing > 0:
        item = (await node.book_state("stock")).items[line.item]
        await node.record("till", m.SoldOver(hash=slip.hash, line=place, item=item.id, unit=item.unit,
                                             missing=q.text(missing), at=_now(node)), key=key)


async def _issue(node: Node, key: str, slip: Slip, line: Line, amount: Decimal) -> Decimal:
    """Book what is there, up to ``amount``; how much that was, now or before a crash."""
    for _ in range(TRIES):
        first = await node.answered(node.book("stock"), key)
        if first is not None:
            return await _quantity(node, first)
        stock = await node.book_state("stock")
        given = min(amount, levels.on_hand(stock, line.item))
        if given <= 0:
            return Decimal(0)
        try:
            await node.record("stock", sm.Issued(
                ref=key, item=line.item, quantity=q.text(given), picks=_picks(stock, line, given), why="sale",
                partner=slip.partner, gone=True, at=slip.at), key=key)
        except (Refused, NotFound):
            continue
    raise Refused("till.stock-busy", item=line.item)


async def _quantity(node: Node, events: list[str]) -> Decimal:
    loaded = await node.loaded(node.book("stock"))
    entries = [await node.entry(loaded, one) for one in events]
    return sum((Decimal(one.message.quantity) for one in entries if one is not None), Decimal(0))


def _picks(stock: Any, line: Line, amount: Decimal) -> tuple[sm.Pick, ...]:
    """The lot on the slip first."""
    found = levels.pick(stock, line.item, q.text(amount), first=line.lot)
    return tuple(sm.Pick(lot=lot, quantity=part) for lot, part in found)


async def _take_back(node: Node, slip: Slip, key: str, what: tuple[Line, Decimal]) -> None:
    """Returned goods are stock again: in the lot that stands on the slip, if we still know it, else in a new one."""
    line, amount = what
    stock = await node.book_state("stock")
    known = stock.lots.get(line.lot) if line.lot else None
    same = known is not None and (known.item, known.owner) == (line.item, "")
    lot = sm.LotIn(id=line.lot if same else "", item=line.item, quantity=q.text(amount))
    partner = known.partner if same and known is not None else ""
    await node.record("stock", sm.Received(ref=key, lots=(lot,), why="return", partner=partner, at=slip.at), key=key)


# ---- shortages -----------------------------------------------------------------------------------


async def meet_shortages(node: Node) -> None:
    """Book what was sold over as soon as something of it is free; the oldest sale first."""
    book: State = await node.book_state("till")
    for name, short in sorted(book.short.items(), key=lambda pair: (pair[1].at, pair[0])):
        await _meet(node, name, short)


async def _meet(node: Node, name: str, short: Short) -> None:
    key = short_key(name, short.at, short.missing)
    first = await node.answered(node.book("stock"), key)
    if first is None:
        free = levels.available(await node.book_state("stock"), short.item)
        given = min(Decimal(short.missing), free)
        if given <= 0:
            return
        try:
            first = await node.record("stock", sm.Issued(ref=key, item=short.item, quantity=q.text(given), why="sale",
                                                         at=_now(node)), key=key)
        except WeftError:
            return  # somebody was quicker: the next look finds what is left
    sold = traces.sold(node.organisation, await moved(node, first), short.at, short.hash)
    await trace(node, sold, f"{key}:trace")
    quantity = q.text(await _quantity(node, first))
    await node.record("till", m.ShortageMet(hash=short.hash, line=short.line, quantity=quantity, at=_now(node)),
                      key=key)


# ---- on account ----------------------------------------------------------------------------------


async def bill_slip(node: Node, cause: Cause) -> None:
    """What a partner with a node bought on account is billed in the relationship; what it brought back is credited."""
    said: m.SlipTaken = cause.message
    if not said.billed:
        return
    slip = parse(said.slip.encode())
    number = bill_number(slip) + ("-2" if await _name(node, said) != said.hash else "")
    name = slip.of or slip.hash
    state = await node.state(said.billed)
    if any(one.by == node.organisation and one.number == number for one in state.documents.values()):
        return  # said in an earlier life, and given back by the partner after a restored backup
    lines = bill_lines(slip)
    if slip.kind == "sale":
        await _show(node, said, slip)
        bill = Invoice(number=number, lines=lines, currency=slip.currency, net=slip.net, tax=slip.tax,
                       gross=slip.gross, payable=slip.gross)
        await node.speak(said.billed, bill, cause.key)
        return
    bills = [one for one, document in state.documents.items() if document.kind == "invoice" and name in document.orders]
    if not bills:
        raise Refused("till.no-bill", number=number)
    await node.speak(said.billed, CreditNote(
        number=number, invoice=bills[-1], lines=lines, currency=slip.currency, net=slip.net, tax=slip.tax,
        gross=slip.gross, reason=""), cause.key)


async def _show(node: Node, said: m.SlipTaken, slip: Slip) -> None:
    """The price book and the slip before the bill, so that the partner can check its prices; without, it is billed."""
    with contextlib.suppress(WeftError):
        if slip.book:
            await showing.show_book(node, slip.partner, slip.book)
        await node.speak(said.billed, SlipShown(slip=slips.signed(said).canonical.decode()), f"slip-shown:{slip.hash}")


def bill_number(slip: Slip) -> str:
    """What the bill or credit note of ``slip`` is called."""
    return f"T-{slip.number}-{slip.digest.hex()[:4].upper()}"


def bill_lines(slip: Slip) -> tuple[InvoiceLine, ...]:
    """The lines of ``slip`` as a bill or credit note has them."""
    return tuple(_bill_line(slip.of or slip.hash, place, line) for place, line in enumerate(slip.lines, 1))


def _bill_line(name: str, place: int, line: Line) -> InvoiceLine:
    return InvoiceLine(order=name, order_line=str(line.sold or place), item=line.item, quantity=line.quantity,
                       unit=line.unit, net=line.net, tax=line.tax, gross=line.gross, tax_category=line.tax_category,
                       tax_percent=line.tax_percent)


async def commit_slip(node: Node, cause: Cause) -> None:
    """The slip is bound into the price record, as every quotation and order is."""
    slip = parse(cause.message.slip.encode())
    if slip.off_book and slip.kind == "sale":
        await _count_exception(node, slip)
    if slip.kind != "close":
        await batches.pending(node, unb64(slip.hash, 32), slip.partner if slip.partner in node.partners else None)


async def _count_exception(node: Node, slip: Slip) -> None:
    """A price that was made at the counter is one off the book, and counts in its month as those of orders do."""
    if await node.store.value(exceptions.EXCEPTIONS, slip.hash) is None:
        books = (await node.book_state("pricing")).books
        band = _band(slip, books[slip.book].book) if slip.book in books else exceptions.MORE
        row = msgspec.msgpack.encode(exceptions.Agreed(band, node.clock.now_ms()))
        await node.store.commit(Batch(values=[(exceptions.EXCEPTIONS, slip.hash, row)]))


def _band(slip: Slip, book: PriceBook) -> str:
    """How far the slip's widest line is from ``book``, compared net."""
    found = []
    for line in slip.lines:
        try:
            due = Decimal(price(book, Attributes(item=line.item, quantity=line.quantity, unit=line.unit,
                                                 **dict[str, Any](slip.attributes))).net)
        except (WeftError, TypeError):
            return exceptions.MORE
        percent = abs(Decimal(line.net) - due) * 100 / due if due else Decimal(100)
        found.append(next((name for name in leaf.BANDS if name.isdecimal() and percent <= int(name)), exceptions.MORE))
    return max(found, key=leaf.BANDS.index, default=exceptions.MORE)


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
