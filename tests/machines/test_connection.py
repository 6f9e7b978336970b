"""The asset connection against a real machine process; the same suite is to run for every protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client

from tests.machines.conftest import PACE, Process, Start, certificate, until
from weft.basis.errors import Invalid, Unavailable
from weft.machines import connect
from weft.machines.opcua import OpcUaConnection, discover
from weft.machines.opcua_channel import OpcUaFiles
from weft.shopfloor.connection import Change, Link, Quality, Value
from weft.shopfloor.description import Description, Security
from weft.shopfloor.reading import parse_text

SECURE = {
    "securityDefinitions": {"channel": {"scheme": "uav:channel-security", "uav:securityMode": "signAndEncrypt",
                                        "uav:securityPolicy": "Basic256Sha256"}},
    "security": ["channel"],
}


@dataclass
class Heard:
    """What a subscriber hears."""

    changes: list[Change] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def take(self, changes: Sequence[Change]) -> None:
        self.changes.extend(changes)

    def newest(self, name: str) -> Value | None:
        return next((value for one, value in reversed(self.changes) if one == name), None)

    def ups(self) -> int:
        return sum(1 for one in self.links if one.up)


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


async def test_several_values_are_written_in_one_request_and_read_back(machine: Start) -> None:
    description = (await machine()).description()
    async with opened(description) as (connection, _):
        told = await connection.write({"Program": "P-7", "TargetCount": 12, "SpindleSpeed": 1500})
        assert told == {"Program": "", "TargetCount": "", "SpindleSpeed": ""}
        values = await connection.read(["Program", "TargetCount", "SpindleSpeed"])
    assert [one.value for one in values.values()] == ["P-7", 12, 1500.0]


async def test_the_machines_refusal_of_a_write_is_its_own_reason(machine: Start) -> None:
    description = (await machine()).description()
    async with opened(description) as (connection, _):
        assert await connection.write({"State": 2}) == {"State": "BadUserAccessDenied"}
        assert (await connection.read(["State"]))["State"].value == 0


@pytest.mark.parametrize(("name", "value"), [("TargetCount", -1), ("TargetCount", 2**40), ("TargetCount", 1.5),
                                             ("SpindleSpeed", "fast"), ("Program", 7)])
async def test_what_does_not_fit_the_machines_type_is_never_sent(machine: Start, name: str, value: Any) -> None:
    description = (await machine()).description()
    async with opened(description) as (connection, _):
        before = await connection.read(["Feed"])
        told = await connection.write({"Feed": 99.0, name: value})
        assert told[name] == "type"
        assert told["Feed"] == "not-sent"
        assert (await connection.read(["Feed"]))["Feed"].value == before["Feed"].value


async def test_a_subscription_begins_with_all_values_and_brings_each_change(machine: Start) -> None:
    description = (await machine()).description()
    names = description.observed()
    async with opened(description, names=names) as (connection, heard):
        await until(lambda: {name for name, _ in heard.changes} == set(names))
        await connection.write({"TargetCount": 3})
        await until(lambda: (value := heard.newest("TargetCount")) is not None and value.value == 3)
    assert heard.links == [Link(up=True)]


async def test_one_unknown_and_one_broken_node_are_bad_and_the_others_go_on(machine: Start) -> None:
    process = await machine()
    thing = json.loads(process.text())
    for name, node in {"Ghost": "M1.Ghost", "BrokenSensor": "M1.BrokenSensor"}.items():
        thing["properties"][name] = {"type": "number", "readOnly": True,
                                     "forms": [{"href": f"?id=nsu=urn:weft:demo:machine;s={node}"}]}
    thing["properties"]["Foreign"] = {"type": "number", "readOnly": True,
                                      "forms": [{"href": "?id=nsu=urn:somebody:else;s=X"}]}
    description = parse_text(json.dumps(thing))
    async with opened(description, names=description.observed()) as (connection, heard):
        await until(lambda: heard.newest("Ghost") and heard.newest("BrokenSensor") and heard.newest("Temperature"))
        read = await connection.read(["Ghost", "BrokenSensor", "Foreign", "Temperature"])
        heard.changes.clear()
        await until(lambda: heard.newest("Temperature"))  # the others go on
    assert [read[name].quality for name in ("Ghost", "BrokenSensor", "Foreign")] == [Quality.BAD] * 3
    assert read["Ghost"].detail == "BadNodeIdUnknown"
    assert read["BrokenSensor"].detail == "BadSensorFailure"
    assert read["Foreign"].detail == "namespace"
    assert read["Temperature"].good


async def test_after_a_power_cut_the_link_comes_back_with_its_gap_and_all_values(machine: Start) -> None:
    process = await machine()
    description = process.description()
    async with opened(description, names=description.observed()) as (connection, heard):
        await until(lambda: heard.newest("State"))
        await connection.write({"TargetCount": 9})
        await process.kill()
        await until(lambda: heard.links[-1].up is False)
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await connection.read(["State"])
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await connection.write({"TargetCount": 1})
        await asyncio.sleep(1)
        heard.changes.clear()
        await process.begin()
        await until(lambda: heard.ups() == 2)
        await until(lambda: {name for name, _ in heard.changes} == set(description.observed()))
    assert heard.links[-1].gap_ms > 1000
    assert heard.newest("TargetCount") is not None
    assert heard.newest("TargetCount").value == 0  # it lost its memory, and we know


async def test_a_machine_that_falls_silent_is_taken_for_lost(machine: Start) -> None:
    process = await machine()
    description = process.description()
    async with opened(description, names=description.observed()) as (_, heard):
        await until(lambda: heard.newest("State"))
        process.child.send_signal(19)  # SIGSTOP: the socket stays open, nobody answers
        try:
            await until(lambda: heard.links[-1].up is False, 15)
        finally:
            process.child.send_signal(18)
        await until(lambda: heard.ups() == 2, 20)


async def test_a_write_that_is_not_answered_is_not_called_unreachable(machine: Start) -> None:
    process = await machine()
    async with opened(process.description()) as (connection, _):
        await connection.write({"TargetCount": 2})  # the types are known from here on
        process.child.send_signal(19)
        try:
            with pytest.raises(Unavailable, match=r"machine\.no-answer"):
                await connection.write({"TargetCount": 5})
        finally:
            process.child.send_signal(18)


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
