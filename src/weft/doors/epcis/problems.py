"""Refusals as EPCIS tells them: RFC 9457 problem details whose type is an EPCIS exception.

EPCIS 2.0 REST binding, "Errors". Rule 1: the table below is complete over our five classes of errors.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from weft import web
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable, WeftError
from weft.doors.epcis.headers import version_headers

_OF_CODE: Final = {
    "web.method": "about:blank", "web.not-acceptable": "epcisException:NotAcceptableException",
    "trace.query-too-large": "epcisException:QueryTooLargeException",
    "trace.query-parameter": "epcisException:QueryParameterException",
    "trace.query-value": "epcisException:QueryParameterException",
    "trace.page-token": "epcisException:QueryParameterException",
    "web.page-size": "epcisException:QueryParameterException",
}
_OF_CLASS: Final[Mapping[type[WeftError], str]] = {
    Invalid: "epcisException:ValidationException", Denied: "epcisException:SecurityException",
    NotFound: "epcisException:NoSuchResourceException", Refused: "epcisException:ValidationException",
    Unavailable: "epcisException:ImplementationException",
}
_STATUS: Final = {"trace.query-too-large": 413}


def answer(host: web.Host, request: Request, error: WeftError | None) -> Response:
    """``error`` as problem details; None is an error of ours, without details."""
    lang = web.language(request)
    status = 500 if error is None else _STATUS.get(error.code, web.status_of(error))
    status = 400 if status == 422 else status
    code = "internal" if error is None else error.code
    kind = "epcisException:ImplementationException" if error is None else _type(error)
    told = {"type": kind, "title": host.translate(lang, f"problem.{status}", {}), "status": status, "code": code,
            "detail": host.translate(lang, f"error.{code}", {} if error is None else error.facts)}
    headers = {**version_headers(), "Content-Language": lang}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="weft"'
    return web.json(told, status, headers, "application/problem+json")


def _type(error: WeftError) -> str:
    known = _OF_CODE.get(error.code)
    return known or next((name for kind, name in _OF_CLASS.items() if isinstance(error, kind)), "about:blank")
