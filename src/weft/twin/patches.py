"""An element with other values, other metadata or other content: what a PATCH makes of it.

IDTA-01002 v3.1.2 §11.4 and its annex on serialisation modifiers (examples for PATCH operations).
Rule 1: what is given replaces what is there; what is not given stays; what is not there is refused by its path.
Rule 2: null takes away a value that may be absent, and nothing else.
Rule 3: an address does not change under its owner: id, modelType and an element's idShort stay.
Not here: whether the outcome keeps the metamodel (``metamodel``, which every writer asks).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.twin.elements import Json
from weft.twin.lexical import same, written
from weft.twin.metamodel.shape import misshapen
from weft.twin.paths import CHILDREN

SHOWN_MAX: Final = 200
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "Submodel": ("submodelElements",), "SubmodelElementCollection": ("value",), "SubmodelElementList": ("value",),
    "Entity": ("statements", "globalAssetId", "specificAssetIds"), "BasicEventElement": ("observed",),
    "Property": ("value", "valueId"), "MultiLanguageProperty": ("value", "valueId"), "Range": ("min", "max"),
    "ReferenceElement": ("value",), "RelationshipElement": ("first", "second"),
    "AnnotatedRelationshipElement": ("first", "second", "annotations"), "Blob": ("value", "contentType"),
    "File": ("value", "contentType"), "Operation": ("inputVariables", "outputVariables", "inoutputVariables"),
    "AssetAdministrationShell": ("assetInformation", "submodels"),
}
_Writer = Callable[[Json, Any, str], Json]


def with_value(element: Mapping[str, Any], value: Any, at: str = "") -> Json:
    """``element`` (or a submodel), which lies at path ``at``, with ``value`` in value-only form.

    Numbers may be ``lexical.Number``: their digits are kept. Raises ``Invalid`` with the path of what is wrong:
    ``twin.value-unknown``, ``twin.value-misfit``, ``twin.value-more``, ``twin.no-value``.
    """
    kind = element["modelType"]
    writer = _WRITERS.get(kind)
    if writer is None:
        raise Invalid("twin.no-value", kind=kind)
    return writer(dict(element), value, at)


def _misfit(element: Mapping[str, Any], at: str, wanted: str) -> Invalid:
    return Invalid("twin.value-misfit", path=_shown(at), kind=str(element["modelType"]), wanted=wanted)


def _unknown(at: str) -> Invalid:
    return Invalid("twin.value-unknown", path=_shown(at))


def _shown(at: str) -> str:
    return at[:SHOWN_MAX] or "·"


def _below(at: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{at}[{name}]"
    return f"{at}.{name}" if at else name


def _set(element: Json, field: str, value: Any) -> Json:
    """``element`` with ``field`` as given, or without it where that is None or empty."""
    made = {key: one for key, one in element.items() if key != field or value not in (None, [])}
    return made if value in (None, []) else {**made, field: value}


def _collection(element: Json, value: Any, at: str) -> Json:
    key = CHILDREN[element["modelType"]]
    if not isinstance(value, dict):
        raise _misfit(element, at, "{ }")
    return _set(element, key, _by_name(element.get(key, ()), value, at))


def _by_name(inner: Sequence[Json], values: Mapping[str, Any], at: str) -> list[Json]:
    unknown = set(values) - {one.get("idShort") for one in inner}
    if unknown:
        raise _unknown(_below(at, min(unknown)))
    return [with_value(one, values[one["idShort"]], _below(at, one["idShort"])) if one.get("idShort") in values else one
            for one in inner]


def _list(element: Json, value: Any, at: str) -> Json:
    inner = element.get("value", [])
    if not isinstance(value, list):
        raise _misfit(element, at, "[ ]")
    if len(value) > len(inner):
        raise Invalid("twin.value-more", path=_shown(at), n=len(inner))
    given = [_placed(one, new, _below(at, place)) for place, (one, new) in enumerate(zip(inner, value, strict=False))]
    return _set(element, "value", [*given, *inner[len(given):]])


def _placed(one: Json, new: Any, at: str) -> Json:
    """An element of a list; null stands for what has no value-only form, and stays as it is."""
    if new is None and (one["modelType"] in ("Capability", "Operation") or one["modelType"] in CHILDREN):
        return one
    return with_value(one, new, at)


def _property(element: Json, value: Any, at: str) -> Json:
    return _set(element, "value", None if value is None else _text(element, "value", value, at))


def _text(element: Json, field: str, value: Any, at: str) -> str:
    """``value`` as text for ``field``; the text that stands there stays when it says the same."""
    text, old = written(value, element["valueType"]), element.get(field)
    if text is None:
        raise _misfit(element, at, str(element["valueType"]))
    return old if isinstance(old, str) and same(old, text, element["valueType"]) else text


def _range(element: Json, value: Any, at: str) -> Json:
    for key, one in _object(element, value, at, ("min", "max")).items():
        element = _set(element, key, None if one is None else _text(element, key, one, _below(at, key)))
    return element


def _object(element: Json, value: Any, at: str, names: Sequence[str]) -> Mapping[str, Any]:
    """``value``, which is an object with some of ``names``; null is one without any that takes all away."""
    if value is None:
        return dict.fromkeys(names)
    if not isinstance(value, dict):
        raise _misfit(element, at, "{ " + ", ".join(names) + " }")
    unknown = set(value) - set(names)
    if unknown:
        raise _unknown(_below(at, min(unknown)))
    return value


def _languages(element: Json, value: Any, at: str) -> Json:
    wanted = '[{"zh": "…"}, {"en": "…"}]'
    pairs = [{key: one} for key, one in value.items()] if isinstance(value, dict) else value or []
    if not isinstance(pairs, list):
        raise _misfit(element, at, wanted)
    made = []
    for pair in pairs:
        if not isinstance(pair, dict) or len(pair) != 1 or not all(type(one) is str for one in pair.values()):
            raise _misfit(element, at, wanted)
        made += [{"language": language, "text": text} for language, text in pair.items()]
    return _set(element, "value", made)


def _content(element: Json, value: Any, at: str) -> Json:
    if value is None:
        return _set(element, "value", None)
    for key, one in _object(element, value, at, ("contentType", "value")).items():
        if one is not None and type(one) is not str:
            raise _misfit(element, _below(at, key), "…")
        element = _set(element, key, one)
    return element


def _reference(element: Json, value: Any, at: str) -> Json:
    return _set(element, "value", None if value is None else _referred(element, value, at))


def _referred(element: Json, value: Any, at: str) -> Any:
    if misshapen("Reference", value):
        raise _misfit(element, at, '{"type": …, "keys": [ ]}')
    return value


def _relation(element: Json, value: Any, at: str) -> Json:
    names = ("first", "second", "annotations")[:3 if element["modelType"].startswith("Annotated") else 2]
    given = _object(element, value, at, names)
    for key in ("first", "second"):
        if key in given:
            told = given[key]
            element = _set(element, key, None if told is None else _referred(element, told, _below(at, key)))
    told = given.get("annotations")
    return element if told is None else _inner(element, "annotations", told, at)


def _inner(element: Json, key: str, value: Any, at: str) -> Json:
    """Children told by name; as one object, or (annotations in the standard's example) as a list of small ones."""
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        value = {name: one for part in value for name, one in part.items()}
    if not isinstance(value, dict):
        raise _misfit(element, _below(at, key), "{ }")
    return _set(element, key, _by_name(element.get(key, ()), value, at))


def _entity(element: Json, value: Any, at: str) -> Json:
    if value is None:
        raise _misfit(element, at, "{ }")
    given = _object(element, value, at, ("statements", "entityType", "globalAssetId", "specificAssetIds"))
    for key in ("entityType", "globalAssetId"):
        if key in given:
            if given[key] is not None and type(given[key]) is not str:
                raise _misfit(element, _below(at, key), "…")
            element = _set(element, key, given[key])
    if "specificAssetIds" in given:
        element = _set(element, "specificAssetIds", _names(element, given["specificAssetIds"], at))
    told = given.get("statements")
    return element if told is None else _inner(element, "statements", told, at)


def _names(element: Json, value: Any, at: str) -> list[Json] | None:
    """Specific asset ids in their own form, or as the API has them: name and value as key and value."""
    if value is None:
        return None
    given = value if isinstance(value, list) else [value]
    made = [one for part in given for one in _pairs(part)]
    if any(misshapen("SpecificAssetId", one) for one in made):
        raise _misfit(element, _below(at, "specificAssetIds"), '[{"name": …, "value": …}]')
    return made


def _pairs(part: Any) -> list[Any]:
    if isinstance(part, dict) and not {"name", "value"} <= set(part):
        return [{"name": name, "value": value} for name, value in part.items()]
    return [part]


def _event(element: Json, value: Any, at: str) -> Json:
    given = _object(element, value, at, ("observed",)) if value is not None else {}
    if "observed" not in given:
        raise _misfit(element, at, '{"observed": …}')
    return {**element, "observed": _referred(element, given["observed"], _below(at, "observed"))}


_WRITERS: Final[Mapping[str, _Writer]] = {
    "Submodel": _collection, "SubmodelElementCollection": _collection, "SubmodelElementList": _list,
    "Property": _property, "Range": _range, "MultiLanguageProperty": _languages, "File": _content, "Blob": _content,
    "ReferenceElement": _reference, "RelationshipElement": _relation, "AnnotatedRelationshipElement": _relation,
    "Entity": _entity, "BasicEventElement": _event,
}


# ---- metadata and content -----------------------------------------------------------------------------

def with_metadata(element: Mapping[str, Any], given: Any) -> Json:
    """``element`` with the metadata ``given``; values and children stay. null takes an attribute away.

    Raises ``Invalid``: ``twin.metadata-value`` (a value is not metadata), ``twin.address-fixed``.
    """
    kind = element["modelType"]
    if not isinstance(given, dict):
        raise _misfit(element, str(element.get("idShort", "")), "{ }")
    for name in VALUES.get(kind, ()):
        if name in given:
            raise Invalid("twin.metadata-value", name=name, kind=kind)
    return _merged(element, given)


def with_content(element: Mapping[str, Any], given: Any, at: str = "") -> Json:
    """``element`` (or a submodel, a shell), at path ``at``, with the content ``given`` in its normal form.

    Children that are given must be there already, with the same idShort (in lists: at the same place) and kind;
    others stay. Raises ``Invalid`` with the path: ``twin.value-unknown``, ``twin.value-more``, ``twin.value-misfit``.
    """
    if not isinstance(given, dict) or given.get("modelType", element["modelType"]) != element["modelType"]:
        raise _misfit(element, at, str(element["modelType"]))
    key = CHILDREN.get(element["modelType"], "")
    made = _merged(element, {name: one for name, one in given.items() if name != key})
    if key not in given:
        return made
    if not isinstance(given[key], list):
        raise _misfit(element, at, "[ ]")
    inner = list(element.get(key, ()))
    listed = element["modelType"] == "SubmodelElementList"
    for place, one in enumerate(given[key]):
        found = place if listed else _found(inner, one)
        name = place if listed or not isinstance(one, dict) else str(one.get("idShort", ""))
        if found is None or found >= len(inner):
            raise Invalid("twin.value-more", path=_shown(at), n=len(inner)) if listed else _unknown(_below(at, name))
        inner[found] = with_content(inner[found], one, _below(at, name))
    return _set(made, key, inner)


def _found(inner: Sequence[Json], given: Any) -> int | None:
    name = given.get("idShort") if isinstance(given, dict) else None
    return None if name is None else next((at for at, one in enumerate(inner) if one.get("idShort") == name), None)


def _merged(element: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    named = ("modelType", "id", *(("idShort",) if "id" not in element else ()))
    for name in named:
        if name in element and given.get(name, element[name]) != element[name]:
            raise Invalid("twin.address-fixed", name=name, value=str(element[name])[:SHOWN_MAX])
    made = {**element, **given}
    return {name: one for name, one in made.items() if one is not None}
