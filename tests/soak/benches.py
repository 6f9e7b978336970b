"""The machines of the demo that keep a log of starts, each as a bench of jobs wants it: OPC UA, Modbus, HTTP, MQTT."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from tests.machines.conftest import MACHINES
from tests.peers.mosquitto import Broker, free_port
from weft.shopfloor.reading import fill

COMMON = ("--name", "M1", "--seed", "7", "--speed", "120", "--scrap-rate", "0")
PROGRAMS = {"opcua": ("machine.py", "lathe", "opc.tcp"), "modbus": ("modbus_machine.py", "modbus", "modbus+tcp"),
            "http": ("http_machine.py", "http", "http"), "mqtt": ("mqtt_machine.py", "mqtt", "mqtt")}


class Logged:
    """One machine in a process of its own; over MQTT its broker is what is reached and suffers with it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.log = kind, folder / "starts"
        self.child: Any = None
        self.broker = Broker(folder / "broker") if kind == "mqtt" else None
        self.port = self.broker.port if self.broker else free_port()

    async def begin(self) -> None:
        """Start it, on the same port as before."""
        if self.broker is not None:
            self.broker.up()
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / PROGRAMS[self.kind][0]), "--port", str(self.port), *COMMON, "--state",
            str(self.log), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        await asyncio.wait_for(self.child.stdout.readline(), 120)

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()
        if self.broker is not None:
            self.broker.kill()

    def freeze(self) -> None:
        """It hangs."""
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self.child.send_signal(signal.SIGCONT)

    def text(self, port: int) -> str:
        """Its Thing Description, reached at ``port``; jobs start by themselves."""
        _, template, scheme = PROGRAMS[self.kind]
        text = (MACHINES / f"{template}.td.json").read_text(encoding="utf-8")
        thing = json.loads(fill(text, {"NAME": "M1", "ENDPOINT": f"{scheme}://127.0.0.1:{port}"}))
        return json.dumps(thing | {"weft:startMode": "auto"})

    def starts(self) -> dict[str, int]:
        """Its own log: how often each job was told to start."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        jobs = [str(json.loads(line)["job"]) for line in lines]
        return {job: jobs.count(job) for job in jobs}
