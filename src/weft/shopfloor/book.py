"""The conversation ``floor/1``: a firm's own book of its machines, what it told them and what they did.

Rule 1: a command has exactly one outcome: confirmed, refused, or unknown; only a person settles an unknown.
Rule 2: no command id is used twice, and no job is started twice on a machine: a second start is refused while
        an earlier one is open, confirmed or unknown (not if it was refused, or a person settled it as not done).
Rule 3: the intent is in the book before the write; after a crash an open intent is read back, never repeated.
Rule 4: an observation that was already said changes nothing and makes no event.
Not here: writing to machines (``machines/runner.py``), what is a fact (``binding``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, Refused
from weft.shopfloor.binding import Seen
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
from weft.shopfloor.given import Given, JobGiven, given_of
from weft.shopfloor.reading import parse_text
from weft.shopfloor.sealing import ValuesSealed, fault

NAME: Final = "floor"
VERSION: Final = 1
TRIAL: Final = "trial/"  # how commands begin that are written to a device before it is a machine of ours
CLOSED_KEPT: Final = 500  # settled commands remembered; older ones are barred by the engine's own keys
STARTS_KEPT: Final = 500  # jobs per machine whose start is remembered; while nobody knows of one it is never forgotten


class MachineAdded(Message, frozen=True, kw_only=True):
    """``machine`` (our short name) is reached by Thing Description ``description`` (its JSON text)."""

    machine: str
    description: str


class MachineRemoved(Message, frozen=True, kw_only=True):
    """``machine`` is not ours to reach any more; its history stays."""

    machine: str


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a command: ``value`` as text, exactly as it was shown and guarded."""

    property: str
    value: str


class CommandIntended(Message, frozen=True, kw_only=True):
    """We are about to write; ``kind`` is load, start, write (one property, without a job) or call (one action).

    ``writes`` of a call: what must be read back after it.
    """

    command: str
    machine: str
    job: str
    kind: str
    writes: tuple[Written, ...] = ()
    at: str = ""


class CommandConfirmed(Message, frozen=True, kw_only=True):
    """What ``command`` wrote was read back."""

    command: str
    machine: str
    job: str
    at: str = ""


class CommandRefused(Message, frozen=True, kw_only=True):
    """``command`` was not carried out: our guard (then there is no intent) or the machine refused it."""

    command: str
    machine: str
    job: str
    kind: str
    reason: str
    detail: str = ""
    at: str = ""


class CommandUnknown(Message, frozen=True, kw_only=True):
    """It is not known whether ``command`` took effect; ``reason`` is no-answer or mismatch (what was read)."""

    command: str
    machine: str
    job: str
    reason: str
    detail: str = ""
    at: str = ""


class CommandSettled(Message, frozen=True, kw_only=True):
    """A person looked at the machine and says whether the unknown ``command`` was ``done``."""

    command: str
    done: bool
    at: str = ""


_FACTS: Final = (JobStarted, JobCounted, JobPaused, JobResumed, JobEnded, JobAborted,
                 MachineAlarmed, MachineCleared, ConnectionLost, ConnectionRestored)
_OUTCOMES: Final = (CommandConfirmed, CommandRefused, CommandUnknown)
_ALL: Final[tuple[type[Message], ...]] = (
    MachineAdded, MachineRemoved, CommandIntended, *_OUTCOMES, CommandSettled, *_FACTS, ValuesSealed, JobGiven)
MESSAGES: Final[Mapping[str, type[Message]]] = {one.__name__: one for one in _ALL}
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}  # one member, nobody to cross

# status of a command -> message -> next status
RULES: Final[Mapping[str, Mapping[type[Message], str]]] = {
    "": {CommandIntended: "open", CommandRefused: "refused"},
    "open": {CommandConfirmed: "confirmed", CommandRefused: "refused", CommandUnknown: "unknown"},
    "unknown": {CommandSettled: "settled"},
    "confirmed": {},
    "refused": {},
    "settled": {},
}


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine as the book knows it. ``starts`` maps a job to the status of its start command.

    ``given``: of a machine that can only be watched, the job that its operator has.
    """

    name: str
    description: str
    title: str
    removed: bool = False
    seen: Seen = Seen()
    starts: dict[str, str] = {}
    given: Given | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command and how it stands."""

    id: str
    machine: str
    job: str
    kind: str
    status: str
    writes: tuple[Written, ...] = ()
    reason: str = ""
    detail: str = ""


class Floor(msgspec.Struct, frozen=True, kw_only=True):
    """The folded book."""

    machines: dict[str, Machine] = {}
    commands: dict[str, Command] = {}


INITIAL: Final = Floor()


def open_commands(state: Floor, machine: str = "") -> tuple[CommandIntended, ...]:
    """Intents without an outcome, as they were said: what ``MachineRunner.recover`` must read back."""
    return tuple(
        CommandIntended(command=one.id, machine=one.machine, job=one.job, kind=one.kind, writes=one.writes)
        for one in state.commands.values()
        if one.status == "open" and machine in ("", one.machine)
    )


def judge(state: Floor, said: Said, /) -> str | None:
    """A refusal code, or None when the message may stand."""
    message = said.message
    match message:
        case MachineAdded():
            known = state.machines.get(message.machine)
            if not message.machine or len(message.machine) > 80:
                return "floor.machine-name"
            if known and known.description == message.description and not known.removed:
                return "floor.machine-known"
            return _judge_description(message.description)
        case MachineRemoved():
            return _judge_removed(state.machines.get(message.machine))
        case CommandSettled():
            return _judge_command(state, message.command, message)
        case ValuesSealed():
            return fault(message) or (None if message.machine in state.machines else "floor.machine-unknown")
        case _:
            return _judge_about(state, message)


def _judge_removed(machine: Machine | None) -> str | None:
    """A start of which nobody knows is settled first: else nobody is asked any more, and its job waits for ever."""
    if machine is None:
        return "floor.machine-unknown"
    return "floor.machine-unsettled" if {"open", "unknown"} & {*machine.starts.values()} else None


def _judge_description(text: str) -> str | None:
    try:
        parse_text(text)
    except Invalid as error:
        return error.code
    return None


def _judge_about(state: Floor, message: Any) -> str | None:
    machine = state.machines.get(message.machine)
    trial = getattr(message, "command", "").startswith(TRIAL)
    if machine is None and not trial:
        return "floor.machine-unknown"
    if isinstance(message, CommandIntended):
        if machine is None or trial:
            return _judge_trial(state, message)
        if machine.removed:
            return "floor.machine-removed"
        barred = message.kind == "start" and machine.starts.get(message.job) in ("open", "confirmed", "unknown", "done")
        if barred:
            return "floor.start-twice"
        if any(one.machine == message.machine and one.status == "open" for one in state.commands.values()):
            return "floor.command-open"
    if isinstance(message, CommandIntended | CommandConfirmed | CommandRefused | CommandUnknown):
        return _judge_command(state, message.command, message)
    return None


def _judge_trial(state: Floor, message: CommandIntended) -> str | None:
    """A device is not a machine yet: one property is written alone, and one at a time."""
    if message.kind != "write" or message.job:
        return "floor.command-unknown"
    if any(one.machine == message.machine and one.status == "open" for one in state.commands.values()):
        return "floor.command-open"
    return _judge_command(state, message.command, message)


def _judge_command(state: Floor, command: str, message: Message) -> str | None:
    known = state.commands.get(command)
    status = known.status if known else ""
    if type(message) in RULES[status]:
        return None
    if not known:
        return "floor.command-unknown"
    return "floor.command-used" if isinstance(message, CommandIntended) else "floor.command-has-outcome"


def decide(state: Floor, command: Message, /) -> Sequence[Message]:
    """The messages to say for ``command``, which is itself one of ``MESSAGES``; raises ``Refused``.

    Nothing to say (an observation already said, the same description again) gives an empty sequence.
    """
    if isinstance(command, MachineAdded):
        parse_text(command.description)
    code = judge(state, Said(id="", by="", role="", message=command))
    if code == "floor.machine-known":
        return ()
    if code is not None:
        raise Refused(code, machine=str(getattr(command, "machine", "")), command=str(getattr(command, "command", "")),
                      job=str(getattr(command, "job", "")))
    if isinstance(command, _FACTS):
        machine = state.machines[command.machine]
        return () if heard(machine.seen, command) == machine.seen else (command,)
    if isinstance(command, JobGiven) and given_of(command) == state.machines[command.machine].given:
        return ()
    if isinstance(command, MachineRemoved) and state.machines[command.machine].removed:
        return ()
    return (command,)


def evolve(state: Floor, said: Said, /) -> Floor:
    """The book after ``said``."""
    message = said.message
    match message:
        case MachineAdded():
            return _with_machine(state, _added(state, message))
        case MachineRemoved():
            return _with_machine(state, msgspec.structs.replace(state.machines[message.machine], removed=True))
        case CommandIntended() | CommandConfirmed() | CommandRefused() | CommandUnknown() | CommandSettled():
            return _commanded(state, message)
        case ValuesSealed():
            return state  # evidence alone
        case JobGiven():
            machine = state.machines[message.machine]
            return _with_machine(state, msgspec.structs.replace(machine, given=given_of(message)))
        case _:
            machine = state.machines[message.machine]
            return _with_machine(state, msgspec.structs.replace(machine, seen=heard(machine.seen, message)))


def _added(state: Floor, message: MachineAdded) -> Machine:
    title = parse_text(message.description).title
    known = state.machines.get(message.machine)
    if known is None:
        return Machine(name=message.machine, description=message.description, title=title)
    return msgspec.structs.replace(known, description=message.description, title=title, removed=False)


def _commanded(state: Floor, message: Any) -> Floor:
    known = state.commands.get(message.command)
    status = RULES[known.status if known else ""][type(message)]
    if known is None:
        known = Command(id=message.command, machine=message.machine, job=message.job, kind=message.kind,
                        status=status, writes=getattr(message, "writes", ()))
    known = msgspec.structs.replace(known, status=status, reason=getattr(message, "reason", ""),
                                    detail=getattr(message, "detail", ""))
    state = msgspec.structs.replace(state, commands=_remember({**state.commands, known.id: known}))
    if known.kind != "start":
        return state
    machine = state.machines[known.machine]
    stands = ("done" if message.done else "not-done") if isinstance(message, CommandSettled) else status
    starts = {**machine.starts, known.job: stands}
    known_ends = [job for job, status in starts.items() if status not in ("open", "unknown")]
    for job in known_ends[: max(0, len(known_ends) - STARTS_KEPT)]:
        del starts[job]
    return _with_machine(state, msgspec.structs.replace(machine, starts=starts))


def _remember(commands: dict[str, Command]) -> dict[str, Command]:
    surplus = sum(1 for one in commands.values() if one.status not in ("open", "unknown")) - CLOSED_KEPT
    if surplus <= 0:
        return commands
    old = [one.id for one in commands.values() if one.status not in ("open", "unknown")][:surplus]
    return {name: one for name, one in commands.items() if name not in old}


def heard(seen: Seen, fact: Any) -> Seen:
    """What has been said of a machine after ``fact`` (one of ``facts.Fact``)."""
    change = msgspec.structs.replace
    match fact:
        case ConnectionLost():
            return change(seen, lost=True)
        case ConnectionRestored():
            return change(seen, lost=False)
        case MachineAlarmed():
            return change(seen, alarm=fact.code)
        case MachineCleared():
            return change(seen, alarm="") if seen.alarm == fact.code else seen
        case JobStarted():
            return seen if seen.job == fact.job and seen.phase else Seen(
                job=fact.job, phase="running", alarm=seen.alarm, lost=seen.lost)
        case _:
            return seen if fact.job != seen.job else _went_on(seen, fact)  # a late word about an earlier job


def _went_on(seen: Seen, fact: Any) -> Seen:
    change = msgspec.structs.replace
    match fact:
        case JobCounted():
            return change(seen, good=max(seen.good, fact.good), scrap=max(seen.scrap, fact.scrap))
        case JobPaused() | JobResumed():
            phase = "paused" if isinstance(fact, JobPaused) else "running"
            return seen if seen.phase == "over" else change(seen, phase=phase)
        case _:
            return seen if seen.phase == "over" else change(
                seen, phase="over", good=max(seen.good, fact.good), scrap=max(seen.scrap, fact.scrap))


def _with_machine(state: Floor, machine: Machine) -> Floor:
    return msgspec.structs.replace(state, machines={**state.machines, machine.name: machine})
