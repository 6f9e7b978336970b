"""Submodels: the repository of them, one of them, and the views of either.

IDTA-01002 v3.1.2 §12.4, §12.5 (submodel repository, submodel service).
Rule 1: below ``/shells/{id}/submodels`` a submodel is there only if that shell names it; what is made or deleted there
        is named, or no longer named, by the shell in the same write.
Rule 2: stored bytes are answered as they are, unless a view of them was asked for.
Rule 3: metadata has no depth: who asks for a level of it is told so.
Not here: elements (``elements.py``), how views look (``twin/values.py``).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import asked, shells, trail
from weft.doors.aas.call import Call, answer, done, joined, paged, raw, stored
from weft.engine.twins.calm import calmly
from weft.engine.twins.ports import Row, Where
from weft.engine.twins.repository import Page
from weft.twin.elements import Json, model
from weft.twin.names import encode_id
from weft.twin.values import metadata, paths, reference_to, shaped, value_json

_BLOB: Final = b'"modelType":"Blob"'


async def id_of(call: Call) -> str:
    """The submodel that the address names, if the shell in the address names it too."""
    if "submodel" not in call.parts:
        _, shell = await call.twins.document("shell", await shells.id_of(call))
        return shells.first_submodel(shell)
    name = call.id("submodel")
    if in_shell(call):
        _, shell = await call.twins.document("shell", await shells.id_of(call))
        if not shells.names_submodel(shell, name):
            raise NotFound("twin.submodel", id=name[:200])
    return name


def in_shell(call: Call) -> bool:
    """Whether the address goes through a shell."""
    return "shell" in call.parts or call.parts.get("alone") == "aas"


def where(call: Call) -> Where:
    """Which submodels are asked for."""
    semantic = call.request.query_params.get("semanticId")
    return Where(id_short=call.request.query_params.get("idShort", ""),
                 semantic=asked.semantic(semantic) if semantic is not None else "")


# ---- the repository ---------------------------------------------------------------------------------------


async def page(call: Call) -> Response:
    """GetAllSubmodels."""
    deep, blobs = asked.view(call.request)
    found = await _page(call)
    return joined([_bytes(row, deep=deep, blobs=blobs) for row in found.rows], found.cursor)


async def page_metadata(call: Call) -> Response:
    """GetAllSubmodels-Metadata."""
    _no_level(call)
    return await _views(call, lambda row: metadata(_read(row)))


async def page_values(call: Call) -> Response:
    """GetAllSubmodels-ValueOnly."""
    deep, blobs = asked.view(call.request)
    found = await _page(call)
    return joined([value_json(shaped(_read(row), blobs=blobs), deep=deep) for row in found.rows], found.cursor)


async def page_references(call: Call) -> Response:
    """GetAllSubmodels-Reference."""
    asked.deep(call.request)
    return await _views(call, lambda row: model(("Submodel", row.id)))


async def _page(call: Call) -> Page:
    return await call.twins.page("submodel", asked.cursor(call.request), asked.page_size(call.request), where(call))


async def _views(call: Call, view: Callable[[Row], Any]) -> Response:
    found = await _page(call)
    return answer(paged([view(row) for row in found.rows], found.cursor))


async def page_paths(call: Call) -> Response:
    """GetAllSubmodels-Path: a page of paths through all submodels; a cursor names where in which submodel it ends."""
    size, deep = asked.page_size(call.request), asked.deep(call.request)
    cursor, _, within = asked.cursor(call.request).partition("\0")
    name, _, within = within.partition("\0")
    result = list[str]()
    while True:
        found = await call.twins.page("submodel", cursor, 1, where(call))
        for row in found.rows:
            told = await calmly(len(row.body), partial(_paths, row, deep=deep))
            first, room = trail.begin(told, within if row.id == name else ""), size - len(result)
            result += told[first:first + room]
            if further := trail.end(told, first + room):
                return answer(paged(result, f"{cursor}\0{row.id}\0{further}"))
        cursor, name = found.cursor, ""
        if not cursor:
            return answer(paged(result))
        if len(result) >= size:
            return answer(paged(result, cursor))


async def create(call: Call) -> Response:
    """PostSubmodel."""
    row = await call.twins.create("submodel", await call.json())
    return stored(row, status=201, location=call.href("submodels", encode_id(row.id)))


# ---- one submodel -----------------------------------------------------------------------------------------


async def get(call: Call) -> Response:
    """GetSubmodelById."""
    deep, blobs = asked.view(call.request)
    row = await call.twins.get("submodel", await id_of(call))
    return stored(row, await calmly(len(row.body), lambda: _bytes(row, deep=deep, blobs=blobs)))


async def get_metadata(call: Call) -> Response:
    """GetSubmodelById-Metadata."""
    _no_level(call)
    return answer(metadata((await read(call))[1]))


async def get_value(call: Call) -> Response:
    """GetSubmodelById-ValueOnly."""
    deep, blobs = asked.view(call.request)
    row, submodel = await read(call)
    return raw(await calmly(len(row.body), lambda: value_json(shaped(submodel, blobs=blobs), deep=deep)))


async def get_reference(call: Call) -> Response:
    """GetSubmodelById-Reference."""
    return answer(reference_to((await read(call))[0].id))


async def get_paths(call: Call) -> Response:
    """GetSubmodelById-Path."""
    deep = asked.deep(call.request)
    row, submodel = await read(call)
    return await calmly(len(row.body), lambda: answer(paths(submodel, deep=deep)))


async def put(call: Call) -> Response:
    """PutSubmodelById: replaces it, or makes it; made below a shell, the shell names it from then on."""
    asked.deep(call.request)
    if not in_shell(call):
        row, created = await call.twins.replace("submodel", await id_of(call), await call.json(), call.expected)
    else:
        name = call.id("submodel")
        row, created = await call.twins.replace_below(await shells.id_of(call), name, await call.json(), call.expected)
    return stored(row, status=201, location=call.href("submodels", encode_id(row.id))) if created else done(row)


async def patch(call: Call) -> Response:
    """PatchSubmodelById: what is given replaces what is there, the rest stays."""
    asked.deep(call.request)
    return done(await call.twins.patch("submodel", await id_of(call), await call.json(), call.expected))


async def patch_metadata(call: Call) -> Response:
    """PatchSubmodelById-Metadata."""
    asked.deep(call.request)
    return done(await call.twins.set_metadata(await id_of(call), "", await call.json(), call.expected))


async def patch_value(call: Call) -> Response:
    """PatchSubmodelById-ValueOnly."""
    asked.deep(call.request)
    return done(await call.twins.set_value(await id_of(call), "", await call.value(), call.expected))


async def delete(call: Call) -> Response:
    """DeleteSubmodelById; below a shell, the shell no longer names it."""
    if in_shell(call):
        await call.twins.delete_below(await shells.id_of(call), await id_of(call), call.expected)
    else:
        await call.twins.delete("submodel", await id_of(call), call.expected)
    return done()


# ---- views ------------------------------------------------------------------------------------------------


async def read(call: Call) -> tuple[Row, Json]:
    """The submodel in the address."""
    return await call.twins.document_at(await id_of(call), call.path)


def _read(row: Row) -> Json:
    read: Json = msgspec.json.decode(row.body)
    return read


def _paths(row: Row, *, deep: bool) -> list[str]:
    return paths(_read(row), deep=deep)


def _bytes(row: Row, *, deep: bool, blobs: bool) -> bytes:
    if deep and (blobs or _BLOB not in row.body):
        return row.body
    return msgspec.json.encode(shaped(_read(row), deep=deep, blobs=blobs))


def _no_level(call: Call) -> None:
    if "level" in call.request.query_params:
        raise Invalid("twin.metadata-level")
