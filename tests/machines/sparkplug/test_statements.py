"""Every statement of Sparkplug 3.0.0 about a host application (its tck-id) against what we really say and do.

The wire is that between us, a real Mosquitto and a foreign edge node. Not the official kit (TCK), which needs a broker
and a console of its own.
"""

import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.machines.sparkplug.conftest import DEVICE, GROUP, NODE, PACE, Device, described
from tests.machines.sparkplug.wire import Packet, Tap
from tests.machines.suite import until
from tests.peers.mosquitto import Broker
from weft.basis.errors import Invalid
from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.connection import SparkplugConnection
from weft.machines.sparkplug.edge import Edge
from weft.machines.sparkplug.hosts import Hosts
from weft.machines.sparkplug.payload import Metric, Payload
from weft.shopfloor.connection import Quality

HOST = "weft-host-1"
STATE = f"spBv1.0/STATE/{HOST}"
FROM_MS, UNTIL_MS = 1_700_000_000_000, 4_000_000_000_000
PROPERTIES = {"Speed": ("integer", "Speed"), "Program": ("string", "Program")}
CHECKS: dict[str, Callable[["Wire"], None]] = {}


def states(*ids: str) -> Callable[[Callable[["Wire"], None]], Callable[["Wire"], None]]:
    """That the decorated check is the test of these statements."""

    def noted(check: Callable[["Wire"], None]) -> Callable[["Wire"], None]:
        for one in ids:
            assert one not in CHECKS
            CHECKS[one] = check
        return check

    return noted


class Wire:
    """A whole session at MQTT 5, a second after a cut, and one at 3.1.1: what we said on each."""

    def __init__(self) -> None:
        self.sessions: list[list[Packet]] = []
        self.old: list[Packet] = []
        self.republished = b""
        self.heard: list[Any] = []

    def connects(self) -> list[dict[str, Any]]:
        return [one[0].connect() for one in (*self.sessions, self.old)]

    def of(self, kind: int, session: int = -1) -> list[Packet]:
        return [one for one in self.sessions[session] if one.kind == kind]

    def published(self, topic: str, session: int = -1) -> list[tuple[Packet, bytes]]:
        return [(one, one.published()[1]) for one in self.of(3, session) if one.published()[0] == topic]

    def births(self) -> list[tuple[Packet, dict[str, Any]]]:
        """Of each session, the first STATE."""
        return [(found[0][0], msgspec.json.decode(found[0][1]))
                for number in range(len(self.sessions)) if (found := self.published(STATE, number))]

    def deaths(self) -> list[tuple[Packet, dict[str, Any]]]:
        return [(packet, told) for packet, body in self.published(STATE)
                if not (told := msgspec.json.decode(body))["online"]]

    def command(self, verb: str) -> tuple[Packet, Payload]:
        topic = f"spBv1.0/{GROUP}/{verb}/{NODE}" + (f"/{DEVICE}" if verb == "DCMD" else "")
        packet, body = self.published(topic, 0)[-1]
        return packet, sp.decode(body)


async def scenario(folder: Path) -> Wire:
    wire, device = Wire(), Device(folder / "broker")
    await device.begin()
    tap = Tap(device.broker.port)
    port = await tap.begin()
    connection = SparkplugConnection(described(port, PROPERTIES, **{"weft:hostId": HOST}), None, "M", Hosts(), PACE)
    await connection.open()
    try:
        assert await connection.wait_up(20)
        assert await connection.write({"Speed": 1300}) == {"Speed": ""}
        await _say(device.broker, STATE, '{"online": false, "timestamp": 5}')
        await until(lambda: tap.said[0].count(b'"online":true') >= 2)
        for pipe in tuple(tap.pipes):  # a cut, without a word
            pipe.transport.abort()
        await until(lambda: len(tap.said) > 1 and not connection.health.up)
        assert await connection.wait_up(20)
        await connection.close()
        wire.sessions = [tap.packets(number) for number in range(len(tap.said)) if tap.said[number]]
        wire.old = await _in_311(tap, port)
    finally:
        await connection.close()
        await tap.end()
        await device.kill()
    return wire


async def _in_311(tap: Tap, port: int) -> list[Packet]:
    before = len(tap.said)
    told = described(port, PROPERTIES, **{"weft:hostId": HOST, "weft:mqttVersion": "3.1.1"})
    connection = SparkplugConnection(told, None, "M", Hosts(), PACE)
    await connection.open()
    assert await connection.wait_up(20)
    await connection.close()
    return tap.packets(before)


async def _say(broker: Broker, topic: str, payload: str) -> None:
    child = await asyncio.create_subprocess_exec("mosquitto_pub", "-p", str(broker.port), "-t", topic, "-m", payload)
    await child.wait()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """One story, told once; all statements look at it."""
    return asyncio.run(scenario(tmp_path_factory.mktemp("sparkplug")))


# ---- the session --------------------------------------------------------------------------------------


@states("message-flow-phid-sparkplug-clean-session-50")
def session_is_clean_in_5(wire: Wire) -> None:
    for one in wire.connects()[:-1]:
        assert one["flags"] & 2
        assert one["expiry"] == 0


@states("message-flow-phid-sparkplug-clean-session-311")
def session_is_clean_in_311(wire: Wire) -> None:
    assert wire.old[0].version == 4
    assert wire.old[0].connect()["flags"] & 2


@states("host-topic-phid-death-required", "operational-behavior-host-application-connect-will",
        "payloads-state-will-message", "host-topic-phid-death-topic",
        "operational-behavior-host-application-connect-will-topic")
def will_is_our_state(wire: Wire) -> None:
    assert all(one["will"][0] == STATE for one in wire.connects())


@states("host-topic-phid-death-qos", "operational-behavior-host-application-connect-will-qos",
        "payloads-state-will-message-qos")
def will_is_at_qos_1(wire: Wire) -> None:
    assert all(one["will-qos"] == 1 for one in wire.connects())


@states("host-topic-phid-death-retain", "operational-behavior-host-application-connect-will-retained",
        "payloads-state-will-message-retain")
def will_is_retained(wire: Wire) -> None:
    assert all(one["will-retain"] for one in wire.connects())


@states("host-topic-phid-death-payload", "host-topic-phid-death-payload-connect",
        "operational-behavior-host-application-connect-will-payload", "payloads-state-will-message-payload",
        "host-topic-phid-death-payload-timestamp-connect")
def will_says_offline_and_when_we_connected(wire: Wire) -> None:
    for one in wire.connects():
        assert set(one["will"][1]) == {"online", "timestamp"}
        assert one["will"][1]["online"] is False
        assert FROM_MS < one["will"][1]["timestamp"] < UNTIL_MS


@states("host-topic-phid-birth-sub-required", "message-flow-phid-sparkplug-subscription", "payloads-state-subscribe")
def what_follows_connect_is_to_subscribe_to_our_state_and_the_edge_nodes(wire: Wire) -> None:
    for packets in (*wire.sessions, wire.old):
        wanted = next(one for one in packets[1:] if one.kind != 12)  # 12: PINGREQ says nothing
        assert wanted.kind == 8
        assert STATE in wanted.filters()
        assert f"spBv1.0/{GROUP}/NBIRTH/{NODE}" in wanted.filters()


@states("principles-birth-certificates-order", "host-topic-phid-birth-message", "host-topic-phid-birth-required",
        "message-flow-phid-sparkplug-state-publish", "operational-behavior-host-application-connect-birth",
        "operational-behavior-primary-application-state-with-multiple-servers-state")
def first_message_of_every_session_is_our_birth_after_subscribing(wire: Wire) -> None:
    for packets in (*wire.sessions, wire.old):
        kinds = [one.kind for one in packets if one.kind in (3, 8)]
        assert kinds[:2] == [8, 3]
        first = next(one for one in packets if one.kind == 3)
        assert first.published()[0] == STATE
        assert msgspec.json.decode(first.published()[1])["online"] is True


@states("host-topic-phid-birth-topic", "operational-behavior-host-application-connect-birth-topic")
def birth_goes_to_our_state(wire: Wire) -> None:
    assert len(wire.births()) == len(wire.sessions) >= 2


@states("host-topic-phid-birth-qos", "operational-behavior-host-application-connect-birth-qos")
def birth_is_at_qos_1(wire: Wire) -> None:
    assert all(packet.qos == 1 for packet, _ in wire.births())


@states("host-topic-phid-birth-retain", "operational-behavior-host-application-connect-birth-retained")
def birth_is_retained(wire: Wire) -> None:
    assert all(packet.retain for packet, _ in wire.births())


@states("payloads-state-birth")
def birth_follows_subscribing_at_qos_1_retained(wire: Wire) -> None:
    first_message_of_every_session_is_our_birth_after_subscribing(wire)
    birth_is_at_qos_1(wire)
    birth_is_retained(wire)


@states("host-topic-phid-birth-payload", "message-flow-phid-sparkplug-state-publish-payload",
        "operational-behavior-host-application-connect-birth-payload", "payloads-state-birth-payload")
def birth_says_online_in_json(wire: Wire) -> None:
    for _, told in wire.births():
        assert set(told) == {"online", "timestamp"}
        assert told["online"] is True


@states("host-topic-phid-birth-payload-timestamp", "message-flow-phid-sparkplug-state-publish-payload-timestamp",
        "operational-behavior-host-application-multi-server-timestamp")
def birth_has_the_time_of_the_will_of_its_own_session(wire: Wire) -> None:
    stamps = [one["will"][1]["timestamp"] for one in wire.connects()[:-1]]
    assert [told["timestamp"] for _, told in wire.births()] == stamps
    assert len(set(stamps)) == len(stamps)


@states("message-flow-hid-sparkplug-state-message-delivered")
def who_says_that_we_are_offline_is_answered_with_the_same_birth(wire: Wire) -> None:
    told = [msgspec.json.decode(body) for _, body in wire.published(STATE, 0)]
    assert len(told) >= 2
    assert told[1] == told[0]
    assert all(packet.retain and packet.qos == 1 for packet, _ in wire.published(STATE, 0))


@states("operational-behavior-host-application-termination",
        "operational-behavior-host-application-disconnect-intentional",
        "host-topic-phid-death-payload-disconnect-clean", "host-topic-phid-death-payload-timestamp-disconnect-clean",
        "host-topic-phid-death-payload-disconnect-with-no-disconnect-packet",
        "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet")
def who_leaves_says_so_with_the_present_time_and_then_disconnects(wire: Wire) -> None:
    (packet, told), = wire.deaths()
    assert told["timestamp"] > wire.births()[-1][1]["timestamp"]
    after = wire.sessions[-1][wire.sessions[-1].index(packet) + 1:]
    assert [one.kind for one in after if one.kind in (3, 14)] == [14]


@states("operational-behavior-host-application-death-topic", "operational-behavior-host-application-death-payload",
        "operational-behavior-host-application-death-qos", "operational-behavior-host-application-death-retained")
def death_is_like_the_will(wire: Wire) -> None:
    (packet, told), = wire.deaths()
    assert (packet.published()[0], packet.qos, packet.retain) == (STATE, 1, True)
    assert set(told) == {"online", "timestamp"}


@states("intro-sparkplug-host-state", "components-ph-state", "conformance-primary-host",
        "operational-behavior-primary-application-state-with-multiple-servers-state-subs")
def state_tells_whether_we_are_there(wire: Wire) -> None:
    assert [told["online"] for _, told in (*wire.births()[-1:], *wire.deaths())] == [True, False]


@states("operational-behavior-host-application-host-id")
def a_host_is_named_once_for_all_machines_of_a_node_and_never_twice(wire: Wire) -> None:
    assert all(one["will"][0] == STATE for one in wire.connects())
    assert Hosts()._own_name("") != Hosts()._own_name("")


# ---- commands -----------------------------------------------------------------------------------------


@states("topic-structure", "topic-structure-namespace-a", "topics-ncmd-topic", "topics-dcmd-topic",
        "topic-structure-namespace-device-id-associated-message-types",
        "topic-structure-namespace-device-id-non-associated-message-types",
        "operational-behavior-data-commands-ncmd-verb", "operational-behavior-data-commands-dcmd-verb")
def commands_go_to_the_node_or_to_its_device(wire: Wire) -> None:
    topics = {one.published()[0] for one in wire.of(3, 0)} - {STATE}
    assert topics == {f"spBv1.0/{GROUP}/NCMD/{NODE}", f"spBv1.0/{GROUP}/DCMD/{NODE}/{DEVICE}"}


@states("topics-ncmd-mqtt", "topics-dcmd-mqtt", "payloads-ncmd-qos", "payloads-ncmd-retain", "payloads-dcmd-qos",
        "payloads-dcmd-retain")
def commands_are_at_qos_0_and_not_retained(wire: Wire) -> None:
    for verb in ("NCMD", "DCMD"):
        packet, _ = wire.command(verb)
        assert (packet.qos, packet.retain) == (0, False)


@states("topics-ncmd-timestamp", "topics-dcmd-timestamp", "payloads-ncmd-timestamp", "payloads-dcmd-timestamp",
        "payloads-timestamp-in-UTC", "payloads-metric-timestamp-in-UTC", "payloads-name-cmd-requirement")
def commands_tell_when_they_were_sent(wire: Wire) -> None:
    for verb in ("NCMD", "DCMD"):
        _, told = wire.command(verb)
        assert FROM_MS < told.timestamp < UNTIL_MS
        assert all(one.timestamp == told.timestamp for one in told.metrics)


@states("payloads-ncmd-seq", "payloads-dcmd-seq")
def commands_have_no_sequence_number(wire: Wire) -> None:
    assert [wire.command(verb)[1].seq for verb in ("NCMD", "DCMD")] == [-1, -1]


@states("topics-ncmd-payload", "operational-behavior-data-commands-ncmd-metric-name",
        "operational-behavior-data-commands-ncmd-metric-value",
        "operational-behavior-data-commands-ncmd-rebirth-verb", "operational-behavior-data-commands-ncmd-rebirth-name",
        "operational-behavior-data-commands-ncmd-rebirth-value")
def a_rebirth_is_asked_for_by_its_name_with_true(wire: Wire) -> None:
    _, told = wire.command("NCMD")
    assert [(one.name, one.value) for one in told.metrics] == [("Node Control/Rebirth", True)]


@states("topics-dcmd-payload", "operational-behavior-data-commands-dcmd-metric-name",
        "operational-behavior-data-commands-dcmd-metric-value", "payloads-name-requirement")
def a_command_has_the_metric_of_the_birth_with_a_value_of_its_type(wire: Wire) -> None:
    _, told = wire.command("DCMD")
    assert [(one.name, sp.plain(one.value, sp.INT32)) for one in told.metrics] == [("Speed", (1300, ""))]


@states("payloads-alias-data-cmd-requirement")
def a_metric_with_an_alias_is_commanded_by_it_alone(wire: Wire) -> None:
    assert wire.sessions
    connection = SparkplugConnection(described(1, PROPERTIES), None, "M", Hosts(), PACE)
    edge = connection._edge = Edge()
    edge.take("NBIRTH", "", Payload(seq=0), 0, 0)
    speed = Metric(name="Speed", alias=7, datatype=sp.INT32, value=1)
    edge.take("DBIRTH", DEVICE, Payload(seq=1, metrics=[speed]), 0, 0)
    made = connection._metric("Speed", 5)
    assert isinstance(made, Metric)
    assert (made.name, made.alias, made.value) == ("", 7, 5)


# ---- names --------------------------------------------------------------------------------------------


@states("topic-structure-namespace-valid-group-id", "intro-group-id-chars", "intro-group-id-string",
        "topic-structure-namespace-valid-edge-node-id", "intro-edge-node-id-chars", "intro-edge-node-id-string",
        "topic-structure-namespace-valid-device-id", "intro-device-id-chars", "intro-device-id-string")
def names_have_no_signs_of_topics(wire: Wire) -> None:
    assert wire.sessions
    for place in ("%E8%BD%A6/E%2B1/M", "G/E%23/M", "G/E/M%2Fx", "G", "G/E/M/x", "G//M", "STATE/E", "G/E%00/M"):
        with pytest.raises(Invalid, match=r"machine\.topic"):
            SparkplugConnection(described(1, {}, place=place))
    SparkplugConnection(described(1, {}, place="%E8%BD%A6%E9%97%B4/E 1"))  # the control: any other letters may be


@states("topic-structure-namespace-duplicate-device-id-across-edge-node")
def devices_of_one_name_at_two_nodes_are_two(wire: Wire) -> None:
    assert wire.sessions
    one, other = Edge(), Edge()
    for edge in (one, other):
        edge.take("NBIRTH", "", Payload(seq=0), 0, 0)
        edge.take("DBIRTH", "M1", Payload(seq=1), 0, 0)
    one.take("DDEATH", "M1", Payload(seq=2), 0, 0)
    assert (one.devices["M1"], other.devices["M1"]) == ("machine.offline", "")


# ---- what is done with what edge nodes say ------------------------------------------------------------


def born() -> Edge:
    edge = Edge(reorder_s=2.0)
    number = Metric(name="N", datatype=sp.INT32, value=1, timestamp=50)
    edge.take("NBIRTH", "", Payload(timestamp=100, seq=0, metrics=[
        Metric(name="bdSeq", datatype=sp.UINT64, value=4), number]), 1.0, 1000)
    edge.take("DBIRTH", "M1", Payload(timestamp=100, seq=1, metrics=[number]), 1.0, 1000)
    return edge


def death() -> Payload:
    return Payload(metrics=[Metric(name="bdSeq", datatype=sp.UINT64, value=4)])


@states("operational-behavior-edge-node-termination-host-action-ndeath-node-offline",
        "operational-behavior-edge-node-termination-host-action-ndeath-devices-offline")
def with_a_node_all_its_devices_are_offline_by_our_clock(wire: Wire) -> None:
    assert wire.sessions
    edge = born()
    heard = edge.take("NDEATH", "", death(), 2.0, 2000)
    assert (edge.online, edge.why, edge.devices) == (False, "machine.offline", {"M1": "machine.offline"})
    assert {(one.device, one.at_ms) for one in heard} == {("M1", 2000), ("", 2000)}


@states("operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
        "operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale")
def with_a_node_all_values_are_stale_by_our_clock(wire: Wire) -> None:
    assert wire.sessions
    edge = born()
    edge.take("NDEATH", "", death(), 2.0, 2000)
    for device in ("", "M1"):
        value = edge.values[device]["N"]
        assert (value.value, value.quality, value.detail, value.server_ms) == (None, Quality.MISSING, "stale", 2000)


@states("operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
        "operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale")
def with_a_device_its_values_are_stale_by_the_nodes_clock_and_no_others(wire: Wire) -> None:
    assert wire.sessions
    edge = born()
    heard = edge.take("DDEATH", "M1", Payload(timestamp=150, seq=2), 2.0, 2000)
    assert [(one.device, one.died, one.at_ms) for one in heard] == [("M1", "machine.offline", 150)]
    assert (edge.values["M1"]["N"].detail, edge.values["M1"]["N"].server_ms) == ("stale", 150)
    assert edge.values[""]["N"].good


@states("operational-behavior-host-reordering-param")
def how_long_is_waited_for_what_is_missing_can_be_said(wire: Wire) -> None:
    assert wire.sessions
    hosts = Hosts()
    for told, seconds in ((None, 2.0), (500, 0.5)):
        terms = {} if told is None else {"weft:reorderMs": told, "weft:hostId": "other"}
        connection = SparkplugConnection(described(1, {}, **terms), None, "M", hosts, PACE)
        assert hosts.at(connection._door, PACE)._reorder_s == seconds


def late() -> Edge:
    edge = born()
    assert edge.take("DDATA", "M1", Payload(timestamp=120, seq=3, metrics=[
        Metric(name="N", datatype=sp.INT32, value=3, timestamp=120)]), 5.0, 5000) == []
    return edge


@states("operational-behavior-host-reordering-start")
def what_comes_too_early_starts_the_time(wire: Wire) -> None:
    assert wire.sessions
    edge = late()
    assert edge.next_s(5.5) == 1.5
    assert edge.due(6.9, 6900) == ([], False)


@states("operational-behavior-host-reordering-rebirth")
def when_the_time_is_over_a_rebirth_is_asked_for(wire: Wire) -> None:
    assert wire.sessions
    edge = late()
    heard, ask = edge.due(7.0, 7000)
    assert ask
    assert {one.died for one in heard} == {"machine.messages-lost"}


@states("operational-behavior-host-reordering-success")
def what_was_missing_ends_the_time_and_all_is_taken_in_order(wire: Wire) -> None:
    assert wire.sessions
    edge = late()
    heard = edge.take("DDATA", "M1", Payload(timestamp=110, seq=2, metrics=[
        Metric(name="N", datatype=sp.INT32, value=2, timestamp=110)]), 6.0, 6000)
    assert [value.value for one in heard for _, value in one.metrics] == [2, 3]
    assert edge.due(60.0, 60_000) == ([], False)


# ---- the table ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", sorted(CHECKS))
def test_statement(statement: str, wire: Wire) -> None:
    CHECKS[statement](wire)


def test_every_statement_of_the_specification_has_its_test_or_its_reason() -> None:
    others = tomllib.loads((Path(__file__).with_name("statements.toml")).read_text(encoding="utf-8"))
    named = [one for group in others.values() for one in group["ids"]]
    assert all(group["why"] for group in others.values())
    assert len(named) == len(set(named))
    assert not set(named) & set(CHECKS)
    assert len(set(named) | set(CHECKS)) == 303
