"""The twin of a machine: nameplate, connection with its Thing Description, current job, live operational data.

Element ids after IDTA 02006-3-0-1 (Digital Nameplate) where they fit; W3C WoT Thing Description 1.1 as a Blob.
Rule 1: a value shows where the Thing Description says (its twin target); nothing else decides its place.
Rule 2: a value that is not good is not shown as if it were: the property loses its value, a qualifier says why.
Not here: reading machines, the same as an Asset Interfaces Description (``templates/interfaces.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import operating, templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, distinct, short, submodel_id
from weft.twin.templates import calendar, capabilities, interfaces, mapping, series
from weft.twin.templates.gaps import Gap

OWN: Final = ("Connection", "CurrentJob", "Nameplate", "OperationalData", operating.ID_SHORT)
TEMPLATES: Final = frozenset({series.ID_SHORT, capabilities.ID_SHORT, calendar.ID_SHORT, interfaces.ID_SHORT,
                              mapping.ID_SHORT, mapping.Relations.ID_SHORT})
TD_TYPE: Final = "application/td+json"
_TYPES: Final = {"boolean": "xs:boolean", "integer": "xs:long", "number": "xs:double", "string": "xs:string"}


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One property of the machine and its place in the shell; ``value`` None means no good data now.

    ``at``: the device's stamp or the instant of arrival; ``minimum``/``maximum``: limits in ``unit``. ``write``: it may
    be written by itself, in steps of ``step`` at most, to one of ``allowed`` where there are such.
    """

    name: str
    title: str = ""
    type: str = "string"
    unit: str = ""
    submodel: str = "OperationalData"
    path: str = ""
    minimum: str = ""
    maximum: str = ""
    value: bool | int | float | str | None = None
    quality: str = "missing"
    at: str = ""
    write: bool = False
    step: str = ""
    allowed: tuple[str, ...] = ()


class CurrentJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine is doing; all empty when nothing."""

    job: str = ""
    order: str = ""
    item: str = ""
    operation: int = 0
    state: str = ""
    target: str = ""
    good: str = "0"
    scrap: str = "0"
    started: str = ""
    alarm: str = ""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as its shell shows it. ``thing``: its Thing Description as JSON text; ``up``: the link now.

    ``actions``: titles of those that may be called by themselves, by name. ``takes_jobs``: its description says how a
    job is loaded. ``templates``: records of IDTA templates.
    """

    shell: str
    name: str
    title: str = ""
    titles: dict[str, str] = {}
    kind: str = ""
    thing: str = ""
    thing_id: str = ""
    address: str = ""
    scheme: str = ""
    start_mode: str = "operator"
    up: bool = False
    heard: str = ""
    signals: tuple[Signal, ...] = ()
    job: CurrentJob = CurrentJob()
    actions: Mapping[str, str] = {}
    takes_jobs: bool = False
    templates: Sequence[Any] = ()


def shell(machine: Machine) -> Json:
    """The shell of ``machine``."""
    about = e.asset(asset_id(machine.shell), specific={"machine": machine.name, "thing": machine.thing_id})
    names = [submodel_id(machine.shell, one) for one in submodel_names(machine)]
    return e.shell(machine.shell, short(machine.name, "Machine_"), about, names, _titles(machine))


def _titles(machine: Machine) -> dict[str, str]:
    return machine.titles or {"en": machine.title or machine.name}


def submodel_names(machine: Machine) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted: our own and those that its twin targets name."""
    placed = {_place(one) for one in machine.signals}
    return tuple(sorted({*OWN, *placed, *templates.names(machine.templates)}))


def gaps(machine: Machine) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(machine.templates)


def submodel(machine: Machine, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in submodel_names(machine):
        return None
    if name in TEMPLATES:
        return templates.build(machine.shell, machine.templates, name)
    own = {"Connection": _connection, "CurrentJob": _job, "Nameplate": _nameplate,
           operating.ID_SHORT: operating.elements}.get(name)
    inner = own(machine) if own else _placed(one for one in machine.signals if _place(one) == name)
    return e.submodel(submodel_id(machine.shell, name), name, inner)


def _place(signal: Signal) -> str:
    """The submodel that shows ``signal``; what would fall among our own elements goes beside them."""
    name = short(signal.submodel or "OperationalData")
    return f"{name}Signals" if (name in OWN and name != "OperationalData") or name in TEMPLATES else name


def _nameplate(machine: Machine) -> list[Json]:
    designation = {lang: text for lang, text in _titles(machine).items() if text}
    return [
        e.prop("URIOfTheProduct", machine.shell, "0112/2///61987#ABN590#002", type_="xs:anyURI"),
        e.multi("ManufacturerProductDesignation", designation, "0112/2///61987#ABA567#009"),
        e.prop("Kind", machine.kind, "MachineKind"),
    ]


def _connection(machine: Machine) -> list[Json]:
    described = [e.blob("ThingDescription", machine.thing.encode(), TD_TYPE, "https://www.w3.org/2022/wot/td/v1.1")]
    return [
        e.prop("Connected", machine.up, "Connected"),
        e.instant("LastHeard", machine.heard, "LastHeard"),
        e.prop("Protocol", machine.scheme, "Protocol"),
        e.prop("Address", machine.address, "Address", type_="xs:anyURI"),
        e.prop("StartMode", machine.start_mode, "StartMode"),
        *(described if machine.thing else ()),
    ]


def _job(machine: Machine) -> list[Json]:
    job = machine.job
    return [
        e.prop("Job", job.job, "Job"),
        e.prop("ProductionOrder", job.order, "ProductionOrder"),
        e.prop("Item", job.item, "Item"),
        e.prop("Operation", job.operation if job.job else None, "Operation", type_="xs:int"),
        e.prop("State", job.state, "JobState"),
        e.decimal("Target", job.target, "TargetQuantity"),
        e.decimal("Good", job.good, "GoodQuantity"),
        e.decimal("Scrap", job.scrap, "ScrapQuantity"),
        e.instant("Started", job.started, "Started"),
        e.prop("Alarm", job.alarm, "Alarm"),
    ]


def property_at(machine: Machine, name: str, path: str) -> str:
    """The machine's own name of the property that submodel ``name`` shows at ``path``; "" when it shows none."""
    head, _, rest = path.partition(".")
    found = _tree(one for one in machine.signals if _place(one) == name).get(head)
    if isinstance(found, Signal):
        return found.name if not rest else ""
    return found[rest].name if found and rest in found else ""


def places(machine: Machine) -> dict[str, tuple[str, str]]:
    """(submodel, path) at which each property of the machine is shown, by the machine's own name of it."""
    found: dict[str, tuple[str, str]] = {}
    for submodel_name in submodel_names(machine):
        for head, shown in _tree(one for one in machine.signals if _place(one) == submodel_name).items():
            within = {"": shown} if isinstance(shown, Signal) else {f".{name}": one for name, one in shown.items()}
            found |= {one.name: (submodel_name, head + rest) for rest, one in within.items()}
    return found


def _placed(signals: Iterable[Signal]) -> list[Json]:
    return [_property(one, name) if isinstance(one, Signal)
            else e.collection(name, [_property(signal, inner) for inner, signal in one.items()])
            for name, one in _tree(signals).items()]


def _tree(signals: Iterable[Signal]) -> dict[str, Signal | dict[str, Signal]]:
    """Signals as a tree of collections; a path that is taken already is written flat."""
    tree: dict[str, Signal | dict[str, Signal]] = {}
    for signal in signals:
        path = signal.path or signal.name[:1].upper() + signal.name[1:]
        head, _, rest = path.partition(".")
        group = tree.setdefault(short(head), {}) if rest else None
        if isinstance(group, dict) and short(rest) not in group:
            group[short(rest)] = signal
        else:
            flat = short(path)
            tree[flat if flat not in tree else distinct(signal.name, "Signal_")] = signal
    return tree


def _property(signal: Signal, id_short: str) -> Json:
    kind = _TYPES.get(signal.type, "xs:string")
    value = signal.value
    if kind == "xs:double" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    made = e.prop(id_short, value, "Signal", type_=kind, title={"en": signal.title})
    qualifiers: Mapping[str, str] = {"unit": signal.unit, "quality": signal.quality, "time": signal.at,
                                     "minimum": signal.minimum, "maximum": signal.maximum}
    return e.qualified(made, **qualifiers)

