"""The till's core in a real Chromium: its modules from a server on loopback, asked from any thread."""

import asyncio
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.browser.chromium import chromium
from weft.doors import till

CORE = Path(till.__file__).parent / "static" / "core"
ASK_S_MAX = 120
INSECURE_HOST = "till.test"  # names loopback in this browser alone, and is no secure context


class Files(BaseHTTPRequestHandler):
    """An empty page, and the core's modules."""

    def do_GET(self) -> None:
        if self.path.startswith("/core/"):
            content, kind = self.module(Path(self.path).name), "text/javascript"
        else:
            content, kind = b"<!doctype html><title>core</title>", "text/html"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def module(self, name: str) -> bytes:
        source = (CORE / name).read_text(encoding="utf-8")
        changed, was, now = self.server.wrong or ("", "", "")
        if name == changed:
            assert source.count(was) == 1, was
            source = source.replace(was, now)
        return source.encode()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class BrowserCore:
    """One page with the core. ``ask`` runs a function of ``(core, given)`` in it; ``core`` has the modules by name.

    ``wrong``: (module, what stands in it, what stands there instead): a core that a control must catch.
    """

    def __init__(self, profile: Path | None = None, host: str = "127.0.0.1", port: int = 0,
                 wrong: tuple[str, str, str] | None = None) -> None:
        self._profile, self._host = profile, host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Files)
        self._server.wrong = wrong
        self.port = self._server.server_port
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        self._serving.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()

    def ask(self, function: str, given: Any = None) -> Any:
        """What ``async (core, given) => …`` returns; ``given`` and the answer are JSON values."""
        return self._run(self._page.evaluate(f"(given) => ({function})(window.core, given)", given))

    def _run(self, waited: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(waited, self._loop)
        return future.result(ASK_S_MAX)

    async def _open(self) -> None:
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        options = {"executable_path": chromium(), "args": [
            "--no-sandbox", f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"]}
        if self._profile is None:
            self._browser = await self._playwright.chromium.launch(**options)
            self._page = await self._browser.new_page()
        else:
            self._browser = await self._playwright.chromium.launch_persistent_context(str(self._profile), **options)
            self._page = self._browser.pages[0]
        await self._page.goto(f"http://{self._host}:{self.port}/")
        names = sorted(path.stem for path in CORE.glob("*.js"))
        await self._page.evaluate("""async (names) => {
          const loaded = await Promise.all(names.map((name) => import(`/core/${name}.js`)));
          window.core = Object.fromEntries(names.map((name, at) => [name, loaded[at]]));
          window.core.refusal = async (asked) => {
            try { return { value: await asked() }; }
            catch (error) {
              if (!(error instanceof window.core.errors.WeftError)) throw error;
              return { error: error.code, facts: error.facts };
            }
          };
        }""", names)

    async def _close(self) -> None:
        await self._browser.close()
        await self._playwright.stop()
