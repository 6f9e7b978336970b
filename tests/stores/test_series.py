"""Machine values on a real disk: kept, packed, read by span, let go; killed with -9 nothing that was told is lost."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import Unavailable, WeftError
from weft.engine.series_ports import Span
from weft.shopfloor.series import BAD, GOOD, MISSING, UNCERTAIN, edges, gather
from weft.stores import series as module
from weft.stores.series import SqliteSeries

ROOT = Path(__file__).resolve().parents[2]
T = 1_764_000_000_000


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "values.db")


@pytest.fixture
def store(path):
    held = SqliteSeries(path, T)
    yield held
    held.close()


def points_of(store, machine, names, begin=0, end=1 << 62, most=1 << 30):
    found = {name: [] for name in names}
    for place, point in store.points(machine, names, begin, end, most).points:
        found[names[place]].append(point)
    return found


def seconds(count, value=lambda step: float(step % 90), first=T):
    return [(first + 1_000 * step, value(step), GOOD) for step in range(count)]


def put(store, points, machine="L1", name="Speed", each=500):
    for first in range(0, len(points), each):
        part = points[first:first + each]
        store.append([(machine, name, point) for point in part], part[-1][0])


def test_what_was_appended_is_read_before_and_after_it_is_packed(store, path):
    mixed = [(T + 10, 1.5, GOOD), (T + 20, None, BAD), (T + 30, 2.5, UNCERTAIN), (T + 40, None, MISSING)]
    put(store, mixed)
    put(store, seconds(3, first=T + 100), name="Load")
    assert points_of(store, "L1", ["Speed", "Load"]) == {"Speed": mixed, "Load": seconds(3, first=T + 100)}
    store.append([], T + module.PACK_MS + 1)
    assert points_of(store, "L1", ["Speed", "Load"]) == {"Speed": mixed, "Load": seconds(3, first=T + 100)}
    assert store.spans() == {"L1": Span(T + 10, T + 2_100, 7)}
    assert points_of(store, "L2", ["Speed"]) == {"Speed": []}


def test_a_day_is_packed_into_chunks_of_few_bytes(store, path):
    put(store, seconds(20_000, lambda step: round(40 + (step * 7 % 50) / 10, 1)), each=300)
    put(store, [], each=1)
    store.append([], T + 20_000_000 + module.PACK_MS)
    used, _ = store.size()
    assert used / 20_000 < 4
    assert points_of(store, "L1", ["Speed"], T + 5_000_000, T + 5_003_000)["Speed"] == seconds(
        20_000, lambda step: round(40 + (step * 7 % 50) / 10, 1))[5_000:5_003]


def test_pages_of_points_join_to_the_whole_and_split_no_moment(store):
    both = seconds(700)
    put(store, both)
    put(store, both, name="Load")
    at, found = T, []
    while at is not None:
        page = store.points("L1", ["Speed", "Load"], at, 1 << 62, 101)
        assert 101 <= len(page.points) <= 102 or page.go_on is None
        found += page.points
        at = page.go_on
    assert [point for place, point in found if place == 0] == both
    assert [point for place, point in found if place == 1] == both


def test_between_two_lives_nothing_was_heard(path):
    store = SqliteSeries(path, T)
    put(store, [(T + 10, 5.0, GOOD)])
    store.append([], T + 5_000)  # it went on holding until here
    store.close()
    store = SqliteSeries(path, T + 60_000)
    assert points_of(store, "L1", ["Speed"])["Speed"] == [(T + 10, 5.0, GOOD), (T + 5_001, None, MISSING)]
    put(store, [(T + 61_000, 5.0, GOOD)])
    first, gap, last = store.intervals("L1", ["Speed"], [T, T + 5_000, T + 60_000, T + 70_000], T + 70_000)["Speed"]
    assert (first.low, first.held_ms) == (5.0, 4_990)
    assert (gap.held_ms, gap.missing_ms) == (1, 54_999)
    assert (last.held_ms, last.missing_ms) == (9_000, 1_000)
    (later,) = store.intervals("L1", ["Speed"], [T + 10_000, T + 20_000], T + 70_000)["Speed"]
    assert (later.low, later.missing_ms) == (None, 10_000)
    store.close()


DRAWN = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([1.0, 2.5, -3.0, None])), min_size=1, max_size=120)


@settings(max_examples=25)
@given(DRAWN, st.integers(1, 30), st.integers(1, 40), st.integers(0, 3_000), st.integers(1, 9_000))
def test_intervals_from_the_disk_are_those_of_the_points(tmp_path_factory, drawn, each, count, begin, length):
    at, points = T, []
    for step, value in drawn:
        at += step
        points.append((at, value, GOOD if value is not None else BAD))
    store = SqliteSeries(str(tmp_path_factory.mktemp("v") / "values.db"), T)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_POINTS", 8)
        patch.setattr(module, "PACK_POINTS", 20)
        put(store, points, each=each)
    bounds = edges(T + begin, T + begin + length, count)
    before = next((point for point in reversed(points) if point[0] < bounds[0]), None)
    inside = [point for point in points if bounds[0] <= point[0] < bounds[-1]]
    found = store.intervals("L1", ["Speed"], bounds, at + 500)["Speed"]
    wanted = gather(bounds, inside, at + 500, before)
    store.close()
    for one, other in zip(found, wanted, strict=True):
        assert one.area == pytest.approx(other.area)
        one.area = other.area
        assert one == other


def test_what_is_too_old_goes_and_what_stays_is_whole(store):
    put(store, seconds(5_000))
    store.append([], T + 6_000_000)
    store.append([("L2", "Old", (T, 1.0, GOOD))], T + 6_000_000)
    store.append([], T + 6_000_000 + module.PACK_MS)
    assert store.forget(T + 2_500_000) == 3
    kept = points_of(store, "L1", ["Speed"])["Speed"]
    assert kept == seconds(5_000)[-len(kept):]
    assert T + 1_400_000 < kept[0][0] < T + 2_500_000
    assert set(store.spans()) == {"L1"}
    put(store, [(T + 9_000_000, 1.0, GOOD)], machine="L2", name="Old")
    assert points_of(store, "L2", ["Old"])["Old"] == [(T + 9_000_000, 1.0, GOOD)]


def test_room_that_was_freed_is_used_again(store, path):
    put(store, seconds(60_000), each=2_000)
    store.append([], T + 90_000_000)
    _, before = store.size()
    assert store.forget(store.oldest(0.5)) > 20
    assert store.size()[1] > before


def test_a_clock_that_is_set_back_stops_nothing(store):
    put(store, seconds(100, first=T + 500_000))
    put(store, seconds(100))
    store.append([], T + 900_000)
    store.append([("L1", "Speed", (T + 700_000, 7.0, GOOD))], T + 900_000)
    assert points_of(store, "L1", ["Speed"])["Speed"][:100] == seconds(100)
    assert store.intervals("L1", ["Speed"], [T, T + 800_000], T + 900_000)["Speed"][0].count == 201


def test_a_full_file_loses_nothing_that_was_told_and_goes_on_when_there_is_room(store, path):
    put(store, seconds(500))
    connection = store._file.connection
    connection.pragma("wal_checkpoint(TRUNCATE)")
    connection.pragma("max_page_count", connection.pragma("page_count"))
    luck = random.Random(1)
    noise = [(T + 600_000 + step, luck.random(), GOOD) for step in range(4_000)]
    with pytest.raises(Unavailable, match=r"store\.full"):
        put(store, noise, each=4_000)
    assert points_of(store, "L1", ["Speed"])["Speed"] == seconds(500)
    connection.pragma("max_page_count", 1 << 30)
    store.mend()
    put(store, noise, each=4_000)
    assert points_of(store, "L1", ["Speed"])["Speed"] == seconds(500) + noise


def test_after_the_disk_failed_the_file_is_read_through_first(store):
    put(store, seconds(10))
    store._give_up(apsw.IOError("the disk failed"))
    store.mend()
    put(store, seconds(10, first=T + 60_000))
    assert len(points_of(store, "L1", ["Speed"])["Speed"]) == 20


def test_a_file_that_is_none_of_ours_is_refused(path):
    Path(path).write_bytes(b"no database" * 1_000)
    with pytest.raises(WeftError, match=r"store\.corrupt"):
        SqliteSeries(path, T)


# ---- killed ----------------------------------------------------------------------------------------------

WRITER = """
import sys, time
from weft.stores.series import SqliteSeries
from weft.stores import series

series.PACK_POINTS = 300  # it packs while it is killed, too
path, how, T = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = SqliteSeries(path, T)
spans = store.spans()
step = (spans["L1"].last_ms - T) + 1 if "L1" in spans else 0
while True:
    rows = [("L1", "Speed", (T + step + one, float(step + one), 0)) for one in range(7)]
    if how == "hasty":
        print(step + 6, flush=True)
        time.sleep(0.005)
    store.append(rows, T + step + 6)
    if how != "hasty":
        print(step + 6, flush=True)
    step += 7
"""


def killed(path: str, luck: random.Random, how: str) -> int:
    """Let a process write for a moment, kill it; the last number that it told."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, path, how, str(T)], stdout=subprocess.PIPE, text=True,
                               cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(luck.random() * 0.12)
    process.send_signal(signal.SIGKILL)
    told = 0
    for line in [first, *process.stdout.read().splitlines()]:
        with contextlib.suppress(ValueError):  # the last line may be cut off
            told = int(line)
    process.wait()
    process.stdout.close()
    return told


def left(path: str) -> list[float]:
    store = SqliteSeries(path, T)
    try:
        return [value for _, value, _ in points_of(store, "L1", ["Speed"])["Speed"] if value is not None]
    finally:
        store.close()


def test_a_writer_killed_at_any_moment_has_kept_all_that_it_told(path):
    luck = random.Random(5)
    for _ in range(6):
        told = killed(path, luck, "careful")
        kept = left(path)
        assert kept == [float(number) for number in range(len(kept))]  # whole batches, in order, none twice
        assert told < len(kept) <= told + 1 + 7  # at most the batch that was on its way is there untold


def test_a_writer_that_tells_too_soon_is_found_out(tmp_path):
    """The control: the check above must see what is not there."""
    luck = random.Random(5)
    for turn in range(40):
        path = str(tmp_path / f"{turn}.db")
        if killed(path, luck, "hasty") >= len(left(path)):
            return
    pytest.fail("a writer that told before it had written was not found out in 40 lives")
