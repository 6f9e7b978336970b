"""Machine values that last, over a real file: what becomes a point, what a fault costs, and what never waits for it."""

import asyncio
import itertools
import json
import random
import threading
import time
from pathlib import Path

import pytest

from tests.machines.conftest import until
from weft import locale
from weft.basis.errors import Invalid, Refused, Unavailable
from weft.cli.running import running
from weft.config import Config
from weft.config import History as Settings
from weft.engine import series as module
from weft.engine.live import Live
from weft.engine.series import History
from weft.engine.views import today
from weft.shopfloor import deadband
from weft.shopfloor.book import Floor, Machine
from weft.shopfloor.connection import Link, Quality, Value
from weft.shopfloor.reading import fill
from weft.shopfloor.series import BAD, GOOD, MISSING, UNCERTAIN
from weft.stores.series import SqliteSeries

LATHE = Path(__file__).parents[2] / "examples" / "demo" / "machines" / "lathe.td.json"
T = 1_764_000_000_000
MEGABYTE = 1024 * 1024


class Clock:
    """A clock that stands still until it is moved."""

    ms = T

    def now_ms(self) -> int:
        return self.ms


class Disk:
    """A store that can be made slow or full, around a real one; and how much room its disk has."""

    def __init__(self, path: Path) -> None:
        self.path, self.free, self.slow, self.refusing = path, 1 << 40, 0.0, None

    def open(self, now_ms: int) -> SqliteSeries:
        store, disk = SqliteSeries(str(self.path), now_ms), self

        class Watched(SqliteSeries):
            def append(self, rows, heard_ms):
                time.sleep(disk.slow)
                if disk.refusing:
                    raise disk.refusing
                super().append(rows, heard_ms)

        store.__class__ = Watched
        return store


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path / "values.db")


@pytest.fixture
async def history(clock, disk):
    config = Config(history=Settings(keep_days=30, all_megabytes=64, free_megabytes=100))
    held = History(disk.open, config, clock, lambda: disk.free)
    await held.begin()
    yield held
    await held.stop()


@pytest.fixture
def live(clock, history):
    live = Live(clock)
    live.keep = history.take
    return live


async def points(history, name="Speed", machine="L1"):
    await history.written()
    return [point for _, point in (await history.points(machine, [name], 0, 1 << 62, 1 << 30)).points]


async def test_a_point_is_a_change_and_unchanged_makes_none(history, live, clock):
    for value in (5.0, 5.0, 6, 6, 5.0):
        clock.ms += 1_000
        live.take("L1", [("Speed", Value(value)), ("State", Value("Running")), ("On", Value(True))])
    assert await points(history) == [(T + 1_000, 5.0, GOOD), (T + 3_000, 6.0, GOOD), (T + 5_000, 5.0, GOOD)]
    assert await points(history, "State") == []
    assert await points(history, "On") == []


async def test_bad_no_data_and_doubt_stay_three_things(history, live, clock):
    live.take("L1", [("Speed", Value(5.0)), ("Never", Value(None, Quality.BAD))])
    for value in (Value(None, Quality.BAD, detail="BadSensorFailure"), Value(5.5, Quality.UNCERTAIN),
                  Value(10 ** 400)):
        clock.ms += 1_000
        live.take("L1", [("Speed", value)])
    clock.ms += 1_000
    live.link("L1", Link(up=False))
    live.link("L1", Link(up=False))
    clock.ms += 1_000
    live.link("L1", Link(up=True))
    live.take("L1", [("Speed", Value(5.5))])
    assert await points(history) == [
        (T, 5.0, GOOD), (T + 1_000, None, BAD), (T + 2_000, 5.5, UNCERTAIN), (T + 3_000, None, BAD),
        (T + 4_000, None, MISSING), (T + 5_000, 5.5, GOOD)]
    assert await points(history, "Never") == []  # where no number was, its end is none either


async def test_a_stamp_of_the_device_counts_while_it_is_near_and_order_is_kept(history, live, clock):
    now = 2_000_000_000_000  # the device's clock is years ahead: only the age that it tells counts
    live.take("L1", [("Speed", Value(1.0, source_ms=now - 300, server_ms=now))])
    live.take("L1", [("Speed", Value(2.0, source_ms=now - 400, server_ms=now))])
    live.take("L1", [("Speed", Value(3.0, source_ms=now - 7_200_000, server_ms=now))])
    assert await points(history) == [(T - 300, 1.0, GOOD), (T - 299, 2.0, GOOD), (T, 3.0, GOOD)]


async def test_a_machine_that_is_taken_out_is_heard_no_more(history, live, clock):
    live.take("L1", [("Speed", Value(5.0))])
    clock.ms += 10
    live.forget("L1")
    assert await points(history) == [(T, 5.0, GOOD), (T + 10, None, MISSING)]


async def test_the_loop_never_waits_for_a_slow_disk(history, live, clock, disk):
    disk.slow = 0.5
    live.take("L1", [("Speed", Value(5.0))])
    writing = asyncio.create_task(history.written())
    longest = 0.0
    while not writing.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        live.take("L1", [("Speed", Value(begun))])
        longest = max(longest, time.perf_counter() - begun)
    assert longest < 0.25


async def test_a_write_within_the_loop_is_found_out(history, live, disk):
    """The control: the watch above sees a loop that waits."""
    disk.slow = 0.5
    history._in = lambda _threads, work, *values: _at_once(work, *values)
    live.take("L1", [("Speed", Value(5.0))])
    begun = time.perf_counter()
    await asyncio.gather(history.written(), asyncio.sleep(0.001))
    assert time.perf_counter() - begun > 0.4
    del history._in


async def _at_once(work, *values):
    return work(*values)


async def test_what_cannot_be_written_waits_and_is_written_in_order(history, live, clock, disk):
    disk.refusing = Unavailable("store.full", path="values.db")
    for step in range(5):
        clock.ms += 1_000
        live.take("L1", [("Speed", Value(float(step)))])
        with pytest.raises(Unavailable, match=r"history\.full"):
            await history.written()
    assert history.trouble().code == "history.full"
    disk.refusing = None
    assert [value for _, value, _ in await points(history)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert history.trouble() is None


async def test_of_too_much_that_waits_the_oldest_goes_and_leaves_a_gap(history, live, clock, disk, monkeypatch):
    monkeypatch.setattr(module, "WAITING_MAX", 100)
    live.take("L1", [("Speed", Value(-1.0))])
    assert await points(history) == [(T, -1.0, GOOD)]
    disk.refusing = Unavailable("store.unavailable", path="", reason="disk I/O error")
    for step in range(250):
        clock.ms += 1_000
        live.take("L1", [("Speed", Value(float(step)))])
    assert len(history._waiting) <= 101
    disk.refusing = None
    kept = await points(history)
    assert kept[:2] == [(T, -1.0, GOOD), (T + 1_000, None, MISSING)]
    numbers = [value for _, value, _ in kept[2:]]
    assert numbers == [float(step) for step in range(250 - len(numbers), 250)]
    assert len(numbers) >= 50


async def test_the_books_keep_their_room_on_the_disk(history, live, clock, disk):
    """With little room the oldest make place; where there is nothing to let go of, none are kept, and it is told."""
    disk.free = 50 * MEGABYTE
    live.take("L1", [("Speed", Value(5.0))])
    with pytest.raises(Unavailable, match=r"history\.no-room"):
        await history.written()
    disk.free = 1 << 40
    assert len(await points(history)) == 1
    assert history.trouble() is None


async def test_when_room_is_short_the_oldest_values_make_place_for_the_newest(history, live, clock, disk, monkeypatch):
    luck = random.Random(1)
    monkeypatch.setattr(module, "SHARE", 0.5)
    for batch in range(60):
        rows = [("L1", "Noise", (T + 4_000 * batch + step, luck.random(), GOOD)) for step in range(4_000)]
        await history._in(history._writer, history._store.append, rows, rows[-1][2][0])
    used = history._store.size()[0]
    assert used > MEGABYTE
    disk.free = 50 * MEGABYTE
    clock.ms += 4_000 * 60
    live.take("L1", [("Speed", Value(5.0))])
    assert await points(history) == [(clock.ms, 5.0, GOOD)]
    assert history._store.size()[0] < used
    left = await points(history, "Noise")
    assert left[-1][0] == T + 4_000 * 60 - 1
    assert len(left) < 4_000 * 60


async def test_what_is_older_than_the_days_goes(history, live, clock):
    live.take("L1", [("Speed", Value(5.0))])
    await history.written()
    clock.ms += 31 * module.DAY_MS
    live.take("L1", [("Speed", Value(6.0))])
    await history.written()
    clock.ms += module.AGAIN_MS  # by then it is packed
    await history._turn()
    assert [at for at, _, _ in await points(history)] == [T + 31 * module.DAY_MS, clock.ms]
    assert history.span("L1").first_ms == T + 31 * module.DAY_MS


async def test_a_value_that_never_changes_outlives_the_days(history, live, clock):
    live.take("L1", [("Speed", Value(5.0))])
    for _ in range(10 * 31 // 2):
        clock.ms += 4 * module.DAY_MS // 5
        await history._turn()
    kept = await points(history)
    assert {value for _, value, _ in kept} == {5.0}
    assert T < kept[0][0] < clock.ms - 20 * module.DAY_MS


async def test_a_damaged_file_stops_nothing_but_the_values(clock, tmp_path):
    (tmp_path / "values.db").write_bytes(b"no database" * 1_000)
    history = History(lambda now: SqliteSeries(str(tmp_path / "values.db"), now), Config(), clock, lambda: 1 << 40)
    await history.begin()
    assert history.trouble().code == "history.unreadable"
    history.take("L1", "Speed", Value(5.0), T)
    with pytest.raises(Unavailable, match=r"history\.unreadable"):
        await history.points("L1", ["Speed"], 0, T, 10)
    await history.stop()


async def test_an_owner_who_wants_no_values_has_none(clock, disk):
    history = History(disk.open, Config(history=Settings(keep_days=0)), clock, lambda: 1 << 40)
    await history.begin()
    history.take("L1", "Speed", Value(5.0), T)
    await asyncio.wait_for(history.run(), 1)
    await history.stop()
    assert not disk.path.exists()
    assert history.trouble() is None


async def test_it_writes_by_itself_and_goes_on_after_a_fault(history, live, clock, disk, monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.05)
    history._settings = Settings(batch_s=0.5)
    running = asyncio.create_task(history.run())
    disk.refusing = Invalid("store.corrupt", path="values.db")
    live.take("L1", [("Speed", Value(5.0))])
    await until(lambda: history.trouble() is not None)
    disk.refusing = None
    await until(lambda: history.trouble() is None)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert history._waiting == []
    assert await points(history) == [(T, 5.0, GOOD)]


async def test_the_short_history_does_not_begin_anew_with_the_node(history, live, clock):
    lathe = json.dumps(json.loads(fill(LATHE.read_text(), {"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:4840"})))
    for value in range(60):
        clock.ms += 5_000
        live.take("L1", [("SpindleSpeed", Value(float(value)))])
    await history.written()
    fresh = Live(clock)
    floor = Floor(machines={name: Machine(name=name, title=name, description=lathe) for name in ("L1", "L2")})
    await history.prime(fresh, floor)
    told = fresh.history("L1", "SpindleSpeed")
    assert told[0][0] < T + 20_000
    assert [value for _, value in told] == sorted(value for _, value in told)
    assert told[-1][1] >= 58
    assert fresh.history("L2", "SpindleSpeed") == []


async def test_what_keeps_values_from_being_kept_is_told_to_the_owner(history, live, disk):
    class Node:
        """As much of a node as the list of Today asks for here."""

    node = Node()
    node.history = history
    assert today._values(node) == []
    disk.refusing = Unavailable("store.full", path="values.db")
    live.take("L1", [("Speed", Value(5.0))])
    with pytest.raises(Unavailable):
        await history.written()
    (task,) = today._values(node)
    assert (task.kind, task.about, task.number) == ("trouble", "values", "history.full")
    for lang in locale.LANGUAGES:
        assert locale.known(lang, f"error.{task.number}")
    view = {"forks": 0, "values": {"code": "history.full", "facts": {}}}
    (told,) = [one for one in itertools.islice(running(view), 2) if one.check == "values"]
    assert (told.grade, "history.full" in told.sentence) == ("warning", True)


async def test_a_measured_number_that_trembles_makes_no_points_and_one_that_drifts_does(history, live, clock):
    text = LATHE.read_text(encoding="utf-8").replace('"weft:deadband"', '"x:deadband"')  # it says nothing of it
    described = fill(text, {"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:1"})
    number = next(name for name, band in deadband.bands(described, 0.0001).items())
    history._learn(Floor(machines={"L1": Machine(name="L1", description=described, title="L1")}))
    for step in range(1_000):
        clock.ms += 1_000
        live.take("L1", [(number, Value(4_000.0 + (step % 2) * 1e-9)), ("Other", Value(float(step % 2)))])
    assert await points(history, number) == [(T + 1_000, 4_000.0, GOOD)]
    assert len(await points(history, "Other")) == 1_000  # of what nobody described every change counts
    for step in range(1_000):
        clock.ms += 1_000
        live.take("L1", [(number, Value(4_000.0 + step / 10))])
    kept = await points(history, number)
    assert 50 < len(kept) < 1_000
    assert abs(kept[-1][1] - 4_099.9) < 0.5


class Signing:
    """Books that sign for one machine and refuse another."""

    def __init__(self):
        self.told = []

    async def floor(self):
        return Floor()

    async def follow(self, _history):
        """Nothing was done."""

    async def tell(self, segment, properties):
        if segment.machine == "L2":
            raise Refused("floor.machine-unknown", machine="L2")
        self.told.append((segment.begin, segment.count, properties))
        return f"event-{segment.number}"


async def test_what_is_old_is_sealed_in_a_thread_of_its_own_and_signed_for_once(history, live, clock):
    threads, seal = set(), history._store.seal

    def watched(before):
        threads.add(threading.current_thread().name)
        return seal(before)

    history._store.seal, history.books = watched, Signing()
    for _ in range(5):
        for machine in ("L1", "L2", "L3"):
            live.take(machine, [("Speed", Value(float(clock.ms % 1_000_003)))])
        clock.ms += 86_400_000
        await history.written()
    before = await points(history)
    while await history.seal():
        pass
    assert len(threads) == 1
    assert threads.pop().startswith("values-write")
    assert await points(history) == before
    found = {machine: [one.event for one in await history.segments(machine, 0, 1 << 44)] for machine in ("L1", "L2")}
    assert len(found["L1"]) == len(found["L2"]) == 3  # all but the last two days
    assert all(found["L1"])
    assert not any(found["L2"])  # whom nobody signs for stands in nobody's way
    told = list(history.books.told)
    assert len(told) == 6
    assert {names for _, _, names in told} == {("Speed",)}
    await history.seal()
    assert history.books.told == told


async def test_a_disk_without_room_seals_nothing_and_loses_nothing(history, live, clock, disk):
    live.take("L1", [("Speed", Value(5.0))])
    clock.ms += 5 * 86_400_000
    await history.written()
    disk.free = 120 * MEGABYTE  # enough for the books, not for a file besides
    assert not await history.seal()
    assert await history.segments("L1", 0, 1 << 44) == []
    disk.free = 1 << 40
    await history.seal()
    assert len(await history.segments("L1", 0, 1 << 44)) == 1
    assert (await points(history))[0] == (T, 5.0, GOOD)
