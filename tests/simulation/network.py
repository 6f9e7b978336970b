"""The way between simulated nodes: requests are delayed, overtaken, lost, doubled, and cut off, by seed.

Every word that comes to a host is kept, so that it can be told afterwards of whose names it has learnt.

It stands where aiohttp stands: ``weft.peers.http`` and ``doors/peer`` are the real ones, so every request is signed
and checked. A lost request or answer shows itself to the caller as a time-out, as on a real line.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.simulation.loop import OWNER, Household

DELAY_S_MAX = 0.4
PIECE = 16 * 1024
LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
APART = bytes(letter if letter in LETTERS else 32 for letter in range(256))  # all else as blanks
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
    """All lines of one world. ``chance`` of loss and of doubling; lines that are cut; faults counted by kind."""

    luck: random.Random
    loss: float = 0.0
    doubling: float = 0.0
    delay_s: float = DELAY_S_MAX
    cuts: Counter[str] = field(default_factory=Counter)  # names of firms that are cut off, and "a b" of pairs
    faults: Counter[str] = field(default_factory=Counter)
    hosts: dict[str, tuple[Application, Household]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    seen: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _sent: Counter[str] = field(default_factory=Counter)
    _arrived: Counter[str] = field(default_factory=Counter)
    _under_way: set["asyncio.Task[Any]"] = field(default_factory=set)

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.loss = self.doubling = 0.0
        self.delay_s = min(self.delay_s, DELAY_S_MAX)
        self.cuts.clear()

    def is_cut(self, one: str, other: str) -> bool:
        """Whether nothing goes between the two now."""
        return bool(self.cuts) and any(self.cuts[name] > 0 for name in (one, other, " ".join(sorted((one, other)))))

    async def send(self, sender: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one request; waits for ever when it is lost."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        copies = 1 + (self.luck.random() < self.doubling)
        self.faults["doubled"] += copies - 1
        for _ in range(copies):  # what is on its way arrives, also when its sender is gone
            self._sent[sender] += 1
            self._start(self._carry(sender, self._sent[sender], url, headers, body, answered), None)
        return await answered

    def _start(self, work: Coroutine[Any, Any, Any], owner: Household | None) -> "asyncio.Task[Any]":
        context = copy_context()
        context.run(OWNER.set, owner)
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _carry(self, sender: str, number: int, url: str, headers: dict[str, str], body: bytes,
                     answered: "asyncio.Future[Answer]") -> None:
        place = urlsplit(url)
        name = place.hostname or ""
        if not await self._travels(sender, name):
            return
        host = self.hosts.get(name)
        if host is None:
            self.faults["refused"] += 1
            if not answered.done():
                answered.set_exception(ConnectionRefusedError(name))
            return
        self._note_arrival(f"{sender} {name}", number)
        self.seen[name].update(body.translate(APART).split())
        application, household = host
        serving = self._start(_serve(application, place.path, headers, body), household)
        await asyncio.wait([serving])
        if serving.cancelled():
            return
        answer = serving.result()
        if answer.status >= 500:
            self.broken.append(f"{place.path} {answer.status} {answer.body[:200]!r}")
        if await self._travels(name, sender) and not answered.done():
            self.seen[sender].update(answer.body.translate(APART).split())
            answered.set_result(answer)

    def _note_arrival(self, line: str, number: int) -> None:
        self.faults["overtaken"] += number < self._arrived[line]
        self._arrived[line] = max(number, self._arrived[line])

    async def _travels(self, sender: str, host: str) -> bool:
        await asyncio.sleep(self.luck.random() * self.delay_s)
        if self.is_cut(sender, host):
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
        owner = OWNER.get()
        return Exchange(self._network, owner.firm if owner else "", url, headers, data, timeout.total)

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as an asynchronous context."""

    network: Network
    sender: str
    url: str
    headers: dict[str, str]
    body: bytes
    limit_s: float

    async def __aenter__(self) -> Answer:
        async with asyncio.timeout(self.limit_s):
            return await self.network.send(self.sender, self.url, self.headers, self.body)

    async def __aexit__(self, *_: object) -> None:
        return None
