"""The addresses of all doors on shelves by their first segment, so that none is looked through for another's sake.

A node has more than a hundred addresses; Starlette tries one pattern after the other.
Rule 1: within a shelf the order stays; addresses whose first segment is open come last.
Rule 2: what a door has all to itself (``web.Everything``) goes there at once, past what Starlette does for the others.
Not here: what an address answers (``doors/``).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Receive, Scope, Send

from weft.web import Everything

_CHOSEN = "weft.route"


class Shelves(BaseRoute):
    """One route that stands for many."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._shelves: dict[str, list[BaseRoute]] = {}
        self._open: list[BaseRoute] = []
        for route in routes:
            first = route.path.split("/", 2)[1] if isinstance(route, Route | Mount | Everything) else "{"
            (self._open if "{" in first else self._shelves.setdefault(first, [])).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that matches wholly, else the first that does but for its method."""
        first = f"{scope.get('path', '')}/".split("/", 2)[1]
        partial: tuple[BaseRoute, Scope] | None = None
        for shelf in (self._shelves.get(first, ()), self._open):
            for route in shelf:
                match, child = route.matches(scope)
                if match == Match.FULL:
                    return match, {**child, _CHOSEN: route}
                if match == Match.PARTIAL and partial is None:
                    partial = route, child
        if partial is None:
            return Match.NONE, {}
        return Match.PARTIAL, {**partial[1], _CHOSEN: partial[0]}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that matched."""
        route: BaseRoute = scope[_CHOSEN]
        await route.handle(scope, receive, send)


class Doors(Starlette):
    """The application of all doors."""

    def __init__(self, routes: Sequence[BaseRoute], **settings: Any) -> None:
        super().__init__(routes=[Shelves(routes)], **settings)
        self._whole = [(one.path, one) for one in routes if isinstance(one, Everything)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rule 2; a server that is mounted below another (``root_path``) takes the long way."""
        if scope["type"] == "http" and not scope.get("root_path"):
            path = scope["path"]
            for prefix, route in self._whole:
                if path.startswith(prefix):
                    scope["app"] = self
                    await route.handle(scope, receive, send)
                    return
        await super().__call__(scope, receive, send)
