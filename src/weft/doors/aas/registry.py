"""The registries: where the shells and submodels of anybody are to be found; our own are listed by themselves.

IDTA-01002 v3.1.2 §12.7, §12.8 (AAS registry, submodel registry).
Rule 1: what this node serves is registered without being told; a descriptor that somebody writes for it goes before.
Rule 2: a page lists what was written first, then our own, each in order of id.
Not here: several at once (``bulk.py``), search (``querying.py``).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.responses import Response

from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.doors.aas import asked, trail
from weft.doors.aas.call import Call, answer, done, paged, stored
from weft.doors.aas.descriptors import described, of_twins
from weft.engine.twins.ports import SPENT_S, Kind, Where
from weft.twin.elements import Json
from weft.twin.names import decode_id, encode_id
from weft.twin.query import holds
from weft.twin.query.tree import Condition, fields

_OWN: Final = "own:"
_WRITTEN: Final = "written:"
LOOKED_AT: Final = 20
KINDS: Final[Mapping[str, tuple[Kind, Kind]]] = {
    "shell-descriptor": ("shell-descriptor", "shell"), "submodel-descriptor": ("submodel-descriptor", "submodel")}


def _kinds(call: Call) -> tuple[Kind, Kind]:
    """(kind of the descriptor, kind of what it describes)."""
    return KINDS[f"{call.parts['registry']}-descriptor"]


# ---- descriptors at the top -------------------------------------------------------------------------------


async def page(call: Call) -> Response:
    """GetAllAssetAdministrationShellDescriptors, GetAllSubmodelDescriptors."""
    kind, own = _kinds(call)
    wanted = Where(asset_kind=_asset_kind(call), asset_type=_asset_type(call)) if own == "shell" else Where()
    return answer(paged(*await listed(call, (kind, own), wanted)))


async def listed(call: Call, kinds: tuple[Kind, Kind], wanted: Where) -> tuple[list[Any], str]:
    """A page of descriptors, written and our own, that are as ``wanted``; and the cursor behind it."""
    size, cursor = asked.page_size(call.request), asked.cursor(call.request)
    result: list[Any] = []
    if not cursor.startswith(_OWN):
        found = await call.twins.page(kinds[0], cursor.removeprefix(_WRITTEN), size, wanted)
        result += [msgspec.Raw(row.body) for row in found.rows]
        if found.cursor:
            return result, _WRITTEN + found.cursor
        cursor = _OWN
    more, after = await _own(call, kinds, (cursor.removeprefix(_OWN), size - len(result)), wanted)
    return result + more, _OWN + after if after else ""


async def _own(call: Call, kinds: tuple[Kind, Kind], place: tuple[str, int], wanted: Where) -> tuple[list[Any], str]:
    """Descriptors of our own, but those that somebody wrote, and the cursor where more follow."""
    (cursor, room), condition = place, wanted.condition
    if room <= 0:
        return [], cursor or " "  # what is ours begins on the next page
    same = None if condition is None else of_twins(condition, kinds[1])
    if condition is not None and same is None:
        return await _looked_at(call, kinds, (cursor.strip(), room), condition)
    found = await call.twins.page(kinds[1], cursor.strip(), room, msgspec.structs.replace(wanted, condition=same))
    told = [described(call, kinds[1], msgspec.json.decode(row.body)) for row in found.rows
            if not await _written(call, kinds[0], row.id)]
    return told, found.cursor


async def _looked_at(
    call: Call, kinds: tuple[Kind, Kind], place: tuple[str, int], condition: Condition,
) -> tuple[list[Any], str]:
    """Those of our own for which ``condition`` holds, each looked at; ends where that has taken too long."""
    (cursor, room), clock = place, asyncio.get_running_loop().time
    within = any("submodelDescriptors" in one.attribute for one in fields(condition))
    told, until = list[Any](), clock() + SPENT_S
    while room > len(told):
        found = await call.twins.page(kinds[1], cursor, min(LOOKED_AT, room - len(told)))
        for row in found.rows:
            document = msgspec.json.decode(row.body)
            plain = described(call, kinds[1], document)
            whole = await _whole(call, kinds[1], document) if within else plain
            if await asyncio.to_thread(holds, condition, whole, kinds[0]) \
                    and not await _written(call, kinds[0], row.id):
                told.append(plain)
        cursor = found.cursor
        if not cursor or clock() > until:
            break
    return told, cursor


async def _written(call: Call, kind: Kind, name: str) -> bool:
    return await call.twins.written(kind, name) is not None


def _asset_kind(call: Call) -> str:
    """``assetKind``: one of the three that the metamodel knows."""
    given = call.request.query_params.get("assetKind", "")
    if given and given not in ("Instance", "Type", "Role", "NotApplicable"):
        raise Invalid("twin.parameter", name="assetKind", value=given[:40], words="Instance, Type, Role, NotApplicable")
    return given


def _asset_type(call: Call) -> str:
    given = call.request.query_params.get("assetType")
    return decode_id(given) if given is not None else ""


async def create(call: Call) -> Response:
    """PostAssetAdministrationShellDescriptor, PostSubmodelDescriptor."""
    kind, own = _kinds(call)
    row = await call.twins.create(kind, await call.json())
    return stored(row, status=201, location=call.href(f"{own}-descriptors", encode_id(row.id)))


async def _found(call: Call, kind: Kind, own: Kind, name: str) -> Json:
    """The descriptor called ``name``: written, or of our own; raises ``NotFound('twin.descriptor')``."""
    row = await call.twins.written(kind, name)
    if row is not None:
        read: Json = msgspec.json.decode(row.body)
        return read
    try:
        _, document = await call.twins.document(own, name)
    except NotFound as error:
        raise NotFound("twin.descriptor", id=name[:200]) from error
    return await _whole(call, own, document)


async def _whole(call: Call, own: Kind, document: Json) -> Json:
    """A descriptor of ours with those of its submodels."""
    told = described(call, own, document)
    inner = [await _submodel_of(call, one) for one in document.get("submodels", [])[:asked.PAGE_MAX]]
    known = [one for one in inner if one is not None]
    return told | ({"submodelDescriptors": known} if known else {})


async def _submodel_of(call: Call, reference: Json) -> Json | None:
    try:
        return described(call, "submodel", (await call.twins.document("submodel", reference["keys"][-1]["value"]))[1])
    except NotFound:
        return None  # it lies with somebody else


async def get(call: Call) -> Response:
    """GetAssetAdministrationShellDescriptorById, GetSubmodelDescriptorById."""
    kind, own = _kinds(call)
    return answer(await _found(call, kind, own, call.id("id")))


async def put(call: Call) -> Response:
    """PutAssetAdministrationShellDescriptorById, PutSubmodelDescriptorById."""
    kind, own = _kinds(call)
    row, created = await call.twins.replace(kind, call.id("id"), await call.json(), call.expected)
    location = call.href(f"{own}-descriptors", encode_id(row.id))
    return stored(row, status=201, location=location) if created else done(row)


async def delete(call: Call) -> Response:
    """DeleteAssetAdministrationShellDescriptorById, DeleteSubmodelDescriptorById: of our own none can be taken out."""
    kind, own = _kinds(call)
    name = call.id("id")
    if not await _written(call, kind, name):
        await _found(call, kind, own, name)
        raise Denied("twin.own-descriptor", id=name[:200])
    await call.twins.delete(kind, name, call.expected)
    return done()


# ---- submodel descriptors within a shell's ----------------------------------------------------------------


async def inner_page(call: Call) -> Response:
    """GetAllSubmodelDescriptorsThroughSuperpath."""
    inner = (await _shell(call)).get("submodelDescriptors", [])
    size, after = asked.page_size(call.request), asked.cursor(call.request)
    names = [one["id"] for one in inner]
    first = trail.begin(names, after)
    return answer(paged(inner[first:first + size], trail.end(names, first + size)))


async def _shell(call: Call) -> Json:
    return await _found(call, "shell-descriptor", "shell", call.id("id"))


async def inner_get(call: Call) -> Response:
    """GetSubmodelDescriptorByIdThroughSuperpath."""
    return answer(_one(await _shell(call), call.id("submodel")))


def _one(shell: Json, name: str) -> Json:
    for one in shell.get("submodelDescriptors", []):
        if one["id"] == name:
            found: Json = one
            return found
    raise NotFound("twin.descriptor", id=name[:200])


async def inner_create(call: Call) -> Response:
    """PostSubmodelDescriptorThroughSuperpath."""
    given = await call.json()
    shell = await _shell(call)
    inner = shell.get("submodelDescriptors", [])
    if any(one["id"] == given.get("id") for one in inner):
        raise Refused("twin.exists", id=str(given.get("id"))[:200])
    await _write_inner(call, shell, [*inner, given])
    place = ("shell-descriptors", encode_id(shell["id"]), "submodel-descriptors", encode_id(given["id"]))
    return answer(given, 201, {"Location": call.href(*place)})


async def inner_put(call: Call) -> Response:
    """PutSubmodelDescriptorByIdThroughSuperpath."""
    given, name, shell = await call.json(), call.id("submodel"), await _shell(call)
    if given.get("id") != name:
        raise Invalid("twin.other-id", id=name[:200], given=str(given.get("id"))[:200])
    inner = shell.get("submodelDescriptors", [])
    there = any(one["id"] == name for one in inner)
    after = [given if one["id"] == name else one for one in inner] if there else [*inner, given]
    await _write_inner(call, shell, after)
    return done() if there else answer(given, 201)


async def inner_delete(call: Call) -> Response:
    """DeleteSubmodelDescriptorByIdThroughSuperpath."""
    shell, name = await _shell(call), call.id("submodel")
    _one(shell, name)
    await _write_inner(call, shell, [one for one in shell["submodelDescriptors"] if one["id"] != name])
    return done()


async def _write_inner(call: Call, shell: Json, inner: list[Json]) -> None:
    """Write the shell's descriptor with ``inner``: one of our own becomes a written one by that."""
    told = {key: value for key, value in shell.items() if key != "submodelDescriptors"}
    row = await call.twins.written("shell-descriptor", shell["id"])
    expected = call.expected if call.expected is not None else row.revision if row else None
    await call.twins.replace("shell-descriptor", shell["id"], told | ({"submodelDescriptors": inner} if inner else {}),
                             expected)
