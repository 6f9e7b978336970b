"""What an IDTA submodel template asks for, read from its JSON: a tree of places, each with how often and what.

IDTA guidelines "How to create a submodel template specification" (qualifiers SMT/…); the old spelling without ``SMT/``
and the ones that published templates really hold (``FormChoices``, ``EditIdShort``, ``ZerotoOne``) are read alike.
Rule 1: example, default and initial values ask for nothing.
Rule 2: without a cardinality a place is asked for once, an entry of a list at least once.
Rule 3: several entries of one list with the same semantic id are one place: they are examples.
Not here: whether a submodel has it (``check.py``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from weft.basis.errors import Invalid

MANY: Final = 1_000_000_000
CHILDREN: Final = {"Submodel": "submodelElements", "SubmodelElementCollection": "value", "SubmodelElementList": "value",
                   "Entity": "statements", "AnnotatedRelationshipElement": "annotations"}
VARIABLES: Final = ("inputVariables", "outputVariables", "inoutputVariables")
ARBITRARY: Final = "https://admin-shell.io/SMT/General/Arbitrary"
_CARDINALITIES: Final = {"one": (1, 1), "zerotoone": (0, 1), "onetomany": (1, MANY), "zerotomany": (0, MANY),
                         "twotomany": (2, MANY), "recursive": (0, MANY)}
_NUMBERED: Final = re.compile(r"(.*?)(?:_*\{?0+\}?_*|_*\{[a-z]+\})")
_NUMBER: Final = re.compile(r"_*\d+_*")
_STANDS_IN: Final = re.compile(r"(\w+?)TemplateFor(\w+)|(property)_name")  # AID: it says itself that it is no name
_DEPTH_MAX: Final = 40


Naming = Literal["free", "exact", "may", "must"]


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One place: its element's ``kind`` (modelType), at least ``low`` and at most ``high`` of it, and what is in it.

    ``semantics``: the main semantic id, then its equals. Its idShort is ``stem``: exactly that, or with a number behind
    it that may or must be there; ``free``: any will do.
    """

    id_short: str
    kind: str
    low: int = 1
    high: int = 1
    semantics: tuple[str, ...] = ()
    stem: str = ""
    naming: Naming = "free"
    value_type: str = ""
    list_kind: str = ""
    list_value_type: str = ""
    allowed: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    either: str = ""
    children: tuple["Slot", ...] = ()

    def allows(self, name: str) -> bool:
        """Whether ``name`` is an idShort that the template gives."""
        if self.naming in ("free", "exact") or name == self.stem:
            return self.naming == "free" or (name == self.stem and self.naming != "must")
        return name.startswith(self.stem) and _NUMBER.fullmatch(name, len(self.stem)) is not None

    @property
    def listed(self) -> bool:
        """Whether its children are entries of a list, without names of their own."""
        return self.kind == "SubmodelElementList"


def joined(reference: Mapping[str, Any] | None) -> str:
    """A reference as one text: its keys' values, without the stray blanks that published templates hold."""
    keys = reference.get("keys", ()) if reference else ()
    return "/".join(re.sub(r"\s+", "", str(key.get("value", ""))) for key in keys)


def semantics_of(element: Mapping[str, Any]) -> tuple[str, ...]:
    """Its semantic ids: the main one first ("" when it has none), then the supplemental ones."""
    others = (joined(one) for one in element.get("supplementalSemanticIds", ()))
    return (joined(element.get("semanticId")), *(one for one in others if one))


def children_of(element: Mapping[str, Any]) -> list[Any]:
    """The elements directly within ``element``; of an operation, its variables."""
    if element.get("modelType") == "Operation":
        return [one["value"] for key in VARIABLES for one in element.get(key, ()) if "value" in one]
    return list(element.get(CHILDREN.get(element.get("modelType", ""), ""), ()))


def submodels_in(document: Mapping[str, Any]) -> list[Any]:
    """The submodels of a template file; raises ``Invalid('twin.template')`` when there is none."""
    found = [document] if document.get("modelType") == "Submodel" else document.get("submodels", [])
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise Invalid("twin.template")
    return found


def read(submodel: Mapping[str, Any]) -> Slot:
    """The tree of places of one template; raises ``Invalid('twin.template')`` when it is not one."""
    try:
        return _slot(submodel, inside="", depth=0)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Invalid("twin.template") from error


def _slot(element: Mapping[str, Any], inside: str, depth: int) -> Slot:
    if depth > _DEPTH_MAX:
        raise Invalid("twin.template")
    told = _qualifiers(element)
    low, high = _cardinality(told.get("Cardinality", told.get("Multiplicity", [])), inside)
    stem, naming = _naming(element, told, inside, high)
    return Slot(
        id_short=str(element.get("idShort", "")), kind=str(element["modelType"]), low=low, high=high,
        semantics=semantics_of(element), stem=stem, naming=naming,
        value_type=str(element.get("valueType", "")), list_kind=str(element.get("typeValueListElement", "")),
        list_value_type=str(element.get("valueTypeListElement", "")),
        allowed=tuple(told.get("AllowedValue", ())), bounds=tuple(told.get("AllowedRange", ())),
        choices=tuple(part for one in told.get("FormChoices", ()) for part in one.split(";") if part),
        languages=tuple(told.get("RequiredLang", ())), either=(told.get("EitherOr") or [""])[0],
        children=tuple(_places(element, depth)),
    )


def _places(element: Mapping[str, Any], depth: int) -> Iterator[Slot]:
    seen: set[tuple[str, str]] = set()
    listed = element["modelType"] == "SubmodelElementList"
    for one in children_of(element):
        if joined(one.get("semanticId")).startswith(ARBITRARY):
            continue
        slot = _slot(one, element["modelType"], depth + 1)
        key = (slot.kind, slot.semantics[0])
        if not listed or key not in seen:
            seen.add(key)
            yield slot


def _qualifiers(element: Mapping[str, Any]) -> dict[str, list[str]]:
    """Values by type of qualifier, both without the prefix that newer templates write."""
    found: dict[str, list[str]] = {}
    for one in element.get("qualifiers", ()):
        kind = str(one.get("type", "")).removeprefix("SMT/").removeprefix("SMT/")
        found.setdefault(kind, []).append(str(one.get("value", "")))
    return found


def _cardinality(told: Sequence[str], inside: str) -> tuple[int, int]:
    known = _CARDINALITIES.get(told[0].strip().lower()) if told else None
    if inside == "SubmodelElementList":
        low, _ = known or (1, 1)
        return low, MANY
    return known or (1, 1)


def _naming(element: Mapping[str, Any], told: Mapping[str, list[str]], inside: str, high: int) -> tuple[str, Naming]:
    """The stem of its idShort, and whether a number stands behind it."""
    id_short = str(element.get("idShort", ""))
    edited = told.get("EditIdShort", [""])[0].lower() == "true"
    if inside in ("", "SubmodelElementList") or edited or not id_short:
        return id_short, "free"
    stands_in = _STANDS_IN.fullmatch(id_short) if high == MANY else None
    if stands_in:
        return "".join(filter(None, stands_in.groups())), "free"
    stem = _NUMBERED.fullmatch(id_short)
    if stem and stem[1]:
        return stem[1], "must"
    return id_short, "may" if told.get("AllowedIdShort") or high == MANY else "exact"
