"""Events to a real Mosquitto, heard by ``mosquitto_sub``: what the broker has not acknowledged is not delivered."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import json
import socket
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.peers.mosquitto import Broker, Listener, program
from weft.basis.errors import Invalid, Refused, Unavailable, WeftError
from weft.engine.twins.subscriptions import Credentials, Message, Subscription, Target
from weft.peers import mqtt
from weft.peers.guard import Guard, Reach
from weft.peers.mqtt import MqttBrokers

TOPIC = "factory/maker"
MESSAGES = [Message(f"evt_{n}", json.dumps({"specversion": "1.0", "id": str(n)}).encode()) for n in range(150)]


@pytest.fixture
def broker(tmp_path):
    found: list[Broker] = []

    def made(*lines: str) -> Broker:
        found.append(Broker(tmp_path / f"broker{len(found)}", *lines))
        return found[-1].up()

    yield made
    for one in found:
        one.kill()


def target(port: int, *, scheme: str = "mqtt", host: str = "127.0.0.1", topic: str = TOPIC, **credentials) -> Target:
    about = Subscription(id="s1", name="Floor", kind="mqtt", address=f"{scheme}://{host}:{port}", since="")
    return Target(about, Credentials(**credentials), "maker.example", topic, "weft-maker-s1")


@contextlib.asynccontextmanager
async def brokers(reach: Reach = Reach.HERE, answer_s: float = 10.0):
    made = MqttBrokers(Guard(reach), answer_s)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("version", ["5", "311"])
async def test_a_foreign_client_hears_all_of_it_in_order(broker, version):
    one = broker()
    async with Listener(one.port, version=version) as listener, brokers() as made:
        await _listens(made, one, listener)
        left = MESSAGES
        while left:
            left = left[await made.send(target(one.port), left):]
        heard = await listener.until(len(MESSAGES), TOPIC)
    assert [(topic, json.loads(body)["id"]) for topic, body in heard[-150:]] == [
        (TOPIC, str(n)) for n in range(len(MESSAGES))]


async def _listens(made: MqttBrokers, one: Broker, listener: Listener) -> None:
    """Until the listener hears, nothing counts: what is sent before it subscribed is nobody's."""
    while not listener.heard:
        await made.send(target(one.port, topic="hello"), MESSAGES[:1])
        await asyncio.sleep(0.02)


async def test_no_more_is_under_way_than_the_broker_lets(broker):
    one = broker("max_inflight_messages 3")  # MQTT 5 §3.2.2.3.3: it says so in its CONNACK
    async with brokers() as made:
        assert await made.send(target(one.port), MESSAGES) == 3
        assert await made.send(target(one.port), MESSAGES[3:5]) == 2


async def test_a_broker_of_mqtt_5_is_told_what_the_payload_is(broker):
    one = broker()
    async with Listener(one.port, "-F", "%t %C") as listener, brokers() as made:
        while not listener.heard:
            await made.send(target(one.port), MESSAGES[:1])
        assert listener.heard[0] == (TOPIC, mqtt.ONE)


async def test_what_the_broker_does_not_let_us_write_is_not_taken(broker, tmp_path):
    rights = tmp_path / "rights"
    rights.write_text("topic write factory/#\n")
    one = broker(f"acl_file {rights}")
    async with brokers() as made:
        assert await made.send(target(one.port), MESSAGES[:3]) == 3
        with pytest.raises(Unavailable) as caught:
            await made.send(target(one.port, topic="secret/place"), MESSAGES[:3])
    assert caught.value.code == "twin-event.broker-refused" and "authorized" in caught.value.facts["reason"].lower()


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "passwords"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(path), "weft", "right"], check=True)
    path.chmod(0o644)
    return path


async def test_who_asks_for_a_password_gets_the_right_one(broker, passwords):
    one = broker("allow_anonymous false", f"password_file {passwords}")
    async with brokers() as made:
        for wrong in ({"user": "weft", "password": "wrong"}, {}):
            with pytest.raises(Refused) as caught:
                await made.send(target(one.port, **wrong), MESSAGES[:1])
            assert caught.value.code == "twin-event.broker-login"
        assert await made.send(target(one.port, user="weft", password="right"), MESSAGES[:1]) == 1


async def test_a_broker_that_was_killed_takes_what_it_had_not_acknowledged_once_it_is_back(broker):
    one = broker()
    async with brokers() as made:
        assert await made.send(target(one.port), MESSAGES[:2]) == 2
        one.kill()
        with pytest.raises(Unavailable) as caught:
            await made.send(target(one.port), MESSAGES[2:4])
        assert caught.value.code in ("twin-event.hung-up", "twin-event.unreachable")
        one.up()
        async with Listener(one.port) as listener:
            await _listens(made, one, listener)
            assert await made.send(target(one.port), MESSAGES[2:4]) == 2
            heard = await listener.until(2, TOPIC)
    assert [json.loads(body)["id"] for topic, body in heard if topic == TOPIC] == ["2", "3"]


async def test_a_broker_that_says_nothing_takes_nothing():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        async with brokers(answer_s=0.3) as made:
            with pytest.raises(Unavailable) as caught:
                await made.send(target(mute.getsockname()[1]), MESSAGES[:1])
    assert caught.value.code == "twin-event.no-answer"


@contextlib.asynccontextmanager
async def talkative(announced):
    """A broker that greets, and then says that a message of so many bytes follows; how many bytes of it were taken."""
    taken = 0

    async def serve(reader, writer):
        nonlocal taken
        await reader.read(65_536)
        writer.write(bytes([0x20, 3, 0, 0, 0]))  # CONNACK, taken
        length, left = bytearray(), announced
        while left:
            length.append(left % 128 | (128 if left >= 128 else 0))
            left //= 128
        writer.write(b"\x30" + bytes(length))
        with contextlib.suppress(OSError):
            while taken < announced:
                writer.write(bytes(65_536))
                await writer.drain()
                taken += 65_536
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lambda: taken


@pytest.mark.parametrize(("most", "all_of_it"), [(None, False), (2**28, True)])  # the second: the control
async def test_a_broker_that_talks_without_end_is_not_listened_to(monkeypatch, most, all_of_it):
    if most:
        monkeypatch.setattr(mqtt, "ANSWER_MAX", most)
    announced = 32 * 2**20
    async with talkative(announced) as (port, taken), brokers(answer_s=2.0) as made:
        with contextlib.suppress(Unavailable):
            await made.send(target(port), MESSAGES[:1])
        assert (taken() >= announced) is all_of_it


def test_an_authority_in_letters_that_pem_has_not_is_refused():
    with pytest.raises(Invalid) as caught:
        mqtt.trusting("é")
    assert caught.value.code == "twin-event.ca"


# ---- a broker that speaks 3.1.1 only ----------------------------------------------------------------


@contextlib.asynccontextmanager
async def old(port: int, *, hangs_up: bool):
    """A way to the broker at ``port`` which treats MQTT 5 as brokers do that do not know it; and who came that way."""
    came: list[int] = []
    at_work: list[asyncio.Task[None]] = []

    async def pipe(reader, writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        await hang_up(writer)

    async def hang_up(writer):
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def serve(reader, writer):
        at_work.append(asyncio.current_task())
        begun = await reader.read(65_536)
        came.append(begun[begun.index(b"MQTT") + 4])
        if came[-1] == 5:
            if not hangs_up:
                writer.write(bytes([0x20, 2, 0, 1]))  # MQTT 3.1.1 §3.2.2.3: unacceptable protocol version
                await writer.drain()
            await hang_up(writer)
            return
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        to_writer.write(begun)
        await asyncio.gather(pipe(reader, to_writer), pipe(to_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came
        await asyncio.wait_for(asyncio.gather(*at_work), 10)


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_broker_that_does_not_know_mqtt_5_is_spoken_to_in_its_own(broker, hangs_up):
    one = broker()
    async with old(one.port, hangs_up=hangs_up) as (port, came), brokers() as made:
        assert await made.send(target(port), MESSAGES[:3]) == 3
        assert await made.send(target(port), MESSAGES[3:5]) == 2
    assert came == [5, 4]


# ---- who is on the other side -----------------------------------------------------------------------


def certificate(folder, name, issuer=None, host=""):
    """(certificate, key) in PEM files; signed by ``issuer`` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer[0].subject if issuer else subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True))
    if issuer is None:
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        made = made.add_extension(x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False),
            critical=True)
    else:
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[0].public_key()),
                                  critical=False)
    if host:
        address = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signed = made.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    (folder / f"{name}.key").chmod(0o644)
    return signed, key


async def test_over_tls_the_name_and_the_authority_must_be_right(broker, tmp_path):
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "right", authority, "127.0.0.1")
    certificate(tmp_path, "other", authority, "broker.example")
    right, other = (broker(f"certfile {tmp_path}/{name}.pem", f"keyfile {tmp_path}/{name}.key")
                    for name in ("right", "other"))
    known = (tmp_path / "authority.pem").read_text()
    async with brokers() as made:
        assert await made.send(target(right.port, scheme="mqtts", ca=known), MESSAGES[:2]) == 2
        for port, ca in ((other.port, known), (right.port, "")):
            await made.forget("s1")
            with pytest.raises(Unavailable) as caught:
                await made.send(target(port, scheme="mqtts", ca=ca), MESSAGES[:1])
            assert caught.value.code == "twin-event.certificate"
        await made.forget("s1")
        with pytest.raises(Invalid) as caught:
            await made.send(target(right.port, scheme="mqtts", ca="no certificate"), MESSAGES[:1])
        assert caught.value.code == "twin-event.ca"


@pytest.mark.parametrize(("host", "scheme", "reach", "code"), [
    ("127.0.0.1", "mqtts", Reach.LAN, "twin-event.private-address"),
    ("10.0.0.7", "mqtts", Reach.PUBLIC, "twin-event.private-address"),
    ("169.254.169.254", "mqtts", Reach.HERE, "twin-event.forbidden-address"),
    ("192.0.43.8", "mqtt", Reach.HERE, "twin-event.not-encrypted")])
async def test_nothing_goes_where_the_guard_does_not_let_it(host, scheme, reach, code):
    async with brokers(reach) as made:
        with pytest.raises(WeftError) as caught:
            await made.send(target(1883, scheme=scheme, host=host), MESSAGES[:1])
    assert caught.value.code == code
