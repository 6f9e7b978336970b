"""Machine values over time: written in batches, drawn over a long span, read by record, and the room that they take.

The baseline is bare SQLite in the same run, as one would write it in an afternoon: a row for each value, keyed by
series and time, WAL, ``synchronous=FULL``, apsw alone; intervals by GROUP BY.
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
    ]


def results() -> list[Result]:
    """The lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))


if __name__ == "__main__":
    show(results())
