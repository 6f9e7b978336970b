"""Requests to answers: lets in who is known, finds the address, and asks who answers it.

IDTA-01002 v3.1.2 §12 (HTTP/REST).
Rule 1: whatever is not found, or not known by its method, is told in the AAS form too.
Rule 2: who shows no token is let in where the firm has written a rule for everybody (ANONYMOUS), and sees by it. All
    else is one and the same to him: 401, at the next full step of the clock, whatever is there or is asked wrongly.
    Strangers share one small budget, and are told no events as they happen.
Not here: the addresses (``table.py``), what they answer (their own modules).
"""

import asyncio
import contextlib
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from weft import web
from weft.basis.errors import Denied, Invalid, NotFound, WeftError
from weft.doors.aas import description
from weft.doors.aas.address import PREFIXES, segments
from weft.doors.aas.call import Call
from weft.doors.aas.problems import answer
from weft.doors.aas.table import READING, Handler, tree
from weft.engine.node import Node
from weft.engine.twins.access import Access
from weft.twin.access import Subject, Target

_READING: Final = frozenset({"GET", "HEAD"})
ASKING: Final = web.ANYONE_KNOWN | {web.PARTNER, web.STRANGER}  # what a program may see, the access rules say
STEP_S: Final = 0.05
_DESCRIPTION: Final = Target(route="/description")


def routes(node: Node) -> list[BaseRoute]:
    """Everything below the prefixes."""
    service = Service(node)
    endpoint = web.guard(node, service.respond, scopes=ASKING, methods=web.ALL_METHODS, answer=answer)
    return [web.Everything(prefix + "/", endpoint) for prefix in PREFIXES]


class Service:
    """Answers for one firm's twins."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tree = tree()

    async def respond(self, request: Request) -> Response:
        """The answer to one request."""
        device = request.state.device
        if device is not None and device.scope == web.STRANGER:
            return await self._stranger(request)
        return await self._answer(request)

    async def _stranger(self, request: Request) -> Response:
        """The answer to who shows no token; raises ``Denied('web.token-missing')`` for all that is not shown to him."""
        sight = await Access(self._node).sight(Subject())
        if not sight.rules.rules:
            raise Denied("web.token-missing")
        clock = asyncio.get_running_loop().time
        begun, response = clock(), None
        with self._node.budgets.entered(self._node.budgets.strangers, 0):
            with contextlib.suppress(WeftError):
                handler, call = self._found(request)
                if handler is not description.description or sight.permit("READ", _DESCRIPTION).possible:
                    response = await _answered(handler, call)
            if response is None or response.status_code >= 400:
                await asyncio.sleep(STEP_S - (clock() - begun) % STEP_S)
                raise Denied("web.token-missing")
        return response

    async def _answer(self, request: Request) -> Response:
        try:
            return await _answered(*self._found(request))
        except _Method as error:
            refused = answer(self._node, request, error)
            refused.headers["Allow"] = str(error.facts["allowed"])
            return refused

    def _found(self, request: Request) -> tuple[Handler, Call]:
        """Who answers, and what is asked; raises ``NotFound('twin.no-such-address')``, ``Invalid('web.method')``."""
        prefix, parts = segments(request)
        found = self._tree.find(parts)
        if found is None:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        methods, taken = found
        known = methods.get("GET" if request.method == "HEAD" else request.method)
        if known is None:
            raise _Method("web.method", method=request.method, allowed=", ".join(methods))
        handler, fixed = known
        return handler, Call(self._node, request, prefix, {**taken, **fixed})


class _Method(Invalid):
    """An address that is not asked in this way."""


async def _answered(handler: Handler, call: Call) -> Response:
    if call.request.method not in _READING and handler not in READING:
        await call.may_change()
    return call.of_this_life(await handler(call))
