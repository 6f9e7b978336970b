"""A server without our code that answers with bytes from memory, and takes one durable PATCH.

Each file of a folder is served at its name. The same HTTP server and the same routing as a node has; no door, no check
of who asks, no database to read from.
"""

import sys
from pathlib import Path

import apsw
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


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


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="error", access_log=False)
