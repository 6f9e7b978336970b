"""Propose a Thing Description for what a device offers: well-known names, units, states; pure.

W3C WoT Thing Description 1.1 with OPC 10101 hrefs, in the words of ``shopfloor/description``.
Rule 1: nothing is proposed as writable without limits that the owner gave (text is bounded by its length).
Rule 2: what looks like a safety function is only ever read.
Rule 3: the operator starts jobs; ``auto`` is the owner's word, never a proposal.
Not here: browsing (``machines/``), checking the result (``shopfloor/description.parse``, which runs on it).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.shopfloor.connection import BrowsedNode
from weft.shopfloor.description import Role, Security
from weft.shopfloor.jobcontrol import state_named
from weft.shopfloor.reading import parse

PIECES_MAX: Final = 100_000
_KNOWN: Final = {  # normalised name -> role
    "jobid": Role.JOB_ID, "joborderid": Role.JOB_ID, "orderid": Role.JOB_ID,
    "program": Role.PROGRAM, "programname": Role.PROGRAM, "partprogram": Role.PROGRAM,
    "targetcount": Role.TARGET, "targetquantity": Role.TARGET, "runsplanned": Role.TARGET,
    "state": Role.STATE, "jobstate": Role.STATE, "machinestate": Role.STATE,
    "piececount": Role.COUNT, "goodcount": Role.COUNT, "partcount": Role.COUNT, "partsgood": Role.COUNT,
    "scrapcount": Role.SCRAP, "badcount": Role.SCRAP, "rejectcount": Role.SCRAP,
    "alarmcode": Role.ALARM, "alarm": Role.ALARM, "errorcode": Role.ALARM,
    "localready": Role.LOCAL_READY, "remoteready": Role.LOCAL_READY, "readyforremotestart": Role.LOCAL_READY,
    "startcommand": Role.START, "startjob": Role.START,
}
_SAFETY: Final = re.compile(r"emergency|e-?stop|safety|guarddoor|interlock|lightcurtain", re.IGNORECASE)
_WANTED: Final = (Role.JOB_ID, Role.STATE, Role.COUNT)  # without these a job cannot be followed
_WRITTEN: Final = frozenset({Role.JOB_ID, Role.PROGRAM, Role.TARGET, Role.START})
_CONTEXT: Final = ("https://www.w3.org/2022/wot/td/v1.1",
                   {"uav": "http://opcfoundation.org/UA/WoT-Binding/", "weft": "https://weft.example/vocabulary/1#"})

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


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be described: our short ``name``, the ``endpoint``, and which object of the device (a path)."""

    name: str
    endpoint: str
    title: str = ""
    under: str = ""
    security: Security = Security()


def objects(nodes: Sequence[BrowsedNode]) -> tuple[str, ...]:
    """Paths of objects that look like machines, the most telling first."""
    told: dict[str, int] = {}
    for one in nodes:
        if one.kind != "object" and _plain(one.name) in _KNOWN:
            place = one.path.rpartition("/")[0]
            told[place] = told.get(place, 0) + 1
    return tuple(sorted(told, key=lambda place: (-told[place], place)))


def propose(nodes: Sequence[BrowsedNode], target: Target, limits: Limits | None = None) -> Proposal:
    """A description of the machine at ``target``; ``limits`` are the owner's, by browse name, in the device's unit.

    Raises ``Invalid('propose.nothing')`` when no machine is recognised, and what ``parse`` raises.
    """
    found = objects(nodes)
    under = target.under or (found[0] if found else "")
    chosen = [one for one in nodes if under and one.path.startswith(f"{under}/")]
    if not chosen:
        raise Invalid("propose.nothing", endpoint=target.endpoint)
    findings: list[Finding] = []
    if not target.under and len(found) > 1:
        findings.append(Finding(code="several-machines", facts={"taken": under, "others": ", ".join(found[1:])[:200]}))
    roles: set[Role] = set()
    properties = {}
    for one in chosen:
        if one.kind == "variable" and one.type:
            name = one.path.removeprefix(f"{under}/").replace("/", ".")
            properties[name] = _property(one, name, limits or {}, roles, findings)
    actions = {one.name: _action(one) for one in chosen if one.kind == "method" and _role(one) is Role.START}
    if actions and Role.START in roles:
        findings.append(Finding(code="start-twice", facts={"action": next(iter(actions))}))
    findings.extend(Finding(code="role-missing", facts={"role": role.value}) for role in _WANTED if role not in roles)
    thing = _thing(target, under, properties, actions)
    parse(thing)
    wanting = tuple(one.property for one in findings if one.code == "needs-limits")
    return Proposal(thing=thing, findings=tuple(findings), set_points=wanting)


def _thing(target: Target, under: str, properties: Any, actions: Any) -> dict[str, Any]:
    security = target.security
    channel = {"scheme": "nosec"} if security.mode == "none" else {
        "scheme": "uav:channel-security", "uav:securityMode": security.mode, "uav:securityPolicy": security.policy}
    definitions: dict[str, Any] = {"channel": channel}
    if security.user:
        definitions["login"] = {"scheme": "basic"}
    return {
        "@context": list(_CONTEXT), "id": f"urn:weft:machine:{target.name}",
        "title": target.title or under.rpartition("/")[2], "base": target.endpoint,
        "securityDefinitions": definitions, "security": list(definitions),
        "weft:startMode": "operator", "properties": properties, "actions": actions,
    }


def _property(
    one: BrowsedNode, name: str, limits: Limits, roles: set[Role], findings: list[Finding]
) -> dict[str, Any]:
    role = _role(one)
    if role in roles and role is not Role.SAFETY:
        findings.append(Finding(code="role-again", property=name, facts={"role": role.value}))
        role = Role.SIGNAL
    told: dict[str, Any] = {"title": one.name, "type": one.type, "observable": role is not Role.START}
    if one.unit:
        told["unit"] = one.unit
    write = one.writable and _bounded(one, name, role, limits, told, findings)
    if write and role is Role.SIGNAL:
        role = Role.SETPOINT
    if role is Role.START and not write:
        role = Role.SIGNAL
    if role not in (Role.SIGNAL, Role.SETPOINT):
        roles.add(role)
    if role is not Role.SIGNAL:
        told["weft:role"] = role.value
    if role is Role.STATE:
        _states(one, name, told, findings)
    told["weft:write" if write else "readOnly"] = True
    told["forms"] = [{"href": one.href, "op": ["readproperty", *(["writeproperty"] if write else []),
                                               "observeproperty"]}]
    return told


def _bounded(
    one: BrowsedNode, name: str, role: Role, limits: Limits, told: dict[str, Any], findings: list[Finding]
) -> bool:
    """Whether it may be written: text and switches of the job, numbers with limits; ``told`` gets the limits."""
    if role is not Role.SIGNAL and role not in _WRITTEN:
        return False
    if one.type not in ("integer", "number"):
        return role in _WRITTEN
    given = limits.get(name) or limits.get(one.name)
    if given is None and role is Role.TARGET:
        given = ("1", str(PIECES_MAX))
        findings.append(Finding(code="assumed-limits", property=name, facts={"minimum": given[0], "maximum": given[1]}))
    if given is None:
        findings.append(Finding(code="needs-limits", property=name, facts={"unit": one.unit}))
        return False
    told["minimum"], told["maximum"] = given
    return True


def _states(one: BrowsedNode, name: str, told: dict[str, Any], findings: list[Finding]) -> None:
    states = {str(number): text for number, text in enumerate(one.values) if state_named(text) is not None}
    unclear = [text for text in one.values if state_named(text) is None]
    if states:
        told["weft:states"] = states
    if unclear or (one.type == "integer" and not states):
        findings.append(Finding(code="states-unclear", property=name, facts={"states": ", ".join(unclear)[:200]}))


def _action(one: BrowsedNode) -> dict[str, Any]:
    form = {"href": one.href, "op": "invokeaction"}
    if one.parent:
        form["weft:object"] = one.parent
    return {"title": one.name, "weft:role": Role.START.value, "weft:arguments": ["jobId"], "forms": [form]}


def _role(one: BrowsedNode) -> Role:
    if _SAFETY.search(one.name):
        return Role.SAFETY
    return _KNOWN.get(_plain(one.name), Role.SIGNAL)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
