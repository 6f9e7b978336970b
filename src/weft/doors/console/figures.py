"""Small pictures drawn by the node itself as SVG: sparklines, QR codes.

Rule 1: looks come from the style sheet by class, never from inline styles.
Rule 2: every figure has a text for who cannot see it.
Rule 3: a value holds until the next: steps, never a slope over a time of which nobody said anything; no line where
nothing usable was heard.
Not here: the plan (``gantt.py``), curves of machines (``charts.py``), what is drawn (``engine/views``).
"""

import io
from collections.abc import Iterator, Sequence

import segno
from markupsafe import Markup, escape

SPARK_WIDTH = 240
SPARK_HEIGHT = 48


def spark(points: Sequence[tuple[int, float | None]], label: str = "") -> Markup:
    """A small line of values over time (ms, value), None from where on there is none; one alone gives a flat line."""
    title = Markup("<title>{}</title>").format(label)
    head = Markup('<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">{}').format(
        SPARK_WIDTH, SPARK_HEIGHT, title)
    base = SPARK_HEIGHT - 2
    held = [value for _, value in points if value is not None]
    if len(points) < 2 or not held:
        return head + Markup('<path class="zero" d="M0 {0}H{1}"/></svg>').format(base, SPARK_WIDTH)
    first, last = points[0][0], points[-1][0]
    low, high = min(held), max(held)
    span, size = max(1, last - first), (high - low) or 1.0

    def across(moment: int) -> str:
        return f"{(moment - first) / span * SPARK_WIDTH:.1f}"

    def up(value: float) -> str:
        return f"{SPARK_HEIGHT / 2 if high == low else base - (value - low) / size * (SPARK_HEIGHT - 6):.1f}"

    parts = []
    for run, end in _runs(points):
        line = up(run[0][1]) + "".join(f"H{across(at)}V{up(value)}" for at, value in run[1:]) + f"H{across(end)}"
        parts.append(Markup('<path class="under" d="M{0} {1}V{2}V{1}Z"/><path class="trace" d="M{0} {2}"/>').format(
            across(run[0][0]), SPARK_HEIGHT, line))
    return head + Markup("").join(parts) + Markup("</svg>")


def _runs(points: Sequence[tuple[int, float | None]]) -> Iterator[tuple[list[tuple[int, float]], int]]:
    """Values that follow each other without a gap, and until when the last of them held (ms)."""
    run: list[tuple[int, float]] = []
    for at, value in points:
        if value is not None:
            run.append((at, value))
        elif run:
            yield run, at
            run = []
    if run:
        yield run, run[-1][0]


def qr(content: str, label: str = "", kind: str = "") -> Markup:
    """``content`` as a QR code."""
    drawn = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, border=1, omitsize=True, svgclass=None, lineclass=None)
    shape = drawn.getvalue().decode().strip()
    title = f'<svg role="img" class="qr {escape(kind)}" aria-label="{escape(label)}"'
    return Markup(shape.replace("<svg", title, 1))  # noqa: S704 - segno's own output around escaped words
