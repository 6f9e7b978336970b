"""Operations of twins: what is asked for is checked against the operation, done by a function of the node, and told.

IDTA-01002 v3.1.2 §12.5 (invocation, synchronous and asynchronous), IDTA-01001-3-1 §5.3.12 (Operation).
Rule 1: an operation does something only if a function of this node stands behind it; one that none stands behind is
        refused, never answered as if it had been done.
Rule 2: what is not of the kind that the operation declares never reaches the function, nor what breaks a rule of the
        metamodel: an argument is judged as an element of a submodel is.
Rule 3: a function has as long as the caller gives it, at most ``LONGEST_S``; what it began it ends by itself.
Not here: the functions (``functions.py``), addresses (``doors/aas``).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, Refused
from weft.engine.twins.handles import Handles
from weft.twin.elements import Json
from weft.twin.metamodel import check
from weft.twin.patches import with_value
from weft.twin.values import parse_value, value_of

LONGEST_S: Final = 600.0
PATIENCE_S: Final = 30.0
AT_ONCE: Final = 32
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_INPUTS: Final = (("inputArguments", "inputVariables"), ("inoutputArguments", "inoutputVariables"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a function gets: the submodel, the operation within it, and by idShort the elements that were given."""

    submodel: Json
    operation: Json
    given: Mapping[str, Json]


Function = Callable[[Asked], Awaitable[Mapping[str, Any]]]  # gives values (or elements) by idShort of the outputs
Find = Callable[[Json, Json], Function | None]  # what stands behind an operation of a submodel


@dataclass(slots=True)
class Run:
    """One invocation that was begun: its task, and what came of it."""

    task: "asyncio.Task[Json]"
    owner: str  # the address (submodel#path) that may ask for it


@dataclass(slots=True)
class Operations:
    """Invokes operations. ``find`` gives what stands behind one."""

    find: Find
    runs: Handles = field(default_factory=Handles)
    _running: int = 0

    async def invoke(self, submodel: Json, operation: Json, request: Json, *, values: bool) -> Json:
        """Do ``operation`` and give its OperationResult; raises ``Refused``, ``Invalid``."""
        function = self._function(submodel, operation)
        asked = Asked(submodel, operation, await asyncio.to_thread(given, operation, request, values=values))
        if self._running >= AT_ONCE:
            raise Refused("twin.operations-busy", limit=AT_ONCE)
        self._running += 1
        try:
            async with asyncio.timeout(patience(request)):
                told = await function(asked)
        except TimeoutError:
            return {"executionState": "Timeout", "success": False}
        finally:
            self._running -= 1
        return result(operation, asked, told, values=values)

    async def begin(self, submodel: Json, operation: Json, request: Json, owner: str, *, values: bool) -> str:
        """Begin it and give the handle of its outcome; raises as ``invoke`` for what is known to be wrong at once."""
        self._function(submodel, operation)
        await asyncio.to_thread(given, operation, request, values=values)  # judging a large one takes a while
        if "clientTimeoutDuration" not in request:
            raise Invalid("twin.argument-missing", name="clientTimeoutDuration")
        patience(request)
        task = asyncio.create_task(self.invoke(submodel, operation, request, values=values))
        task.add_done_callback(_looked_at)
        return self.runs.keep(Run(task, owner))

    def run(self, handle: str, owner: str) -> Run | None:
        """What was begun under ``handle`` at ``owner``."""
        found = self.runs.get(handle)
        return found[0] if found and found[0].owner == owner else None

    def _function(self, submodel: Json, operation: Json) -> Function:
        if operation["modelType"] != "Operation":
            raise Invalid("twin.not-an-operation", kind=operation["modelType"])
        function = self.find(submodel, operation)
        if function is None:
            raise Refused("twin.no-function", name=str(operation.get("idShort", ""))[:80])
        return function


def _looked_at(task: "asyncio.Task[Json]") -> None:
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
        for name in wanted:
            if name not in elements:
                raise Invalid("twin.argument-missing", name=name[:80])
        found |= elements
    return found


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


def result(operation: Json, asked: Asked, told: Mapping[str, Any], *, values: bool) -> Json:
    """The OperationResult: outputs as the operation declares them, with the values that the function gave."""
    outputs = _filled(operation.get("outputVariables", ()), told)
    both = _filled(operation.get("inoutputVariables", ()), {**asked.given, **told})
    made: Json = {"executionState": "Completed", "success": True}
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

