"""Elements of a submodel: pages of them, one by its idShortPath, the views of either, and changes to them.

IDTA-01002 v3.1.2 §12.5 (submodel service).
Rule 1: the cursor of a page names its last elements (``trail.py``), so that what is added or removed shifts nothing.
Rule 2: a property without data has no value: asked for it alone, that is told (404), since JSON's null is none of the
        values that the specification knows.
Not here: attachments (``attachments.py``), operations (``invoking.py``), how views look (``twin/values.py``).
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import asked, trail
from weft.doors.aas.call import Call, answer, done, paged, raw
from weft.doors.aas.submodels import id_of, read
from weft.engine.twins.calm import calmly
from weft.twin.elements import Json
from weft.twin.names import encode_id
from weft.twin.paths import resolve
from weft.twin.values import metadata, paths, reference_to, shaped, value_json, value_of

_DEMANDED: Final = ("first", "second", "observed", "contentType", "globalAssetId", "specificAssetIds")

# ---- pages ------------------------------------------------------------------------------------------------


async def page(call: Call) -> Response:
    """GetAllSubmodelElements."""
    deep, blobs = asked.view(call.request)
    return await _page(call, lambda _, one: shaped(one, deep=deep, blobs=blobs))


async def page_metadata(call: Call) -> Response:
    """GetAllSubmodelElements-Metadata."""
    if "level" in call.request.query_params:
        raise Invalid("twin.metadata-level")
    return await _page(call, lambda _, one: _metadata(call, one), "Capability", "Operation")


async def page_references(call: Call) -> Response:
    """GetAllSubmodelElements-Reference."""
    asked.deep(call.request)
    return await _page(call, lambda submodel, one: reference_to(submodel["id"], submodel, one["idShort"]))


async def page_values(call: Call) -> Response:
    """GetAllSubmodelElements-ValueOnly: by idShort (API 3.1), or as a list of such objects (API 3.0)."""
    deep, blobs = asked.view(call.request)
    _, submodel = await read(call)
    chosen, cursor = _chosen(call, submodel)
    part = shaped({**submodel, "submodelElements": chosen}, blobs=blobs)
    told = msgspec.Raw(value_json(part, deep=deep))
    return answer(paged([told] if call.first_edition else told, cursor))


async def page_paths(call: Call) -> Response:
    """GetAllSubmodelElements-Path."""
    deep, size, after = asked.deep(call.request), asked.page_size(call.request), asked.cursor(call.request)
    row, submodel = await read(call)
    found = await calmly(len(row.body), lambda: paths(submodel, deep=deep))
    first = trail.begin(found, after)
    return answer(paged(found[first:first + size], trail.end(found, first + size)))


async def _page(call: Call, view: Callable[[Json, Json], Any], *unseen: str) -> Response:
    _, submodel = await read(call)
    chosen, cursor = _chosen(call, submodel)
    return answer(paged([view(submodel, one) for one in chosen if one["modelType"] not in unseen], cursor))


def _chosen(call: Call, submodel: Json) -> tuple[list[Json], str]:
    """The elements of one page, and its cursor."""
    size, after = asked.page_size(call.request), asked.cursor(call.request)
    elements = submodel.get("submodelElements", [])
    names = [one["idShort"] for one in elements]
    first = trail.begin(names, after)
    return elements[first:first + size], trail.end(names, first + size)


# ---- one element ------------------------------------------------------------------------------------------


async def _element(call: Call) -> Json:
    """The element in the address."""
    return await call.twins.element(await id_of(call), call.path)


async def get(call: Call) -> Response:
    """GetSubmodelElementByPath."""
    deep, blobs = asked.view(call.request)
    return answer(shaped(await _element(call), deep=deep, blobs=blobs))


async def get_metadata(call: Call) -> Response:
    """GetSubmodelElementByPath-Metadata."""
    if "level" in call.request.query_params:
        raise Invalid("twin.metadata-level")
    return answer(_metadata(call, await _element(call)))


def _metadata(call: Call, element: Json) -> Json:
    """Metadata; in API 3.0 it has everything that the metamodel demands, be it a value or not."""
    kept = {name: element[name] for name in _DEMANDED if name in element} if call.first_edition else {}
    return metadata(element) | kept


async def get_value(call: Call) -> Response:
    """GetSubmodelElementByPath-ValueOnly."""
    deep, blobs = asked.view(call.request)
    told = value_of(shaped(await _element(call), blobs=blobs), deep=deep, exact=True)
    if told is None:
        raise NotFound("twin.value-absent", path=call.path[:200])
    return raw(msgspec.json.encode(told))


async def get_reference(call: Call) -> Response:
    """GetSubmodelElementByPath-Reference."""
    _, submodel = await read(call)
    resolve(submodel, call.path)
    return answer(reference_to(submodel["id"], submodel, call.path))


async def get_paths(call: Call) -> Response:
    """GetSubmodelElementByPath-Path."""
    deep = asked.deep(call.request)
    return answer(paths(await _element(call), call.path, deep=deep))


async def create(call: Call) -> Response:
    """PostSubmodelElement, PostSubmodelElementByPath: at the top, or within what the address names."""
    name = await id_of(call)
    given = await call.json()
    row, path = await call.twins.add_element(name, call.path, given, call.expected)
    location = call.href("submodels", encode_id(row.id), "submodel-elements", quote(path))
    return answer(given, 201, {"Location": location, "ETag": f'"{row.revision}"'})


async def put(call: Call) -> Response:
    """PutSubmodelElementByPath: replaces it, or makes it."""
    asked.deep(call.request)
    given = await call.json()
    row, created = await call.twins.replace_element(await id_of(call), call.path, given, call.expected)
    return answer(given, 201, {"ETag": f'"{row.revision}"'}) if created else done(row)


async def patch(call: Call) -> Response:
    """PatchSubmodelElementByPath: what is given replaces what is there, the rest stays."""
    asked.deep(call.request)
    return done(await call.twins.patch_element(await id_of(call), call.path, await call.json(), call.expected))


async def patch_metadata(call: Call) -> Response:
    """PatchSubmodelElementByPath-Metadata."""
    return done(await call.twins.set_metadata(await id_of(call), call.path, await call.json(), call.expected))


async def patch_value(call: Call) -> Response:
    """PatchSubmodelElementByPath-ValueOnly; of a machine's property it is written to the machine."""
    asked.deep(call.request)
    return done(await call.twins.set_value(await id_of(call), call.path, await call.value(), call.expected))


async def delete(call: Call) -> Response:
    """DeleteSubmodelElementByPath."""
    return done(await call.twins.remove_element(await id_of(call), call.path, call.expected))
