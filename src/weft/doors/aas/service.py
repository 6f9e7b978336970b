"""Requests to answers: lets in who is known, finds the address, and asks who answers it.

IDTA-01002 v3.1.2 §12 (HTTP/REST).
Rule 1: whatever is not found, or not known by its method, is told in the AAS form too.
Not here: the addresses (``table.py``), what they answer (their own modules).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from weft import web
from weft.basis.errors import Invalid, NotFound
from weft.doors.aas.address import PREFIXES, segments
from weft.doors.aas.call import Call
from weft.doors.aas.problems import answer
from weft.doors.aas.table import READING, tree
from weft.engine.node import Node

_READING: Final = frozenset({"GET", "HEAD"})
ASKING: Final = web.ANYONE_KNOWN | {web.PARTNER}  # what a program may see and do, the access rules say


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
        prefix, parts = segments(request)
        found = self._tree.find(parts)
        if found is None:
            raise NotFound("twin.no-such-address", path=request.url.path[:200])
        methods, taken = found
        known = methods.get("GET" if request.method == "HEAD" else request.method)
        if known is None:
            allowed = ", ".join(methods)
            refused = answer(self._node, request, Invalid("web.method", method=request.method, allowed=allowed))
            refused.headers["Allow"] = allowed
            return refused
        handler, fixed = known
        call = Call(self._node, request, prefix, {**taken, **fixed})
        if request.method not in _READING and handler not in READING:
            await call.may_change()
        return call.of_this_life(await handler(call))
