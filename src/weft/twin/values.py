"""Other views of the same elements: value only, metadata, paths, references, and without their depth or blobs.

IDTA-01002 v3.1.2 §11.4 (serialisation modifiers), IDTA-01001 v3.1.2 §6 (formats "Value", "Metadata", "Path").
Rule 1: what has no value is left out, never told as zero; in a list its place is kept by null, since places count.
Rule 2: what is given for a PATCH must be there already, and of the same kind: nothing is created or taken away by it.
Rule 3: an element is never changed: ``with_value`` and its like give another.
Not here: numbers and their digits (``lexical.py``), the way to an element (``paths.py``), judging (``metamodel``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid
from weft.twin.elements import Json, model
from weft.twin.lexical import parsed, typed
from weft.twin.patches import VALUES, with_content, with_metadata, with_value
from weft.twin.paths import CHILDREN, steps, walk

WITHOUT_VALUE: Final = frozenset({"Capability", "Operation"})
_CONTAINERS: Final = frozenset({"SubmodelElementCollection", "SubmodelElementList", "Entity"})
_Absent = msgspec.UNSET


class _How(NamedTuple):
    """With what lies deeper than one level, and with the very digits."""

    deep: bool
    exact: bool


# ---- values -------------------------------------------------------------------------------------------

def value_of(element: Mapping[str, Any], *, deep: bool = True, exact: bool = False) -> Any:
    """``element`` (or a submodel) in value-only form; None when it has no value now.

    ``deep`` False: containers within it are told as empty. ``exact``: numbers as ``msgspec.Raw`` with the digits
    that are stored. Raises ``Invalid('twin.no-value')`` where there is no such form: capabilities, operations and
    lists of them.
    """
    told = _told(element, _How(deep, exact))
    if told is _Absent:
        return None
    if told is _NEVER:
        raise Invalid("twin.no-value", kind=element["modelType"])
    return told


def value_json(element: Mapping[str, Any], *, deep: bool = True) -> bytes:
    """The same as JSON, with every digit that is stored."""
    return msgspec.json.encode(value_of(element, deep=deep, exact=True))


def parse_value(body: bytes) -> Any:
    """A value in JSON as it came, for ``with_value``: numbers keep their digits; raises ``Invalid``."""
    return parsed(body)


_NEVER: Final = object()    # what has no value-only form at all


def _told(element: Mapping[str, Any], how: _How) -> Any:
    kind = element["modelType"]
    if kind in WITHOUT_VALUE:
        return _NEVER
    return _TOLD[kind](element, how)


def _within(element: Mapping[str, Any], how: _How) -> Any:
    """``element`` as part of another: emptied when only one level is wanted."""
    if not how.deep and element["modelType"] in _CONTAINERS:
        return [] if element["modelType"] == "SubmodelElementList" else {}
    if not how.deep and element["modelType"] == "AnnotatedRelationshipElement":
        element = {key: value for key, value in element.items() if key != "annotations"}
    return _told(element, how)


def _named(elements: Sequence[Mapping[str, Any]], how: _How) -> Json:
    told = [(one.get("idShort", ""), _within(one, how)) for one in elements]
    return {name: value for name, value in told if value is not _Absent and value is not _NEVER}


def _collection(element: Mapping[str, Any], how: _How) -> Any:
    return _named(element.get(CHILDREN[element["modelType"]], ()), how)


def _list(element: Mapping[str, Any], how: _How) -> Any:
    told = [_within(one, how) for one in element.get("value", ())]
    if told and all(one is _NEVER for one in told):
        return _NEVER
    return [None if one is _Absent or one is _NEVER else one for one in told]


def _property(element: Mapping[str, Any], how: _How) -> Any:
    text = element.get("value")
    return _Absent if text is None else typed(text, element["valueType"], exact=how.exact)


def _range(element: Mapping[str, Any], how: _How) -> Any:
    return {key: typed(element[key], element["valueType"], exact=how.exact)
            for key in ("min", "max") if key in element} or _Absent


def _languages(element: Mapping[str, Any], _: _How) -> Any:
    return [{one["language"]: one["text"]} for one in element.get("value", ())] or _Absent


def _fields(*names: str) -> Callable[[Mapping[str, Any], _How], Any]:
    def told(element: Mapping[str, Any], _: _How) -> Any:
        return {key: element[key] for key in names if key in element} or _Absent

    return told


def _reference(element: Mapping[str, Any], _: _How) -> Any:
    return element.get("value", _Absent)


def _entity(element: Mapping[str, Any], how: _How) -> Any:
    inner = {"statements": _named(element["statements"], how)} if "statements" in element else {}
    own = {key: element[key] for key in ("entityType", "globalAssetId", "specificAssetIds") if key in element}
    return inner | own or _Absent


def _annotated(element: Mapping[str, Any], how: _How) -> Any:
    own = {key: element[key] for key in ("first", "second") if key in element}
    inner = {"annotations": _named(element["annotations"], how)} if "annotations" in element else {}
    return own | inner or _Absent


_TOLD: Final[Mapping[str, Callable[[Mapping[str, Any], _How], Any]]] = {
    "Submodel": _collection, "SubmodelElementCollection": _collection, "SubmodelElementList": _list,
    "Property": _property, "Range": _range, "MultiLanguageProperty": _languages, "ReferenceElement": _reference,
    "File": _fields("contentType", "value"), "Blob": _fields("contentType", "value"), "Entity": _entity,
    "RelationshipElement": _fields("first", "second"), "AnnotatedRelationshipElement": _annotated,
    "BasicEventElement": _fields("observed"),
}


# ---- the other views ----------------------------------------------------------------------------------

def metadata(element: Mapping[str, Any]) -> Json:
    """``element`` without values and without what lies within it; raises ``Invalid('twin.no-metadata')``."""
    if element["modelType"] in WITHOUT_VALUE:
        raise Invalid("twin.no-metadata", kind=element["modelType"])
    gone = VALUES.get(element["modelType"], ())
    return {key: value for key, value in element.items() if key not in gone}


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


__all__ = ["metadata", "parse_value", "paths", "reference_to", "shaped", "value_json", "value_of", "with_content",
           "with_metadata", "with_value"]
