"""Machines as their owner sees them: state, job, progress, live values and their last minutes.

Rule 1: "not connected", "no value" and "no value that can be used" differ from every state and value that a machine
can have, and each has its reason.
Rule 2: what was heard before a link went down is told as of then, never as of now.
Not here: writing to machines (``machines/``), the twin's own form of the same (``twin/``).
"""

import math
import re
from collections import Counter
from typing import Any, Final

from weft.basis.errors import Invalid, NotFound
from weft.engine.connections import away
from weft.engine.views.shape import View
from weft.production.state import FINISHED, Job
from weft.shopfloor import remedies
from weft.shopfloor.book import Command, Machine
from weft.shopfloor.connection import Quality, Value
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.earlier import asks
from weft.shopfloor.jobcontrol import JobState, state_of
from weft.shopfloor.reading import parse_text

SHOWN_ROLES: Final = (Role.SIGNAL, Role.SETPOINT)
CHART_POINTS: Final = 120
ALARM_WORDS_MAX: Final = 200
MEANT: Final = {
    JobState.IDLE: "idle", JobState.NOT_ALLOWED: "waiting", JobState.ALLOWED: "ready", JobState.RUNNING: "running",
    JobState.INTERRUPTED: "paused", JobState.ENDED: "done", JobState.ABORTED: "aborted",
}
_ALARM_WORDS: Final = re.compile(  # how machines call the text of their alarm
    r"(?=.*(alarm|fault|error|报警|故障))(?=.*(message|text|msg|desc|信息|文本|内容|说明))", re.IGNORECASE)


class Reading(View, frozen=True, kw_only=True):
    """One live value. ``quality`` is good, uncertain, bad or missing; ``type`` as described.

    ``why``: of a bad one, one of ``remedies.Bad``, ``detail`` the device's own word. ``state``: of a value that tells
    how a job is, which it means (``MEANT``). ``heard_ms``: when it was last heard, 0 never. ``points``: (ms,
    value) of the last minutes; each holds until the next, None where nothing usable was heard.
    """

    property: str
    title: str
    unit: str = ""
    value: str = ""
    quality: str = "missing"
    detail: str = ""
    why: str = ""
    role: str = "signal"
    type: str = "number"
    state: str = ""
    heard_ms: int = 0
    points: tuple[tuple[int, float | None], ...] = ()


class OpenCommand(View, frozen=True, kw_only=True):
    """Something that we told the machine and that is not known to be done."""

    id: str
    job: str
    kind: str
    status: str
    reason: str = ""
    detail: str = ""
    wrote: str = ""


class MachineRow(View, frozen=True, kw_only=True):
    """One machine. ``state``: offline, alarm, unreadable, running, paused, ready (a job lies loaded) or idle.

    Unreadable: of all its values none can be used; ``why`` is the reason of most of them (``remedies.Bad``), ``detail``
    the device's own word. ``alarm_text``: what the machine says of its alarm.
    """

    name: str
    title: str
    zh: str = ""
    en: str = ""
    state: str
    why: str = ""
    detail: str = ""
    alarm: str = ""
    alarm_text: str = ""
    work_centre: str = ""
    job: str = ""
    item: str = ""
    good: str = "0"
    scrap: str = "0"
    quantity: str = "0"
    unit: str = "C62"
    until: str = ""
    chart: Reading | None = None


class MachinesView(View, frozen=True, kw_only=True):
    """All machines of the firm, and the work centres that have none."""

    machines: tuple[MachineRow, ...]
    benches: tuple[str, ...] = ()
    writing_stopped: bool = False


class MachineView(View, frozen=True, kw_only=True):
    """One machine in full."""

    row: MachineRow
    readings: tuple[Reading, ...]
    commands: tuple[OpenCommand, ...]
    waiting: tuple[str, ...] = ()
    description: str = ""


async def machines(node: Any) -> MachinesView:
    """Every machine, by name."""
    floor = await node.state(node.book("floor"))
    production = await node.state(node.book("production"))
    rows = [_row(node, machine, production) for machine in floor.machines.values() if not machine.removed]
    benches = tuple(c.id for c in production.master.work_centres.values() if not c.machine)
    return MachinesView(machines=tuple(sorted(rows, key=lambda row: row.name)), benches=benches,
                        writing_stopped=node.floor is not None and bool(node.floor.machines.stop_writing))


async def machine(node: Any, name: str) -> MachineView:
    """The machine ``name``; raises ``NotFound``."""
    floor = await node.state(node.book("floor"))
    known: Machine | None = floor.machines.get(name)
    if known is None or known.removed:
        raise NotFound("floor.machine-unknown", machine=name[:80])
    production = await node.state(node.book("production"))
    row = _row(node, known, production)
    described = _described(known)
    readings = [_reading(node, name, one) for one in described.properties.values()] if described else []
    order = {role: place for place, role in enumerate((Role.SIGNAL, Role.SETPOINT, Role.COUNT, Role.SCRAP, Role.STATE))}
    readings.sort(key=lambda one: (order.get(Role(one.role), 9), one.title))
    waiting = tuple(
        job.id for job in production.jobs.values()
        if row.work_centre in job.work_centres and job.state not in FINISHED and job.id != row.job)
    gone = away(node.live, name, node.clock.now_ms())
    commands = tuple(_command(one, asked=asks(floor, one, away=gone)) for one in floor.commands.values()
                     if one.machine == name and (one.status == "open" or asks(floor, one, away=gone)))
    return MachineView(row=row, readings=tuple(readings), waiting=waiting, commands=commands,
                       description=known.description)


def _command(one: Command, *, asked: bool) -> OpenCommand:
    wrote = ", ".join(f"{each.property} {each.value}" for each in one.writes[:4]) if one.kind == "write" else ""
    wrote = one.id.split("/")[2] if one.kind == "call" else wrote
    return OpenCommand(id=one.id, job=one.job, kind=one.kind, status="unknown" if asked else "open", reason=one.reason,
                       detail=one.detail, wrote=wrote)


def _described(machine: Machine) -> Description | None:
    try:
        return parse_text(machine.description)
    except Invalid:
        return None


def _row(node: Any, machine: Machine, production: Any) -> MachineRow:
    described = _described(machine)
    titles = described.titles if described else {}
    centre = next((c for c in production.master.work_centres.values() if c.machine == machine.name), None)
    job = _job_at(machine, production, centre.id if centre else "")
    live = _live_counts(node, machine.name, described) if job and machine.seen.job == job.id else {}
    chart = next((_reading(node, machine.name, one) for one in described.properties.values()
                  if one.role is Role.SIGNAL and one.numeric), None) if described else None
    down = production.downs.get(centre.id) if centre else None
    alarm = machine.seen.alarm or (down.alarm if down else "")
    unusable = _unusable(node, machine.name, described)
    return MachineRow(
        name=machine.name, title=machine.title, zh=titles.get("zh", ""), en=titles.get("en", ""),
        state=_state(machine, job, readable=unusable is None), why=remedies.bad(unusable).value if unusable else "",
        detail=(unusable or "")[:80], alarm=alarm, alarm_text=_alarm_text(node, machine.name, described, alarm),
        work_centre=centre.id if centre else "", job=job.id if job else "", item=job.item if job else "",
        good=live.get(Role.COUNT, job.good if job else "0"), scrap=live.get(Role.SCRAP, str(job.scrap) if job else "0"),
        quantity=job.quantity if job else "0", unit=job.unit if job else "C62", chart=chart,
    )


def _job_at(machine: Machine, production: Any, centre: str) -> Job | None:
    """The job that the machine runs, or that lies loaded there."""
    seen = production.jobs.get(machine.seen.job) if machine.seen.phase in ("running", "paused") else None
    if seen is not None:
        return seen if isinstance(seen, Job) else None
    held = (job for job in production.jobs.values()
            if centre and job.work_centre == centre and job.state not in FINISHED and (job.loaded or job.started))
    return next(held, None)


def _state(machine: Machine, job: Job | None, *, readable: bool) -> str:
    if machine.seen.lost:
        return "offline"
    if machine.seen.alarm:
        return "alarm"
    if not readable:
        return "unreadable"
    if machine.seen.phase in ("running", "paused"):
        return machine.seen.phase
    return "ready" if job is not None else "idle"


def _unusable(node: Any, name: str, described: Description | None) -> str | None:
    """Why none of its values can be used: the device's word for most of them; None while some can, or none is bad."""
    known = described.properties if described else {}
    heard = [value for each, value in node.live.values(name).items() if each in known]
    bad = Counter(value.detail for value in heard if value.quality is Quality.BAD)
    if not bad or any(value.quality in (Quality.GOOD, Quality.UNCERTAIN) for value in heard):
        return None
    return bad.most_common(1)[0][0] or "bad"


def _alarm_text(node: Any, name: str, described: Description | None, alarm: str) -> str:
    """What ``alarm`` means: as described, else what the machine itself says in a text of its own; "" unknown."""
    if described is None or not alarm:
        return ""
    coded = described.by_role(Role.ALARM)
    if coded is not None and coded.alarms.get(alarm):
        return coded.alarms[alarm]
    for one in described.properties.values():
        value = node.live.get(name, one.name) if one.type == "string" and one.role is Role.SIGNAL else None
        if value is not None and value.good and (_ALARM_WORDS.match(one.name) or _ALARM_WORDS.match(one.title)):
            return "".join(each for each in str(value.value) if each.isprintable()).strip()[:ALARM_WORDS_MAX]
    return ""


def _live_counts(node: Any, name: str, described: Description | None) -> dict[Role, str]:
    counts = {}
    for role in (Role.COUNT, Role.SCRAP):
        prop = described.by_role(role) if described else None
        value = node.live.get(name, prop.name) if prop else None
        if value is not None and value.good:
            counts[role] = str(value.value)
    return counts


def _reading(node: Any, name: str, prop: Property) -> Reading:
    value: Value | None = node.live.get(name, prop.name)
    points = node.live.course(name, prop.name) if prop.numeric and prop.role in SHOWN_ROLES else ()
    bad = value is not None and value.quality is Quality.BAD
    return Reading(
        property=prop.name, title=prop.title, unit=prop.unit, role=prop.role.value, type=prop.type,
        value=told(value), quality=value.quality.value if value else "missing", detail=value.detail if value else "",
        why=remedies.bad(value.detail).value if value is not None and bad else "", state=_meant(prop, value),
        heard_ms=_heard(node, name, prop.name, value), points=_thinned(points),
    )


def _meant(prop: Property, value: Value | None) -> str:
    """How a job is by a value that tells it; "" when it means none."""
    if prop.role is not Role.STATE or value is None or value.value is None:
        return ""
    state = state_of(prop, value.value)
    return MEANT[state] if state is not None else ""


def _heard(node: Any, name: str, prop: str, value: Value | None) -> int:
    """When a value was last heard; one that is not heard any more held until its link went down."""
    arrived = int(node.live.arrived_ms(name, prop))
    if value is None or value.quality is not Quality.MISSING or not arrived:
        return arrived
    return max(arrived, int(node.live.status(name).heard_ms))


def told(value: Value | None) -> str:
    """``value`` as people read it; "" when there is none."""
    if value is None or value.value is None:
        return ""
    return f"{value.value:.4g}" if isinstance(value.value, float) else str(value.value)


def _thinned(points: Any) -> tuple[tuple[int, float | None], ...]:
    numbers = [(int(ms), float(one) if one is not None and math.isfinite(one) else None) for ms, one in points]
    step, last = max(1, len(numbers) // CHART_POINTS), len(numbers) - 1
    return tuple(one for place, one in enumerate(numbers) if place % step == 0 or place == last or one[1] is None)
