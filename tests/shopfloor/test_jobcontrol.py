"""Loading and starting a job: the states, the order of writes, and what a reading back proves."""

from typing import Any

import pytest

from tests.shopfloor.conftest import thing
from weft.basis.errors import Refused
from weft.shopfloor.connection import NO_DATA, Quality, Value
from weft.shopfloor.description import Description
from weft.shopfloor.jobcontrol import (
    BEGUN,
    BUSY,
    TRANSITIONS,
    JobOrder,
    JobState,
    Snapshot,
    Verdict,
    device_value,
    judge_load,
    judge_start,
    loading,
    may_start,
    starting,
    state_named,
)
from weft.shopfloor.reading import parse

JOB = JobOrder(id="J-1", program="A", quantity="10", setpoints={"Speed": "1200", "Heat": "90"}, start="auto")
NUMBER = {state: number for number, state in enumerate(
    (JobState.IDLE, JobState.ALLOWED, JobState.RUNNING, JobState.INTERRUPTED, JobState.ENDED, JobState.ABORTED))}


def now(job: str = "", state: JobState = JobState.IDLE, **more: Any) -> Snapshot:
    ready = Value(True, source_ms=100_000, server_ms=100_500)
    values = {"JobId": Value(job), "State": Value(NUMBER.get(state, 9)), "Speed": Value(1000.0), "Ready": ready}
    return Snapshot(values=values | more)


def test_the_job_id_is_written_last_after_the_old_one_is_cleared(lathe: Description) -> None:
    steps = loading(lathe, JOB, now("J-0", JobState.ENDED)).steps
    assert [[one.property for one in step] for step in steps] == [
        ["JobId"], ["Program", "Speed", "Heat", "Target"], ["JobId"]]
    assert steps[0][0].value == ""
    assert steps[-1][0].value == "J-1"
    assert {one.property: one.value for one in steps[1]} == {"Program": "A", "Speed": 1200.0, "Heat": 1000.0,
                                                             "Target": 10}
    assert len(loading(lathe, JOB, now()).steps) == 2


@pytest.mark.parametrize("state", sorted(NUMBER))
@pytest.mark.parametrize("held", ["", "J-0", "J-1"])
def test_a_busy_machine_and_a_begun_job_are_left_alone(lathe: Description, held: str, state: JobState) -> None:
    wanted = ("machine.busy" if state in BUSY and held != "J-1"
              else "machine.already-begun" if held == "J-1" and state in BEGUN else "")
    if wanted:
        with pytest.raises(Refused, match=wanted):
            loading(lathe, JOB, now(held, state))
    else:
        assert loading(lathe, JOB, now(held, state)).writes[-1].value == "J-1"


@pytest.mark.parametrize(("job", "code"), [
    (JobOrder(id="J", setpoints={"Speed": "1"}), "guard.out-of-limits"),
    (JobOrder(id="J", setpoints={"Load": "1"}), "machine.no-setpoint"),
    (JobOrder(id="J", setpoints={"Stop": "1"}), "machine.no-setpoint"),
    (JobOrder(id="J", setpoints={"Ghost": "1"}), "machine.no-setpoint"),
    (JobOrder(id="J", quantity="0"), "machine.quantity"),
    (JobOrder(id="J", quantity="1.5"), "guard.type"),
    (JobOrder(id="J", program="C"), "guard.not-listed"),
])
def test_a_job_outside_the_limits_gives_no_step_at_all(lathe: Description, job: JobOrder, code: str) -> None:
    with pytest.raises(Refused, match=code):
        loading(lathe, job, now())


def test_without_a_good_reading_nothing_is_loaded(lathe: Description) -> None:
    with pytest.raises(Refused, match=r"machine\.no-data"):
        loading(lathe, JOB, now(JobId=Value(None, Quality.BAD)))


STALE = Value(True, source_ms=100_000, server_ms=103_000)


@pytest.mark.parametrize(("snapshot", "code"), [
    (now("J-1", JobState.ALLOWED, Ready=STALE), "machine.ready-stale"),
    (now("J-1", JobState.ALLOWED, Ready=Value(True)), "machine.ready-stale"),
    (now("J-1", JobState.ALLOWED, Ready=Value(True, source_ms=900_000, server_ms=100_000)), "machine.ready-stale"),
    (now("J-1", JobState.ALLOWED, Ready=Value(False, source_ms=1, server_ms=1)), "machine.not-ready"),
    (now("J-1", JobState.ALLOWED, Ready=Value(1, source_ms=1, server_ms=1)), "machine.not-ready"),
    (now("J-1", JobState.ALLOWED, Ready=NO_DATA), "machine.not-ready"),
    (now("J-1", JobState.ALLOWED, Ready=Value(True, Quality.UNCERTAIN, 1, 1)), "machine.not-ready"),
    (now("J-2", JobState.ALLOWED), "machine.other-job"), (now("", JobState.IDLE), "machine.other-job"),
    (now("J-1", JobState.RUNNING), "machine.not-startable"), (now("J-1", JobState.ENDED), "machine.not-startable"),
    (now("J-1", State=Value(9)), "machine.no-data"), (now("J-1", State=NO_DATA), "machine.no-data"),
])
def test_the_node_starts_only_what_is_loaded_allowed_and_freshly_ready(
    lathe: Description, snapshot: Snapshot, code: str
) -> None:
    with pytest.raises(Refused, match=code):
        may_start(lathe, JOB, snapshot)
    may_start(lathe, JOB, now("J-1", JobState.ALLOWED))  # control


def test_remote_start_needs_the_word_auto_twice(lathe: Description) -> None:
    by_hand = parse(thing(**{"weft:startMode": "operator"}))
    for described, job in ((by_hand, JOB), (lathe, JobOrder(id="J-1"))):
        with pytest.raises(Refused, match=r"machine\.operator-starts"):
            may_start(described, job, now("J-1", JobState.ALLOWED))


def test_a_start_is_an_action_or_one_guarded_write(lathe: Description) -> None:
    assert (starting(lathe, JOB).action, starting(lathe, JOB).arguments) == ("StartJob", ("J-1",))
    by_write = parse(thing(actions={}, properties={"Go": {"type": "string", "weft:role": "start",
                                                          "weft:write": True}}))
    write = starting(by_write, JOB).write
    assert write is not None
    assert (write.property, write.value) == ("Go", "J-1")
    nothing = parse(thing(actions={}, **{"weft:startMode": "operator"}))
    with pytest.raises(Refused, match=r"machine\.no-role"):
        starting(nothing, JOB)


def test_what_was_written_is_believed_only_when_it_is_read_back(lathe: Description) -> None:
    wanted = {"JobId": "J-1", "Speed": 1200.1}
    assert judge_load(lathe, wanted, now("J-1", Speed=Value(1200.0999755859375))) is Verdict.CONFIRMED  # 32-bit float
    assert judge_load(lathe, wanted, now("J-1", Speed=Value(1201.0))) is Verdict.MISMATCH
    assert judge_load(lathe, wanted, now("J-1", Speed=Value(None, Quality.BAD))) is Verdict.UNKNOWN
    assert judge_load(lathe, {}, now()) is Verdict.UNKNOWN


@pytest.mark.parametrize("state", sorted(NUMBER))
def test_a_start_is_proved_by_the_job_in_a_begun_state_alone(lathe: Description, state: JobState) -> None:
    expected = Verdict.CONFIRMED if state in BEGUN else Verdict.MISMATCH
    assert judge_start(lathe, "J-1", now("J-1", state)) is expected
    assert judge_start(lathe, "J-1", now("J-2", state)) is Verdict.MISMATCH
    assert judge_start(lathe, "J-1", now("J-1", state, JobId=NO_DATA)) is Verdict.UNKNOWN


def test_states_are_those_of_isa_95_and_every_spelling_leads_to_one() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert all(set(after) <= set(JobState) for after in TRANSITIONS.values())
    assert state_named(" running ") is JobState.RUNNING
    assert state_named("Execute") is JobState.RUNNING
    assert state_named("Held") is JobState.INTERRUPTED
    assert state_named("dancing") is None


def test_a_recorded_write_gives_the_device_value_again(lathe: Description) -> None:
    for write in loading(lathe, JOB, now()).writes:
        assert device_value(lathe.properties[write.property], write.shown) == write.value
