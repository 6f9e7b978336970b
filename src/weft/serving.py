"""How the application meets the wire: listening sockets, and one uvicorn server for each of them.

RFC 9110, RFC 8446. Decision record 0002 says why uvicorn.
Rule 1: plain HTTP and HTTPS serve the same application; a server ends within seconds, whatever streams are open.
Rule 2: who dawdles over the head of a request holds no connection.
Not here: certificates (``certificates.py``), what is served (``launch.py``).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from weft.basis.errors import Unavailable, WeftError
from weft.config import Config

HEAD_S: Final = 20  # how long the head of a request may take to arrive
HEAD_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """The sockets at which a node answers; ``secure`` is that of HTTPS, where there is one."""

    plain: socket.socket
    secure: socket.socket | None

    @property
    def all(self) -> list[socket.socket]:
        """Both of them."""
        return [self.plain, *([self.secure] if self.secure is not None else [])]


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to listen, as far as it was said beside the settings: "" and -1 leave it to them."""

    host: str = ""
    port: int = -1
    https_port: int = -1


ANYWHERE: Final = Asked()


def listen(config: Config, asked: Asked) -> Opened:
    """The sockets that ``asked`` and ``config`` name. Raises as ``bind``."""
    host = asked.host or config.listen.host
    plain = bind(host, config.listen.port if asked.port < 0 else asked.port)
    secure_port = config.https.port if asked.https_port < 0 else asked.https_port
    try:
        return Opened(plain, bind(config.https.host or host, secure_port) if secure_port else None)
    except WeftError:
        plain.close()
        raise


@dataclass(frozen=True, slots=True)
class Servers:
    """What one application is served by."""

    running: list[tuple[Any, "asyncio.Task[None]"]] = field(default_factory=list)
    aside: list["asyncio.Task[None]"] = field(default_factory=list)

    async def serve(self, application: Any, listener: socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Serve ``application`` at ``listener``, as HTTPS with ``context``; back once it answers."""
        import uvicorn

        settings = uvicorn.Config(
            application, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=2,
            timeout_keep_alive=75, server_header=False, date_header=False, h11_max_incomplete_event_size=64 * 1024,
            http=_impatient(), ws="none")
        settings.load()
        settings.ssl = context
        server = uvicorn.Server(settings)
        serving = asyncio.create_task(_run(server, listener))
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.005)
        self.running.append((server, serving))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` as long as is served."""
        self.aside.append(asyncio.create_task(work))

    async def until(self, stopping: asyncio.Event) -> None:
        """Until ``stopping`` is set or a server has ended by itself."""
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({waiting, *(serving for _, serving in self.running)}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def end(self) -> None:
        """Answer what was asked, and be gone."""
        for server, _ in self.running:
            server.should_exit = True
        for task in self.aside:
            task.cancel()
        await asyncio.gather(*(serving for _, serving in self.running))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises ``Unavailable('listen.port-in-use')`` or ``('listen.address')``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        in_use = error.errno in (98, 48, 10048)  # EADDRINUSE on Linux, macOS and Windows
        raise Unavailable("listen.port-in-use" if in_use else "listen.address", host=host, port=port) from error
    listener.listen(512)
    return listener


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """The address at which ``listener`` answers on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it listens everywhere: here, too
    return f"{scheme}://{host if ':' not in host else f'[{host}]'}:{port}"


def _impatient() -> type[asyncio.Protocol]:
    """HTTP whose head must arrive whole within ``HEAD_S`` and ``HEAD_MAX``: who dawdles holds no connection."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Impatient(HttpToolsProtocol):
        """Each head has its own clock; a body has that of its door (``web.body``)."""

        _waiting: asyncio.TimerHandle | None = None
        _taken = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.on_message_begin()

        def on_message_begin(self) -> None:
            self._no_more_waiting()
            self._taken = 0
            self._waiting = self.loop.call_later(HEAD_S, self.transport.abort)
            super().on_message_begin()

        def data_received(self, data: bytes) -> None:
            self._taken += len(data)
            super().data_received(data)
            if self._waiting is not None and self._taken > HEAD_MAX:
                self.transport.abort()

        def on_headers_complete(self) -> None:
            self._no_more_waiting()
            super().on_headers_complete()

        def _no_more_waiting(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Impatient


async def _run(server: Any, listener: socket.socket) -> None:
    server.capture_signals = contextlib.nullcontext  # we have our own
    await server.serve(sockets=[listener])
