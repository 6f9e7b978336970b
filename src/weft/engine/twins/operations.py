"""Operations of twins: what is asked for is checked against the operation, done by a function of the node, and told.

IDTA-01002 v3.1.2 §12.5 (invocation, synchronous and asynchronous), IDTA-01001-3-1 §5.3.12 (Operation).
Rule 1: an operation does something only if a function of this node stands behind it; one that none stands behind is
        refused, never answered as if it had been done.
Rule 2: what is not of the kind that the operation declares never reaches the function, nor what breaks a rule of the
        metamodel: an argument is judged as an element of a submodel is.
Rule 3: a function has as long as the caller gives it, at most ``LONGEST_S``; what it began it ends by itself.
Rule 4: what did not come about is told as failed with its reason, what is not known to have as timed out: neither is
        ever told as done. An outcome is kept in memory: a node that was stopped knows no handle of before.
Not here: the functions (``functions.py``), addresses (``doors/aas``).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, Refused, WeftError
from weft.engine.twins.handles import Handles
from weft.twin.elements import Json
from weft.twin.metamodel import check
from weft.twin.patches import with_value
from weft.twin.paths import resolve
from weft.twin.values import parse_value, value_of

LONGEST_S: Final = 600.0
PATIENCE_S: Final = 30.0
AT_ONCE: Final = 32
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_INPUTS: Final = (("inputArguments", "inputVariables"), ("inoutputArguments", "inoutputVariables"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a function gets: the submodel, the path of the operation in it, and the given elements by idShort."""

    submodel: Json
    path: str
    operation: Json
    given: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Said:
    """What a function says: values (or elements) by idShort of the outputs; why it was not done, and if that is known.

    ``state``: Completed, Failed, or Timeout where it is not known whether it was done.
    """

    values: Mapping[str, Any]
    error: WeftError | None = None
    known: bool = True

    @property
    def state(self) -> str:
        """The ExecutionState."""
        return "Completed" if self.error is None else "Failed" if self.known else "Timeout"


@dataclass(frozen=True, slots=True)
class Function:
    """What stands behind an operation. ``late``: what its outputs are while nobody knows them."""

    run: Callable[[Asked], Awaitable[Said]]
    late: Mapping[str, Any] = field(default_factory=dict)


Find = Callable[[Json, str], Function | None]  # what stands behind the operation at a path of a submodel


@dataclass(frozen=True, slots=True)
class Ended:
    """How an invocation ended: its OperationResult, the same with values alone, and why it was not done."""

    result: Json
    valued: Json
    error: WeftError | None = None


@dataclass(slots=True)
class Run:
    """One invocation that was begun: its task, and what came of it."""

    task: "asyncio.Task[Ended]"
    owner: str  # the address (submodel#path) that may ask for it


@dataclass(slots=True)
class Operations:
    """Invokes operations. ``find`` gives what stands behind one."""

    find: Find
    runs: Handles = field(default_factory=Handles)
    _running: int = 0

    async def invoke(self, submodel: Json, path: str, request: Json, *, values: bool) -> Ended:
        """Do the operation at ``path``; raises ``Refused``, ``Invalid``, ``NotFound``."""
        function, operation = self._function(submodel, path)
        asked = Asked(submodel, path, operation, await asyncio.to_thread(given, operation, request, values=values))
        if self._running >= AT_ONCE:
            raise Refused("twin.operations-busy", limit=AT_ONCE)
        self._running += 1
        try:
            async with asyncio.timeout(patience(request)):
                said = await function.run(asked)
        except TimeoutError:
            said = Said(function.late, Refused("twin.operation-late", name=path[:80]), known=False)
        finally:
            self._running -= 1
        return Ended(result(asked, said, values=False), result(asked, said, values=True), said.error)

    async def begin(self, submodel: Json, path: str, request: Json, *, values: bool, who: str = "") -> str:
        """Begin it and give ``who`` the handle of its outcome; raises as ``invoke`` for what is wrong at once."""
        _, operation = self._function(submodel, path)
        await asyncio.to_thread(given, operation, request, values=values)  # judging a large one takes a while
        if "clientTimeoutDuration" not in request:
            raise Invalid("twin.argument-missing", name="clientTimeoutDuration")
        patience(request)
        task = asyncio.create_task(self.invoke(submodel, path, request, values=values))
        task.add_done_callback(_looked_at)
        return self.runs.keep(Run(task, owner(submodel, path)), who)

    def run(self, handle: str, submodel: Json, path: str, who: str = "") -> Run | None:
        """What ``who`` began under ``handle`` by the operation at ``path``."""
        found = self.runs.get(handle, who)
        return found[0] if found and found[0].owner == owner(submodel, path) else None

    def _function(self, submodel: Json, path: str) -> tuple[Function, Json]:
        operation = resolve(submodel, path)
        if operation["modelType"] != "Operation":
            raise Invalid("twin.not-an-operation", kind=operation["modelType"])
        function = self.find(submodel, path)
        if function is None:
            raise Refused("twin.no-function", name=path[:80])
        return function, operation


def owner(submodel: Json, path: str) -> str:
    """The address of an operation."""
    return f"{submodel['id']}#{path}"


def _looked_at(task: "asyncio.Task[Ended]") -> None:
    """An outcome that nobody asks for is no unhandled exception."""
    if not task.cancelled():
        task.exception()


def patience(request: Json) -> float:
    """Seconds that the caller waits; raises ``Invalid('twin.duration')``."""
    text = request.get("clientTimeoutDuration")
    if text is None:
        return PATIENCE_S
    found = _DURATION.fullmatch(text) if isinstance(text, str) and len(text) < 40 else None
    if found is None or text.endswith(("P", "T")):
        raise Invalid("twin.duration", value=str(text)[:40])
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return min(LONGEST_S, ((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def given(operation: Json, request: Json, *, values: bool) -> dict[str, Json]:
    """The arguments of ``request`` by idShort; raises ``Invalid`` for one missing, unknown or of another kind."""
    if not values:
        check("OperationRequest", {group: request[group] for group, _ in _INPUTS if group in request})
    found: dict[str, Json] = {}
    for group, declared in _INPUTS:
        wanted = {one["value"]["idShort"]: one["value"] for one in operation.get(declared, ())}
        brought = request.get(group) or ({} if values else [])
        elements = _by_value(wanted, brought) if values else _by_element(wanted, brought)
        for name, one in wanted.items():
            if name not in elements and not _optional(one):
                raise Invalid("twin.argument-missing", name=name[:80])
        found |= elements
    return found


def _optional(element: Json) -> bool:
    """Whether an argument may be left out."""
    return any((one.get("type"), one.get("value")) == ("Cardinality", "ZeroToOne")
               for one in element.get("qualifiers", ()))


def _by_value(wanted: Mapping[str, Json], brought: Any) -> dict[str, Json]:
    if not isinstance(brought, dict):
        raise Invalid("twin.arguments")
    return {name: with_value(_known(wanted, name), value) for name, value in brought.items()}


def _by_element(wanted: Mapping[str, Json], brought: Any) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for one in brought if isinstance(brought, list) else [None]:
        element = one.get("value") if isinstance(one, dict) else None
        if not isinstance(element, dict):
            raise Invalid("twin.arguments")
        name = str(element.get("idShort", ""))
        declared = _known(wanted, name)
        for key in ("modelType", "valueType"):
            if element.get(key) != declared.get(key):
                raise Invalid("twin.argument-kind", name=name[:80], kind=str(declared.get(key)))
        found[name] = _valued(declared, element)
    return found


def _valued(declared: Json, element: Json) -> Json:
    """``declared`` with the value of ``element``, every digit as it was sent; without one, as it is declared."""
    value = value_of(element, exact=True)
    return declared if value is None else with_value(declared, parse_value(msgspec.json.encode(value)))


def _known(wanted: Mapping[str, Json], name: str) -> Json:
    if name not in wanted:
        raise Invalid("twin.argument-unknown", name=name[:80])
    return wanted[name]


def result(asked: Asked, said: Said, *, values: bool) -> Json:
    """The OperationResult: outputs as the operation declares them, with the values that the function gave."""
    outputs = _filled(asked.operation.get("outputVariables", ()), said.values)
    both = _filled(asked.operation.get("inoutputVariables", ()), {**asked.given, **said.values} if said.known else {})
    made: Json = {"executionState": said.state, "success": said.error is None}
    for name, elements in (("outputArguments", outputs), ("inoutputArguments", both)):
        if elements:
            made[name] = _values(elements) if values else [{"value": one} for one in elements]
    return made


def _values(elements: Sequence[Json]) -> Json:
    """Values by idShort, with the digits that stand in the elements; one without a value is left out."""
    valued = ((one["idShort"], value_of(one, exact=True)) for one in elements)
    return {name: value for name, value in valued if value is not None}


def _filled(declared: Sequence[Json], told: Mapping[str, Any]) -> list[Json]:
    return [told[name] if _whole(told.get(name)) else with_value(one["value"], told[name])
            for one in declared if (name := one["value"]["idShort"]) in told]


def _whole(value: Any) -> bool:
    """Whether a function gave a whole element instead of its value."""
    return isinstance(value, dict) and "modelType" in value

