"""Propose a Thing Description for what a device offers: well-known names, units, states; pure.

W3C WoT Thing Description 1.1, in the words of ``shopfloor/description``; rows of a mapping for what was picked.
Rule 1: nothing is proposed as writable without limits that the owner gave (text is bounded by its length).
Rule 2: what looks like a safety function is only ever read.
Rule 3: the operator starts jobs; ``auto`` is the owner's word, never a proposal.
Not here: browsing (``machines/``), what a row becomes (``mapping``), checking the result (``reading.parse``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.shopfloor.connection import BrowsedNode
from weft.shopfloor.description import Role
from weft.shopfloor.jobcontrol import state_named
from weft.shopfloor.mapping import JOB, NAME_MAX, Row, Target, thing
from weft.shopfloor.reading import parse

PIECES_MAX: Final = 100_000
_KNOWN: Final = {  # normalised name -> role
    "jobid": Role.JOB_ID, "joborderid": Role.JOB_ID, "orderid": Role.JOB_ID,
    "program": Role.PROGRAM, "programname": Role.PROGRAM, "partprogram": Role.PROGRAM,
    "partscount": Role.COUNT, "partsproduced": Role.COUNT, "partsrequired": Role.TARGET,
    "targetcount": Role.TARGET, "targetquantity": Role.TARGET, "runsplanned": Role.TARGET,
    "state": Role.STATE, "jobstate": Role.STATE, "machinestate": Role.STATE, "execution": Role.STATE,
    "piececount": Role.COUNT, "goodcount": Role.COUNT, "partcount": Role.COUNT, "partsgood": Role.COUNT,
    "scrapcount": Role.SCRAP, "badcount": Role.SCRAP, "rejectcount": Role.SCRAP,
    "alarmcode": Role.ALARM, "alarm": Role.ALARM, "errorcode": Role.ALARM,
    "localready": Role.LOCAL_READY, "remoteready": Role.LOCAL_READY, "readyforremotestart": Role.LOCAL_READY,
    "startcommand": Role.START, "startjob": Role.START,
}
_SAFETY: Final = re.compile(r"emergency|e-?stop|safety|guarddoor|interlock|lightcurtain", re.IGNORECASE)
_WANTED: Final = (Role.JOB_ID, Role.STATE, Role.COUNT)  # without these a job cannot be followed
_WRITTEN: Final = frozenset({Role.JOB_ID, Role.PROGRAM, Role.TARGET, Role.START})
_RECEIVER: Final = frozenset({"Store", "Start", "JobOrderList"})  # OPC 10031-4: an object that is given jobs
Limits = Mapping[str, tuple[str, str]]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something the owner should know; its sentence is ``propose.<code>`` in ``locale/``."""

    code: str
    property: str = ""
    facts: dict[str, str] = {}


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A Thing Description (JSON value) and what is open about it; ``set_points`` still want limits."""

    thing: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    set_points: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The Thing Description as JSON text, ready for the floor book."""
        return msgspec.json.format(msgspec.json.encode(self.thing)).decode()


def objects(nodes: Sequence[BrowsedNode]) -> tuple[str, ...]:
    """Paths of objects that look like machines, the most telling first."""
    told: dict[str, int] = {}
    for one in nodes:
        if one.kind != "object" and _plain(one.name) in _KNOWN:
            place = one.path.rpartition("/")[0]
            told[place] = told.get(place, 0) + 1
    return tuple(sorted(told, key=lambda place: (-told[place], place)))


def machine_at(nodes: Sequence[BrowsedNode]) -> tuple[str, tuple[str, ...]]:
    """The path of the most telling machine ("": none), and the paths of others that lie beside it.

    Folders of which none says again what another says (one counts, one has the alarm) are one machine.
    """
    found = objects(nodes)
    if not found:
        return "", ()
    under = found[0]
    above = under.rpartition("/")[0]
    group = [place for place in found if above and (place == above or place.startswith(f"{above}/"))]
    roles = [_KNOWN[_plain(one.name)] for one in nodes if one.kind != "object" and _plain(one.name) in _KNOWN
             and one.path.rpartition("/")[0] in group]
    if len(group) > 1 and len(roles) == len(set(roles)):
        under = above
    return under, tuple(place for place in found if place != under and not place.startswith(f"{under}/"))


def propose(nodes: Sequence[BrowsedNode], target: Target, limits: Limits | None = None) -> Proposal:
    """A description of the machine at ``target``; ``limits`` are the owner's, by browse name, in the device's unit.

    Raises ``Invalid('propose.nothing')`` when no machine is recognised, and what ``parse`` raises.
    """
    found, others = machine_at(nodes)
    under = target.under or found
    chosen = [one for one in nodes if under and one.path.startswith(f"{under}/")]
    if not target.under:
        chosen += [one for one in nodes if one not in chosen and one.path.rpartition("/")[0] in receivers(nodes)]
    if not chosen:
        raise Invalid("propose.nothing", endpoint=target.endpoint)
    findings: list[Finding] = []
    if not target.under and others:
        findings.append(Finding(code="several-machines", facts={"taken": under, "others": ", ".join(others)[:200]}))
    rows, said = suggest(chosen, limits or {}, under=under)
    title = target.title or under.rpartition("/")[2]
    told = thing(msgspec.structs.replace(target, title=title), rows)
    parse(told)
    findings += (*said, *missing(rows))
    wanting = tuple(one.property for one in said if one.code == "needs-limits")
    return Proposal(thing=told, findings=tuple(findings), set_points=wanting)


def suggest(
    nodes: Sequence[BrowsedNode], limits: Limits | None = None, *, before: Sequence[Row] = (), under: str = "",
    within: str = "", roles: Mapping[str, Role] | None = None,
) -> tuple[tuple[Row, ...], tuple[Finding, ...]]:
    """A row for each of ``nodes`` that holds a value or starts a job, beside the rows ``before``, and what is open.

    Names are paths below ``under``; where one is taken, ``within`` stands before it, or a number behind it. ``roles``
    are the owner's word, by browse name.
    """
    told = roles or {}
    if told:
        nodes = sorted(nodes, key=lambda one: one.name not in told)  # before what only looks like it
    findings: list[Finding] = []
    held = {Role(one.role) for one in before}
    names = {one.name for one in before}
    rows: list[Row] = []
    within_jobs = receivers(nodes)
    if within_jobs and Role.JOB_ID not in held:
        rows += _job_rows(within_jobs[next(iter(within_jobs))], names, within)
        held |= {Role(one.role) for one in rows}
    for one in nodes:
        if one.path.rpartition("/")[0] in within_jobs:
            continue
        if one.kind == "variable" and one.type:
            name = _free(one.path.removeprefix(f"{under}/").replace("/", ".") or one.name, names, within)
            rows.append(_row(one, name, limits or {}, (told.get(one.name) or _role(one), held), findings))
        elif one.kind == "method" and _role(one) is Role.START:
            name = _free(one.name, names, within)
            rows.append(Row(name=name, title=one.name, address=one.href, role=Role.START.value, action=True,
                            owner=one.parent, form=one.form))
    if any(one.action for one in rows) and any(one.role == Role.START and not one.action for one in rows):
        findings.append(Finding(code="start-twice", facts={"action": next(one.name for one in rows if one.action)}))
    return tuple(rows), tuple(findings)


def receivers(nodes: Sequence[BrowsedNode]) -> dict[str, str]:
    """Objects that are given jobs as ISA-95 has them (OPC 10031-4): their paths and addresses."""
    members: dict[str, set[str]] = {}
    told: dict[str, str] = {}
    for one in nodes:
        place = one.path.rpartition("/")[0]
        if one.name in _RECEIVER and one.parent:
            members.setdefault(place, set()).add(one.name)
            told[place] = one.parent
    return {place: told[place] for place, names in members.items() if names == _RECEIVER}


def _job_rows(address: str, names: set[str], within: str) -> list[Row]:
    """What shows and drives a job at the receiver ``address``; set-points are the owner's to add."""
    told = (("Job", "string", Role.JOB_ID, "id"), ("JobState", "string", Role.STATE, "state"),
            ("Program", "string", Role.PROGRAM, "program"), ("Pieces", "integer", Role.TARGET, "target"),
            ("Good", "integer", Role.COUNT, "good"), ("Scrap", "integer", Role.SCRAP, "scrap"))
    rows = [Row(name=_free(name, names, within), title=name, address=f"{address}{JOB}{term}", type=kind,
                role=role.value, write=role in _WRITTEN, writable=role in _WRITTEN,
                minimum="1" if role is Role.TARGET else "", maximum=str(PIECES_MAX) if role is Role.TARGET else "")
            for name, kind, role, term in told]
    start = Row(name=_free("Start", names, within), title="Start", address=f"{address}{JOB}Start",
                role=Role.START.value, action=True)
    return [*rows, start]


def missing(rows: Sequence[Row]) -> tuple[Finding, ...]:
    """What a job cannot be followed without: roles that nothing has, and numbers of states without a meaning."""
    held = {one.role for one in rows}
    lacking = [Finding(code="role-missing", facts={"role": role.value}) for role in _WANTED if role not in held]
    return (*lacking, *(Finding(code="states-missing", property=one.name) for one in rows
                        if one.role == Role.STATE and one.type != "string" and not one.states))


def _free(name: str, names: set[str], within: str) -> str:
    """``name``, or more of it where it is taken; it is taken from now on."""
    if name[:NAME_MAX] in names and within:
        name = f"{within}.{name}"
    found, number = name[:NAME_MAX], 2
    while found in names:
        found, number = f"{name[:NAME_MAX - 6]}-{number}", number + 1
    names.add(found)
    return found


def _row(
    one: BrowsedNode, name: str, limits: Limits, meant: tuple[Role, set[Role]], findings: list[Finding]
) -> Row:
    role, roles = (Role.SAFETY if _role(one) is Role.SAFETY else meant[0]), meant[1]
    if role in roles and role is not Role.SAFETY:
        findings.append(Finding(code="role-again", property=name, facts={"role": role.value}))
        role = Role.SIGNAL
    row = Row(name=name, title=one.name, address=one.href, type=one.type, unit=one.unit, form=one.form,
              writable=one.writable and role is not Role.SAFETY)
    if one.writable:
        row = _bounded(row, one, role, limits, findings)
    if row.write and role is Role.SIGNAL:
        role = Role.SETPOINT
    if role is Role.START and not row.write:
        role = Role.SIGNAL
    if role not in (Role.SIGNAL, Role.SETPOINT):
        roles.add(role)
    states = _states(one, name, findings) if role is Role.STATE else {}
    return msgspec.structs.replace(row, role=role.value, states=states)


def _bounded(row: Row, one: BrowsedNode, role: Role, limits: Limits, findings: list[Finding]) -> Row:
    """Whether it may be written: text and switches of the job, numbers with limits."""
    if role is not Role.SIGNAL and role not in _WRITTEN:
        return row
    if one.type not in ("integer", "number"):
        return msgspec.structs.replace(row, write=role in _WRITTEN)
    given = limits.get(row.name) or limits.get(one.name)
    if given is None and role is Role.TARGET:
        given = ("1", str(PIECES_MAX))
        findings.append(Finding(code="assumed-limits", property=row.name,
                                facts={"minimum": given[0], "maximum": given[1]}))
    if given is None:
        findings.append(Finding(code="needs-limits", property=row.name, facts={"unit": one.unit}))
        return row
    return msgspec.structs.replace(row, write=True, minimum=given[0], maximum=given[1])


def _states(one: BrowsedNode, name: str, findings: list[Finding]) -> dict[str, str]:
    states = {str(number): text for number, text in enumerate(one.values) if state_named(text) is not None}
    unclear = [text for text in one.values if state_named(text) is None]
    if unclear:
        findings.append(Finding(code="states-unclear", property=name, facts={"states": ", ".join(unclear)[:200]}))
    return states


def _role(one: BrowsedNode) -> Role:
    if _SAFETY.search(one.name):
        return Role.SAFETY
    return _KNOWN.get(_plain(one.name), Role.SIGNAL)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
