"""A real Mosquitto and a foreign edge node: Eclipse Tahu's ``sparkplug-client`` from npm, in a process of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.machines import npm
from tests.machines.suite import Counterpart
from tests.peers.mosquitto import Broker
from weft.machines.keeping import Pace
from weft.machines.sparkplug.connection import SparkplugConnection
from weft.machines.sparkplug.hosts import Hosts
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse

PACE = Pace(timeout_s=2.0, retry_s_min=0.1, retry_s_max=0.4, silence_s=2.0)
GROUP, NODE, DEVICE = "Plant 1", "E1", "M1"


class EdgeNode:
    """``edge.js``; ``told`` are the lines that it printed."""

    def __init__(self, broker: Broker, speed: float = 60, log: str = "") -> None:
        self.broker, self.speed, self.log = broker, speed, log
        self.child: Any = None
        self.told: list[dict[str, Any]] = []
        self._reading: Any = None

    async def begin(self) -> None:
        modules = npm.package("sparkplug-client", "3.2.4")
        self.child = await asyncio.create_subprocess_exec(
            "node", str(Path(__file__).with_name("edge.js")), str(self.broker.port), GROUP, NODE, DEVICE,
            str(self.speed), self.log, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=npm.environment(modules))
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while line := await self.child.stdout.readline():
            self.told.append(json.loads(line))

    async def tell(self, **what: Any) -> None:
        """Do something at the edge node itself."""
        self.child.stdin.write(json.dumps(what).encode() + b"\n")
        await self.child.stdin.drain()

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()
            await self._reading

    def starts(self) -> dict[str, int]:
        """How often each job was started, by its own log."""
        return self.told[-1]["starts"] if self.told else {}


def described(port: int, properties: dict[str, Any], *, place: str = f"{GROUP}/{NODE}/{DEVICE}",
              **more: Any) -> Description:
    """A machine at the edge node; each property as (type, metric)."""
    told = {name: {"type": kind, "forms": [{"href": metric}]} for name, (kind, metric) in properties.items()}
    return parse({"id": "urn:sparkplug", "title": "Device", "security": "n", "properties": told,
                  "base": f"sparkplug+mqtt://127.0.0.1:{port}/{place.replace(' ', '%20')}",
                  "securityDefinitions": {"n": {"scheme": "nosec"}}, **more})


class Device(Counterpart):
    """A device behind the edge node; ``child`` is the broker."""

    names = {"Speed": 1200, "Heat": 21.5, "Program": "P-1", "Ready": True, "Alarm": -7, "Count": 0}
    steady = "Speed"
    bad = {"Ghost": "unknown-metric", "Broken": "quality 0", "Picture": "type", "Motor": "type"}
    writes = {"Speed": 1500, "Program": "P-7", "Heat": 30.5}
    unfit = (("Speed", 1.5), ("Speed", 2**40), ("Heat", "hot"), ("Program", 7), ("Ready", 1))

    def __init__(self, folder: Path) -> None:
        self.broker = Broker(folder)
        self.edge = EdgeNode(self.broker)

    async def begin(self) -> None:
        self.broker.up()
        self.child = self.broker.process
        await self.edge.begin()

    async def kill(self) -> None:
        self.broker.kill()
        await self.edge.kill()

    def description(self) -> Description:
        return described(self.broker.port, {
            "Speed": ("integer", "Speed"), "Heat": ("number", "Heat"), "Program": ("string", "Program"),
            "Ready": ("boolean", "LocalReady"), "Alarm": ("integer", "AlarmCode"), "Count": ("integer", "PieceCount"),
            "Ghost": ("number", "Nobody/Knows"), "Broken": ("number", "Broken"), "Picture": ("string", "Picture"),
            "Motor": ("number", "Motor"), "Rpm": ("integer", "Motor/rpm")})

    def connection(self, description: Description, pace: Pace) -> SparkplugConnection:
        return SparkplugConnection(description, None, "Device", Hosts(), pace)

    async def put(self, name: str, value: Scalar) -> None:
        await self.edge.tell(set={name: value})
        await asyncio.sleep(0.2)  # it tells the change, the broker passes it on


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    """A broker and the edge node with its device."""
    one = Device(tmp_path / "broker")
    await one.begin()
    yield one
    await one.kill()
