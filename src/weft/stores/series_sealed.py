"""What was sealed, as the thread that reads sees it: columns of a file, and what held before a span.

Rule 1: one file at a time is held, so that pages of one day are not read anew each time.
Rule 2: a file that is gone is "no data" for its span; one that cannot be read, or is not the one that was listed, is
        told by name: nobody else's values are ever shown as this machine's.
Not here: making files (``series_sealing.py``), what is read of them (``series_files.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import apsw

from weft.engine.series_ports import Segment
from weft.shopfloor import sealing
from weft.shopfloor.series import BAD, MISSING, Point
from weft.stores.series_coding import Chunk
from weft.stores.series_files import Columns, Files
from weft.stores.series_packed import Packed, segment_of, told
from weft.stores.series_reading import Reading

_SLICE = 2_048


class Shelf:
    """The files in ``folder``; belongs to the thread that reads."""

    def __init__(self, folder: Path, sql: Mapping[str, str]) -> None:
        self._folder, self._sql, self.files = folder, sql, Files()
        self._held: tuple[str, frozenset[str], dict[str, Columns]] = ("", frozenset(), {})

    def packed(self, connection: apsw.Connection) -> Packed:
        """Chunks and list as ``connection`` sees them."""
        return Packed(lambda name, *values: connection.execute(self._sql[name], values).fetchall(), self._folder,
                      self.files)

    def points(self, connection: apsw.Connection, series: tuple[int, str], names: Sequence[str],
               span: tuple[int, int]) -> Iterator[Point]:
        """Points of one series within a span; the ends of lives are no points. ``names``: who else will be asked."""
        number, name = series
        for row in connection.execute(self._sql["sealed_files"], (number, *span)).fetchall():
            one = segment_of(row)
            held = self._columns(one, names)
            if held is None:
                yield max(one.begin, span[0]), None, MISSING
            elif name in held:
                yield from _within(held[name], span)

    def feed(self, connection: apsw.Connection, machine: str, readings: Mapping[tuple[int, str], Reading],
             bounds: Sequence[int]) -> None:
        """Give each reading, by number and name of its series, what files have of it."""
        for (number, _), reading in readings.items():
            for last, value, quality in connection.execute(self._sql["sealed_before"], (number, bounds[0])):
                reading.take(Chunk([last], [value or 0.0], [(0, min(quality, MISSING))] if quality >= BAD else []))
        names = [name for _, name in readings]
        for one in self.packed(connection).files(machine, bounds[0], bounds[-1]):
            held = self._columns(one, names)
            for (_, name), reading in readings.items():
                if held is None:
                    reading.take(Chunk([one.begin], [0.0], [(0, MISSING)]))
                elif name in held:
                    reading.take_columns(held[name])

    def _columns(self, segment: Segment, names: Sequence[str]) -> dict[str, Columns] | None:
        """Columns of a file; None when it is gone."""
        path = self._folder / segment.file
        if self._held[0] == segment.file and self._held[1].issuperset(names):
            return self._held[2]
        if not path.exists():
            return None
        self.files.check(path, segment)
        self._held = (segment.file, frozenset(names), self.files.read(path, names, segment.machine))
        return self._held[2]

    def proven(self, segment: Segment) -> str:
        """What a file comes to now."""
        return told(self.files, self._folder / segment.file, segment.machine, (segment.begin, segment.until))

    def close(self) -> None:
        """Let go of DuckDB."""
        self.files.close()


def _within(held: Columns, span: tuple[int, int]) -> Iterator[Point]:
    first, last = (int(one) for one in held.times.searchsorted(span))
    for begin in range(first, last, _SLICE):
        end = min(last, begin + _SLICE)
        for at, value, quality in zip(held.times[begin:end].tolist(), held.values[begin:end].tolist(),
                                      held.qualities[begin:end].tolist(), strict=True):
            if quality != sealing.OFF:
                yield at, None if quality >= BAD else value, quality
