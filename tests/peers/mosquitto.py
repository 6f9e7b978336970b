"""A real Mosquitto on loopback, killed and started again, and ``mosquitto_sub`` as somebody else's client."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
WAIT_S = 20


def program(name: str) -> str:
    """Where ``name`` is; skips, and says so, where it is not."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.skip(f"NO {name.upper()} on this machine: delivery to MQTT brokers was NOT tried (apt-get install "
                    "mosquitto mosquitto-clients, or make test as root)")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A broker with ``lines`` of settings of its own listener; its folder keeps what it knows over a restart."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        stays = ["user root"] if os.geteuid() == 0 else []  # else it becomes somebody who cannot read a test's files
        open_to_all = [] if any("allow_anonymous" in one for one in lines) else ["allow_anonymous true"]
        (folder / "mosquitto.conf").write_text("\n".join([
            f"listener {self.port} 127.0.0.1", *open_to_all, *stays, *lines, "persistence true", "autosave_interval 1",
            f"persistence_location {folder}/", ""]))
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> "Broker":
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program("mosquitto"), "-c", str(self.folder / "mosquitto.conf")],
                                            stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT_S)
            self.process = None


class Listener:
    """``mosquitto_sub``: what came, as (topic, payload); a session of its own outlives its connection."""

    def __init__(self, port: int, *more: str, version: str = "5") -> None:
        self.heard: list[tuple[str, str]] = []
        self._more = asyncio.Condition()
        self._command = [program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-V", version, "-q", "1",
                         "-v", "-t", "#", *more]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        self._reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            topic, _, payload = line.decode().rstrip("\n").partition(" ")
            async with self._more:
                self.heard.append((topic, payload))
                self._more.notify_all()

    async def until(self, count: int, topic: str = "", wait_s: float = WAIT_S) -> list[tuple[str, str]]:
        """What was heard, once ``count`` messages (of ``topic``) are among it."""
        async with asyncio.timeout(wait_s), self._more:
            await self._more.wait_for(lambda: sum(not topic or one == topic for one, _ in self.heard) >= count)
        return self.heard

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading
