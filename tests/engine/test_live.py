"""Live values: newest, short history, links; bounded, and deaf to a listener that fails."""

import itertools
import logging

import pytest

from weft.engine import live as module
from weft.engine.live import HISTORY_MS, Live
from weft.shopfloor.connection import Link, Quality, Value


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    """The clock of ``live``."""
    return Clock()


@pytest.fixture
def live(clock: Clock) -> Live:
    """Nothing heard yet."""
    return Live(clock)


def test_never_heard_is_none_and_lost_is_missing_with_its_last_value(live: Live, clock: Clock) -> None:
    assert live.get("M", "Speed") is None
    assert not live.status("M").up
    live.link("M", Link(up=True))
    live.take("M", [("Speed", Value(1200.0))])
    clock.ms += 5000
    live.link("M", Link(up=False, detail="silent"))
    gone = live.get("M", "Speed")
    assert gone is not None
    assert (gone.value, gone.quality, gone.good) == (1200.0, Quality.MISSING, False)
    assert (live.status("M").detail, live.status("M").since_ms) == ("silent", clock.ms)
    assert live.arrived_ms("M", "Speed") == clock.ms - 5000
    clock.ms += 3000
    live.link("M", Link(up=True, gap_ms=3000))
    assert (live.status("M").up, live.status("M").gap_ms) == (True, 3000)


def test_history_keeps_one_number_a_second_for_ten_minutes(live: Live, clock: Clock) -> None:
    for step in range(4000):
        live.take("M", [("Speed", Value(step)), ("State", Value("Running")), ("On", Value(True)),
                        ("Bad", Value(None, Quality.BAD))])
        clock.ms += 250
    points = live.history("M", "Speed")
    assert HISTORY_MS // 1000 - 3 <= len(points) <= HISTORY_MS // 1000
    assert points[-1][1] == 3999
    assert all(later - earlier >= 1000 for (earlier, _), (later, _) in itertools.pairwise(points))
    assert live.history("M", "State") == live.history("M", "On") == live.history("M", "Bad") == []
    clock.ms += HISTORY_MS
    assert live.history("M", "Speed") == []


def test_listeners_hear_changes_only_and_a_failing_one_is_let_go(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[str, dict[str, Value]]] = []

    def fail(_machine: str, _values: object) -> None:
        raise RuntimeError

    live.subscribe(fail)
    end = live.subscribe(lambda machine, values: heard.append((machine, dict(values))))
    with caplog.at_level(logging.ERROR):
        live.take("M", [("A", Value(1)), ("B", Value(2))])
    live.take("M", [("A", Value(1, source_ms=5)), ("B", Value(3))])
    live.take("M", [("A", Value(1, source_ms=6))])
    live.link("M", Link(up=True))
    end()
    live.take("M", [("A", Value(9))])
    assert [(machine, sorted(values)) for machine, values in heard] == [("M", ["A", "B"]), ("M", ["B"]), ("M", [])]
    assert len(caplog.records) == 1
    assert live.get("M", "A") == Value(9)


def test_memory_is_bounded_and_forgotten_with_the_machine(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VALUES_MAX", 3)
    monkeypatch.setattr(module, "SERIES_MAX", 2)
    live.take("M", [(f"P{number}", Value(number)) for number in range(10)])
    assert sorted(live.values("M")) == ["P0", "P1", "P2"]
    assert [bool(live.history("M", f"P{number}")) for number in range(3)] == [True, True, False]
    live.forget("M")
    assert live.values("M") == {}
    live.take("N", [("P", Value(1))])
    assert live.history("N", "P")


def test_a_course_has_a_gap_where_nothing_usable_was_heard_and_holds_until_now(live: Live, clock: Clock) -> None:
    begin = clock.ms
    live.link("M", Link(up=True))
    live.take("M", [("Speed", Value(0))])
    clock.ms += 300_000
    live.take("M", [("Speed", Value(None, Quality.BAD))])
    live.take("M", [("Speed", Value(None, Quality.BAD))])
    clock.ms += 10_000
    live.take("M", [("Speed", Value(2800))])
    clock.ms += 20_000
    told = [(begin, 0), (begin + 300_000, None), (begin + 310_000, 2800)]
    assert live.course("M", "Speed") == [*told, (clock.ms, 2800)]
    live.link("M", Link(up=False))
    clock.ms += 1000
    assert live.course("M", "Speed")[-2:] == [(clock.ms - 1000, None), (clock.ms, None)]
    assert live.history("M", "Speed") == [(at, one) for at, one in told if one is not None]  # numbers alone, as before


def test_a_course_begins_with_what_held_before_it(live: Live, clock: Clock) -> None:
    live.take("M", [("Speed", Value(7))])
    clock.ms += HISTORY_MS + 60_000
    assert live.course("M", "Speed") == [(clock.ms - HISTORY_MS, 7), (clock.ms, 7)]
    assert live.course("M", "Other") == []


def test_good_and_bad_by_turns_fill_no_memory_beyond_two_a_second(live: Live, clock: Clock) -> None:
    for step in range(400):
        live.take("M", [("Speed", Value(step)), ("Speed", Value(None, Quality.BAD))])
        clock.ms += 10
    assert len(live.course("M", "Speed")) <= 2 * 4 + 2
