"""Finding one's way in submodels that may have any shape: children, texts, semantic ids, and the place for a note.

Not here: what the elements mean (``reading.py``, ``schema.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from weft.basis.noticed import Grade, Noticed, noticed

_CHILDREN: Final = ("submodelElements", "value")
TEXT_MAX: Final = 4_000
NOTICED_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are, and where what is noticed there is kept; so many things are listed, the last says that it is so."""

    path: str
    kept: list[Noticed]

    def at(self, name: str) -> "Place":
        """The place ``name`` within this one."""
        return Place(f"{self.path}/{name}", self.kept)

    def note(self, grade: Grade, code: str, name: str, **facts: object) -> None:
        """Something was noticed at ``name`` within this place."""
        where = f"{self.path}/{name}" if name else self.path
        if len(self.kept) < NOTICED_MAX:
            self.kept.append(noticed(grade, code, where, **facts))
        elif len(self.kept) == NOTICED_MAX:
            self.kept.append(noticed("lost", "and-more", where, limit=NOTICED_MAX))


class Opened:
    """An element whose children are taken one by one; what nobody took is told in the end."""

    def __init__(self, element: Mapping[str, Any] | None) -> None:
        self._left = list(children(element or {}))

    def take(self, id_short: str, *ids: str) -> Mapping[str, Any] | None:
        """The child called ``id_short``, else the first that one of ``ids`` is the meaning of."""
        wanted = id_short.lower()
        found = next((one for one in self._left if text(one.get("idShort")).lower() == wanted), None)
        found = found or next((one for one in self._left if means(one, *ids)), None)
        if found is not None:
            self._left = [one for one in self._left if one is not found]
        return found

    def told(self, id_short: str, *ids: str) -> str:
        """The text of a child; "" where it has none."""
        found = self.take(id_short, *ids)
        return text(found.get("value")) if found is not None else ""

    def rest(self, place: Place) -> None:
        """Tell what nobody took."""
        for one in self._left:
            place.note("lost", "element", text(one.get("idShort")))


def children(element: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The elements directly within ``element``; what is none is passed over."""
    for key in _CHILDREN:
        given = element.get(key)
        if isinstance(given, list):
            yield from (one for one in given if isinstance(one, Mapping))


def means(element: Mapping[str, Any], *ids: str) -> bool:
    """Whether one of ``ids`` is among the semantic ids of ``element``."""
    return bool(ids) and not set(ids).isdisjoint(semantics(element))


def semantics(element: Mapping[str, Any]) -> tuple[str, ...]:
    """Semantic ids of ``element``, without the blanks that published templates hold."""
    others = element.get("supplementalSemanticIds")
    given = [element.get("semanticId"), *(others if isinstance(others, list) else ())]
    return tuple(found for one in given if (found := _joined(one)))


def _joined(reference: Any) -> str:
    keys = reference.get("keys") if isinstance(reference, Mapping) else None
    values = [one.get("value") for one in keys if isinstance(one, Mapping)] if isinstance(keys, list) else []
    return "/".join("".join(one.split()) for one in values if isinstance(one, str))


def text(value: Any) -> str:
    """``value`` if it is a text, shortened to what is still sense; else ""."""
    return value.strip()[:TEXT_MAX] if isinstance(value, str) else ""
