"""The floor book: a command has one outcome, a job one start, a fact one place."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shopfloor.conftest import text
from weft.basis import canonical
from weft.basis.decider import Message, Said
from weft.basis.errors import Invalid, Refused
from weft.shopfloor import book, earlier
from weft.shopfloor.book import (
    CommandConfirmed,
    CommandIntended,
    CommandRefused,
    CommandSettled,
    CommandUnknown,
    Floor,
    MachineAdded,
    MachineRemoved,
    Written,
)
from weft.shopfloor.facts import (
    ConnectionLost,
    ConnectionRestored,
    JobAborted,
    JobCounted,
    JobEnded,
    JobPaused,
    JobResumed,
    JobStarted,
    MachineAlarmed,
    MachineCleared,
)


def folded(*commands: Message, state: Floor = book.INITIAL) -> Floor:
    for command in commands:
        for message in book.decide(state, command):
            state = book.evolve(state, Said(id="", by="", role="owner", message=message))
    return state


ADDED = MachineAdded(machine="M", description=text())


def intended(command: str = "c1", kind: str = "start", job: str = "J") -> CommandIntended:
    return CommandIntended(command=command, machine="M", job=job, kind=kind)


def outcome(status: str, command: str = "c1", kind: str = "start", job: str = "J") -> Message:
    told: dict[str, Any] = {"command": command, "machine": "M", "job": job}
    match status:
        case "confirmed":
            return CommandConfirmed(**told)
        case "refused":
            return CommandRefused(**told, kind=kind, reason="machine.refused")
        case _:
            return CommandUnknown(**told, reason="no-answer")


def settled(done: bool, command: str = "c1") -> CommandSettled:
    return CommandSettled(command=command, done=done)


SAYABLE = {"intended": intended(), "confirmed": outcome("confirmed"), "refused": outcome("refused"),
           "unknown": outcome("unknown"), "settled": settled(True)}


@pytest.mark.parametrize("steps", list(itertools.product(SAYABLE, repeat=3)))
def test_only_what_the_rules_allow_can_be_said_of_a_command(steps: tuple[str, ...]) -> None:
    state, status = folded(ADDED), ""
    for step in steps:
        after = book.RULES[status].get(type(SAYABLE[step]))
        if after is None:
            with pytest.raises(Refused, match=r"floor\.(command|start)-"):
                book.decide(state, SAYABLE[step])
            return
        state, status = folded(SAYABLE[step], state=state), after
        assert state.commands["c1"].status == status


@pytest.mark.parametrize(("before", "allowed"), [
    ([], True), ([intended(), outcome("refused")], True), ([outcome("refused")], True),
    ([intended()], False), ([intended(), outcome("confirmed")], False), ([intended(), outcome("unknown")], False),
    ([intended(), outcome("unknown"), settled(True)], False), ([intended(), outcome("unknown"), settled(False)], True),
])
def test_no_job_is_started_twice_on_a_machine(before: list[Message], allowed: bool) -> None:
    state = folded(ADDED, *before)
    if allowed:
        assert folded(intended("c2"), state=state).commands["c2"].status == "open"
    else:
        with pytest.raises(Refused, match=r"floor\.(start-twice|command-open)"):
            book.decide(state, intended("c2"))


@given(st.lists(st.tuples(st.sampled_from(sorted(SAYABLE)), st.sampled_from(["J1", "J2"]), st.integers(1, 4),
                          st.booleans()), max_size=40))
def test_whatever_is_tried_a_job_has_at_most_one_start_that_may_have_happened(tries: list[Any]) -> None:
    state = folded(ADDED)
    happened: dict[str, int] = {}
    for what, job, number, done in tries:
        name = f"{job}/{number}"
        message: Message = (intended(name, job=job) if what == "intended"
                            else settled(done, name) if what == "settled" else outcome(what, name, job=job))
        try:
            state = folded(message, state=state)
        except Refused:
            continue
        happened = {}
        for one in state.commands.values():
            not_done = one.status == "refused" or (one.status == "settled" and
                                                   state.machines["M"].starts[one.job] == "not-done")
            happened[one.job] = happened.get(one.job, 0) + (0 if not_done else 1)
        assert sum(one.status == "open" for one in state.commands.values()) <= 1
    assert all(state.machines["M"].starts[job] for job in happened)


@pytest.mark.parametrize("left", ["open", "unknown"])
def test_a_start_of_which_nobody_knows_is_never_forgotten(left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "STARTS_KEPT", 3)
    monkeypatch.setattr(book, "CLOSED_KEPT", 3)
    doubtful = [intended("c0", job="J0"), *([outcome("unknown", "c0", job="J0")] if left == "unknown" else [])]
    known: list[Message] = []
    for number in range(1, 9):
        name = f"c{number}"
        known += [intended(name, job=f"J{number}"), outcome("confirmed", name, job=f"J{number}")]
    state = folded(ADDED, *(doubtful + known if left == "unknown" else known + doubtful))
    assert state.machines["M"].starts["J0"] == left
    with pytest.raises(Refused, match=r"floor\.(start-twice|command-open)"):
        book.decide(state, intended("again", job="J0"))
    assert "J1" not in state.machines["M"].starts, "the control: what is known is forgotten in time"


def test_a_job_that_may_have_been_started_elsewhere_is_told_to_no_other_machine() -> None:
    other = MachineAdded(machine="N", description=text())
    for told, status in ((outcome("unknown"), "unknown"), (outcome("confirmed"), "confirmed")):
        state = folded(ADDED, other, intended(), told)
        found = earlier.bars(state, "N", "J")
        assert found is not None
        assert found.status == status
        assert earlier.stands(state, "N", "J") is None  # the control: by what was done there alone
    state = folded(ADDED, other, intended(), outcome("unknown"), settled(False))
    assert earlier.bars(state, "N", "J") is None
    assert earlier.bars(folded(ADDED, other, intended(), outcome("refused")), "N", "J") is None


def test_a_machine_is_not_removed_while_nobody_knows_whether_it_has_begun_a_job() -> None:
    gone = MachineRemoved(machine="M")
    for before in ([intended()], [intended(), outcome("unknown")]):
        with pytest.raises(Refused, match=r"floor\.machine-unsettled"):
            book.decide(folded(ADDED, *before), gone)
    for before in ([], [intended(), outcome("confirmed")], [intended(), outcome("unknown"), settled(False)]):
        assert folded(ADDED, *before, gone).machines["M"].removed


def test_intents_without_an_outcome_are_found_after_a_crash() -> None:
    writes = (Written(property="Go", value="J"),)
    state = folded(ADDED, CommandIntended(command="c1", machine="M", job="J", kind="start", writes=writes))
    assert [one.writes for one in book.open_commands(state, "M")] == [writes]
    assert book.open_commands(folded(outcome("unknown"), state=state)) == ()


FACTS = [
    JobStarted(machine="M", job="J", at="t"), JobCounted(machine="M", job="J", good=1, at="t"),
    JobPaused(machine="M", job="J", at="t"), JobResumed(machine="M", job="J", at="t"),
    MachineAlarmed(machine="M", code="7", at="t"), MachineCleared(machine="M", code="7", at="t"),
    ConnectionLost(machine="M", at="t"), ConnectionRestored(machine="M", at="t", gap_ms=1),
    JobCounted(machine="M", job="J", good=2, at="t"), JobEnded(machine="M", job="J", good=2, at="t"),
]


def test_a_fact_said_again_makes_no_event() -> None:
    state = folded(ADDED)
    for fact in FACTS:
        assert book.decide(state, fact) == (fact,)
        state = folded(fact, state=state)
        assert book.decide(state, fact) == ()
    assert book.decide(state, JobAborted(machine="M", job="J", good=1, reason="aborted", at="t")) == ()


def test_totals_never_fall() -> None:
    state = folded(ADDED, *FACTS[:2], JobCounted(machine="M", job="J", good=9, at="t"))
    assert book.decide(state, JobCounted(machine="M", job="J", good=8, at="t")) == ()
    assert folded(JobEnded(machine="M", job="J", good=8, at="t"), state=state).machines["M"].seen.good == 9


def test_machines_come_change_and_go() -> None:
    state = folded(ADDED)
    assert book.decide(state, ADDED) == ()  # the same description again is nothing new
    changed = folded(MachineAdded(machine="M", description=text(title="Lathe 2")), state=state)
    assert changed.machines["M"].title == "Lathe 2"
    removed = folded(MachineRemoved(machine="M"), state=changed)
    assert book.decide(removed, MachineRemoved(machine="M")) == ()
    with pytest.raises(Refused, match=r"floor\.machine-removed"):
        book.decide(removed, intended())
    assert not folded(ADDED, state=removed).machines["M"].removed


def test_what_concerns_no_machine_of_ours_is_refused() -> None:
    with pytest.raises(Refused, match=r"floor\.machine-unknown"):
        book.decide(book.INITIAL, FACTS[0])
    with pytest.raises(Refused, match=r"floor\.machine-name"):
        book.decide(book.INITIAL, MachineAdded(machine="", description=text()))
    with pytest.raises(Invalid, match=r"description\."):
        book.decide(book.INITIAL, MachineAdded(machine="M", description="{}"))


def test_a_stored_description_that_rules_no_longer_take_becomes_void_and_stops_nothing() -> None:
    said = Said(id="", by="", role="owner", message=MachineAdded(machine="M", description="{}"))
    assert book.judge(book.INITIAL, said) == "description.field-missing"


def test_the_state_survives_its_own_json() -> None:
    state = folded(ADDED, intended(), outcome("unknown"), *FACTS)
    assert msgspec.json.decode(msgspec.json.encode(state), type=Floor) == state
    canonical.encode(msgspec.to_builtins(state))


def test_settled_commands_are_forgotten_in_time_and_open_ones_never() -> None:
    state = folded(ADDED, intended("kept", "load", "K"), outcome("unknown", "kept", "load", "K"))
    for number in range(book.CLOSED_KEPT + 5):
        state = folded(outcome("refused", f"r{number}", "load", f"J{number}"), state=state)
    assert len(state.commands) == book.CLOSED_KEPT + 1
    assert "kept" in state.commands
    assert "r0" not in state.commands
