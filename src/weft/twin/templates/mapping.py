"""Asset Interfaces Mapping Configuration (IDTA 02027-2-0): which value of a machine goes where in its twin.

Filled from: the Thing Description of the machine and the places at which its values are shown.
Rule 1: what goes as it is stands in one configuration; what is scaled has one of its own, with a Lua script.
Rule 2: it tells others how to read: what is written to a machine goes through this node, which guards it.
Not here: how a value is reached (``interfaces.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import submodel_id
from weft.twin.templates import interfaces
from weft.twin.templates.gaps import Gap
from weft.twin.templates.interfaces import Described
from weft.twin.templates.parts import listing, submodel

ID_SHORT: Final = "AssetInterfacesMappingConfiguration"
_BASE: Final = "https://admin-shell.io/idta/AssetInterfacesMappingConfiguration"
_CONFIGURATION: Final = f"{_BASE}/2/0/MappingConfiguration"
SEMANTIC: Final = f"{_BASE}/2/0/Submodel"
VERSION: Final = {"version": "2", "revision": "0", "templateId": "https://admin-shell.io/IDTA 02027-2-0"}
POLLING_MS: Final = 500  # as the node asks where nothing is said


class Place(msgspec.Struct, frozen=True):
    """Where a value is shown: the id of the submodel, and the idShorts down to it."""

    submodel: str
    path: tuple[str, ...]

    @property
    def reference(self) -> Json:
        """A reference to it."""
        inner = [("SubmodelElementCollection", one) for one in self.path[:-1]]
        return e.model(("Submodel", self.submodel), *inner, ("Property", self.path[-1]))


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """Where the values of a machine go: ``places`` of its properties by name; ``shell``: the id of its shell."""

    shell: str
    described: Described
    places: Mapping[str, Place]


def gaps(mapped: Mapped) -> list[Gap]:
    """A machine without a property maps nothing."""
    return [] if mapped.places else [Gap(ID_SHORT, "no-property", {"machine": mapped.described.machine})]


def build(name: str, mapped: Mapped) -> Json:
    """The submodel whose id is ``name``."""
    plain = [one for one in mapped.places if _scaled(mapped, one) is None]
    configurations = [_configuration(mapped, plain)] if plain else []
    configurations += [_configuration(mapped, [one]) for one in mapped.places if _scaled(mapped, one) is not None]
    return submodel(name, ID_SHORT, [listing("MappingConfigurations", configurations,
                                             f"{_BASE}/1/0/MappingConfigurations", _CONFIGURATION)], SEMANTIC, VERSION)


def _configuration(mapped: Mapped, names: Sequence[str]) -> Json:
    return e.collection("", [
        e.prop("DefaultPollingInterval", _polling(mapped.described.thing), f"{_CONFIGURATION}/DefaultPollingInterval"),
        *_transformation(mapped, names),
        listing("Sources", [_source(mapped, one) for one in names], f"{_CONFIGURATION}/Sources",
                f"{_CONFIGURATION}/Source"),
        listing("Sinks", [_sink(mapped, one) for one in names], f"{_CONFIGURATION}/Sinks", f"{_CONFIGURATION}/Sink"),
    ], _CONFIGURATION)


def _source(mapped: Mapped, name: str) -> Json:
    own = interfaces.form_of(mapped.described.thing["properties"][name]).get("weft:pollingMs")
    polling = [e.prop("PollingInterval", own / 1000, f"{_CONFIGURATION}/Source/PollingInterval")
               ] if _positive(own) else []
    return e.collection("", [
        e.reference("Source", property_reference(mapped, name), f"{_CONFIGURATION}/Source/Source"), *polling,
        e.prop("SourceId", name, f"{_CONFIGURATION}/Source/SourceId"),
    ], f"{_CONFIGURATION}/Source")


def _sink(mapped: Mapped, name: str) -> Json:
    return e.collection("", [
        e.reference("Sink", mapped.places[name].reference, f"{_CONFIGURATION}/Sink/Sink"),
        e.prop("SinkId", name, f"{_CONFIGURATION}/Sink/SinkId"),
    ], f"{_CONFIGURATION}/Sink")


def property_reference(mapped: Mapped, name: str) -> Json:
    """A reference to the property ``name`` of the machine's interface."""
    described = mapped.described
    below = (described.protocol.id_short, interfaces.INTERACTIONS, "properties", described.names[name],
             *interfaces.below(described.thing["properties"][name]))
    return e.model(("Submodel", submodel_id(mapped.shell, interfaces.ID_SHORT)),
                   *(("SubmodelElementCollection", one) for one in below))


def _transformation(mapped: Mapped, names: Sequence[str]) -> Iterator[Json]:
    """The script of one that is scaled: AIMC has no other word for a factor."""
    scaled = _scaled(mapped, names[0])
    if scaled is not None:
        key = lua_text(names[0])
        script = (f"function aimc_main(sources)\n  return {{ [{key}] = sources[{key}] * {scaled[0]} + {scaled[1]} }}\n"
                  "end\n")
        yield e.blob("Transformation", script.encode(), "text/plain", f"{_CONFIGURATION}/Transformation")


def lua_text(text: str) -> str:
    """``text`` as a string of Lua: bytes outside the printable ones of ASCII as three digits."""
    inner = "".join(chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03d}" for one in text.encode())
    return f'"{inner}"'


def _scaled(mapped: Mapped, name: str) -> tuple[str, str] | None:
    """(factor, summand) as Lua writes numbers, or None for a value that goes as it is."""
    found = interfaces.scaling(mapped.described.thing["properties"][name])
    return None if found is None else (f"({found[0]:f})", f"({found[1]:f})")


def _polling(thing: Mapping[str, Any]) -> float:
    """Seconds; a protocol that speaks by itself takes no notice of it."""
    told = thing.get("weft:pollingMs")
    return (told if _positive(told) else POLLING_MS) / 1000


def _positive(given: Any) -> TypeGuard[int | float]:
    return isinstance(given, int | float) and not isinstance(given, bool) and given > 0


class Related(msgspec.Struct, frozen=True):
    """The same for readers that know version 1.0 alone."""

    mapped: Mapped


class Relations:
    """Version 1.0 (02027-1-0-1): pairs of source and sink. What is scaled is left out: it has no word for that."""

    ID_SHORT: Final = "AssetInterfacesMappingRelations"
    SEMANTIC: Final = f"{_BASE}/1/0/Submodel"
    VERSION: Final = {"version": "1", "revision": "0"}

    @staticmethod
    def gaps(related: Related) -> list[Gap]:
        """As of the newer version, with which it comes and goes."""
        return gaps(related.mapped)

    @classmethod
    def build(cls, name: str, related: Related) -> Json:
        """The submodel whose id is ``name``."""
        mapped = related.mapped
        relation = f"{_BASE}/1/0/MappingSourceSinkRelation"
        interface = e.model(("Submodel", submodel_id(mapped.shell, interfaces.ID_SHORT)),
                            ("SubmodelElementCollection", mapped.described.protocol.id_short))
        pairs = [e.relationship("", property_reference(mapped, one), mapped.places[one].reference, relation)
                 for one in mapped.places if _scaled(mapped, one) is None]
        configuration = e.collection("", [
            e.reference("InterfaceReference", interface, f"{_BASE}/1/0/InterfaceReference"),
            listing("MappingSourceSinkRelations", pairs, f"{relation}s", relation, "RelationshipElement"),
        ], f"{_BASE}/1/0/MappingConfiguration")
        return submodel(name, cls.ID_SHORT, [
            listing("MappingConfigurations", [configuration], f"{_BASE}/1/0/MappingConfigurations",
                    f"{_BASE}/1/0/MappingConfiguration")], cls.SEMANTIC, cls.VERSION)
