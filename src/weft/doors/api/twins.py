"""Files of twins over the node's own API: they stream in with their progress, and out.

``POST /api/weft/v1/twins/import?name=…&report=true`` answers lines of JSON (application/x-ndjson): as it goes on
``{"done": 0…1000, "stage": "reading"|"files"|"writing", "bytes": …, "of": …, "twins": …}``, at the end
``{"imported": …}`` or ``{"problem": …}`` (RFC 9457). Who ends the connection stops it; others see it in the view
``twin-imports`` and stop it by the command ``twin-import-stop``.
``GET /api/weft/v1/twins/export?id=…&form=aasx|json|xml&version=3.0|3.1`` answers the file; what was found on the way
is in the header ``Weft-Exported`` (JSON in ASCII, the first findings only).
Not here: what comes of a file (``engine/twins/importing.py``, ``engine/twins/exchange.py``).
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import AsyncIterator
from typing import Any, BinaryIO, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft import web
from weft.basis.errors import WeftError
from weft.engine.node import Node
from weft.engine.twins import exchange, importing
from weft.engine.twins.underway import Progress
from weft.twin.aasx.container import LIMITS

LINES: Final = "application/x-ndjson"
HEADER: Final = "Weft-Exported"
HEADER_FINDINGS: Final = 20
TYPES: Final = {"aasx": "application/aas+zip", "json": "application/json", "xml": "application/xml"}
_LOG: Final = logging.getLogger("weft.web")
_STEP: Final = 1 << 18


async def taken_in(node: Node, request: Request) -> Response:
    """The file in the body, or only a report on it."""
    file = _aside(node)
    try:
        async for piece in web.streamed(request, LIMITS.package):
            await asyncio.to_thread(file.write, piece)
        await asyncio.to_thread(file.flush)
    except BaseException:
        file.close()
        raise
    name = request.query_params.get("name", "")[:200]
    report_only = request.query_params.get("report", "") in ("true", "1")
    return StreamingResponse(_lines(node, request, file, (name, report_only)), media_type=LINES,
                             headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _aside(node: Node) -> BinaryIO:
    """A file beside the store, for as long as an answer takes."""
    return tempfile.TemporaryFile(dir=node.twins.scratch)


async def _lines(node: Node, request: Request, file: BinaryIO, how: tuple[str, bool]) -> AsyncIterator[bytes]:
    heard: asyncio.Queue[Progress] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def told(done: Progress) -> None:
        loop.call_soon_threadsafe(heard.put_nowait, done)

    with file:
        work = asyncio.create_task(importing.take_in(node.twins, file, how[0], report_only=how[1], told=told))
        try:
            while not work.done():
                waiting = asyncio.create_task(heard.get())
                await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    yield msgspec.json.encode(waiting.result()) + b"\n"
                waiting.cancel()
            while not heard.empty():
                yield msgspec.json.encode(heard.get_nowait()) + b"\n"
            yield _end(node, request, work)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _end(node: Node, request: Request, work: "asyncio.Task[importing.Imported]") -> bytes:
    try:
        return _line(imported=work.result())
    except WeftError as error:
        return _line(problem=msgspec.Raw(web.problem(node, request, error).body))
    except Exception:  # noqa: BLE001 - the edge of the door: what was begun as 200 is never cut off without a word
        _LOG.exception("%s failed", request.url.path)
        return _line(problem=msgspec.Raw(web.problem(node, request, None).body))


def _line(**told: Any) -> bytes:
    return msgspec.json.encode(told) + b"\n"


async def given_out(node: Node, request: Request) -> Response:
    """The twins that are asked for, as a file."""
    given = request.query_params
    form, version = given.get("form", "aasx"), given.get("version", "3.0")
    file = _aside(node)
    try:
        done = await exchange.export(node.twins, file, given.getlist("id"), form=form, version=version)
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return StreamingResponse(_pieces(file), media_type=TYPES[form], headers={
        "Content-Length": str(size), "Content-Disposition": f'attachment; filename="twins.{form}"', HEADER: _told(done),
        "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def _told(done: exchange.Exported) -> str:
    short = msgspec.to_builtins(done)
    short["report"]["findings"] = short["report"]["findings"][:HEADER_FINDINGS]
    return json.dumps(short, separators=(",", ":"))


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _STEP):
            yield piece


def described(prefix: str) -> dict[str, Any]:
    """The paths of both for the OpenAPI document."""
    problem = {"description": "refused", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
    binary = {"schema": {"type": "string", "format": "binary"}}

    def query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "schema": schema}

    return {
        f"{prefix}/twins/import": {"post": {
            "operationId": "twin-import", "summary": "Take in the twins of a file, all or none, or report on it.",
            "parameters": [query("name", {"type": "string"}), query("report", {"type": "boolean"})],
            "requestBody": {"content": {"application/octet-stream": binary}},
            "responses": {"200": {"description": "lines of progress, then what became of it",
                                  "content": {LINES: {"schema": {"type": "string"}}}}, "4XX": problem}}},
        f"{prefix}/twins/export": {"get": {
            "operationId": "twin-export", "summary": "Twins as a file, with all that belongs to them.",
            "parameters": [query("id", {"type": "array", "items": {"type": "string"}}),
                           query("form", {"enum": list(TYPES)}), query("version", {"enum": ["3.0", "3.1"]})],
            "responses": {"200": {"description": "the file", "content": dict.fromkeys(TYPES.values(), binary)},
                          "4XX": problem}}},
    }
