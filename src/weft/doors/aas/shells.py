"""Shells: the repository of them, one of them, what it says of its asset, and which submodels it names.

IDTA-01002 v3.1.2 §12.2, §12.3 (AAS repository, AAS service).
Rule 1: a shell that follows from the books is changed in the books: who writes it here is told where.
Not here: thumbnails (``attachments.py``), submodels beneath a shell (``submodels.py``).
"""

from typing import Any, Final

from starlette.responses import Response

from weft.basis.errors import NotFound, Refused
from weft.doors.aas import asked, trail
from weft.doors.aas.call import Call, answer, done, joined, paged, stored
from weft.engine.twins.ports import Where
from weft.engine.twins.repository import Page
from weft.twin.elements import Json, model
from weft.twin.names import encode_id, shell_id

SHELL: Final = "AssetAdministrationShell"


async def id_of(call: Call) -> str:
    """The shell that the address names; below ``/aas`` the one of the firm itself."""
    us = call.organisation
    return call.id("shell") if "shell" in call.parts else shell_id(us, "firm", us)


async def page(call: Call) -> Response:
    """GetAllAssetAdministrationShells."""
    found = await _page(call)
    return joined([row.body for row in found.rows], found.cursor)


async def _page(call: Call) -> Page:
    return await call.twins.page("shell", asked.cursor(call.request), asked.page_size(call.request), where(call))


def where(call: Call) -> Where:
    """Which shells are asked for."""
    wanted = tuple((one.name, one.value) for one in asked.asset_ids(call.request))
    return Where(id_short=call.request.query_params.get("idShort", ""), assets=wanted)


async def references(call: Call) -> Response:
    """GetAllAssetAdministrationShells-Reference."""
    found = await _page(call)
    return answer(paged([model((SHELL, row.id)) for row in found.rows], found.cursor))


async def create(call: Call) -> Response:
    """PostAssetAdministrationShell."""
    row = await call.twins.create("shell", await call.json())
    return stored(row, status=201, location=call.href("shells", encode_id(row.id)))


async def get(call: Call) -> Response:
    """GetAssetAdministrationShellById."""
    return stored(await call.twins.get("shell", await id_of(call)))


async def only(call: Call) -> Response:
    """The shell that the address names, as a page of one."""
    asked.page_size(call.request)
    return joined([(await call.twins.get("shell", await id_of(call))).body])


async def reference(call: Call) -> Response:
    """GetAssetAdministrationShellById-Reference."""
    return answer(model((SHELL, (await call.twins.get("shell", await id_of(call))).id)))


async def put(call: Call) -> Response:
    """PutAssetAdministrationShellById: replaces it, or makes it."""
    row, created = await call.twins.replace("shell", await id_of(call), await call.json(), call.expected)
    return stored(row, status=201, location=call.href("shells", encode_id(row.id))) if created else done(row)


async def delete(call: Call) -> Response:
    """DeleteAssetAdministrationShellById."""
    await call.twins.delete("shell", await id_of(call), call.expected)
    return done()


async def asset(call: Call) -> Response:
    """GetAssetInformation."""
    _, shell = await call.twins.document("shell", await id_of(call))
    return answer(shell["assetInformation"])


async def put_asset(call: Call) -> Response:
    """PutAssetInformation."""
    row, shell = await call.twins.document("shell", await id_of(call))
    given = await call.json()
    return done(await _replaced(call, row.id, {**shell, "assetInformation": given}, call.expected or row.revision))


async def _replaced(call: Call, name: str, shell: Json, expected: int | None) -> Any:
    row, _ = await call.twins.replace("shell", name, shell, expected)
    return row


async def submodels(call: Call) -> Response:
    """GetAllSubmodelReferences."""
    _, shell = await call.twins.document("shell", await id_of(call))
    named, after, size = shell.get("submodels", []), asked.cursor(call.request), asked.page_size(call.request)
    targets = [_target(one) for one in named]
    first = trail.begin(targets, after)
    return answer(paged(named[first:first + size], trail.end(targets, first + size)))


async def add_submodel(call: Call) -> Response:
    """PostSubmodelReference."""
    row, shell = await call.twins.document("shell", await id_of(call))
    given = await call.json()
    named = shell.get("submodels", [])
    if any(_target(one) == _target(given) for one in named):
        raise Refused("twin.exists", id=_target(given)[:200])
    await _replaced(call, row.id, {**shell, "submodels": [*named, given]}, call.expected or row.revision)
    return answer(given, 201)


async def remove_submodel(call: Call) -> Response:
    """DeleteSubmodelReferenceById."""
    row, shell = await call.twins.document("shell", await id_of(call))
    name, named = call.id("submodel"), shell.get("submodels", [])
    kept = [one for one in named if _target(one) != name]
    if len(kept) == len(named):
        raise NotFound("twin.submodel", id=name[:200])
    return done(await _replaced(call, row.id, without(shell, name), call.expected or row.revision))


def without(shell: Json, submodel: str) -> Json:
    """``shell`` without its reference to ``submodel``; an empty list is left out, since the metamodel knows none."""
    kept = [one for one in shell.get("submodels", []) if _target(one) != submodel]
    told = {key: value for key, value in shell.items() if key != "submodels"}
    return {**told, "submodels": kept} if kept else told


def names_submodel(shell: Json, submodel: str) -> bool:
    """Whether ``shell`` refers to ``submodel``."""
    return submodel in submodels_of(shell)


def first_submodel(shell: Json) -> str:
    """The submodel that ``shell`` names first; raises ``NotFound('twin.submodel')``."""
    for name in submodels_of(shell):
        return name
    raise NotFound("twin.submodel", id="")


def submodels_of(shell: Json) -> list[str]:
    """The ids of the submodels that ``shell`` names."""
    return [_target(one) for one in shell.get("submodels", [])]


def _target(reference: Any) -> str:
    """The id that a reference ends in; "" for what is none (the check of the shell says what is wrong with it)."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    last = keys[-1] if isinstance(keys, list) and keys else {}
    return str(last.get("value", "")) if isinstance(last, dict) else ""
