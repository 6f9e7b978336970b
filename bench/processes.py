"""Nodes and bare servers as separate processes on loopback, as an owner would run them."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

READY_S = 30
TABLES = ("items", "calendars", "work-centres", "bills", "routings", "supply-rules", "stock", "prices")
ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A process that serves HTTP at ``port``; ``seconds`` from its start to its first answer."""

    def __init__(self, command: list[str], port: int, **environment: str) -> None:
        self.port = port
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT,
            env={**os.environ, "WEFT_LANG": "en", **environment},
        )  # fmt: skip
        while not self._answers():
            if time.perf_counter() - begun > READY_S or self.process.poll() is not None:
                raise RuntimeError(f"{command} does not answer")
            time.sleep(0.002)
        self.seconds = time.perf_counter() - begun

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def resident_mb(self) -> float:
        """Memory that the process holds now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def bare(folder: Path, port: int) -> Served:
    """Starlette on uvicorn with one durable, signed answer, and nothing of ours (``bare_server.py``)."""
    return Served([sys.executable, "-m", "bench.bare_server", str(folder / "bare.db"), str(port)], port)


class Firm:
    """A home, the node that runs it, and a kept connection to its API."""

    def __init__(self, folder: Path, name: str, *, url: bool = True) -> None:
        self.home, self.port = folder / name, free_port()
        address = f"http://127.0.0.1:{self.port}" if url else ""
        command = [sys.executable, "-m", "weft", "init", str(self.home), "--name", name, "--lang", "en"]
        subprocess.run([*command, "--url", address], check=True, capture_output=True, cwd=ROOT)
        self.token = (self.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        self.served: Served | None = None
        self._connection: HTTPConnection | None = None
        self._calls = 0

    def up(self, **settings: str) -> Served:
        """Start the node; ``settings`` are ``WEFT_…`` variables."""
        command = [sys.executable, "-m", "weft", "up", str(self.home), "--port", str(self.port)]
        self.served = Served(command, self.port, **settings)
        return self.served

    def end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self.served is not None:
            self.served.end()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer at ``path``; raises ``RuntimeError`` with what the node says instead."""
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
            self._connection.connect()
            assert self._connection.sock is not None
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._calls += 1
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": f"{id(self)}-{self._calls}"}
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
        return json.loads(told)

    def do(self, name: str, /, **params: Any) -> Any:
        """One command of the node's API."""
        return self.ask("POST", f"/api/weft/v1/commands/{name}", params)

    def view(self, name: str) -> Any:
        """One view of the node's API."""
        return self.ask("GET", f"/api/weft/v1/{name}")

    def bring_in(self, folder: Path) -> None:
        """Import every table of an example."""
        for table in TABLES:
            content = base64.b64encode((folder / f"{table}.csv").read_bytes()).decode()
            done = self.do("import", kind=table, content=content)
            if done["facts"]["problems"]:
                raise RuntimeError(f"{table}: {done['facts']['problems'][0]}")


def meet(inviter: Firm, invited: Firm) -> None:
    """Make two running firms partners."""
    invited.do("join", link=inviter.do("invite")["facts"]["link"])
    wait_for(lambda: [one["state"] for one in invited.view("partners")["partners"]] == ["open"])


def wait_for(what: Any, pause_s: float = 0.02) -> Any:
    """The first true value of ``what`` within half a minute."""
    until = time.perf_counter() + READY_S
    while not (value := what()):
        if time.perf_counter() > until:
            raise RuntimeError("it never came to be")
        time.sleep(pause_s)
    return value
