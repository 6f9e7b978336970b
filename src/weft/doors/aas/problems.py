"""Refusals as the AAS API tells them: a Result object with messages, and nothing else in it.

IDTA-01002 §11.5 (Result, Message, StatusCode).
Rule 1: the official engine reads it strictly: no other field may stand beside ``messages``.
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import WeftError
from weft.basis.instant import from_ms
from weft.engine.clock import SystemClock

_CLOCK: Final = SystemClock()


def answer(host: web.Host, request: Request, error: WeftError | None) -> Response:
    """``error`` as a Result; None is an error of ours, without details."""
    status = 500 if error is None else web.status_of(error)
    status = 400 if status == 422 else status
    code = "internal" if error is None else error.code
    text = host.translate(web.language(request), f"error.{code}", {} if error is None else error.facts)
    message = {"code": str(status), "correlationId": code, "messageType": "Exception" if error is None else "Error",
               "text": text, "timestamp": from_ms(_CLOCK.now_ms())}
    headers = {"WWW-Authenticate": 'Bearer realm="weft"'} if status == 401 else {}
    return web.json({"messages": [message]}, status, headers)
