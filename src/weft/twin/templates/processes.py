"""Process Parameters (IDTA 02031): how an item is made (part 1, type), and what happened as it was made (part 2).

Filled from: routings and bills (type); production orders and their jobs (executed).
Rule 1: planned times are the run times without set-up, as the template asks, of one piece (type) or of the job.
Rule 2: only operations that have ended are executed processes; what still runs is in ``twin/order.py``.
Not here: live values of the machine (``series.py``).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from weft.basis import quantity as q
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import optional, submodel

_TYPE: Final = "https://admin-shell.io/idta/ProcessParameters"
_DONE: Final = "https://admin-shell.io/idta/ExecutedProcesses"


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What goes in; ``lots`` where it is known."""

    item: str
    quantity: str
    unit: str = "C62"
    lots: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, planned or done. Instants are ISO strings, "" while not known.

    ``planned_s``: run time in seconds; ``resources``: what it runs on, by name; ``scrapped``: pieces by reason.
    """

    number: int
    titles: dict[str, str]
    planned_s: str
    product: dict[str, str]
    set_points: dict[str, str] = {}
    resources: dict[str, str] = {}
    materials: tuple[Material, ...] = ()
    state: str = ""
    good: str = "0"
    scrap: str = "0"
    started: str = ""
    ended: str = ""
    scrapped: dict[str, str] = {}


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """How ``item`` is made."""

    item: str
    steps: tuple[Step, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one production order did; ``result``: Planned, Running, Done or Cancelled."""

    order: str
    result: str
    steps: tuple[Step, ...]


class Planned:
    """Process Parameters, type."""

    ID_SHORT: Final = "ProcessParameters"
    SEMANTIC: Final = "https://admin-shell-io/idta/SubmodelTemplate/ProcessParameters/1/0"  # as the template spells it
    VERSION: Final = {"version": "1", "revision": "0", "templateId": "https://admin-shell-io/IDTA-02031-1"}

    @classmethod
    def gaps(cls, routing: Routing) -> list[Gap]:
        """Operations without a name."""
        return [Gap(cls.ID_SHORT, "operation-name", {"item": routing.item, "operation": str(one.number)})
                for one in routing.steps if not one.titles]

    @classmethod
    def build(cls, name: str, routing: Routing) -> Json:
        """The submodel whose id is ``name``."""
        steps = [e.collection(f"Process__{number:02d}__", _step(one), f"{_TYPE}/Process/1/0")
                 for number, one in enumerate(routing.steps)]
        inner = e.collection("Processes", steps, f"{_TYPE}/Processes/1/0")
        return submodel(name, cls.ID_SHORT, [inner], cls.SEMANTIC, cls.VERSION)


class Executed:
    """Process Parameters, instance."""

    ID_SHORT: Final = "ExecutedProcesses"
    SEMANTIC: Final = "https://admin-shell.io/idta/ExecutedProcesses/1/0"
    VERSION: Final = {"version": "1", "revision": "0", "templateId": "https://admin-shell-io/IDTA-02031-2"}

    @classmethod
    def gaps(cls, run: Run) -> list[Gap]:
        """An order of which nothing has ended yet, or whose operations have no name."""
        ended = _ended(run)
        unnamed = [Gap(cls.ID_SHORT, "operation-name", {"item": run.order, "operation": str(one.number)})
                   for one in ended if not one.titles]
        return unnamed if ended else [Gap(cls.ID_SHORT, "nothing-ended", {"order": run.order})]

    @classmethod
    def build(cls, name: str, run: Run) -> Json:
        """The submodel whose id is ``name``: the order is one run."""
        steps = [e.collection(f"Process__{number:02d}__", [*_step(one), *_happened(one)], f"{_DONE}/Process/1/0")
                 for number, one in enumerate(_ended(run))]
        inner = e.collection("Run__00__", [e.prop("RunResult", run.result, f"{_DONE}/RunResult/1/0"), *steps],
                             f"{_DONE}/Run/1/0")
        return submodel(name, cls.ID_SHORT, [inner], cls.SEMANTIC, cls.VERSION)


def _ended(run: Run) -> list[Step]:
    return [one for one in run.steps if one.started and one.ended]


def seconds(text: str, times: str = "1") -> str:
    """``text`` seconds, ``times`` over, as an xs:duration."""
    return f"PT{q.text(q.decimal(text) * q.decimal(times))}S"


def _step(step: Step) -> list[Json]:
    """The elements that part 1 and part 2 share."""
    def group(name: str, elements: Sequence[Json]) -> Json:
        return e.collection(name, elements, f"{_TYPE}/{name}/1/0")

    return [
        e.prop("ProcessId", f"{step.number}", f"{_TYPE}/ProcessId/1/0"),
        e.prop("ProcessName", step.titles.get("en") or step.titles.get("zh", ""), f"{_TYPE}/ProcessName/1/0"),
        e.multi("ProcessDescription", step.titles, f"{_TYPE}/ProcessDescription/1/0"),
        e.prop("PlannedProcessTime", step.planned_s, f"{_TYPE}/PlannedProcessTime/1/0", type_="xs:duration"),
        group("ProductParameters", _parameters(step.product, "ProductParameter")),
        group("ProcessParameters", _parameters(step.set_points, "SetPoint")),
        group("ResourceParameters", _parameters(step.resources, "ResourceParameter")),
        group("ProcessBoM", _materials(step.materials)),
    ]


def _parameters(told: dict[str, str], sem: str) -> list[Json]:
    names = shorts(told)
    return [e.prop(names[name], value, sem) for name, value in sorted(told.items()) if value]


def _materials(materials: Sequence[Material]) -> list[Json]:
    names = shorts([one.item for one in materials], "Part_")
    return [
        e.collection(f"{names[one.item]}_{place:02d}", [
            e.prop("ItemNumber", one.item, "Item"),
            e.decimal("Quantity", one.quantity, "Quantity"),
            e.prop("Unit", one.unit, "Unit"),
            *optional(e.texts("Lots", one.lots, "LotNumbers"), one.lots),
        ], "MaterialEntry")
        for place, one in enumerate(materials)
    ]


def _happened(step: Step) -> list[Json]:
    stage = e.collection("ProcessStage__00__", [
        e.prop("StageId", "run", f"{_DONE}/ProcessStage/StageId/1/0"),
        e.prop("StartTime", step.started, f"{_DONE}/ProcessStage/StartTime/1/0"),
        e.prop("EndTime", step.ended, f"{_DONE}/ProcessStage/EndTime/1/0"),
        e.prop("Result", step.state, f"{_DONE}/ProcessStage/Result/1/0"),
    ], f"{_DONE}/ProcessStage/1/0")
    errors = [
        e.collection(f"ProcessError__{place:02d}__", [
            e.prop("ErrorCode", reason, f"{_DONE}/ProcessError/ErrorCode/1/0"),
            e.prop("ErrorDescription", f"{reason}: {pieces}", f"{_DONE}/ProcessError/ErrorDescription/1/0"),
        ], f"{_DONE}/ProcessError/1/0")
        for place, (reason, pieces) in enumerate(sorted(step.scrapped.items())) if Decimal(pieces)
    ]
    return [
        e.prop("ProcessStatus", step.state, f"{_DONE}/ProcessStatus/1/0"),
        e.prop("ProcessResult", f"good={step.good};scrap={step.scrap}", f"{_DONE}/ProcessResult/1/0"),
        e.prop("ProcessStartTime", step.started, f"{_DONE}/ProcessStartTime/1/0"),
        e.prop("ProcessEndTime", step.ended, f"{_DONE}/ProcessEndTime/1/0"),
        e.collection("ProcessStages", [stage], f"{_DONE}/ProcessStages/1/0"),
        e.collection("ProcessErrors", errors, f"{_DONE}/ProcessErrors/1/0"),
    ]
