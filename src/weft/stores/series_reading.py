"""Points of one series on their way into intervals: packed ones chunk by chunk, sealed ones file by file.

Rule 1: it takes them in order of time, sealed ones first; lives that ended lie in between as "no data".
Not here: intervals (``shopfloor/series.py``), where points come from (``series.py``, ``series_sealed.py``).
"""

from bisect import bisect_left
from collections.abc import Sequence

from weft.shopfloor.series import BAD, MISSING, Gathering, Interval, Point
from weft.stores.series_coding import Chunk
from weft.stores.series_files import Columns, parts


class Reading:
    """``lives``: when nobody listened any more."""

    def __init__(self, bounds: Sequence[int], lives: Sequence[int]) -> None:
        self._bounds = bounds
        self._lives = lives
        self._before: Point | None = None
        self._gathering: Gathering | None = None

    def take(self, chunk: Chunk) -> None:
        """The next chunk; the first of them may begin before the intervals do."""
        begin = self._bounds[0]
        place = bisect_left(chunk.times, begin)
        if place and self._gathering is None:
            quality = next((quality for at, quality in chunk.marks if at == place - 1), 0)
            self._before = (chunk.times[place - 1], None if quality >= BAD else chunk.values[place - 1], quality)
        marks = [(chunk.times[at], at, quality) for at, quality in chunk.marks if at >= place and quality >= BAD]
        for at, stop, quality in marks:
            self._run(chunk.times[place:stop], chunk.values[place:stop])
            self._mark(at, quality)
            place = stop + 1
        self._run(chunk.times[place:], chunk.values[place:])

    def _begun(self) -> Gathering:
        if self._gathering is None:
            before = self._before
            if before is not None and any(before[0] < ended <= self._bounds[0] for ended in self._lives):
                before = None
            self._gathering = Gathering(self._bounds, before)
            self._lives = [ended for ended in self._lives if ended > self._bounds[0]]
        return self._gathering

    def _run(self, times: Sequence[int], values: Sequence[float]) -> None:
        if not times:
            return
        gathering = self._begun()
        while self._lives and self._lives[0] <= times[-1]:
            ended, *self._lives = self._lives
            place = bisect_left(times, ended)
            gathering.take(times[:place], values[:place])
            gathering.mark(ended, MISSING)
            times, values = times[place:], values[place:]
        gathering.take(times, values)

    def _mark(self, at: int, quality: int) -> None:
        gathering = self._begun()
        while self._lives and self._lives[0] <= at:
            ended, *self._lives = self._lives
            gathering.mark(ended, MISSING)
        gathering.mark(at, quality)

    def take_columns(self, told: Columns) -> None:
        """The points of a file, in which each end of a life is a point, too."""
        place = int(told.times.searchsorted(self._bounds[0]))
        if place and self._gathering is None:
            quality = int(told.qualities[place - 1])
            self._before = (int(told.times[place - 1]), None if quality >= BAD else float(told.values[place - 1]),
                            min(quality, MISSING))
        for part in parts(self._bounds, told):
            gathering = self._begun()
            while self._lives and self._lives[0] <= part.first:
                ended, *self._lives = self._lives
                gathering.mark(ended, MISSING)
            gathering.join(part)
            self._lives = [ended for ended in self._lives if ended > part.last]

    def end(self, until: int) -> list[Interval]:
        """All intervals."""
        gathering = self._begun()
        for ended in self._lives:
            gathering.mark(ended, MISSING)
        return gathering.end(until)
