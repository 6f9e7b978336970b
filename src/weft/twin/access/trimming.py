"""Shows of a twin what its filters let through: entries of lists, attributes, elements.

IDTA-01004 v3.0.2, FILTER: the FRAGMENT says what is looked at, the CONDITION which of it may be seen.
Rule 1: each part is judged alone: the condition sees the twin with no other part of the same fragment.
Rule 2: what one grant shows is shown, whatever another hides; a grant without a filter for a fragment hides none of it.
Rule 3: a list that has lost all is left out: the metamodel knows no empty lists. The document given is not changed.
Not here: whether the twin may be seen at all (``deciding``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.twin.access.deciding import Grant
from weft.twin.access.model import Fragment
from weft.twin.query import holds, index
from weft.twin.query.holding import at_path, at_shape
from weft.twin.query.tree import ANY, Condition, Token, shape

Json = dict[str, Any]
Judge = Callable[[Json], bool]


def trimmed(document: Json, kind: str, grants: Sequence[Grant]) -> Json:
    """``document`` with only those parts that one of ``grants`` shows."""
    root = index.ROOT_OF.get(kind, "")
    for fragment in dict.fromkeys(one.fragment for grant in grants for one in grant.filters):
        shown = [tuple(one.condition for one in grant.filters if one.fragment == fragment) for grant in grants]
        if not all(shown) or fragment.root not in {root, "sme" if root == "sm" else ""}:
            continue
        document = _without(document, fragment, _judge(shown, kind))
    return document


def _judge(shown: Sequence[tuple[Condition, ...]], kind: str) -> Judge:
    def seen(reduced: Json) -> bool:
        return any(all(holds(one, reduced, kind) for one in conditions) for conditions in shown)
    return seen


def _without(document: Json, fragment: Fragment, seen: Judge) -> Json:
    if fragment.root != "sme":
        return _attribute(document, fragment.attribute, seen, lambda inner: inner)
    return _elements(document, fragment, seen)


def _attribute(here: Json, tokens: tuple[Token, ...], seen: Judge, whole: Callable[[Json], Json]) -> Json:
    """``here`` without what lies at ``tokens`` and is not to be seen; ``whole`` puts a version of it in the twin."""
    name, rest = str(tokens[0]), tokens[1:]
    if name not in here:
        return here
    value = here[name]
    if isinstance(value, list):
        only, rest = (rest[0], rest[1:]) if rest and isinstance(rest[0], int) else (ANY, rest)
        judged = [one if only not in {ANY, place} else _entry(here, name, one, rest, (seen, whole))
                  for place, one in enumerate(value)]
        return _with(here, name, [one for one in judged if one is not None])
    if rest and isinstance(value, dict):
        inner = _attribute(value, rest, seen, lambda one: whole({**here, name: one}))
        return _with(here, name, inner)
    return here if seen(whole(here)) else _with(here, name, None)


def _entry(here: Json, name: str, one: Any, rest: tuple[Token, ...],
           judged: tuple[Judge, Callable[[Json], Json]]) -> Any:
    """One entry of a list, with what is not to be seen left out; None when that is all of it."""
    seen, whole = judged
    if rest and isinstance(one, dict):
        return _attribute(one, rest, seen, lambda inner: whole({**here, name: [inner]}))
    return one if seen(whole({**here, name: [one]})) else None


def _with(here: Json, name: str, value: Any) -> Json:
    if value in (None, [], {}):
        return {key: one for key, one in here.items() if key != name}
    return {**here, name: value}


# ---- elements -------------------------------------------------------------------------------------------

def _elements(document: Json, fragment: Fragment, seen: Judge) -> Json:
    """The submodel without the elements (or the attribute of elements) that are not to be seen."""
    trim = _Trim(fragment, seen)
    return _with(document, "submodelElements", trim.inside(document, "submodelElements", ("", ""), dict))


Whole = Callable[[Json], Json]


class _Trim:
    """Goes through the elements of one submodel; ``whole`` puts a version of one into it, alone."""

    def __init__(self, fragment: Fragment, seen: Judge) -> None:
        self.fragment = fragment
        self.shape = shape(fragment.path)
        self.seen = seen

    def inside(self, container: Json, name: str, at: tuple[str, str], whole: Whole) -> list[Json]:
        """What is left of the elements in ``container``."""
        listed = container.get("modelType") == "SubmodelElementList"
        kept = []
        for place, one in enumerate(container.get(name) or ()):
            steps = (f"[{place}]", "[]") if listed else (f".{one.get('idShort', '_')}",) * 2
            path = (at[0] + steps[0]).lstrip("."), (at[1] + steps[1]).lstrip(".")
            found = self.element(one, path, lambda inner: whole({**container, name: [inner]}))
            if found is not None:
                kept.append(found)
        return kept

    def element(self, one: Json, at: tuple[str, str], whole: Whole) -> Json | None:
        """What is left of one element."""
        path, attribute = self.fragment.path, self.fragment.attribute
        mine = not path or (at_shape(at[1], self.shape) and at_path(at[0], path))
        if mine and path and not attribute:
            return one if self.seen(whole(one)) else None
        if not _holds_elements(one):
            if mine and attribute:
                return _attribute(one, attribute, self.seen, whole)
            return one if not mine or self.seen(whole(one)) else None
        inner = self.inside(one, "value", at, whole)
        if not mine or attribute or inner or self.seen(whole(_with(one, "value", None))):
            return _with(one, "value", inner)
        return None


def _holds_elements(one: Mapping[str, Any]) -> bool:
    return one.get("modelType") in {"SubmodelElementCollection", "SubmodelElementList"} and bool(one.get("value"))
