"""The suite of all protocols over MQTT: Mosquitto, and behind it a device that is paho-mqtt in a process of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.machines.mqtt.conftest import publish, without_memory
from tests.machines.suite import Counterpart, WriteSuite
from tests.peers.mosquitto import Broker
from weft.machines.keeping import Pace
from weft.machines.mqtt import MqttConnection
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse

RULES = "topic readwrite dev/#\ntopic read closed/#\n"


class Device(Counterpart):
    names = {"Speed": 1200, "Heat": 21.5, "Program": "P-1", "Ready": True}
    steady = "Speed"
    bad = {"Ghost": "no-such-field", "Sick": "not-a-number"}
    writes = {"Speed": 1500, "Program": "P-7", "Heat": 30.5}
    refused = ("Locked", 1, "not-authorized")
    unfit = (("Speed", 1.5), ("Heat", "hot"), ("Program", 7), ("Ready", 1))

    def __init__(self, folder: Path, version: str) -> None:
        folder.mkdir()
        self.version = version
        (folder / "acl").write_text(RULES)
        self.broker = Broker(folder / "broker", "allow_anonymous true", f"acl_file {folder}/acl")
        self._device: Any = None

    async def begin(self) -> None:
        without_memory(self.broker)
        self.broker.up()
        self.child = self.broker.process
        values = {**self.names, "Sick": "n/a", "Locked": 0}
        self._device = await asyncio.create_subprocess_exec(
            sys.executable, str(Path(__file__).with_name("device.py")), str(self.broker.port),
            *(f"{name}={json.dumps(value)}" for name, value in values.items()))

    async def kill(self) -> None:
        self.broker.kill()
        if self._device is not None and self._device.returncode is None:
            self._device.kill()
            await self._device.wait()

    def description(self) -> Description:
        def told(name: str, kind: str, write: str = "dev/set") -> dict[str, Any]:
            read = {"op": ["readproperty", "observeproperty"], "href": f"dev/{name}"}
            return {"type": kind, "forms": [read, {"op": "writeproperty", "href": f"{write}/{name}"}]}

        properties = {"Speed": told("Speed", "integer"), "Heat": told("Heat", "number"),
                      "Program": told("Program", "string"), "Ready": told("Ready", "boolean"),
                      "Sick": told("Sick", "number"), "Locked": told("Locked", "integer", "closed")}
        properties["Ghost"] = {"type": "number", "forms": [{"href": "dev/Speed#/deep/down"}]}
        return parse({"id": "urn:device", "title": "Device", "base": f"mqtt://127.0.0.1:{self.broker.port}",
                      "securityDefinitions": {"n": {"scheme": "nosec"}}, "security": "n", "properties": properties,
                      "weft:availability": "dev/online", "weft:mqttVersion": self.version})

    def connection(self, description: Description, pace: Pace) -> MqttConnection:
        return MqttConnection(description, None, "Device", pace)

    async def put(self, name: str, value: Scalar) -> None:
        await publish(self.broker, f"dev/set/{name}", json.dumps(value))
        await asyncio.sleep(0.2)  # the device tells it, the broker passes it on


class TestMqtt(WriteSuite):
    @pytest.fixture
    async def counterpart(self, tmp_path: Path) -> AsyncIterator[Device]:
        one = Device(tmp_path / "device", "5")
        await one.begin()
        yield one
        await one.kill()


async def test_mqtt_311_is_spoken_where_the_description_says_so(tmp_path: Path) -> None:
    one = Device(tmp_path / "device", "3.1.1")
    await one.begin()
    try:
        await TestMqtt().test_one_bad_property_never_stops_the_others(one)
        await TestMqtt().test_several_values_are_written_and_read_back(one)
    finally:
        await one.kill()
