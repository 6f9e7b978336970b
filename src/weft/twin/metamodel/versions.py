"""What metamodel 3.1 permits and 3.0 does not: so that an export knows which version it may call itself.

IDTA-01001 v3.1 change notes (changes against 3.0.2).
Rule 1: a document without findings in 3.1 and without findings here is one of 3.0.
Not here: what 3.0 alone permits (``judge.py``, ``Finding.allowed``).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weft.twin.metamodel.finding import Finding, Steps, finding

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "Blob": ("contentType",), "File": ("contentType",), "Entity": ("entityType",),
    "RelationshipElement": ("first", "second"), "AnnotatedRelationshipElement": ("first", "second"),
}
_DATA: Final = frozenset({"Blob", "File", "MultiLanguageProperty", "Property", "Range", "ReferenceElement"})
_CATEGORIES: Final = ("CONSTANT", "PARAMETER", "VARIABLE")
_LENGTHS: Final[Mapping[str, int]] = {
    "id": 2000, "globalAssetId": 2000, "assetType": 2000, "templateId": 2000, "path": 2000, "contentType": 100,
}
_VALUES_OF: Final = frozenset({"keys", "specificAssetIds", "valueReferencePairs", "dataSpecificationContent"})
_Told = Iterator[tuple[Steps, str, str, dict[str, Any]]]


def against_3_0(kind: str, document: Any) -> list[Finding]:
    """Why ``document`` (of class ``kind``, sound in 3.1) is not one of metamodel 3.0; [] when it is."""
    found = [finding(document, steps, code, constraint, **facts)
             for steps, code, constraint, facts in _walk(document, (), kind)]
    return [Finding(one.path, one.code, one.where, one.facts, one.constraint, "3.1") for one in found]


def _walk(value: Any, at: Steps, within: str) -> _Told:
    """``within``: the kind of thing, or the name of the field, that ``value`` lies in."""
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from _walk(one, (*at, place), within)
    elif isinstance(value, dict):
        yield from _object(value, at, within)
        for key, one in value.items():
            if isinstance(one, list | dict):
                listed = value.get("modelType") == "SubmodelElementList" and key == "value"
                yield from _walk(one, (*at, key), "SubmodelElementList" if listed else key)


def _object(value: Mapping[str, Any], at: Steps, within: str) -> _Told:
    for key, limit in _LENGTHS.items():
        yield from _longer(value, key, limit, at)
    if within in _VALUES_OF or value.get("modelType") == "File":
        yield from _longer(value, "value", 2000, at)
    if value.get("assetKind") == "Role":
        yield (*at, "assetKind"), "shape-word", "", {"value": "Role", "words": "Type, Instance, NotApplicable"}
    if within == "valueReferencePairs" and "valueId" not in value:
        yield at, "shape-required", "", {"name": "valueId"}
    if isinstance(value.get("idShort"), str):
        yield from _short(value["idShort"], at, within)
    if isinstance(value.get("modelType"), str):
        yield from _element(value, at)


def _longer(value: Mapping[str, Any], key: str, limit: int, at: Steps) -> _Told:
    text = value.get(key)
    if isinstance(text, str) and len(text) > limit:
        yield (*at, key), "too-long", "", {"n": len(text), "max": limit}


def _short(text: str, at: Steps, within: str) -> _Told:
    if "-" in text:
        yield (*at, "idShort"), "aasd-002-hyphen", "AASd-002", {}
    if within == "SubmodelElementList":
        yield (*at, "idShort"), "aasd-120", "AASd-120", {}


def _element(value: Mapping[str, Any], at: Steps) -> _Told:
    kind = value["modelType"]
    for key in _NEEDED.get(kind, ()):
        if key not in value:
            yield at, "shape-required", "", {"name": key}
    if kind in _DATA and value.get("category", "CONSTANT") not in _CATEGORIES:
        yield (*at, "category"), "aasd-090", "AASd-090", {"words": ", ".join(_CATEGORIES)}
    if kind == "Entity" and value.get("entityType") == "CoManagedEntity" \
            and ("globalAssetId" in value or "specificAssetIds" in value):
        yield at, "aasd-014", "AASd-014", {}
    if kind == "SubmodelElementList" and value.get("typeValueListElement") in ("Property", "Range") \
            and "valueTypeListElement" not in value and "value" not in value:
        yield at, "aasd-109", "AASd-109", {}
