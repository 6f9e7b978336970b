"""OPC UA against a real machine process: the suite of all connections, and what is OPC UA's own."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from tests.machines import suite
from tests.machines.conftest import PACE, Process, Start, certificate, until
from tests.machines.suite import Counterpart, Heard, WriteSuite
from weft.basis.errors import Invalid, Unavailable
from weft.machines import connect, keeping
from weft.machines.opcua import OpcUaConnection, Pace, discover
from weft.machines.opcua_channel import OpcUaFiles
from weft.shopfloor.description import Description, Security
from weft.shopfloor.reading import parse_text

SECURE = {
    "securityDefinitions": {"channel": {"scheme": "uav:channel-security", "uav:securityMode": "signAndEncrypt",
                                        "uav:securityPolicy": "Basic256Sha256"}},
    "security": ["channel"],
}


@asynccontextmanager
async def opened(
    description: Description, files: OpcUaFiles | None = None, names: Sequence[str] = (), wait_s: float = 10
) -> AsyncIterator[tuple[OpcUaConnection, Heard]]:
    heard = Heard()
    connection = OpcUaConnection(description, files, PACE)
    if names:
        connection.subscribe(names, heard.take, heard.links.append)
    await connection.open()
    try:
        await connection.wait_up(wait_s)
        yield connection, heard
    finally:
        await connection.close()


class OpcUaMachine(Counterpart):
    """The simulated lathe; ``put`` is a stock client's write."""

    names = {"JobId": "", "Program": "", "TargetCount": 0, "SpindleSpeed": 1200.0, "Feed": 180.0, "State": 0}
    steady = "SpindleSpeed"
    bad = {"Ghost": "BadNodeIdUnknown", "BrokenSensor": "BadSensorFailure", "Foreign": "namespace"}
    writes = {"TargetCount": 12, "Program": "P-7", "SpindleSpeed": 1500.0}
    refused = ("State", 2, "BadUserAccessDenied")
    unfit = [("TargetCount", -1), ("TargetCount", 2**40), ("TargetCount", 1.5), ("SpindleSpeed", "fast"),
             ("Program", 7)]

    def __init__(self, process: Process) -> None:
        self.process = process

    async def begin(self) -> None:
        await self.process.begin()
        self.child = self.process.child

    def description(self) -> Description:
        thing = json.loads(self.process.text())
        hrefs = {name: f"?id=nsu=urn:weft:demo:machine;s=M1.{name}" for name in ("Ghost", "BrokenSensor")}
        for name, href in {**hrefs, "Foreign": "?id=nsu=urn:somebody:else;s=X"}.items():
            thing["properties"][name] = {"type": "number", "readOnly": True, "forms": [{"href": href}]}
        return parse_text(json.dumps(thing))

    def connection(self, description: Description, pace: keeping.Pace) -> OpcUaConnection:
        own = Pace(timeout_s=max(4.0, pace.timeout_s), retry_s_min=pace.retry_s_min, retry_s_max=pace.retry_s_max,
                   silence_s=max(3.0, pace.silence_s))
        return OpcUaConnection(description, None, own)

    async def put(self, name: str, value: Any) -> None:
        kind = ua.VariantType.Double if isinstance(value, float) else ua.VariantType.UInt32
        async with Client(self.process.endpoint) as plain:
            space = await plain.get_namespace_index("urn:weft:demo:machine")
            await plain.get_node(f"ns={space};s=M1.{name}").write_value(ua.DataValue(ua.Variant(value, kind)))


@pytest.mark.release  # every day its sibling runs the same suite
class TestOpcUa(WriteSuite):
    @pytest.fixture
    async def counterpart(self, machine: Start) -> OpcUaMachine:
        one = OpcUaMachine(await machine())
        one.child = one.process.child
        return one

    async def test_a_write_that_is_not_answered_is_unknown_and_never_sent_again(
        self, counterpart: Counterpart
    ) -> None:
        async with suite.opened(counterpart) as (connection, _):
            await connection.write({"TargetCount": 2})  # the types are known from here on
            counterpart.freeze()
            try:
                with pytest.raises(Unavailable, match=r"machine\.no-answer"):
                    await connection.write({"TargetCount": 5})
            finally:
                counterpart.thaw()
            await until(lambda: connection.health.up, 20)
            await counterpart.put("TargetCount", 7)
            await asyncio.sleep(2)
            assert (await connection.read(["TargetCount"]))["TargetCount"].value == 7


async def test_values_are_read_fresh_with_the_machines_own_clock(machine: Start) -> None:
    description = (await machine()).description()
    async with opened(description) as (connection, _):
        values = await connection.read(["LocalReady", "SpindleSpeed", "State"])
        await asyncio.sleep(1.2)
        later = await connection.read(["LocalReady", "SpindleSpeed"])
    assert values["LocalReady"].value is True
    assert values["SpindleSpeed"].value == 1200.0
    assert values["State"].value == 0
    assert all(one.good for one in values.values())
    assert 0 <= later["LocalReady"].age_ms < 1000  # a live signal
    assert later["SpindleSpeed"].age_ms > 1000  # a set-point that nobody touched


async def test_an_action_is_called_with_typed_arguments_and_tells_a_refusal(machine: Start) -> None:
    description = (await machine()).description()
    async with opened(description) as (connection, _):
        assert await connection.invoke("StartJob", ["J-0"]) == "BadInvalidState"  # no such job is loaded
        assert await connection.invoke("StartJob", []) == "arguments"
        assert await connection.invoke("Dance", []) == "unknown-action"
        await connection.write({"JobId": "J-1"})
        await asyncio.sleep(0.2)
        assert await connection.invoke("StartJob", ["J-1"]) == ""


async def test_browsing_finds_what_the_machine_offers_to_a_bounded_depth(machine: Start) -> None:
    process = await machine()
    async with opened(process.description()) as (connection, _):
        found = {one.path: one for one in await connection.browse()}
        shallow = await connection.browse(1)
    assert found["M1/SpindleSpeed"].unit == "RPM"
    assert found["M1/SpindleSpeed"].writable
    assert found["M1/SpindleSpeed"].type == "number"
    assert found["M1/SpindleSpeed"].href == "?id=nsu=urn:weft:demo:machine;s=M1.SpindleSpeed"
    assert not found["M1/State"].writable
    assert found["M1/State"].values[:2] == ("Idle", "AllowedToStart")
    assert found["M1/StartJob"].kind == "method"
    assert [one.path for one in shallow] == ["M1"]


async def test_discovery_of_a_dead_address_says_why() -> None:
    with pytest.raises(Unavailable, match=r"machine\.unreachable"):
        await discover("opc.tcp://127.0.0.1:9", Security(), None, timeout_s=1)


# ---- security -----------------------------------------------------------------------------------------


async def secure_machine(machine: Start, folder: Path, name: str = "server") -> Process:
    pair = certificate(folder, name, "urn:freeopcua:python:server")
    return await machine("lathe", "--certificate", *pair)


async def test_a_secure_only_machine_is_reached_by_basic256sha256(machine: Start, tmp_path: Path) -> None:
    process = await secure_machine(machine, tmp_path)
    files = OpcUaFiles.under(tmp_path / "secrets", "M1")
    async with opened(process.description(**SECURE), files, ["State"]) as (connection, heard):
        await until(lambda: heard.newest("State"))
        assert await connection.write({"TargetCount": 4}) == {"TargetCount": ""}
    assert files.machine.trusted.read_bytes() == (tmp_path / "server.der").read_bytes()
    assert files.key.stat().st_mode & 0o077 == 0


async def test_plain_is_refused_by_a_secure_only_machine_and_secure_by_a_plain_one(
    machine: Start, tmp_path: Path
) -> None:
    secure = await secure_machine(machine, tmp_path)
    async with opened(secure.description(), wait_s=2) as (connection, _):
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await connection.read(["State"])
    plain = await machine("lathe", name="M2")
    files = OpcUaFiles.under(tmp_path / "secrets", "M2")
    async with opened(plain.description(**SECURE), files, wait_s=2) as (connection, _):
        assert connection.last_error == "machine.security-not-offered"  # never a silent downgrade
        with pytest.raises(Unavailable):
            await connection.read(["State"])
    async with opened(plain.description()) as (connection, _):  # control: the machine itself is well
        assert (await connection.read(["State"]))["State"].good


async def test_a_changed_certificate_is_not_trusted(machine: Start, tmp_path: Path) -> None:
    process = await secure_machine(machine, tmp_path)
    files = OpcUaFiles.under(tmp_path / "secrets", "M1")
    async with opened(process.description(**SECURE), files) as (connection, _):
        assert (await connection.read(["State"]))["State"].good
    await process.kill()
    pair = certificate(tmp_path, "imposter", "urn:freeopcua:python:server")
    process.arguments[-2:] = pair
    await process.begin()
    async with opened(process.description(**SECURE), files, wait_s=2) as (connection, _):
        assert connection.last_error == "machine.certificate-changed"
        with pytest.raises(Unavailable):
            await connection.read(["State"])


def test_a_password_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    description = Description(id="x", title="x", base="opc.tcp://127.0.0.1:1", scheme="opc.tcp",
                              security=Security(mode="none", user=True))
    with pytest.raises(Invalid, match=r"machine\.password-in-clear"):
        connect(description, tmp_path, "x")


def test_a_protocol_that_we_do_not_speak_is_named(tmp_path: Path) -> None:
    description = Description(id="x", title="x", base="profinet://1", scheme="profinet")
    with pytest.raises(Invalid, match=r"machine\.scheme"):
        connect(description, tmp_path, "x")


async def test_the_suites_machine_is_a_real_opc_ua_server(machine: Start) -> None:
    process = await machine()
    async with Client(process.endpoint) as plain:  # the control: a stock client sees the same
        assert "urn:weft:demo:machine" in await plain.get_namespace_array()
