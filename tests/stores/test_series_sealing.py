"""Sealed values: the same points as before, whole when killed at any moment, and nothing of them can be bent unseen."""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import Invalid, WeftError
from weft.shopfloor import sealing as canonical
from weft.shopfloor.series import BAD, GOOD, MISSING, UNCERTAIN, edges
from weft.stores import series as module
from weft.stores import series_files, series_packed, series_sealing
from weft.stores.series import SqliteSeries
from weft.stores.series_files import About, Files, columns_of, digest
from weft.stores.series_packed import told

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400_000
T = 1_764_028_800_000  # midnight


def put(store, points, machine="L1", name="Speed", each=500):
    for first in range(0, len(points), each):
        part = points[first:first + each]
        store.append([(machine, name, point) for point in part], part[-1][0])


def points_of(store, names, machine="L1", begin=0, end=1 << 44, most=1 << 30):
    return store.points(machine, names, begin, end, most).points


def seconds(count, first=T, step=1_000):
    return [(first + step * place, float(place % 90), GOOD) for place in range(count)]


def sealed(store, before):
    while store.seal(before):
        pass
    return store.segments("L1", 0, 1 << 44)


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "values.db")


@pytest.fixture
def store(path):
    held = SqliteSeries(path, T)
    yield held
    held.close()


def test_a_day_that_is_over_leaves_the_database_for_a_file(store, tmp_path):
    put(store, seconds(3_000, step=60_000))  # two days and a bit
    before = points_of(store, ["Speed"])
    (one, other) = sealed(store, T + 2 * DAY + 1)
    assert (one.begin, one.until, one.count, other.until) == (T, T + DAY, 1_440, T + 2 * DAY)
    assert store.rows("count_chunks")[0][0] < 3
    assert points_of(store, ["Speed"]) == before
    assert store.spans()["L1"].count == 3_000
    assert sum(path.stat().st_size for path in tmp_path.glob("values/L1-*/*.parquet")) == one.bytes + other.bytes


def test_hours_of_a_day_that_would_be_large_are_sealed_one_by_one(store, monkeypatch):
    monkeypatch.setattr(series_packed, "SEGMENT_POINTS", 1_000)
    monkeypatch.setattr(series_sealing, "SEGMENT_POINTS", 1_000)
    monkeypatch.setattr(series_sealing, "MUCH", 800)
    put(store, seconds(9_000, step=4_000))  # ten hours
    before = points_of(store, ["Speed"])
    found = sealed(store, T + DAY // 3)  # the day is not over
    assert [(one.until - one.begin) // 3_600_000 for one in found] == [1] * 8
    assert points_of(store, ["Speed"]) == before
    found = sealed(store, T + DAY)
    assert [one.begin for one in found] == sorted({one.begin for one in found})
    assert all(one.until <= other.begin for one, other in itertools.pairwise(found))
    assert points_of(store, ["Speed"]) == before


DRAWN = st.lists(st.tuples(
    st.integers(1, 40_000_000), st.sampled_from(["A", "B"]),
    st.sampled_from([1.0, 2.5, -3.0, 0.1, 1e300, (BAD,), (MISSING,), (4.5, UNCERTAIN)])), min_size=1, max_size=70)


@settings(max_examples=15, deadline=None)
@given(DRAWN, st.sets(st.integers(0, 69), max_size=3), st.integers(0, 400_000_000), st.integers(1, 30),
       st.integers(0, 300_000_000), st.integers(1, 500_000_000), st.integers(1, 60))
def test_a_span_over_sealed_and_packed_is_what_it_was_before(tmp_path_factory, drawn, ends, age, count, begin, length,
                                                             page):
    folder = tmp_path_factory.mktemp("v")
    twins = [str(folder / name / "values.db") for name in ("sealed", "whole")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_POINTS", 8)
        stores = [_twin(path, drawn, ends) for path in twins]
    until = stores[0][1]
    sealed(stores[0][0], until - age)
    names, bounds = ["A", "Never", "B"], edges(T + begin, T + begin + length, count)
    one, other = (store for store, _ in stores)
    assert points_of(one, names) == points_of(other, names)
    assert paged(one, names, page, T + begin, T + begin + length) == paged(
        other, names, page, T + begin, T + begin + length)
    found, wanted = (store.intervals("L1", names, bounds, until) for store in (one, other))
    for name in names:
        for here, there in zip(found[name], wanted[name], strict=True):
            assert here.area == pytest.approx(there.area, rel=1e-9, abs=1e-3)
            assert here.total == pytest.approx(there.total)
            here.area, here.total = there.area, there.total
            assert here == there
    for store, _ in stores:
        store.close()


def _twin(path, drawn, ends):
    """A store that was told ``drawn``, in as many lives as there are ``ends``; and when it was told last."""
    Path(path).parent.mkdir()
    store, at = SqliteSeries(path, T), T
    for place, (step, name, value) in enumerate(drawn):
        at += step
        point = (at, value, GOOD) if isinstance(value, float) else (
            (at, *value) if len(value) == 2 else (at, None, value[0]))
        store.append([("L1", name, point)], at)
        if place in ends:
            store.close()
            at += 5_000
            store = SqliteSeries(path, at)
    store.append([], at + module.PACK_MS + 1)
    return store, at + 500


def paged(store, names, most, begin, end):
    found, at = [], begin
    while at is not None:
        page = store.points("L1", names, at, end, most)
        found.append(page.points)
        at = page.go_on
    return found


def test_what_is_too_old_goes_with_its_file_and_what_held_at_the_end_of_one_holds_on(store, tmp_path):
    put(store, seconds(3, step=DAY // 2))
    put(store, [(T + 10 * DAY, 7.0, GOOD)], name="Load")
    sealed(store, T + 20 * DAY)
    (_, later) = store.intervals("L1", ["Speed"], [T, T + 3 * DAY, T + 4 * DAY], T + 5 * DAY)["Speed"]
    assert (later.low, later.held_ms) == (2.0, DAY)
    assert store.forget(T + 2 * DAY) == 2
    assert len(list(tmp_path.glob("values/L1-*/*.parquet"))) == 1
    assert points_of(store, ["Speed", "Load"]) == [(1, (T + 10 * DAY, 7.0, GOOD))]
    assert store.size()[0] > 0


def test_when_room_is_short_the_oldest_files_go_first(store, tmp_path):
    put(store, seconds(6_000, step=60_000))
    found = sealed(store, T + 4 * DAY)
    used = store.size()[0]
    assert store.oldest(0.3) == found[0].last + 1
    assert store.forget(store.oldest(0.3)) == 1
    assert [one.file for one in store.segments("L1", 0, 1 << 44)] == [one.file for one in found[1:]]
    assert store.size()[0] <= used - found[0].bytes
    assert not (tmp_path / "values" / found[0].file).exists()


def test_a_file_that_is_gone_is_no_data_and_one_that_is_bent_is_told(store, tmp_path):
    put(store, seconds(4_000, step=60_000))
    (one, other) = sealed(store, T + 2 * DAY)
    file = tmp_path / "values" / one.file
    kept = file.read_bytes()
    file.unlink()
    (early, later) = store.intervals("L1", ["Speed"], [T, T + DAY, T + 2 * DAY], T + 3 * DAY)["Speed"]
    assert (early.low, early.missing_ms, later.held_ms) == (None, DAY, DAY)
    assert points_of(store, ["Speed"])[0] == (0, (T, None, MISSING))
    file.write_bytes(kept[:-200])
    with pytest.raises(Invalid, match=r"history\.file"):
        store.intervals("L1", ["Speed"], [T, T + DAY], T + DAY)
    assert store.proven(other) == other.digest


def parquet(path, rows, **about):
    """A file of these rows at ``path``, as anybody with DuckDB makes one, which says ``about`` of itself."""
    import duckdb

    told = msgspec.json.encode(about).decode()
    duckdb.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, KV_METADATA {{weft: '{told}'}})")


VALUES = ("SELECT 'L1' AS machine, 'Speed' AS property, make_timestamp_ms(1764028800000 + range * 60000)::TIMESTAMP_MS "
          "AS time, {value}::DOUBLE AS value, 'good' AS quality FROM range({count})")


def exchanged(file, other, one, how):
    """Somebody puts another file in the place of ``file``."""
    about = msgspec.structs.asdict(About(machine="L1", begin=one.begin, until=one.until, count=one.count,
                                         digest=one.digest))
    if how == "of another machine":
        file.write_bytes(other.read_bytes())
    elif how == "of another day":
        file.write_bytes(max(file.parent.glob("*.parquet")).read_bytes())
    elif how == "a link to another machine's":
        file.unlink()
        file.symlink_to(other)
    elif how == "a pipe":
        file.unlink()
        os.mkfifo(file)
    elif how == "other numbers":
        parquet(file, VALUES.format(value=7, count=one.count), **about)
    elif how == "not a number":
        parquet(file, VALUES.format(value="'nan'", count=one.count), **about)
    elif how == "another schema":
        parquet(file, "SELECT {'a': [1]} AS machine, 'Speed' AS property, 1 AS time, [2] AS value", **about)


@pytest.mark.parametrize("how", [
    "of another machine", "of another day", "a link to another machine's", "a pipe", "other numbers", "not a number",
    "another schema"])
def test_a_file_that_was_exchanged_is_told_by_name_and_never_shown_as_this_machine(store, tmp_path, how):
    put(store, seconds(3_000, step=60_000))
    put(store, [(at, value + 1_000, quality) for at, value, quality in seconds(3_000, step=60_000)], machine="L2")
    (one, _) = sealed(store, T + 2 * DAY)
    (other, _) = store.segments("L2", 0, 1 << 44)
    file = tmp_path / "values" / one.file
    bounds = [T, T + DAY]

    def shown():
        return [found.high for found in store.intervals("L1", ["Speed"], bounds, T + DAY)["Speed"]]

    assert shown() == [89.0]  # the control
    store._shelf._held = ("", frozenset(), {})  # it was held
    exchanged(file, tmp_path / "values" / other.file, one, how)
    for ask in (shown, lambda: points_of(store, ["Speed"]),
                lambda: store.parquet(str(tmp_path / "along.parquet"), "L1", ["Speed"], (T, T + DAY))):
        with pytest.raises(Invalid, match=r"history\.file"):
            ask()
    assert points_of(store, ["Speed"], machine="L2")[0][1][1] == 1_000.0


def test_a_file_that_was_stored_anew_says_what_it_said(store, tmp_path):
    put(store, seconds(1_440, step=60_000))
    before = points_of(store, ["Speed"])
    (one,) = sealed(store, T + DAY)
    file = tmp_path / "values" / one.file
    other = tmp_path / "anew.parquet"
    parquet(other, f"SELECT * FROM read_parquet('{file}') ORDER BY value")
    file.write_bytes(other.read_bytes())
    assert points_of(store, ["Speed"]) == before
    parquet(other, f"SELECT * FROM read_parquet('{file}') WHERE value < 89")  # the control: one number is left out
    file.write_bytes(other.read_bytes())
    store._shelf._held = ("", frozenset(), {})
    with pytest.raises(Invalid, match=r"history\.file-changed"):
        points_of(store, ["Speed"])


def test_no_more_rows_are_read_than_a_file_may_have(store, tmp_path, monkeypatch):
    monkeypatch.setattr(series_files, "ROWS_MAX", 1_000)
    monkeypatch.setattr(series_files, "_READ", series_files._READ.replace("LIMIT 8000001", "LIMIT 1001"))
    path = tmp_path / "bomb.parquet"
    files = Files()
    parquet(path, VALUES.format(value=1, count=1_001))
    with pytest.raises(Invalid, match=r"history\.file"):
        files.read(path, ["Speed"])
    parquet(path, VALUES.format(value=1, count=1_000))
    assert len(files.read(path, ["Speed"])["Speed"].times) == 1_000  # the control
    files.close()


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_nobody_listed_is_listed_only_if_it_holds_what_it_says(path, tmp_path, honest):
    store = SqliteSeries(path, T)
    put(store, seconds(1_440, step=60_000))
    (one,) = sealed(store, T + DAY)
    store.close()
    for left in tmp_path.glob("values.db*"):
        left.unlink()
    if not honest:
        about = About(machine="L1", begin=one.begin, until=one.until, count=one.count, digest=one.digest)
        parquet(tmp_path / "values" / one.file, VALUES.format(value=7, count=one.count),
                **msgspec.structs.asdict(about))
    store = SqliteSeries(path, T + 9 * DAY)
    store.seal(T)
    assert [found.digest for found in store.segments("L1", 0, 1 << 44)] == ([one.digest] if honest else [])
    store.close()


def test_files_of_a_backup_are_listed_again(path, tmp_path):
    store = SqliteSeries(path, T)
    put(store, seconds(1_000, step=60_000))
    store.close()
    store = SqliteSeries(path, T + DAY)  # a life ended within
    put(store, seconds(1_000, first=T + DAY, step=60_000), name="Load")
    sealed(store, T + 2 * DAY)
    before = points_of(store, ["Speed", "Load"])
    bounds = edges(T, T + 2 * DAY, 50)
    wanted = store.intervals("L1", ["Speed", "Load"], bounds, T + 2 * DAY)
    store.close()
    for left in tmp_path.glob("values.db*"):
        left.unlink()
    store = SqliteSeries(path, T + 9 * DAY)
    store.seal(T)
    assert points_of(store, ["Speed", "Load"]) == before
    assert store.intervals("L1", ["Speed", "Load"], bounds, T + 2 * DAY) == wanted
    assert [one.digest for one in store.segments("L1", 0, 1 << 44)] == [
        store.proven(one) for one in store.segments("L1", 0, 1 << 44)]
    store.close()


def test_what_is_taken_along_reads_as_parquet_and_holds_what_was_sealed_and_what_was_not(store, tmp_path):
    import duckdb

    put(store, seconds(3_000, step=60_000))
    put(store, [(T + DAY, None, BAD), (T + 2 * DAY + 60_000, 1.5, UNCERTAIN)], name="温度")
    (one, _) = sealed(store, T + 2 * DAY)
    store.append([], T + 5 * DAY)
    target = tmp_path / "out.parquet"
    assert store.parquet(str(target), "L1", ["Speed", "温度"], (T + 60_000, T + 3 * DAY)) == 3_001
    rows = duckdb.sql(f"SELECT machine, property, count(*), count(value), min(\"time\")::VARCHAR FROM '{target}' "
                      "GROUP BY ALL ORDER BY property").fetchall()
    assert rows == [("L1", "Speed", 2_999, 2_999, "2025-11-25 00:01:00"), ("L1", "温度", 2, 1, "2025-11-26 00:00:00")]
    assert list(tmp_path.glob("out*")) == [target]
    whole = tmp_path / "whole.parquet"
    store.parquet(str(whole), "L1", ["Speed", "温度"], (T, T + 3 * DAY))
    files = Files()
    assert told(files, whole, "L1", (one.begin, one.until)) == one.digest
    assert told(files, target, "L1", (one.begin, one.until)) != one.digest  # a minute of it was left out
    files.close()


POINTS = st.lists(st.tuples(st.integers(1, 1 << 40), st.floats(allow_nan=False, allow_infinity=False),
                            st.sampled_from([GOOD, UNCERTAIN, BAD, MISSING])), min_size=1, max_size=20,
                  unique_by=lambda one: one[0])


@given(POINTS, st.data())
def test_a_digest_tells_every_change_of_what_it_is_over(points, data):
    points = sorted(points)
    whole = digest(columns_of(*zip(*points, strict=True)))
    place = data.draw(st.integers(0, len(points) - 1))
    at, value, quality = points[place]
    changed = data.draw(st.sampled_from([
        [*points[:place], *points[place + 1:]], [*points[:place], (at + 1, value, quality), *points[place + 1:]],
        [*points[:place], (at, value, (quality + 1) % 4), *points[place + 1:]],
        [*points, (at + 1, value, quality)],
        *([[*points[:place], (at, value + 1 if value + 1 != value else -value, quality), *points[place + 1:]]]
          if quality < BAD else [])]))
    other = digest(columns_of(*zip(*changed, strict=True))) if changed else canonical.column(b"", b"", b"")
    assert other != whole
    told = canonical.whole("L1", (0, 1), {"Speed": whole})
    assert told != canonical.whole("L2", (0, 1), {"Speed": whole})
    assert told != canonical.whole("L1", (0, 2), {"Speed": whole})
    assert told != canonical.whole("L1", (0, 1), {"Load": whole})


# ---- killed ----------------------------------------------------------------------------------------------

SEALER = """
import sys
from weft.stores import series, series_sealing
from weft.stores.series import SqliteSeries

path, how, T = sys.argv[1], sys.argv[2], int(sys.argv[3])
HOUR = 3_600_000
if how == "hasty":
    kept = series_sealing.Sealing._seal_one
    def first_away(self, machine, begin, until):
        _, rests = self.packed.gathered(machine, begin, until)
        with self._file.writing():
            for number, rest in rests:
                self._file.write("drop_chunk", number)
        self._file.write = lambda name, *values: None if name in ("drop_chunk", "cut_chunk") \\
            else type(self._file).write(self._file, name, *values)
        self.packed.gathered = lambda *_, told=(_, rests): told
        kept(self, machine, begin, until)
        del self._file.write, self.packed.gathered
    series_sealing.Sealing._seal_one = first_away
series_sealing.STEPS = series_sealing.STEPS[1:]  # by the hour, so that much is sealed
store = SqliteSeries(path, T)
spans = store.spans()
step = round((spans["L1"].last_ms - T) / 60_000) + 1 if "L1" in spans else 0
while True:
    store.append([("L1", "Speed", (T + (step + one) * 60_000, float(step + one), 0)) for one in range(60)],
                 T + (step + 59) * 60_000)
    print(step + 59, flush=True)
    step += 60
    store.seal(T + step * 60_000 - HOUR)
"""


def killed(path, luck, how):
    """Let a process write and seal for a moment, kill it; the last number that it told."""
    with subprocess.Popen([sys.executable, "-c", SEALER, path, how, str(T)], stdout=subprocess.PIPE, text=True,
                          cwd=ROOT) as process:
        first = process.stdout.readline()
        time.sleep(0.7 + luck.random() * 0.4)  # DuckDB is loaded by then
        process.send_signal(signal.SIGKILL)
        told = 0
        for line in [first, *process.stdout.read().splitlines()]:
            with contextlib.suppress(ValueError):  # the last line may be cut off
                told = int(line)
    return told


def left(path):
    store = SqliteSeries(path, T)
    try:
        files = len(store.segments("L1", 0, 1 << 44))
        store.seal(T)  # what no list names is looked at
        return [value for _, (_, value, quality) in points_of(store, ["Speed"]) if quality == GOOD], files
    finally:
        store.close()


def test_a_node_killed_while_it_seals_neither_loses_a_value_nor_doubles_one(path):
    luck, files = random.Random(5), 0
    for _ in range(4):
        told = killed(path, luck, "careful")
        kept, files = left(path)
        assert kept == [float(number) for number in range(len(kept))]
        assert told < len(kept)
    assert files > 5  # it did seal


def test_one_that_deletes_first_is_found_out(tmp_path):
    """The control: a value that is in neither place when the power goes must be missed."""
    luck = random.Random(5)
    for turn in range(12):
        path = str(tmp_path / f"{turn}" / "values.db")
        Path(path).parent.mkdir()
        told = killed(path, luck, "hasty")
        with contextlib.suppress(WeftError):
            kept, _ = left(path)
            if kept != [float(number) for number in range(len(kept))] or told >= len(kept):
                return
    pytest.fail("a node that deleted before it had sealed was not found out in 12 lives")
