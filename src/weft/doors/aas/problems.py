"""Refusals as the AAS API tells them: a Result object with messages, and nothing else in it.

IDTA-01002 §11.5 (Result, Message, StatusCode).
Rule 1: the official engine reads it strictly: no other field may stand beside ``messages``.
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Invalid, WeftError
from weft.basis.instant import from_ms
from weft.engine.clock import SystemClock
from weft.twin.metamodel import Faulty

FINDINGS_MAX: Final = 20  # faults of one document that are told at once
_CLOCK: Final = SystemClock()
_STATUS: Final = {"twin.changed": 412, "twin.not-an-operation": 405, "twin.not-a-file": 405,
                  "twin.not-acceptable": 406}


def status_of(error: WeftError | None) -> int:
    """The HTTP status of ``error``; what breaks a rule of form is 400 here."""
    if error is None:
        return 500
    status = _STATUS.get(error.code) or web.status_of(error)
    return 400 if status == 422 else status


def message(host: web.Host, request: Request, error: WeftError | None, status: int) -> dict[str, Any]:
    """``error`` as a Message in the reader's language."""
    code = "internal" if error is None else error.code
    text = host.translate(web.language(request), f"error.{code}", {} if error is None else error.facts)
    return {"code": str(status), "correlationId": code[:32], "text": text, "timestamp": from_ms(_CLOCK.now_ms()),
            "messageType": "Exception" if error is None else "Error"}


def answer(host: web.Host, request: Request, error: WeftError | None) -> Response:
    """``error`` as a Result; None is an error of ours, without details."""
    status = status_of(error)
    headers = {"WWW-Authenticate": 'Bearer realm="weft"'} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "5"
    each = [Invalid(f"{one.code}", **one.told) for one in error.findings[:FINDINGS_MAX]] if isinstance(
        error, Faulty) else [error]
    return web.json({"messages": [message(host, request, one, status) for one in each]}, status, headers)
