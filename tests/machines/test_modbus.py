"""Modbus TCP against two foreign servers in processes of their own: pymodbus' simulator and npm's modbus-serial."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from tests.machines import npm
from tests.machines.suite import Counterpart, WriteSuite
from weft.machines.keeping import Pace
from weft.machines.modbus import ModbusConnection
from weft.machines.modbus_values import place, raw_of
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def described(port: int, properties: Mapping[str, Any], **more: Any) -> Description:
    """A machine whose properties are told as (type, href, terms of the form and of the property)."""
    told = {}
    for name, (kind, href, terms) in properties.items():
        form = {one: terms[one] for one in terms if one.startswith("modv:") or one == "weft:bit"}
        rest = {one: terms[one] for one in terms if one not in form}
        told[name] = {"type": kind, "forms": [{"href": href, **form}], **rest}
    return parse({"id": "urn:modbus", "title": "Modbus machine", "base": f"modbus+tcp://127.0.0.1:{port}",
                  "securityDefinitions": {"n": {"scheme": "nosec"}}, "security": "n", "weft:pollingMs": 50,
                  "properties": told, **more})


class ModbusCounterpart(Counterpart):
    """What both servers have alike: ``put`` is a stock client's write."""

    properties: Mapping[str, Any]

    def __init__(self) -> None:
        self.port = free_port()

    def description(self) -> Description:
        return described(self.port, self.properties)

    def connection(self, description: Description, pace: Pace) -> ModbusConnection:
        return ModbusConnection(description, pace)

    async def put(self, name: str, value: Scalar) -> None:
        prop = self.description().properties[name]
        spot = place("modbus+tcp://x", prop.href, prop.form, prop.type)
        words = raw_of(spot, value)
        assert words is not None
        async with AsyncModbusTcpClient("127.0.0.1", port=self.port) as client:
            if spot.entity.bits:
                told = await client.write_coil(spot.address, bool(words[0]), device_id=spot.unit)
            else:
                told = await client.write_registers(spot.address, words, device_id=spot.unit)
        assert not told.isError(), told

    async def listening(self) -> None:
        """Wait until it can be reached."""
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        pytest.fail("the counterpart did not begin to listen")


class Simulator(ModbusCounterpart):
    """``pymodbus.simulator``; its addresses count from 0; between the values are holes that it refuses."""

    properties = {
        "Speed": ("integer", "/1/16", {"modv:zeroBasedAddressing": True, "modv:type": "xsd:unsignedShort"}),
        "Feed": ("number", "/1/18?quantity=2", {"modv:zeroBasedAddressing": True, "modv:type": "xsd:float"}),
        "Job": ("string", "/1/20?quantity=8", {"modv:zeroBasedAddressing": True}),
        "Total": ("integer", "/1/30", {"modv:zeroBasedAddressing": True, "modv:type": "uint32"}),
        "Ghost": ("integer", "/1/52", {"modv:zeroBasedAddressing": True}),
        "Wrong": ("integer", "/1/somewhere", {}),
        "Fixed": ("integer", "/1/70", {"modv:zeroBasedAddressing": True}),
    }
    names = {"Speed": 1200, "Feed": 2.5, "Job": "JOB-1", "Total": 70000}
    steady = "Total"
    bad = {"Ghost": "illegal address (2)", "Wrong": "href"}
    writes = {"Speed": 1500, "Feed": 0.5, "Job": "J-77"}
    refused = ("Fixed", 3, "illegal address (2)")
    unfit = [("Speed", -1), ("Speed", 70000), ("Speed", 1.5), ("Feed", "fast"), ("Job", "x" * 17), ("Job", 7),
             ("Total", True)]

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.http = free_port()

    async def begin(self) -> None:
        nothing = {"bits": None, "uint16": None, "uint32": None, "float32": None, "string": None}
        device = {
            "setup": {"co size": 100, "di size": 100, "hr size": 200, "ir size": 200, "shared blocks": True,
                      "type exception": False,
                      "defaults": {"value": {"bits": 0, "uint16": 0, "uint32": 0, "float32": 0.0, "string": " "},
                                   "action": nothing}},
            "invalid": [[50, 59]], "write": [16, [18, 19], [20, 27], [30, 31]], "bits": [],
            "uint16": [{"addr": 16, "value": 1200}, {"addr": [60, 120]}],
            "uint32": [{"addr": [30, 31], "value": 70000}],
            "float32": [{"addr": [18, 19], "value": 2.5}],
            "string": [{"addr": [20, 27], "value": "JOB-1           "}], "repeat": []}
        server = {"comm": "tcp", "host": "127.0.0.1", "port": self.port, "framer": "socket"}
        file = self.folder / "simulator.json"
        file.write_text(json.dumps({"server_list": {"server": server}, "device_list": {"device": device}}))
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from pymodbus.server.simulator.main import main; main()", "--modbus_server",
            "server", "--modbus_device", "device", "--json_file", str(file), "--http_host", "127.0.0.1",
            "--http_port", str(self.http), "--log", "critical", cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        await self.listening()


class Node(ModbusCounterpart):
    """npm's ``modbus-serial``; addresses count from 1, in the classical notation, and from 151 on there are none."""

    properties = {
        "Speed": ("integer", "/40016", {}),
        "Feed": ("number", "/40018?quantity=2", {}),
        "Total": ("integer", "/40030?quantity=2", {"modv:mostSignificantWord": False}),
        "Job": ("string", "/40041?quantity=8", {}),
        "Lamp": ("boolean", "/255/5", {"modv:entity": "Coil"}),
        "Lit": ("boolean", "/10005", {}),
        "Read": ("integer", "/30016", {}),
        "Ghost": ("integer", "/255/170", {}),
        "Lost": ("boolean", "/00090", {}),
        "Fixed": ("integer", "/40141", {}),
        "Busy": ("integer", "/40142", {}),
    }
    names = {"Speed": 1200, "Feed": 2.5, "Total": 70000, "Job": "JOB-1", "Lamp": True, "Lit": True, "Read": 1200}
    steady = "Total"
    bad = {"Ghost": "illegal address (2)", "Lost": "illegal address (2)"}
    writes = {"Speed": 1500, "Feed": 0.5, "Job": "J-77", "Lamp": False}
    refused = ("Busy", 1, "device busy (6)")
    unfit = [("Speed", -1), ("Lamp", 1), ("Job", "长" * 6), ("Read", 5), ("Lit", False)]

    def __init__(self, modules: Path) -> None:
        super().__init__()
        self.modules = modules

    async def begin(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            "node", str(Path(__file__).with_name("modbus_server.js")), str(self.port),
            env=npm.environment(self.modules), stdout=asyncio.subprocess.DEVNULL)
        await self.listening()


@pytest.mark.release  # every day its sibling runs the same suite
class TestPymodbusSimulator(WriteSuite):
    @pytest.fixture
    async def counterpart(self, tmp_path: Path) -> AsyncIterator[Simulator]:
        one = Simulator(tmp_path)
        await one.begin()
        yield one
        await one.kill()


class TestModbusSerialOfNode(WriteSuite):
    @pytest.fixture
    async def counterpart(self) -> AsyncIterator[Node]:
        one = Node(npm.package("modbus-serial", "8.0.25"))
        await one.begin()
        yield one
        await one.kill()
