"""The store of machine values over time: SQLite in a file of its own, durable when ``append`` returns.

Batches go to the disk as they come and are packed into chunks of one series later, ``PACK_MS`` at the latest.
Rule 1: each call blocks; one thread appends and forgets, one reads (both of ``engine/series.py``), neither is the loop.
Rule 2: between two lives of the node nothing was heard: what held before does not hold on.
Rule 3: reading costs what the span holds, chunk by chunk; no more than one is unpacked at a time.
Rule 4: what was sealed (``series_sealing.py``) is read beside what is packed, as if it had never left.
Not here: which values come here and when old ones go (``engine/series.py``), how points are packed
(``series_coding.py``), transactions (``series_file.py``).
"""

import heapq
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from weft.basis.errors import WeftError
from weft.config import Config
from weft.engine.ports import Clock
from weft.engine.series import History
from weft.engine.series_ports import Followed, Moments, Row, Segment, Span
from weft.shopfloor.series import MISSING, Interval, Point
from weft.shopfloor.timeline import Doing
from weft.stores import series_doings
from weft.stores.series_coding import Chunk, decode, decode_batch, encode, encode_batch, points_of
from weft.stores.series_file import ValuesFile
from weft.stores.series_reading import Reading
from weft.stores.series_sealed import Shelf
from weft.stores.series_sealing import FOLDER, Sealing
from weft.stores.sqlite_file import fault

VALUES: Final = "values.db"  # beside the database of the node
CHUNK_POINTS: Final = 1_024
CHUNK_MS: Final = 86_400_000
PACK_MS: Final = 300_000
PACK_POINTS: Final = 100_000
DROPPED: Final = 2_000  # chunks in one transaction


def kept_beside(database: str, config: Config, clock: Clock) -> History:
    """What keeps values of machines beside the node's ``database``; the file is not open yet."""
    path = Path(database).with_name(VALUES)
    history = History(lambda now_ms: SqliteSeries(str(path), now_ms), config, clock,
                      lambda: shutil.disk_usage(path.parent).free)
    history.folder = path.with_name(FOLDER)
    return history


class SqliteSeries(ValuesFile):
    """Implements ``engine.series_ports.SeriesStore`` over one database file."""

    def __init__(self, path: str, now_ms: int) -> None:
        super().__init__(path)
        folder = Path(path).with_name(FOLDER)
        try:
            self.tune()
            self.learn()
            self._packed_ms = now_ms
            self._begin(now_ms)
            self._reader = self._file.aside()
            self._sealing, self._shelf = Sealing(self, folder), Shelf(folder, self.sql)
        except (apsw.Error, WeftError) as error:
            self._file.close()
            raise (fault(error, path) if isinstance(error, apsw.Error) else error) from error

    def _begin(self, now_ms: int) -> None:
        """This life; what the last one left is packed, for it goes on in none."""
        with self._file.connection:
            self._pack()
            self.write("begin_life", now_ms, now_ms)
            self._life = self.added

    # ---- writing

    def append(self, rows: Sequence[Row], heard_ms: int) -> None:
        """Keep ``rows``, each series in order of time; all that was heard until ``heard_ms`` is kept then."""
        numbers: list[int] = []
        points: list[Point] = []
        with self.writing():
            for machine, name, point in rows:
                numbers.append(self.number(machine, name))
                points.append(point)
            if points:
                self.write("add_fresh", len(points), encode_batch(numbers, points))
            self.write("heard", heard_ms, self._life)
        self._fresh += len(points)
        if self._fresh and (self._fresh >= PACK_POINTS or not 0 <= heard_ms - self._packed_ms < PACK_MS):
            with self.writing():
                self._pack()
            self._packed_ms = heard_ms

    def learn(self) -> None:
        """Besides the series: how much is not packed."""
        super().learn()
        self._fresh = int(self.rows("fresh_count")[0][0])

    def _pack(self) -> None:
        """Make chunks of all fresh points; within a transaction."""
        by_series: dict[int, list[Point]] = defaultdict(list)
        for (data,) in self.rows("fresh"):
            for number, point in zip(*decode_batch(data), strict=True):
                by_series[number].append(point)
        for number, points in by_series.items():
            self._pack_one(number, points)
        self.write("drop_fresh")
        self._fresh = 0

    def _pack_one(self, number: int, points: list[Point]) -> None:
        newest = self.rows("newest_chunk", number)
        if newest and newest[0][3] < CHUNK_POINTS // 2 and _fits(newest[0][1], newest[0][2], points[0][0]):
            chunk, begun, _, count, data = newest[0]
            joining = points[:CHUNK_POINTS - count]
            part = next(_parts(joining, begun))
            self.write("put_chunk", part[-1][0], count + len(part), encode(points_of(decode(data)) + part), chunk)
            points = points[len(part):]
        for part in _parts(points):
            self.write("add_chunk", number, part[0][0], part[-1][0], len(part), encode(part))

    def seal(self, before_ms: int) -> bool:
        """As the port says; what is not packed yet is packed before."""
        self._sealing.adopt()
        self.pack()
        return self._sealing.seal(before_ms)

    def pack(self) -> None:
        """As the port says."""
        if self._fresh:
            with self.writing():
                self._pack()

    def unsaid(self, after: int, most: int) -> list[tuple[Segment, tuple[str, ...]]]:
        """As the port says."""
        return self._sealing.unsaid(after, most)

    def signed(self, number: int, event: str) -> None:
        """As the port says."""
        with self.writing():
            self.write("say_segment", event, number)

    def followed(self) -> Followed:
        """As the port says."""
        return series_doings.followed(self)

    def follow(self, doings: Sequence[tuple[str, Doing]], event: str, position: int) -> None:
        """As the port says."""
        series_doings.follow(self, doings, event, position)

    def forget(self, before_ms: int) -> int:
        """Let go of what ended before; gives how many chunks and files went."""
        gone = self._sealing.forget(before_ms)
        while True:
            with self.writing():
                self.write("drop_chunks", before_ms, DROPPED)
                went = self._file.connection.changes()
            gone += went
            if went < DROPPED:
                break
        if gone:
            with self.writing():
                self.write("forget_doings", before_ms)
                self.write("drop_lives", min([before_ms, *(one.begin for one in self._sealing.all()[:1])]))
                if not self._fresh:
                    self.write("drop_series")
            self.learn()
        return gone

    def oldest(self, share: float) -> int:
        """The instant before which the oldest ``share`` ends: of files, else of chunks; 0 when there are none."""
        files = int(self.rows("sealed_size")[0][0])
        count = files or int(self.rows("count_chunks")[0][0])
        rows = self.rows("segments_oldest" if files else "oldest", max(1, round(count * share)))
        return int(rows[-1][1]) + 1 if rows else 0

    def size(self) -> tuple[int, int]:
        """Bytes in use, with those of sealed files, and bytes of the database that are free to be used again."""
        connection = self._file.connection
        pages, free, each = (int(connection.pragma(name)) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * each + int(self.rows("sealed_size")[0][1]), free * each

    # ---- reading

    def spans(self) -> dict[str, Span]:
        """What there is of each machine."""
        found: dict[str, Span] = {}
        for machine, first, last, count in (*self.rows("sealed_spans"), *self.rows("spans")):
            known = found.get(machine, Span(first, last, 0))
            found[machine] = Span(min(known.first_ms, first), max(known.last_ms, last), known.count + count)
        names = {number: machine for (machine, _), number in self.numbers.items()}
        for number, (at, _, _) in self._fresh_points(self._file.connection):
            known = found.get(names[number], Span(at, at, 0))
            found[names[number]] = Span(min(known.first_ms, at), max(known.last_ms, at), known.count + 1)
        return found

    def points(self, machine: str, names: Sequence[str], begin: int, end: int, most: int) -> Moments:
        """As the port says; where nobody listened, all that held before becomes "no data"."""
        with self._reading() as connection:
            fresh = self._fresh_of(connection, machine, names)
            columns = [self._column(connection, (machine, name), names, (begin, end), fresh) for name in names]
            ends = self._lives(connection, begin, end)
            gone = [(at, place, (at, None, MISSING)) for at in ends for place in range(len(names))]
            merged = _placed(columns[0], 0) if len(columns) == 1 and not gone else heapq.merge(
                gone, *map(_placed, columns, range(len(names))), key=lambda one: one[:2])
            found: list[tuple[int, Point]] = []
            for at, place, point in merged:
                if len(found) >= most and at != found[-1][1][0]:
                    return Moments(found, at)
                found.append((place, point))
            return Moments(found, None)

    def _column(self, connection: apsw.Connection, of: tuple[str, str], names: Sequence[str], span: tuple[int, int],
                fresh: dict[int, list[Point]]) -> Iterator[Point]:
        """Points of one series within a span: sealed ones, then chunk by chunk, then those that are not packed yet."""
        number, begin, end = self.numbers.get(of, 0), *span
        latest = begin - 1
        for point in self._shelf.points(connection, (number, of[1]), names, span):
            if latest < point[0]:
                latest = point[0]
                yield point
        for (data,) in connection.execute(self.sql["chunks"], (number, begin, end)):
            for point in points_of(decode(data)):
                if latest < point[0] < end:
                    latest = point[0]
                    yield point
        yield from (point for point in fresh.get(number, ()) if latest < point[0] < end)

    def intervals(self, machine: str, names: Sequence[str], bounds: Sequence[int], until: int,
                  ) -> dict[str, list[Interval]]:
        """As the port says."""
        with self._reading() as connection:
            fresh = self._fresh_of(connection, machine, names)
            lives = self._lives(connection, 0, bounds[-1])
            readings = {(self.numbers.get((machine, name), 0), name): Reading(bounds, lives) for name in names}
            self._shelf.feed(connection, machine, readings, bounds)
            for (number, _), reading in readings.items():
                self._packed_into(reading, connection, number, bounds)
                if points := fresh.get(number):
                    reading.take(_loose(points))
            return {name: reading.end(until) for (_, name), reading in readings.items()}

    def _packed_into(self, reading: Reading, connection: apsw.Connection, number: int, bounds: Sequence[int]) -> None:
        for (data,) in connection.execute(self.sql["chunks"], (number, bounds[0], bounds[-1])):
            reading.take(decode(data))

    def doings(self, machine: str, span: tuple[int, int]) -> list[Doing]:
        """As the port says."""
        with self._reading() as connection:
            return [series_doings.doing(row) for row in connection.execute(self.sql["doings"], (machine, *span))]

    def lives(self, span: tuple[int, int]) -> list[tuple[int, int | None]]:
        """As the port says."""
        with self._reading() as connection:
            return [(int(str(begun)), None if heard is None else int(str(heard)) + 1)
                    for begun, heard in connection.execute(self.sql["lives_during"], span)]

    def segments(self, machine: str, begin: int, end: int) -> list[Segment]:
        """As the port says."""
        with self._reading() as connection:
            return self._shelf.packed(connection).files(machine, begin, end)

    def proven(self, segment: Segment) -> str:
        """As the port says."""
        return self._shelf.proven(segment)

    def parquet(self, target: str, machine: str, names: Sequence[str], span: tuple[int, int]) -> int:
        """As the port says, of all that is packed."""
        with self._reading() as connection:
            return self._shelf.packed(connection).take_along(Path(target), machine, names, span)

    def _fresh_of(self, connection: apsw.Connection, machine: str, names: Sequence[str]) -> dict[int, list[Point]]:
        wanted = {self.numbers.get((machine, name), 0) for name in names}
        found: dict[int, list[Point]] = defaultdict(list)
        for number, point in self._fresh_points(connection, wanted):
            found[number].append(point)
        return found

    def _fresh_points(self, connection: apsw.Connection, wanted: set[int] | None = None) -> Iterator[tuple[int, Point]]:
        for (data,) in connection.execute(self.sql["fresh"]):
            yield from zip(*decode_batch(data, wanted), strict=True)

    def _lives(self, connection: apsw.Connection, begin: int, end: int) -> list[int]:
        """When lives ended within a span: from the next millisecond on nothing was heard."""
        return [heard + 1 for (heard,) in connection.execute(self.sql["lives_in"], (begin - 1, end - 1))]

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """One moment of the file: what is packed meanwhile is read once."""
        connection = self._reader
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise fault(error, self._file.path) from error

    def close(self) -> None:
        """Let go of the file."""
        self._shelf.close()
        self._sealing.close()
        self._reader.close(True)
        self._file.close()


def _loose(points: Sequence[Point]) -> Chunk:
    """Points that are not packed yet."""
    return Chunk([at for at, _, _ in points], [value or 0.0 for _, value, _ in points],
                 [(place, quality) for place, (_, _, quality) in enumerate(points) if quality])


def _placed(column: Iterator[Point], place: int) -> Iterator[tuple[int, int, Point]]:
    return ((point[0], place, point) for point in column)


def _fits(first: int, last: int, at: int) -> bool:
    """Whether a point may join a chunk: it comes later, and within a day, so that the chunk can be let go one day."""
    return last <= at < first + CHUNK_MS


def _parts(points: Sequence[Point], begun: int | None = None) -> Iterator[list[Point]]:
    """Pieces that each fit into a chunk, in order of time; the first joins one that has ``begun``."""
    part: list[Point] = []
    for point in points:
        first = part[0][0] if begun is None and part else begun
        if part and (len(part) >= CHUNK_POINTS or not _fits(first or 0, part[-1][0], point[0])):
            yield part
            part, begun = [], None
        part.append(point)
    if part:
        yield part
