"""Other views of the same elements: value only, metadata, paths, references, and without their depth or blobs.

IDTA-01002 §11.4 (serialisation modifiers and value-only format).
Rule 1: numbers and truth values become those of JSON; a property without data becomes null, never zero.
Not here: the full elements (``elements.py``), the way to one (``paths.py``).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.twin.elements import Json, model
from weft.twin.paths import CHILDREN, steps, walk

_WHOLE: Final = frozenset({
    "xs:long", "xs:int", "xs:integer", "xs:short", "xs:byte", "xs:unsignedLong", "xs:unsignedInt", "xs:unsignedShort",
    "xs:unsignedByte", "xs:nonNegativeInteger", "xs:positiveInteger", "xs:negativeInteger", "xs:nonPositiveInteger"})
_REAL: Final = frozenset({"xs:double", "xs:float", "xs:decimal"})
_CONTAINERS: Final = frozenset({"SubmodelElementCollection", "SubmodelElementList", "Entity"})
_VALUES: Final = ("value", "min", "max", "submodelElements", "statements", "annotations", "first", "second",
                  "observed", "globalAssetId", "entityType")
_WITHOUT_VALUE: Final = frozenset({"Capability", "Operation"})


def value_of(element: Mapping[str, Any], *, deep: bool = True) -> Any:
    """``element`` (or a submodel) in value-only form; raises ``Invalid('twin.no-value')`` where it has none."""
    kind = element["modelType"]
    if kind in ("Submodel", "SubmodelElementCollection"):
        return _named(element.get(CHILDREN[kind], ()), deep=deep)
    if kind == "SubmodelElementList":
        return [_inner(one, deep=deep) for one in element.get("value", ())]
    if kind == "Property":
        return _typed(element.get("value"), element["valueType"])
    if kind in _WITHOUT_VALUE:
        raise Invalid("twin.no-value", kind=kind)
    if kind in ("Entity", "AnnotatedRelationshipElement"):
        return _nested(element, deep=deep)
    return _LEAVES.get(kind, _plain)(element)


def _plain(element: Mapping[str, Any]) -> Any:
    return element.get("value")


def _range(element: Mapping[str, Any]) -> Any:
    return {key: _typed(element[key], element["valueType"]) for key in ("min", "max") if key in element}


def _languages(element: Mapping[str, Any]) -> Any:
    return [{one["language"]: one["text"]} for one in element.get("value", ())]


def _content(element: Mapping[str, Any]) -> Any:
    return {key: element[key] for key in ("contentType", "value") if key in element}


def _relation(element: Mapping[str, Any]) -> Any:
    return {"first": element["first"], "second": element["second"]}


def _event(element: Mapping[str, Any]) -> Any:
    return {"observed": element["observed"]}


_LEAVES: Final = {"Range": _range, "MultiLanguageProperty": _languages, "File": _content, "Blob": _content,
                  "RelationshipElement": _relation, "BasicEventElement": _event}


def _nested(element: Mapping[str, Any], *, deep: bool) -> Json:
    if element["modelType"] == "Entity":
        told: Json = {"statements": _named(element.get("statements", ()), deep=deep)}
        return told | {key: element[key] for key in ("entityType", "globalAssetId") if key in element}
    return {**_relation(element), "annotations": _named(element.get("annotations", ()), deep=deep)}


def _named(elements: Sequence[Mapping[str, Any]], *, deep: bool) -> Json:
    return {one["idShort"]: _inner(one, deep=deep) for one in elements if one["modelType"] not in _WITHOUT_VALUE}


def _inner(element: Mapping[str, Any], *, deep: bool) -> Any:
    if not deep and element["modelType"] in _CONTAINERS:
        return [] if element["modelType"] == "SubmodelElementList" else {}
    return value_of(element, deep=deep)


def _typed(text: str | None, kind: str) -> Any:
    if text is None:
        return None
    if kind == "xs:boolean":
        return text in ("true", "1")
    try:
        if kind in _WHOLE:
            return int(text)
        if kind in _REAL:
            number = Decimal(text)
            return text if not number.is_finite() else int(number) if _integral(number, kind) else float(number)
    except (ValueError, InvalidOperation):
        return text
    return text


def _integral(number: Decimal, kind: str) -> bool:
    return kind == "xs:decimal" and number == number.to_integral_value()


def metadata(element: Mapping[str, Any]) -> Json:
    """``element`` without values and without what lies within it; raises ``Invalid('twin.no-metadata')``."""
    if element["modelType"] in _WITHOUT_VALUE:
        raise Invalid("twin.no-metadata", kind=element["modelType"])
    kept = {key: value for key, value in element.items() if key not in _VALUES}
    return kept | {key: element[key] for key in ("entityType", "globalAssetId") if key in element}


def paths(element: Mapping[str, Any], at: str = "", *, deep: bool = True) -> list[str]:
    """The idShortPaths of ``element`` and of what is within it; raises ``Invalid('twin.no-path')``."""
    if at and element["modelType"] not in _CONTAINERS:
        raise Invalid("twin.no-path", kind=element["modelType"])
    base = len(steps(at)) if at else 0
    return [path for path, _ in walk(element, at) if deep or len(steps(path)) <= base + 1]


def reference_to(submodel: str, root: Mapping[str, Any] | None = None, path: str = "") -> Json:
    """A model reference to a submodel, or to the element at ``path`` within ``root``."""
    keys = [("Submodel", submodel)]
    at: Any = root
    for step in steps(path) if path else ():
        inner = at.get(CHILDREN[at["modelType"]], ())
        at = inner[step] if isinstance(step, int) else next(one for one in inner if one.get("idShort") == step)
        keys.append((at["modelType"], str(step)))
    return model(*keys)


def shaped(element: Mapping[str, Any], *, deep: bool = True, blobs: bool = False) -> Json:
    """``element`` as asked for: without what lies deeper than one level, and without blobs, unless wanted."""
    made = dict(element)
    if made["modelType"] == "Blob" and not blobs:
        made.pop("value", None)
    key = CHILDREN.get(made["modelType"], "")
    if key in made:
        made[key] = [shaped(one if deep else _shallow(one), deep=deep, blobs=blobs) for one in made[key]]
    return made


def _shallow(element: Mapping[str, Any]) -> Json:
    key = CHILDREN.get(element["modelType"], "")
    return {name: value for name, value in element.items() if name != key}
