"""HTTP machines: a server of Python's standard library in a process of its own, plain, with a login, over TLS."""

import asyncio
import contextlib
import json
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.machines.conftest import MACHINES, certificate
from tests.machines.suite import DEAF, PACE, Counterpart, Heard, WriteSuite, opened, until
from weft.basis.errors import Invalid, Unavailable
from weft.machines import access, connect, http, polling
from weft.machines.http import HttpConnection
from weft.machines.keeping import Pace, reason
from weft.shopfloor.connection import Quality, Scalar
from weft.shopfloor.description import Description, Security
from weft.shopfloor.reading import fill, parse_text

BAD = {"Broken": "/broken", "Away": "/away", "Large": "/large", "Nonsense": "/nonsense", "Gone": "/nobody"}
PLACES = {"JobId": ("/job", "id"), "Program": ("/job", "program"), "TargetCount": ("/job", "target"),
          "Feed": ("/settings", "feed"), "CycleSeconds": ("/settings", "cycleSeconds")}


class HttpMachine(Counterpart):
    """``examples/demo/machines/http_machine.py`` with a few addresses that do not work."""

    names = {"JobId": "", "Program": "", "TargetCount": 0, "Feed": 180.0, "CycleSeconds": 60.0, "State": "Idle"}
    steady = "Feed"
    bad = {"Broken": "http 500", "Away": "redirect", "Large": "too-large", "Nonsense": "not-json", "Gone": "http 404",
           "Hot": "null", "Nowhere": "no-such-field", "Mistyped": "not-a-number", "Elsewhere": "href"}
    writes = {"TargetCount": 12, "Program": "P-7", "Feed": 200.5}
    refused = ("Feed", 501.0, "http 409 feed out of range")
    unfit = [("TargetCount", 1.5), ("Feed", "fast"), ("Program", 7), ("TargetCount", True)]

    def __init__(self, *arguments: str, files: access.Files | None = None) -> None:
        self.arguments = arguments
        self.files = files
        self.endpoint = ""

    async def begin(self) -> None:
        port = self.endpoint.rpartition(":")[2] or "0"
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / "http_machine.py"), "--port", port, *self.arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        line = await asyncio.wait_for(self.child.stdout.readline(), 60)
        self.endpoint = json.loads(line)["endpoint"]

    def thing(self, **changes: Any) -> dict[str, Any]:
        text = (MACHINES / "http.td.json").read_text(encoding="utf-8")
        thing: dict[str, Any] = json.loads(fill(text, {"NAME": "Saw1", "ENDPOINT": self.endpoint}))
        return {**thing, "weft:pollingMs": 50, **changes}

    def description(self, **changes: Any) -> Description:
        thing = self.thing(**changes)
        own = {name: {"type": "number", "forms": [{"href": href}]} for name, href in BAD.items()}
        own["Hot"] = {"type": "number", "forms": [{"href": "/status", "weft:pointer": "/hot"}]}
        own["Nowhere"] = {"type": "number", "forms": [{"href": "/status", "weft:pointer": "/no/where"}]}
        own["Mistyped"] = {"type": "number", "forms": [{"href": "/status", "weft:pointer": "/state"}]}
        own["Elsewhere"] = {"type": "number", "forms": [{"href": "http://198.51.100.7/secret"}]}
        return parse_text(json.dumps({**thing, "properties": {**thing["properties"], **own}}))

    def connection(self, description: Description, pace: Pace) -> HttpConnection:
        return HttpConnection(description, self.files, pace)

    async def put(self, name: str, value: Scalar) -> None:
        path, field = PLACES[name]
        await self.ask("PUT", path, {field: value})

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What a stock client is told."""
        def asked() -> Any:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(self.endpoint + path, data, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                content = answer.read()
            return json.loads(content) if content else None

        return await asyncio.to_thread(asked)


class TestHttp(WriteSuite):
    @pytest.fixture
    async def counterpart(self) -> AsyncIterator[HttpMachine]:
        one = HttpMachine()
        await one.begin()
        yield one
        await one.kill()


@pytest.mark.release  # every day its sibling runs the same suite
class TestHttpWithEvents(WriteSuite):
    """The same where changes come as Server-Sent Events, and questions show that the machine lives."""

    @pytest.fixture
    async def counterpart(self) -> AsyncIterator[HttpMachine]:
        one = Streaming()
        await one.begin()
        yield one
        await one.kill()

    async def test_changes_come_without_a_question(self, counterpart: HttpMachine) -> None:
        async with opened(counterpart, ["TargetCount", "State"], DEAF) as (_, heard):  # asked every five minutes
            await until(lambda: heard.value("TargetCount") == 0)
            await asyncio.sleep(0.3)
            await counterpart.put("TargetCount", 7)
            await until(lambda: heard.value("TargetCount") == 7)


class Streaming(HttpMachine):
    names = {"JobId": "", "Program": "", "TargetCount": 0, "State": "Idle"}
    steady = "TargetCount"
    writes = {"TargetCount": 12, "Program": "P-7"}
    unfit = [("TargetCount", 1.5), ("Program", 7)]

    def thing(self, **changes: Any) -> dict[str, Any]:
        thing = super().thing(**changes)
        for name in self.names:
            forms = thing["properties"][name]["forms"]
            forms[0]["op"] = "readproperty"
            forms.append({**forms[0], "href": "/events", "subprotocol": "sse", "op": "observeproperty"})
        return thing


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Any]:
    """Start machines with arguments; all are ended after the test."""
    started: list[HttpMachine] = []

    async def start(*arguments: str, files: access.Files | None = None) -> HttpMachine:
        one = HttpMachine(*arguments, files=files)
        started.append(one)
        await one.begin()
        return one

    yield start
    for one in started:
        await one.kill()


async def refused_link(one: HttpMachine, description: Description) -> str:
    """Why the link to ``one`` does not come up."""
    connection = one.connection(description, PACE)
    await connection.open()
    try:
        assert not await connection.wait_up(2)
        return connection.last_error
    finally:
        await connection.close()


BASIC = {"securityDefinitions": {"n": {"scheme": "basic"}}, "security": "n"}
BEARER = {"securityDefinitions": {"n": {"scheme": "bearer"}}, "security": "n"}


@pytest.mark.parametrize(("login", "security"), [("ada:secret", BASIC), ("long-token", BEARER)])
async def test_a_login_is_shown_and_without_one_nothing_is_read(
    machine: Any, tmp_path: Path, login: str, security: dict[str, Any]
) -> None:
    user, _, password = login.rpartition(":")
    access.Access(tmp_path).set_login("Saw1", user=user or "token", password=password)
    one = await machine("--login", login, files=access.Files.under(tmp_path, "Saw1"))
    connection = one.connection(one.description(**security), PACE)
    await connection.open()
    try:
        assert await connection.wait_up(10)
        assert (await connection.read(["Feed"]))["Feed"].value == 180.0
        assert await connection.write({"Feed": 100.0}) == {"Feed": ""}
    finally:
        await connection.close()
    async with opened(one) as (bare, _):  # the control: who shows no login
        assert (await bare.read(["Feed"]))["Feed"].detail == "http 401"
        assert "http 401" in (await bare.write({"Feed": 90.0}))["Feed"]


async def test_a_login_that_was_not_set_is_said(machine: Any, tmp_path: Path) -> None:
    one = await machine(files=access.Files.under(tmp_path, "Saw1"))
    assert await refused_link(one, one.description(**BASIC)) == "machine.no-login"


def test_a_password_is_never_sent_in_the_clear(tmp_path: Path) -> None:
    description = Description(id="x", title="x", base="http://192.0.2.7", scheme="http", security=Security(user=True))
    with pytest.raises(Invalid, match=r"machine\.password-in-clear"):
        connect(description, tmp_path, "x")


def pem(folder: Path, name: str) -> tuple[str, str]:
    """Certificate and key of ``name`` as PEM files."""
    der, key = certificate(folder, name, "urn:x")
    file = folder / f"{name}.crt"
    loaded = x509.load_der_x509_certificate(Path(der).read_bytes())
    file.write_bytes(loaded.public_bytes(serialization.Encoding.PEM))
    return str(file), key


async def test_a_certificate_is_remembered_and_another_is_not_trusted(machine: Any, tmp_path: Path) -> None:
    files = access.Files.under(tmp_path / "secrets", "Saw1")
    one = await machine("--certificate", *pem(tmp_path, "first"), files=files)
    async with opened(one, ["Feed"]) as (connection, heard):
        await until(lambda: heard.value("Feed") == 180.0)
        assert await connection.write({"Feed": 99.0}) == {"Feed": ""}
    assert files.trusted.read_bytes() == (tmp_path / "first.der").read_bytes()
    await one.kill()
    one.arguments = ("--certificate", *pem(tmp_path, "imposter"))
    await one.begin()
    assert await refused_link(one, one.description()) == "machine.certificate-changed"
    waiting = access.Access(tmp_path / "secrets").offered("Saw1")
    assert waiting is not None
    access.Access(tmp_path / "secrets").trust("Saw1", waiting.fingerprint)  # the control: by the owner's word
    async with opened(one) as (connection, _):
        assert (await connection.read(["Feed"]))["Feed"].good


async def test_an_address_that_hangs_is_bad_and_the_others_go_on(machine: Any) -> None:
    one = await machine()
    thing = one.thing()
    thing["properties"] = {"Hangs": {"type": "number", "forms": [{"href": "/slow"}]}, **thing["properties"]}
    connection, heard = HttpConnection(parse_text(json.dumps(thing)), None, PACE), Heard()
    connection.subscribe(["Hangs", "Feed"], heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(20)
        await until(lambda: heard.newest("Hangs") is not None)
        assert heard.newest("Hangs").quality is Quality.BAD
        await one.put("Feed", 33.0)
        await until(lambda: heard.value("Feed") == 33.0)
        assert heard.ups() == 1
    finally:
        await connection.close()


@pytest.mark.parametrize("told", [True, False])
async def test_a_machine_that_answers_again_before_its_second_address_is_given_up_was_silent_all_the_same(
    machine: Any, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    if not told:  # the control: whoever looks at one address at a time holds such a silence for one bad address
        monkeypatch.setattr(polling, "LATE", 1e9)
        monkeypatch.setattr(polling, "SILENT_PARTS", 99)
    one = await machine()
    connection, heard = one.connection(one.description(), PACE), Heard()
    connection.subscribe(list(one.names), heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(20)
        one.freeze()
        await asyncio.sleep(PACE.timeout_s * 1.8)
        one.thaw()
        await one.put("Feed", 34.0)
        await until(lambda: heard.value("Feed") == 34.0)
        assert (heard.ups() == 2 and max(link.gap_ms for link in heard.links) > PACE.timeout_s * 1000) is told
    finally:
        await connection.close()


@pytest.mark.parametrize("bound", [64 * 1024, 1 << 40])
async def test_an_event_without_an_end_ends_its_stream(monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    monkeypatch.setattr(http, "BODY_MAX", bound)  # the control: without one the stream goes on and on
    most, sent, over = 6 << 20, [0], asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if b"/events" in asked and not over.is_set():
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while sent[0] < most:
                    writer.write(b"data:\n" * 10_000)
                    await writer.drain()
                    sent[0] += 60_000
            over.set()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n7")
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    forms = [{"href": "/value"}, {"href": "/events", "subprotocol": "sse", "op": "observeproperty"}]
    thing = {"id": "urn:x", "title": "Endless", "base": base, "securityDefinitions": {"n": {"scheme": "nosec"}},
             "security": "n", "weft:pollingMs": 50, "properties": {"V": {"type": "number", "forms": forms}}}
    connection, heard = HttpConnection(parse_text(json.dumps(thing)), None, Pace(timeout_s=30.0)), Heard()
    connection.subscribe(["V"], heard.take, heard.links.append)
    await connection.open()
    try:
        await until(lambda: heard.value("V") == 7)
        await asyncio.wait_for(over.wait(), 60)
        assert (sent[0] < most) is (bound < 1 << 40)
    finally:
        await connection.close()
        server.close()


def test_what_a_machine_says_of_its_fault_steers_no_screen() -> None:
    assert reason(ValueError("bad\x1b[2J\n\u202egnp")) == "bad[2Jgnp"
    assert reason(OSError(5, "no\x00route")) == "noroute"


async def test_a_write_whose_answer_breaks_off_is_unknown_and_was_sent_once() -> None:
    """A server that takes the whole request and hangs up: a client that tries again would be counted."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if head.startswith(b"PUT"):
            taken.append(head)
            writer.transport.abort()
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    thing = {"id": "urn:x", "title": "x", "base": f"http://127.0.0.1:{port}", "security": "n",
             "securityDefinitions": {"n": {"scheme": "nosec"}},
             "properties": {"Feed": {"type": "number", "minimum": 0, "maximum": 9, "weft:role": "setpoint",
                                     "weft:write": True, "forms": [{"href": "/feed"}]}}}
    connection = HttpConnection(parse_text(json.dumps(thing)), None, PACE)
    await connection.open()
    try:
        assert await connection.wait_up(10)
        with pytest.raises(Unavailable, match=r"machine\.no-answer"):
            await connection.write({"Feed": 5})
        assert len(taken) == 1
        connection._writing._retry_connection = True  # the control: what the library does by itself
        with pytest.raises(Unavailable, match=r"machine\.no-answer"):
            await connection.write({"Feed": 5})
        assert len(taken) == 3
    finally:
        await connection.close()
        server.close()


async def test_an_action_is_called_with_its_arguments_and_tells_a_refusal(machine: Any) -> None:
    one = await machine()
    async with opened(one) as (connection, _):
        assert "another job is loaded" in await connection.invoke("StartJob", ["J-0"])
        assert await connection.invoke("StartJob", []) == "arguments"
        assert await connection.invoke("Dance", []) == "unknown-action"
        await connection.write({"JobId": "J-1"})
        assert await connection.invoke("StartJob", ["J-1"]) == ""
        assert await one.ask("GET", "/starts") == {"J-0": 1, "J-1": 1}


async def test_a_ready_signal_is_as_old_as_the_last_beat_of_the_machines_heart(machine: Any) -> None:
    one = await machine()
    async with opened(one, ["Beat"]) as (connection, heard):
        await until(lambda: len([name for name, _ in heard.changes if name == "Beat"]) > 2)
        assert 0 <= (await connection.read(["LocalReady"]))["LocalReady"].age_ms < 1500
        await one.ask("POST", "/panel", {"frozen": True})
        await asyncio.sleep(2)
        stale = (await connection.read(["LocalReady"]))["LocalReady"]
        assert stale.value is True  # it still says so
        assert stale.age_ms > 1500
    described = one.description(**{"weft:heartbeat": ""})
    connection = one.connection(described, PACE)
    await connection.open()
    try:
        assert await connection.wait_up(10)
        assert (await connection.read(["LocalReady"]))["LocalReady"].age_ms == -1  # without a heart nothing is fresh
    finally:
        await connection.close()


async def test_a_machine_that_describes_itself_is_browsed(machine: Any) -> None:
    one = await machine()
    async with opened(one) as (connection, _):
        found = {node.name: node for node in await connection.browse()}
    assert found["Feed"].form["weft:pointer"] == "/feed"
    assert (found["Feed"].href, found["Feed"].unit, found["Feed"].type) == ("/settings", "H81", "number")
    assert found["Feed"].writable
    assert not found["State"].writable
