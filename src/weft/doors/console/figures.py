"""Small pictures drawn by the node itself as SVG: sparklines, QR codes.

Rule 1: looks come from the style sheet by class, never from inline styles.
Rule 2: every figure has a text for who cannot see it.
Not here: the plan (``gantt.py``), curves of machines (``charts.py``), what is drawn (``engine/views``).
"""

import io
from collections.abc import Sequence

import segno
from markupsafe import Markup, escape

SPARK_WIDTH = 240
SPARK_HEIGHT = 48


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


def qr(content: str, label: str = "", kind: str = "") -> Markup:
    """``content`` as a QR code."""
    drawn = io.BytesIO()
    segno.make(content, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, border=1, omitsize=True, svgclass=None, lineclass=None)
    shape = drawn.getvalue().decode().strip()
    title = f'<svg role="img" class="qr {escape(kind)}" aria-label="{escape(label)}"'
    return Markup(shape.replace("<svg", title, 1))  # noqa: S704 - segno's own output around escaped words
