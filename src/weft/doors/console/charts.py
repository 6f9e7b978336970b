"""A machine's number over time as a picture: a band of lowest to highest, a line of the last, and gaps as gaps.

Rule 1: where no value held there is no line; shaded where nothing was heard, marked where what was heard was bad.
Rule 2: looks come from the style sheet by class; the picture has a text, and each part of it leads to a closer look.
Rule 3: drawn to be read at the width of a phone.
Not here: what is drawn (``engine/views/machine_values.py``).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup

from weft.basis import instant
from weft.basis.zone import Zone
from weft.locale import formats

WIDTH: Final = 360
HEIGHT: Final = 168
LEFT: Final = 44
RIGHT: Final = 352
TOP: Final = 10
BASE: Final = 142
PARTS: Final = 6  # of the span, each of which can be looked at more closely
_MINUTE: Final = 60_000
_STEPS: Final = tuple(_MINUTE * one for one in (
    1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1_440, 2_880, 10_080, 40_320, 131_400, 525_600))
_SECONDS: Final = (1_000, 2_000, 5_000, 10_000, 20_000, 30_000)
TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """The span of a picture: ``bounds`` of its intervals (ms), the reader's language and clock, the present time."""

    bounds: Sequence[int]
    lang: str
    zone: Zone
    now_ms: int

    @property
    def begin(self) -> int:
        """Where it begins."""
        return self.bounds[0]

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.bounds[-1]

    def across(self, at: float) -> float:
        """The place of an instant from the left."""
        return round(LEFT + (at - self.begin) / (self.end - self.begin) * (RIGHT - LEFT), 1)

    def told(self, at: int) -> str:
        """An instant on the axis: the day at midnight, else the time of day, with seconds where it is short."""
        text = instant.from_ms(at)
        if self.zone.wall(at) % 86_400_000 == 0:
            return formats.day(self.lang, text, self.zone)
        clock = formats.clock(self.lang, text, self.zone)
        return f"{clock}:{at // 1_000 % 60:02d}" if self.end - self.begin < 5 * _MINUTE else clock


def chart(line: Any, frame: Frame, label: str, closer: Callable[[int, int], str], none: str = "") -> Markup:
    """One number (``Line``) over time; ``closer`` gives the address of a shorter span (ms), ``none``: what stands in a
    picture without any value.
    """
    held = [value for value in (*line.low, *line.high) if value is not None]
    low, high = _range(held)
    parts = [Markup('<svg class="curve" viewBox="0 0 {} {}" role="img"><title>{}</title>').format(WIDTH, HEIGHT, label)]
    parts += _gaps(line, frame)
    parts += _levels(low, high, frame.lang) if held else [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format((LEFT + RIGHT) / 2, (TOP + BASE) / 2, none)]
    parts += _times(frame)

    def up(value: float) -> float:
        return round(BASE - (value - low) / (high - low) * (BASE - TOP), 1)

    for run in _runs(line):
        parts.append(_run(line, run, frame, up))
    parts += [Markup('<rect class="bad" x="{}" y="{}" width="{}" height="3"/>').format(
        frame.across(frame.bounds[first]), BASE - 3, _width(frame, first, last)) for first, last in _spans(line.bad)]
    parts += _closer(frame, closer)
    return Markup("").join(parts) + Markup("</svg>")


def _range(held: Sequence[float]) -> tuple[float, float]:
    """Round ends of the scale around all that is shown."""
    if not held:
        return 0.0, 1.0
    low, high = min(held), max(held)
    if low == high:
        low, high = (low - 1, high + 1) if low == 0 else (low - abs(low) * 0.05, high + abs(high) * 0.05)
    step = _round_step((high - low) / 3)
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``rough``."""
    if not math.isfinite(rough) or rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(power * one for one in (1, 2, 5, 10) if power * one >= rough * 0.999))


def _levels(low: float, high: float, lang: str) -> Iterator[Markup]:
    """Lines across with their values."""
    step = _round_step((high - low) / 4)
    count = max(1, min(6, round((high - low) / step)))
    for place in range(count + 1):
        value = low + (high - low) * place / count
        height = round(BASE - (BASE - TOP) * place / count, 1)
        yield Markup('<path class="rule" d="M{0} {1}H{2}"/><text x="{3}" y="{4}" text-anchor="end">{5}</text>').format(
            LEFT, height, RIGHT, LEFT - 5, round(height + 3.5, 1), short(value, lang))


def short(value: float, lang: str) -> str:
    """A number for an axis or a table: four digits that count."""
    if value and (abs(value) >= 1e7 or abs(value) < 1e-4):
        return f"{value:.2e}"
    decimals = 6 if abs(value) < 1 else max(0, 4 - len(str(int(abs(value)))))
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return formats.number(lang, "0" if text in ("-0", "") else text).replace("-", "−")


def ticks(frame: Frame) -> list[int]:
    """Instants for the axis, at full local hours and days, not too many."""
    span = frame.end - frame.begin
    step = next((one for one in (*_SECONDS, *_STEPS) if span / one <= TICKS), _STEPS[-1])
    return list(frame.zone.marks(frame.begin, frame.end, step))


def _times(frame: Frame) -> Iterator[Markup]:
    for at in ticks(frame):
        across = frame.across(at)
        anchor = "end" if across > RIGHT - 14 else "start" if across < LEFT + 8 else "middle"
        yield Markup('<path class="rule" d="M{0} {1}V{2}"/><text x="{0}" y="{3}" text-anchor="{4}">{5}</text>').format(
            across, TOP, BASE + 4, BASE + 17, anchor, frame.told(at))


def _spans(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last place of each run of True."""
    for told, places in groupby(range(len(flags)), key=lambda place: flags[place]):
        if told:
            found = list(places)
            yield found[0], found[-1]


def _width(frame: Frame, first: int, last: int) -> float:
    return max(1.0, round(frame.across(frame.bounds[last + 1]) - frame.across(frame.bounds[first]), 1))


def _gaps(line: Any, frame: Frame) -> Iterator[Markup]:
    """Shaded: where no value held at all; along the foot: where it did not all the time."""
    past = [bound <= frame.now_ms for bound in frame.bounds[1:]]
    none = [value is None and over for value, over in zip(line.last, past, strict=True)]
    some = [value is not None and not whole and over
            for value, whole, over in zip(line.last, line.whole, past, strict=True)]
    for flags, top in ((none, TOP), (some, BASE - 5)):
        for first, last in _spans(flags):
            yield Markup('<rect class="gap" x="{}" y="{}" width="{}" height="{}"/>').format(
                frame.across(frame.bounds[first]), top, _width(frame, first, last), BASE - top)


def _runs(line: Any) -> Iterator[tuple[int, int]]:
    return _spans([value is not None for value in line.last])


def _run(line: Any, run: tuple[int, int], frame: Frame, up: Callable[[float], float]) -> Markup:
    """The band and the line of neighbouring intervals in which values held."""
    first, last = run
    bounds = frame.bounds
    over = [f"{frame.across((bounds[place] + bounds[place + 1]) / 2)} {up(line.high[place])}"
            for place in range(first, last + 1)]
    under = [f"{frame.across((bounds[place] + bounds[place + 1]) / 2)} {up(line.low[place])}"
             for place in range(last, first - 1, -1)]
    path = [f"{frame.across((bounds[place] + bounds[place + 1]) / 2)} {up(line.last[place])}"
            for place in range(first, last + 1)]
    begin = f"M{frame.across(bounds[first])} {up(line.last[first])}L"
    end = f"H{frame.across(min(bounds[last + 1], max(frame.now_ms, bounds[last])))}"
    return Markup('<path class="band" d="M{}Z"/><path class="trace" d="{}"/>').format(
        "L".join([*over, *under]), begin + "L".join(path) + end)


def _closer(frame: Frame, closer: Callable[[int, int], str]) -> Iterator[Markup]:
    """Parts of the picture that lead to a third of the span around them."""
    length = (frame.end - frame.begin) // PARTS
    if length < 1_000:
        return
    for part in range(PARTS):
        begin = frame.begin + part * length
        box = Markup('<a href="{}" tabindex="-1"><rect class="closer" x="{}" y="{}" width="{}" height="{}"/></a>')
        yield box.format(
            closer(begin - length // 2, begin + length + length // 2), frame.across(begin), TOP,
            round((RIGHT - LEFT) / PARTS, 1), BASE - TOP)
