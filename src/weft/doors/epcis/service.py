"""Queries to answers: events, one event, the event types that there are.

EPCIS 2.0 REST binding (``/events``, ``/events/{eventID}``, ``/eventTypes`` and their OPTIONS).
Rule 1: a page token names the events that were known when the query began: later ones never shift a page.
Rule 2: a token serves only the query that it was given for.
Not here: refusals (``problems.py``), versions and media types (``headers.py``).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.basis.instant import from_ms
from weft.doors.epcis.headers import media_type, version_headers
from weft.doors.epcis.problems import answer
from weft.engine.node import Node
from weft.trace import book, query
from weft.trace.document import collection, query_document
from weft.trace.events import Event

PREFIX: Final = "/epcis/v2"
PAGE: Final = 30
PAGE_MAX: Final = 1000
METHODS: Final = ("GET", "OPTIONS")
RESOURCES: Final = ("events", "eventTypes")


class Token(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page begins: how many were given, how many events were known, which query."""

    given: int
    known: int
    query: str


def routes(node: Node) -> list[BaseRoute]:
    """Everything below the prefix."""
    service = Service(node)
    endpoint = web.guard(node, service.respond, scopes=web.ANYONE_KNOWN, methods=METHODS, answer=answer)
    return [Route(PREFIX, endpoint, methods=web.ALL_METHODS),
            Route(PREFIX + "/{rest:path}", endpoint, methods=web.ALL_METHODS)]


@dataclass(slots=True)
class Service:
    """Answers over the trace book of one node."""

    node: Node
    _events: list[Event] = field(default_factory=list)

    async def respond(self, request: Request) -> Response:
        """The answer to a GET or OPTIONS."""
        segments = _segments(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={**version_headers(), "Allow": ", ".join(METHODS)})
        media = media_type(request)
        headers = version_headers()
        match segments:
            case []:
                told = collection(RESOURCES)
            case ["events"]:
                told, more = await self._query(request)
                headers |= more
            case ["events", name]:
                told = await self._one(name)
            case ["eventTypes"]:
                told = collection(book.TYPES)
            case ["eventTypes", kind] if kind in book.TYPES:
                told = collection(("events",))
            case ["eventTypes", kind, "events"] if kind in book.TYPES:
                told, more = await self._query(request, [("eventType", kind)])
                headers |= more
            case _:
                raise NotFound("trace.no-such-address", path=request.url.path[:200])
        return web.json(told, headers=headers, media_type=media)

    async def _query(
        self, request: Request, also: Sequence[tuple[str, str]] = ()
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """A page of what is asked for, and the link to the next."""
        given = request.query_params.multi_items()
        size = web.page_size(request, "perPage", PAGE, PAGE_MAX)
        tests = query.tests([*given, *also])
        events = await self._recorded()
        token = _token(request, len(events))
        found = [event for event in events[:token.known] if all(test(event) for test in tests)]
        found = _bounded(request, _sorted(request, found))
        page = found[token.given:token.given + size]
        after = token.given + len(page)
        headers: dict[str, str] = {}
        if page and after < len(found):
            text = b64(msgspec.json.encode(msgspec.structs.replace(token, given=after)))
            rest = [(name, value) for name, value in given if name != "nextPageToken"]
            headers["Link"] = f'<{request.url.path}?{urlencode([*rest, ("nextPageToken", text)])}>; rel="next"'
        return query_document(page, self._now()), headers

    async def _one(self, name: str) -> dict[str, Any]:
        found = [event for event in await self._recorded() if event["eventID"] == name]
        if not found:
            raise NotFound("trace.event", id=name[:120])
        return query_document(found[:1], self._now())

    def _now(self) -> str:
        return from_ms(self.node.clock.now_ms())

    async def _recorded(self) -> list[Event]:
        """All events in the order in which they were recorded; only what is new is read."""
        thread = self.node.book(book.NAME)
        state: book.State = await self.node.state(thread)
        if state.events != len(self._events):
            logged = [one for one in await self.node.log(thread)
                      if isinstance(one.message, book.TraceRecorded) and not one.void]
            for one in logged[len(self._events):]:
                self._events.append({**book.read(one.message.event), "recordTime": from_ms(one.at_ms)})
        return self._events


def _sorted(request: Request, found: list[Event]) -> list[Event]:
    by = request.query_params.get("orderBy")
    direction = request.query_params.get("orderDirection", "DESC")
    if direction not in ("ASC", "DESC"):
        raise Invalid("trace.query-value", name="orderDirection", value=direction[:40])
    if by is None:
        return found
    if by not in ("eventTime", "recordTime"):
        raise Invalid("trace.query-value", name="orderBy", value=by[:40])
    key: Callable[[Event], str] = lambda event: str(event[by])  # noqa: E731 - both are UTC with milliseconds
    return sorted(found, key=key, reverse=direction == "DESC")


def _bounded(request: Request, found: list[Event]) -> list[Event]:
    """``eventCountLimit`` cuts, ``maxEventCount`` refuses; only one of them may be given."""
    if "eventCountLimit" in request.query_params and "maxEventCount" in request.query_params:
        raise Invalid("trace.query-value", name="eventCountLimit", value="maxEventCount")
    if len(found) > web.page_size(request, "maxEventCount", len(found) or 1, 10**9):
        raise Invalid("trace.query-too-large", found=len(found))
    return found[:web.page_size(request, "eventCountLimit", len(found) or 1, 10**9)]


def _token(request: Request, known: int) -> Token:
    """The page that is asked for; raises ``Invalid('trace.page-token')`` for a token of another query."""
    rest = sorted((name, value) for name, value in request.query_params.multi_items()
                  if name not in ("nextPageToken", "perPage"))
    mark = hashlib.sha256(repr((request.url.path, rest)).encode("utf-8", "replace")).hexdigest()[:16]
    text = request.query_params.get("nextPageToken")
    if text is None:
        return Token(0, known, mark)
    try:
        token = msgspec.json.decode(unb64(text), type=Token)
    except (WeftError, msgspec.DecodeError) as error:
        raise Invalid("trace.page-token") from error
    if token.query != mark or not 0 <= token.given <= token.known <= known:
        raise Invalid("trace.page-token")
    return token


def _segments(request: Request) -> list[str]:
    """The address below the prefix; an encoded event id stays one segment."""
    whole = request.scope.get("raw_path") or request.url.path.encode()
    path = whole.decode("latin-1").partition("?")[0].removeprefix(request.scope.get("root_path", ""))
    inside = path.removeprefix(PREFIX).strip("/")
    return [unquote(part) for part in inside.split("/")] if inside else []
