"""The way between simulated nodes: requests are delayed, overtaken, lost, doubled, and cut off, by seed.

It stands where aiohttp stands: ``weft.peers.http`` and ``doors/peer`` are the real ones, so every request is signed
and checked. A lost request or answer shows itself to the caller as a time-out, as on a real line.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.simulation.loop import OWNER, Household

DELAY_S_MAX = 0.4
PIECE = 16 * 1024
Application = Callable[[Any, Any, Any], Any]


@dataclass(slots=True)
class Answer:
    """What the caller reads of an answer, in aiohttp's words."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> "Answer":
        return self

    async def read(self, limit: int) -> bytes:
        """Some of the answer, in pieces as a line gives them; nothing at its end."""
        some = self.body[:min(limit, PIECE)]
        self.body = self.body[len(some):]
        return some


@dataclass(slots=True)
class Network:
    """All lines of one world. ``chance`` of loss and of doubling; hosts that are cut off; faults counted by kind."""

    luck: random.Random
    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = DELAY_S_MAX
    cut: bool = False
    faults: Counter[str] = field(default_factory=Counter)
    hosts: dict[str, tuple[Application, Household]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    _under_way: set["asyncio.Task[Any]"] = field(default_factory=set)

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.loss = self.doubling = 0.0
        self.cut = False

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one request; waits for ever when it is lost."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        copies = 1 + (self.luck.random() < self.doubling)
        self.faults["doubled"] += copies - 1
        for _ in range(copies):  # what is on its way arrives, also when its sender is gone
            self._start(self._carry(url, headers, body, answered), None)
        return await answered

    def _start(self, work: Coroutine[Any, Any, Any], owner: Household | None) -> "asyncio.Task[Any]":
        context = copy_context()
        context.run(OWNER.set, owner)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _carry(self, url: str, headers: dict[str, str], body: bytes, answered: "asyncio.Future[Answer]") -> None:
        if not await self._travels():
            return
        place = urlsplit(url)
        host = self.hosts.get(place.hostname or "")
        if host is None:
            self.faults["refused"] += 1
            if not answered.done():
                answered.set_exception(ConnectionRefusedError(place.hostname))
            return
        application, household = host
        serving = self._start(_serve(application, place.path, headers, body), household)
        await asyncio.wait([serving])
        if serving.cancelled():
            return
        answer = serving.result()
        if answer.status >= 500:
            self.broken.append(f"{place.path} {answer.status} {answer.body[:200]!r}")
        if await self._travels() and not answered.done():
            answered.set_result(answer)

    async def _travels(self) -> bool:
        await asyncio.sleep(self.luck.random() * self.delay_s)
        if self.cut:
            self.faults["cut off"] += 1
            return False
        if self.luck.random() < self.loss:
            self.faults["lost"] += 1
            return False
        return True


async def _serve(application: Application, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """One request through an ASGI application."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.encode(), text.encode()) for name, text in {**headers, "host": "node"}.items()],
        "client": ("10.0.0.1", 1), "server": ("node", 80),
    }  # fmt: skip
    await application(scope, receive, send)
    read = {name.decode(): text.decode() for name, text in sent[0]["headers"]}
    return Answer(sent[0]["status"], read, b"".join(part.get("body", b"") for part in sent[1:]))


class Session:
    """Stands where ``aiohttp.ClientSession`` stands."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def post(self, url: str, *, data: bytes, timeout: Any, headers: dict[str, str], **_: Any) -> "Exchange":
        return Exchange(self._network, url, headers, data, timeout.total)

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as an asynchronous context."""

    network: Network
    url: str
    headers: dict[str, str]
    body: bytes
    limit_s: float

    async def __aenter__(self) -> Answer:
        async with asyncio.timeout(self.limit_s):
            return await self.network.send(self.url, self.headers, self.body)

    async def __aexit__(self, *_: object) -> None:
        return None
