"""Small pictures drawn by the node itself as SVG: sparklines, bars of the plan, QR codes.

Rule 1: looks come from the style sheet by class, never from inline styles.
Rule 2: every figure has a text for who cannot see it.
Not here: what is drawn (``engine/views``).
"""

import io
from collections.abc import Sequence
from typing import Any

import segno
from markupsafe import Markup, escape

from weft.basis import instant
from weft.locale import formats

SPARK_WIDTH = 240
SPARK_HEIGHT = 48
GANTT_LEFT = 120
GANTT_WIDTH = 720
GANTT_ROW = 34
GANTT_TOP = 24
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
_TICKS = (HOUR_MS // 4, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, DAY_MS, 2 * DAY_MS, 7 * DAY_MS, 28 * DAY_MS)


def spark(points: Sequence[tuple[int, float]], label: str = "") -> Markup:
    """A small line of values over time; one value or none gives a flat line."""
    title = Markup("<title>{}</title>").format(label)
    head = Markup('<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">{}').format(
        SPARK_WIDTH, SPARK_HEIGHT, title)
    base = SPARK_HEIGHT - 2
    if len(points) < 2:
        return head + Markup('<path class="zero" d="M0 {0}H{1}"/></svg>').format(base, SPARK_WIDTH)
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    span, size = max(1, last - first), (high - low) or 1.0
    flat = high == low

    def place(moment: int, value: float) -> str:
        height = SPARK_HEIGHT / 2 if flat else base - (value - low) / size * (SPARK_HEIGHT - 6)
        return f"{(moment - first) / span * SPARK_WIDTH:.1f} {height:.1f}"

    line = "L".join(place(moment, value) for moment, value in points)
    return head + Markup('<path class="under" d="M0 {0}L{1}L{2} {0}Z"/><path class="trace" d="M{1}"/></svg>').format(
        SPARK_HEIGHT, line, SPARK_WIDTH)


def gantt(plan: Any, lang: str, offset: int) -> Markup:
    """The bars of ``plan`` (``engine/views/plan.py``), one row per work centre and lane; closed hours are shaded."""
    rows = [(row, lane) for row in plan.rows for lane in range(max(1, row.parallel))]
    begin, end = plan.from_ms, max(plan.until_ms, plan.from_ms + HOUR_MS)
    scale: float = (GANTT_WIDTH - GANTT_LEFT) / (end - begin)
    height = GANTT_TOP + GANTT_ROW * len(rows) + 4

    def across(moment: int) -> float:
        return round(float(GANTT_LEFT + (min(max(moment, begin), end) - begin) * scale), 1)

    parts = [Markup('<svg class="gantt" viewBox="0 0 {} {}" role="img"><title>{}</title>').format(
        GANTT_WIDTH, height, formats.day(lang, instant.from_ms(begin), offset))]
    for index, (row, _) in enumerate(rows):
        parts += _closed(row, (begin, end), across, GANTT_TOP + GANTT_ROW * index)
    parts += _ticks(begin, end, across, height, (lang, offset))
    for index, (row, lane) in enumerate(rows):
        top = GANTT_TOP + GANTT_ROW * index
        name = getattr(row, lang, "") or row.zh or row.en or row.work_centre
        if lane == 0:
            parts.append(Markup('<text class="label" x="0" y="{}">{}</text>').format(top + 21, _cut(name, 15)))
        parts.append(Markup('<path class="rule" d="M0 {0}H{1}"/>').format(top, GANTT_WIDTH))
        parts += [_bar(bar, across, top, late=bar.job in plan.late) for bar in row.bars if bar.lane == lane]
    if begin <= plan.now_ms <= end:
        parts.append(Markup('<path class="now" d="M{0} {1}V{2}"/>').format(across(plan.now_ms), GANTT_TOP - 6, height))
    return Markup("").join(parts) + Markup("</svg>")


def _closed(row: Any, window: tuple[int, int], across: Any, top: int) -> list[Markup]:
    """Shades where the work centre is not open."""
    edges = [window[0], *(edge for span in row.open for edge in span), window[1]]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [Markup('<rect class="closed" x="{}" y="{}" width="{}" height="{}"/>').format(
        across(left), top, round(across(right) - across(left), 1), GANTT_ROW)
        for left, right in gaps if across(right) > across(left)]


def _bar(bar: Any, across: Any, top: int, *, late: bool) -> Markup:
    left, right = across(bar.start_ms), across(bar.end_ms)
    width = max(3.0, round(right - left, 1))
    held = bar.state == "Reserved"
    kind = "running" if bar.state == "Running" else "late" if late else "held" if held else ""
    fits = int(width / 7)
    label = Markup('<text class="on" x="{}" y="{}">{}</text>').format(left + 5, top + 21, _cut(bar.item, fits)) \
        if fits >= 3 and bar.item else Markup("")
    box = Markup('<rect class="bar {}" x="{}" y="{}" width="{}" height="{}" rx="5"><title>{}</title></rect>')
    shape = box.format(kind, left, top + 5, width, GANTT_ROW - 10, f"{bar.item} {bar.job}") + label
    return shape if held else Markup('<a href="/jobs/{}">{}</a>').format(bar.job, shape)


def _ticks(begin: int, end: int, across: Any, height: int, words: tuple[str, int]) -> list[Markup]:
    lang, offset = words
    step = next((size for size in _TICKS if (end - begin) / size <= 8), _TICKS[-1])
    shift = offset * 60_000
    first = -(-(begin + shift) // step) * step - shift
    marks = []
    for moment in range(first, end, step):
        at = instant.from_ms(moment)
        midnight = (moment + shift) % DAY_MS == 0
        told = formats.day(lang, at, offset) if midnight else formats.clock(lang, at, offset)
        marks.append(Markup('<path class="rule" d="M{0} {1}V{2}"/><text x="{0}" y="14" text-anchor="middle">{3}</text>')
                     .format(across(moment), GANTT_TOP - 4, height, told))
    return marks


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else words[: max(1, length - 1)] + "…"


def qr(content: str, label: str = "", kind: str = "") -> Markup:
    """``content`` as a QR code."""
    drawn = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, border=1, omitsize=True, svgclass=None, lineclass=None)
    shape = drawn.getvalue().decode().strip()
    title = f'<svg role="img" class="qr {escape(kind)}" aria-label="{escape(label)}"'
    return Markup(shape.replace("<svg", title, 1))  # noqa: S704 - segno's own output around escaped words
