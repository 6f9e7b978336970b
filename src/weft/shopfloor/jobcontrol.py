"""A job on a machine: the ISA-95 job order states, emulated over plain variables where need be.

OPC 10031-4 (ISA-95 Job Control 2.0.0): NotAllowedToStart, AllowedToStart, Running, Interrupted, Ended, Aborted.
Rule 1: the job id is written last, after the old one is cleared: a half-loaded job never looks loaded. A machine with
        job control of its own gets all of it with one call: it is stored, not allowed to start; a start allows it.
Rule 2: the node starts a job only if the machine says ``auto``, the job says ``auto``, and the machine's
        local-ready signal is good, true and fresh by the machine's own clock.
Rule 3: what was written is believed only when it is read back; no reading is ``UNKNOWN``, never a second try.
Rule 4: what starts a machine, and the id of its job, are written with a job alone; its program and the pieces to make
        singly only while no job lies there: a job that is loaded stays as it was loaded.
Not here: limits of one value (``guard``), the order of intent, write and outcome (``machines/runner.py``).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from weft.basis.errors import Refused
from weft.basis.quantity import decimal
from weft.shopfloor import guard
from weft.shopfloor.connection import NO_DATA, Scalar, Value
from weft.shopfloor.description import Description, Property, Role, StartMode, to_device


class JobState(StrEnum):
    """States of a job order at the machine (OPC 10031-4); ``IDLE``: it holds no job."""

    IDLE = "Idle"
    NOT_ALLOWED = "NotAllowedToStart"
    ALLOWED = "AllowedToStart"
    RUNNING = "Running"
    INTERRUPTED = "Interrupted"
    ENDED = "Ended"
    ABORTED = "Aborted"


TRANSITIONS: Final[Mapping[JobState, frozenset[JobState]]] = {
    JobState.IDLE: frozenset({JobState.NOT_ALLOWED, JobState.ALLOWED}),
    JobState.NOT_ALLOWED: frozenset({JobState.ALLOWED, JobState.ABORTED, JobState.IDLE}),
    JobState.ALLOWED: frozenset({JobState.RUNNING, JobState.NOT_ALLOWED, JobState.ABORTED, JobState.IDLE}),
    JobState.RUNNING: frozenset({JobState.INTERRUPTED, JobState.ENDED, JobState.ABORTED}),
    JobState.INTERRUPTED: frozenset({JobState.RUNNING, JobState.ENDED, JobState.ABORTED}),
    JobState.ENDED: frozenset({JobState.IDLE, JobState.NOT_ALLOWED, JobState.ALLOWED}),
    JobState.ABORTED: frozenset({JobState.IDLE, JobState.NOT_ALLOWED, JobState.ALLOWED}),
}
JOBS_OWN: Final = frozenset({Role.JOB_ID, Role.START})  # written with a job, never by themselves
BUSY: Final = frozenset({JobState.RUNNING, JobState.INTERRUPTED})
AT_REST: Final = frozenset({JobState.IDLE, JobState.ENDED, JobState.ABORTED})
BEGUN: Final = frozenset({JobState.RUNNING, JobState.INTERRUPTED, JobState.ENDED, JobState.ABORTED})

_ALSO: Final = {  # what controllers call the same states (PackML, MTConnect, plain words)
    "loaded": JobState.ALLOWED, "ready": JobState.ALLOWED, "stopped": JobState.IDLE, "none": JobState.IDLE,
    "execute": JobState.RUNNING, "active": JobState.RUNNING, "producing": JobState.RUNNING,
    "held": JobState.INTERRUPTED, "suspended": JobState.INTERRUPTED, "paused": JobState.INTERRUPTED,
    "feed_hold": JobState.INTERRUPTED, "program_stopped": JobState.INTERRUPTED,
    "optional_stop": JobState.INTERRUPTED, "program_optional_stop": JobState.INTERRUPTED,
    "wait": JobState.RUNNING, "program_completed": JobState.ENDED,
    "alarm": JobState.INTERRUPTED, "complete": JobState.ENDED, "completed": JobState.ENDED, "done": JobState.ENDED,
}


def state_named(name: str) -> JobState | None:
    """The job state that ``name`` means, in any common spelling; None if none."""
    key = name.strip().lower()
    exact = next((one for one in JobState if one.value.lower() == key), None)
    return exact or _ALSO.get(key)


def state_of(prop: Property, value: Scalar) -> JobState | None:
    """The job state that device value ``value`` of the state property means, by its ``weft:states``."""
    spelled = str(int(value)) if isinstance(value, bool | float) and float(value).is_integer() else str(value)
    return state_named(prop.states.get(spelled, spelled if not prop.states else ""))


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One operation to run on a machine. ``quantity`` is a whole number of pieces as a string;
    ``setpoints`` maps property names to decimal strings or words; ``orders`` and ``customer_orders`` are the numbers of
    our production orders and of the buyers' orders that it is for, as far as a machine keeps them.
    """

    id: str
    program: str = ""
    quantity: str = ""
    setpoints: dict[str, str] = {}
    orders: tuple[str, ...] = ()
    customer_orders: tuple[str, ...] = ()
    start: str = StartMode.OPERATOR.value


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One guarded write: device value ``value`` for property ``property``; ``shown`` is for people."""

    property: str
    value: Scalar
    shown: str


class Loading(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of loading a job: batches to be written one after the other, each read back."""

    job: str
    steps: tuple[tuple[Write, ...], ...]

    @property
    def writes(self) -> tuple[Write, ...]:
        """All writes in order; the last value of each property is what must be read back."""
        return tuple(one for step in self.steps for one in step)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine says now, by property name: device values."""

    values: dict[str, Value]

    def of(self, prop: Property | None) -> Value:
        """The value of ``prop``, or no data."""
        return NO_DATA if prop is None else self.values.get(prop.name, NO_DATA)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended: ``status`` is confirmed, refused or unknown; ``reason`` a code, ``detail`` for people.

    ``facts``: of the sentence that belongs to the reason, as far as they are known.
    """

    command: str
    status: str
    reason: str = ""
    detail: str = ""
    facts: dict[str, str | int] = {}

    @property
    def confirmed(self) -> bool:
        """True when what was wanted was read back."""
        return self.status == "confirmed"


class Verdict(StrEnum):
    """What a reading back proves."""

    CONFIRMED = "confirmed"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


def loading(
    description: Description, job: JobOrder, now: Snapshot, elapsed_ms: Mapping[str, int | None] | None = None
) -> Loading:
    """The guarded steps that load ``job``; raises ``Refused`` when the machine or a limit forbids it.

    ``elapsed_ms``: per property the time since it was last written, None if never.
    """
    holder = _property(description, Role.JOB_ID)
    held, state = held_job(description, now), job_state(description, now)
    if held is None:
        raise Refused("machine.no-data", machine=description.title, property=holder.name)
    if state in BUSY and held != job.id:
        raise Refused("machine.busy", machine=description.title, job=held)
    if held == job.id and state in BEGUN:
        raise Refused("machine.already-begun", machine=description.title, job=job.id)
    elapsed = elapsed_ms or {}
    parameters = tuple(
        guarded(description.properties[name], value, now, elapsed.get(name))
        for name, value in _wanted(description, job).items()
    )
    if description.job_control:
        return Loading(job=job.id, steps=((*parameters, guarded(holder, job.id, now, elapsed.get(holder.name))),))
    clear = (Write(property=holder.name, value="", shown=""),) if held and held != job.id and not holder.enum else ()
    last = (guarded(holder, job.id, now, elapsed.get(holder.name)),)
    return Loading(job=job.id, steps=tuple(step for step in (clear, parameters, last) if step))


def _wanted(description: Description, job: JobOrder) -> dict[str, Scalar]:
    wanted: dict[str, Scalar] = {}
    if job.program:
        wanted[_property(description, Role.PROGRAM).name] = job.program
    for name, value in job.setpoints.items():
        prop = description.properties.get(name)
        if prop is None or prop.role is not Role.SETPOINT:
            raise Refused("machine.no-setpoint", machine=description.title, property=name[:80])
        wanted[name] = value == "true" if prop.type == "boolean" else value
    if job.quantity:
        if decimal(job.quantity, "job.quantity") <= 0:
            raise Refused("machine.quantity", job=job.id, value=job.quantity)
        wanted[_property(description, Role.TARGET).name] = job.quantity
    return wanted


def _property(description: Description, role: Role) -> Property:
    prop = description.by_role(role)
    if prop is None:
        raise Refused("machine.no-role", machine=description.title, role=role.value)
    return prop


def guarded(prop: Property, wanted: Scalar, now: Snapshot, elapsed: int | None) -> Write:
    """The write that brings ``prop`` to ``wanted``, ``elapsed`` ms after the last one; raises ``Refused``."""
    from weft.shopfloor.description import engineering

    value = guard.check(prop, wanted, engineering(prop, now.of(prop)), elapsed)
    return Write(property=prop.name, value=value, shown=str(wanted))


def may_write_alone(description: Description, prop: Property, now: Snapshot) -> None:
    """Raise ``Refused`` unless ``prop`` may be written by itself at this moment (Rule 4)."""
    if prop.role in JOBS_OWN:
        raise Refused("machine.by-job", machine=description.title, property=prop.name)
    if prop.role not in (Role.PROGRAM, Role.TARGET):
        return
    if description.by_role(Role.JOB_ID) is None and description.by_role(Role.STATE) is None:
        return
    held, state = held_job(description, now), job_state(description, now)
    at_rest = state in AT_REST or (state is None and description.by_role(Role.STATE) is None and held == "")
    if not at_rest:
        raise Refused("machine.job-lies", machine=description.title, property=prop.name, job=held or "?")


def needed_to_write(description: Description, prop: Property) -> tuple[str, ...]:
    """Names of the properties to read before ``prop`` is written by itself."""
    beside = (Role.JOB_ID, Role.STATE) if prop.role in (Role.PROGRAM, Role.TARGET) else ()
    return tuple(dict.fromkeys((prop.name, *(one.name for one in map(description.by_role, beside) if one))))


def held_job(description: Description, now: Snapshot) -> str | None:
    """The job id that the machine holds; empty if none, None if it gives no good answer."""
    value = now.of(description.by_role(Role.JOB_ID))
    return str(value.value) if value.good else None


def job_state(description: Description, now: Snapshot) -> JobState | None:
    """The job state that the machine gives; None if it gives no good answer."""
    prop = description.by_role(Role.STATE)
    value = now.of(prop)
    return state_of(prop, value.value) if prop and value.good and value.value is not None else None


def needed_to_load(description: Description, job: JobOrder) -> tuple[str, ...]:
    """Names of the properties to read before and after loading ``job``."""
    roles = (Role.JOB_ID, Role.STATE, Role.PROGRAM, Role.TARGET)
    found = [prop.name for prop in map(description.by_role, roles) if prop]
    return tuple(dict.fromkeys((*found, *(name for name in job.setpoints if name in description.properties))))


def needed_to_start(description: Description) -> tuple[str, ...]:
    """Names of the properties to read before and after starting a job."""
    roles = (Role.JOB_ID, Role.STATE, Role.LOCAL_READY)
    return tuple(prop.name for prop in map(description.by_role, roles) if prop)


def may_start(description: Description, job: JobOrder, now: Snapshot) -> None:
    """Raise ``Refused`` unless the node may start ``job`` at this moment (Rule 2)."""
    if description.start_mode is not StartMode.AUTO or job.start != StartMode.AUTO.value:
        raise Refused("machine.operator-starts", machine=description.title, job=job.id)
    held, state = held_job(description, now), job_state(description, now)
    if held is None or state is None:
        raise Refused("machine.no-data", machine=description.title, property="jobId")
    if held != job.id:
        raise Refused("machine.other-job", machine=description.title, job=job.id, held=held)
    if state is not JobState.ALLOWED and not (description.job_control and state is JobState.NOT_ALLOWED):
        raise Refused("machine.not-startable", machine=description.title, job=job.id, state=state.value)
    ready = now.of(description.by_role(Role.LOCAL_READY))
    if not ready.good or ready.value is not True:
        raise Refused("machine.not-ready", machine=description.title)
    if not 0 <= ready.age_ms <= description.ready_max_age_ms:
        raise Refused("machine.ready-stale", machine=description.title, age_ms=ready.age_ms,
                      limit_ms=description.ready_max_age_ms)


class Starting(msgspec.Struct, frozen=True, kw_only=True):
    """How to start: call ``action`` with ``arguments``, or else write ``write``."""

    action: str = ""
    arguments: tuple[Scalar, ...] = ()
    write: Write | None = None


def starting(description: Description, job: JobOrder) -> Starting:
    """The one step that starts ``job``; raises ``Refused`` when the machine has no way to be started."""
    action = description.start_action()
    if action is not None:
        given: dict[str, Scalar] = {"jobId": job.id, "program": job.program, "target": job.quantity}
        return Starting(action=action.name, arguments=tuple(given[name] for name in action.arguments))
    prop = _property(description, Role.START)
    wanted: Scalar = True if prop.type == "boolean" else job.id if prop.type == "string" else 1
    return Starting(write=Write(property=prop.name, value=guard.check(prop, wanted), shown=str(wanted)))


def judge_load(description: Description, writes: Mapping[str, Scalar], now: Snapshot) -> Verdict:
    """Whether everything in ``writes`` (last device value per property) is read back."""
    for name, wanted in writes.items():
        prop = description.properties.get(name)
        seen = now.of(prop)
        if not seen.good:
            return Verdict.UNKNOWN
        if not same(wanted, seen.value):
            return Verdict.MISMATCH
    return Verdict.CONFIRMED if writes else Verdict.UNKNOWN


def judge_start(description: Description, job: str, now: Snapshot) -> Verdict:
    """Whether the machine has begun ``job``: it holds it and runs, rests within it, or has ended it.

    Of a machine with job control of its own: whether it was allowed to; it begins when it can.
    """
    held, state = held_job(description, now), job_state(description, now)
    if held is None or state is None:
        return Verdict.UNKNOWN
    begun = BEGUN | {JobState.ALLOWED} if description.job_control else BEGUN
    return Verdict.CONFIRMED if held == job and state in begun else Verdict.MISMATCH


def needed_to_tell(description: Description) -> tuple[str, ...]:
    """Names of the properties to read to tell whether a job was ever begun."""
    roles = (Role.JOB_ID, Role.STATE, Role.COUNT, Role.SCRAP)
    return tuple(prop.name for prop in map(description.by_role, roles) if prop)


def judge_begun(description: Description, job: str, now: Snapshot) -> Verdict:
    """Whether the machine was ever told to begin ``job``, when nobody remembers; a mismatch: it surely was not.

    Only a job that lies there, may start and has made nothing was surely not begun: of a job that it does not hold a
    machine knows nothing, and some go back to ready or idle when they have ended.
    """
    held, state = held_job(description, now), job_state(description, now)
    if held != job:
        return Verdict.UNKNOWN
    if state in BEGUN:
        return Verdict.CONFIRMED
    count, scrap = now.of(description.by_role(Role.COUNT)), now.of(description.by_role(Role.SCRAP))
    none = count.good and count.value == 0 and (description.by_role(Role.SCRAP) is None or scrap.value == 0)
    return Verdict.MISMATCH if state in (JobState.ALLOWED, JobState.NOT_ALLOWED) and none else Verdict.UNKNOWN


def same(wanted: Scalar, seen: Scalar | None) -> bool:
    """Equal, where numbers may differ by the rounding of a 32-bit float on the way."""
    if isinstance(wanted, bool) or isinstance(seen, bool) or isinstance(wanted, str) or isinstance(seen, str):
        return wanted == seen
    if seen is None:
        return False
    return abs(wanted - seen) <= 1e-6 * max(1.0, abs(wanted))


def device_value(prop: Property, text: str) -> Scalar:
    """The device value that a recorded write (``shown``) stands for; used to read back after a crash."""
    if prop.type == "boolean":
        return text in ("True", "true")
    if not prop.numeric:
        return text
    exact = decimal(text, prop.name)
    return to_device(prop, int(exact) if prop.type == "integer" else float(exact))
