"""Machines as their owner sees them: state, job, progress, live values and their last minutes.

Rule 1: "not connected" and "no value" differ from every state and value that a machine can have.
Not here: writing to machines (``machines/``), the twin's own form of the same (``twin/``).
"""

from typing import Any, Final

from weft.basis.errors import Invalid, NotFound
from weft.engine.views.shape import View
from weft.production.state import FINISHED, Job
from weft.shopfloor.book import Command, Machine
from weft.shopfloor.connection import Value
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.reading import parse_text

SHOWN_ROLES: Final = (Role.SIGNAL, Role.SETPOINT)
CHART_POINTS: Final = 120


class Reading(View, frozen=True, kw_only=True):
    """One live value. ``quality`` is good, uncertain, bad or missing; ``points`` are (ms, value)."""

    property: str
    title: str
    unit: str = ""
    value: str = ""
    quality: str = "missing"
    detail: str = ""
    role: str = "signal"
    points: tuple[tuple[int, float], ...] = ()


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
    """One machine. ``state``: offline, alarm, running, paused, ready (a job lies loaded) or idle."""

    name: str
    title: str
    zh: str = ""
    en: str = ""
    state: str
    alarm: str = ""
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
    commands = tuple(
        _command(one) for one in floor.commands.values() if one.machine == name and one.status in ("open", "unknown"))
    return MachineView(row=row, readings=tuple(readings), waiting=waiting, commands=commands,
                       description=known.description)


def _command(one: Command) -> OpenCommand:
    wrote = ", ".join(f"{each.property} {each.value}" for each in one.writes[:4]) if one.kind == "write" else ""
    wrote = one.id.split("/")[2] if one.kind == "call" else wrote
    return OpenCommand(id=one.id, job=one.job, kind=one.kind, status=one.status, reason=one.reason, detail=one.detail,
                       wrote=wrote)


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
    return MachineRow(
        name=machine.name, title=machine.title, zh=titles.get("zh", ""), en=titles.get("en", ""),
        state=_state(machine, job), alarm=machine.seen.alarm or (down.alarm if down else ""),
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


def _state(machine: Machine, job: Job | None) -> str:
    if machine.seen.lost:
        return "offline"
    if machine.seen.alarm:
        return "alarm"
    if machine.seen.phase in ("running", "paused"):
        return machine.seen.phase
    return "ready" if job is not None else "idle"


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
    points = node.live.history(name, prop.name) if prop.numeric and prop.role in SHOWN_ROLES else ()
    return Reading(
        property=prop.name, title=prop.title, unit=prop.unit, role=prop.role.value,
        value=told(value), quality=value.quality.value if value else "missing", detail=value.detail if value else "",
        points=_thinned(points),
    )


def told(value: Value | None) -> str:
    """``value`` as people read it; "" when there is none."""
    if value is None or value.value is None:
        return ""
    return f"{value.value:.4g}" if isinstance(value.value, float) else str(value.value)


def _thinned(points: Any) -> tuple[tuple[int, float], ...]:
    numbers = [(int(ms), float(one)) for ms, one in points if isinstance(one, int | float) and one == one]
    step = max(1, len(numbers) // CHART_POINTS)
    return tuple(numbers[::step])
