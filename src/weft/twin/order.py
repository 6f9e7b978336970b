"""The twin of a production order: what is made until when, its jobs with their progress, its material.

States of jobs are those of ISA-95 job orders (OPC 10031-4).
Rule 1: the customer is named by the order thread only; who that is stays in the thread.
Not here: the order between two firms (``trade``), machines (``machine.py``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, short, submodel_id
from weft.twin.templates.gaps import Gap

NAMES: Final = ("Jobs", "Materials", "ProductionOrder")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the order; instants are ISO strings, "" while not known."""

    id: str
    operation: int
    zh: str = ""
    en: str = ""
    state: str
    quantity: str
    good: str = "0"
    scrap: str = "0"
    work_centre: str = ""
    machine: str = ""
    started: str = ""
    ended: str = ""


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What the order consumes; ``at``: when it is promised to be here."""

    item: str
    quantity: str
    unit: str = "C62"
    source: str = "stock"
    at: str = ""
    arrived: bool = False
    lots: tuple[str, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A production order as its shell shows it; ``closed`` is "", done or cancelled.

    ``templates``: records of IDTA templates.
    """

    shell: str
    item_shell: str
    id: str
    item: str
    quantity: str
    unit: str = "C62"
    made: str = "0"
    due: str = ""
    promise: str = ""
    first_promise: str = ""
    thread: str = ""
    parent: str = ""
    closed: str = ""
    jobs: tuple[Job, ...] = ()
    materials: tuple[Material, ...] = ()
    templates: Sequence[Any] = ()


def shell(order: Order) -> Json:
    """The shell of ``order``."""
    about = e.asset(asset_id(order.shell), "Instance", {"productionOrder": order.id, "item": order.item})
    names = [submodel_id(order.shell, one) for one in submodel_names(order)]
    return e.shell(order.shell, short(order.id, "Order_"), about, names, {"en": f"{order.item} {order.id}"})


def submodel_names(order: Order) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    return tuple(sorted({*(name for name in NAMES if _has(order, name)), *templates.names(order.templates)}))


def gaps(order: Order) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(order.templates)


def _has(order: Order, name: str) -> bool:
    return bool({"Jobs": order.jobs, "Materials": order.materials}.get(name, True))


def submodel(order: Order, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES:
        return templates.build(order.shell, order.templates, name)
    if not _has(order, name):
        return None
    build = {"Jobs": _jobs, "Materials": _materials, "ProductionOrder": _data}[name]
    return e.submodel(submodel_id(order.shell, name), name, build(order))


def state_of(order: Order) -> str:
    """The order as a whole: Planned, Running, Done or Cancelled."""
    if order.closed:
        return order.closed.capitalize()
    return "Running" if any(one.started for one in order.jobs) else "Planned"


def _data(order: Order) -> list[Json]:
    return [
        e.prop("Number", order.id, "ProductionOrder"),
        e.prop("ItemNumber", order.item, "Item"),
        e.shell_reference("Item", order.item_shell, "ItemReference"),
        e.decimal("Quantity", order.quantity, "Quantity"),
        e.decimal("Made", order.made, "MadeQuantity"),
        e.prop("Unit", order.unit, "Unit"),
        e.prop("State", state_of(order), "OrderState"),
        e.instant("Due", order.due, "Due"),
        e.instant("Promise", order.promise, "Promise"),
        e.instant("FirstPromise", order.first_promise, "FirstPromise"),
        e.prop("OrderThread", order.thread, "OrderThread"),
        e.prop("Parent", order.parent, "ParentOrder"),
    ]


def _jobs(order: Order) -> list[Json]:
    return [
        e.collection(short(f"{one.operation:03d}", "Operation_"), [
            e.prop("Job", one.id, "Job"),
            e.prop("Operation", one.operation, "Operation", type_="xs:int"),
            *([e.multi("Description", {"zh": one.zh, "en": one.en}, "Description")] if one.zh or one.en else ()),
            e.prop("State", one.state, "JobState"),
            e.decimal("Target", one.quantity, "TargetQuantity"),
            e.decimal("Good", one.good, "GoodQuantity"),
            e.decimal("Scrap", one.scrap, "ScrapQuantity"),
            e.prop("WorkCentre", one.work_centre, "WorkCentre"),
            e.prop("Machine", one.machine, "Machine"),
            e.instant("Started", one.started, "Started"),
            e.instant("Ended", one.ended, "Ended"),
        ], "JobEntry")
        for one in sorted(order.jobs, key=lambda job: job.operation)
    ]


def _materials(order: Order) -> list[Json]:
    rows = [
        e.collection("", [
            e.prop("ItemNumber", one.item, "Item"),
            e.decimal("Quantity", one.quantity, "Quantity"),
            e.prop("Unit", one.unit, "Unit"),
            e.prop("Source", one.source, "SupplySource"),
            e.instant("PromisedAt", one.at, "Promise"),
            e.prop("Arrived", one.arrived, "Arrived"),
            *([e.texts("Lots", one.lots, "LotNumbers")] if one.lots else ()),
        ], "MaterialEntry")
        for one in order.materials
    ]
    return [e.listing("Lines", rows, "MaterialLines")]
