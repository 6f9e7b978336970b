"""What a machine did in a span, and how its planned time was used: of the whole, and by shift, day or week.

Rule 1: planned is what the calendar of the machine's work centre says; without one all time counts, and that is told.
Rule 2: of what is still to come nothing is told; no data is told as no data.
Rule 3: a long span is reckoned in a thread: the loop goes on.
Not here: the reckoning (``shopfloor/timeline.py``), pictures (``doors/console``), tables (``timeline_tables.py``).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from weft.basis import instant, zone
from weft.basis.errors import Invalid, NotFound, Unavailable
from weft.basis.zone import Zone
from weft.engine.views.machine_values import moment
from weft.engine.views.shape import View
from weft.production.calendar import OpenTime
from weft.production.master import Calendar
from weft.production.reported import PAUSE_REASONS
from weft.shopfloor import timeline
from weft.shopfloor.reading import parse_text
from weft.shopfloor.timeline import Cause, Doing, Piece, Span, Use

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
SPAN_MAX: Final = 100 * DAY_MS
SAID: Final = "work.pause."  # before what people say, so that it is told in the reader's language
Reasons = Mapping[str, Sequence[tuple[int, str]]]
PARTS: Final = ("shift", "day", "week")


class UseView(View, frozen=True, kw_only=True):
    """How planned time was used (ms, pieces); shares of 1, None where they cannot be known. As ``timeline.Use``."""

    planned_ms: int = 0
    running_ms: int = 0
    standing_ms: int = 0
    idle_ms: int = 0
    blind_ms: int = 0
    beyond_ms: int = 0
    good: int = 0
    scrap: int = 0
    availability: float | None = None
    performance: float | None = None
    quality: float | None = None
    oee: float | None = None


class PartView(View, frozen=True, kw_only=True):
    """A shift, day or week (ms) and how it was used."""

    begin: int
    until: int
    use: UseView


class TimelineView(View, frozen=True, kw_only=True):
    """A span (ms) of one machine. ``planned``: whether a calendar says which time is planned; ``windows``: that time.

    ``zone``: by which clock its days and shifts are; ``offset``: minutes that it is ahead of UTC at the begin.
    """

    machine: str
    title: str
    zh: str = ""
    en: str = ""
    now_ms: int
    begin: int
    end: int
    offset: int
    zone: str = "UTC"
    planned: bool
    windows: tuple[Span, ...] = ()
    pieces: tuple[Piece, ...] = ()
    total: UseView
    by: str
    parts: tuple[PartView, ...] = ()
    causes: tuple[Cause, ...] = ()


async def machine_timeline(node: Any, machine: str, begin: str = "", end: str = "", by: str = "shift") -> TimelineView:
    """What ``machine`` did between two instants (or ms; open: the last 24 hours). Raises ``Unavailable``."""
    known = (await node.state(node.book("floor"))).machines.get(machine)
    if known is None or known.removed:
        raise NotFound("floor.machine-unknown", machine=machine[:80])
    now = int(node.clock.now_ms())
    until = moment(end) if end else now
    since = moment(begin) if begin else until - DAY_MS
    if not 0 < until - since <= SPAN_MAX or by not in PARTS:
        raise Invalid("values.span", begin=begin[:40], end=end[:40])
    if node.history is None or not node.history.kept:
        raise Unavailable("history.off")
    calendar = await calendar_of(node, machine)
    clock = clock_of(node, calendar)
    doings, lives = await node.history.done(machine, (since, until))
    reasons = await _reasons(node, since)
    titles = parse_text(known.description).titles
    return await asyncio.to_thread(
        _view, {"machine": machine, "title": known.title, "zh": titles.get("zh", ""), "en": titles.get("en", ""),
                "now_ms": now, "begin": since, "end": until, "by": by,
                "offset": clock.offset(since), "zone": clock.name},
        calendar, (doings, lives, reasons))


async def calendar_of(node: Any, machine: str) -> Calendar | None:
    """The calendar of the machine's work centre, if it says anything."""
    master = (await node.state(node.book("production"))).master
    found: Calendar | None = next((master.calendars[one.calendar] for one in master.work_centres.values()
                                   if one.machine == machine and one.calendar in master.calendars), None)
    return found if found is not None and found.shifts else None


def clock_of(node: Any, calendar: Calendar | None) -> Zone:
    """The clock of the place where the machine stands: that of its calendar, else the firm's."""
    found: Zone = calendar.zone if calendar is not None else node.config.firm.zone
    return found


async def _reasons(node: Any, begin: int) -> Reasons:
    """Why people paused jobs since ``begin`` or shortly before, as sentences' keys."""
    log = await node.work_log.since(node, begin - timeline.NEAR_MS)
    found: dict[str, list[tuple[int, str]]] = {}
    for one in log.entries.values():
        if one.what == "pause" and one.reason in PAUSE_REASONS:
            found.setdefault(one.job, []).append((instant.to_ms(one.at), f"{SAID}{one.reason}"))
    return {job: sorted(told) for job, told in found.items()}


def _view(about: dict[str, Any], calendar: Calendar | None,
          told: tuple[Sequence[Doing], Sequence[Span], Reasons]) -> TimelineView:
    span, (doings, lives, reasons) = (about["begin"], about["end"]), told
    windows = list(OpenTime(calendar).windows(*span)) if calendar is not None else [span]
    done = timeline.explained(timeline.pieces(doings, lives, span, about["now_ms"]), reasons)
    every = _parts(about["by"], calendar, span, zone.of(about["zone"]))
    parts = [PartView(begin=part[0], until=part[1], use=_use(timeline.use(done, doings, timeline.cut(windows, *part))))
             for part in every if done and part[0] < done[-1].until]
    return TimelineView(
        **about, planned=calendar is not None, windows=tuple(windows), pieces=tuple(done),
        total=_use(timeline.use(done, doings, windows)), parts=tuple(parts),
        causes=tuple(timeline.causes(done, windows)))


def _use(told: Use) -> UseView:
    return UseView(**{name: getattr(told, name) for name in UseView.__struct_fields__})


def _parts(by: str, calendar: Calendar | None, span: Span, clock: Zone) -> Iterator[Span]:
    """Shifts, days or weeks of a span, the first and the last cut to it."""
    if by == "shift" and calendar is not None:
        found = sorted(set(timeline.cut(list(shifts(calendar, *span)), *span)))
        yield from (one for one in found if one[0] < one[1])
        return
    for begin, end in clock.days(*span, 7 if by == "week" else 1):
        yield max(begin, span[0]), min(end, span[1])


def shifts(calendar: Calendar, begin: int, end: int) -> Iterator[Span]:
    """Each shift that touches a span, as long as it is: two that follow each other stay two."""
    special = {one.date: one.spans for one in calendar.special}
    clock = calendar.zone
    for day in range(clock.wall(begin) // DAY_MS - 2, clock.wall(end) // DAY_MS + 1):
        named = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
        spans = special.get(named)
        for one in spans if spans is not None else [one for one in calendar.shifts if one.day == (day + 3) % 7]:
            found = clock.utc(day * DAY_MS + one.start * MINUTE_MS), clock.utc(day * DAY_MS + one.end * MINUTE_MS)
            if found[0] < min(found[1], end) and found[1] > begin:
                yield found
