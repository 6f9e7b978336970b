"""The plan drawn as SVG: bars of jobs with their set-ups, closed hours, locks, and a line to each promise.

Rule 1: looks come from the style sheet by class, never from inline styles; every bar has a text for who cannot see it.
Rule 2: what a script needs to drag a bar stands in attributes (``static/plan.js``); without it a bar is a link.
Not here: what is drawn (``engine/views/plan.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from weft.basis import instant
from weft.basis.zone import UTC, Zone
from weft.locale import formats, text

LEFT: Final = 120
WIDTH: Final = 720
ROW: Final = 34
TOP: Final = 24
STEP_MS: Final = 15 * 60_000  # by which a job is dragged
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
_TICKS = (HOUR_MS // 4, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 28 * DAY_MS)


def _job_page(job: str) -> str:
    return f"/jobs/{job}"


def plan_page(job: str) -> str:
    """The page where the plan says more about ``job``."""
    return f"/plan?job={quote(job)}"


@dataclass(frozen=True, slots=True)
class Look:
    """How it is drawn: ``link`` is the address behind a bar; ``chosen`` (of ``order``) and ``moved`` jobs stand out."""

    lang: str
    zone: Zone = UTC
    link: Callable[[str], str] = _job_page
    chosen: str = ""
    order: str = ""
    moved: frozenset[str] = frozenset()
    draggable: bool = False

    def time(self, ms: int) -> str:
        """Day and time of day."""
        return formats.day_clock(self.lang, instant.from_ms(ms), self.zone)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is drawn where: instants across, lanes down."""

    begin: int
    end: int
    height: int

    def across(self, moment: int) -> float:
        """The place of ``moment``, inside the frame."""
        at = min(max(moment, self.begin), self.end) - self.begin
        return round(LEFT + at * (WIDTH - LEFT) / (self.end - self.begin), 1)

    def wide(self, begin: int, end: int) -> float:
        """The width between two instants."""
        return round(self.across(end) - self.across(begin), 1)


def gantt(plan: Any, look: Look) -> Markup:
    """The bars of ``plan`` (``engine/views/plan.py``), one row per work centre and lane; closed hours are shaded."""
    rows = [(row, lane) for row in plan.rows for lane in range(max(1, row.parallel))]
    frame = _Frame(plan.from_ms, max(plan.until_ms, plan.from_ms + HOUR_MS), TOP + ROW * len(rows) + 4)
    drag = Markup(' data-begin="{}" data-end="{}" data-left="{}" data-width="{}" data-top="{}" data-row="{}" '
                  'data-offset="{}" data-zone="{}" data-step="{}"').format(
        frame.begin, frame.end, LEFT, WIDTH, TOP, ROW, look.zone.offset(frame.begin), look.zone.name, STEP_MS,
    ) if look.draggable else ""
    parts = [Markup('<svg class="gantt" viewBox="0 0 {} {}" role="group"{}><title>{}</title>').format(
        WIDTH, frame.height, drag, formats.day(look.lang, instant.from_ms(frame.begin), look.zone))]
    for index, (row, _) in enumerate(rows):
        parts += _closed(row, frame, TOP + ROW * index)
    parts += _ticks(frame, look)
    promises: dict[tuple[str, int], list[Any]] = {(one.centre, one.lane): [] for one in plan.promises}
    for one in plan.promises:
        promises[one.centre, one.lane].append(one)
    for index, (row, lane) in enumerate(rows):
        top = TOP + ROW * index
        parts += _row(row, lane, top, look)
        parts += [_bar(bar, (frame, top), look, late=bar.job in plan.late) for bar in row.bars if bar.lane == lane]
        parts += [_promise(one, frame, top, look) for one in promises.get((row.work_centre, lane), ())]
    if frame.begin <= plan.now_ms <= frame.end:
        parts.append(Markup('<path class="now" d="M{0} {1}V{2}"/>').format(
            frame.across(plan.now_ms), TOP - 6, frame.height))
    return Markup("").join(parts) + Markup("</svg>")


def _row(row: Any, lane: int, top: int, look: Look) -> list[Markup]:
    """Name and ground of a lane; a bar may be dropped on it."""
    parts = [Markup('<path class="rule" d="M0 {0}H{1}"/>').format(top, WIDTH)]
    if look.draggable:
        parts.append(Markup('<rect class="lane" data-centre="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
            row.work_centre, LEFT, top, WIDTH - LEFT, ROW))
    if lane == 0:
        name = getattr(row, look.lang, "") or row.zh or row.en or row.work_centre
        parts.append(Markup('<text class="label" x="0" y="{}">{}</text>').format(top + 21, _cut(name, 15)))
    return parts


def _closed(row: Any, frame: _Frame, top: int) -> list[Markup]:
    """Shades where the work centre is not open."""
    edges = [frame.begin, *(edge for span in row.open for edge in span), frame.end]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [Markup('<rect class="closed" x="{}" y="{}" width="{}" height="{}"/>').format(
        frame.across(left), top, frame.wide(left, right), ROW)
        for left, right in gaps if frame.wide(left, right) > 0]


def _bar(bar: Any, at: tuple[_Frame, int], look: Look, *, late: bool) -> Markup:
    """One job: a box, in it the set-up and the wait of a lock that cannot be kept, a padlock, and its name."""
    frame, top = at
    left, width = frame.across(bar.start_ms), max(3.0, frame.wide(bar.start_ms, bar.end_ms))
    held = bar.state == "Reserved"
    kinds = [kind for kind, so in (
        ("running", bar.state == "Running"), ("late", late and bar.state != "Running"), ("held", held),
        ("conflict", bool(bar.conflict)), ("chosen", bar.job == look.chosen), ("moved", bar.job in look.moved)) if so]
    box = Markup('<rect class="bar {}" x="{}" y="{}" width="{}" height="{}" rx="{}"><title>{}</title></rect>').format(
        " ".join(kinds), left, top + 5, width, ROW - 10, min(5, round(width / 4, 1)), _words(bar, look, late=late))
    inside = [_piece("wait", (bar.start_ms, bar.begin_ms), frame, top),
              _piece("setup", (bar.begin_ms or bar.start_ms, bar.setup_end_ms), frame, top)]
    room, begin = int((width - 6) / 7), left + 5
    if bar.hold:
        inside.append(Markup('<path class="lock" d="M{} {}v-2.500a2.500 2.500 0 0 1 5 0v2.500m-6 0h7v6h-7z"/>').format(
            left + 5, top + 14))
        room, begin = room - 2, left + 15
    if room >= 3 and bar.item:
        inside.append(Markup('<text class="on" x="{}" y="{}">{}</text>').format(begin, top + 21, _cut(bar.item, room)))
    shape = box + Markup("").join(inside)
    return shape if held else Markup('<a class="job" href="{}"{}>{}</a>').format(
        look.link(bar.job), _draggable(bar, look, late=late), shape)


def _draggable(bar: Any, look: Look, *, late: bool) -> Markup:
    """What the script needs; where a job may go is written one work centre a line."""
    if not look.draggable:
        return Markup("")
    told = Markup(' id="bar-{}" aria-label="{}"').format(bar.job, _words(bar, look, late=late))
    if not bar.centres:
        return told
    return told + Markup(' data-job="{}" data-start="{}" data-centres="{}" data-hold="{}"').format(
        bar.job, bar.start_ms, "\n".join(bar.centres), bar.hold or "at")


def _piece(kind: str, span: tuple[int, int], frame: _Frame, top: int) -> Markup:
    """A part of a bar at its foot."""
    begin, end = span
    if frame.wide(begin, max(begin, end)) <= 0:
        return Markup("")
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="5"/>').format(
        kind, frame.across(begin), top + ROW - 11, frame.wide(begin, end))


def _words(bar: Any, look: Look, *, late: bool) -> str:
    """All that a bar says, for who does not see it."""
    told = [f"{bar.item} {bar.job}".strip(), f"{look.time(bar.start_ms)} – {look.time(bar.end_ms)}"]
    if bar.setup_end_ms:
        told.append(text(look.lang, "plan.bar.setup", until=look.time(bar.setup_end_ms)))
    if bar.hold:
        told.append(text(look.lang, f"plan.bar.{bar.hold}"))
    if bar.conflict:
        told.append(text(look.lang, f"plan.conflict.{bar.conflict}", by=bar.conflict_by))
    if late:
        told.append(text(look.lang, "plan.bar.late"))
    return ", ".join(told)


def _promise(one: Any, frame: _Frame, top: int, look: Look) -> Markup:
    """A mark at what an order was promised for; of one that is late or chosen, a line to it from its last job's end."""
    if not frame.begin <= one.due_ms <= frame.end and not frame.begin <= one.end_ms <= frame.end:
        return Markup("")
    at, end = frame.across(one.due_ms), frame.across(one.end_ms)
    foot, long = top + ROW - 3, one.late or one.order == look.order
    flag = Markup("M{0} {1}V{2}").format(at, top + (3 if long else ROW - 11), foot) \
        if frame.begin <= one.due_ms <= frame.end else ""
    line = Markup("M{} {}H{}").format(end, foot, at) if long else ""
    return Markup('<path class="promise{}" d="{}{}"><title>{}</title></path>').format(
        " late" if one.late else "", flag, line,
        text(look.lang, "plan.bar.promise", order=one.order, at=look.time(one.due_ms)))


def _ticks(frame: _Frame, look: Look) -> list[Markup]:
    step = next((size for size in _TICKS if (frame.end - frame.begin) / size <= 8), _TICKS[-1])
    marks = []
    for moment in look.zone.marks(frame.begin, frame.end - 1, step):
        if frame.across(moment) > WIDTH - 16:
            break  # its words would be cut
        at = instant.from_ms(moment)
        midnight = look.zone.wall(moment) % DAY_MS == 0
        told = (formats.day if midnight else formats.clock)(look.lang, at, look.zone)
        marks.append(Markup('<path class="rule" d="M{0} {1}V{2}"/><text x="{0}" y="14" text-anchor="middle">{3}</text>')
                     .format(frame.across(moment), TOP - 4, frame.height, told))
    return marks


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else words[: max(1, length - 1)] + "…"
