"""What lies within a submodel, as far as it was opened: elements with names, values, units and their last minutes.

Rule 1: no level shows more than ``LEVEL`` at first, no twin more than ``PARTS_MAX``; how many follow is told.
Rule 2: a name is the element's own, else that of the concept that it means; words for what we know come at the edge.
Rule 3: what may be changed is what was written, and what a machine lets us write.
Not here: how it looks (``doors/console``), the change itself (``engine/commands/twins.py``).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.basis.instant import to_ms
from weft.engine.views.shape import View
from weft.shopfloor.description import Description
from weft.shopfloor.jobcontrol import JOBS_OWN
from weft.shopfloor.reading import parse_text
from weft.twin.elements import Json
from weft.twin.names import encode_id, read_shell, read_submodel
from weft.twin.paths import children

LEVEL: Final = 100
PARTS_MAX: Final = 2_000
OPEN_MAX: Final = 60
CONCEPTS_MAX: Final = 400
RECORDS_MAX: Final = 2_000
CHART_POINTS: Final = 120
CHARTS_MAX: Final = 12
TIME_SERIES: Final = "https://admin-shell.io/idta/TimeSeries/"
OURS: Final = "urn:weft:aas:1:"
KNOWN: Final = (OURS, "https://admin-shell.io/", "https://admin-shell-io/", "0173-1#", "0112/2///")
CHANGEABLE: Final = frozenset({"Property", "MultiLanguageProperty", "Range"})
_SHELL_KEYS: Final = frozenset({"AssetAdministrationShell", "Submodel"})

Points = tuple[tuple[int, float], ...]


class Part(View, frozen=True, kw_only=True):
    """One element. ``value``, ``low`` and ``high`` are as stored; ``texts`` are (language, text).

    ``known``: its semantic id is of a dictionary whose idShorts we know by name. ``inside``: how many elements lie
    within; ``more``: how many of them are not shown. ``leads``: address of the twin it points to. ``size`` in bytes.
    """

    path: str
    id_short: str
    zh: str = ""
    en: str = ""
    kind: str
    semantic: str = ""
    known: bool = False
    type: str = ""
    value: str = ""
    low: str = ""
    high: str = ""
    texts: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    quality: str = ""
    leads: str = ""
    media: str = ""
    size: int = 0
    file: bool = False
    changeable: bool = False
    inside: int = 0
    open: bool = False
    more: int = 0
    parts: "tuple[Part, ...]" = ()
    points: Points = ()


class Series(View, frozen=True, kw_only=True):
    """One column of recorded values, as (ms or number of the record, value)."""

    id_short: str
    zh: str = ""
    en: str = ""
    value: str = ""
    unit: str = ""
    points: Points = ()


class Shown(View, frozen=True, kw_only=True):
    """A submodel as far as it is open."""

    zh: str
    en: str
    semantic: str
    known: bool
    open: bool
    inside: int
    more: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """Which pieces are open, and how much of each is shown: ``2`` is the third submodel, ``2:Path~300`` a piece."""

    pieces: Mapping[tuple[int, str], int]

    @classmethod
    def read(cls, text: str) -> "Opened":
        """From the address; what makes no sense is not open."""
        found: dict[tuple[int, str], int] = {}
        for token in text.split()[:OPEN_MAX]:
            head, _, most = token.partition("~")
            n, _, path = head.partition(":")
            if n.isdecimal() and len(n) < 6:
                found[int(n), path] = int(most) if most.isdecimal() and len(most) < 7 else LEVEL
        return cls(found)

    def shown(self, n: int, path: str) -> int:
        """How many elements of the piece are shown; 0: it is not open."""
        return self.pieces.get((n, path), 0)


def texts_in(given: Any) -> dict[str, str]:
    """The text in Chinese and in English, where there is one; another language stands in where there is neither."""
    found: dict[str, str] = {}
    for one in given or ():
        lang = str(one.get("language", "")).split("-")[0].lower()
        found.setdefault(lang, str(one.get("text", "")))
    if not found.get("zh") and not found.get("en") and found:
        found["en"] = next(iter(found.values()))
    return found


def last_key(reference: Any) -> str:
    """The value of the last key of a reference; "" without one."""
    keys = reference.get("keys", ()) if isinstance(reference, dict) else ()
    return str(keys[-1].get("value", "")) if keys else ""


@dataclass(slots=True)
class Machine:
    """What a machine's submodels show: its own name of the property at each place, and its description."""

    name: str
    places: dict[tuple[str, str], str]
    described: Description | None

    def at(self, submodel: str, path: str) -> Any:
        """The property that is shown there, or None."""
        own = self.places.get((submodel, path))
        return self.described.properties.get(own) if own and self.described else None


@dataclass(slots=True)
class Tree:
    """The pieces of one twin. ``node`` says what machines told last."""

    node: Any
    opened: Opened
    left: int = PARTS_MAX
    _concepts: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    _machines: dict[str, Machine] = field(default_factory=dict)

    async def shown(self, n: int, name: str, document: Json) -> Shown:
        """The submodel called ``name``, ``n``-th of its shell, as far as it is open."""
        within, most = children(document), self.opened.shown(n, "")
        semantic = last_key(document.get("semanticId"))
        names = await self._names(document, semantic)
        place = _Place(n, name, await self._machine(name), self.node.twins.owns(name))
        parts = await self._parts(place, "", document, within[:most])
        return Shown(zh=names.get("zh", ""), en=names.get("en", ""), semantic=semantic, known=_known(semantic),
                     open=bool(most), inside=len(within), parts=parts, more=max(0, len(within) - len(parts)))

    async def one(self, name: str, path: str, element: Json) -> Part:
        """One element of the submodel called ``name``, by itself."""
        return await self._part(_Place(0, name, await self._machine(name), self.node.twins.owns(name)), path, element)

    async def _machine(self, submodel: str) -> Machine | None:
        found = read_submodel(self.node.organisation, submodel)
        if found is None or found[0] != "machine":
            return None
        name = found[1]
        if name not in self._machines:
            places = {place: own for own, place in (await self.node.twins.derived.places(name)).items()}
            known = (await self.node.state(self.node.book("floor"))).machines.get(name)
            self._machines[name] = Machine(name, places, _described(known.description) if known else None)
        return self._machines[name]

    async def _parts(self, place: "_Place", at: str, holder: Json, shown: Sequence[Json]) -> tuple[Part, ...]:
        made: list[Part] = []
        listed = holder["modelType"] == "SubmodelElementList"
        for index, one in enumerate(shown):
            if self.left <= 0:
                break
            self.left -= 1
            short = one.get("idShort", "")
            path = f"{at}[{index}]" if listed else f"{at}.{short}" if at else short
            made.append(await self._part(place, path, one))
        return tuple(made)

    async def _part(self, place: "_Place", path: str, one: Json) -> Part:
        within, most = children(one), self.opened.shown(place.n, path)
        semantic = last_key(one.get("semanticId"))
        names = await self._names(one, semantic)
        told = {q.get("type", ""): q.get("value", "") for q in one.get("qualifiers", ())}
        prop = place.machine.at(place.submodel, path) if place.machine else None
        parts = await self._parts(place, path, one, within[:most])
        unit = told.get("unit", "") or self._concepts.get(semantic, ({}, ""))[1]
        return Part(
            path=path, id_short=one.get("idShort", ""), zh=names.get("zh", ""), en=names.get("en", ""),
            kind=one["modelType"], semantic=semantic, known=_known(semantic), unit=unit,
            quality=told.get("quality", ""), inside=len(within), open=bool(most), parts=parts,
            more=max(0, len(within) - len(parts)), points=self._points(place, prop),
            changeable=one["modelType"] in CHANGEABLE and (_by_hand(prop) if place.kept else True),
            **{**_said(one), **self._owned(one)})

    def _owned(self, one: Json) -> dict[str, str]:
        """Where an entity leads whose asset is one of ours."""
        asset = str(one.get("globalAssetId", "")) if one["modelType"] == "Entity" else ""
        shell = asset.removesuffix(":asset")
        return {"leads": encode_id(shell)} if asset and read_shell(self.node.organisation, shell) else {}

    def _points(self, place: "_Place", prop: Any) -> Points:
        if place.machine is None or prop is None or not prop.numeric:
            return ()
        return thinned(self.node.live.history(place.machine.name, prop.name))

    async def _names(self, one: Json, semantic: str) -> dict[str, str]:
        own = texts_in(one.get("displayName"))
        ours = not semantic or semantic.startswith(OURS)
        if not ours and semantic not in self._concepts and len(self._concepts) < CONCEPTS_MAX:
            row = await self.node.twins.store.get("concept", semantic)
            self._concepts[semantic] = _concept(msgspec.json.decode(row.body)) if row else ({}, "")
        return {**self._concepts.get(semantic, ({}, ""))[0], **own}

    def series(self, document: Json) -> tuple[Series, ...]:
        """The columns of a submodel of the template Time Series, as recorded within it."""
        if not last_key(document.get("semanticId")).startswith(TIME_SERIES):
            return ()
        columns: dict[str, list[tuple[int, float]]] = {}
        for place, record in enumerate(_records(document)):
            for name, at, value in _numbers(record, place):
                columns.setdefault(name, []).append((at, value))
        units = _units(document)
        return tuple(Series(id_short=name, unit=units.get(name, ""), value=f"{points[-1][1]:.6g}",
                            points=thinned(points)) for name, points in list(columns.items())[:CHARTS_MAX])


@dataclass(frozen=True, slots=True)
class _Place:
    """Which submodel is gone through: the ``n``-th, of this machine, kept by our books or not."""

    n: int
    submodel: str
    machine: Machine | None
    kept: bool


def _by_hand(prop: Any) -> bool:
    """Whether a machine lets this property be written by itself."""
    return prop is not None and prop.write and prop.role not in JOBS_OWN


def _known(semantic: str) -> bool:
    return semantic.startswith(KNOWN)


def _described(text: str) -> Description | None:
    try:
        return parse_text(text)
    except Invalid:
        return None


def _concept(document: Json) -> tuple[dict[str, str], str]:
    """Names and unit of a concept description: its own name, else the preferred one of IEC 61360."""
    for one in document.get("embeddedDataSpecifications", ()):
        content = one.get("dataSpecificationContent", {})
        return ({**texts_in(content.get("preferredName")), **texts_in(document.get("displayName"))},
                str(content.get("unit", "")))
    return texts_in(document.get("displayName")), ""


def _said(one: Json) -> dict[str, Any]:
    """What the element says, as fields of a ``Part``."""
    kind, value = one["modelType"], one.get("value")
    if kind == "Property":
        return {"type": one.get("valueType", ""), "value": value or ""}
    if kind == "MultiLanguageProperty":
        return {"texts": tuple((text.get("language", ""), text.get("text", "")) for text in value or ())}
    if kind == "Range":
        return {"type": one.get("valueType", ""), "low": one.get("min", ""), "high": one.get("max", "")}
    if kind == "File":
        return {"value": value or "", "media": one.get("contentType", ""), "file": bool(value)}
    if kind == "Blob":
        return {"media": one.get("contentType", ""), "size": len(value or "") * 3 // 4, "file": bool(value)}
    return _pointing(one)


def _pointing(one: Json) -> dict[str, Any]:
    """What an element that names others says."""
    kind = one["modelType"]
    if kind == "ReferenceElement":
        return {"value": last_key(one.get("value")), "leads": _leads(one.get("value"))}
    if kind in ("RelationshipElement", "AnnotatedRelationshipElement"):
        return {"value": " → ".join(filter(None, (last_key(one.get("first")), last_key(one.get("second")))))}
    if kind == "Entity":
        return {"value": one.get("globalAssetId", "")}
    return {"value": last_key(one.get("observed"))} if kind == "BasicEventElement" else {}


def _leads(reference: Any) -> str:
    keys = reference.get("keys", ()) if isinstance(reference, dict) else ()
    return encode_id(keys[0]["value"]) if keys and keys[0].get("type") in _SHELL_KEYS else ""


# ---- numbers over time -------------------------------------------------------------------------------


def thinned(points: Any) -> Points:
    """As many of ``points`` as a small chart shows; what is no number is left out."""
    numbers = [(int(ms), float(one)) for ms, one in points if isinstance(one, int | float) and math.isfinite(one)]
    return tuple(numbers[::max(1, len(numbers) // CHART_POINTS)])


def _records(document: Json) -> Iterator[Json]:
    """The records within the segments of a time series, in their order."""
    left = RECORDS_MAX
    for segments in children(document):
        if last_key(segments.get("semanticId")).startswith(f"{TIME_SERIES}Segments/"):
            for segment in children(segments):
                for held in children(segment):
                    if last_key(held.get("semanticId")).startswith(f"{TIME_SERIES}Records/"):
                        yield from children(held)[:left]
                        left -= len(children(held)[:left])


def _units(document: Json) -> dict[str, str]:
    """The unit of each column, where the description of the records tells it."""
    found = {}
    for described in children(document):
        for record in children(described) if described.get("idShort") == "Metadata" else ():
            for column in children(record):
                unit = next((q.get("value", "") for q in column.get("qualifiers", ()) if q.get("type") == "unit"), "")
                found[column.get("idShort", "")] = unit
    return found


def _numbers(record: Json, place: int) -> Iterator[tuple[str, int, float]]:
    """(name, when, value) of the numbers in ``record``; without a readable time its place in the row counts."""
    at = place
    for one in children(record):
        semantic = last_key(one.get("semanticId"))
        if semantic.startswith(f"{TIME_SERIES}UtcTime/"):
            at = _ms(one.get("value", ""), place)
    for one in children(record):
        if one["modelType"] == "Property" and not last_key(one.get("semanticId")).startswith(TIME_SERIES):
            number = _float(one.get("value"))
            if number is not None:
                yield one.get("idShort", ""), at, number


def _ms(text: str, otherwise: int) -> int:
    try:
        return to_ms(text)
    except Invalid:
        return otherwise


def _float(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None

