"""What a till asks of its node: to be let in, what it must know, and to take its slips.

``POST /till/api/ask`` and ``/open`` are for everybody: asking changes nothing, and opening proves a key.
``GET /till/api/snapshot`` (with ETag), ``POST /till/api/slips``, ``GET /till/api/slip?hash=`` (or
``?number=``) need the till's cookie.
Rule 1: the cookie of a till opens these addresses alone, and these addresses open to no other cookie.
Rule 2: bodies are bounded, and so is the number of tills that wait.
Rule 3: every answer bears our time (``Date``), by which a till tells that its own clock is wrong.
Not here: what happens with slips (``engine/till``), the page and its files (``doors/till/__init__.py``).
"""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import NotFound
from weft.engine.till import intake, pairing, slips
from weft.engine.till.snapshot import snapshot
from weft.till.messages import SlipDoubted

PREFIX: Final = "/till/api"
ASK_MAX: Final = 4 * 1024
SLIPS_BODY_MAX: Final = 2 * intake.BYTES_MAX
YEAR_SECONDS: Final = 365 * 86_400
TILLS: Final = frozenset({web.TILL})
LOST: Final = frozenset({"let-go", "since"})  # of slips that a thief may have signed


class Ask(msgspec.Struct, frozen=True):
    """A till's public key, and the name it gives itself."""

    key: str
    name: str = ""


class Open(msgspec.Struct, frozen=True):
    """The key, a challenge of ours, and the signature over firm and challenge."""

    key: str
    challenge: str
    signature: str


class Kept(msgspec.Struct, frozen=True):
    """One slip as it travels."""

    bytes: str
    signature: str


class Asked(msgspec.Struct, frozen=True):
    """One slip as it travels, and what came back of it at any till."""

    bytes: str
    signature: str
    returns: list[Kept]


def routes(node: Any) -> list[BaseRoute]:
    """All addresses of this part of the door."""
    api = Api(node)

    def route(path: str, handler: web.Handler, scopes: frozenset[str], method: str = "GET") -> Route:
        return Route(PREFIX + path, web.guard(node, handler, scopes=scopes, methods=(method,),
                                             cookie=web.TILL_COOKIE),
                     methods=list(web.ALL_METHODS))

    return [
        route("/ask", api.ask, web.PUBLIC, "POST"),
        route("/open", api.open, web.PUBLIC, "POST"),
        route("/snapshot", api.snapshot, TILLS),
        route("/slips", api.slips, TILLS, "POST"),
        route("/slip", api.slip, TILLS),
    ]


class Api:
    """The handlers of one node."""

    def __init__(self, node: Any) -> None:
        self.node = node

    async def ask(self, request: Request) -> Response:
        asked = await web.json_body(request, Ask, ASK_MAX)
        place = request.client.host if request.client else ""
        return self._fresh(await pairing.ask(self.node, asked.key, asked.name[:200], place))

    async def open(self, request: Request) -> Response:
        given = await web.json_body(request, Open, ASK_MAX)
        token = await pairing.enter(self.node, given.key, given.challenge, given.signature)
        response = self._fresh({"state": await pairing.standing(self.node, given.key)})
        response.set_cookie(web.TILL_COOKIE, token, max_age=YEAR_SECONDS, httponly=True, samesite="strict",
                            path="/till", secure=request.url.scheme == "https")
        return response

    async def snapshot(self, request: Request) -> Response:
        told = await snapshot(self.node, pairing.key_of(request.state.device))
        headers = {"ETag": told.tag, "Cache-Control": "no-cache", **self._dated()}
        if request.headers.get("if-none-match") == told.tag:
            return Response(status_code=304, headers=headers)
        return web.json(told, headers=headers)

    async def slips(self, request: Request) -> Response:
        till = pairing.key_of(request.state.device)
        delivery = await web.json_body(request, intake.Delivery, SLIPS_BODY_MAX)
        return self._fresh(await intake.receive(self.node, till, delivery))

    async def slip(self, request: Request) -> Response:
        pairing.key_of(request.state.device)
        name = request.query_params.get("hash", "")[:60] or await self._numbered(request.query_params)
        found = await slips.kept(self.node, name)
        if found is None or (isinstance(found, SlipDoubted) and found.why in LOST):
            raise NotFound("till.no-slip", slip=name[:12])  # for what a till brings once it is lost we do not vouch
        back = [Kept(intake.written(one), one.signature) for one in await slips.returned(self.node, name)]
        return self._fresh(Asked(intake.written(slips.signed(found)), found.signature, back))

    async def _numbered(self, asked: Mapping[str, str]) -> str:
        """The hash of the one sale with the number that was typed; of two with one number its code must tell which."""
        number = asked.get("number", "")[:20]
        found = await slips.numbered(self.node, number)
        if len(found) != 1:
            raise NotFound("till.no-slip", slip=number[:12])
        return found[0].hash

    def _dated(self) -> dict[str, str]:
        return {"Date": formatdate(self.node.clock.now_ms() / 1000, usegmt=True)}

    def _fresh(self, value: Any) -> Response:
        return web.json(value, headers={"Cache-Control": "no-store", **self._dated()})
