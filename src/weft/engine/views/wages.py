"""Piece-work wages of a period: for the owner by worker and line, for a worker his own; reasons; what waits.

Rule 1: money is exact in lines; what a person is paid in all is rounded once, half up.
Rule 2: a line is made of entries, and gives them when a single worker is asked for.
Rule 3: a worker is shown his own sums and entries, never another's.
Not here: the sums themselves (``production/wages.py``), files (``engine/wage_tables.py``).
"""

import asyncio
from calendar import monthrange
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Invalid
from weft.engine.views.shape import View
from weft.engine.views.work import EntryRow, entry_rows
from weft.engine.work_log import WorkLog
from weft.production import wages as pw
from weft.production.state import State

DAYS_MAX: Final = 366
_HOUR: Final = Decimal(3_600_000)
_CENT: Final = Decimal("0.01")


class WageLine(View, frozen=True, kw_only=True):
    """What one worker did of one operation at one price ("": there is no price). Hours are decimal."""

    worker: str
    item: str
    operation: int
    zh: str = ""
    en: str = ""
    since: str = ""
    price: str = ""
    material_price: str = ""
    currency: str
    pieces: str
    good: str
    material: str
    work: str
    other: str
    hours: str
    amount: str
    entries: tuple[EntryRow, ...] = ()


class WageSum(View, frozen=True, kw_only=True):
    """One worker in all; ``amount`` exact, ``pay`` rounded; ``unpriced``: pieces for which there is no price."""

    worker: str
    pieces: str
    good: str
    material: str
    work: str
    other: str
    hours: str
    currency: str
    amount: str
    pay: str
    unpriced: str = "0"


class ReasonRow(View, frozen=True, kw_only=True):
    """A reason for rest or scrap. ``share``: permille of its kind; ``sum`` with all that weigh more."""

    kind: str
    reason: str
    times: int
    pieces: str
    hours: str
    share: int
    sum: int


class WagesView(View, frozen=True, kw_only=True):
    """A period of local dates, both inclusive."""

    begin: str
    end: str
    currency: str
    sums: tuple[WageSum, ...]
    lines: tuple[WageLine, ...]
    reasons: tuple[ReasonRow, ...]
    waiting: tuple[EntryRow, ...]
    closed_until: str
    priced: bool


class OwnWork(View, frozen=True, kw_only=True):
    """A worker's own month: his sum, his lines, his entries that wait."""

    begin: str
    end: str
    worker: str
    total: WageSum | None
    lines: tuple[WageLine, ...]
    waiting: tuple[EntryRow, ...]


async def wages(node: Any, begin: str = "", end: str = "", worker: str = "") -> WagesView:
    """Wages from the local date ``begin`` to ``end`` (the month that is), of all or of ``worker`` with entries."""
    state: State = await node.book_state("production")
    period, dates = _period(node, begin, end)
    log, sheet = await _sheet(node, state, period)
    lines = [one for one in sheet.lines if not worker or one.worker == worker]
    currency = node.config.firm.currency
    return WagesView(
        begin=dates[0], end=dates[1], currency=currency, sums=_sums(lines, currency),
        lines=tuple(_line(state, one, log, currency, entries=bool(worker)) for one in lines),
        reasons=() if worker else _reasons(log, sheet, period),
        waiting=tuple(entry_rows([one for one in sheet.waiting if not worker or one.worker == worker], {})),
        closed_until=state.wages_until, priced=bool(state.rates))


async def my_work(node: Any, worker: str, month: str = "") -> OwnWork:
    """The own work of ``worker`` in ``month`` (YYYY-MM, "" this one)."""
    if month and not (len(month) == 7 and month[:4].isdecimal() and month[4] == "-" and month[5:] in _MONTHS):
        raise Invalid("wages.date", value=month[:20])
    days = monthrange(int(month[:4]), int(month[5:]))[1] if month and int(month[:4]) else 0
    view = await wages(node, f"{month}-01" if days else "", f"{month}-{days:02d}" if days else "", worker or "\0")
    return OwnWork(begin=view.begin, end=view.end, worker=worker, total=view.sums[0] if view.sums else None,
                   lines=view.lines, waiting=view.waiting)


_MONTHS: Final = frozenset(f"{number:02d}" for number in range(1, 13))


def today(node: Any) -> str:
    """The local date."""
    return str(node.config.firm.zone.day(node.clock.now_ms()))


def _period(node: Any, begin: str, end: str) -> tuple[pw.Period, tuple[str, str]]:
    """The period and its dates; raises ``Invalid('wages.date')`` or ``('wages.period')``."""
    zone = node.config.firm.zone
    if not begin:
        begin = f"{(end or today(node))[:7]}-01"
    if not end:
        end = f"{begin[:7]}-{monthrange(int(begin[:4]), int(begin[5:7]))[1]:02d}" if _is_date(begin) else ""
    if not (_is_date(begin) and _is_date(end)):
        raise Invalid("wages.date", value=(end if _is_date(begin) else begin)[:20])
    if not 0 <= (date.fromisoformat(end) - date.fromisoformat(begin)).days <= DAYS_MAX:
        raise Invalid("wages.period", limit=DAYS_MAX)
    return pw.Period(zone.begins(begin), zone.ends(end), zone), (begin, end)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and instant.to_ms(f"{text}T00:00:00.000Z") > 0
    except Invalid:
        return False


async def _sheet(node: Any, state: State, period: pw.Period) -> tuple[WorkLog, pw.Sheet]:
    log: WorkLog = await node.work_log.since(node, period.begin)
    entries, settled, overs = tuple(log.entries.values()), tuple(log.settled.values()), tuple(log.overs)
    return log, await asyncio.to_thread(pw.sheet, entries, settled, overs, state.rates, period)  # a year is a second


def _hours(ms: int) -> str:
    return q.text((Decimal(ms) / _HOUR).quantize(_CENT))


def _line(state: State, line: pw.Line, log: WorkLog, currency: str, *, entries: bool) -> WageLine:
    routing = state.master.routings.get(line.item)
    step = next((one for one in routing.operations if one.number == line.operation), None) if routing else None
    rate = line.rate
    return WageLine(
        worker=line.worker, item=line.item, operation=line.operation, zh=step.zh if step else "",
        en=step.en if step else "", since=rate.since if rate else "", price=rate.price if rate else "",
        material_price=rate.material if rate else "", currency=rate.currency if rate else currency,
        pieces=q.text(line.pieces), good=q.text(line.good), material=q.text(line.material), work=q.text(line.work),
        other=q.text(line.other), hours=_hours(line.work_ms), amount=q.text(line.amount),
        entries=_entries(line, log) if entries else ())


def _entries(line: pw.Line, log: WorkLog) -> tuple[EntryRow, ...]:
    amounts = {one.entry.entry: one for one in line.paid}
    rows = entry_rows([one.entry for one in line.paid], log.settled)
    return tuple(_with_amount(row, amounts[row.entry]) for row in rows)


def _with_amount(row: EntryRow, paid: pw.Paid) -> EntryRow:
    fields: Mapping[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    return EntryRow(**{**fields, "amount": q.text(paid.amount), "currency": paid.rate.currency if paid.rate else ""})


def _sums(lines: list[pw.Line], own: str) -> tuple[WageSum, ...]:
    """One for each worker, and for each currency if prices changed theirs."""
    found: dict[tuple[str, str], list[pw.Line]] = {}
    for line in lines:
        found.setdefault((line.worker, line.rate.currency if line.rate else own), []).append(line)
    return tuple(_sum(worker, currency, mine) for (worker, currency), mine in sorted(found.items()))


def _sum(worker: str, currency: str, lines: list[pw.Line]) -> WageSum:
    def of(field: str) -> str:
        return q.text(sum((getattr(line, field) for line in lines), Decimal(0)))

    amount = sum((line.amount for line in lines), Decimal(0))
    unpriced = sum((line.pieces for line in lines if line.rate is None), Decimal(0))
    return WageSum(
        worker=worker, pieces=of("pieces"), good=of("good"), material=of("material"), work=of("work"),
        other=of("other"), hours=_hours(sum(line.work_ms for line in lines)), currency=currency,
        amount=q.text(amount), pay=q.money(amount, currency), unpriced=q.text(unpriced))


def _reasons(log: WorkLog, sheet: pw.Sheet, period: pw.Period) -> tuple[ReasonRow, ...]:
    found = pw.reasons(log.entries.values(), sheet.stretches, period)
    rows: list[ReasonRow] = []
    for kind in ("scrap", "rest"):
        mine = [one for one in found if one.kind == kind]
        weights = [max(Decimal(0), one.pieces if kind == "scrap" else Decimal(one.ms)) for one in mine]
        whole, so_far = sum(weights, Decimal(0)), Decimal(0)
        for one, weight in zip(mine, weights, strict=True):
            so_far += weight
            rows.append(ReasonRow(
                kind=kind, reason=one.reason, times=one.times, pieces=q.text(one.pieces), hours=_hours(one.ms),
                share=int(weight * 1000 / whole) if whole else 0, sum=int(so_far * 1000 / whole) if whole else 0))
    return tuple(rows)
