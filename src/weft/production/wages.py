"""Piece-work wages (计件工资) and counted reasons: sums over entries, each traceable to the single entry.

Rule 1: exact decimals throughout; only what a person is paid in all is rounded, once, to the currency's minor unit.
Rule 2: the result depends on the set of entries alone, not on the order or number of times in which they come.
Rule 3: an entry is paid by the price of the day on which it was done, a counter-entry by that of what it corrects.
Rule 4: a stretch of work or rest belongs to the period in which it ended.
Not here: which entries there are (``engine/work_log.py``), the rules of entries (``reporting.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.zone import UTC, Zone
from weft.production.reported import Rate, WorkReported, WorkSettled, operation_key

_ZERO: Final = Decimal(0)
Rates = Mapping[str, Sequence[Rate]]


@dataclass(frozen=True, slots=True)
class Over:
    """A job has ended (or was given up) at an instant, whoever said so: nobody works at it from then on."""

    job: str
    at: str


@dataclass(frozen=True, slots=True)
class Period:
    """From ``begin`` up to (not with) ``end``, in ms, by the clock of ``zone``."""

    begin: int
    end: int
    zone: Zone = UTC

    def holds(self, at: int) -> bool:
        """Whether ``at`` lies in it."""
        return self.begin <= at < self.end


@dataclass(frozen=True, slots=True)
class Paid:
    """One entry with what it brings. ``rate`` None: there is no price for it. ``booked``: ms."""

    entry: WorkReported
    rate: Rate | None
    amount: Decimal
    booked: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Somebody worked at a job (or rested, for ``reason``) from ``begin`` to ``end`` (ms)."""

    worker: str
    job: str
    item: str
    operation: int
    begin: int
    end: int
    booked: int
    reason: str = ""
    kind: Literal["work", "rest"] = "work"


@dataclass(slots=True)
class Line:
    """What one worker did of one operation at one price; ``paid`` are the entries behind it, in order of their time."""

    worker: str
    item: str
    operation: int
    rate: Rate | None
    good: Decimal = _ZERO
    material: Decimal = _ZERO
    work: Decimal = _ZERO
    other: Decimal = _ZERO
    work_ms: int = 0
    amount: Decimal = _ZERO
    paid: list[Paid] = field(default_factory=list)

    @property
    def pieces(self) -> Decimal:
        """Good and bad together."""
        return self.good + self.material + self.work + self.other


@dataclass(slots=True)
class Sheet:
    """All lines of a period, the entries that wait for the owner's word, and the stretches of time."""

    lines: list[Line]
    waiting: list[WorkReported]
    stretches: list[Stretch]


def rate_on(rates: Sequence[Rate], day: str) -> Rate | None:
    """The price that holds on the local date ``day``, or None."""
    return next((rate for rate in reversed(rates) if rate.since <= day), None)


def amount(entry: WorkReported, rate: Rate | None) -> Decimal:
    """What ``entry`` brings at ``rate``: good pieces, and pieces lost by the material's fault if they are paid."""
    if rate is None:
        return _ZERO
    lost = q.decimal(entry.scrap) if entry.reason == "material" else _ZERO
    return q.decimal(entry.good) * q.decimal(rate.price) + lost * q.decimal(rate.material or "0")


def sheet(entries: Iterable[WorkReported], settled: Iterable[WorkSettled], overs: Iterable[Over], rates: Rates,
          period: Period) -> Sheet:
    """The wages of ``period``; it looks at all entries, because time is counted from one to the next."""
    every = {one.entry: one for one in entries}
    said = {one.entry: one for one in settled}
    lines: dict[tuple[str, str, int, Rate | None], Line] = {}
    waiting = []
    for one in sorted(every.values(), key=_order):
        verdict = said.get(one.entry)
        if one.aside and verdict is None:
            waiting.append(one)
        elif (not one.aside or (verdict is not None and verdict.counts)) and one.worker:
            _take(lines, one, instant.to_ms(verdict.at if verdict and one.aside else one.booked), rates, period)
    spent = [one for one in stretches(every.values(), overs) if period.holds(one.booked)]
    for stretch in spent:
        if stretch.kind == "work" and stretch.worker:
            _time(lines, stretch, rates, period.zone)
    return Sheet(sorted(lines.values(), key=_line_order), waiting, spent)


def _order(one: WorkReported) -> tuple[str, str]:
    return one.at, one.entry


def _line_order(line: Line) -> tuple[str, str, int, str]:
    return line.worker, line.item, line.operation, line.rate.since if line.rate else ""


def _take(lines: dict[tuple[str, str, int, Rate | None], Line], one: WorkReported, booked: int, rates: Rates,
          period: Period) -> None:
    if not period.holds(booked) or (one.good, one.scrap) == ("0", "0"):
        return
    found = rates.get(operation_key(one.item, one.operation), ())
    rate = rate_on(found, period.zone.day(instant.to_ms(one.corrects_at or one.at)))
    key = (one.worker, one.item, one.operation, rate)
    line = lines.setdefault(key, Line(*key))
    paid = Paid(one, rate, amount(one, rate), booked)
    line.paid.append(paid)
    line.amount += paid.amount
    line.good += q.decimal(one.good)
    lost = q.decimal(one.scrap)
    if one.reason == "material":
        line.material += lost
    elif one.reason == "work":
        line.work += lost
    else:
        line.other += lost


def _time(lines: dict[tuple[str, str, int, Rate | None], Line], stretch: Stretch, rates: Rates, zone: Zone) -> None:
    """Time goes to the line of the price that held when it began, so that no line is made for it alone twice."""
    found = rates.get(operation_key(stretch.item, stretch.operation), ())
    rate = rate_on(found, zone.day(stretch.begin))
    key = (stretch.worker, stretch.item, stretch.operation, rate)
    line = lines.setdefault(key, Line(*key))
    line.work_ms += stretch.end - stretch.begin


def stretches(entries: Iterable[WorkReported], overs: Iterable[Over]) -> list[Stretch]:
    """From each start to the pause or the end that follows it, and from each pause to what follows it."""
    ends: dict[str, int] = {}
    for over in overs:
        at = instant.to_ms(over.at)
        ends[over.job] = min(at, ends.get(over.job, at))
    people: dict[tuple[str, str], list[WorkReported]] = {}
    for one in {entry.entry: entry for entry in entries}.values():
        if one.what in ("start", "pause", "resume", "done"):
            people.setdefault((one.worker, one.job), []).append(one)
    found: list[Stretch] = []
    for (_, job), marks in sorted(people.items()):
        found += _of_one(sorted(marks, key=_order), ends.get(job))
    return found


def _of_one(marks: Sequence[WorkReported], end: int | None) -> list[Stretch]:
    """The stretches of one worker at one job; what is still open at ``end`` (ms) ends there."""
    found: list[Stretch] = []
    since: WorkReported | None = None
    for mark in marks:
        closes = since is not None and (mark.what in ("pause", "done")) == (since.what in ("start", "resume"))
        if since is not None and (closes or mark.what == "done"):
            found.append(_stretch(since, instant.to_ms(mark.at), instant.to_ms(mark.booked)))
            since = None
        if since is None and mark.what != "done":
            since = mark
    if since is not None and end is not None and end >= instant.to_ms(since.at):
        found.append(_stretch(since, end, end))
    return [one for one in found if one.kind == "work" or one.end > one.begin]


def _stretch(since: WorkReported, end: int, booked: int) -> Stretch:
    begin, rest = instant.to_ms(since.at), since.what == "pause"
    return Stretch(since.worker, since.job, since.item, since.operation, begin, max(begin, end), booked,
                   since.reason if rest else "", "rest" if rest else "work")


@dataclass(slots=True)
class Reason:
    """One reason of pauses or scrap: how often, how many pieces, how long (ms)."""

    kind: Literal["rest", "scrap"]
    reason: str
    times: int = 0
    pieces: Decimal = _ZERO
    ms: int = 0


def reasons(entries: Iterable[WorkReported], spent: Iterable[Stretch], period: Period) -> list[Reason]:
    """Reasons of the period, the weightiest first: scrap by pieces, pauses by time."""
    found: dict[tuple[str, str], Reason] = {}
    for one in {entry.entry: entry for entry in entries}.values():
        if not period.holds(instant.to_ms(one.booked)):
            continue
        if one.what == "pause":
            found.setdefault(("rest", one.reason), Reason("rest", one.reason)).times += 1
        elif q.decimal(one.scrap) != 0:
            held = found.setdefault(("scrap", one.reason), Reason("scrap", one.reason))
            held.times += one.what == "scrap"
            held.pieces += q.decimal(one.scrap)
    for stretch in spent:
        if stretch.kind == "rest":
            found.setdefault(("rest", stretch.reason), Reason("rest", stretch.reason)).ms += stretch.end - stretch.begin
    return sorted(found.values(), key=lambda one: (one.kind, -one.pieces, -one.ms, -one.times, one.reason))
