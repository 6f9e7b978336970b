"""The node's own JSON API: commands by name, read models by name, threads for those who check them.

``POST /api/weft/v1/commands/{name}`` with an ``Idempotency-Key`` header; ``GET /api/weft/v1/{view}``;
``GET /api/weft/v1/openapi.json`` (OpenAPI 3.1) describes both from the same tables. Bundles (``bundles.py``) and
files of twins (``twins.py``) stream.
Rule 1: a worker's device sees the shop floor; nothing of customers, prices and money, as in the console.
Not here: what commands and views are (``engine/commands``, ``engine/views``).
"""

import inspect
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import Denied, Invalid, NotFound
from weft.doors.api import bundles, twins
from weft.engine import commands
from weft.engine.machines import state_hash
from weft.engine.node import Node
from weft.engine.views import VIEWS

PREFIX: Final = "/api/weft/v1"
BODY_MAX: Final = 8 * 1024 * 1024
OWNERS: Final = frozenset({web.OWNER})
OPERATOR_VIEWS: Final = frozenset({
    "machines", "machine", "connections", "machine-values", "machine-records", "jobs", "job", "plan", "stock", "item"})


def routes(node: Node) -> list[BaseRoute]:
    """All addresses of this door."""
    api = Api(node)

    def route(path: str, handler: web.Handler, method: str = "GET", scopes: frozenset[str] = web.PEOPLE) -> Route:
        return Route(PREFIX + path, web.guard(node, handler, scopes=scopes, methods=(method,)),
                     methods=list(web.ALL_METHODS))

    return [
        route("/openapi.json", api.openapi, scopes=web.ANYONE_KNOWN),
        route("/commands/{name}", api.command, "POST"),
        route("/bundles", api.take_in, "POST", scopes=OWNERS),
        route("/bundles/{partner}", api.give_out, scopes=OWNERS),
        route("/twins/import", api.twins_in, "POST", scopes=OWNERS),
        route("/twins/export", api.twins_out, scopes=OWNERS),
        route("/threads", api.threads, scopes=OWNERS),
        route("/threads/{thread}", api.thread, scopes=OWNERS),
        route("/{name}", api.view),
    ]


class Api:
    """The handlers of one node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def command(self, request: Request) -> Response:
        given = web.from_json(await web.body(request, BODY_MAX) or b"{}", dict[str, Any])
        device = request.state.device
        key = request.headers.get("idempotency-key", "")
        scope = device.scope if device else web.OWNER
        return web.json(await commands.run(
            self.node, request.path_params["name"], given, key,
            commands.Caller(scope, (device.person or device.name) if device else "")))

    async def view(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = VIEWS.get(name)
        if found is None:
            raise NotFound("view.unknown", name=name[:60])
        device = request.state.device
        if device is not None and device.scope != web.OWNER and name not in OPERATOR_VIEWS:
            raise Denied("web.scope", scope=device.scope)
        given = dict(request.query_params)
        wanted = inspect.signature(found).parameters
        wrong = [key for key in given if key not in wanted or key == "node"] + [
            key for key, one in wanted.items()
            if key != "node" and one.default is inspect.Parameter.empty and key not in given]
        if wrong:
            raise Invalid("view.params", name=name, detail=wrong[0][:60])
        return web.json(await found(self.node, **given))

    async def give_out(self, request: Request) -> Response:
        return await bundles.given_out(self.node, request)

    async def take_in(self, request: Request) -> Response:
        return await bundles.taken_in(self.node, request)

    async def twins_in(self, request: Request) -> Response:
        return await twins.taken_in(self.node, request)

    async def twins_out(self, request: Request) -> Response:
        return await twins.given_out(self.node, request)

    async def threads(self, request: Request) -> Response:
        kind = request.query_params.get("kind", "")
        kinds = [kind] if kind else ["relationship", "order"]
        names = [name for one in kinds for name in self.node.threads(one)]
        return web.json({"threads": [await _summary(self.node, name) for name in names]})

    async def thread(self, request: Request) -> Response:
        name = request.path_params["thread"]
        summary = await _summary(self.node, name)
        log = [{"id": one.id, "author": one.author, "role": one.role, "kind": one.kind, "void": one.void,
                "final": one.final, "at_ms": one.at_ms, "message": msgspec.to_builtins(one.message)}
               for one in await self.node.log(name)]
        state = msgspec.to_builtins(await self.node.state(name))
        return web.json({**summary, "log": log, "state": state})

    async def openapi(self, _request: Request) -> Response:
        return web.json(document())


async def _summary(node: Node, thread: str) -> dict[str, Any]:
    loaded = await node.whole(thread)
    return {"thread": thread, "machine": loaded.machine_name, "members": loaded.members, "heads": list(loaded.heads),
            "length": loaded.position, "state_hash": state_hash(loaded.state), "void": loaded.void}


def document() -> dict[str, Any]:
    """The OpenAPI document, made from the tables."""
    kinds = [command.params for command in commands.COMMANDS.values()]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for name, command in commands.COMMANDS.items():
        paths[f"{PREFIX}/commands/{name}"] = {"post": {
            "operationId": name, "summary": (command.run.__doc__ or "").split("\n", 1)[0],
            "description": (command.params.__doc__ or "").strip(),
            "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200}}],
            "requestBody": {"content": {"application/json": {
                "schema": {"$ref": f"#/components/schemas/{command.params.__name__}"}}}},
            "responses": _responses()}}
    for name, found in VIEWS.items():
        wanted = inspect.signature(found).parameters
        paths[f"{PREFIX}/{name}"] = {"get": {
            "operationId": f"view-{name}", "summary": (found.__doc__ or "").split("\n", 1)[0],
            "parameters": [{"name": key, "in": "query", "required": one.default is inspect.Parameter.empty,
                            "schema": {"type": "string"}} for key, one in wanted.items() if key != "node"],
            "responses": _responses()}}
    paths.update(bundles.described(PREFIX))
    paths.update(twins.described(PREFIX))
    return {"openapi": "3.1.0", "info": {"title": "Weft", "version": "1"}, "paths": paths,
            "components": {"schemas": components,
                           "securitySchemes": {"device": {"type": "http", "scheme": "bearer"}}},
            "security": [{"device": []}]}


def _responses() -> dict[str, Any]:
    problem = {"description": "refused", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
    return {"200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
            "4XX": problem}
