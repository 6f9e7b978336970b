"""The way to an element within a submodel: ``Spindle.Speed``, ``Jobs[2].State``; and copies changed at its end.

IDTA-01001 v3.1 §6 (format "Path"), IDTA-01002 §10 (idShortPath).
Rule 1: a path is checked for its form before it is followed: Invalid is not NotFound.
Rule 2: what is given is never changed: a copy shares all that lies beside the way.
Rule 3: who wants one element of a submodel that rests in bytes reads that one: of the others not even the names.
Not here: base64url ids (``names.py``), whether the change is sound (``metamodel``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, Refused

PATH_MAX: Final = 2000
_STEP: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)((?:\[(?:0|[1-9][0-9]{0,8})\])*)")
CHILDREN: Final = {"SubmodelElementCollection": "value", "SubmodelElementList": "value", "Entity": "statements",
                   "AnnotatedRelationshipElement": "annotations", "Submodel": "submodelElements"}
Json = dict[str, Any]


def children(element: Mapping[str, Any]) -> list[Any]:
    """The elements directly within ``element``."""
    return list(element.get(CHILDREN.get(element["modelType"], ""), ()))


def steps(path: str) -> list[str | int]:
    """``path`` as idShorts and indices; raises ``Invalid('twin.path')``."""
    return list(_steps(path))


@lru_cache(4096)
def _steps(path: str) -> tuple[str | int, ...]:
    found: list[str | int] = []
    for part in path.split(".") if len(path) <= PATH_MAX else [""]:
        match = _STEP.fullmatch(part)
        if match is None:
            raise Invalid("twin.path", path=path[:80])
        found.append(match[1])
        found += [int(index) for index in re.findall(r"\d+", match[2])]
    return tuple(found)


def resolve(submodel: Mapping[str, Any], path: str) -> Any:
    """The element at ``path``; raises ``NotFound('twin.element')``."""
    at: Any = submodel
    for step in trail(submodel, path):
        at = at[step]
    return at


def trail(submodel: Mapping[str, Any], path: str) -> tuple[str | int, ...]:
    """The keys and indices that lead through the JSON to the element at ``path``; raises ``NotFound``."""
    at: Any = submodel
    found: list[str | int] = []
    for step in steps(path):
        key = CHILDREN.get(at["modelType"], "")
        inner = at.get(key, ())
        place = _place(at, inner, step)
        if place is None:
            raise NotFound("twin.element", path=path[:80])
        found += [key, place]
        at = inner[place]
    return tuple(found)


def _place(at: Mapping[str, Any], inner: Sequence[Mapping[str, Any]], step: str | int) -> int | None:
    listed = at["modelType"] == "SubmodelElementList"
    if isinstance(step, int):
        return step if listed and step < len(inner) else None
    if listed:
        return None     # 3.1 lets elements of a list have an idShort, but their place alone names them
    return next((place for place, one in enumerate(inner) if one.get("idShort") == step), None)


# ---- in bytes -----------------------------------------------------------------------------------------


class _Head(msgspec.Struct, gc=False, rename="camel"):
    model_type: str
    id_short: str = ""


_HEAD: Final = msgspec.json.Decoder(_Head)
_INNER: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    key: msgspec.json.Decoder(msgspec.defstruct("_Inner", [("inner", list[msgspec.Raw], [])], rename={"inner": key}))
    for key in set(CHILDREN.values())}


def read_at(submodel: bytes, path: str) -> Any:
    """The element at ``path`` of a submodel that rests in bytes; as ``resolve``."""
    at: bytes | msgspec.Raw = submodel
    kind = "Submodel"
    for step in steps(path):
        key = CHILDREN.get(kind)
        inner = _INNER[key].decode(at).inner if key else []
        found = _part(inner, step, listed=kind == "SubmodelElementList")
        if found is None:
            raise NotFound("twin.element", path=path[:80])
        at, kind = found
    return msgspec.json.decode(at)


def _part(inner: Sequence[msgspec.Raw], step: str | int, *, listed: bool) -> tuple[msgspec.Raw, str] | None:
    """One of ``inner``, and its kind; as ``_place``."""
    if isinstance(step, int) is not listed:
        return None
    for one in inner[step:step + 1] if isinstance(step, int) else inner:
        head = _HEAD.decode(one)
        if listed or head.id_short == step:
            return one, head.model_type
    return None


def walk(element: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    """(path, element) of ``element`` at path ``at`` and of all within it."""
    if at:
        yield at, element
    listed = element["modelType"] == "SubmodelElementList"
    for place, one in enumerate(children(element)):
        short = one.get("idShort", f"[{place}]")
        yield from walk(one, f"{at}[{place}]" if listed else f"{at}.{short}" if at else short)


# ---- copies -------------------------------------------------------------------------------------------

def placed(submodel: Json, path: str, element: Json) -> Json:
    """A copy of ``submodel`` with ``element`` in the place of the one at ``path``; raises ``NotFound``."""
    made: Json = _with(submodel, trail(submodel, path), element)
    return made


def added(submodel: Json, within: str, element: Json, place: int | None = None) -> tuple[Json, str]:
    """(a copy with ``element`` new within the one at path ``within`` ("": the submodel), its path).

    ``place``: before which of its children, None for behind all. Raises ``NotFound``, ``Invalid('twin.no-path')``
    where nothing can lie within, ``Refused('twin.element-exists')`` when the idShort is taken.
    """
    way = trail(submodel, within) if within else ()
    parent: Any = submodel
    for step in way:
        parent = parent[step]
    key = CHILDREN.get(parent["modelType"])
    if key is None:
        raise Invalid("twin.no-path", kind=parent["modelType"])
    inner = list(parent.get(key, ()))
    at = len(inner) if place is None else min(place, len(inner))
    if parent["modelType"] == "SubmodelElementList":
        path = f"{within}[{at}]"
    else:
        short = str(element.get("idShort", ""))
        path = f"{within}.{short}" if within else short
        if any(one.get("idShort") == short for one in inner):
            raise Refused("twin.element-exists", path=path[:80])
    made = {**parent, key: [*inner[:at], element, *inner[at:]]}
    return _with(submodel, way, made), path


def removed(submodel: Json, path: str) -> Json:
    """A copy without the element at ``path``; a list of children that is left empty goes too."""
    *way, key, place = trail(submodel, path)
    parent: Any = submodel
    for step in way:
        parent = parent[step]
    rest = [one for at, one in enumerate(parent[key]) if at != place]
    made = {name: value for name, value in parent.items() if name != key}
    whole: Json = _with(submodel, tuple(way), {**parent, key: rest} if rest else made)
    return whole


def _with(at: Any, way: Sequence[str | int], new: Any) -> Any:
    if not way:
        return new
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        return [*at[:step], _with(at[step], rest, new), *at[step + 1:]]
    return {**at, step: _with(at[step], rest, new)}
