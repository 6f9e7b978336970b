"""The addresses of all doors on shelves by their first segment, so that none is looked through for another's sake.

A node has more than a hundred addresses; Starlette tries one pattern after the other.
Rule 1: within a shelf the order stays; addresses whose first segment is open come last.
Not here: what an address answers (``doors/``).
"""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Receive, Scope, Send

_CHOSEN = "weft.route"


class Shelves(BaseRoute):
    """One route that stands for many."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._shelves: dict[str, list[BaseRoute]] = {}
        self._open: list[BaseRoute] = []
        for route in routes:
            first = route.path.split("/", 2)[1] if isinstance(route, Route | Mount) else "{"
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
