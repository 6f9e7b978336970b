"""Tills as their owner sees them: what each sold today, what waits for a word, what ran short, who owes, and slips.

Rule 1: sums are those of the till book, in the firm's own day.
Rule 2: the code of a till that waits is not shown: the owner reads it from the till itself.
Not here: letting in and settling (``engine/commands/tills.py``), the slip as paper (``doors/console``).
"""

from collections.abc import Mapping
from typing import Any

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.till import slips as kept_slips
from weft.engine.till.export import export
from weft.engine.till.intake import day_of
from weft.engine.till.pairing import standing
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.stock import levels
from weft.till import messages as m
from weft.till import qr
from weft.till.slip import Slip, parse
from weft.till.state import Short, State
from weft.till.totals import written

NEWEST = 30
SLIPS_MAX = 500


class SumsRow(View, frozen=True, kw_only=True):
    """What a till did today, or on ``day``, in one currency; returns are taken off."""

    day: str
    currency: str
    sales: int
    returns: int
    off_book: int
    cash: str
    transfer: str
    account: str
    net: str
    tax: str
    gross: str


class TillRow(View, frozen=True, kw_only=True):
    """One till. ``state``: open, gone or waiting (its key is not delegated any more or not yet).

    ``last_at``: the time on its newest slip; ``seen_ms``: when it last reached us; ``missing``: slips nobody holds;
    ``since``: when it was lost, if its owner said so, and how many slips are
    ``waiting`` for that.
    """

    key: str
    name: str
    state: str
    paired_at: str
    ended_at: str = ""
    reason: str = ""
    since: str = ""
    last_at: str = ""
    seen_ms: int = 0
    lives: int = 0
    slips: int = 0
    missing: int = 0
    waiting: int = 0
    today: tuple[SumsRow, ...] = ()
    drawer: tuple[tuple[str, str], ...] = ()


class WaitingTill(View, frozen=True, kw_only=True):
    """A till that asks to be let in."""

    name: str
    place: str


class SlipRow(View, frozen=True, kw_only=True):
    """One slip at a glance; ``odd`` are codes of what is odd about it.

    ``state``: counts; doubted, ``why``; decided (the owner has spoken); settled (and it counts).
    """

    position: int
    hash: str
    number: str
    till: str
    till_name: str
    n: int
    kind: str
    at: str
    currency: str
    gross: str
    pay: str
    state: str
    why: str = ""
    off_book: bool = False
    odd: tuple[str, ...] = ()


class DoubtRow(View, frozen=True, kw_only=True):
    """A slip that waits for the owner's word; ``beside`` is the one that counts at its place, if one does."""

    slip: SlipRow
    lines: tuple[tuple[str, str, str], ...]


class ShortRow(View, frozen=True, kw_only=True):
    """What was sold and was not there. ``ways`` to mend it: make, buy, transfer."""

    hash: str
    line: int
    item: str
    zh: str
    en: str
    unit: str
    missing: str
    at: str
    ways: tuple[str, ...] = ()


class ClosingRow(View, frozen=True, kw_only=True):
    """One day close: ``difference`` is counted less expected; ``agrees``: the slips here say what the till expected."""

    hash: str
    till_name: str
    day: str
    at: str
    currency: str
    counted: str
    expected: str
    difference: str
    agrees: bool


class CustomerRow(View, frozen=True, kw_only=True):
    """A customer without a node and what is open."""

    id: str
    name: str
    open: tuple[tuple[str, str], ...] = ()


class TillsView(View, frozen=True, kw_only=True):
    """All of it; ``slips`` are the newest."""

    tills: tuple[TillRow, ...]
    waiting: tuple[WaitingTill, ...]
    doubts: tuple[DoubtRow, ...]
    odd: tuple[SlipRow, ...]
    short: tuple[ShortRow, ...]
    closings: tuple[ClosingRow, ...]
    customers: tuple[CustomerRow, ...]
    slips: tuple[SlipRow, ...]
    exceptions: tuple[tuple[str, int], ...] = ()


class LineView(View, frozen=True, kw_only=True):
    """One line of a slip, with the item's names."""

    item: str
    zh: str
    en: str
    lot: str
    quantity: str
    unit: str
    unit_price: str
    base: str
    net: str
    tax: str
    gross: str
    tax_percent: str
    short: str = ""


class SlipView(View, frozen=True, kw_only=True):
    """One slip in full; ``qr`` is the text of its code ("" when it is too long for one)."""

    row: SlipRow
    lines: tuple[LineView, ...]
    net: str
    tax: str
    partner_name: str
    book: str
    attributes: dict[str, str]
    of: str
    basis: str
    qr: str
    bytes: str
    signature: str
    close: Any = None


class SlipsView(View, frozen=True, kw_only=True):
    """Slips, the newest first; ``before`` asks for the next page, 0 when there is none."""

    slips: tuple[SlipRow, ...]
    before: int = 0


class SlipFile(View, frozen=True, kw_only=True):
    """A slip with all that speaks for its price, as a file called ``name``."""

    name: str
    file: str


async def tills(node: Any) -> TillsView:
    """What each till sold today, and everything that waits for the owner's word."""
    book: State = await node.book_state("till")
    today = day_of(node, instant.from_ms(node.clock.now_ms()))
    seen = {one.key: one.seen_ms for one in await node.devices.all() if one.key} if node.devices else {}
    stock = await node.book_state("stock")
    names = await partner_names(node)
    newest = (await slips(node, limit=str(NEWEST))).slips
    return TillsView(
        tills=tuple([await _till(node, book, key, today, seen) for key in book.tills]),
        waiting=tuple(WaitingTill(name=one.name, place=one.place) for one in node.knocking.waiting()),
        doubts=tuple(_doubt(book, name, stock.items) for name in book.doubts),
        odd=tuple([_row(book, -1, said) for name in book.odd if (said := await kept_slips.kept(node, name))]),
        short=tuple([await _short(node, stock, one) for one in book.short.values()]),
        closings=tuple(_closing(book, one) for one in reversed(book.closings[-NEWEST:])),
        customers=tuple(CustomerRow(id=one.id, name=one.name or names(one.id), open=_money(one.open))
                        for one in sorted(book.customers.values(), key=lambda one: one.name)),
        slips=newest, exceptions=tuple(sorted(book.exceptions.items(), reverse=True)[:12]))


async def slips(node: Any, till: str = "", day: str = "", before: str = "", limit: str = "50") -> SlipsView:
    """Slips, the newest first: of one ``till`` (key or name), of one ``day`` of the firm, below position ``before``."""
    if not limit.isdecimal() or not (before or "0").isdecimal():
        raise Invalid("view.params", name="slips", detail="limit")
    book: State = await node.book_state("till")
    wanted = min(int(limit[:6]), SLIPS_MAX)
    found: list[SlipRow] = []
    told: set[str] = set()  # a slip that was settled stands in the book twice: its last word is shown
    at = int(before[:12]) if before else -1
    while len(found) < wanted:
        page = await kept_slips.newest(node, SLIPS_MAX, at)
        for position, said in page:
            row, at = _row(book, position, said), position
            if row.hash in told or till not in ("", row.till, row.till_name) or day not in ("", said.day):
                continue
            if len(found) < wanted:
                found.append(row)
                told.add(row.hash)
        if len(page) < SLIPS_MAX:
            at = 0
            break
    return SlipsView(slips=tuple(found), before=found[-1].position if at and found else 0)


async def slip(node: Any, hash: str) -> SlipView:
    """One slip in full, with the text of its code; raises ``NotFound('till.no-slip')``."""
    signed = await kept_slips.one(node, hash)
    said = await kept_slips.kept(node, hash)
    assert said is not None
    book: State = await node.book_state("till")
    one, items = signed.slip, (await node.book_state("stock")).items
    names = await partner_names(node)
    partner = book.customers[one.partner].name if one.partner in book.customers else names(one.partner)
    return SlipView(
        row=_row(book, -1, said), net=one.net, tax=one.tax, partner_name=partner, book=one.book,
        attributes=one.attributes, of=one.of, basis=one.basis, qr=_code(signed), bytes=said.slip,
        signature=said.signature, close=one.close,
        lines=tuple(LineView(
            item=line.item, zh=items[line.item].zh if line.item in items else "",
            en=items[line.item].en if line.item in items else "", lot=line.lot, quantity=line.quantity, unit=line.unit,
            unit_price=line.unit_price, base=line.base, net=line.net, tax=line.tax, gross=line.gross,
            tax_percent=line.tax_percent, short=_missing(book, hash, place))
            for place, line in enumerate(one.lines, 1)))


async def slip_file(node: Any, hash: str) -> SlipFile:
    """One slip as a file that anybody can check; raises ``NotFound('till.no-slip')``."""
    signed = await kept_slips.one(node, hash)
    return SlipFile(name=f"slip-{signed.slip.number}.json", file=(await export(node, hash)).decode())


def _missing(book: State, name: str, place: int) -> str:
    short = book.short.get(f"{name}/{place}")
    return short.missing if short else ""


def _code(signed: Any) -> str:
    try:
        return qr.encode(signed)
    except Invalid:
        return ""


async def _till(node: Any, book: State, key: str, today: str, seen: Mapping[str, int]) -> TillRow:
    till = book.tills[key]
    rows = [_sums(name, one) for name, one in book.days.items() if name.startswith(f"{today}|{key}|")]
    return TillRow(
        key=key, name=till.name, state=await standing(node, key), paired_at=till.paired_at, ended_at=till.ended_at,
        reason=till.reason, since=till.since, last_at=till.last_at, seen_ms=seen.get(key, 0), lives=len(till.lives),
        slips=sum(place.n for place in till.lives.values()), today=tuple(rows), drawer=_money(till.cash),
        missing=sum(last - first + 1 for _, first, last in till.missing),
        waiting=sum(one.why == "since" and parse(one.slip.encode()).till == key for one in book.doubts.values()))


def _sums(name: str, one: Any) -> SumsRow:
    day, _, currency = name.split("|")
    ways_and_sums = ("cash", "transfer", "account", "net", "tax", "gross")
    money = {name: written(getattr(one, name), currency) for name in ways_and_sums}
    return SumsRow(day=day, currency=currency, sales=one.sales, returns=one.returns, off_book=one.off_book, **money)


def _money(amounts: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    return tuple((currency, written(amount, currency)) for currency, amount in sorted(amounts.items()))


def _row(book: State, position: int, said: m.Kept) -> SlipRow:
    one = parse(said.slip.encode())
    till = book.tills.get(one.till)
    state, why = "counts", ""
    if isinstance(said, m.SlipDoubted):
        state, why = ("doubted" if said.hash in book.doubts else "decided"), said.why
    elif said.hash in book.doubts:
        state, why = "doubted", book.doubts[said.hash].why
    elif isinstance(said, m.SlipTaken) and said.settled:
        state = "settled"
    return SlipRow(
        position=position, hash=said.hash, number=one.number, till=one.till, till_name=till.name if till else "",
        n=one.n, kind=one.kind, at=one.at, currency=one.currency, gross=_shown(one), pay=one.pay, state=state, why=why,
        off_book=one.off_book, odd=said.odd)


def _shown(one: Slip) -> str:
    """The slip's money: of a close, what was counted; of a return, what was given back, below zero."""
    if one.close is not None:
        return one.close.cash.counted
    return f"-{one.gross}" if one.kind == "return" else one.gross


def _doubt(book: State, name: str, items: Mapping[str, Any]) -> DoubtRow:
    held = book.doubts[name]
    said = m.SlipDoubted(slip=held.slip, signature=held.signature, hash=name, day=held.day, at=held.at,
                         why=held.why, odd=held.odd)  # type: ignore[arg-type] # a Literal, as it was recorded
    one = parse(held.slip.encode())
    return DoubtRow(slip=_row(book, -1, said), lines=tuple(
        ((items[line.item].zh or items[line.item].en or line.item) if line.item in items else line.item, line.quantity,
         line.unit) for line in one.lines))


async def _short(node: Any, stock: Any, one: Short) -> ShortRow:
    item = stock.items.get(one.item)
    return ShortRow(hash=one.hash, line=one.line, item=one.item, zh=item.zh if item else "",
                    en=item.en if item else "", unit=one.unit, missing=one.missing, at=one.at,
                    ways=await ways(node, stock, one.item))


async def ways(node: Any, stock: Any, item: str) -> tuple[str, ...]:
    """How a shortage of ``item`` may be mended: we make it, somebody sells it to us, or some lies at a partner."""
    master = (await node.book_state("production")).master
    known = stock.items.get(item)
    found = ["make"] if item in master.routings else []
    if (known is not None and known.supplier) or item in master.supply_rules or not found:
        found.append("buy")
    if any(one.item == item for one in levels.at_partners(stock)):
        found.append("transfer")
    return tuple(found)


def _closing(book: State, one: Any) -> ClosingRow:
    till = book.tills.get(one.key)
    return ClosingRow(hash=one.hash, till_name=till.name if till else "", day=one.day, at=one.at,
                      currency=one.currency, counted=written(one.counted, one.currency),
                      expected=written(one.expected, one.currency),
                      difference=written(one.counted - one.expected, one.currency), agrees=one.booked == one.expected)
