"""An OPC UA server that means harm, or is broken: it costs its own link, in words, and never the node."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncua import Client, Server, ua
from asyncua.ua.ua_binary import struct_from_binary

from tests.machines.suite import PACE, until
from tests.machines.test_opcua_notified import response
from weft.basis.errors import Unavailable
from weft.machines import opcua_bounds, opcua_endpoints
from weft.machines.opcua import OpcUaConnection
from weft.machines.opcua_notified import notified
from weft.machines.opcua_services import Services
from weft.machines.opcua_values import value_of, variant
from weft.shopfloor.connection import Quality
from weft.shopfloor.reading import parse

HUGE, LARGE = (b"ACKF" + struct.pack("<I", size) for size in (0xFFFFFFFF, 200_000_000))
PART = b"MSGC" + struct.pack("<I", 60_000) + b"\0" * 59_992
V = ua.VariantType


@asynccontextmanager
async def flooding(begin: bytes) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """A server that answers the first word with ``begin`` and then with more and more; how much it got rid of."""
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.read(8)
        writer.write(begin)
        try:
            while taken < 64 * 1024 * 1024:
                writer.write(b"\1" * 60_000)
                await writer.drain()
                taken += 60_000
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: taken


def connection(endpoint: str, **properties: str) -> OpcUaConnection:
    told = {name: {"type": "string", "forms": [{"href": href}]} for name, href in properties.items()}
    return OpcUaConnection(parse({"id": "urn:h", "title": "H", "base": endpoint, "security": "n", "properties": told,
                                  "securityDefinitions": {"n": {"scheme": "nosec"}}}), None, PACE)


@pytest.mark.parametrize("begin", [pytest.param(HUGE, id="4GB"), pytest.param(LARGE, id="200MB")])
async def test_a_message_without_an_end_ends_the_link_and_fills_no_memory(begin: bytes) -> None:
    async with flooding(begin) as (endpoint, taken):
        one = connection(endpoint, A="?id=ns=2;s=A")
        await one.open()
        await until(lambda: one.health.error)
        assert one.health.error == "BadTcpMessageTooLarge"
        await one.close()
        assert taken() < 40 * 1024 * 1024  # of several links, and what the socket holds
        with pytest.raises(Unavailable) as caught:
            await opcua_endpoints.offered(endpoint)
        assert (caught.value.code, caught.value.facts["detail"]) == ("machine.unreachable", "BadTcpMessageTooLarge")


async def test_control_the_library_alone_takes_whatever_comes() -> None:
    async with flooding(HUGE) as (endpoint, taken):
        client = Client(endpoint, timeout=20)
        going = asyncio.create_task(client.connect())
        await until(lambda: taken() > 2 * opcua_bounds.GREETING_MAX)
        assert not going.done()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        client.disconnect_socket()
        await asyncio.sleep(0)


class _Inner(asyncio.Protocol):
    def __init__(self) -> None:
        self.took: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        self.took.append(data)


class _Client:
    message_max = 200_000


def test_pieces_are_handed_on_whole_and_a_message_in_too_many_of_them_is_cut_off() -> None:
    inner = _Inner()
    framed = opcua_bounds.Framed(inner, _Client())  # type: ignore[arg-type] # its bound alone is asked for
    whole = [b"MSGF" + struct.pack("<I", 12) + b"abcd", b"MSGF" + struct.pack("<I", 8)]
    for byte in b"".join(whole):
        framed.data_received(bytes([byte]))
    assert inner.took == whole
    for _ in range(10):
        framed.data_received(PART)
    assert [one[:4] for one in inner.took[2:]] == [b"MSGC"] * 3 + [b"ERRF"]


@pytest.mark.parametrize(("length", "parts"), [(-9, 2**31 - 1), (0, 1), (3, 1), (2**31 - 1, 1), (20, 1)])
def test_lengths_that_contradict_themselves_are_no_message(length: int, parts: int) -> None:
    good = response([[ua.DataValue(Value=ua.Variant(1.5, V.Double))]])
    raw = bytearray(good)
    at = good.index(bytes.fromhex("01002b0301"))
    raw[at - 4:at], raw[at + 5:at + 9] = struct.pack("<i", parts), struct.pack("<i", length)
    with pytest.raises(ua.UaError):
        notified(bytes(raw), {1: "A"})
    assert len(notified(good, {1: "A"}).changes) == 1


def data(kind: int, body: bytes) -> ua.DataValue:
    read: ua.DataValue = struct_from_binary(ua.DataValue, ua.utils.Buffer(b"\x01" + bytes([kind]) + body))
    return read


def test_lists_of_nothing_and_lists_without_an_end_are_not_read() -> None:
    count = struct.pack("<i", 2_000_000)
    for kind, body in ((0x80, count), (0x97, count + bytes(2_000_000)), (0x8C, count + b"\xff" * 8_000_000)):
        with pytest.raises(ua.UaError):
            data(kind, body)
    inside = b"\x81" + struct.pack("<i", 1) + b"\1"
    assert len(data(0x98, struct.pack("<i", 3) + 3 * inside).Value.Value) == 3
    numbers = data(0x86, struct.pack("<i", 100_000) + bytes(400_000))  # they are read in a moment
    assert len(numbers.Value.Value) == 100_000


def test_text_that_is_none_is_bad_and_its_neighbours_go_on() -> None:
    assert value_of(data(0x0C, struct.pack("<i", 2) + b"\xff\xfe")).detail == "not-utf-8"
    assert value_of(data(0x8C, struct.pack("<ii", 1, 1) + b"\xff")).quality is Quality.BAD
    assert value_of(data(0x0C, struct.pack("<i", 2) + "é".encode())).value == "é"


@pytest.mark.parametrize("text", ["inf", "nan", "1e999", "-1e999", "²", pytest.param("9" * 5000, id="long")])
def test_a_text_that_is_no_finite_number_fits_no_number(text: str) -> None:
    assert all(variant(text, kind) is None for kind in (V.Double, V.Int32, V.UInt64, V.Float))
    assert variant("1.5", V.Double) is not None


class _Answering:
    """Where the services of a server would be: it answers with whatever it was given."""

    def __init__(self, raw: bytes) -> None:
        self.uaclient = self.protocol = self
        self._raw = raw

    async def send_request(self, *_: Any) -> bytes:
        return self._raw


@pytest.mark.parametrize("raw", [
    pytest.param(b"", id="nothing"), pytest.param(b"\xff" * 40, id="noise"),
    pytest.param(ua.ua_binary.struct_to_binary(ua.ReadResponse()), id="none"),
    pytest.param(ua.ua_binary.struct_to_binary(ua.ReadResponse(Results=[ua.DataValue()] * 2)), id="two")])
async def test_an_answer_that_nobody_can_read_or_to_other_questions_is_none(raw: bytes) -> None:
    services = Services(_Answering(raw), "H")  # type: ignore[arg-type] # its answers alone are asked for
    with pytest.raises(Unavailable) as caught:
        await services.read([(ua.NodeId(1, 2), ua.AttributeIds.Value)])
    assert caught.value.code == "machine.no-answer"


async def test_what_a_real_server_names_badly_is_shown_all_the_same() -> None:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    space = await server.register_namespace("urn:h")
    top = await server.nodes.objects.add_object(ua.NodeId("M", space), ua.QualifiedName("M", space))
    bad = ua.QualifiedName("\udcff\udcfe" + "x" * 5000, space)
    await top.add_variable(ua.NodeId("A", space), bad, "\udcff", V.String)
    await top.add_variable(ua.NodeId("\udcff", space), ua.QualifiedName("Nameless", space), 1, V.Int32)
    await top.add_variable(ua.NodeId("B", space), ua.QualifiedName("B", space), "B\u202ec", V.String)
    inside = await top.add_object(ua.NodeId("I", space), ua.QualifiedName("I", space))
    await inside.add_reference(top, ua.ObjectIds.Organizes)  # a circle
    async with server:
        port = server.bserver._server.sockets[0].getsockname()[1]
        one = connection(f"opc.tcp://127.0.0.1:{port}", A="?id=nsu=urn:h;s=A", B="?id=nsu=urn:h;s=B")
        await one.open()
        assert await one.wait_up(15)
        found = await one.browse(6)
        assert [(node.path, len(node.name)) for node in found] == [
            ("M", 1), (f"M/??{'x' * 198}", 200), ("M/B", 1), ("M/I", 1)]
        values = await one.read(["A", "B"])
        assert (values["A"].detail, values["B"].value) == ("not-utf-8", "B\u202ec")
        await one.close()
