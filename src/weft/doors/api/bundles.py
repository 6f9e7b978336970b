"""Bundles over the node's own API: a file for a partner streams out, a file of a partner streams in.

``GET /api/weft/v1/bundles/{partner}``, with ``?everything=true`` also what it has confirmed, and
``POST /api/weft/v1/bundles``.
Not here: what is in them (``engine/bundles.py``).
"""

import contextlib
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft import web
from weft.basis.errors import WeftError
from weft.engine import bundles
from weft.engine.node import Node
from weft.thread.bundle import BYTES_MAX

MEDIA_TYPE: Final = "application/octet-stream"


async def given_out(node: Node, request: Request) -> Response:
    """The bundle for a partner by id, thread or name."""
    peer = await bundles.find(node, request.path_params["partner"])
    everything = request.query_params.get("everything", "") in ("true", "1")
    pieces = await bundles.export(node, peer, everything=everything)
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers={
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(bundles.file_name(node, peer))}",
        "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


async def taken_in(node: Node, request: Request) -> Response:
    """What became of the bundle in the body."""
    pieces = web.streamed(request, BYTES_MAX)
    try:
        return web.json(await bundles.import_(node, pieces))
    except WeftError:
        with contextlib.suppress(WeftError):  # who is still sending hears no answer before the end
            async for _ in pieces:
                pass
        raise


def described(prefix: str) -> dict[str, Any]:
    """The paths of both for the OpenAPI document."""
    problem = {"description": "refused", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
    content = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
    return {
        f"{prefix}/bundles/{{partner}}": {"get": {
            "operationId": "bundle-export", "summary": "What the partner lacks, as a file sealed to it.",
            "parameters": [
                {"name": "partner", "in": "path", "required": True, "schema": {"type": "string"}},
                {"name": "everything", "in": "query", "required": False, "schema": {"type": "boolean"}}],
            "responses": {"200": {"description": "the bundle", "content": content}, "4XX": problem}}},
        f"{prefix}/bundles": {"post": {
            "operationId": "bundle-import", "summary": "Take in the file of a partner.",
            "requestBody": {"content": content},
            "responses": {"200": {"description": "done", "content": {"application/json": {
                "schema": {"type": "object"}}}}, "4XX": problem}}},
    }
