"""OPC UA against a foreign stack: node-opcua as a process of its own, through the suite of all connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from asyncua import Client, ua

from tests.machines.conftest import certificate
from tests.machines.foreign_opcua import URI, Foreign
from tests.machines.suite import Counterpart, Heard, WriteSuite, opened, until
from weft.engine.clock import SystemClock
from weft.machines.keeping import Pace
from weft.machines.opcua import POLLED, OpcUaConnection
from weft.machines.opcua_browse import NODES_MAX
from weft.machines.opcua_channel import OpcUaFiles
from weft.shopfloor.connection import Quality, Scalar
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse, parse_text

NAMES = {"JobId": "string", "Program": "string", "TargetCount": "integer", "SpindleSpeed": "number", "Feed": "number",
         "State": "integer", "PieceCount": "integer", "Ready": "boolean"}


def thing(endpoint: str, properties: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """A Thing Description of the foreign machine."""
    return {
        "id": "urn:x", "title": "Foreign", "base": endpoint, "weft:pollingMs": 200,
        "securityDefinitions": {"none": {"scheme": "nosec"}}, "security": ["none"],
        "properties": {name: {"type": kind, "forms": [{"href": f"?id=nsu={URI};s=M.{name}"}]}
                       for name, kind in properties.items()}, **more}


class Machine(Counterpart):
    """The foreign machine, as the suite wants it."""

    names: Mapping[str, Scalar] = {"Program": "", "TargetCount": 0, "SpindleSpeed": 1200.0, "State": 0}
    steady = "TargetCount"
    bad: Mapping[str, str] = {"Ghost": "BadNodeIdUnknown", "Broken": "BadSensorFailure"}
    writes: Mapping[str, Scalar] = {"Program": "P-7", "TargetCount": 12, "SpindleSpeed": 1500.0}
    refused = ("State", 2, "Bad")
    unfit = (("TargetCount", -1), ("TargetCount", 1.5), ("SpindleSpeed", "fast"), ("Program", 7))

    def __init__(self) -> None:
        self.server = Foreign()

    async def begin(self) -> None:
        await self.server.begin()
        self.child = self.server.child

    async def kill(self) -> None:
        await self.server.kill()

    def description(self) -> Description:
        told = thing(self.server.endpoint, NAMES | {"Ghost": "number", "Broken": "number"})
        for name in self.writes:
            told["properties"][name] |= {"weft:write": True, "weft:role": "setpoint", "minimum": 0, "maximum": 9999}
        return parse(told)

    def connection(self, description: Description, pace: Pace) -> OpcUaConnection:
        return OpcUaConnection(description, None, pace)

    async def put(self, name: str, value: Scalar) -> None:
        await self.server.tell("set", name=name, value=value)


class TestForeign(WriteSuite):
    """Everything that is asked of every connection."""

    @pytest.fixture
    async def counterpart(self) -> AsyncIterator[Machine]:
        one = Machine()
        await one.begin()
        yield one
        await one.kill()


@pytest.fixture
async def foreign() -> AsyncIterator[Any]:
    """Start foreign servers with options."""
    started: list[Foreign] = []

    async def start(**options: Any) -> Foreign:
        one = Foreign(**options)
        started.append(one)
        await one.begin()
        return one

    yield start
    for one in started:
        await one.kill()


class At:
    """What ``opened`` needs of a server that is no counterpart of the suite."""

    def __init__(self, server: Foreign, properties: Mapping[str, str], files: OpcUaFiles | None = None,
                 **more: Any) -> None:
        self._made = parse_text(json.dumps(thing(server.endpoint, properties, **more)))
        self._files = files

    def description(self) -> Description:
        return self._made

    def connection(self, description: Description, pace: Pace) -> OpcUaConnection:
        return OpcUaConnection(description, self._files, pace)


ODD = {"NotANumber": "number", "Infinite": "number", "Long": "string", "Several": "string", "Bytes": "string",
       "When": "string", "Label": "string", "Span": "string", "Doubtful": "number", "Big": "integer"}


async def test_what_has_no_plain_form_is_bad_with_its_reason_and_stops_nobody(foreign: Any) -> None:
    at = At(await foreign(), NAMES | ODD)
    async with opened(at, [*NAMES, *ODD]) as (connection, heard):
        await until(lambda: {*NAMES, *ODD} <= heard.names())
        told = {name: heard.newest(name) for name in ODD}
        read = await connection.read(list(ODD))
    for found in (told, read):
        assert {name: (one.quality, one.value, one.detail) for name, one in found.items()} == {
            "NotANumber": (Quality.BAD, None, "not-a-number"), "Infinite": (Quality.BAD, None, "not-a-number"),
            "Long": (Quality.BAD, None, "too-long"), "Several": (Quality.GOOD, "[1.0,2.0,3.0]", ""),
            "Bytes": (Quality.BAD, None, "unsupported"), "Span": (Quality.BAD, None, "unsupported"),
            "When": (Quality.GOOD, "2026-11-26T08:00:00.000+00:00", ""), "Label": (Quality.GOOD, "ready", ""),
            "Doubtful": (Quality.UNCERTAIN, 4.5, "UncertainLastUsableValue"), "Big": (Quality.GOOD, 7, "")}
    assert heard.newest("SpindleSpeed").good


async def test_names_hold_when_the_server_numbers_its_namespaces_anew(foreign: Any) -> None:
    server = await foreign()
    at = At(server, NAMES)
    async with opened(at, list(NAMES)) as (connection, heard):
        await until(lambda: set(NAMES) <= heard.names())
        await server.kill()
        await until(heard.down)
        server.options["first"] = ["urn:somebody:else", "urn:and:another"]
        await server.begin()
        async with Client(server.endpoint) as plain:  # the control: the number is another one now
            assert (await plain.get_namespace_array()).index(URI) == 4
            with pytest.raises(ua.UaError):
                await plain.get_node(ua.NodeId("M.Feed", 2)).read_value()
        heard.changes.clear()
        await until(lambda: heard.ups() == 2 and set(NAMES) <= heard.names(), 20)
        assert heard.newest("Feed").good
        assert (await connection.read(["Feed"]))["Feed"].value == 150.0


async def test_a_clock_that_is_years_off_is_the_machines_own_for_the_age_of_a_value(foreign: Any) -> None:
    server = await foreign(years=-3)
    async with opened(At(server, NAMES), ["Ready"]) as (connection, heard):
        await until(lambda: heard.newest("Ready"))
        value = (await connection.read(["Ready"]))["Ready"]
        assert value.good
        assert 0 <= value.age_ms < 5000
        assert abs(value.source_ms - SystemClock().now_ms()) > 2 * 365 * 86_400_000, "the control: ancient by ours"


@pytest.mark.parametrize("most", [10, 60])
async def test_what_a_small_controller_will_not_watch_is_read_again_and_again(foreign: Any, most: int) -> None:
    server = await foreign(many=100, hz=5, limits={
        "maxMonitoredItems": most, "maxMonitoredItemsPerCall": 20, "maxNodesPerRead": 15, "maxNodesPerWrite": 1,
        "maxNodesPerBrowse": 3})
    names = [f"v{number}" for number in range(100)]
    async with opened(At(server, dict.fromkeys(names, "number")), names) as (connection, heard):
        await until(lambda: set(names) <= heard.names())
        assert connection.health.notice == POLLED
        heard.changes.clear()
        await until(lambda: set(names) <= heard.names())  # none is dropped, and all go on changing
        assert all(value.good for _, value in heard.changes)
        assert connection.health.bad == {}
        assert len(await connection.read(names)) == 100
    async with opened(At(server, NAMES), ["Feed"]) as (connection, _):
        assert await connection.write({"Feed": 99.0, "SpindleSpeed": 100.0}) == {"Feed": "", "SpindleSpeed": ""}
        assert {"M", "Many"} <= {one.path for one in await connection.browse(1)}


async def test_a_hundred_thousand_nodes_are_browsed_level_by_level_while_others_have_their_turn(foreign: Any) -> None:
    server = await foreign(vast=100_000)
    async with opened(At(server, NAMES | {"Temperature": "number"}), ["Temperature"]) as (connection, heard):
        top = {one.path: one for one in await connection.browse(1)}
        assert {"M", "Vast"} <= set(top)
        parts = await connection.browse(1, top["Vast"].href)
        assert len(parts) == 100
        assert parts[7].parent == top["Vast"].href
        assert len(await connection.browse(1, parts[7].href)) == 1000
        longest, turns, browsing = 0.0, 0, asyncio.create_task(connection.browse(6))
        while not browsing.done():
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(0.01)
            longest, turns = max(longest, asyncio.get_running_loop().time() - began), turns + 1
        assert len(await browsing) == NODES_MAX
        assert turns > 20, longest
        heard.changes.clear()
        await until(lambda: heard.newest("Temperature"))
    assert heard.ups() == 1


# ---- security ------------------------------------------------------------------------------------------

SECURED = {"securityDefinitions": {"channel": {"scheme": "uav:channel-security", "uav:securityMode": "signAndEncrypt",
                                               "uav:securityPolicy": "Basic256Sha256"}, "login": {"scheme": "basic"}}}


async def test_a_user_and_a_certificate_log_in_and_a_wrong_password_does_not(foreign: Any, tmp_path: Any) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from weft.machines.access import Access

    pair = certificate(tmp_path, "server", "urn:foreign", hosts=("localhost",))
    (tmp_path / "server-pem.pem").write_bytes(
        x509.load_der_x509_certificate((tmp_path / "server.der").read_bytes()).public_bytes(Encoding.PEM))
    server = await foreign(certificate=[str(tmp_path / "server-pem.pem"), pair[1]], users={"weft": "s3cret"},
                           pki=str(tmp_path / "pki"))
    access, files = Access(tmp_path / "keys"), OpcUaFiles.under(tmp_path / "keys", "M1")
    at = At(server, NAMES, files, **SECURED, security=["channel", "login"])
    connection = at.connection(at.description(), Pace(retry_s_min=0.1, retry_s_max=0.3))
    await connection.open()
    try:
        await until(lambda: connection.health.error == "machine.no-login", 30)
        access.set_login("M1", user="weft", password="wrong")
        await until(lambda: "Bad" in connection.health.error, 30)
        access.set_login("M1", user="weft", password="s3cret")
        assert await connection.wait_up(30), connection.health
        assert (await connection.read(["Feed"]))["Feed"].good
    finally:
        await connection.close()
    der, key = certificate(tmp_path, "us", "urn:weft:user")
    access.set_login("M1", certificate=x509.load_der_x509_certificate(
        (tmp_path / "us.der").read_bytes()).public_bytes(Encoding.PEM).decode(), key=(tmp_path / "us.pem").read_text())
    async with opened(at, ["Feed"]) as (connection, heard):
        await until(lambda: heard.newest("Feed"))
        assert heard.newest("Feed").value == 150.0
    assert der and key


async def test_an_expired_certificate_waits_for_the_owners_word(foreign: Any, tmp_path: Any) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from weft.machines.access import Access

    pair = certificate(tmp_path, "old", "urn:foreign", days=(-20, -10))
    (tmp_path / "old-pem.pem").write_bytes(
        x509.load_der_x509_certificate((tmp_path / "old.der").read_bytes()).public_bytes(Encoding.PEM))
    server = await foreign(certificate=[str(tmp_path / "old-pem.pem"), pair[1]], pki=str(tmp_path / "pki"))
    files, heard = OpcUaFiles.under(tmp_path / "keys", "M1"), Heard()
    at = At(server, NAMES, files, **SECURED, security=["channel"])
    connection = at.connection(at.description(), Pace(retry_s_min=0.1, retry_s_max=0.3))
    connection.subscribe(["Feed"], heard.take, heard.links.append)
    await connection.open()
    try:
        await until(lambda: connection.health.error == "machine.certificate-expired", 30)
        fingerprint = connection.health.facts["fingerprint"]
        assert not heard.changes
        Access(tmp_path / "keys").trust("M1", str(fingerprint))
        assert await connection.wait_up(30), connection.health
        await until(lambda: heard.newest("Feed"))
        assert connection.health.notice == "expired"
    finally:
        await connection.close()
