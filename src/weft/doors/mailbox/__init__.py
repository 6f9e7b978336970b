"""The door for those whose sealed mail we keep: boxes opened, letters left, asked for, listed and taken out.

``POST /mailbox/v1/boxes``, ``put``, ``held``, ``list``, ``take`` as in ``engine/mail/mailbox.py``: signed questions,
signed answers; a letter is its bytes, all else JSON.
Rule 1: who holds no place or box of ours gets 404 and nothing else, before a byte of what he sends is read.
Rule 2: no address, firm or name of who asks is looked at, written down or logged.
"""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import Denied, NotFound, WeftError
from weft.engine.mail import mailbox
from weft.engine.node import Node

BODY_MAX: Final = 1024 * 1024
PATHS: Final = (mailbox.BOXES_PATH, mailbox.PUT_PATH, mailbox.HELD_PATH, mailbox.LIST_PATH, mailbox.TAKE_PATH)


def routes(node: Node) -> list[BaseRoute]:
    """The addresses of this door."""

    async def asked(request: Request) -> Response:
        if node.mail is None:
            raise NotFound("mailbox.unknown")
        keeper, path = node.mail.keeper, request.url.path
        header = request.headers.get("weft-mail", "")
        keeper.knows(header, path)
        body = await web.body(request, mailbox.CLASSES[-1] if path == mailbox.PUT_PATH else BODY_MAX)
        key, nonce = keeper.admit(header, path, body)
        answer = await keeper.answer(key, path, body)
        kind = "application/octet-stream" if path == mailbox.TAKE_PATH else "application/json"
        return Response(answer, media_type=kind, headers={
            "weft-mail-reply": keeper.signed(nonce, answer), "cache-control": "no-store"})

    return [
        Route(path, web.guard(node, asked, scopes=web.PUBLIC, methods=("POST",), answer=_answer),
              methods=list(web.ALL_METHODS))
        for path in PATHS
    ]


def _answer(_host: web.Host, _request: Request, error: WeftError | None) -> Response:
    """What a caller learns of a refusal: a code, and nothing else (Rule 1)."""
    if error is None:
        status, code = 500, "internal"
    elif isinstance(error, Denied) and error.code != "mailbox.request-time":
        status, code = 404, "mailbox.unknown"
    else:
        status, code = web.status_of(error), error.code
    return Response(msgspec.json.encode({"code": code}), status, media_type="application/json")
