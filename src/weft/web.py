"""What every HTTP door shares: who is asking, how a refusal is told, how a body and a page are bounded.

RFC 6750 (bearer tokens), RFC 9457 (problem details), RFC 9110 §12.5.4 (Accept-Language).
Rule 1: no exception leaves ``guard``; a programmer's error is logged and answered without details.
Rule 2: nothing is read from a body beyond the door's limit, nor decoded when nested deeper than 32.
Rule 3: a browser's cookie (and the open door of a developer) never answers another site's request to change things.
Rule 4: work that nobody asked for is not done: a query that is not there is not parsed.
Not here: the answers of AAS and EPCIS (their doors' ``problems.py``), what a command may do (``engine/commands``).
"""

import asyncio
import errno
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from weft.basis.canonical import DEPTH_MAX
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable, WeftError

COOKIE: Final = "weft_device"
TILL_COOKIE: Final = "weft_till"  # a tablet may be a till and the owner's own device at once
OWNER: Final = "owner"
OPERATOR: Final = "operator"
WORKER: Final = "worker"  # a worker's own phone: jobs to report, his own sums, nothing else
CLIENT: Final = "client"  # a program with a token of its own: reads twins and trace
PARTNER: Final = "partner"  # a partner's program: the twins that are shown to this partner, nothing else
TILL: Final = "till"  # a till: brings its slips and asks for prices, nothing else
STRANGER: Final = "stranger"  # whoever shows no token, where a door has rules of its own for him
PUBLIC: Final = frozenset[str]()  # scopes of a document that anybody may see
PEOPLE: Final = frozenset({OWNER, OPERATOR})
HANDS: Final = frozenset({OWNER, OPERATOR, WORKER})
ANYONE_KNOWN: Final = frozenset({OWNER, OPERATOR, CLIENT})

BODY_MAX: Final = 1024 * 1024
BODY_S: Final = 60  # how long a body may take to arrive
TOKEN_MAX: Final = 512
LANGUAGES: Final = ("zh", "en")
ALL_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUS: Final[Mapping[type[WeftError], int]] = {
    Invalid: 422, Denied: 403, NotFound: 404, Refused: 409, Unavailable: 503}
STATUS_OF_CODE: Final = {
    "web.token-missing": 401, "web.token-unknown": 401, "web.method": 405, "web.not-acceptable": 406,
    "web.body-too-large": 413, "web.media-type": 415, "web.encoding": 415, "web.body-slow": 408,
}
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)  # where something that waits, or goes out, is put aside
_LOG: Final = logging.getLogger("weft.web")
# the next bracket that is in no string, or the end: whatever stands before is passed over once
_BRACKET: Final = re.compile(rb'(?:[^\[{\]}"]++|"(?:[^"\\]++|\\.)*+"?)*+([\[{\]}]|\Z)', re.DOTALL)
_NO_QUERY: Final = QueryParams()

T = TypeVar("T")


class Device(Protocol):
    """A paired phone, tablet or program."""

    @property
    def id(self) -> str: ...
    @property
    def scope(self) -> str: ...


class Nobody:
    """Who asks without a token, for a door that answers strangers too: known by nothing."""

    id = name = partner = ""
    scope = STRANGER


NOBODY: Final = Nobody()


class Devices(Protocol):
    """Knows the paired devices by the hash of their tokens."""

    async def authenticate(self, token: str) -> Device | None: ...


class Host(Protocol):
    """What a door needs of its node to let people in and to talk to them.

    ``dev_open`` lets everybody in who comes from this very machine; ``translate(lang, key, facts)`` gives the
    sentence for people, or the key itself when there is none.
    """

    @property
    def devices(self) -> Devices: ...
    @property
    def dev_open(self) -> bool: ...
    def translate(self, lang: str, key: str, facts: Mapping[str, str | int], /) -> str: ...


Handler = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Host, Request, WeftError | None], Response]


class Incoming(Request):
    """A request whose query is parsed only where there is one; ``state`` is its own."""

    state: Any = None

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.state = SimpleNamespace()

    @property
    def query_params(self) -> QueryParams:
        return super().query_params if self.scope["query_string"] else _NO_QUERY


class Everything(BaseRoute):
    """The address of all that lies below ``prefix`` (it ends in "/"), whatever its method; ``endpoint`` is guarded."""

    def __init__(self, prefix: str, endpoint: Handler) -> None:
        self.path = prefix
        self._endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the address begins with the prefix, whatever follows."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        found = scope["type"] == "http" and path.startswith(self.path)
        return (Match.FULL if found else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the endpoint, which raises nothing."""
        response = await self._endpoint(Incoming(scope, receive, send))
        await response(scope, receive, send)


def guard(
    host: Host, handler: Handler, *, scopes: frozenset[str] = PEOPLE, methods: tuple[str, ...] = ("GET",),
    answer: Answer | None = None, cookie: str = COOKIE,
) -> Handler:
    """``handler`` behind authentication, for ``methods`` only; every error becomes ``answer(host, request, error)``.

    ``request.state.device`` is the device that asks (None for the public and for the developer's open door).
    ``answer`` gets None for a programmer's error. Mount it with ``methods=ALL_METHODS``, so that 405 is ours too.
    """
    tell = answer or problem

    async def guarded(request: Request) -> Response:
        try:
            _check_method(request, methods)
            request.state.device = await authenticate(host, request, scopes, cookie)
            return await handler(request)
        except WeftError as error:
            response = tell(host, request, error)
            if error.code == "web.method":
                response.headers["Allow"] = ", ".join(methods)
            return response
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - the edge of every door (Rule 1)
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                return tell(host, request, Unavailable("store.full", path=str(error.filename or tempfile.gettempdir())))
            _LOG.exception("%s %s failed", request.method, request.url.path)
            return tell(host, request, None)

    return guarded


def elsewhere(host: Host, people: Answer | None = None) -> Callable[[Request, Exception], Response]:
    """The answer where no door has an address (for ``exception_handlers``); ``people`` is asked for a page."""

    def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            return problem(host, request, Invalid("web.method", method=request.method[:20], allowed="GET, POST"))
        browser = request.method in _SAFE and "text/html" in request.headers.get("accept", "")
        return (people if people is not None and browser else problem)(host, request, NotFound("web.not-found"))

    return answer


def _check_method(request: Request, methods: tuple[str, ...]) -> None:
    if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
        raise Invalid("web.method", method=request.method, allowed=", ".join(methods))


async def authenticate(
    host: Host, request: Request, scopes: frozenset[str], cookie: str = COOKIE
) -> Device | None:
    """The device that asks, if its scope is among ``scopes``; raises ``Denied``."""
    if not scopes:
        return None
    bearer = _bearer(request)
    token = bearer or request.cookies.get(cookie, "")
    if not bearer and request.method not in _SAFE and not _same_site(request):
        raise Denied("web.cross-site")
    if host.dev_open and OWNER in scopes and _from_here(request):
        return None
    if not token:
        if STRANGER in scopes:
            return NOBODY
        raise Denied("web.token-missing")
    device = await host.devices.authenticate(token) if len(token) <= TOKEN_MAX else None
    if device is None:
        raise Denied("web.token-unknown")
    if device.scope not in scopes:
        raise Denied("web.scope", scope=device.scope)
    return device


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _same_site(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False


def _from_here(request: Request) -> bool:
    """True when both ends are this machine; the name is checked too, against rebinding of a foreign name."""
    try:
        named = urlsplit("//" + request.headers.get("host", "")).hostname
    except ValueError:
        return False
    return request.client is not None and request.client.host in _LOOPBACK and named in _LOOPBACK


def status_of(error: WeftError) -> int:
    """The HTTP status of ``error``: 400 for what could not be read, 422 for what breaks a rule of form."""
    known = STATUS_OF_CODE.get(error.code)
    if known is not None:
        return known
    if isinstance(error, Invalid) and error.code.partition(".")[0] in ("web", "canonical"):
        return 400
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def problem(host: Host, request: Request, error: WeftError | None) -> Response:
    """``error`` as RFC 9457 problem details in the reader's language; None is an error of ours, without details."""
    lang = language(request)
    status = 500 if error is None else status_of(error)
    code = "internal" if error is None else error.code
    facts = {} if error is None else error.facts
    body = {"type": f"urn:weft:problem:{code}", "title": host.translate(lang, f"problem.{status}", {}),
            "status": status, "detail": host.translate(lang, f"error.{code}", facts), "code": code, "facts": facts}
    headers = {"Content-Language": lang, "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="weft"'
    if status == 503:
        headers["Retry-After"] = "5"
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")


def language(request: Request, default: str = "en") -> str:
    """The language that the reader likes best of those we speak (cookie ``weft_lang`` first)."""
    chosen = request.cookies.get("weft_lang")
    if chosen in LANGUAGES:
        return chosen
    best, weight = default, 0.0
    for part in request.headers.get("accept-language", "")[:200].split(","):
        tag, _, quality = part.strip().partition(";q=")
        name = tag.strip().lower().partition("-")[0]
        try:
            liking = float(quality or 1)
        except ValueError:
            continue
        if name in LANGUAGES and liking > weight:
            best, weight = name, liking
    return best


async def body(request: Request, limit: int = BODY_MAX) -> bytes:
    """The request's body; raises ``Invalid('web.body-too-large')`` as soon as it passes ``limit`` bytes.

    Raises ``Invalid('web.body-slow')`` too, and ``('web.encoding')`` for a packed one: nothing is unpacked here.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:15]) > limit:
        raise Invalid("web.body-too-large", limit=limit)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Invalid("web.encoding", value=encoding[:20])
    taken = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                taken += chunk
                if len(taken) > limit:
                    raise Invalid("web.body-too-large", limit=limit)
    except TimeoutError as error:
        raise Invalid("web.body-slow", seconds=BODY_S) from error
    return bytes(taken)


async def streamed(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The request's body as it comes, up to ``limit`` bytes, for what is too large to be held; raises as ``body``."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:15]) > limit:
        raise Invalid("web.body-too-large", limit=limit)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Invalid("web.encoding", value=request.headers["content-encoding"][:20])
    taken, pieces = 0, request.stream()
    while True:
        try:
            async with asyncio.timeout(BODY_S):  # for each piece: a large body may take longer in all
                piece = await anext(pieces, None)
        except TimeoutError as error:
            raise Invalid("web.body-slow", seconds=BODY_S) from error
        if piece is None:
            return
        taken += len(piece)
        if taken > limit:
            raise Invalid("web.body-too-large", limit=limit)
        yield piece


async def json_body(request: Request, kind: type[T], limit: int = BODY_MAX) -> T:
    """The request's JSON body as ``kind``; raises ``Invalid`` when it is too large, too deep, or something else."""
    return from_json(await body(request, limit), kind)


def from_json(data: bytes, kind: type[T], deepest: int = DEPTH_MAX) -> T:
    """``data`` decoded as ``kind``; raises ``Invalid`` when it is nested too deep or is not of that shape."""
    depth = 0
    for bracket in _BRACKET.finditer(data):
        if not bracket[1]:
            break
        depth += 1 if bracket[1] in b"[{" else -1
        if depth > deepest:
            raise Invalid("web.body-too-deep", limit=deepest)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid("web.body-shape", detail=str(error)[:200]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("web.body-not-json", detail=str(error)[:100]) from error


def page_size(request: Request, name: str = "limit", default: int = 100, maximum: int = 1000) -> int:
    """How many the reader wants on a page, at most ``maximum``; raises ``Invalid('web.page-size')`` unless above 0."""
    text = request.query_params.get(name)
    if text is None:
        return default
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdecimal()):
        raise Invalid("web.page-size", name=name, value=text[:20])
    return min(int(digits), maximum) if len(digits) <= 9 else maximum


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None,
         media_type: str = "application/json") -> Response:
    """``value`` (structs too) as a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers, media_type)
