"""Requests to answers: shells, submodels, elements and their views, discovery, description, serialization.

IDTA-01002 v3.1.2 §12 (HTTP/REST). An address is read in segments, so that trailing slashes do no harm.
Rule 1: only reading: whatever is not GET is told which methods are right.
Rule 2: a submodel is answered under ``/shells/{id}/submodels`` only if that shell names it.
Not here: views of elements (``twin/values.py``), parameters (``asked.py``), one submodel (``submodels.py``).
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import NotFound
from weft.doors.aas import asked
from weft.doors.aas.problems import answer
from weft.doors.aas.submodels import Inside, view
from weft.engine.node import Node
from weft.engine.twins import Twins
from weft.twin.elements import Json, model
from weft.twin.names import decode_id
from weft.twin.values import metadata, paths, reference_to, shaped, value_of

PREFIXES: Final = ("/api/v3.0", "/api/v3")
PROFILES: Final = tuple(
    f"https://admin-shell.io/aas/API/3/{minor}/{service}"
    for minor in (0, 1)
    for service in (
        "AssetAdministrationShellRepositoryServiceSpecification/SSP-002",
        "AssetAdministrationShellServiceSpecification/SSP-002",
        "SubmodelRepositoryServiceSpecification/SSP-002",
        "SubmodelServiceSpecification/SSP-002",
    )
)
SERIALIZED_MAX: Final = 1000


def routes(node: Node) -> list[BaseRoute]:
    """Everything below the prefixes; what is not known there is told in the AAS form too."""
    service = Service(Twins(node))
    endpoint = web.guard(node, service.respond, scopes=web.ANYONE_KNOWN, answer=answer)
    return [Route(prefix + "/{rest:path}", endpoint, methods=web.ALL_METHODS) for prefix in PREFIXES]


class Service:
    """Answers for one firm's twins."""

    def __init__(self, twins: Twins) -> None:
        self._twins = twins
        self._parts: dict[str, Callable[[Request, list[str]], Any]] = {
            "shells": self._shells, "submodels": self._submodels, "lookup": self._lookup,
            "description": self._description, "serialization": self._serialization,
            "concept-descriptions": self._concepts,
        }

    async def respond(self, request: Request) -> Response:
        """The answer to a GET."""
        first, *rest = _segments(request)
        part = self._parts.get(first)
        if part is None:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        told = await part(request, rest)
        return told if isinstance(told, Response) else web.json(told, headers={"Cache-Control": "no-store"})

    # ---- shells ---------------------------------------------------------------------------------

    async def _shells(self, request: Request, rest: list[str]) -> Any:
        if not rest:
            return await self._page(request, self._wanted_shells(request), lambda shell: shell)
        if rest == ["$reference"]:
            return await self._page(request, self._wanted_shells(request), _shell_reference)
        return await self._shell(request, await self._twins.shell(decode_id(rest[0])), rest[1:])

    async def _shell(self, request: Request, shell: Json, rest: list[str]) -> Any:
        match rest:
            case []:
                return shell
            case ["$reference"]:
                return _shell_reference(shell)
            case ["asset-information"]:
                return shell["assetInformation"]
            case ["asset-information", "thumbnail"]:
                raise NotFound("twin.no-thumbnail")
            case ["submodel-refs"]:
                return self._references(request, shell)
            case ["submodels", name, *inside]:
                return await self._within(request, shell, decode_id(name), inside)
            case _:
                raise NotFound("twin.no-such-address", path=request.url.path[:200])

    def _wanted_shells(self, request: Request) -> AsyncIterator[Json]:
        carries, id_short = asked.asset_filter(request), request.query_params.get("idShort")
        shells = self._twins.shells(asked.cursor(request))
        return _filtered(shells, lambda shell: (carries is None or carries(shell["assetInformation"]))
                         and id_short in (None, shell["idShort"]))

    def _references(self, request: Request, shell: Json) -> Json:
        after, size = asked.cursor(request), asked.page_size(request)
        named = [one for one in shell["submodels"] if not after or one["keys"][0]["value"] > after]
        last = named[size - 1]["keys"][0]["value"] if len(named) > size else ""
        return asked.paged(named[:size], last)

    async def _within(self, request: Request, shell: Json, name: str, inside: list[str]) -> Any:
        if not any(one["keys"][0]["value"] == name for one in shell["submodels"]):
            raise NotFound("twin.submodel", id=name[:200])
        return await self._submodel(request, name, inside)

    # ---- submodels ------------------------------------------------------------------------------

    async def _submodels(self, request: Request, rest: list[str]) -> Any:
        if rest and not rest[0].startswith("$"):
            return await self._submodel(request, decode_id(rest[0]), rest[1:])
        if rest == ["$path"]:
            return await self._paths(request)
        deep, blobs = asked.deep(request), asked.blobs(request)
        views: dict[str, Callable[[Json], Any]] = {
            "": lambda one: shaped(one, deep=deep, blobs=blobs), "$metadata": metadata,
            "$value": lambda one: value_of(shaped(one, blobs=blobs), deep=deep),
            "$reference": lambda one: reference_to(one["id"]),
        }
        shape = views.get("/".join(rest))
        if shape is None:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        return await self._page(request, self._wanted_submodels(request, asked.cursor(request)), shape)

    async def _paths(self, request: Request) -> Json:
        """A page of paths through all submodels; a cursor names the submodel and the path in it."""
        size, deep = asked.page_size(request), asked.deep(request)
        after, _, last = asked.cursor(request).partition("#")
        result: list[str] = []
        async for one in self._wanted_submodels(request, after, again=True):
            found = paths(one, deep=deep)
            first = found.index(last) + 1 if one["id"] == after and last in found else 0
            result += found[first:first + size - len(result)]
            if len(result) == size and result:
                return asked.paged(result, f"{one['id']}#{result[-1]}")
        return asked.paged(result)

    def _wanted_submodels(self, request: Request, after: str, *, again: bool = False) -> AsyncIterator[Json]:
        id_short = request.query_params.get("idShort")
        semantic = request.query_params.get("semanticId")
        wanted = _semantic(semantic) if semantic is not None else None
        found = self._twins.submodels(after, again=again)
        return _filtered(found, lambda one: id_short in (None, one["idShort"])
                         and (wanted is None or any(key["value"] == wanted for key in one["semanticId"]["keys"])))

    async def _submodel(self, request: Request, name: str, inside: list[str]) -> Any:
        deep, blobs = asked.deep(request), asked.blobs(request)
        limits = (asked.page_size(request), asked.cursor(request)) if inside else (0, "")
        found = await self._twins.submodel(name)
        levelled = "level" in request.query_params
        return view(found, inside, Inside(deep=deep, levelled=levelled, blobs=blobs, size=limits[0], after=limits[1]))

    # ---- the rest -------------------------------------------------------------------------------

    async def _lookup(self, request: Request, rest: list[str]) -> Any:
        if rest == ["shells"]:
            carries = asked.asset_filter(request) or (lambda _: True)
            shells = self._twins.with_asset(carries, asked.cursor(request))
            return await self._page(request, shells, lambda shell: shell["id"])
        if len(rest) == 2 and rest[0] == "shells":
            asset = (await self._twins.shell(decode_id(rest[1])))["assetInformation"]
            own = {"name": "globalAssetId", "value": asset["globalAssetId"]}
            return [own, *asset.get("specificAssetIds", ())]
        raise NotFound("twin.no-such-address", path=request.url.path[:200])

    async def _concepts(self, request: Request, rest: list[str]) -> Any:
        if rest:
            raise NotFound("twin.concept", id=decode_id(rest[0])[:200])
        asked.page_size(request)
        return asked.paged([])

    async def _description(self, request: Request, rest: list[str]) -> Any:
        if rest:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        return {"profiles": list(PROFILES)}

    async def _serialization(self, request: Request, rest: list[str]) -> Any:
        """The whole of it (or of what is named) as one JSON environment."""
        if rest:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        asked.truth(request, "includeConceptDescriptions", default=True)  # there are none to include
        shells, submodels = asked.id_list(request, "aasIds"), asked.id_list(request, "submodelIds")
        everything = shells is None and submodels is None
        told = {
            "assetAdministrationShells": await _all(self._twins.shells()) if everything else [
                await self._twins.shell(name) for name in shells or ()],
            "submodels": await _all(self._twins.submodels()) if everything else [
                await self._twins.submodel(name) for name in submodels or ()],
        }
        return {key: value for key, value in told.items() if value}  # the metamodel knows no empty list

    async def _page(self, request: Request, found: AsyncIterator[Json], shape: Callable[[Json], Any]) -> Json:
        size = asked.page_size(request)
        result: list[Any] = []
        last = ""
        async for one in found:
            if len(result) == size:
                return asked.paged(result, last)
            result.append(shape(one))
            last = one["id"]
        return asked.paged(result)


async def _filtered(found: AsyncIterator[Json], wanted: Callable[[Json], bool]) -> AsyncIterator[Json]:
    async for one in found:
        if wanted(one):
            yield one


async def _all(found: AsyncIterator[Json]) -> list[Json]:
    """What an environment holds: at most ``SERIALIZED_MAX``; who wants more goes page by page."""
    result: list[Json] = []
    async for one in found:
        if len(result) == SERIALIZED_MAX:
            break
        result.append(one)
    return result


def _shell_reference(shell: Json) -> Json:
    return model(("AssetAdministrationShell", shell["id"]))


def _semantic(text: str) -> str:
    """The id in a ``semanticId`` parameter: base64url of a Reference, or of the plain id."""
    found = decode_id(text)
    if not found.startswith("{"):
        return found
    read = web.from_json(found.encode(), dict[str, Any])
    keys = read.get("keys")
    last = keys[-1] if isinstance(keys, list) and keys else {}
    return str(last.get("value", "")) if isinstance(last, dict) else ""


def _segments(request: Request) -> list[str]:
    """The address below the prefix; what is encoded within a segment stays in it."""
    whole = request.scope.get("raw_path") or request.url.path.encode()
    path = whole.decode("latin-1").partition("?")[0].removeprefix(request.scope.get("root_path", ""))
    prefix = max((one for one in PREFIXES if path.startswith(one + "/")), key=len, default=PREFIXES[1])
    parts = [unquote(part) for part in path[len(prefix):].strip("/").split("/")]
    return parts or [""]
