"""The one stored description of how to reach a machine: a W3C WoT Thing Description, read and checked.

W3C WoT Thing Description 1.1 (a subset), OPC 10101 hrefs, and our own words with the prefix ``weft:``
(docs/howto/connect-opcua.md explains each).
Rule 1: a property is written only if it says ``weft:write`` and declares its limits; never by default.
Rule 2: a safety function cannot be made writable nor callable, whatever else the description says.
Rule 3: security is named outright; there is no "choose for me" and hence no silent downgrade.
Not here: guarding one write (``guard``), building the structs piece by piece (``reading.py``).
"""

from enum import StrEnum
from typing import Final

import msgspec

from weft.shopfloor.connection import Quality, Scalar, Value

PROPERTIES_MAX: Final = 2000


class Role(StrEnum):
    """What a property means to a job; ``signal`` is a plain reading."""

    SIGNAL = "signal"
    STATE = "state"
    COUNT = "count"
    SCRAP = "scrap"
    ALARM = "alarm"
    LOCAL_READY = "localReady"
    JOB_ID = "jobId"
    PROGRAM = "program"
    TARGET = "target"
    SETPOINT = "setpoint"
    START = "start"
    SAFETY = "safety"


WRITABLE_ROLES: Final = frozenset({Role.JOB_ID, Role.PROGRAM, Role.TARGET, Role.SETPOINT, Role.START})
REPEATABLE_ROLES: Final = frozenset({Role.SIGNAL, Role.SETPOINT, Role.SAFETY})


class StartMode(StrEnum):
    """Who starts a loaded job: the operator at the machine (default), or the node when ``auto``."""

    OPERATOR = "operator"
    AUTO = "auto"


class TwinTarget(msgspec.Struct, frozen=True):
    """Where a value shows in the machine's shell: submodel idShort and idShortPath within it."""

    submodel: str
    path: str


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """One readable, perhaps writable, property. Limits are decimal strings in ``unit``, after scaling.

    engineering value = device value * ``scale`` + ``offset``; ``deadband`` in ``unit``; ``max_step`` is the
    largest change of one write, ``min_interval_ms`` the shortest time between two. ``form`` holds the terms of the form
    that reads (``modv:function``, ``mqv:retain``, ``weft:pollingMs``, …), ``write_form`` those of the form that writes,
    with its ``href``, where it has one of its own, ``observe_form`` those of the form that brings changes.
    """

    name: str
    title: str
    type: str
    href: str
    role: Role = Role.SIGNAL
    unit: str = ""
    write: bool = False
    observe: bool = True
    minimum: str = ""
    maximum: str = ""
    length: int = 80
    enum: tuple[str, ...] = ()
    scale: str = "1"
    offset: str = "0"
    deadband: str = "0"
    max_step: str = ""
    min_interval_ms: int = 0
    states: dict[str, str] = {}
    alarms: dict[str, str] = {}
    twin: TwinTarget = TwinTarget("OperationalData", "")
    form: dict[str, Scalar] = {}
    write_form: dict[str, Scalar] = {}
    observe_form: dict[str, Scalar] = {}

    @property
    def numeric(self) -> bool:
        """True for integers and numbers."""
        return self.type in ("integer", "number")


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One action. ``arguments`` are names filled from a job: jobId, program, target.

    ``call``: it may be called by itself, and was carried out when the properties in ``read_back`` have these values.
    """

    name: str
    title: str
    href: str
    role: Role = Role.SIGNAL
    object: str = ""
    arguments: tuple[str, ...] = ()
    call: bool = False
    read_back: dict[str, str] = {}
    form: dict[str, Scalar] = {}


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """How the channel is secured; ``mode`` is none, sign or signAndEncrypt, ``policy`` an OPC UA policy.

    ``user``: there is a login; ``token``: its password is a bearer token.
    """

    mode: str = "none"
    policy: str = ""
    user: bool = False
    token: bool = False


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A checked Thing Description. Durations in ms; ``count_every`` in pieces.

    ``polling_ms``: how often a machine is asked that does not speak by itself; ``terms``: further ``weft:`` words
    of the whole machine that one protocol understands.
    """

    id: str
    title: str
    base: str
    scheme: str
    polling_ms: int = 500
    terms: dict[str, Scalar] = {}
    titles: dict[str, str] = {}
    kind: str = ""
    security: Security = Security()
    start_mode: StartMode = StartMode.OPERATOR
    ready_max_age_ms: int = 5000
    count_every: int = 1
    link_grace_ms: int = 5000
    readback_ms: int = 3000
    start_ms: int = 5000
    properties: dict[str, Property] = {}
    actions: dict[str, Action] = {}

    @property
    def job_control(self) -> str:
        """Where the machine keeps job orders itself (OPC 10031-4); "" when jobs are emulated over its properties."""
        return str(self.terms.get("weft:jobControl", ""))

    def by_role(self, role: Role) -> Property | None:
        """The first property with ``role``."""
        return next((one for one in self.properties.values() if one.role is role), None)

    def start_action(self) -> Action | None:
        """The action that starts a job, if the machine has one."""
        return next((one for one in self.actions.values() if one.role is Role.START), None)

    def observed(self) -> tuple[str, ...]:
        """Names of the properties to subscribe to."""
        return tuple(name for name, one in self.properties.items() if one.observe)


def engineering(prop: Property, value: Value) -> Value:
    """``value`` of the device in the property's unit; a value of the wrong type becomes BAD."""
    raw = value.value
    if raw is None or value.quality is Quality.MISSING:
        return value
    if prop.numeric and (isinstance(raw, str) or (isinstance(raw, float) and raw != raw)):
        return msgspec.structs.replace(value, value=None, quality=Quality.BAD, detail="type")
    if isinstance(raw, str) or not prop.numeric or (prop.scale == "1" and prop.offset == "0"):
        return value
    return msgspec.structs.replace(value, value=raw * float(prop.scale) + float(prop.offset))


def to_device(prop: Property, value: Scalar) -> Scalar:
    """The inverse of ``engineering`` for a value that is about to be written."""
    if not prop.numeric or isinstance(value, str):
        return value
    device = value if prop.scale == "1" and prop.offset == "0" else (value - float(prop.offset)) / float(prop.scale)
    return round(device) if prop.type == "integer" else device


def moved(prop: Property, before: Value | None, now: Value) -> bool:
    """True when ``now`` differs from ``before`` by more than the deadband, or in quality."""
    if before is None or before.quality is not now.quality or before.detail != now.detail:
        return True
    old, new = before.value, now.value
    if isinstance(old, int | float) and isinstance(new, int | float) and prop.deadband != "0":
        return abs(new - old) > float(prop.deadband)
    return old != new
