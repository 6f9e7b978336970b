"""The way to an element within a submodel: ``Spindle.Speed``, ``Jobs[2].State``.

IDTA-01002 §10 (idShortPath).
Rule 1: a path is checked for its form before it is followed: Invalid is not NotFound.
Not here: base64url ids (``names.py``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from weft.basis.errors import Invalid, NotFound

PATH_MAX: Final = 2000
_STEP: Final = re.compile(r"([A-Za-z][A-Za-z0-9_]*)((?:\[\d{1,9}\])*)")
CHILDREN: Final = {"SubmodelElementCollection": "value", "SubmodelElementList": "value", "Entity": "statements",
                   "AnnotatedRelationshipElement": "annotations", "Submodel": "submodelElements"}


def children(element: Mapping[str, Any]) -> list[Any]:
    """The elements directly within ``element``."""
    return list(element.get(CHILDREN.get(element["modelType"], ""), ()))


def steps(path: str) -> list[str | int]:
    """``path`` as idShorts and indices; raises ``Invalid('twin.path')``."""
    found: list[str | int] = []
    for part in path.split(".") if len(path) <= PATH_MAX else [""]:
        match = _STEP.fullmatch(part)
        if match is None:
            raise Invalid("twin.path", path=path[:80])
        found.append(match[1])
        found += [int(index) for index in re.findall(r"\d+", match[2])]
    return found


def resolve(submodel: Mapping[str, Any], path: str) -> Any:
    """The element at ``path``; raises ``NotFound('twin.element')``."""
    at: Any = submodel
    for step in steps(path):
        inner = children(at)
        if isinstance(step, int):
            found = inner[step] if at["modelType"] == "SubmodelElementList" and step < len(inner) else None
        else:
            found = next((one for one in inner if one.get("idShort") == step), None)
        if found is None:
            raise NotFound("twin.element", path=path[:80])
        at = found
    return at


def walk(element: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    """(path, element) of ``element`` at path ``at`` and of all within it."""
    if at:
        yield at, element
    listed = element["modelType"] == "SubmodelElementList"
    for place, one in enumerate(children(element)):
        here = f"{at}[{place}]" if listed else f"{at}.{one['idShort']}" if at else one["idShort"]
        yield from walk(one, here)
