"""What is peculiar to machines behind a broker: who is gone, what is old, who may read what, and floods."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.machines.conftest import certificate
from tests.machines.mqtt.conftest import opened, publish, thing
from tests.machines.suite import until
from tests.peers.mosquitto import Broker, Listener, program
from weft.basis.errors import Invalid, Unavailable
from weft.machines import connect
from weft.machines.access import Access, Files
from weft.shopfloor.connection import Quality
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse

LOGIN = {"securityDefinitions": {"login": {"scheme": "basic"}}, "security": ["login"]}
SPEED = {"Speed": ("number", "m/speed", {})}


# ---- who is gone --------------------------------------------------------------------------------------


async def test_a_broker_that_is_gone_a_machine_that_is_off_and_one_that_is_silent_are_three_things(
    broker: Broker
) -> None:
    described = thing(broker, SPEED, **{"weft:availability": "m/online", "weft:heartbeat": "m/beat",
                                        "weft:heartbeatMs": 700})
    async with opened(described) as at:
        await at.error("machine.not-announced")
        await publish(broker, "m/online", "online", "-r")
        beating = asyncio.create_task(beat(broker))
        await at.up()
        await publish(broker, "m/online", "offline", "-r")
        await at.error("machine.offline")
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await at.connection.read(["Speed"])
        await publish(broker, "m/online", "online", "-r")
        await at.up()
        beating.cancel()
        await at.error("machine.silent-behind-broker")
        broker.kill()
        await at.error("machine.broker-gone")
    assert [one.up for one in at.heard.links] == [True, False, True, False]
    assert [one.detail for one in at.heard.links if not one.up] == ["machine.offline", "machine.silent-behind-broker"]


async def beat(broker: Broker) -> None:
    while True:
        await publish(broker, "m/beat", "x")
        await asyncio.sleep(0.2)


async def test_control_without_a_heartbeat_a_machine_that_has_died_is_taken_for_well(broker: Broker) -> None:
    async with opened(thing(broker, SPEED)) as at:
        await at.up()
        await publish(broker, "m/speed", "1")
        await asyncio.sleep(2)
        assert at.connection.health.up
        assert (await at.connection.read(["Speed"]))["Speed"].good


async def test_a_broker_that_lets_us_not_in_says_so_and_the_right_login_brings_us_in(tmp_path: Path) -> None:
    users = tmp_path / "users"
    child = await asyncio.create_subprocess_exec(program("mosquitto_passwd"), "-b", "-c", str(users), "weft", "right")
    await child.wait()
    broker = Broker(tmp_path / "broker", "allow_anonymous false", f"password_file {users}").up()
    keys = tmp_path / "keys"
    try:
        async with opened(thing(broker, SPEED, **LOGIN), keys) as at:
            await at.error("machine.no-login")
            Access(keys).set_login("M1", user="weft", password="wrong")
            await at.error("machine.login-refused")
            assert at.connection.health.facts == {"machine": "M1", "detail": "not-authorized"}
            Access(keys).set_login("M1", user="weft", password="right")
            await at.up()
        async with opened(thing(broker, SPEED)) as at:
            await at.error("machine.login-refused")
    finally:
        broker.kill()


async def test_what_is_no_broker_at_all_is_told(tmp_path: Path) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = Broker(tmp_path / "never-up")
    one.port = port
    async with opened(thing(one, SPEED)) as at:
        await at.error("machine.broker-broken")
    server.close()


# ---- what is old --------------------------------------------------------------------------------------


async def test_what_is_not_heard_for_too_long_is_stale_and_unchanged_is_not(broker: Broker) -> None:
    described = thing(broker, {"Short": ("number", "m/short", {"weft:staleMs": 600}), "Long": ("number", "m/long", {})})
    async with opened(described) as at:
        await at.up()
        assert (at.heard.newest("Short").quality, at.heard.newest("Short").detail) == (Quality.MISSING, "not-heard")
        await publish(broker, "m/short", "1")
        await publish(broker, "m/long", "2")
        await until(lambda: at.heard.value("Long") == 2)
        for _ in range(5):  # it goes on saying the same: unchanged, not stale
            await publish(broker, "m/short", "1")
            await asyncio.sleep(0.2)
        assert "stale" not in [value.detail for _, value in at.heard.changes]
        await until(lambda: at.heard.newest("Short").detail == "stale")
        told = await at.connection.read(["Short", "Long"])
        assert (told["Short"].quality, told["Short"].value) == (Quality.MISSING, None)
        assert told["Long"].good
        assert told["Long"].age_ms >= 500
        await publish(broker, "m/short", "1")
        await until(lambda: at.heard.newest("Short").good)
    assert len(at.heard.links) == 1


async def test_a_heartbeat_keeps_values_alive_and_without_it_they_grow_stale(broker: Broker) -> None:
    properties = {"Slow": ("number", "m/slow", {"weft:staleMs": 800})}
    async with opened(thing(broker, properties, **{"weft:heartbeat": "m/beat"})) as at, opened(
            thing(broker, properties)) as control:
        await at.up()
        await control.up()
        await publish(broker, "m/slow", "1")
        for _ in range(7):
            await publish(broker, "m/beat", "x")
            await asyncio.sleep(0.2)
        assert at.heard.newest("Slow").good
        assert control.heard.newest("Slow").detail == "stale"
        await until(lambda: at.heard.newest("Slow").detail == "stale")


async def test_what_lay_at_the_broker_before_has_no_age(broker: Broker) -> None:
    await publish(broker, "m/speed", "5", "-r")
    async with opened(thing(broker, SPEED)) as at:
        await at.up()
        assert at.heard.value("Speed") == 5
        assert (await at.connection.read(["Speed"]))["Speed"].age_ms == -1
        await publish(broker, "m/speed", "6", "-r")
        await until(lambda: at.heard.value("Speed") == 6)
        assert 0 <= (await at.connection.read(["Speed"]))["Speed"].age_ms < 5000


async def test_after_a_gap_nothing_is_taken_for_known_that_was_not_heard_again(broker: Broker) -> None:
    async with opened(thing(broker, SPEED)) as at:
        await at.up()
        await publish(broker, "m/speed", "5")
        await until(lambda: at.heard.value("Speed") == 5)
        broker.kill()
        await until(at.heard.down)
        broker.up()
        await until(lambda: at.heard.ups() == 2)
        await until(lambda: at.heard.newest("Speed").detail == "not-heard")


# ---- what is wrong ------------------------------------------------------------------------------------


async def test_what_is_large_deep_or_broken_is_bad_for_itself_and_stops_nothing(broker: Broker) -> None:
    described = thing(broker, {"Huge": ("string", "m/huge", {}), "Deep": ("number", "m/deep", {}),
                               "Bytes": ("string", "m/bytes", {"contentType": "text/plain"}), **SPEED})
    async with opened(described) as at:
        await at.up()
        await publish(broker, "m/huge", b'"' + b"x" * 3_000_000 + b'"', "-r")
        await publish(broker, "m/deep", "[" * 200_000)
        await publish(broker, "m/bytes", b"\xff\x00\xfe")
        await publish(broker, "m/speed", "7")
        await until(lambda: at.heard.value("Speed") == 7)
        assert at.connection.health.bad == {"Huge": "too-large", "Deep": "not-json", "Bytes": "not-utf-8"}
        await publish(broker, "m/huge", '"small"', "-r")
        await until(lambda: at.heard.value("Huge") == "small")
    assert [one.up for one in at.heard.links] == [True]
    async with opened(described) as again:  # what is too large and retained does not keep us out for ever
        await publish(broker, "m/huge", b"x" * 2_000_000, "-r")
        await again.up()
        await until(lambda: again.heard.newest("Huge").detail == "too-large")


async def test_a_flood_is_heard_to_its_last_message(broker: Broker) -> None:
    described = thing(broker, {"N": ("integer", "m/n", {}), "Other": ("integer", "m/other", {})})
    async with opened(described) as at:
        await at.up()
        child = await asyncio.create_subprocess_exec(
            program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", "m/n", "-l",
            stdin=asyncio.subprocess.PIPE)
        await child.communicate("\n".join(map(str, range(20_000))).encode())
        await publish(broker, "m/other", "1")
        await until(lambda: at.heard.value("N") == 19_999, 60)
        await until(lambda: at.heard.value("Other") == 1)
    heard = [value.value for name, value in at.heard.changes if name == "N" and value.good]
    assert heard == list(range(20_000))
    assert [one.up for one in at.heard.links] == [True]


# ---- what is written ----------------------------------------------------------------------------------


def writable(broker: Broker, href: str = "m/set", **form: Any) -> Description:
    described = thing(broker, SPEED)
    prop = msgspec.structs.replace(described.properties["Speed"], write_form={"href": href, **form})
    return msgspec.structs.replace(described, properties={"Speed": prop})


async def test_a_write_that_nobody_listens_to_is_refused(broker: Broker) -> None:
    async with opened(writable(broker)) as at:
        await at.up()
        assert await at.connection.write({"Speed": 5}) == {"Speed": "nobody-listens"}
        async with Listener(broker.port) as somebody:
            await publish(broker, "m/here", "x")
            await somebody.until(1)
            assert await at.connection.write({"Speed": 5}) == {"Speed": ""}
            assert ("m/set", "5") in await somebody.until(1, "m/set")


async def test_nothing_is_kept_back_while_the_link_is_down(broker: Broker) -> None:
    async with opened(writable(broker)) as at:
        await at.up()
        broker.kill()
        await until(at.heard.down)
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await at.connection.write({"Speed": 5})
        broker.up()
        async with Listener(broker.port) as somebody:
            await until(lambda: at.heard.ups() == 2)
            await publish(broker, "m/last", "x")
            await somebody.until(1, "m/last")
            assert [one for one in somebody.heard if one[0] == "m/set"] == []
            assert await at.connection.write({"Speed": 6}) == {"Speed": ""}  # the control: what is sent is heard
            assert ("m/set", "6") in await somebody.until(1, "m/set")


async def device(port: int, seconds: float) -> str:
    """What a device hears within ``seconds`` whose broker keeps for it what it misses."""
    child = await asyncio.create_subprocess_exec(
        program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(port), "-V", "5", "-x", "3600", "-c", "-i", "saw",
        "-q", "1", "-t", "m/do", "-W", str(max(1, round(seconds))), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL)
    told, _ = await child.communicate()
    return told.decode()


@pytest.mark.parametrize("version", ["5", pytest.param("3.1.1", id="control: 3.1.1 cannot say so")])
async def test_a_start_that_a_device_out_of_reach_did_not_get_in_time_never_reaches_it(
    broker: Broker, version: str
) -> None:
    described = thing(broker, SPEED, **{"weft:startMs": 1000, "weft:mqttVersion": version}, actions={
        "Start": {"weft:role": "start", "weft:arguments": ["jobId"], "forms": [{"href": "m/do"}]}})
    async with opened(described) as at:
        await at.up()
        assert await device(broker.port, 1) == ""  # it was there once
        assert await at.connection.invoke("Start", ["J-1"]) == "", "the broker takes it"
        await asyncio.sleep(2.5)  # meanwhile the start is told as unknown, and a person says: not done
        assert await at.connection.invoke("Start", ["J-2"]) == ""
        heard = await device(broker.port, 1)
    assert "J-2" in heard, "what is young enough is heard"
    assert ("J-1" in heard) is (version == "3.1.1")


async def test_our_own_words_are_no_read_back(broker: Broker) -> None:
    async with opened(writable(broker, "m/speed")) as at, opened(thing(broker, SPEED)) as other:
        await at.up()
        await other.up()
        assert await at.connection.write({"Speed": 5}) == {"Speed": ""}
        await until(lambda: other.heard.value("Speed") == 5)
        assert at.heard.value("Speed") is None
    for described in (writable(broker, "m/speed", **{"mqv:retain": True}),
                      msgspec.structs.replace(writable(broker, "m/speed"), terms={"weft:mqttVersion": "3.1.1"})):
        async with opened(described) as at:
            await at.up()
            assert await at.connection.write({"Speed": 5}) == {"Speed": "own-echo"}


async def test_an_action_is_published_with_its_arguments_by_name(broker: Broker) -> None:
    described = thing(broker, SPEED, actions={
        "Start": {"weft:role": "start", "weft:arguments": ["jobId", "target"], "forms": [
            {"href": "m/do", "weft:body": '{"cmd": "start"}'}]},
        "Reset": {"weft:call": True, "weft:readBack": {"Speed": 0}, "forms": [
            {"href": "m/reset", "contentType": "text/plain"}]}})
    async with opened(described) as at, Listener(broker.port) as somebody:
        await at.up()
        await publish(broker, "m/here", "x")
        await somebody.until(1)
        assert await at.connection.invoke("Start", ["J-1", 4]) == ""
        assert await at.connection.invoke("Reset", []) == ""
        await somebody.until(1, "m/reset")
        assert ("m/do", '{"cmd":"start","jobId":"J-1","target":4}') in somebody.heard
        assert ("m/reset", "(null)") in somebody.heard or ("m/reset", "") in somebody.heard
        assert await at.connection.invoke("Start", ["J-1"]) == "arguments"
        assert await at.connection.invoke("Dance", []) == "unknown-action"


# ---- browsing -----------------------------------------------------------------------------------------


async def test_browsing_finds_topics_and_fields_with_their_types(broker: Broker) -> None:
    described = thing(broker, {}, **{"weft:browseS": 1})
    await publish(broker, "plant/saw/status", '{"state": "Running", "n": 4, "at": {"x/y": 1.5}}', "-r")
    await publish(broker, "plant/saw/clamp", "ON", "-r")
    await publish(broker, "plant/saw/raw", b"\xff\xfe", "-r")
    await publish(broker, "a/b/c/d/e/f/g/h", "1", "-r")
    async with opened(described) as at:
        await at.up()
        found = {one.href: one for one in await at.connection.browse()}
        under = await at.connection.browse(1, "plant/saw")
        top = await at.connection.browse(1)
        field = await at.connection.browse(1, "plant/saw/status")
    assert found["plant/saw/status#/n"].type == "integer"
    assert found["plant/saw/status#/n"].path == "plant/saw/status/n"
    assert found["plant/saw/status#/at/x~1y"].type == "number"
    assert found["plant/saw/clamp"].form == {"contentType": "text/plain"}
    assert found["plant/saw/raw"].type == ""
    assert not any(one.kind == "variable" for href, one in found.items() if href.startswith("a/"))  # too deep
    assert {one.path for one in under if one.kind == "variable"} == {"status/state", "status/n", "status/at/x~1y",
                                                                     "clamp", "raw"}
    assert [(one.href, one.kind) for one in top] == [("a", "object"), ("plant", "object")]  # step by step, as in a tree
    assert {one.path for one in field if one.kind == "variable"} == {"state", "n", "at/x~1y"}
    assert at.heard.changes == []  # it disturbs nobody


# ---- security -----------------------------------------------------------------------------------------


def tls(folder: Path, name: str) -> list[str]:
    """Lines for a broker with a certificate of its own making, for localhost and 127.0.0.1."""
    folder.mkdir(exist_ok=True)
    der, key = certificate(folder, name, "urn:broker")
    pem = folder / f"{name}.crt"
    pem.write_bytes(x509.load_der_x509_certificate(Path(der).read_bytes()).public_bytes(serialization.Encoding.PEM))
    return [f"certfile {pem}", f"keyfile {key}"]


def secure(broker: Broker, **more: Any) -> Description:
    described = thing(broker, SPEED, **more)
    return msgspec.structs.replace(described, base=f"mqtts://127.0.0.1:{broker.port}", scheme="mqtts")


async def test_a_certificate_is_remembered_on_first_use_and_another_is_not_trusted(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", *tls(tmp_path / "one", "one")).up()
    keys, trusting = tmp_path / "keys", {"weft:trust": "first-use"}
    try:
        async with opened(secure(broker, **trusting), keys) as at:
            await at.up()
        assert Files.under(keys, "M1").trusted.exists()
        broker.kill()
        other = tls(tmp_path / "two", "two")
        conf = broker.folder / "mosquitto.conf"
        lines = [one for one in conf.read_text().splitlines() if not one.startswith(("certfile", "keyfile"))]
        conf.write_text("\n".join([lines[0], *other, *lines[1:], ""]))
        broker.up()
        async with opened(secure(broker, **trusting), keys) as at:
            await at.error("machine.certificate-changed")
            Access(keys).trust("M1", Access(keys).offered("M1").fingerprint)  # the owner's word
            await at.up()
    finally:
        broker.kill()


async def test_a_certificate_that_no_authority_stands_for_is_refused_by_default(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", *tls(tmp_path / "one", "one")).up()
    try:
        async with opened(secure(broker), tmp_path / "keys") as at:
            await at.error("machine.certificate-untrusted")
    finally:
        broker.kill()


async def test_nothing_less_secure_is_tried(broker: Broker, tmp_path: Path) -> None:
    said: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listening = Broker(tmp_path / "never-up")
    listening.port = server.sockets[0].getsockname()[1]
    async with opened(secure(listening, **{"weft:trust": "first-use"}), tmp_path / "keys") as at:
        await until(lambda: len(said) > 1)
        assert not at.connection.health.up
    server.close()
    assert all(one[:1] == b"\x16" for one in said if one), said  # TLS handshakes, and nothing else
    async with opened(secure(broker, **{"weft:trust": "first-use"}), tmp_path / "keys") as at:
        await at.error("machine.broker-gone")  # a plain broker is no broker for it
    async with opened(thing(broker, SPEED)) as at:  # the control: the broker itself is well
        await at.up()


@pytest.mark.parametrize(("base", "terms", "fine"), [
    ("mqtt://192.168.1.5:1883", {}, False), ("mqtt://broker.example", {}, False),
    ("mqtt://192.168.1.5:1883", {"weft:passwordInClear": True}, True), ("mqtt://127.0.0.1:1883", {}, True),
    ("mqtt://192.168.1.5:1883", {"weft:passwordInClear": "true"}, False), ("mqtts://192.168.1.5:8883", {}, True),
])
def test_a_password_is_never_sent_in_the_clear_unless_that_is_said_outright(
    tmp_path: Path, base: str, terms: dict[str, Any], *, fine: bool
) -> None:
    with_login = _at(base, terms)
    if fine:
        connect(with_login, tmp_path, "M1")
        return
    with pytest.raises(Invalid, match=r"machine\.password-in-clear"):
        connect(with_login, tmp_path, "M1")


def _at(base: str, terms: dict[str, Any]) -> Description:
    return parse({"id": "urn:x", "title": "M1", "base": base, "properties": {}, **LOGIN, **terms})


@pytest.mark.parametrize("terms", [{"weft:mqttVersion": "4"}, {"weft:trust": "everybody"},
                                   {"weft:heartbeatMs": 500}, {"weft:heartbeat": "a", "weft:heartbeatMs": True}])
def test_terms_that_are_unclear_are_refused(tmp_path: Path, terms: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"machine\.term"):
        connect(_at("mqtt://127.0.0.1:1", terms), tmp_path, "M1")

