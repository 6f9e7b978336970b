"""What an element must keep towards its parent and its siblings.

IDTA-01001 v3.1.2: AASd-022, AASd-107, AASd-108, AASd-109, AASd-114, AASd-117, AASd-129; 3.0: AASd-120.
Rule 1: the same findings at the same places as are given for the whole submodel.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from weft.twin.elements import Json
from weft.twin.metamodel.finding import Finding, Steps, finding
from weft.twin.paths import CHILDREN

_DATA: Final = frozenset({"Blob", "File", "MultiLanguageProperty", "Property", "Range", "ReferenceElement"})
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "DataElement": _DATA, "EventElement": frozenset({"BasicEventElement"}),
    "RelationshipElement": frozenset({"RelationshipElement", "AnnotatedRelationshipElement"}),
}


def among_siblings(submodel: Json, steps: Steps, version: str = "") -> list[Finding]:
    """The findings of the element at ``steps`` because of its parent and siblings."""
    parent: Any = submodel
    for step in steps[:-2]:
        parent = parent[step]
    inner = parent[CHILDREN[parent["modelType"]]]
    element = inner[steps[-1]]
    found = _in_list(parent, inner, element) if parent["modelType"] == "SubmodelElementList" \
        else _named(parent, inner, element)
    made = [finding(submodel, (*steps[:-2], *lead), code.lower(), code) for lead, code in found]
    if parent["modelType"] == "SubmodelElementList" and "idShort" in element and version == "3.0":
        made.append(finding(submodel, (*steps, "idShort"), "aasd-120", "AASd-120"))
    if parent["modelType"] == "AnnotatedRelationshipElement" and element["modelType"] not in _DATA:
        made.append(finding(submodel, (*steps, "modelType"), "shape-word", value=element["modelType"],
                            words=", ".join(sorted(_DATA))))
    return made


def _named(parent: Json, inner: Sequence[Json], element: Json) -> list[tuple[Steps, str]]:
    found: list[tuple[Steps, str]] = []
    short = element.get("idShort")
    if short is None:
        found.append(((), "AASd-117"))
    elif sum(one.get("idShort") == short for one in inner) > 1:
        found.append(((), "AASd-022"))
    if parent["modelType"] == "Submodel" and parent.get("kind", "Instance") != "Template" \
            and any(one.get("kind") == "TemplateQualifier" for one in element.get("qualifiers", ())):
        found.append(((), "AASd-129"))
    return found


def _in_list(parent: Json, inner: Sequence[Json], element: Json) -> list[tuple[Steps, str]]:
    rules: Sequence[tuple[str, Callable[[Json, Sequence[Json], Json], bool]]] = (
        ("AASd-107", _same_as_list), ("AASd-114", _same_as_others), ("AASd-108", _right_kind),
        ("AASd-109", _right_type))
    return [((), code) for code, holds in rules if not holds(parent, inner, element)]


def _same_as_list(parent: Json, _: Sequence[Json], element: Json) -> bool:
    wanted, own = parent.get("semanticIdListElement"), element.get("semanticId")
    return wanted is None or own is None or _values(wanted) == _values(own)


def _same_as_others(_: Json, inner: Sequence[Json], element: Json) -> bool:
    own = element.get("semanticId")
    return own is None or all(_values(own) == _values(one["semanticId"]) for one in inner if "semanticId" in one)


def _right_kind(parent: Json, _: Sequence[Json], element: Json) -> bool:
    wanted, own = parent["typeValueListElement"], element["modelType"]
    return wanted in ("SubmodelElement", own) or own in _KINDS.get(wanted, ())


def _right_type(parent: Json, _: Sequence[Json], element: Json) -> bool:
    if parent["typeValueListElement"] not in ("Property", "Range"):
        return True
    wanted = parent.get("valueTypeListElement")
    return wanted is not None and element.get("valueType", wanted) == wanted


def _values(reference: Json) -> list[str]:
    return [one["value"] for one in reference["keys"]]
