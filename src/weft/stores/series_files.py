"""Machine values as Parquet files: made once, read by column, and what they come to.

A file has one row for each point: machine, property, time (UTC, milliseconds), value, quality; sorted by property and
time. DuckDB, pandas, Polars and Grafana read it as it is; what we know besides is JSON under ``weft`` in its metadata.
Rule 1: a file is there whole or not at all: written beside its place, synced, renamed.
Rule 2: DuckDB is imported by the thread that first needs it, works in that thread alone, and never reaches the network.
Rule 3: what a file holds is never trusted: what is no such file is refused, however many rows it claims, and what is
        another one than the list has (of another machine, another day, an older one) is told by name.
Not here: which points (``series_sealing.py``), the list of files (``series_sealed.py``), the digest
(``shopfloor/sealing.py``).
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid, Unavailable
from weft.engine.series_ports import Segment
from weft.shopfloor import sealing
from weft.shopfloor.series import BAD, MISSING, Part
from weft.stores.archive import settle

MEMORY: Final = "512MB"
ROWS_MAX: Final = 8_000_000  # of one file that are ever read: a few bytes claim a thousand million
NAMES_MAX: Final = 50_000
_LISTED: Final = ("machine", "begin", "until", "count", "digest")  # what a file and the list of files both say of it
ABOUT: Final = "weft"  # under this name in a file's metadata
_MADE: Final = """SELECT ? AS machine, list_extract(?, p::INTEGER + 1) AS property,
    make_timestamp_ms(t)::TIMESTAMP_MS AS "time", CASE WHEN q < 2 THEN v END AS value,
    list_extract(?, q::INTEGER + 1) AS quality FROM points"""
_WITHIN: Final = """property IN ({marks})
    AND "time" >= make_timestamp_ms(?)::TIMESTAMP_MS AND "time" < make_timestamp_ms(?)::TIMESTAMP_MS"""
_READ: Final = f"""SELECT list_position(?, property)::USMALLINT AS p, epoch_ms("time")::BIGINT AS t,
    coalesce(value, 0)::DOUBLE AS v, list_position(?, quality)::UTINYINT AS q
    FROM read_parquet(?) WHERE {_WITHIN} LIMIT {ROWS_MAX + 1}"""  # noqa: S608 - our own words
_JOIN: Final = f"SELECT * FROM read_parquet(?) WHERE {_WITHIN}"  # noqa: S608 - our own words
EVER: Final = (-(1 << 45), 1 << 45)
_NAMES: Final = f"SELECT DISTINCT property FROM read_parquet(?) ORDER BY property LIMIT {NAMES_MAX}"  # noqa: S608 - ours
_OTHERS: Final = "SELECT count(*) FROM read_parquet(?) WHERE machine IS DISTINCT FROM ?"
_FORM: Final = "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, KV_METADATA {{{about}: {told}}})"


class Columns(NamedTuple):
    """Points of one property in order of time: three arrays of NumPy (int64 ms, float64, uint8)."""

    times: Any
    values: Any
    qualities: Any


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself: whose values, of which span (ms), and of a sealed one how many and their digest.

    ``lives``: when nobody listened any more, within the span.
    """

    format: str = sealing.FORMAT
    machine: str
    begin: int
    until: int
    count: int = 0
    digest: str = ""
    lives: tuple[int, ...] = ()


class Files:
    """Parquet files as one thread sees them. Raises ``Invalid('history.file')`` or ``Unavailable``."""

    def __init__(self) -> None:
        self._connection: Any = None

    def write(self, path: Path, about: About, columns: Mapping[str, Columns]) -> int:
        """Make the file ``path`` of ``columns``; its size in bytes."""
        import numpy as np

        names = sorted(columns)
        told = [columns[name] for name in names]
        points = {"p": np.repeat(np.arange(len(names), dtype="u2"), [len(one.times) for one in told]),
                  "t": _joined([one.times for one in told], "i8"), "v": _joined([one.values for one in told], "f8"),
                  "q": _joined([one.qualities for one in told], "u1")}
        with self._asked(path) as connection, _beside(path) as partial:
            connection.register("points", points)
            try:
                connection.execute(f"COPY ({_MADE}) TO {_quoted(str(partial))} {_form(about)}",
                                   [about.machine, names, list(sealing.WORDS)])
            finally:
                connection.unregister("points")
        return path.stat().st_size

    def join(self, path: Path, about: About, files: Sequence[Path], names: Sequence[str]) -> int:
        """Make the file ``path`` of those rows of ``files`` that lie in the span and are of ``names``; how many."""
        with self._asked(path) as connection, _beside(path) as partial:
            given = [[str(one) for one in files], *names, about.begin, about.until]
            wanted = _JOIN.format(marks=_marks(names))
            return int(connection.execute(
                f"COPY ({wanted}) TO {_quoted(str(partial))} {_form(about)}", given).fetchone()[0])

    def about(self, path: Path) -> About:
        """What the file says of itself."""
        with self._asked(path) as connection:
            rows = connection.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
        told = next((value for key, value in rows if key == ABOUT.encode() or key == ABOUT), None)
        try:
            found = msgspec.json.decode(told or b"", type=About)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid("history.file", file=path.name) from error
        if found.format != sealing.FORMAT:
            raise Invalid("history.file", file=path.name)
        return found

    def check(self, path: Path, segment: Segment) -> None:
        """Raise ``Invalid('history.file-changed')`` unless ``path`` is the file that was listed as ``segment``.

        Its size and what it says of itself are looked at; of a file that was stored anew, all that it says. Whether
        each value of one that looks the same is as it was, a proof tells.
        """
        with contextlib.suppress(Invalid):
            about = self.about(path)
            if all(getattr(about, one) == getattr(segment, one) for one in _LISTED) and (
                    path.stat().st_size == segment.bytes):
                return
        columns = {name: digest(one) for name, one in self.read(path, self.names(path), segment.machine).items()}
        if sealing.whole(segment.machine, (segment.begin, segment.until), columns) != segment.digest:
            raise Invalid("history.file-changed", file=path.name, machine=segment.machine)

    def names(self, path: Path) -> list[str]:
        """The properties in it."""
        with self._asked(path) as connection:
            return [str(name) for (name,) in connection.execute(_NAMES, [[str(path)]]).fetchall()]

    def read(self, path: Path, names: Sequence[str], machine: str = "", span: tuple[int, int] = EVER,
             ) -> dict[str, Columns]:
        """The points of ``names`` within a span, in order of time; every row must be of ``machine``, if it is given."""
        import numpy as np

        wanted = list(names)
        with self._asked(path) as connection:
            if machine and connection.execute(_OTHERS, [[str(path)], machine]).fetchone()[0]:
                raise Invalid("history.file-of-other", file=path.name, machine=machine)
            given = [wanted, list(sealing.WORDS), [str(path)], *wanted, *span]
            rows = connection.execute(_READ.format(marks=_marks(wanted)), given).fetchnumpy()
        if len(rows["q"]) > ROWS_MAX or any(np.ma.is_masked(rows[one]) for one in "ptvq") or not _sound(rows):
            raise Invalid("history.file", file=path.name)
        found = {}
        for place, name in enumerate(wanted):
            here = np.flatnonzero(rows["p"] == place + 1)
            if len(here):
                told = Columns(rows["t"][here], rows["v"][here], rows["q"][here] - 1)
                found[name] = told if bool((np.diff(told.times) >= 0).all()) else ordered(told)
        return found

    @contextlib.contextmanager
    def _asked(self, path: Path) -> Iterator[Any]:
        """DuckDB; what it cannot do becomes a word to callers."""
        import duckdb

        if path.exists() and not path.is_file():  # a pipe would keep the thread for ever
            raise Invalid("history.file", file=path.name)
        if self._connection is None:
            self._connection = duckdb.connect(config={
                "threads": 1, "memory_limit": MEMORY, "autoinstall_known_extensions": False,
                "autoload_known_extensions": False, "preserve_insertion_order": True})
        try:
            yield self._connection
        except duckdb.Error as error:
            full = "No space left" in str(error)
            if full or not path.exists():
                raise Unavailable("store.full" if full else "history.file-missing", path=path.name,
                                  file=path.name) from error
            raise Invalid("history.file", file=path.name) from error
        except OSError as error:
            raise Unavailable("store.full" if error.errno == 28 else "store.unavailable", path=path.name,
                              reason=error.strerror or "") from error

    def close(self) -> None:
        """Let go of DuckDB."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _sound(rows: Mapping[str, Any]) -> bool:
    """Whether the qualities are ours and the numbers are such as are kept: finite."""
    import numpy as np

    return not len(rows["q"]) or (int(rows["q"].min()) > 0 and bool(np.isfinite(rows["v"]).all()))


def _marks(names: Sequence[str]) -> str:
    """A place for each name: by a list of them DuckDB leaves out what cannot hold any; by a function it would not."""
    return ", ".join("?" for _ in names) or "NULL"


def _form(about: About) -> str:
    return _FORM.format(about=ABOUT, told=_quoted(msgspec.json.encode(about).decode()))


def _quoted(text: str) -> str:
    """A literal of SQL: what no parameter can say."""
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A place to write that becomes ``path`` at the end, or goes."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        yield partial
        with partial.open("r+b") as file:
            os.fsync(file.fileno())
        partial.chmod(0o600)
        partial.replace(path)
        settle(path.parent)
        settle(path.parent.parent)
    finally:
        partial.unlink(missing_ok=True)


# ---- columns -----------------------------------------------------------------------------------------


def _joined(arrays: Sequence[Any], kind: str) -> Any:
    import numpy as np

    return np.concatenate([np.asarray(one, dtype=kind) for one in arrays]) if arrays else np.zeros(0, dtype=kind)


def columns_of(times: Sequence[int], values: Sequence[float], qualities: Sequence[int]) -> Columns:
    """Columns of plain numbers."""
    import numpy as np

    return Columns(np.asarray(times, dtype="i8"), np.asarray(values, dtype="f8"), np.asarray(qualities, dtype="u1"))


def joined(parts: Sequence[Columns]) -> Columns:
    """One after the other."""
    return Columns(_joined([one.times for one in parts], "i8"), _joined([one.values for one in parts], "f8"),
                   _joined([one.qualities for one in parts], "u1"))


def ordered(told: Columns) -> Columns:
    """In order of time; what has the same time keeps its order, but that the end of a life comes first."""
    import numpy as np

    places = np.lexsort((told.qualities != sealing.OFF, told.times))
    return Columns(told.times[places], told.values[places], told.qualities[places])


def within(told: Columns, begin: int, until: int) -> Columns:
    """What lies between two instants."""
    first, last = (int(one) for one in told.times.searchsorted([begin, until]))
    return Columns(told.times[first:last], told.values[first:last], told.qualities[first:last])


def digest(told: Columns) -> sealing.Column:
    """What a column comes to."""
    import numpy as np

    values = np.where(told.qualities < BAD, told.values + 0.0, 0.0)
    return sealing.column(told.times.astype(">i8").tobytes(), values.astype(">f8").tobytes(),
                          told.qualities.astype("u1").tobytes())


def parts(bounds: Sequence[int], told: Columns) -> Iterator[Part]:
    """The points between ``bounds``, added up by interval."""
    import numpy as np

    times, values, qualities = within(told, bounds[0], bounds[-1])
    if not len(times):
        return
    place = np.asarray(bounds).searchsorted(times, "right")
    starts = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    ends = np.r_[starts[1:], len(times)]
    steps = np.diff(times, append=times[-1])
    steps[ends - 1] = 0
    good = qualities < BAD
    final = np.maximum.reduceat(np.where(good, np.arange(len(times)), -1), starts)
    rows = zip(
        times[starts].tolist(), times[ends - 1].tolist(), np.add.reduceat(good.astype("i8"), starts).tolist(),
        np.add.reduceat(np.where(good, values, 0.0), starts).tolist(),
        np.minimum.reduceat(np.where(good, values, np.inf), starts).tolist(),
        np.maximum.reduceat(np.where(good, values, -np.inf), starts).tolist(), final.tolist(),
        np.add.reduceat(np.where(good, values * steps, 0.0), starts).tolist(),
        np.add.reduceat(np.where(good, steps, 0), starts).tolist(),
        np.add.reduceat(np.where(qualities == BAD, steps, 0), starts).tolist(),
        values[ends - 1].tolist(), qualities[ends - 1].tolist(), strict=True)
    for first, last, count, total, low, high, at, area, held, bad, value, quality in rows:
        none = at < 0
        yield Part(first, last, count, total, None if none else low, None if none else high,
                   None if none else float(values[at]), area, held, bad, None if quality >= BAD else value,
                   min(quality, MISSING))
