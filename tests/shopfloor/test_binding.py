"""Values become facts: each once, whatever the order, repetition, cuts and restarts on the way."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.shopfloor.conftest import text
from weft.basis.decider import Message, Said
from weft.shopfloor import binding, book
from weft.shopfloor.binding import Tracking
from weft.shopfloor.connection import Change, Quality, Value
from weft.shopfloor.facts import JobAborted, JobCounted, JobEnded, JobStarted
from weft.shopfloor.reading import parse_text

LATHE = parse_text(text())
IDLE, ALLOWED, RUNNING, PAUSED, ENDED, ABORTED = range(6)
T0 = 1_800_000_000_000


@dataclass
class Floor:
    """The book, and the reducer that feeds it."""

    state: book.Floor = book.INITIAL
    said: list[Message] = field(default_factory=list)
    tracking: Tracking = field(default_factory=lambda: binding.resume("M", LATHE))

    def __post_init__(self) -> None:
        self._say(book.MachineAdded(machine="M", description=text()))

    def _say(self, command: Message) -> None:
        for message in book.decide(self.state, command):
            self.said.append(message)
            self.state = book.evolve(self.state, Said(id="", by="", role="owner", message=message))

    def hear(self, *changes: Change) -> list[str]:
        self.tracking, facts = binding.observe_all(self.tracking, changes)
        return self.tell(facts)

    def tell(self, facts: Any) -> list[str]:
        for fact in facts:
            self._say(fact)
        return [type(one).__name__ for one in facts]

    def restart(self) -> None:
        self.tracking = binding.resume("M", LATHE, self.state.machines["M"].seen)

    def count(self, kind: type[Message]) -> Counter[str]:
        return Counter(one.job for one in self.said if isinstance(one, kind))

    def good(self, job: str) -> int:
        return max((one.good for one in self.said if isinstance(one, JobCounted | JobEnded) and one.job == job),
                   default=0)


def at(second: int, name: str, value: Any) -> Change:
    return name, Value(value, source_ms=T0 + second * 1000, server_ms=T0 + second * 1000)


def history(jobs: list[int]) -> list[list[Change]]:
    """Changes by moment of a machine that makes ``jobs`` one after the other (pieces each)."""
    moments, second = [[at(0, "JobId", ""), at(0, "State", IDLE), at(0, "Count", 0), at(0, "Alarm", 0)]], 10
    for number, pieces in enumerate(jobs, 1):
        moments.append([at(second, "JobId", f"J{number}"), at(second, "State", ALLOWED), at(second, "Count", 0),
                        at(second, "Target", pieces)])
        moments.append([at(second + 5, "State", RUNNING)])
        moments.extend([at(second + 5 + piece, "Count", piece)] for piece in range(1, pieces + 1))
        second += 10 + pieces
        moments[-1].append(at(second, "State", ENDED))
        second += 10
    return moments


# ---- the laws ----------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_any_cutting_into_batches_and_any_repetition_gives_each_fact_once(jobs: list[int], data: st.DataObject) -> None:
    floor = Floor()
    flat = [one for moment in history(jobs) for one in data.draw(st.permutations(moment))]
    place = 0
    while place < len(flat):
        size = data.draw(st.integers(1, 7))
        batch = flat[place : place + size]
        floor.hear(*data.draw(st.permutations(batch)))
        if data.draw(st.booleans()):
            newest = dict(flat[: place + size])
            floor.hear(*newest.items())  # the same values again, as some servers do
        place += size
    names = {f"J{number}": 1 for number in range(1, len(jobs) + 1)}
    assert floor.count(JobStarted) == names
    assert floor.count(JobEnded) == names
    assert floor.count(JobAborted) == {}
    assert [floor.good(job) for job in names] == jobs
    counts = [(one.job, one.good) for one in floor.said if isinstance(one, JobCounted)]
    assert len(counts) == len(set(counts))


@given(st.integers(1, 5), st.data())
def test_any_interleaving_of_properties_gives_each_fact_once_when_a_full_reading_follows(
    pieces: int, data: st.DataObject
) -> None:
    floor = Floor()
    streams: dict[str, list[Change]] = {}
    for one in (one for moment in history([pieces]) for one in moment):
        streams.setdefault(one[0], []).append(one)
    waiting = {name: list(changes) for name, changes in streams.items()}
    while waiting:  # each property in its own order, the properties in any
        name = data.draw(st.sampled_from(sorted(waiting)))
        one = waiting[name].pop(0)
        floor.hear(*([one] * data.draw(st.integers(1, 2))))
        if not waiting[name]:
            del waiting[name]
    floor.tracking = binding.interrupted(floor.tracking)
    floor.hear(*(changes[-1] for changes in streams.values()))
    assert floor.count(JobStarted) == floor.count(JobEnded) == {"J1": 1}
    assert floor.count(JobAborted) == {}
    assert floor.good("J1") == pieces


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
def test_cuts_and_restarts_repeat_no_fact_and_lose_no_end_of_the_last_job(
    jobs: list[int], data: st.DataObject
) -> None:
    floor = Floor()
    true: dict[str, Value] = {}
    for moment in history(jobs):
        true.update(dict(moment))
        match data.draw(st.sampled_from(["hear", "miss", "cut", "restart"])):
            case "hear":
                floor.hear(*moment)
            case "miss":  # it happens in a gap; the next link-up begins with all present values
                floor.tracking = binding.interrupted(floor.tracking)
            case "cut":
                floor.tracking = binding.interrupted(floor.tracking)
                floor.hear(*data.draw(st.permutations(sorted(true.items(), key=lambda one: one[0]))))
            case _:
                floor.restart()
                floor.hear(*true.items())
    floor.restart()
    floor.hear(*true.items())
    last = f"J{len(jobs)}"
    assert all(count == 1 for kind in (JobStarted, JobEnded, JobAborted) for count in floor.count(kind).values())
    assert floor.count(JobStarted)[last] == floor.count(JobEnded)[last] == 1
    assert floor.good(last) == jobs[-1]
    for job in floor.count(JobStarted):
        assert floor.count(JobEnded)[job] + floor.count(JobAborted)[job] == 1


# ---- the rules, one by one ---------------------------------------------------------------------------


def started(pieces: int = 10) -> Floor:
    floor = Floor()
    for moment in history([pieces])[:3]:
        floor.hear(*moment)
    return floor


def test_bad_and_missing_values_make_no_fact_and_undo_none() -> None:
    floor = started()
    for quality in (Quality.BAD, Quality.MISSING):
        assert floor.hear(("State", Value(None, quality)), ("Count", Value(None, quality))) == []
    assert floor.hear(at(30, "Count", 1)) == ["JobCounted"]


def test_an_unknown_state_makes_no_fact() -> None:
    floor = started()
    assert floor.hear(at(30, "State", 99)) == []
    assert floor.hear(at(31, "State", ENDED)) == ["JobEnded"]


def test_pauses_alarms_and_aborts_are_told_with_their_reasons() -> None:
    floor = started()
    assert floor.hear(at(20, "State", PAUSED), at(20, "Alarm", 7)) == ["MachineAlarmed", "JobPaused"]
    assert floor.hear(at(21, "Alarm", 0)) == ["MachineCleared"]
    assert floor.hear(at(22, "State", RUNNING)) == ["JobResumed"]
    assert floor.hear(at(23, "Count", 4), at(23, "State", ABORTED)) == ["JobCounted", "JobAborted"]
    aborted = floor.said[-1]
    assert isinstance(aborted, JobAborted)
    assert (aborted.reason, aborted.good) == ("aborted", 4)


def test_a_machine_that_loses_its_memory_loses_its_job() -> None:
    floor = started()
    floor.hear(at(20, "Count", 3))
    floor.tracking, facts = binding.lost(floor.tracking, T0)
    assert floor.tell(facts) == ["ConnectionLost"]
    floor.tracking, again = binding.lost(floor.tracking, T0)
    assert again == ()
    floor.tracking, facts = binding.restored(floor.tracking, T0, 5000)
    assert floor.tell(facts) == ["ConnectionRestored"]
    assert floor.hear(at(60, "JobId", ""), at(60, "State", IDLE), at(60, "Count", 0)) == ["JobAborted"]
    aborted = floor.said[-1]
    assert isinstance(aborted, JobAborted)
    assert (aborted.reason, aborted.good) == ("lost", 3)


def test_a_job_replaced_at_the_panel_is_over_with_what_it_made() -> None:
    floor = started()
    floor.hear(at(20, "Count", 2))
    assert floor.hear(at(21, "JobId", "X"), at(21, "Count", 0), at(21, "State", RUNNING)) == [
        "JobAborted", "JobStarted"]
    assert floor.good("J1") == 2
    assert floor.good("X") == 0


def test_a_controller_that_goes_straight_back_to_idle_has_ended_when_the_target_is_made() -> None:
    floor = started(2)
    assert floor.hear(at(20, "Count", 2), at(20, "State", IDLE)) == ["JobCounted", "JobEnded"]
    short = started(2)
    assert short.hear(at(20, "Count", 1), at(20, "State", IDLE))[-1] == "JobAborted"  # control: one is missing


def test_the_end_of_one_job_and_the_id_of_the_next_heard_at_once_are_not_the_next_jobs_end():
    """A machine that is asked now and then: its answers have no stamps but the moment in which they came."""
    floor = Floor()
    floor.hear(at(1, "JobId", "J1"), at(1, "State", RUNNING), at(1, "Count", 0))
    assert floor.hear(at(2, "JobId", "J2"), at(2, "State", ENDED), at(2, "Count", 2)) == ["JobCounted", "JobEnded"]
    assert (floor.good("J1"), floor.good("J2")) == (2, 0)
    assert floor.hear(at(3, "State", ALLOWED), at(3, "Count", 0)) == []
    assert floor.hear(at(4, "State", RUNNING)) == ["JobStarted"]
    assert floor.count(JobStarted) == Counter(J1=1, J2=1)
    assert floor.count(JobEnded) == Counter(J1=1)
