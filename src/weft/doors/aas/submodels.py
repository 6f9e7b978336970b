"""One submodel as asked for: whole, an element of it, or a view of either.

IDTA-01002 §12.4 (submodel service).
Rule 1: metadata has no depth: who asks for a level of it is told so.
Not here: which submodels there are (``service.py``), how views look (``twin/values.py``).
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import asked
from weft.twin.elements import Json
from weft.twin.paths import resolve
from weft.twin.values import metadata, paths, reference_to, shaped, value_of


@dataclass(frozen=True, slots=True)
class Inside:
    """How it is wanted: all levels (and whether that was said), with blobs, how many on a page, behind which."""

    deep: bool
    levelled: bool
    blobs: bool
    size: int
    after: str


def view(submodel: Json, rest: list[str], how: Inside) -> Any:
    """What is at ``rest`` below the address of ``submodel``; raises ``NotFound`` or ``Invalid``."""
    match rest:
        case []:
            return shaped(submodel, deep=how.deep, blobs=how.blobs)
        case [modifier] if modifier.startswith("$"):
            return _modified(submodel, submodel, "", modifier, how)
        case ["submodel-elements"]:
            return _page(submodel, how, lambda one: shaped(one, deep=how.deep, blobs=how.blobs))
        case ["submodel-elements", modifier] if modifier.startswith("$"):
            return _elements(submodel, modifier, how)
        case ["submodel-elements", path]:
            return shaped(resolve(submodel, path), deep=how.deep, blobs=how.blobs)
        case ["submodel-elements", path, "attachment"]:
            return _attachment(resolve(submodel, path))
        case ["submodel-elements", path, modifier]:
            return _modified(submodel, resolve(submodel, path), path, modifier, how)
        case _:
            raise NotFound("twin.no-such-address", path="/".join(rest)[:200])


def _modified(submodel: Json, element: Json, path: str, modifier: str, how: Inside) -> Any:
    if modifier == "$value":
        return value_of(shaped(element, blobs=how.blobs), deep=how.deep)
    if modifier == "$metadata":
        if how.levelled:
            raise Invalid("twin.metadata-level")
        return metadata(element)
    if modifier == "$reference":
        return reference_to(submodel["id"], submodel, path)
    if modifier == "$path":
        return paths(element, path, deep=how.deep)
    raise NotFound("twin.no-such-address", path=modifier[:40])


def _elements(submodel: Json, modifier: str, how: Inside) -> Any:
    """A page of the elements in one view; values by idShort, as the value-only form wants."""
    if modifier == "$path":
        found = paths(submodel, deep=how.deep)
        first = found.index(how.after) + 1 if how.after in found else 0
        more = first + how.size < len(found)
        return asked.paged(found[first:first + how.size], found[first + how.size - 1] if more else "")
    if modifier == "$value":
        return asked.paged([value_of(shaped(submodel, blobs=how.blobs), deep=how.deep)])
    return _page(submodel, how, lambda one: _modified(submodel, one, one["idShort"], modifier, how))


def _page(submodel: Json, how: Inside, shape: Callable[[Json], Any]) -> Json:
    elements = submodel.get("submodelElements", [])
    names = [one["idShort"] for one in elements]
    if how.after and how.after not in names:
        raise Invalid("twin.cursor", value=how.after[:80])
    first = names.index(how.after) + 1 if how.after else 0
    chosen = elements[first:first + how.size]
    more = first + how.size < len(elements)
    return asked.paged([shape(one) for one in chosen], chosen[-1]["idShort"] if more else "")


def _attachment(element: Json) -> Response:
    if element["modelType"] != "Blob" or "value" not in element:
        raise NotFound("twin.no-attachment", kind=element["modelType"])
    return Response(base64.b64decode(element["value"]), media_type=element["contentType"])
