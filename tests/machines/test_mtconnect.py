"""MTConnect: an agent in a process of its own that follows the standard; no real one can be installed here."""

import asyncio
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from tests.machines.conftest import MACHINES
from tests.machines.suite import Counterpart, ReadSuite, opened, until
from weft.machines.keeping import Pace
from weft.machines.mtconnect import MtConnectConnection
from weft.machines.mtconnect_values import CONDITIONS_MAX, Observed
from weft.machines.mtconnect_xml import DEPTH_MAX, ELEMENTS_MAX, Item, Told, devices, element, streams
from weft.shopfloor.connection import Quality, Scalar
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.given import watched_only
from weft.shopfloor.propose import Target, propose
from weft.shopfloor.reading import fill, parse_text


class AgentProcess(Counterpart):
    names = {"Execution": "READY", "Program": "", "PartCount": 17, "Alarm": "", "SpindleSpeed": 1200}
    steady = "SpindleSpeed"
    bad = {"Ghost": "unknown-data-item", "Mistyped": "not-a-number"}

    def __init__(self, *arguments: str, name: str = "Lathe7") -> None:
        self.arguments = arguments
        self.name = name
        self.endpoint = ""

    async def begin(self) -> None:
        port = self.endpoint.rpartition(":")[2].partition("/")[0] or "0"
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / "mtconnect_agent.py"), "--port", port, "--name", self.name, *self.arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        line = await asyncio.wait_for(self.child.stdout.readline(), 60)
        self.endpoint = json.loads(line)["endpoint"]

    def text(self, **changes: Any) -> str:
        template = (MACHINES / "mtconnect.td.json").read_text(encoding="utf-8")
        return json.dumps(json.loads(fill(template, {"NAME": self.name, "ENDPOINT": self.endpoint})) | changes)

    def description(self) -> Description:
        thing = json.loads(self.text())
        for name, href in {"Ghost": "?id=nobody", "Mistyped": "?id=exec", "Door": "?id=door"}.items():
            thing["properties"][name] = {"type": "number", "forms": [{"href": href}]}
        return parse_text(json.dumps(thing))

    def connection(self, description: Description, pace: Pace) -> MtConnectConnection:
        return MtConnectConnection(description, pace)

    async def put(self, name: str, value: Scalar) -> None:
        item = {"SpindleSpeed": "speed", "Door": "door"}[name]
        await self.ask("PUT", f"/{self.name}?{urlencode({item: value})}")

    async def panel(self, **told: Any) -> None:
        """What an operator does."""
        await self.ask("POST", "/panel", json.dumps(told).encode())

    async def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        def asked() -> bytes:
            base = self.endpoint.removeprefix("mtconnect+").rpartition("/")[0]
            with urllib.request.urlopen(urllib.request.Request(base + path, body, method=method), timeout=10) as told:
                content: bytes = told.read()
            return content

        return await asyncio.to_thread(asked)


class TestMtConnect(ReadSuite):
    @pytest.fixture
    async def counterpart(self) -> AsyncIterator[AgentProcess]:
        one = AgentProcess()
        await one.begin()
        yield one
        await one.kill()

    async def test_unavailable_is_no_data_and_not_bad_data(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart, ["Door"]) as (connection, heard):
            await until(lambda: heard.newest("Door") is not None)
            assert heard.newest("Door").quality is Quality.MISSING
            assert connection.health.bad == {}
            await counterpart.put("Door", 5)
            await until(lambda: heard.value("Door") == 5)
            await counterpart.put("Door", "UNAVAILABLE")
            await until(lambda: heard.newest("Door").quality is Quality.MISSING)

    async def test_values_have_the_stamps_of_the_machine_and_of_the_agent(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart) as (connection, _):
            await asyncio.sleep(1.2)
            value = (await connection.read(["SpindleSpeed"]))["SpindleSpeed"]
        assert 1000 < value.age_ms < 60_000

    async def test_a_fault_is_an_alarm_until_it_is_gone(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart, ["Alarm"]) as (_, heard):
            await until(lambda: heard.value("Alarm") == "")
            await counterpart.panel(alarm=101)
            await until(lambda: heard.value("Alarm") == "101")
            await counterpart.panel(alarm=0)
            await until(lambda: heard.value("Alarm") == "")

    async def test_what_the_buffer_lost_is_a_gap_and_no_silence(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart, ["SpindleSpeed"]) as (_, heard):
            await until(lambda: heard.value("SpindleSpeed") == 1200)
            await counterpart.panel(flood=2000)
            await until(lambda: heard.ups() == 2)
            assert any(not one.up and "OUT_OF_RANGE" in one.detail for one in heard.links)
            await until(lambda: heard.value("SpindleSpeed") == 2000)

    async def test_nothing_is_ever_written(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart) as (connection, _):
            assert await connection.write({"Program": "O1"}) == {"Program": "read-only"}
            assert await connection.invoke("Start", []) == "read-only"

    async def test_browsing_gives_data_items_with_units_and_types(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart) as (connection, _):
            found = {one.name: one for one in await connection.browse()}
        assert (found["speed"].href, found["speed"].unit, found["speed"].type) == ("?id=rpm", "RPM", "number")
        assert found["PartCount"].type == "integer"
        assert found["Execution"].path == "Lathe7/controller/path/Execution"
        assert not any(one.writable for one in found.values())

    async def test_what_is_browsed_becomes_a_description_that_follows_a_job(self, counterpart: AgentProcess) -> None:
        async with opened(counterpart) as (connection, _):
            nodes = await connection.browse()
        proposal = propose(nodes, Target(name="L7", endpoint=counterpart.endpoint))
        described = parse_text(proposal.text)
        assert watched_only(described)
        roles = {one.role: one.href for one in described.properties.values() if one.role is not Role.SIGNAL}
        assert roles == {Role.STATE: "?id=exec", Role.PROGRAM: "?id=pgm", Role.COUNT: "?id=parts",
                         Role.SCRAP: "?id=scrap", Role.ALARM: "?category=CONDITION"}


# ---- documents in the shapes of old and new agents -----------------------------------------------------

OLD = b"""<?xml version="1.0" encoding="UTF-8"?>
<MTConnectStreams xmlns:m="urn:mtconnect.com:MTConnectStreams:1.2" xmlns="urn:mtconnect.com:MTConnectStreams:1.2">
  <Header creationTime="2024-05-01T10:00:00" sender="a" instanceId="7" bufferSize="8" version="1.2"
          nextSequence="12" firstSequence="4" lastSequence="11"/>
  <Streams><DeviceStream name="M" uuid="0"><ComponentStream component="Controller" name="C" componentId="c">
    <Events>
    <Execution dataItemId="e" name="execution" sequence="11" timestamp="2024-05-01T09:59:58.5">ACTIVE</Execution>
    </Events>
    <Condition><Fault dataItemId="f" sequence="9" timestamp="2024-05-01T09:59:00Z" nativeCode="EX1005" type="SYSTEM">
      Spindle drive</Fault><Warning dataItemId="f" sequence="8" timestamp="2024-05-01T09:58:00Z" nativeCode="W2"
      type="SYSTEM"/><Normal dataItemId="n" sequence="5" timestamp="2024-05-01T09:00:00Z" type="LEVEL"/></Condition>
  </ComponentStream></DeviceStream></Streams></MTConnectStreams>"""

NEW_ERROR = b"""<m:MTConnectError xmlns:m="urn:mtconnect.org:MTConnectError:2.0"><m:Header instanceId="1"/><m:Errors>
<m:Error errorCode="OUT_OF_RANGE">x</m:Error></m:Errors></m:MTConnectError>"""

OLD_ERROR = b'<MTConnectError><Header/><Error errorCode="NO_DEVICE">x</Error></MTConnectError>'

PROBE = b"""<x:MTConnectDevices xmlns:x="urn:mtconnect.org:MTConnectDevices:1.7"><x:Header/><x:Devices>
<x:Device id="d" name="M" uuid="0"><x:DataItems><x:DataItem id="a" type="AVAILABILITY" category="EVENT"/></x:DataItems>
<x:Components><x:Axes id="ax" name="base"><x:Components><x:Linear id="x" name="X"><x:DataItems>
<x:DataItem id="xp" name="Xpos" type="POSITION" subType="ACTUAL" category="SAMPLE" units="MILLIMETER"><x:Filters/>
</x:DataItem></x:DataItems></x:Linear></x:Components></x:Axes></x:Components></x:Device></x:Devices>
</x:MTConnectDevices>"""


def items(*conditions: str) -> dict[str, Item]:
    return {one: Item(one, "", "CONDITION", "SYSTEM", "", "", "M") for one in conditions}


def alarm(kind: str = "string") -> Property:
    return Property(name="A", title="A", type=kind, href="?id=f")


def test_an_old_document_is_read_and_a_stamp_without_a_zone_is_utc() -> None:
    told = streams(OLD)
    assert (told.instance, told.first, told.next) == ("7", 4, 12)
    first = told.observations[0]
    assert (first.item, first.text, told.at_ms - first.at_ms) == ("e", "ACTIVE", 1500)


def test_the_gravest_condition_is_the_alarm_and_normal_ends_one_or_all() -> None:
    observed = Observed(items("f", "n"))
    observed.take(streams(OLD).observations)
    assert observed.value(alarm(), "f", 0).value == "EX1005"
    assert observed.value(alarm(), "*", 0).value == "EX1005"
    assert observed.value(alarm(), "n", 0).value == ""
    assert observed.value(alarm("integer"), "f", 0).detail == "not-a-number"  # never guessed
    ended = OLD.replace(b"<Fault", b"<Normal").replace(b"</Fault>", b"</Normal>").replace(b"Spindle drive", b"")
    observed.take([one for one in streams(ended).observations if one.code == "EX1005"])
    assert observed.value(alarm(), "f", 0).value == "W2"  # the warning is still on
    observed.take([one for one in streams(OLD.replace(b'dataItemId="n"', b'dataItemId="f"')).observations
                   if one.level == "Normal"])
    assert observed.value(alarm(), "f", 0).value == ""


def test_errors_of_old_and_new_agents_are_told() -> None:
    for body, code in ((NEW_ERROR, "OUT_OF_RANGE"), (OLD_ERROR, "NO_DEVICE")):
        with pytest.raises(Told, match=code):
            streams(body)


def test_data_items_are_found_in_any_namespace_with_their_place() -> None:
    found = devices(PROBE)
    assert found["xp"].path == "M/base/X"
    assert (found["a"].category, found["xp"].units) == ("EVENT", "MILLIMETER")


@pytest.mark.parametrize("body", [
    b"", b"<html/>", b"<a><b></a>", PROBE[:200], b"<a>" * 100 + b"</a>" * 100, OLD.replace(b"nextSequence", b"no"),
    b'<!DOCTYPE x [<!ENTITY a "aaaa">]><MTConnectStreams>&a;</MTConnectStreams>'])
def test_what_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="xml"):
        streams(body)


@drawn(data=st.data())
def test_bent_documents_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([OLD, PROBE, NEW_ERROR])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=4))
    for read in (streams, devices):
        try:
            found = read(bytes(body))
        except (ValueError, Told):
            continue
        if not isinstance(found, dict):
            observed = Observed(items("f", "n", "e"))
            observed.take(found.observations)
            assert observed.value(alarm(), "*", 0).quality in Quality


HEAD = '<Header instanceId="1" nextSequence="9" creationTime="2026-11-26T08:00:00Z"/>'


def told(observations: str) -> bytes:
    return (f"<MTConnectStreams>{HEAD}<Streams><DeviceStream><ComponentStream><Condition>{observations}</Condition>"
            "</ComponentStream></DeviceStream></Streams></MTConnectStreams>").encode()


@pytest.mark.parametrize("body", [
    pytest.param(b"<a " + b" ".join(b'a%d="1"' % one for one in range(100_000)) + b"/>", id="attributes"),
    pytest.param(b"<a " + b" ".join(b'xmlns:a%d="u"' % one for one in range(50_000)) + b"/>", id="namespaces"),
    pytest.param(b"<a>" + b"<b/>" * (ELEMENTS_MAX + 1) + b"</a>", id="elements"),
    pytest.param(b"<a>" * (DEPTH_MAX + 2), id="depth"),
    pytest.param(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', id="entities"),
    pytest.param(b"", id="nothing"),
])
def test_documents_without_measure_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="xml"):
        element(body)


def test_control_a_large_document_within_measure_is_read() -> None:
    assert len(element(b"<a>" + b'<b id="1"/>' * 50_000 + b"</a>").inside) == 50_000


def test_what_probe_did_not_declare_is_not_kept_and_conditions_do_not_pile_up() -> None:
    item = Item(id="c", name="", category="CONDITION", type="X", sub_type="", units="", path="")
    observed = Observed({"c": item})
    many = "".join(f'<Fault dataItemId="x{one}" nativeCode="{one}"/>' for one in range(1000))
    assert observed.take(streams(told(many)).observations) == set()
    assert not observed._newest
    many = "".join(f'<Fault dataItemId="c" nativeCode="{one}"/>' for one in range(1000))
    assert observed.take(streams(told(many)).observations) == {"c", "*"}
    assert len(observed._on["c"]) == CONDITIONS_MAX
