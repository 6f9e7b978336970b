"""A server without our code that answers with bytes from memory, and takes one durable PATCH.

Each file of a folder is served at its name. The same HTTP server with the same settings as a node has
(``weft.serving``); no door, no check of who asks, no database to read from.
"""

import asyncio
import sys
from pathlib import Path

import apsw
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from weft.serving import Servers, bind


def application(folder: Path) -> Starlette:
    """Health, every file, and one write."""
    kept = {one.name: one.read_bytes() for one in folder.glob("*.json")}
    connection = apsw.Connection(str(folder / "bare.db"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.execute("CREATE TABLE IF NOT EXISTS bodies (name TEXT PRIMARY KEY, body BLOB)")

    async def health(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def get(request: Request) -> Response:
        return Response(kept[request.path_params["name"]], media_type="application/json")

    async def patch(request: Request) -> Response:
        await request.body()
        name = request.path_params["name"]
        with connection:
            connection.execute("INSERT OR REPLACE INTO bodies VALUES (?, ?)", (name, kept[name]))
        return Response(None, 204)

    routes = [Route("/health", health), Route("/{name}", get), Route("/{name}", patch, methods=["PATCH"])]
    return Starlette(routes=routes)


async def serve(folder: Path, port: int) -> None:
    """Until the process is ended."""
    servers = Servers()
    await servers.serve(application(folder), bind("127.0.0.1", port))
    await servers.until(asyncio.Event())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
