"""Firms for the stories: each a real node process on loopback, spoken to by the command line alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINK = Path(__file__).resolve().parents[2] / "examples" / "demo" / "link.py"
READY_S = 30
QUIET_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Firm:
    """A home and the process that runs it."""

    program: tuple[str, ...] = ("weft",)  # the module that is run as the node, and what comes before its arguments

    def __init__(self, folder: Path, name: str, *, reachable: bool = True, url: str = "") -> None:
        self.home, self.name, self.port = folder, name, free_port()
        self.process: subprocess.Popen[str] | None = None
        url = url or (f"http://127.0.0.1:{self.port}" if reachable else "")
        self.weft("init", str(folder), "--name", name, "--lang", "en", "--url", url, "--json", home=False)

    def weft(self, *arguments: str, home: bool = True) -> Any:
        """Run a command; its JSON answer. Fails with what the command said."""
        done = self.attempt(*arguments, home=home)
        assert done.returncode == 0, f"weft {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def attempt(self, *arguments: str, home: bool = True) -> subprocess.CompletedProcess[str]:
        more = ["--home", str(self.home), "--json"] if home else []
        return subprocess.run([sys.executable, "-m", "weft", *arguments, *more], capture_output=True, text=True,
                              timeout=120, check=False, env={**os.environ, "WEFT_LANG": "en"})

    def up(self) -> "Firm":
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self.program, "up", str(self.home), "--port", str(self.port), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "WEFT_LANG": "en"})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.name} did not start: {self.process.stderr.read() if self.process.stderr else ''}"
        assert json.loads(line)["ready"] is True
        return self

    def kill(self) -> None:
        """As a power cut would: no word of farewell."""
        self._end(signal.SIGKILL)

    def stop(self) -> str:
        """Ask it to stop; what it said on stderr in its life."""
        return self._end(signal.SIGTERM)

    def _end(self, how: int) -> str:
        if self.process is None:
            return ""
        self.process.send_signal(how)
        _, told = self.process.communicate(timeout=20)
        self.process = None
        return told

    def order(self, thread: str) -> dict[str, Any]:
        found: dict[str, Any] = self.weft("order", "show", thread)
        return found

    def knows(self, thread: str) -> bool:
        return self.attempt("order", "show", thread).returncode == 0


class Line:
    """The line to one port; cut and mended at will."""

    def __init__(self, port: int) -> None:
        self.near, self.far = free_port(), port
        self._process: subprocess.Popen[str] | None = None

    def mend(self) -> None:
        self._process = subprocess.Popen([sys.executable, str(LINK), f"{self.near}={self.far}"],
                                         stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def cut(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=20)
            self._process = None


def eventually(what: Callable[[], Any], why: str = "") -> Any:
    """The first true value of ``what`` within half a minute."""
    until = time.monotonic() + QUIET_S
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < until, f"it never came to be: {why}"
        time.sleep(0.1)
