"""The door for the firm's price record: its checkpoint and tiles, as files that anybody may read.

``GET /pricelog/checkpoint`` and ``/pricelog/tile/…`` as C2SP tlog-tiles has it; any web server can serve the same.
``/pricelog/book/<hash>`` is a version of a price book whose owner has made it public; others are not there.
Rule 1: nobody is asked who he is, and nobody learns here who asks, what else there is, or how a refusal came about.
Rule 2: a tile never changes under its name, so it may be kept for ever; the checkpoint is asked for anew each time.
Rule 3: the checkpoint is shown with the firm's own signature alone: who else has seen it would tell of its partners.
Rule 4: all readers together have one budget of their own: who floods this door slows down no partner.
Not here: what is in the log (``engine/pricelog``), witnesses (``witness.py``).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from weft import web
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.doors.pricelog import witness
from weft.engine.budgets import Account, Bucket, Busy
from weft.engine.node import Node
from weft.engine.pricelog import log, showing
from weft.tlog import tile

PREFIX: Final = "/pricelog"
AT_ONCE: Final = 16  # requests that are answered side by side
BURST_S: Final = 30  # so many seconds' worth may be asked for at a stretch, after a rest
FOR_EVER: Final = "public, max-age=31536000, immutable"
ANEW: Final = "no-cache"  # may be kept, and is asked for again before it is used
_STATUS: Final = {405: "method", 404: "not-found", 503: "busy"}


def routes(node: Node) -> list[BaseRoute]:
    """The addresses of this door."""
    account = _account(node)

    async def checkpoint(request: Request) -> Response:
        with node.budgets.entered(account, 0):
            head = await log.head(node.store)
            if head is None:
                raise NotFound("web.not-found")
            data = head.public
            name = f'"{b64(digest("price-checkpoint/1", data))}"'
            headers = _headers(ANEW) | {"ETag": name}
            if request.headers.get("if-none-match") == name:
                return Response(status_code=304, headers=headers)
            account.charge(size=len(data))
            return Response(data, headers=headers, media_type="text/plain; charset=utf-8")

    async def a_tile(request: Request) -> Response:
        with node.budgets.entered(account, 0):
            try:
                data = await log.tile_bytes(node.store, tile.parse_path(f"tile/{request.path_params['path']}"))
            except Invalid as error:
                raise NotFound("web.not-found") from error
            account.charge(size=len(data))
            return Response(data, headers=_headers(FOR_EVER), media_type="application/octet-stream")

    async def book(request: Request) -> Response:
        with node.budgets.entered(account, 0):
            data = await showing.public_book(node, request.path_params["hash"])
            if data is None:
                raise NotFound("web.not-found")
            account.charge(size=len(data))
            return Response(data, headers=_headers(FOR_EVER), media_type="application/json")

    return [
        *witness.routes(node),
        Route(f"{PREFIX}/{tile.CHECKPOINT_PATH}", web.guard(node, checkpoint, scopes=web.PUBLIC, answer=answer),
              methods=list(web.ALL_METHODS)),
        Route(PREFIX + "/book/{hash}", web.guard(node, book, scopes=web.PUBLIC, answer=answer),
              methods=list(web.ALL_METHODS)),
        Route(PREFIX + "/tile/{path:path}", web.guard(node, a_tile, scopes=web.PUBLIC, answer=answer),
              methods=list(web.ALL_METHODS)),
    ]


def _account(node: Node) -> Account:
    """What all readers together may cost."""
    prices, now = node.config.prices, node.clock.now_ms()
    work, size = prices.public_requests_per_s, prices.public_kilobytes_per_s * 1024
    nothing = Bucket(1, 1, now)
    return Account(Bucket(work, work * BURST_S, now), Bucket(size, size * BURST_S, now), nothing, AT_ONCE)


def _headers(keep: str) -> dict[str, str]:
    return {"Cache-Control": keep, "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}


def answer(_host: web.Host, _request: Request, error: WeftError | None) -> Response:
    """What a reader learns of a refusal: that there is nothing, or that it is too much now."""
    status = 500 if error is None else web.status_of(error)
    status = status if status in {405, 404, 503} else 500
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(-(-error.wait_ms // 1000))
    return Response(_STATUS.get(status, "internal"), status, headers, "text/plain; charset=utf-8")
