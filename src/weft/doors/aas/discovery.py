"""Discovery: from what an asset is called to the shells that stand for it.

IDTA-01002 v3.1.2 §12.9 (basic discovery).
Rule 1: shells of this node are found by their own asset information; links that somebody writes come on top, also for
        shells that lie elsewhere.
Not here: descriptors (``registry.py``).
"""

from typing import Any, Final

import msgspec
from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.doors.aas import asked
from weft.doors.aas.call import Call, answer, done, paged
from weft.engine.twins.ports import Where
from weft.twin.elements import Json
from weft.twin.metamodel import check

_LINKED: Final = "linked:"
LINKS_MAX: Final = 1000


async def lookup(call: Call) -> Response:
    """GetAllAssetAdministrationShellIdsByAssetLink."""
    return await _ids(call, tuple((one.name, one.value) for one in asked.asset_ids(call.request)))


async def search(call: Call) -> Response:
    """SearchAllAssetAdministrationShellIdsByAssetLink."""
    given = await call.json(list[asked.SpecificAssetId])
    if len(given) > asked.ASSET_IDS_MAX:
        raise Invalid("twin.asset-id", value=f"{len(given)}")
    return await _ids(call, tuple((one.name, one.value) for one in given))


async def _ids(call: Call, wanted: tuple[tuple[str, str], ...]) -> Response:
    """A page of ids: first of our shells, then of those that are known by links alone."""
    size, cursor, where = asked.page_size(call.request), asked.cursor(call.request), Where(assets=wanted)
    result: list[str] = []
    if not cursor.startswith(_LINKED):
        found = await call.twins.page("shell", cursor, size, where)
        result = [row.id for row in found.rows]
        if found.cursor:
            return answer(paged(result, found.cursor))
        cursor = _LINKED
    room, after = size - len(result), cursor.removeprefix(_LINKED).strip()
    if not room:
        return answer(paged(result, f"{_LINKED} "))
    linked = await call.twins.page("links", after, room, where)
    ours = [await _is_ours(call, row.id, where) for row in linked.rows]
    result += [row.id for row, known in zip(linked.rows, ours, strict=True) if not known]
    return answer(paged(result, _LINKED + linked.cursor if linked.cursor else ""))


async def _is_ours(call: Call, name: str, where: Where) -> bool:
    """Whether the shell was on a page before: it is ours and carries by itself what is asked for."""
    try:
        _, shell = await call.twins.document("shell", name)
    except NotFound:
        return False
    names = {(one["name"], one["value"]) for one in _own_links(shell)}
    return all(one in names for one in where.assets)


def _own_links(shell: Json) -> list[Json]:
    asset = shell["assetInformation"]
    own = [{"name": "globalAssetId", "value": asset["globalAssetId"]}] if "globalAssetId" in asset else []
    return [*own, *asset.get("specificAssetIds", ())]


async def links(call: Call) -> Response:
    """GetAllAssetLinksById."""
    name, told = call.id("shell"), list[Json]()
    row = await call.twins.written("links", name)
    try:
        told += _own_links((await call.twins.document("shell", name))[1])
    except NotFound:
        if row is None:
            raise
    told += [one for one in msgspec.json.decode(row.body)["links"] if one not in told] if row is not None else []
    return answer(told)


async def set_links(call: Call) -> Response:
    """PostAllAssetLinksById: they replace those that were written before."""
    given: list[dict[str, Any]] = await call.json(list[dict[str, Any]])
    if len(given) > LINKS_MAX:
        raise Invalid("twin.asset-id", value=f"{len(given)}")
    for one in given:
        check("SpecificAssetId", one)
    await call.twins.replace("links", call.id("shell"), {"id": call.id("shell"), "links": given})
    return answer(given, 201)


async def remove_links(call: Call) -> Response:
    """DeleteAllAssetLinksById: those that were written; what a shell says of itself stays."""
    name = call.id("shell")
    if await call.twins.written("links", name) is not None:
        await call.twins.delete("links", name)
    else:
        await call.twins.get("shell", name)
    return done()
