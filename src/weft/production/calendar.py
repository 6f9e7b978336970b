"""Working time of a calendar: next open instant, add working time, working time between instants.

Instants are UTC milliseconds since 1970; local time is what the clock of the calendar's place shows.
Rule 1: a window is half open: the instant at which a shift ends is closed, but work may end there.
Rule 2: a shift is from one time on the clock to another: when clocks change it is an hour longer or shorter, and one
        that lies wholly in the hour left out does not take place.
Not here: shifts and special days as data (``master.py``), the clocks of places (``basis/zone.py``).
"""

from bisect import bisect_left, bisect_right
from datetime import date
from typing import Final

from weft.basis.errors import Invalid
from weft.production.master import Calendar, Span

MINUTE: Final = 60_000
DAY: Final = 86_400_000
_CHUNK: Final = 56  # days unrolled at a time
_FAR: Final = 3_660  # days: a calendar closed for ten years, or work that takes longer, is a mistake
_EPOCH: Final = date(1970, 1, 1).toordinal()


class OpenTime:
    """Working time of one calendar. Windows are unrolled when first needed and kept (a memo, no state)."""

    __slots__ = ("_ends", "_from", "_id", "_special", "_starts", "_sums", "_to", "_week", "_zone")

    def __init__(self, calendar: Calendar) -> None:
        """Raises ``Invalid`` when the calendar has no weekly shift at all."""
        if not calendar.shifts:
            raise Invalid("production.calendar-empty", calendar=calendar.id)
        self._id = calendar.id
        self._zone = calendar.zone
        self._week = tuple(
            _sorted(tuple(Span(start=s.start, end=s.end) for s in calendar.shifts if s.day == day))
            for day in range(7)
        )
        self._special = {
            date.fromisoformat(day.date).toordinal() - _EPOCH: _sorted(day.spans) for day in calendar.special
        }
        self._from = self._to = 0
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._sums: list[int] = []  # working time before each window

    def next_open(self, at: int) -> int:
        """The first instant not before ``at`` at which work may be done."""
        index = self._window_after(at)
        return max(at, self._starts[index])

    def is_open(self, at: int) -> bool:
        """Whether work may be done at ``at``."""
        return self.next_open(at) == at

    def add(self, at: int, work: int) -> int:
        """The instant at which ``work`` milliseconds are done when begun at ``at`` or as soon as it opens."""
        index = self._window_after(at)
        start = max(at, self._starts[index])
        if work <= 0:
            return start
        target = self._sums[index] + start - self._starts[index] + work
        limit = self._to + _FAR
        while self._sums[-1] + self._ends[-1] - self._starts[-1] < target:
            if self._to > limit:
                raise Invalid("production.work-too-long", calendar=self._id, hours=work // (60 * MINUTE))
            self._extend()
        last = bisect_left(self._sums, target) - 1
        return self._starts[last] + target - self._sums[last]

    def back(self, at: int, work: int) -> int:
        """The last instant from which ``work`` milliseconds are done by ``at``; there must be so many before it."""
        target = self._worked(at) - work
        index = max(0, bisect_right(self._sums, target) - 1)
        return self._starts[index] + target - self._sums[index]

    def between(self, start: int, end: int) -> int:
        """Working milliseconds from ``start`` to ``end``; 0 when ``end`` is not after ``start``."""
        if end <= start:
            return 0
        self._cover(start)  # first: it may unroll anew from an earlier day
        return self._worked(end) - self._worked(start)

    def windows(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """The open windows that touch [``start``, ``end``), cut to it; for drawing a plan."""
        self._cover(start)
        self._cover(end)
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return tuple((max(start, self._starts[i]), min(end, self._ends[i])) for i in range(first, last))

    def _worked(self, at: int) -> int:
        self._cover(at)
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return 0
        return self._sums[index] + min(at, self._ends[index]) - self._starts[index]

    def _window_after(self, at: int) -> int:
        self._cover(at)
        limit = self._to + _FAR
        while not self._ends or self._ends[-1] <= at:
            if self._to > limit:
                raise Invalid("production.calendar-closed", calendar=self._id)
            self._extend()
        return bisect_right(self._ends, at)

    def _cover(self, at: int) -> None:
        day = self._zone.wall(at) // DAY
        if not self._to or day - 2 < self._from:
            self._from = self._to = day - 8  # a night shift reaches at most two days ahead
            self._starts, self._ends, self._sums = [], [], []
        while self._to <= day + 2:  # the day after next may still lengthen a window by merging
            self._extend()

    def _extend(self) -> None:
        utc = self._zone.utc
        for day in range(self._to, self._to + _CHUNK):
            spans = self._special.get(day)
            for span in self._week[(day + 3) % 7] if spans is None else spans:  # 1970-01-01 was a Thursday
                self._append(utc(day * DAY + span.start * MINUTE), utc(day * DAY + span.end * MINUTE))
        self._to += _CHUNK

    def _append(self, start: int, end: int) -> None:
        if start >= end:
            return
        if self._ends and start <= self._ends[-1]:
            self._ends[-1] = max(self._ends[-1], end)
            return
        self._sums.append(self._sums[-1] + self._ends[-1] - self._starts[-1] if self._ends else 0)
        self._starts.append(start)
        self._ends.append(end)


def _sorted(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple(sorted(spans, key=lambda span: (span.start, span.end)))
