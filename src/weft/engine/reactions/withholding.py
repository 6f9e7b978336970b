"""A slip that counted is doubted, since its till was lost before it came: what followed from it is taken back.

Rule 1: goods are again in the lots out of which they were taken; what had come back by the slip is out again.
Rule 2: each line is taken back once, under a reference of its own; if the owner says that the slip counts after all,
        it is booked anew under another (``selling.py``).
Rule 3: a bill is credited as a whole, or left to the owner, who is told.
Not here: sums, drawer and accounts (``till/counting.py``), who decides (the owner).
"""

from decimal import Decimal
from typing import Any

from weft.basis import quantity as q
from weft.basis.errors import Refused
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions import selling
from weft.engine.reactions.making import trace
from weft.stock import levels
from weft.stock import messages as sm
from weft.till import messages as m
from weft.till.slip import Slip, parse
from weft.trace import events as traces
from weft.trade.messages import CreditNote


async def unbook_slip(node: Node, cause: Cause) -> None:
    """Goods of the slip are where they were before it."""
    if cause.message.why != "since":
        return
    slip = parse(cause.message.slip.encode())
    gone: list[str] = []
    async with node.lock(selling.ref(slip.hash, 0)):
        for place, line in enumerate(slip.lines, 1):
            if line.item in (await node.book_state("stock")).items:
                gone += await _unbook(node, slip, place)
    goods = await selling.moved(node, gone)
    await trace(node, traces.sold(node.organisation, goods, cause.message.at, slip.hash, back=slip.kind == "sale"),
                f"{cause.key}:trace")


async def _unbook(node: Node, slip: Slip, place: int) -> list[str]:
    """The events of the stock book that took line ``place`` back, now or before a crash."""
    key = f"{selling.ref(slip.hash, place)}:doubted"
    first = await node.answered(node.book("stock"), key)
    if first is not None:
        return first
    goods = await selling.moved(node, await _booked(node, slip.hash, place))
    stock = await node.book_state("stock")
    said = _out(stock, goods, key) if slip.kind == "return" else _in(stock, goods, key)
    return await node.record("stock", *said, key=key) if said else []


async def _booked(node: Node, name: str, place: int) -> list[str]:
    """All events of the stock book that booked a line: at once, and as what was short had come."""
    stock, line = node.book("stock"), f"{name}/{place}"
    found = list(await node.answered(stock, selling.ref(name, place)) or [])
    over = await node.answered(node.book("till"), selling.ref(name, place))
    short = await _message(node, "till", over[0]) if over else None
    missing = Decimal(short.missing) if short else Decimal(0)
    while short and missing > 0:
        met = await node.answered(stock, selling.short_key(line, short.at, q.text(missing)))
        if met is None:
            break
        found += met
        missing -= Decimal((await _message(node, "stock", met[0])).quantity)
    return found


async def _message(node: Node, book: str, event: str) -> Any:
    entry = await node.entry(await node.loaded(node.book(book)), event)
    assert entry is not None
    return entry.message


def _in(stock: Any, goods: list[traces.Goods], key: str) -> list[sm.Received]:
    """What was sold comes back into its lots, or into new ones where a lot is forgotten."""
    said = []
    for at, one in enumerate(goods):
        known = stock.lots.get(one.lot)
        same = known is not None and (known.item, known.owner) == (one.item, "")
        lot = sm.LotIn(id=one.lot if same else "", item=one.item, quantity=one.quantity)
        said.append(sm.Received(ref=f"{key}:{at}", lots=(lot,), why="return", partner=known.partner if same else ""))
    return said


def _out(stock: Any, goods: list[traces.Goods], key: str) -> list[sm.Issued]:
    """What had come back leaves again, as far as it is still here."""
    said = []
    for at, one in enumerate(goods):
        known = stock.lots.get(one.lot)
        there = min(Decimal(one.quantity), Decimal(known.at.get("", "0")) if known is not None else Decimal(0),
                    levels.on_hand(stock, one.item))
        if there > 0:
            said.append(sm.Issued(ref=f"{key}:{at}", item=one.item, quantity=q.text(there), why="sale", gone=True,
                                  picks=(sm.Pick(lot=one.lot, quantity=q.text(there)),)))
    return said


async def unbill_slip(node: Node, cause: Cause) -> None:
    """The bill of a doubted slip is credited; raises ``Refused('till.bill-by-hand')`` where that is not plain."""
    said: m.SlipDoubted = cause.message
    if said.why != "since" or not said.billed:
        return
    slip = parse(said.slip.encode())
    number = selling.bill_number(slip)
    documents = (await node.state(said.billed)).documents
    if any(one.by == node.organisation and one.number == f"{number}-0" for one in documents.values()):
        return
    bill = next(((name, one) for name, one in documents.items() if one.by == node.organisation
                 and one.number == number and one.kind == "invoice"), None)
    if slip.kind != "sale" or bill is None or Decimal(bill[1].credited or "0") > 0:
        raise Refused("till.bill-by-hand", number=number)
    await node.speak(said.billed, CreditNote(
        number=f"{number}-0", invoice=bill[0], lines=selling.bill_lines(slip), currency=slip.currency, net=slip.net,
        tax=slip.tax, gross=slip.gross, reason=""), cause.key)
