"""The demo's processes: nodes, machines and lines, each started, killed and started again by its own id.

Rule 1: everything listens on 127.0.0.1; whatever was started is ended when the world ends.
Not here: what the firms do (``story.py``).
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

HERE = Path(__file__).parent
READY_S = 40.0
TABLES = ("items", "stock", "calendars", "work-centres", "bills", "routings", "supply-rules", "prices")


class Failed(Exception):
    """The story cannot go on; the message says why."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def spawn(*arguments: str, environ: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    """A Python process of its own, with its first line still to be read."""
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environ or {})})


async def first_line(process: asyncio.subprocess.Process, what: str) -> str:
    """What ``process`` says when it is ready; raises ``Failed`` with its last words."""
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_S)
    except TimeoutError as error:
        raise Failed(f"{what} did not get ready within {READY_S:.0f} s") from error
    if not line:
        told = (await process.stderr.read()).decode(errors="replace")
        raise Failed(f"{what} did not start: {told[-2000:]}")
    return line.decode()


async def end(process: asyncio.subprocess.Process | None, how: int = signal.SIGTERM) -> None:
    """End ``process`` by its id, kindly first."""
    if process is None or process.returncode is not None:
        return
    process.send_signal(how)
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


@dataclass
class Machine:
    """A simulated machine in a process of its own."""

    name: str
    kind: str
    seed: int
    speed: float
    state: Path
    endpoint: str = ""
    process: asyncio.subprocess.Process | None = None

    async def up(self) -> None:
        """Serve OPC UA; a restarted machine keeps its address."""
        port = self.endpoint.rsplit(":", 1)[1] if self.endpoint else "0"
        self.process = await spawn(
            str(HERE / "machines" / "machine.py"), "--kind", self.kind, "--name", self.name, "--port", port,
            "--seed", str(self.seed), "--speed", str(self.speed), "--scrap-rate", "0", "--state", str(self.state))
        self.endpoint = json.loads(await first_line(self.process, self.name))["endpoint"]


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
        process = await spawn("-m", "weft", "init", str(self.home), "--name", self.name, "--lang", self.given["lang"],
                              "--url", self.url)
        _, told = await process.communicate()
        if process.returncode:
            raise Failed(f"weft init {self.key}: {told.decode(errors='replace')}")

    async def up(self) -> None:
        """``weft up``."""
        environ = {f"WEFT_RULES_{name.upper()}": str(value) for name, value in self.given.get("rules", {}).items()}
        environ |= {"WEFT_PEERS_RETRY_S_MIN": "0.2", "WEFT_PEERS_RETRY_S_MAX": "1"}
        began = time.perf_counter()
        self.process = await spawn("-m", "weft", "up", str(self.home), "--port", str(self.port), "--json",
                                   environ=environ)
        told = json.loads(await first_line(self.process, self.name))
        self.ready_ms = (time.perf_counter() - began) * 1000
        self.organisation, self.pair = told["organisation"], told["pair"]

    async def kill(self) -> None:
        """As a power cut would; then start again."""
        await end(self.process, signal.SIGKILL)
        self.kills += 1
        await self.up()

    @property
    def _headers(self) -> dict[str, str]:
        token = (self.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    async def get(self, path: str, **params: str) -> Any:
        """The JSON at ``path``."""
        async with self.session.get(self.base + path, params=params, headers=self._headers) as answer:
            told = await answer.read()
            if answer.status != 200:
                raise Failed(f"{self.key} GET {path}: {answer.status} {told.decode(errors='replace')[:400]}")
            return json.loads(told)

    async def view(self, name: str, **params: str) -> Any:
        """One read model."""
        return await self.get(f"/api/weft/v1/{name}", **params)

    async def do(self, command: str, /, key: str = "", **params: Any) -> Any:
        """One command; with ``key`` it may be repeated, also over a crash."""
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        url = f"{self.base}/api/weft/v1/commands/{command}"
        async with self.session.post(url, json=params, headers=headers) as answer:
            told = await answer.read()
            if answer.status != 200:
                raise Failed(f"{self.key} {command}: {answer.status} {told.decode(errors='replace')[:400]}")
            return json.loads(told)


async def until(what: Any, why: str, seconds: float = 60.0, pause: float = 0.05) -> Any:
    """The first true value of ``await what()``; raises ``Failed``. A node that is just starting is waited for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = await what()
        except (aiohttp.ClientError, OSError):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"it never came to be: {why}")
        await asyncio.sleep(pause)
