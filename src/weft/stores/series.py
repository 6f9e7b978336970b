"""The store of machine values over time: SQLite in a file of its own, durable when ``append`` returns.

Batches go to the disk as they come and are packed into chunks of one series later, ``PACK_MS`` at the latest.
Rule 1: each call blocks; one thread appends and forgets, one reads (both of ``engine/series.py``), neither is the loop.
Rule 2: between two lives of the node nothing was heard: what held before does not hold on.
Rule 3: reading costs what the span holds, chunk by chunk; no more than one is unpacked at a time.
Rule 4: after the disk failed nothing is written until the file was read through and opened anew.
Not here: which values come here and when old ones go (``engine/series.py``), how points are packed
(``series_coding.py``).
"""

import heapq
import shutil
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from weft.basis.errors import WeftError
from weft.config import Config
from weft.engine.ports import Clock
from weft.engine.series import History
from weft.engine.series_ports import Moments, Row, Span
from weft.shopfloor.series import BAD, MISSING, Gathering, Interval, Point
from weft.stores.series_coding import Chunk, decode, decode_batch, encode, encode_batch, points_of
from weft.stores.sqlite_file import DatabaseFile, fault
from weft.stores.statements import queries

DIALECT: Final = "series"
VALUES: Final = "values.db"  # beside the database of the node
CHUNK_POINTS: Final = 1_024
CHUNK_MS: Final = 86_400_000
PACK_MS: Final = 300_000
PACK_POINTS: Final = 100_000
WAL_PAGES: Final = 256  # small, for what it takes is room that is left to the books
WAL_BYTES: Final = 1024 * 1024
DROPPED: Final = 2_000  # chunks in one transaction


def kept_beside(database: str, config: Config, clock: Clock) -> History:
    """What keeps values of machines beside the node's ``database``; the file is not open yet."""
    path = Path(database).with_name(VALUES)
    return History(lambda now_ms: SqliteSeries(str(path), now_ms), config, clock,
                   lambda: shutil.disk_usage(path.parent).free)


class SqliteSeries:
    """Implements ``engine.series_ports.SeriesStore`` over one database file."""

    def __init__(self, path: str, now_ms: int) -> None:
        self._file = DatabaseFile(path, dialect=DIALECT)
        self._sql = queries(DIALECT)
        self._failed = False
        try:
            self._tune()
            self._learn()
            self._packed_ms = now_ms
            self._begin(now_ms)
            self._reader = self._file.aside()
        except (apsw.Error, WeftError) as error:
            self._file.close()
            raise (fault(error, path) if isinstance(error, apsw.Error) else error) from error

    def _tune(self) -> None:
        connection = self._file.connection
        connection.pragma("wal_autocheckpoint", WAL_PAGES)
        connection.pragma("journal_size_limit", WAL_BYTES)
        connection.pragma("secure_delete", 0)  # no secrets: what is forgotten need not be overwritten

    def _begin(self, now_ms: int) -> None:
        """This life; what the last one left is packed, for it goes on in none."""
        with self._file.connection:
            self._pack()
            self._write("begin_life", now_ms, now_ms)
            self._life = self._file.connection.last_insert_rowid()

    # ---- writing

    def append(self, rows: Sequence[Row], heard_ms: int) -> None:
        """Keep ``rows``, each series in order of time; all that was heard until ``heard_ms`` is kept then."""
        numbers: list[int] = []
        points: list[Point] = []
        with self._writing():
            for machine, name, point in rows:
                numbers.append(self._number(machine, name))
                points.append(point)
            if points:
                self._write("add_fresh", len(points), encode_batch(numbers, points))
            self._write("heard", heard_ms, self._life)
        self._fresh += len(points)
        if self._fresh and (self._fresh >= PACK_POINTS or not 0 <= heard_ms - self._packed_ms < PACK_MS):
            with self._writing():
                self._pack()
            self._packed_ms = heard_ms

    def _number(self, machine: str, name: str) -> int:
        found = self._numbers.get((machine, name))
        if found is None:
            self._write("add_series", machine, name)
            found = self._numbers[machine, name] = self._file.connection.last_insert_rowid()
        return found

    def _pack(self) -> None:
        """Make chunks of all fresh points; within a transaction."""
        by_series: dict[int, list[Point]] = defaultdict(list)
        for (data,) in self._rows("fresh"):
            for number, point in zip(*decode_batch(data), strict=True):
                by_series[number].append(point)
        for number, points in by_series.items():
            self._pack_one(number, points)
        self._write("drop_fresh")
        self._fresh = 0

    def _pack_one(self, number: int, points: list[Point]) -> None:
        newest = self._rows("newest_chunk", number)
        if newest and newest[0][3] < CHUNK_POINTS // 2 and _fits(newest[0][1], newest[0][2], points[0][0]):
            chunk, begun, _, count, data = newest[0]
            joining = points[:CHUNK_POINTS - count]
            part = next(_parts(joining, begun))
            self._write("put_chunk", part[-1][0], count + len(part), encode(points_of(decode(data)) + part), chunk)
            points = points[len(part):]
        for part in _parts(points):
            self._write("add_chunk", number, part[0][0], part[-1][0], len(part), encode(part))

    def forget(self, before_ms: int) -> int:
        """Let go of what ended before; gives how many chunks went."""
        gone = 0
        while True:
            with self._writing():
                self._write("drop_chunks", before_ms, DROPPED)
                went = self._file.connection.changes()
            gone += went
            if went < DROPPED:
                break
        if gone:
            with self._writing():
                self._write("drop_lives", before_ms)
                if not self._fresh:
                    self._write("drop_series")
            self._learn()
        return gone

    def oldest(self, share: float) -> int:
        """The instant before which the oldest ``share`` of all chunks ends; 0 when there are none."""
        count = int(self._rows("count_chunks")[0][0])
        rows = self._rows("oldest", max(1, round(count * share)))
        return int(rows[-1][1]) + 1 if rows else 0

    def size(self) -> tuple[int, int]:
        """Bytes in use, and bytes of the file that are free to be used again."""
        connection = self._file.connection
        pages, free, each = (int(connection.pragma(name)) for name in ("page_count", "freelist_count", "page_size"))
        return (pages - free) * each, free * each

    def mend(self) -> None:
        """Rule 4, if the disk failed; raises ``WeftError`` while it still does."""
        if not self._failed:
            return
        try:
            self._file.settle()
            self._file.reopen()
            self._tune()
        except apsw.Error as error:
            raise fault(error, self._file.path) from error
        self._failed = False
        self._learn()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; raises ``WeftError``, and then nothing of it was written."""
        connection = self._file.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        except apsw.Error as error:
            raise self._give_up(error) from error
        except WeftError:
            connection.execute("ROLLBACK")
            raise

    def _write(self, name: str, *values: Any) -> None:
        self._file.connection.execute(self._sql[name], values)

    def _give_up(self, error: apsw.Error) -> WeftError:
        """What a failed transaction means."""
        if not isinstance(error, apsw.BusyError | apsw.FullError):  # these two leave the file as it was
            self._failed = True
        try:
            if self._file.connection.in_transaction:
                self._file.connection.execute("ROLLBACK")
            self._learn()
        except apsw.Error:
            self._failed = True
        return fault(error, self._file.path)

    def _learn(self) -> None:
        """What the file says of its series, and how much is not packed."""
        self._numbers = {(machine, name): number for number, machine, name in self._rows("series")}
        self._fresh = int(self._rows("fresh_count")[0][0])

    # ---- reading

    def spans(self) -> dict[str, Span]:
        """What there is of each machine."""
        found = {machine: Span(first, last, count) for machine, first, last, count in self._rows("spans")}
        names = {number: machine for (machine, _), number in self._numbers.items()}
        for number, (at, _, _) in self._fresh_points(self._file.connection):
            known = found.get(names[number], Span(at, at, 0))
            found[names[number]] = Span(min(known.first_ms, at), max(known.last_ms, at), known.count + 1)
        return found

    def points(self, machine: str, names: Sequence[str], begin: int, end: int, most: int) -> Moments:
        """As the port says; where nobody listened, all that held before becomes "no data"."""
        with self._reading() as connection:
            fresh = self._fresh_of(connection, machine, names)
            columns = [self._column(connection, (machine, name), (begin, end), fresh) for name in names]
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

    def _column(self, connection: apsw.Connection, of: tuple[str, str], span: tuple[int, int],
                fresh: dict[int, list[Point]]) -> Iterator[Point]:
        """Points of one series within a span, chunk by chunk, then those that are not packed yet."""
        number, begin, end = self._numbers.get(of, 0), *span
        latest = begin - 1
        for (data,) in connection.execute(self._sql["chunks"], (number, begin, end)):
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
            return {name: self._gathered(connection, (machine, name), bounds, (fresh, lives)).end(until)
                    for name in names}

    def _gathered(self, connection: apsw.Connection, of: tuple[str, str], bounds: Sequence[int],
                  beside: tuple[dict[int, list[Point]], list[int]]) -> "_Reading":
        number, (fresh, lives) = self._numbers.get(of, 0), beside
        reading = _Reading(bounds, lives)
        for (data,) in connection.execute(self._sql["chunks"], (number, bounds[0], bounds[-1])):
            reading.take(decode(data))
        if points := fresh.get(number):
            reading.take(Chunk([at for at, _, _ in points], [value or 0.0 for _, value, _ in points],
                               [(place, quality) for place, (_, _, quality) in enumerate(points) if quality]))
        return reading

    def _fresh_of(self, connection: apsw.Connection, machine: str, names: Sequence[str]) -> dict[int, list[Point]]:
        wanted = {self._numbers.get((machine, name), 0) for name in names}
        found: dict[int, list[Point]] = defaultdict(list)
        for number, point in self._fresh_points(connection, wanted):
            found[number].append(point)
        return found

    def _fresh_points(self, connection: apsw.Connection, wanted: set[int] | None = None) -> Iterator[tuple[int, Point]]:
        for (data,) in connection.execute(self._sql["fresh"]):
            yield from zip(*decode_batch(data, wanted), strict=True)

    def _lives(self, connection: apsw.Connection, begin: int, end: int) -> list[int]:
        """When lives ended within a span: from the next millisecond on nothing was heard."""
        return [heard + 1 for (heard,) in connection.execute(self._sql["lives_in"], (begin - 1, end - 1))]

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

    def _rows(self, name: str, *values: Any) -> list[Any]:
        return self._file.connection.execute(self._sql[name], values).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close(True)
        self._file.close()


class _Reading:
    """Chunks of one series, in order of time, on their way into intervals; ``lives``: when nobody listened any more."""

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

    def end(self, until: int) -> list[Interval]:
        """All intervals."""
        gathering = self._begun()
        for ended in self._lives:
            gathering.mark(ended, MISSING)
        return gathering.end(until)


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
