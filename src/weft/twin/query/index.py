"""What of a twin is worth an index: its own fields, and one row for each submodel element.

Rule 1: naive evaluation and the database read the same rows: both take them from here.
Rule 2: elements are found below submodels, collections and lists alone (IDTA-01002, limitations: no statements of
    entities, no annotations, no variables of operations).
Rule 3: one row for each text of a MultiLanguageProperty; a Blob has no value to ask for, a reference its first key.
Not here: tables (``stores/twins``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from weft.twin.query import values
from weft.twin.query.tree import ANY, Token, written

# Names of fields, with [] for each list, that have rows; others are evaluated on the document.
_IDS: Final = (("idShort",),)
_SEMANTIC: Final = (("semanticId", "keys", ANY, "value"),
                    ("supplementalSemanticIds", ANY, "keys", ANY, "value"))
_SPECIFIC: Final = (("specificAssetIds", ANY, "name"), ("specificAssetIds", ANY, "value"),
                    ("specificAssetIds", ANY, "externalSubjectId", "keys", ANY, "value"))
_ASSET: Final = (("assetType",), ("globalAssetId",), *_SPECIFIC)
_ENDPOINT: Final = (("endpoints", ANY, "interface"), ("endpoints", ANY, "protocolInformation", "href"))
INDEXED: Final[Mapping[str, tuple[tuple[Token, ...], ...]]] = {
    "shell": (*_IDS, *(("assetInformation", *one) for one in _ASSET), ("submodels", ANY, "keys", ANY, "value")),
    "submodel": (*_IDS, *_SEMANTIC),
    "concept": _IDS,
    "shell-descriptor": (*_IDS, *_ASSET, *_ENDPOINT,
                         *(("submodelDescriptors", ANY, *one) for one in (("id",), *_IDS, *_SEMANTIC, *_ENDPOINT))),
    "submodel-descriptor": (*_IDS, *_SEMANTIC, *_ENDPOINT),
}
ROOT_OF: Final[Mapping[str, str]] = {"shell": "aas", "submodel": "sm", "concept": "cd", "shell-descriptor": "aasdesc",
                                     "submodel-descriptor": "smdesc"}


_CHILDREN: Final = {"Submodel": "submodelElements", "SubmodelElementCollection": "value",
                    "SubmodelElementList": "value"}


class Entry(NamedTuple):
    """A field of a twin: ``name`` with every index left open, ``place`` the indices as ``3.0``."""

    name: str
    place: str
    value: str


class Element(NamedTuple):
    """A row of an element; ``shape`` is ``path`` with every index left open, ``tail`` its last step."""

    ordinal: int
    path: str
    shape: str
    tail: str
    id_short: str | None
    semantic: str | None
    value: str | None
    number: float | None
    value_type: str | None
    language: str | None
    instant: int | None


class Node(NamedTuple):
    """An element and where it stands."""

    path: str
    shape: str
    tail: str
    element: Mapping[str, Any]


def fields(kind: str, document: Mapping[str, Any]) -> list[Entry]:
    """The fields of a twin of ``kind`` that have rows."""
    found = []
    for tokens in INDEXED.get(kind, ()):
        name = written(tokens)
        found += [Entry(name, ".".join(map(str, place)), value) for place, value in resolve(document, tokens)]
    return found


def elements(document: Mapping[str, Any]) -> list[Element]:
    """A row for each element of the submodel ``document`` in reading order; several for one with several texts."""
    return _rows(nodes(document))


def elements_below(element: Mapping[str, Any], path: str) -> list[Element]:
    """The rows of ``element``, which lies at ``path``, and of all within it; their ordinals count from it."""
    shape = re.sub(r"\[\d+\]", "[]", path)
    return _rows(_nodes(Node(path, shape, shape.rpartition(".")[2], element)))


def _rows(found: Iterator[Node]) -> list[Element]:
    rows = []
    for ordinal, node in enumerate(found):
        element = node.element
        semantic = first_key(element.get("semanticId"))
        kind = value_type(element)
        pairs: list[tuple[str | None, str | None]] = [*atoms(element)] or [(None, None)]
        for value, language in pairs:
            rows.append(Element(
                ordinal, node.path, node.shape, node.tail, text(element.get("idShort")), semantic, value,
                values.number(value) if value is not None else None, kind, language,
                values.instant(value) if value is not None else None))
    return rows


def nodes(document: Mapping[str, Any]) -> Iterator[Node]:
    """Every element that a query can reach, the outer before the inner."""
    return _nodes(Node("", "", "", document))


def nodes_below(first: Node) -> Iterator[Node]:
    """``first`` and every element in it that a query can reach."""
    return _nodes(first)


def _nodes(first: Node) -> Iterator[Node]:
    waiting = [first]
    while waiting:
        here = waiting.pop()
        if here.tail:
            yield here
        waiting.extend(reversed(list(_inner(here))))


def _inner(here: Node) -> Iterator[Node]:
    kind = here.element.get("modelType")
    name = _CHILDREN.get(str(kind), "")
    inner = here.element.get(name if here.tail else "submodelElements")
    for place, one in enumerate(inner if isinstance(inner, list) else ()):
        if not isinstance(one, dict):
            continue
        if kind == "SubmodelElementList":
            yield Node(f"{here.path}[{place}]", f"{here.shape}[]", f"{here.tail}[]", one)
        else:
            step = str(one.get("idShort") or "_")
            dot = "." if here.path else ""
            yield Node(f"{here.path}{dot}{step}", f"{here.shape}{dot}{step}", step, one)


def text(value: Any) -> str | None:
    """An atomic value as text, or None."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def first_key(reference: Any) -> str | None:
    """The value of the first key of a reference."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    first = keys[0] if isinstance(keys, list) and keys else None
    return text(first.get("value")) if isinstance(first, dict) else None


def value_type(element: Mapping[str, Any]) -> str | None:
    """The valueType of a property or range."""
    return text(element.get("valueType"))


def atoms(element: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """(value, language) of what can be asked of the value of ``element``."""
    kind, value = element.get("modelType"), element.get("value")
    if kind == "MultiLanguageProperty" and isinstance(value, list):
        return [(str(one.get("text", "")), text(one.get("language"))) for one in value if isinstance(one, dict)]
    if kind == "ReferenceElement":
        found = first_key(value)
        return [(found, None)] if found is not None else []
    found = text(value) if kind in {"Property", "File"} else None
    return [(found, None)] if found is not None else []


def resolve(document: Any, tokens: tuple[Token, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    """(indices of the open lists, value) for each atomic value that ``tokens`` lead to."""
    waiting: list[tuple[Any, int, tuple[int, ...]]] = [(document, 0, ())]
    while waiting:
        here, at, place = waiting.pop()
        if at < len(tokens):
            waiting.extend((one, at + 1, (*place, *more)) for one, more in _within(here, tokens[at]))
        elif (found := text(here)) is not None:
            yield place, found


def _within(here: Any, token: Token) -> list[tuple[Any, tuple[int, ...]]]:
    """What one step leads to, the last first."""
    if isinstance(token, str):
        return [(here[token], ())] if isinstance(here, dict) and token in here else []
    if not isinstance(here, list):
        return []
    if token == ANY:
        return [(one, (index,)) for index, one in reversed(list(enumerate(here)))]
    return [(here[token], ())] if token < len(here) else []
