"""Machine values over time: written in batches, drawn over a long span, read by record, and the room that they take.

The baseline of what is hot is bare SQLite in the same run, as one would write it in an afternoon: a row for each value,
keyed by series and time, WAL, ``synchronous=FULL``, apsw alone; intervals by GROUP BY. That of what is sealed is bare
DuckDB: the same values as one table of a DuckDB file, given to it as columns, and asked in SQL.
"""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Final

import apsw

from bench.rounds import Measure, Result, interleaved, limit, rate, show
from weft.engine.series_ports import Row
from weft.shopfloor.series import edges
from weft.stores.series import PACK_POINTS, SqliteSeries

SERIES: Final = 50
BATCH: Final = 1_000  # values: twenty a second of each series
BATCHES: Final = PACK_POINTS // BATCH + 1  # so that each round packs once
ROUNDS: Final = 3
DRAWN: Final = 240  # intervals of a picture
BEGIN: Final = 1_764_000_000_000
STEP_MS: Final = 50
_TABLE: Final = ("CREATE TABLE told (series INTEGER, at INTEGER, value REAL, quality INTEGER, "
                 "PRIMARY KEY (series, at)) WITHOUT ROWID")
_PICTURE: Final = ("SELECT (at - ?1) * ?3 / (?2 - ?1), min(value), max(value), count(*), sum(value) FROM told "
                   "WHERE series = ?4 AND at >= ?1 AND at < ?2 GROUP BY 1")
_RECORDS: Final = "SELECT at, value, quality FROM told WHERE series = ? AND at >= ? AND at < ? ORDER BY at"


class Both:
    """Our store and a bare table, which are told the same."""

    def __init__(self, folder: Path) -> None:
        self.ours = SqliteSeries(str(folder / "values.db"), BEGIN)
        self.bare = apsw.Connection(str(folder / "bare.db"))
        self.bare.pragma("journal_mode", "wal")
        self.bare.pragma("synchronous", "FULL")
        self.bare.execute(_TABLE)
        self.told = {"ours": 0, "bare": 0}
        self.luck = random.Random(1)

    def batch(self, who: str) -> list[Row]:
        """The next values of all series: temperatures with one decimal, of a few milliseconds' jitter."""
        first, luck = self.told[who], self.luck
        self.told[who] += BATCH
        return [("L1", f"T{place % SERIES}", (BEGIN + (first + place) // SERIES * STEP_MS + luck.randrange(9),
                                              round(40 + luck.gauss(0, 1), 1), 0)) for place in range(BATCH)]

    async def write_ours(self) -> float:
        batches = [self.batch("ours") for _ in range(BATCHES)]
        begun = time.perf_counter()
        for rows in batches:
            self.ours.append(rows, rows[-1][2][0])
        return BATCH * BATCHES / (time.perf_counter() - begun)

    async def write_bare(self) -> float:
        batches = [[(int(name[1:]), at, value, quality) for _, name, (at, value, quality) in self.batch("bare")]
                   for _ in range(BATCHES)]
        begun = time.perf_counter()
        for rows in batches:
            with self.bare:
                self.bare.executemany("INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)", rows)
        return BATCH * BATCHES / (time.perf_counter() - begun)

    @property
    def end(self) -> int:
        """Behind the last value of both."""
        return BEGIN + min(self.told.values()) // SERIES * STEP_MS

    async def draw_ours(self) -> float:
        """Pictures a second."""
        begun = time.perf_counter()
        self.ours.intervals("L1", ["T7"], edges(BEGIN, self.end, DRAWN), self.end)
        return 1 / (time.perf_counter() - begun)

    async def draw_bare(self) -> float:
        begun = time.perf_counter()
        self.bare.execute(_PICTURE, (BEGIN, self.end, DRAWN, 7)).fetchall()
        return 1 / (time.perf_counter() - begun)

    async def read_ours(self) -> float:
        begun = time.perf_counter()
        middle = (BEGIN + self.end) // 2
        self.ours.points("L1", ["T7"], middle, middle + 1_000 * STEP_MS, 10_000)
        return 1 / (time.perf_counter() - begun)

    async def read_bare(self) -> float:
        begun = time.perf_counter()
        middle = (BEGIN + self.end) // 2
        self.bare.execute(_RECORDS, (7, middle, middle + 1_000 * STEP_MS)).fetchall()
        return 1 / (time.perf_counter() - begun)

    def bytes_each(self) -> tuple[float, float]:
        """Bytes a value: ours, bare."""
        self.ours.append([], self.end + 1_000_000)  # the last are packed, too
        bare = int(self.bare.pragma("page_count")) * int(self.bare.pragma("page_size"))
        return self.ours.size()[0] / self.told["ours"], bare / self.told["bare"]


DAY_MS: Final = 86_400_000
SEALED_SERIES: Final = 10
MIDNIGHT: Final = BEGIN // DAY_MS * DAY_MS
_COLUMNS: Final = ('CREATE TABLE told AS SELECT list_extract($1, p::INTEGER + 1) AS name, t AS "time", v AS value, '
                   "0::UTINYINT AS quality FROM points")
_DRAWN: Final = ('SELECT ("time" - $1) * $3 // $2 AS place, min(value), max(value), count(*), sum(value) FROM told '
                 'WHERE name = $4 AND "time" >= $1 AND "time" < $1 + $2 GROUP BY 1')
_TOLD: Final = ('SELECT "time", value, quality FROM told WHERE name = $1 AND "time" >= $2 AND "time" < $3 '
                'ORDER BY "time"')


class Sealed:
    """A day of one value a second of ten series: in our store, in a sealed file, and in a bare DuckDB file."""

    def __init__(self, folder: Path) -> None:
        luck = random.Random(2)
        self.names = [f"T{number}" for number in range(SEALED_SERIES)]
        self.points = {name: [(MIDNIGHT + second * 1_000 + luck.randrange(9), round(40 + luck.gauss(0, 1), 1), 0)
                              for second in range(86_400)] for name in self.names}
        self.count = SEALED_SERIES * 86_400
        self.ours = SqliteSeries(str(folder / "sealed" / "values.db"), MIDNIGHT)
        for name, points in self.points.items():
            for first in range(0, len(points), 5_000):
                self.ours.append([("L1", name, point) for point in points[first:first + 5_000]], MIDNIGHT)
        self.ours.append([], MIDNIGHT + 2 * DAY_MS)
        self.hot = self.ours.size()[0]
        self.folder, self.turn = folder, 0

    def seal(self) -> tuple[float, float]:
        """Values a second: sealed by us, and given to a bare DuckDB file as columns."""
        import duckdb
        import numpy as np

        begun = time.perf_counter()
        self.ours.seal(MIDNIGHT + DAY_MS)
        ours = self.count / (time.perf_counter() - begun)
        flat = [point for points in self.points.values() for point in points]
        points = {"p": np.repeat(np.arange(SEALED_SERIES, dtype="u2"), 86_400),
                  "t": np.array([at for at, _, _ in flat]), "v": np.array([value for _, value, _ in flat])}
        self.bare = duckdb.connect(str(self.folder / "bare.duckdb"), config={"threads": 1})
        self.bare.register("points", points)
        begun = time.perf_counter()
        self.bare.execute(_COLUMNS, [self.names])
        self.bare.execute("CHECKPOINT")
        return ours, self.count / (time.perf_counter() - begun)

    async def draw_ours(self) -> float:
        name = self.other()
        begun = time.perf_counter()
        self.ours.intervals("L1", [name], edges(MIDNIGHT, MIDNIGHT + DAY_MS, DRAWN), MIDNIGHT + DAY_MS)
        return 1 / (time.perf_counter() - begun)

    async def draw_bare(self) -> float:
        name = self.other()
        begun = time.perf_counter()
        self.bare.execute(_DRAWN, [MIDNIGHT, DAY_MS, DRAWN, name]).fetchall()
        return 1 / (time.perf_counter() - begun)

    def other(self) -> str:
        """Another number each time, so that no answer is at hand from the time before."""
        self.turn += 1
        return self.names[self.turn % SEALED_SERIES]

    async def read_ours(self) -> float:
        name = self.other()
        begun = time.perf_counter()
        middle = MIDNIGHT + DAY_MS // 2
        self.ours.points("L1", [name], middle, middle + 1_000_000, 10_000)
        return 1 / (time.perf_counter() - begun)

    async def read_bare(self) -> float:
        name = self.other()
        begun = time.perf_counter()
        middle = MIDNIGHT + DAY_MS // 2
        self.bare.execute(_TOLD, [name, middle, middle + 1_000_000]).fetchall()
        return 1 / (time.perf_counter() - begun)


async def _measured_sealed(folder: Path) -> list[Result]:
    (folder / "sealed").mkdir()
    both = Sealed(folder)
    hot = {"ours": both.draw_ours}
    packed = (await interleaved(hot, 3))["ours"]
    ours, bare = both.seal()
    drawn = await interleaved({"ours": both.draw_ours, "bare": both.draw_bare}, 8)
    read = await interleaved({"ours": both.read_ours, "bare": both.read_bare}, 8)
    room = sum(one.bytes for one in both.ours.segments("L1", 0, 1 << 44)) / both.count
    both.ours.close()
    both.bare.close()
    file = (folder / "bare.duckdb").stat().st_size / both.count
    return [
        Result(f"{both.count:,} values of a day sealed, synced, listed", f"{ours:,.0f}/s", f"{bare:,.0f}/s",
               ours / bare),
        limit("sealed: picture of a day, 86,400 values", 1_000 / drawn["ours"], "ms", 60, 1_000 / drawn["bare"]),
        Result("the same picture before it was sealed", f"{1_000 / packed:,.2f} ms",
               f"{1_000 / drawn['bare']:,.2f} ms", drawn["bare"] / packed),
        limit("sealed: 1,000 records out of the middle", 1_000 / read["ours"], "ms", 60, 1_000 / read["bare"]),
        limit("sealed: room of a machine value", room, "B", 3, file),
        limit("packed: room of the same value", both.hot / both.count, "B", 4, file),
    ]


async def _measured(folder: Path) -> list[Result]:
    both = Both(folder)
    writing: dict[str, Measure] = {"ours": both.write_ours, "bare": both.write_bare}
    written = await interleaved(writing, ROUNDS)
    drawing: dict[str, Measure] = {"ours": both.draw_ours, "bare": both.draw_bare}
    drawn = await interleaved(drawing, 20)
    reading: dict[str, Measure] = {"ours": both.read_ours, "bare": both.read_bare}
    read = await interleaved(reading, 20)
    ours, bare = both.bytes_each()
    each = both.told["ours"] // SERIES
    both.ours.close()
    return [
        rate(f"machine values written, batches of {BATCH}, packed", written["ours"], written["bare"], 1),
        limit(f"picture of {each:,} values of one series", 1_000 / drawn["ours"], "ms", 20, 1_000 / drawn["bare"]),
        limit("1,000 records of one series", 1_000 / read["ours"], "ms", 5, 1_000 / read["bare"]),
        limit("room of a machine value", ours, "B", 4, bare),
        *await _measured_sealed(folder),
    ]


def results() -> list[Result]:
    """The lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


if __name__ == "__main__":
    show(results())
