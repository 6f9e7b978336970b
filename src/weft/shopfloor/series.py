"""A machine's number over time: points that hold until the next, and what holds within an interval.

Rule 1: a point holds until the next one; "unchanged" is told by no point at all, so that a line without points is flat.
Rule 2: "bad" and "no data" are points without a number: from there on no value holds, and a chart has a gap.
Rule 3: an interval has every value that held at any moment in it, also one that came before; what is true of the parts
        of an interval is true of the whole (lowest, highest, last, counts and times add up).
Not here: where points rest (``stores/series.py``), which changes become points (``engine/series.py``).
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from operator import mul, sub
from typing import Final, NamedTuple

import msgspec

from weft.shopfloor.connection import Quality

GOOD: Final = 0
UNCERTAIN: Final = 1
BAD: Final = 2
MISSING: Final = 3
QUALITIES: Final = (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.MISSING)  # by number
NUMBERS: Final = {quality: number for number, quality in enumerate(QUALITIES)}

Point = tuple[int, float | None, int]  # milliseconds since 1970, number (none where it is bad or missing), quality


class Interval(msgspec.Struct, kw_only=True):
    """What held from ``at`` until ``until`` (ms, exclusive).

    ``low``, ``high``, ``last``: of all values that held; None when none did. ``count`` and ``total``: number and sum
    of the points that came in it. ``area``: value times milliseconds, over ``held_ms`` in which one held; ``bad_ms``:
    how long it was bad. The rest is without data.
    """

    at: int
    until: int
    low: float | None = None
    high: float | None = None
    last: float | None = None
    count: int = 0
    total: float = 0.0
    area: float = 0.0
    held_ms: int = 0
    bad_ms: int = 0

    @property
    def mean(self) -> float | None:
        """The mean over the time in which a value held."""
        return self.area / self.held_ms if self.held_ms else self.last

    @property
    def missing_ms(self) -> int:
        """How long there was no data."""
        return self.until - self.at - self.held_ms - self.bad_ms

    def hold(self, low: float, high: float, last: float) -> None:
        """Values between ``low`` and ``high`` held in it, ``last`` the last of them."""
        self.low = low if self.low is None or low < self.low else self.low
        self.high = high if self.high is None or high > self.high else self.high
        self.last = last


def edges(begin: int, end: int, count: int) -> list[int]:
    """The ends of ``count`` equal intervals between two instants; fewer where a millisecond would be divided."""
    count = max(1, min(count, end - begin))
    return [begin + (end - begin) * place // count for place in range(count + 1)]


class Part(NamedTuple):
    """Points of one interval, added up: between the ``first`` and the ``last`` of them (ms).

    ``low``, ``high``, ``final``: of the numbers among them (``numbers`` of them), None when there are none; ``area``,
    ``held_ms``, ``bad_ms``: of what holds from one to the next; ``value``, ``quality``: what holds after the last.
    """

    first: int
    last: int
    numbers: int
    total: float
    low: float | None
    high: float | None
    final: float | None
    area: float
    held_ms: int
    bad_ms: int
    value: float | None
    quality: int


class Gathering:
    """Points in order of time become intervals between ``bounds``; ``before`` is what held when the first begins."""

    def __init__(self, bounds: Sequence[int], before: Point | None = None) -> None:
        self._bounds = bounds
        self.intervals = [Interval(at=at, until=until) for at, until in pairwise(bounds)]
        self._cursor = bounds[0]
        self._place = 0
        self._value = before[1] if before else None
        self._quality = before[2] if before else MISSING

    def take(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Numbers at ``times``, oldest first; what lies before the last that was taken is left out."""
        first, end = bisect_left(times, self._cursor), bisect_left(times, self._bounds[-1])
        while first < end:
            self._pass(times[first])
            stop = min(end, bisect_left(times, self._bounds[self._place + 1], first))
            self._gather(times[first:stop], values[first:stop])
            first = stop

    def _gather(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Numbers that all lie in the present interval."""
        here = self.intervals[self._place]
        here.count += len(values)
        here.total += sum(values)
        here.area += sum(map(mul, values, map(sub, times[1:], times)))
        here.held_ms += times[-1] - times[0]
        here.hold(min(values), max(values), values[-1])
        self._cursor, self._value, self._quality = times[-1], values[-1], GOOD

    def join(self, part: Part) -> None:
        """Points of one interval that somebody has added up; left out where they go back behind what was taken."""
        if part.first < self._cursor:
            return
        self._pass(part.first)
        here = self.intervals[self._place]
        here.count += part.numbers
        here.total += part.total
        here.area += part.area
        here.held_ms += part.held_ms
        here.bad_ms += part.bad_ms
        if part.low is not None and part.high is not None and part.final is not None:
            here.hold(part.low, part.high, part.final)
        self._cursor, self._value, self._quality = part.last, part.value, part.quality

    def mark(self, at: int, quality: int) -> None:
        """From ``at`` on no value holds: it is bad, or nothing is heard."""
        if self._bounds[0] <= at < self._bounds[-1] and at >= self._cursor:
            self._pass(at)
            self._value, self._quality = None, quality

    def _pass(self, until: int) -> None:
        """What holds goes on holding until ``until``."""
        while self._cursor < until:
            here = self.intervals[self._place]
            stop = min(until, here.until)
            length = stop - self._cursor
            if self._value is not None:
                here.area += self._value * length
                here.held_ms += length
                here.hold(self._value, self._value, self._value)
            elif self._quality == BAD:
                here.bad_ms += length
            self._cursor = stop
            if stop == here.until and self._place < len(self.intervals) - 1:
                self._place += 1

    def end(self, until: int) -> list[Interval]:
        """All intervals; what holds last holds until ``until``, and behind it there is no data."""
        self._pass(min(max(until, self._cursor), self._bounds[-1]))
        return self.intervals


def gather(bounds: Sequence[int], points: Sequence[Point], until: int, before: Point | None = None) -> list[Interval]:
    """The intervals of ``points`` (oldest first), as ``Gathering`` makes them."""
    gathering, first = Gathering(bounds, before), 0
    while first < len(points):
        stop = first
        while stop < len(points) and points[stop][1] is not None:
            stop += 1
        run = points[first:stop]
        gathering.take([at for at, _, _ in run], [value for _, value, _ in run if value is not None])
        if stop < len(points):
            gathering.mark(points[stop][0], points[stop][2])
        first = stop + 1
    return gathering.end(until)
