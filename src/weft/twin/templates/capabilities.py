"""Capability Description (IDTA 02020): what a machine's work centres can do, with the limits of its set-points.

Filled from: capabilities of the work centres that name the machine; limits that its Thing Description declares.
Not here: which work is planned where (``production/``).
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import semantic, shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import also, optional, same, submodel

ID_SHORT: Final = "CapabilityDescription"
_BASE: Final = "https://admin-shell.io/idta/CapabilityDescription"
SEMANTIC: Final = "https://admin-shell.io/idta/SubmodelTemplate/CapabilityDescription/1/0"
VERSION: Final = {"version": "1", "revision": "0"}
_RANGE: Final = "https://admin-shell.io/idta/CapabilityPropertyEnumType/Range/1/0"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a set-point may be, in ``unit``; an end that is "" is open."""

    name: str
    title: str = ""
    unit: str = ""
    minimum: str = ""
    maximum: str = ""


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What ``machine`` can do: names of capabilities, each with what the work centres that offer it are called."""

    machine: str
    capabilities: dict[str, dict[str, str]]
    limits: tuple[Limit, ...] = ()


def gaps(abilities: Abilities) -> list[Gap]:
    """A machine none of whose work centres has a capability."""
    return [] if abilities.capabilities else [Gap(ID_SHORT, "capability", {"machine": abilities.machine})]


def build(name: str, abilities: Abilities) -> Json:
    """The submodel whose id is ``name``."""
    names = shorts(abilities.capabilities, "Can_")
    containers = [
        e.collection(f"{names[one]}_Container", _container(names[one], one, centres, abilities.limits),
                     f"{_BASE}/CapabilityContainer/1/0")
        for one, centres in sorted(abilities.capabilities.items())
    ]
    return submodel(name, ID_SHORT, [e.collection("CapabilitySet", containers, f"{_BASE}/CapabilitySet/1/0")],
                    SEMANTIC, VERSION)


def _container(short: str, ability: str, centres: dict[str, str], limits: tuple[Limit, ...]) -> list[Json]:
    offered = {"kind": "ConceptQualifier", "type": "Offered", "valueType": "xs:boolean", "value": "true"}
    made = also(e.element("Capability", short, f"{_BASE}/Capability/1/0", same(ability)),
                semantic(f"Capability:{short.removeprefix('Can_')}"))
    properties = [_property(one, shorts([each.name for each in limits])[one.name]) for one in limits]
    return [
        {**made, "qualifiers": [offered]},
        *optional(e.multi("CapabilityComment", centres, f"{_BASE}/CapabilityComment/1/0"), centres),
        *optional(e.collection("PropertySet", properties, f"{_BASE}/PropertySet/1/0"), properties),
    ]


def _property(limit: Limit, short: str) -> Json:
    inner = e.range_(short, limit.minimum, limit.maximum, "xs:string", _RANGE)
    comment = same(f"{limit.title or limit.name} {limit.unit}".strip())
    return e.collection(f"{short}_Container", [
        e.qualified(inner, unit=limit.unit),
        e.multi("PropertyComment", comment, f"{_BASE}/PropertyComment/1/0"),
    ], f"{_BASE}/PropertyContainer/1/0")
