"""A Modbus device that means harm, or is broken: wrong numbers, lengths and functions are no values, and no trace."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.machines.suite import PACE, until
from weft.machines.modbus import ModbusConnection
from weft.shopfloor.connection import Change
from weft.shopfloor.reading import parse

Answer = Callable[[int, int, int, bytes], bytes]  # transaction, unit, function, registers -> bytes


def frame(number: int, unit: int, function: int, registers: bytes) -> bytes:
    return struct.pack(">HHHBBB", number, 0, 3 + len(registers), unit, function, len(registers)) + registers


@asynccontextmanager
async def device(answer: Answer) -> AsyncIterator[ModbusConnection]:
    """A connection to a device whose one register is 7."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                number, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
                writer.write(answer(number, unit, function, b"\0\7" * count))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        one = ModbusConnection(parse({
            "id": "urn:m", "title": "M", "base": f"modbus+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}",
            "weft:pollingMs": 50, "security": "n", "securityDefinitions": {"n": {"scheme": "nosec"}},
            "properties": {"A": {"type": "integer", "forms": [{"href": "/1/40001?quantity=1"}]}}}), PACE)
        await one.open()
        yield one
        await one.close()


@pytest.mark.parametrize("answer", [
    pytest.param(lambda n, u, f, r: frame((n + 1) % 65536, u, f, r), id="another transaction"),
    pytest.param(lambda n, _u, f, r: frame(n, 9, f, r), id="another unit"),
    pytest.param(lambda n, u, f, _r: struct.pack(">HHHBBB", n, 0, 5, u, f, 250) + b"\0\7", id="a length that lies"),
    pytest.param(lambda n, u, f, _r: struct.pack(">HHHBBB", n, 0, 65535, u, f, 2) + b"\0\7", id="a frame without end"),
    pytest.param(lambda n, u, f, r: frame(n, u, f, r)[:7], id="half a frame"),
    pytest.param(lambda _n, _u, _f, _r: b"\0\1\0\0\xff\xff\1\3" + b"x" * 500_000, id="noise"),
])
async def test_what_is_no_answer_is_none_and_leaves_no_trace(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    async with device(answer) as one:
        told: list[Change] = []
        one.subscribe(["A"], told.extend, lambda _: None)
        await until(lambda: one.health.error)
        assert (one.health.up, told) == (False, [])
        await asyncio.sleep(0.5)  # some more attempts
    assert not caplog.records


async def test_an_answer_by_another_function_is_no_value() -> None:
    async with device(lambda n, u, _f, r: frame(n, u, 4, r)) as one:
        assert await one.wait_up(15)
        assert (await one.read(["A"]))["A"].detail == "other function"


async def test_control_what_is_an_answer_is_a_value() -> None:
    async with device(frame) as one:
        assert await one.wait_up(15)
        assert (await one.read(["A"]))["A"].value == 7
