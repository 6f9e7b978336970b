"""What a twin is found by: names, fields, elements and files, derived from its body alone.

Rule 1: the same body gives the same entries as long as ``INDEX`` is the same: what an older body gave is taken out by
        deriving it again. Who changes what is derived raises it; a store then derives all anew when it is opened.
Rule 2: a body may hold anything that is JSON: what is of another shape is not found, and does no harm.
Not here: names and words (``engine/twins``: ``naming.py``, ``words.py``), what a query reaches
        (``twin/query/index.py``), tables (``sql/twins``).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from weft.engine.twins import naming
from weft.engine.twins.ports import Kind
from weft.engine.twins.words import words
from weft.twin.paths import read_at
from weft.twin.query import index

INDEX: Final = 2


class Element(NamedTuple):
    """What is kept of one element: see ``sql/twins``; ``semantic`` is the text of the term."""

    shape: str
    tail: str
    semantic: str | None
    type: str | None
    value: str | None
    number: float | None
    instant: int | None


Key = tuple[str, str | None, str]  # path, idShort, language


class Derived(NamedTuple):
    """All entries of one body: (title, value), (title, value, place), elements by their keys, and words."""

    names: frozenset[tuple[str, str]]
    fields: frozenset[tuple[str, str, str]]
    elements: dict[Key, Element]
    files: frozenset[str]
    words: tuple[str, ...] = ()


NOTHING: Final = Derived(frozenset(), frozenset(), {}, frozenset())


def derive(kind: Kind, body: bytes) -> Derived:
    """The entries of ``body``; raises ``ValueError`` when that is no JSON object."""
    document = msgspec.json.decode(body, type=dict[str, Any])
    elements: dict[Key, Element] = {}
    if kind == "submodel":
        _put(elements, index.elements(document))
    return Derived(
        frozenset((f"{kind}:{name}", value) for name, value in naming.names(kind, document)),
        frozenset((one.name, one.value, one.place) for one in index.fields(kind, document)),
        elements, _named(kind, body, document), words(kind, document))


def derive_again(old: Derived, body: bytes, path: str) -> Derived:
    """The entries of a submodel of which only the value of the element at ``path`` has changed since ``old``."""
    elements = {key: one for key, one in old.elements.items() if not _within(key[0], path)}
    _put(elements, index.elements_below(read_at(body, path), path))
    return Derived(old.names, old.fields, elements, _named_in(body), old.words)


def _within(path: str, outer: str) -> bool:
    return path.startswith(outer) and path[len(outer):len(outer) + 1] in ("", ".", "[")


def _put(elements: dict[Key, Element], rows: list[index.Element]) -> None:
    for one in rows:
        elements.setdefault((one.path, one.id_short, one.language or ""), Element(
            one.shape, one.tail, one.semantic, one.value_type, one.value, one.number, one.instant))


def _named(kind: Kind, body: bytes, document: Mapping[str, Any]) -> frozenset[str]:
    """Files; most submodels have none, which shows at once."""
    return frozenset() if kind == "submodel" and b'"File"' not in body else frozenset(_files(document))


def _named_in(submodel: bytes) -> frozenset[str]:
    """The same of a submodel that was not read yet."""
    return _named("submodel", submodel, msgspec.json.decode(submodel)) if b'"File"' in submodel else frozenset()


def _files(document: Mapping[str, Any]) -> Iterator[str]:
    """Every value by which ``document`` may mean a file: of a File, of a thumbnail, of a package."""
    waiting: list[Any] = [document]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting.extend(here)
        elif isinstance(here, dict):
            if here.get("modelType") == "File" and isinstance(here.get("value"), str):
                yield here["value"]
            waiting.extend(value for value in here.values() if isinstance(value, dict | list))
    asset = document.get("assetInformation")
    thumbnail = asset.get("defaultThumbnail") if isinstance(asset, dict) else None
    for value in (thumbnail.get("path") if isinstance(thumbnail, dict) else None, document.get("file")):
        if isinstance(value, str):
            yield value
