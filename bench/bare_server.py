"""A server without our code: health, and one POST that verifies, signs, stores durably and answers."""

import sys

import apsw
import uvicorn
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def application(path: str) -> Starlette:
    """The two addresses."""
    public, secret = crypto_sign_seed_keypair(b"b" * 32)
    connection = apsw.Connection(path)
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE IF NOT EXISTS events (header BLOB, signature BLOB)")

    async def health(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def store(request: Request) -> Response:
        body = await request.body()
        signed = crypto_sign(body, secret)
        crypto_sign_open(signed, public)
        with connection:
            connection.execute("INSERT INTO events VALUES (?, ?)", (body, signed[:64]))
        return Response(signed[:64])

    return Starlette(routes=[Route("/health", health), Route("/store", store, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="error", access_log=False)
