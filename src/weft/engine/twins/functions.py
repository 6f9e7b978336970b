"""What stands behind the operations of twins: functions of this node.

IDTA 02008-1-1 §2.6 (Time Series Data); operations of machines of our own (``twin/operating``).
Rule 1: only twins that follow from the books have functions: what somebody wrote does nothing here.
Rule 2: a machine is asked by ``engine/ordering`` alone, past the guard of its description; what came of it is told in
        words that nobody mistakes for done: confirmed, refused or unknown.
Not here: checking what is asked for, waiting for it (``operations.py``), what a series holds (``twin/templates``).
"""

from collections.abc import Callable, Mapping
from typing import Any

from weft.basis.errors import Invalid, NotFound, Refused
from weft.basis.instant import from_ms
from weft.engine.machine_orders import Answer, Orders
from weft.engine.twins.operations import Asked, Find, Function, Said
from weft.engine.twins.repository import Repository
from weft.shopfloor.connection import Value
from weft.twin import operating
from weft.twin.elements import Json
from weft.twin.names import read_submodel
from weft.twin.templates.series import OPERATIONS


def functions(twins: Repository, orders: Callable[[], Orders | None]) -> Find:
    """The functions behind the operations of ``twins``; ``orders`` asks machines, None where there are none."""

    async def read_series(asked: Asked) -> Said:
        outputs = await twins.derived.invoke(asked.submodel["id"], asked.path, list(asked.given.values()))
        return Said({one["idShort"]: one for one in outputs})

    async def ask_machine(asked: Asked) -> Said:
        found = read_submodel(twins.derived.home.organisation, asked.submodel["id"])
        meant = await twins.derived.meant(asked.submodel["id"], asked.path)
        if found is None or meant is None:
            raise NotFound("twin.operation", name=asked.path[:80])
        asking = orders()
        if asking is None:
            return _said(asked, Answer("refused", error=Refused("machine.writing-stopped", machine=found[1])))
        return _said(asked, await _ask(asking, found[1], meant, asked.given))

    series, machine = Function(read_series), Function(ask_machine, {"Outcome": "unknown", "Reason": "still-open"})

    def find(submodel: Json, path: str) -> Function | None:
        found = read_submodel(twins.derived.home.organisation, submodel["id"])
        if found is None:
            return None
        if found[0] == "machine" and found[2] == operating.ID_SHORT:
            return machine
        return series if path in OPERATIONS else None

    return find


async def _ask(orders: Orders, machine: str, meant: tuple[str, str], given: Mapping[str, Json]) -> Answer:
    what, name = meant
    if what == operating.READ:
        return await orders.read(machine, name)
    if what == operating.WRITE:
        if "value" not in given["Value"]:
            raise Invalid("twin.argument-missing", name="Value")
        return await orders.write(machine, name, operating.scalar(given["Value"]), _text(given, "CommandId"))
    if what == operating.CALL:
        return await orders.call(machine, name, _text(given, "CommandId"))
    job = _text(given, "Job")
    if what == operating.LOAD:
        return await orders.load(machine, job)
    if not job:
        raise Invalid("twin.argument-missing", name="Job")
    return await orders.start(machine, job)


def _text(given: Mapping[str, Json], name: str) -> str:
    return str(given.get(name, {}).get("value", ""))


def _said(asked: Asked, answer: Answer) -> Said:
    """``answer`` as outputs of the operation; one without a value is left out."""
    told = {"Outcome": answer.status, "Reason": answer.reason, "JobId": answer.job, "Command": answer.command}
    declared = {one["value"]["idShort"]: one["value"] for one in asked.operation.get("outputVariables", ())}
    values: dict[str, Any] = {name: value for name, value in told.items() if value and name in declared}
    values |= _reading(declared, answer.value)
    return Said(values, answer.error, known=answer.status != "unknown")


def _reading(declared: Mapping[str, Json], value: Value | None) -> dict[str, Json]:
    """What the machine says, and since when by its own clock."""
    name = "ReadBack" if "ReadBack" in declared else "Value"
    if value is None or name not in declared or not value.good:
        return {}
    text = operating.lexical(value.value, declared[name]["valueType"])
    made = {name: {**declared[name], "value": text}} if text else {}
    if value.source_ms and "Time" in declared:
        made["Time"] = {**declared["Time"], "value": from_ms(value.source_ms)}
    return made
