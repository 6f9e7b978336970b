"""A wire between a connection and its machine that can be cut, and over which all can fall silent.

Not here: the machine's own death (``tests/machines/suite.Counterpart``).
"""

import asyncio
import contextlib

CHUNK = 65536


class Wire:
    """TCP on a port of its own, passed on to ``port``."""

    def __init__(self, port: int) -> None:
        self.to, self.port = port, 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def begin(self) -> None:
        """Lay it; on the same port as before, if it had one."""
        self._flows.set()
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def cut(self) -> None:
        """Every connection over it breaks, and none can be made."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._open):
            writer.transport.abort()
        self._flows.set()

    def hush(self) -> None:
        """It stays laid, and nothing comes through any more."""
        self._flows.clear()

    def flow(self) -> None:
        """What was held back comes through."""
        self._flows.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            self._open.discard(writer)
            writer.transport.abort()
            return
        self._open.add(onward)
        await asyncio.gather(self._pass(reader, onward), self._pass(there, writer), return_exceptions=True)
        for one in (writer, onward):
            self._open.discard(one)
            with contextlib.suppress(OSError):
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        writer.close()
