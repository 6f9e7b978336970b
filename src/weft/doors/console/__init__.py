"""The owner's console: pages for people, in Chinese and English, on a phone first.

Pages read ``engine/views``, forms say ``engine/commands``; it works without scripts, and is live with them.
Rule 1: nobody comes in without a paired device, except to pair one; a worker's device sees the shop floor only.
Rule 2: a code in a link does nothing before its button is pressed, so that a preview of the link cannot use it up.
Not here: the JSON interface (``doors/api``), public passports (``doors/epcis``).
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from weft import web
from weft.basis.errors import Denied, NotFound, WeftError
from weft.doors.console import forms, live
from weft.doors.console.pages import OPERATOR_PAGES, PAGES, POSTED, WORKER_PAGES, Page, trust, work
from weft.doors.console.visit import HEADERS, Visit, visit_of
from weft.locale import LANGUAGES

STATIC: Final = Path(__file__).parent / "static"
YEAR_SECONDS: Final = 365 * 86_400

__all__ = ["routes", "wrong"]


def routes(node: Any) -> list[BaseRoute]:
    """All addresses of the console."""
    pages = Router([Route(path, _page(node, page), methods=["GET"]) for path, page in PAGES.items()])

    async def again(visit: Visit, address: str) -> Response | None:
        return await _shown(pages, visit, address)

    async def do(request: Request) -> Response:
        return await forms.answer(visit_of(node, request), request.path_params["command"], again)

    async def changes(request: Request) -> Response:
        return live.stream(node, request)

    found: list[BaseRoute] = [
        Route(path, _guarded(node, _page(node, page), _who(path)),
              methods=list(web.ALL_METHODS))
        for path, page in PAGES.items()]
    found += [Route(path, _guarded(node, _page(node, page), _OWNERS, ("POST",)), methods=list(web.ALL_METHODS))
              for path, page in POSTED.items()]
    return [
        *found,
        Route("/do/{command}", _guarded(node, do, web.HANDS, ("POST",)), methods=list(web.ALL_METHODS)),
        Route("/report/say", web.guard(node, _page(node, work.say), scopes=web.HANDS, methods=("POST",)),
              methods=list(web.ALL_METHODS)),
        Route("/work-sw.js", _guarded(node, _page(node, work.service), web.PUBLIC), methods=list(web.ALL_METHODS)),
        Route("/live", _guarded(node, changes, web.HANDS), methods=list(web.ALL_METHODS)),
        Route("/trust", _guarded(node, _page(node, trust.page), web.PUBLIC), methods=list(web.ALL_METHODS)),
        Route("/trust/ca.crt", _guarded(node, _page(node, trust.certificate), web.PUBLIC),
              methods=list(web.ALL_METHODS)),
        Route("/join", _guarded(node, _join(node), web.PUBLIC), methods=list(web.ALL_METHODS)),
        Route("/pair", _guarded(node, _pair(node), web.PUBLIC, ("GET", "POST")), methods=list(web.ALL_METHODS)),
        Route("/language", _guarded(node, _language(node), web.PUBLIC, ("POST",)), methods=list(web.ALL_METHODS)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


_OWNERS: Final = frozenset({web.OWNER})


def _who(path: str) -> frozenset[str]:
    """Whose devices may open the page at ``path``."""
    if path not in OPERATOR_PAGES:
        return _OWNERS
    return web.HANDS if path in WORKER_PAGES else web.PEOPLE


def _page(node: Any, page: Page) -> web.Handler:
    async def handler(request: Request) -> Response:
        return await page(visit_of(node, request))

    return handler


def _guarded(
    node: Any, handler: web.Handler, scopes: frozenset[str], methods: tuple[str, ...] = ("GET",)
) -> Callable[[Request], Awaitable[Response]]:
    return web.guard(node, handler, scopes=scopes, methods=methods, answer=wrong)


def wrong(node: Any, request: Request, error: WeftError | None) -> Response:
    """An error as a page; who is not known is asked to pair."""
    visit = visit_of(node, request)
    if isinstance(error, Denied) and error.code in ("web.token-missing", "web.token-unknown"):
        return RedirectResponse("/pair", 303, HEADERS)
    if isinstance(error, Denied) and error.code == "web.scope" and request.url.path == "/":
        return RedirectResponse("/scan" if error.facts.get("scope") == web.WORKER else "/jobs", 303, HEADERS)
    words = visit.text("error.internal") if error is None else visit.error(error)
    return visit.plain("wrong.html", 500 if error is None else web.status_of(error), words=words)


async def _shown(pages: Router, visit: Visit, address: str) -> Response | None:
    """The page at ``address`` again, with the refusal that ``visit`` carries."""
    url = URL(address)
    scope = {**visit.request.scope, "path": url.path, "raw_path": url.path.encode(), "root_path": "", "method": "GET",
             "query_string": url.query.encode()}
    for route, (path, page) in zip(pages.routes, PAGES.items(), strict=True):
        match, child = route.matches(scope)
        if match is Match.FULL:
            if visit.operator and path not in (WORKER_PAGES if visit.worker else OPERATOR_PAGES):
                raise Denied("web.scope", scope=web.WORKER if visit.worker else web.OPERATOR)
            visit.request = Request({**scope, **child})
            return await page(visit)
    raise NotFound("console.page-unknown")


def _pair(node: Any) -> web.Handler:
    async def pair(request: Request) -> Response:
        visit = visit_of(node, request)
        if request.method != "POST":
            return visit.plain("door.html", code=request.query_params.get("code", "")[:20], error=None)
        typed = await forms.read(request, forms.STRANGERS_BYTES_MAX)
        fields = typed.shown
        try:
            token = await node.devices.pair(fields.get("code", "")[:40], fields.get("name", ""),
                                            request.client.host if request.client else "")
        except WeftError as error:
            return visit.plain("door.html", web.status_of(error), code=fields.get("code", "")[:20], error=error)
        response = RedirectResponse("/", 303, HEADERS)
        response.set_cookie(web.COOKIE, token, max_age=YEAR_SECONDS, httponly=True, samesite="strict", path="/",
                            secure=request.url.scheme == "https")
        return response

    return pair


def _join(node: Any) -> web.Handler:
    async def join(request: Request) -> Response:
        """What a firm sees that opens our invitation: whom it is from, and what to do with it."""
        return visit_of(node, request).plain("join.html", link=f"weft:join?{request.url.query[:1500]}")

    return join


def _language(_node: Any) -> web.Handler:
    async def language(request: Request) -> Response:
        typed = await forms.read(request, forms.STRANGERS_BYTES_MAX)
        chosen = typed.shown.get("lang", "")
        response = RedirectResponse(forms.local(typed.own.get("back", "/")), 303, HEADERS)
        if chosen in LANGUAGES:
            response.set_cookie("weft_lang", chosen, max_age=YEAR_SECONDS, samesite="strict", httponly=True, path="/")
        return response

    return language
