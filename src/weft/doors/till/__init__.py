"""The till at ``/till``: an application for a tablet or phone that sells on when its node cannot be reached.

W3C Service Workers, Web Application Manifest. The browser keeps it all; the node gives prices and takes slips.
Rule 1: page, words and scripts hold nothing of the firm, so they are public; everything of the firm is behind ``api``.
Rule 2: the worker's text names every file and a digest of them all, so a new program is taken over whole or not at all.
Not here: what is sold and signed (``static/``), what becomes of slips (``engine/till``), who is a till (``api``).
"""

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from weft import web
from weft.basis.canonical import b64, digest
from weft.basis.errors import NotFound
from weft.doors.till import api
from weft.locale import LANGUAGES, sentences

STATIC: Final = Path(__file__).parent / "static"
PAGE: Final = "/till/"
POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; worker-src 'self'; manifest-src 'self'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache", "Permissions-Policy": "camera=(self)",
}
OWN_WORDS: Final = "sell."
OTHER_WORDS: Final = ("unit.", "error.pricing.", "error.quantity.", "error.slip.", "error.till.", "error.web.",
                      "error.canonical.", "error.internal", "error.unnamed")
LEFT_OUT: Final = frozenset({"worker.js"})

__all__ = ["routes"]


def routes(node: Any) -> list[BaseRoute]:
    """All addresses of the till."""
    def public(handler: web.Handler) -> Callable[[Request], Awaitable[Response]]:
        return web.guard(node, handler, scopes=web.PUBLIC)

    methods = list(web.ALL_METHODS)
    return [
        *api.routes(node),
        Route("/till", public(_to_page), methods=methods),
        Route(PAGE, public(_page), methods=methods),
        Route("/till/worker.js", public(_worker), methods=methods),
        Route("/till/manifest.webmanifest", public(_manifest(node)), methods=methods),
        Route("/till/words/{lang}.json", public(_words), methods=methods),
        Mount("/till/static", _Files(directory=STATIC)),
    ]


class _Files(StaticFiles):
    """Files that a browser asks again for, unless the worker keeps them."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        response = super().file_response(*arguments, **more)
        response.headers.update(HEADERS)
        return response


async def _to_page(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(PAGE + query, 307, HEADERS)


async def _page(_request: Request) -> Response:
    return Response((STATIC / "till.html").read_bytes(), 200, HEADERS, "text/html; charset=utf-8")


async def _worker(_request: Request) -> Response:
    """The service worker, with the list of all that it keeps."""
    kept = msgspec.json.encode([PAGE, "/till/manifest.webmanifest", *files(), *(f"/till/words/{one}.json"
                                                                                for one in LANGUAGES)]).decode()
    head = f"const VERSION = {msgspec.json.encode(version()).decode()};\nconst KEPT = {kept};\n"
    return Response(head + (STATIC / "worker.js").read_text(encoding="utf-8"), 200,
                    {**HEADERS, "Service-Worker-Allowed": "/till"}, "text/javascript; charset=utf-8")


def _manifest(node: Any) -> web.Handler:
    async def manifest(request: Request) -> Response:
        lang = web.language(request, node.config.firm.lang)
        words = sentences(lang)
        icons = [{"src": f"/till/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png",
                  "purpose": purpose} for size in (192, 512) for purpose in ("any", "maskable")]
        return web.json({
            "id": PAGE, "name": words["sell.title"], "short_name": words["sell.title"], "lang": lang,
            "start_url": PAGE, "scope": "/till", "display": "standalone", "orientation": "any",
            "background_color": "#f6f6f3", "theme_color": "#f6f6f3", "icons": icons,
        }, headers=HEADERS, media_type="application/manifest+json")

    return manifest


async def _words(request: Request) -> Response:
    lang = request.path_params["lang"]
    if lang not in LANGUAGES:
        raise NotFound("web.not-found")
    return web.json(words(lang), headers=HEADERS)


def words(lang: str) -> dict[str, str]:
    """All that the till may say in ``lang``."""
    return {key.removeprefix(OWN_WORDS): sentence for key, sentence in sentences(lang).items()
            if key.startswith((OWN_WORDS, *OTHER_WORDS))}


@cache
def files() -> tuple[str, ...]:
    """The addresses of all files that the worker keeps."""
    found = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
    return tuple(f"/till/static/{name}" for name in found if name not in LEFT_OUT)


@cache
def version() -> str:
    """Names this state of the program: other bytes anywhere, another name."""
    parts = [path.read_bytes() for path in sorted(STATIC.rglob("*")) if path.is_file()]
    parts += [msgspec.json.encode(words(lang)) for lang in LANGUAGES]
    return b64(digest("till-program/1", *(digest("till-file/1", part) for part in parts)))[:16]
