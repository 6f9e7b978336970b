"""Where partners' price logs ask us to cosign: ``POST add-checkpoint`` as C2SP tlog-witness has it.

    /pricelog/witness/<door>/add-checkpoint    the door that a partner was told: any C2SP client of its own may ask
    /pricelog/witness/add-checkpoint           the same for a partner's node, which signs its request (``Weft-Request``)

200 cosignature lines · 400 no request · 403 not signed by its log · 404 no such log here · 409 the size that we hold
(``text/x.tlog.size``) · 422 it does not go on from what we have seen · 429 too much
Rule 1: whoever comes by no door of ours and proves nothing gets 404 and nothing else, before a byte of what he sends is
        read: nobody learns which logs we know by asking.
Rule 2: a partner's requests are paid from its own budget and, here, from one of ``EVERY_S``; a stranger's from that of
        all strangers.
Not here: the judgement (``tlog/witness.py``), what is kept (``engine/pricelog/witness.py``), tiles (beside this).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.errors import Denied, NotFound, WeftError
from weft.engine.budgets import Bucket, Busy
from weft.engine.node import Node
from weft.engine.pricelog import witness
from weft.engine.requests import OtherTime
from weft.pricing.leaf import origin_of
from weft.tlog.witness import REQUEST_BYTES_MAX, SIZE_TYPE, conflict

SIGNED_PATH: Final = "/pricelog/witness/add-checkpoint"
DOOR_PATH: Final = "/pricelog/witness/{door}/add-checkpoint"
EVERY_S: Final = 1.0  # so often, over time, one log may ask
BURST: Final = 120  # and so many times after a rest
UNKNOWN: Final = "tlog.log-unknown"


def routes(node: Node) -> list[BaseRoute]:
    """The addresses of this door."""
    desk = Desk(node)

    def guarded(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        return web.guard(node, handler, scopes=web.PUBLIC, methods=("POST",), answer=_answer)

    return [Route(SIGNED_PATH, guarded(desk.signed), methods=list(web.ALL_METHODS)),
            Route(DOOR_PATH, guarded(desk.by_door), methods=list(web.ALL_METHODS))]


@dataclass(slots=True)
class Desk:
    """Answers, at the expense of who asks."""

    node: Node
    _doors: dict[str, str] = field(default_factory=dict)  # of partners: door -> firm
    _of: dict[str, Bucket] = field(default_factory=dict)

    async def by_door(self, request: Request) -> Response:
        """Whoever knows the door is the partner, or acts for it."""
        caller = self._behind(request.path_params["door"])
        if caller is None:
            with self.node.budgets.entered(self.node.budgets.strangers, 0):
                raise NotFound(UNKNOWN)
        self._check(caller)
        return await self._answered(caller, await web.body(request, REQUEST_BYTES_MAX))

    async def signed(self, request: Request) -> Response:
        """A node that signs its request as all requests between nodes are signed."""
        node, header = self.node, request.headers.get("weft-request", "")
        caller = header.partition(".")[0]
        if not witness.is_partner(node, caller):
            with node.budgets.entered(node.budgets.strangers, 0):
                raise NotFound(UNKNOWN)
        self._check(caller)
        body = await web.body(request, REQUEST_BYTES_MAX)
        try:
            await node.gate.check(SIGNED_PATH, body, header)
        except OtherTime:
            pass  # who proves itself is served by any clock: what it asks can be asked again without harm
        except Denied:
            with node.budgets.entered(node.budgets.strangers, len(body)):
                raise
        return await self._answered(caller, body)

    async def _answered(self, caller: str, body: bytes) -> Response:
        node = self.node
        if node.witnessing is None:
            raise NotFound(UNKNOWN)
        with node.budgets.entered(node.budgets.of(caller), len(body)):
            self._bucket(caller).level -= 1
            lines = await node.witnessing.add_checkpoint(caller, body)
        return Response(lines, media_type="text/plain; charset=utf-8", headers={"cache-control": "no-store"})

    def _check(self, caller: str) -> None:
        """Raises ``Busy`` when the partner has nothing left."""
        now = self.node.clock.now_ms()
        bucket = self._bucket(caller)
        bucket.fill(now)
        if wait_ms := bucket.wait_ms():
            raise Busy(wait_ms)
        self.node.budgets.of(caller).check(now)

    def _bucket(self, caller: str) -> Bucket:
        held = self._of.get(caller)
        if held is None:
            held = self._of[caller] = Bucket(1 / EVERY_S, BURST, self.node.clock.now_ms())
        return held

    def _behind(self, door: str) -> str | None:
        """The partner whose door this is."""
        node = self.node
        if door not in self._doors:
            known = set(self._doors.values())
            for partner in node.partners:
                if partner not in known:
                    self._doors[witness.door_for(node.identity, origin_of(partner))] = partner
        caller = self._doors.get(door)
        return caller if caller is not None and witness.is_partner(node, caller) else None


def _answer(_host: web.Host, _request: Request, error: WeftError | None) -> Response:
    headers = {"cache-control": "no-store"}
    if error is None:
        return Response("internal\n", 500, headers, "text/plain")
    if error.code == "tlog.witness-behind":
        exactly = {**headers, "content-type": SIZE_TYPE}  # with a charset behind it, other programs do not know it
        return Response(conflict(int(error.facts["size"])), 409, exactly)
    if isinstance(error, Busy):
        return Response("busy\n", 429, {**headers, "retry-after": str(error.facts["seconds"])}, "text/plain")
    if isinstance(error, Denied | NotFound):
        return Response(f"{UNKNOWN}\n", 404, headers, "text/plain")
    status = web.status_of(error) if error.code.startswith(("web.", "store.")) else witness.status(error)
    return Response(f"{error.code}\n", status, headers, "text/plain")
