"""What a twin is found by: names, elements and files, derived from its body alone.

IDTA-01002 §11.3 (filters) and its query language, which goes through collections and lists, not through statements of
entities, annotations or variables of operations.
Rule 1: the same body gives the same entries for ever: what an older body gave is taken out by deriving it again.
Rule 2: a body may hold anything that is JSON: what is of another shape is not found, and does no harm.
Not here: the tables (``sql/twins``), how they are asked (``asking.py``).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from weft.engine.twins.ports import Kind

DEPTH_MAX: Final = 200
_NUMBERS: Final = frozenset({
    "xs:double", "xs:float", "xs:decimal", "xs:integer", "xs:long", "xs:int", "xs:short", "xs:byte", "xs:unsignedLong",
    "xs:unsignedInt", "xs:unsignedShort", "xs:unsignedByte", "xs:nonNegativeInteger", "xs:positiveInteger",
    "xs:negativeInteger", "xs:nonPositiveInteger"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INSIDE: Final = ("SubmodelElementCollection", "SubmodelElementList")


class Element(NamedTuple):
    """What is kept of one element: see ``sql/twins``; ``semantic`` is the text of the term, or None."""

    shape: str
    tail: str
    id_short: str
    semantic: str | None
    type: str
    value: str | None
    number: float | None
    instant: int | None


class Derived(NamedTuple):
    """All entries of one body: (title, value), (title, value, place), and elements by (path, language)."""

    names: frozenset[tuple[str, str]]
    fields: frozenset[tuple[str, str, str]]
    elements: dict[tuple[str, str], Element]
    files: frozenset[str]


NOTHING: Final = Derived(frozenset(), frozenset(), {}, frozenset())


def derive(kind: Kind, body: bytes) -> Derived:
    """The entries of ``body``; raises ``ValueError`` when that is no JSON object."""
    document = msgspec.json.decode(body, type=dict[str, Any])
    files: set[str] = set()
    elements: dict[tuple[str, str], Element] = {}
    if kind == "submodel":
        for found in _elements(document, files):
            elements.setdefault(found[0], found[1])
    names = frozenset((f"{kind}:{name}", value) for name, value in _names(document) if value)
    if kind == "package":
        files.update(_texts(document.get("files")))
    thumbnail = _object(_object(document.get("assetInformation")).get("defaultThumbnail"))
    files.update(_texts([thumbnail.get("path")]))
    return Derived(names, frozenset(), elements, frozenset(files))


# ---- names --------------------------------------------------------------------------------------


def _names(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, value) of shells, submodels, concepts and descriptors alike; a descriptor has its asset beside its id."""
    asset = _object(document.get("assetInformation")) or document
    yield "idShort", _text(document.get("idShort"))
    for term in _terms(document):
        yield "semanticId", term
    yield "assetType", _text(asset.get("assetType"))
    yield "asset.globalAssetId", _text(asset.get("globalAssetId"))
    for one in _list(asset.get("specificAssetIds")):
        yield f"asset.{_text(_object(one).get('name'))}", _text(_object(one).get("value"))


def _terms(element: Mapping[str, Any]) -> Iterator[str]:
    """Values of all keys of the semantic ids of ``element``."""
    for reference in [element.get("semanticId"), *_list(element.get("supplementalSemanticIds"))]:
        for key in _list(_object(reference).get("keys")):
            yield _text(_object(key).get("value"))


# ---- elements -----------------------------------------------------------------------------------

Found = tuple[tuple[str, str], Element]


def _elements(submodel: Mapping[str, Any], files: set[str]) -> Iterator[Found]:
    yield from _inside(_list(submodel.get("submodelElements")), ("", ""), files, listed=False, depth=0)


def _inside(elements: list[Any], at: tuple[str, str], files: set[str], *, listed: bool, depth: int) -> Iterator[Found]:
    """The elements in one container; ``at``: its path and its shape."""
    if depth > DEPTH_MAX:
        return
    for place, one in enumerate(elements):
        if not isinstance(one, dict):
            continue
        id_short = "" if listed else _text(one.get("idShort"))
        if listed:
            path, shape = f"{at[0]}[{place}]", f"{at[1]}[]"
        else:
            path, shape = (f"{at[0]}.{id_short}", f"{at[1]}.{id_short}") if at[0] else (id_short, id_short)
        model = one.get("modelType")
        yield from _one(one, (path, shape, id_short), files)
        if model in _INSIDE:
            yield from _inside(_list(one.get("value")), (path, shape), files,
                               listed=model == "SubmodelElementList", depth=depth + 1)
        elif model in {"Entity", "AnnotatedRelationshipElement"}:
            _files_inside(one, files, depth)


def _one(element: Mapping[str, Any], at: tuple[str, str, str], files: set[str]) -> Iterator[Found]:
    path, shape, id_short = at
    tail = path.rpartition(".")[2]
    keys = _list(_object(element.get("semanticId")).get("keys"))
    semantic = _text(_object(keys[0]).get("value")) or None if keys else None
    value, kind = element.get("value"), _text(element.get("valueType"))
    if element.get("modelType") == "MultiLanguageProperty" and isinstance(value, list):
        for text in value:
            one = _object(text)
            yield (path, _text(one.get("language"))), Element(
                shape, tail, id_short, semantic, "", _text(one.get("text")), None, None)
        if value:
            return
    if element.get("modelType") == "File" and isinstance(value, str):
        files.add(value)
    plain = value if isinstance(value, str) else None
    yield (path, ""), Element(
        shape, tail, id_short, semantic, kind, plain, number_of(kind, plain), instant_of(kind, plain))


def _files_inside(element: Mapping[str, Any], files: set[str], depth: int) -> None:
    """Files within statements and annotations, which no query reaches."""
    inner = [*_list(element.get("statements")), *_list(element.get("annotations")), *_list(element.get("value"))]
    for one in inner if depth <= DEPTH_MAX else ():
        if isinstance(one, dict):
            if one.get("modelType") == "File" and isinstance(one.get("value"), str):
                files.add(one["value"])
            _files_inside(one, files, depth + 1)


def number_of(kind: str, text: str | None) -> float | None:
    """``text`` of value type ``kind`` as a number that compares; None when it is none."""
    if text is None or kind not in _NUMBERS:
        return None
    try:
        number = float(text.replace("INF", "inf"))
    except ValueError:
        return None
    return number if number == number else None


def instant_of(kind: str, text: str | None) -> int | None:
    """``text`` as microseconds since 1970, when it is a moment; without a zone it is UTC."""
    if text is None or kind != "xs:dateTime":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


# ---- shapes -------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(values: Any) -> list[str]:
    return [one for one in _list(values) if isinstance(one, str) and one]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
