"""What may be asked of a machine through its twin: to take a value, to tell one, to act, to load and start a job.

IDTA-01001-3-1 §5.3.12 (Operation). Ids of elements are our own: no IDTA template has operations of this kind.
Rule 1: there is an operation for what the Thing Description lets us write, and for nothing else; limits and unit stand
        at its input as qualifiers.
Rule 2: what a machine was asked is told in one way: ``Outcome`` is confirmed, refused or unknown, and confirmed only
        what was read back.
Rule 3: ``CommandId`` names what is asked: under one name it is done once. What may be left out says so by a qualifier.
Rule 4: no output is called as an input is (AASd-134): what was wanted is ``Value``, what was read ``ReadBack``.
Not here: doing it (``engine/ordering.py``), the guard (``shopfloor/guard``).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

from weft.basis import quantity
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.lexical import REAL, WHOLE
from weft.twin.names import shorts

ID_SHORT: Final = "Operations"
OPTIONAL: Final = {"Cardinality": "ZeroToOne"}  # the qualifier of an argument that may be left out
TYPES: Final[Mapping[str, str]] = {"boolean": "xs:boolean", "integer": "xs:long", "number": "xs:double",
                                   "string": "xs:string"}
READ, WRITE, CALL, LOAD, START = "read", "write", "call", "load", "start"
_GROUPS: Final = {"Read": READ, "Write": WRITE}
_JOBS: Final = {"Load": LOAD, "Start": START}
_DIGITS_MAX: Final = 30


class Shown(Protocol):
    """A property of the machine (``machine.Signal``)."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def minimum(self) -> str: ...
    @property
    def maximum(self) -> str: ...
    @property
    def write(self) -> bool: ...
    @property
    def step(self) -> str: ...
    @property
    def allowed(self) -> tuple[str, ...]: ...


class Operated(Protocol):
    """A machine (``machine.Machine``)."""

    @property
    def signals(self) -> tuple[Any, ...]: ...
    @property
    def actions(self) -> Mapping[str, str]: ...
    @property
    def takes_jobs(self) -> bool: ...


def elements(machine: Operated) -> list[Json]:
    """The elements of the submodel: collections Write, Read, Call and Job, as far as there is something in them."""
    names = shorts([one.name for one in machine.signals])
    writes = [_write(one, names[one.name]) for one in machine.signals if one.write]
    reads = [_read(one, names[one.name]) for one in machine.signals]
    called = shorts(machine.actions)
    calls = [_operation(called[name], "CallAction", title, [_command_id()], [*_outcome(), _text("Command")])
             for name, title in machine.actions.items()]
    jobs = [_job(name, sem, required=name == "Start") for name, sem in (("Load", "LoadJob"), ("Start", "StartJob"))]
    groups = (("Write", writes), ("Read", reads), ("Call", calls), ("Job", jobs if machine.takes_jobs else []))
    return [e.collection(name, inner, f"{name}Operations") for name, inner in groups if inner]


def meant(machine: Operated, path: str) -> tuple[str, str] | None:
    """(what to do, the machine's own name of property or action) that the operation at ``path`` means, or None."""
    group, _, short = path.partition(".")
    if group == "Job":
        return (_JOBS[short], "") if short in _JOBS and machine.takes_jobs else None
    if group == "Call":
        own = next((name for name, idshort in shorts(machine.actions).items() if idshort == short), None)
        return None if own is None else (CALL, own)
    names = {idshort: name for name, idshort in shorts([one.name for one in machine.signals]).items()}
    found = next((one for one in machine.signals if one.name == names.get(short)), None)
    if group not in _GROUPS or found is None or (group == "Write" and not found.write):
        return None
    return _GROUPS[group], str(found.name)


def _write(one: Shown, short: str) -> Json:
    value = e.qualified(_value(one, "Value"), unit=one.unit, minimum=one.minimum, maximum=one.maximum, maxStep=one.step,
                        allowed=", ".join(one.allowed))
    return _operation(short, "WriteProperty", one.title, [value, _command_id()],
                      [*_outcome(), e.qualified(_value(one, "ReadBack"), unit=one.unit), _text("Command")])


def _read(one: Shown, short: str) -> Json:
    time = e.instant("Time", "", "Time")
    return _operation(short, "ReadProperty", one.title, [], [
        *_outcome(), e.qualified(_value(one, "Value"), unit=one.unit), time])


def _job(short: str, sem: str, *, required: bool) -> Json:
    job = _text("Job")
    return _operation(short, sem, "", [job if required else e.qualified(job, **OPTIONAL)],
                      [*_outcome(), _text("JobId"), _text("Command")])


def _operation(short: str, sem: str, title: str, inputs: list[Json], outputs: list[Json]) -> Json:
    return e.element("Operation", short, sem, {"en": title}, inputVariables=[{"value": one} for one in inputs],
                     outputVariables=[{"value": one} for one in outputs])


def _value(one: Shown, name: str) -> Json:
    return e.prop(name, None, name, type_=TYPES.get(one.type, "xs:string"))


def _outcome() -> list[Json]:
    return [_text("Outcome"), _text("Reason")]


def _text(name: str) -> Json:
    return e.prop(name, None, name, type_="xs:string")


def _command_id() -> Json:
    return e.qualified(_text("CommandId"), **OPTIONAL)


# ---- values between a twin and a machine -------------------------------------------------------------


def scalar(element: Mapping[str, Any]) -> bool | str:
    """What stands in the Property ``element``, as a machine's guard takes it: true, false, or text."""
    text, kind = str(element.get("value", "")), element.get("valueType", "")
    if kind == "xs:boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(text, text)
    if kind not in WHOLE and kind not in REAL:
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return quantity.text(number) if number.is_finite() and abs(number.adjusted()) < _DIGITS_MAX else text


def lexical(value: Any, kind: str) -> str:
    """``value`` of a machine as text of the XML Schema type ``kind``; "" for what does not fit."""
    if kind == "xs:boolean" or isinstance(value, bool):
        return e.lexical(value) if kind == "xs:boolean" and isinstance(value, bool) else ""
    if kind == "xs:string":
        return e.lexical(value) if isinstance(value, str) else ""
    if not isinstance(value, int | float):
        return ""
    if kind == "xs:double":
        return e.lexical(float(value))
    return str(int(value)) if float(value).is_integer() else ""
