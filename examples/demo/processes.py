"""The demo's processes: nodes, machines and lines, each started, killed and started again by its own id.

Rule 1: everything listens on 127.0.0.1; whatever was started is ended when the world ends.
Rule 2: who asks a node that was killed waits and asks again; every command carries a key, so that it happens once.
Not here: what the firms do (``story.py``).
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

HERE = Path(__file__).parent
READY_S = 120.0
PATIENCE_S = 300.0  # nodes are killed faster than a laden machine starts them: what comes late has come


class Failed(Exception):
    """The story cannot go on; the message says why."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def spawn(*arguments: str, environ: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """A Python process of its own, with its first line still to be read; its standard input closes when we are gone."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, **(environ or {})})


async def first_line(process: asyncio.subprocess.Process, what: str, seconds: float = READY_S) -> str:
    """What ``process`` says when it is ready; raises ``Failed`` with its last words."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), seconds)
    except TimeoutError as error:
        raise Failed(f"{what} did not get ready within {seconds:.0f} s") from error
    if not line:
        told = (await process.stderr.read()).decode(errors="replace")
        raise Failed(f"{what} did not start: {told[-2000:]}")
    return line.decode()


async def end(process: asyncio.subprocess.Process | None, how: int = signal.SIGTERM, patience: float = 10) -> None:
    """End ``process`` by its id, kindly first."""
    if process is None or process.returncode is not None:
        return
    process.send_signal(how)
    try:
        await asyncio.wait_for(process.wait(), patience)
    except TimeoutError:
        process.kill()
        await process.wait()


@dataclass
class Machine:
    """A machine, or whatever speaks like one, in a process of its own.

    ``start`` is a script and its arguments. It is given ``--name --port --speed --state`` besides, and says in one line
    of JSON when it is ready: its ``endpoint``, or in ``missing`` why there is none on this computer.
    """

    name: str
    start: Sequence[str]
    description: Path
    speed: float
    state: Path
    ready_s: float = READY_S
    told: dict[str, Any] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers; "" while it is not there."""
        return str(self.told.get("endpoint", ""))

    @property
    def missing(self) -> str:
        """Why it cannot be here; "" when it can."""
        return str(self.told.get("missing", ""))

    async def up(self) -> None:
        """Start it; a restarted machine keeps its address."""
        port = self.endpoint.rsplit(":", 1)[1] if self.endpoint else "0"
        self.process = await spawn(*self.start, "--name", self.name, "--port", port, "--speed", str(self.speed),
                                   "--state", str(self.state))
        self.told = json.loads(await first_line(self.process, self.name, self.ready_s))


@dataclass
class Firm:
    """A home, the process that runs it, and its API as the owner uses it."""

    key: str
    home: Path
    port: int
    url: str
    given: dict[str, Any]
    session: aiohttp.ClientSession
    machines: list[Machine] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    organisation: str = ""
    pair: str = ""
    ready_ms: float = 0.0
    kills: int = 0
    asked: int = 0
    acknowledged: list[tuple[str, list[str]]] = field(default_factory=list)
    power: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """As its sign says."""
        return str(self.given["name"])

    @property
    def base(self) -> str:
        """Where its node answers."""
        return f"http://127.0.0.1:{self.port}"

    async def found(self) -> None:
        """``weft init``."""
        self.process = await spawn("-m", "weft", "init", str(self.home), "--name", self.name, "--lang",
                                   self.given["lang"], "--url", self.url)
        _, told = await self.process.communicate()
        if self.process.returncode:
            raise Failed(f"weft init {self.key}: {told.decode(errors='replace')}")

    async def up(self) -> None:
        """``weft up``."""
        environ = {f"WEFT_RULES_{name.upper()}": str(value) for name, value in self.given.get("rules", {}).items()}
        environ |= {f"WEFT_FIRM_{name.upper()}": str(value) for name, value in self.given.get("firm", {}).items()}
        environ |= {"WEFT_PEERS_RETRY_S_MIN": "0.2", "WEFT_PEERS_RETRY_S_MAX": "1",
                    "WEFT_PRICES_BATCH_MINUTES": "0.05"}
        began = time.perf_counter()
        self.process = await spawn("-m", "weft", "up", str(self.home), "--port", str(self.port), "--json",
                                   environ=environ)
        told = json.loads(await first_line(self.process, self.name))
        if not self.kills and not self.ready_ms:
            self.ready_ms = (time.perf_counter() - began) * 1000
        self.organisation, self.pair = told["organisation"], told["pair"]

    async def kill(self, again_s: float = 0.0) -> None:
        """As a power cut would; then start again. ``again_s``: and once more, so long after it began to start."""
        async with self.power:
            await self._off()
            if again_s:
                starting = asyncio.create_task(self.up())
                await asyncio.sleep(again_s)
                await self._off()
                await asyncio.gather(starting, return_exceptions=True)
            await self.up()

    async def _off(self) -> None:
        await end(self.process, signal.SIGKILL)
        self.kills += 1

    @contextlib.asynccontextmanager
    async def dark(self) -> AsyncIterator[None]:
        """Its node is down meanwhile."""
        async with self.power:
            await end(self.process, signal.SIGKILL)
            try:
                yield
            finally:
                await self.up()

    @property
    def _headers(self) -> dict[str, str]:
        token = (self.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    async def get(self, path: str, **params: str) -> Any:
        """The JSON at ``path``."""
        return await self._answer("GET", path, params=params, headers=self._headers)

    async def _answer(self, method: str, path: str, **more: Any) -> Any:
        """What the node answers; one that is down is waited for, and asked again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                async with self.session.request(method, self.base + path, **more) as answer:
                    told = await answer.read()
            except (aiohttp.ClientError, OSError) as error:
                if time.monotonic() > deadline:
                    raise Failed(f"{self.key} {method} {path}: {error}") from error
                await asyncio.sleep(0.05)
                continue
            if answer.status != 200:
                raise Failed(f"{self.key} {method} {path}: {answer.status} {told.decode(errors='replace')[:400]}")
            return json.loads(told)

    async def view(self, name: str, /, **params: str) -> Any:
        """One read model."""
        return await self.get(f"/api/weft/v1/{name}", **params)

    async def do(self, command: str, /, key: str = "", **params: Any) -> Any:
        """One command, asked again with its key until it is answered, also over a crash."""
        self.asked += 1
        headers = self._headers | {"Idempotency-Key": key or f"demo-{self.asked}-{command}"}
        done = await self._answer("POST", f"/api/weft/v1/commands/{command}", json=params, headers=headers)
        if done.get("events") and done.get("thread"):
            self.acknowledged.append((done["thread"], done["events"]))
        return done


async def stopped(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """End ``tasks``; raises what one of them had already ended with."""
    for task in tasks:
        task.cancel()
    for told in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(told, Exception):
            raise told


async def until(what: Any, why: str, seconds: float = PATIENCE_S, pause: float = 0.05) -> Any:
    """The first true value of ``await what()``; raises ``Failed``."""
    deadline = time.monotonic() + seconds
    while True:
        value = await what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"it never came to be: {why}")
        await asyncio.sleep(pause)


def at_signal(what: Callable[[], object]) -> None:
    """Call ``what`` at Ctrl-C or SIGTERM, and nothing else."""
    for one in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(one, what)


async def interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    asked = asyncio.Event()
    at_signal(asked.set)
    await asked.wait()
