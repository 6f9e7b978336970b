"""A real Mosquitto and machines in processes of their own that speak through it."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.machines.suite import Heard, until
from tests.peers.mosquitto import Broker, program
from weft.machines.keeping import Pace
from weft.machines.mqtt import MqttConnection
from weft.shopfloor.description import Description
from weft.shopfloor.reading import fill, parse

MACHINES = Path(__file__).parents[3] / "examples" / "demo" / "machines"
PACE = Pace(timeout_s=2.0, retry_s_min=0.1, retry_s_max=0.4, silence_s=2.0)


@pytest.fixture
def broker(tmp_path: Path) -> Any:
    """A broker that lets everybody in, and drops nothing when we are slower than a flood."""
    one = Broker(tmp_path / "broker", "max_queued_messages 0", "max_queued_bytes 0").up()
    yield one
    one.kill()


async def publish(broker: Broker, topic: str, payload: str | bytes, *more: str) -> None:
    """As somebody else's client: ``mosquitto_pub`` at QoS 1."""
    child = await asyncio.create_subprocess_exec(
        program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", topic, "-s", *more,
        stdin=asyncio.subprocess.PIPE)
    await child.communicate(payload.encode() if isinstance(payload, str) else payload)
    assert child.returncode == 0


def thing(broker: Broker, properties: Mapping[str, Any], **more: Any) -> Description:
    """A machine at ``broker``; each property as (type, href, terms of its form)."""
    told = {}
    for name, (kind, href, terms) in properties.items():
        told[name] = {"type": kind, "readOnly": True, "forms": [{"href": href, **terms}]}
    return parse({"id": "urn:mqtt:1", "title": "M1", "base": f"mqtt://127.0.0.1:{broker.port}", "properties": told,
                  "securityDefinitions": {"n": {"scheme": "nosec"}}, "security": "n", **more})


class Opened:
    """A connection and what its subscriber hears."""

    def __init__(self, connection: MqttConnection, names: Sequence[str]) -> None:
        self.connection, self.heard = connection, Heard()
        connection.subscribe(names, self.heard.take, self.heard.links.append)

    async def __aenter__(self) -> Self:
        await self.connection.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def up(self) -> "Opened":
        assert await self.connection.wait_up(15), self.connection.health
        return self

    async def error(self, code: str) -> None:
        """Wait until the link is down for this reason."""
        await until(lambda: self.connection.health.error == code)
        assert not self.connection.health.up


def opened(description: Description, secrets: Path | None = None, pace: Pace = PACE) -> Opened:
    """A connection to the machine of ``description`` that listens to all of it."""
    return Opened(MqttConnection(description, secrets, "M1", pace), description.observed())


class Process:
    """A machine of ``examples/demo/machines/mqtt_machine.py``."""

    def __init__(self, broker: Broker, name: str, arguments: Sequence[str]) -> None:
        self.broker, self.name, self.arguments = broker, name, arguments
        self.child: Any = None

    async def begin(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / "mqtt_machine.py"), "--name", self.name, "--port", str(self.broker.port),
            *self.arguments, stdout=asyncio.subprocess.PIPE)
        await asyncio.wait_for(self.child.stdout.readline(), 60)

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()

    def text(self, kind: str = "mqtt", **changes: Any) -> str:
        """Its Thing Description, with ``changes`` to the top level."""
        template = (MACHINES / f"{kind}.td.json").read_text(encoding="utf-8")
        endpoint = f"mqtt://127.0.0.1:{self.broker.port}"
        return json.dumps(json.loads(fill(template, {"NAME": self.name, "ENDPOINT": endpoint})) | changes)

    def starts(self) -> dict[str, int]:
        """How often each job was started, by its own log."""
        path = Path(self.arguments[self.arguments.index("--state") + 1])
        jobs = [json.loads(line)["job"] for line in path.read_text().splitlines()] if path.exists() else []
        return {job: jobs.count(job) for job in jobs}

    async def panel(self, **what: Any) -> None:
        """Do something at the machine itself."""
        await publish(self.broker, f"plant/{self.name}/panel", json.dumps(what))


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def saw(broker: Broker, tmp_path: Path) -> AsyncIterator[Start]:
    """Start a machine; ended after the test."""
    begun: list[Process] = []

    async def start(name: str = "M1", speed: int = 60) -> Process:
        one = Process(broker, name, ["--seed", "7", "--speed", str(speed), "--scrap-rate", "0", "--state",
                                     str(tmp_path / f"{name}.starts")])
        begun.append(one)
        await one.begin()
        return one

    yield start
    for one in begun:
        await one.kill()


def without_memory(broker: Broker) -> None:
    """Let a broker that is down forget what lay at it."""
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    assert shutil.which("mosquitto_pub")
