"""The door for other nodes: sync of one thread, a long-poll, and the comparison of what both hold.

``POST /peer/v1/sync`` and ``…/poll`` as in ``engine/sync.py``, ``…/reconcile`` as in ``engine/reconcile.py``; JSON,
signed as in ``engine/requests.py``.
Rule 1: a stranger gets 404 and nothing else, whatever he sent: who asks is known before what he asks is read.
Rule 2: who is known but asks by another time is told ours (409, signed), as ``engine/requests.py`` says.
Rule 3: a firm that we do not know may speak only to answer an invitation; its first event carries its key log.
Rule 4: a firm whose devices we no longer know shows its key log (``…/keys``), signed by a device that stands in it.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import Denied, Invalid, Unavailable, WeftError
from weft.engine import keyring, reconcile, requests, restored, sync
from weft.engine.levelling import RECONCILE_PATH
from weft.engine.machines import MACHINES
from weft.engine.node import Node
from weft.engine.receive import key_state
from weft.engine.threads import entry_of
from weft.identity.keylog import KeyState
from weft.thread.event import from_envelope

BODY_MAX: Final = 2 * 1024 * 1024
WAIT_MS_MAX: Final = 60_000
FIRST_WORDS_MAX: Final = 8
Handler = Callable[[Request], Awaitable[Response]]


def routes(node: Node) -> list[BaseRoute]:
    """The addresses of this door."""

    async def synced(request: Request) -> Response:
        header, body = await _read(request)
        newcomer = None if await node.keys(header.partition(".")[0]) else _newcomer(header, body)
        asker = await node.gate.check(sync.SYNC_PATH, body, header, newcomer)
        asked = sync.read_request(body)
        reply = await sync.answer(node, asker.organisation, asked)
        node.outbox.heard(asker.organisation)
        await node.outbox.settle(asker.organisation, asked.thread, asked.heads)
        return _signed(node, asker, msgspec.json.encode(reply))

    async def polled(request: Request) -> Response:
        header, body = await _read(request)
        asker = await node.gate.check(sync.POLL_PATH, body, header)
        asked = sync.read_poll(body)
        node.outbox.heard(asker.organisation)
        waiting = await node.outbox.waiting_for(asker.organisation, min(max(asked.wait_ms, 0), WAIT_MS_MAX))
        reply = sync.PollReply(threads=waiting, restored=asker.organisation in node.unheard)
        return _signed(node, asker, msgspec.json.encode(reply))

    async def compared(request: Request) -> Response:
        header, body = await _read(request)
        asker = await node.gate.check(RECONCILE_PATH, body, header)
        asked = reconcile.read_question(body)
        node.outbox.heard(asker.organisation)
        reply = await restored.answer(node, asker.organisation, asked)
        return _signed(node, asker, msgspec.json.encode(reply))

    async def shown(request: Request) -> Response:
        header, body = await _read(request)
        asker = await node.gate.check(keyring.EXCHANGE_PATH, body, header, keyring.proved(body))
        return _signed(node, asker, msgspec.json.encode(await keyring.answer(node, asker.organisation, body)))

    return [
        Route(path, web.guard(node, _by_our_time(node, handler), scopes=web.PUBLIC, methods=("POST",), answer=_answer),
              methods=list(web.ALL_METHODS))
        for path, handler in ((sync.SYNC_PATH, synced), (sync.POLL_PATH, polled), (RECONCILE_PATH, compared),
                              (keyring.EXCHANGE_PATH, shown))
    ]


def _by_our_time(node: Node, handler: Handler) -> Handler:
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except requests.OtherTime as apart:
            told = requests.TheTime(now_ms=node.clock.now_ms())
            return _signed(node, apart.asker, msgspec.json.encode(told), 409)

    return answered


async def _read(request: Request) -> tuple[str, bytes]:
    """(signature header, body); who sends no signature at all is not listened to."""
    header = request.headers.get("weft-request", "")
    if not header:
        raise Denied("peer.unsigned")
    return header, await web.body(request, BODY_MAX)


def _newcomer(header: str, body: bytes) -> KeyState | None:
    """The key state that the first word of a firm we do not know carries, if it proves itself."""
    organisation = header.partition(".")[0]
    try:
        for envelope in sync.read_request(body).events[:FIRST_WORDS_MAX]:
            event = from_envelope(envelope)
            key_log = getattr(entry_of(event, MACHINES.get(event.header.m)).message, "key_log", None)
            if event.author == organisation and key_log:
                return key_state(organisation, key_log)
    except WeftError:
        return None
    return None


def _signed(node: Node, asker: requests.Asker, body: bytes, status: int = 200) -> Response:
    headers = {"weft-reply": requests.sign_reply(node, asker.nonce, body), "cache-control": "no-store"}
    return Response(body, status, headers=headers, media_type="application/json")


def _answer(_host: web.Host, _request: Request, error: WeftError | None) -> Response:
    """What a caller learns of a refusal: a code, and nothing else (Rule 1)."""
    if error is None:
        status, code = 500, "internal"
    elif isinstance(error, Invalid | Unavailable):
        status, code = web.status_of(error), error.code
    else:
        status, code = 404, "peer.unknown"
    body: dict[str, Any] = {"code": code}
    return Response(msgspec.json.encode(body), status, media_type="application/json")
