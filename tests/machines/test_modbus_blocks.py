"""What a register means, and how neighbours are read together: laws, and a server that counts what it is asked."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.machines.suite import PACE, Heard, until
from tests.machines.test_modbus import described, free_port
from weft.basis.errors import Invalid, Unavailable
from weft.machines.keeping import Pace
from weft.machines.modbus import ModbusConnection
from weft.machines.modbus_values import Entity, Place, place, raw_of, value_of
from weft.shopfloor.connection import Quality

BASE = "modbus+tcp://127.0.0.1:502"
RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-(2**15), 2**15 - 1), "uint16": (0, 2**16 - 1),
          "int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1), "int64": (-(2**63), 2**63 - 1),
          "uint64": (0, 2**64 - 1)}
COUNTS = {"int8": 1, "uint8": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4,
          "float32": 2, "float64": 4}


# ---- where a value lies --------------------------------------------------------------------------------


@pytest.mark.parametrize(("href", "form", "kind", "lies"), [
    ("/40001", {}, "integer", (1, Entity.HOLDING, 0, 1, "uint16")),
    ("/7/40001?quantity=2", {}, "integer", (7, Entity.HOLDING, 0, 2, "uint32")),
    ("/300101?quantity=2", {}, "number", (1, Entity.INPUT, 100, 2, "float32")),
    ("/00005", {}, "boolean", (1, Entity.COIL, 4, 1, "boolean")),
    ("/10002", {}, "boolean", (1, Entity.DISCRETE, 1, 1, "boolean")),
    ("/40001", {"modv:entity": "HoldingRegister"}, "integer", (1, Entity.HOLDING, 40000, 1, "uint16")),
    ("/3/100", {"modv:function": "readInputRegisters", "modv:type": "xsd:short"}, "integer",
     (3, Entity.INPUT, 99, 1, "int16")),
    ("/3/100", {"modv:function": 4, "modv:zeroBasedAddressing": True}, "integer", (3, Entity.INPUT, 100, 1, "uint16")),
    ("/9", {"modv:address": 20, "modv:entity": "Coil"}, "boolean", (9, Entity.COIL, 19, 1, "boolean")),
    ("/5", {"modv:unitID": 4}, "boolean", (4, Entity.COIL, 4, 1, "boolean")),
    ("/40001", {"weft:bit": 3}, "boolean", (1, Entity.HOLDING, 0, 1, "boolean")),
    (f"{BASE}/2/8?quantity=4", {"modv:type": "xsd:double"}, "number", (2, Entity.HOLDING, 7, 4, "float64")),
])
def test_a_form_says_where_a_value_lies(
    href: str, form: dict[str, Any], kind: str, lies: tuple[int, Entity, int, int, str]
) -> None:
    spot = place(BASE, href, form, kind)
    assert (spot.unit, spot.entity, spot.address, spot.count, spot.kind) == lies


@pytest.mark.parametrize(("href", "form"), [
    ("/", {}), ("/x", {}), ("/0", {}), ("/1/70000", {}), ("/300/5", {}), ("/40001?quantity=3", {}),
    ("/5?quantity=2", {"modv:type": "int16"}), ("/5", {"modv:type": "quaternion"}), ("/5", {"modv:entity": "Drawer"}),
    ("/5", {"modv:function": "writeEverything"}), ("/5", {"weft:bit": 16}), ("/5", {"modv:mostSignificantWord": "no"}),
    ("modbus+tcp://198.51.100.7:502/1/5", {}), ("/65535?quantity=4", {"modv:type": "int64"}),
])
def test_a_form_that_points_nowhere_is_refused(href: str, form: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match=r"machine\.href"):
        place(BASE, href, form, "integer")


@given(kind=st.sampled_from(sorted(COUNTS)), byte=st.booleans(), word=st.booleans(), data=st.data())
def test_what_is_written_is_what_is_read(kind: str, byte: bool, word: bool, data: st.DataObject) -> None:
    spot = Place(1, Entity.HOLDING, 0, COUNTS[kind], kind, high_byte_first=byte, high_word_first=word)
    value = data.draw(st.integers(*RANGES[kind]) if kind in RANGES else st.floats(
        width=32 if kind == "float32" else 64, allow_nan=False, allow_infinity=False))
    raw = raw_of(spot, value)
    assert raw is not None
    assert len(raw) == COUNTS[kind]
    assert value_of(spot, raw).value == value


@given(kind=st.sampled_from(sorted(RANGES)), value=st.integers(-(2**70), 2**70))
def test_a_whole_number_fits_or_is_refused_and_is_never_bent(kind: str, value: int) -> None:
    low, high = RANGES[kind]
    raw = raw_of(Place(1, Entity.HOLDING, 0, COUNTS[kind], kind), value)
    assert (raw is not None) == (low <= value <= high)


@given(text=st.text(max_size=12), byte=st.booleans())
def test_text_is_kept_or_refused(text: str, byte: bool) -> None:
    spot = Place(1, Entity.HOLDING, 0, 8, "string", high_byte_first=byte, high_word_first=False)
    raw = raw_of(spot, text)
    if len(text.encode()) > 16:
        assert raw is None
    else:
        assert raw is not None
        assert value_of(spot, raw).value == text.partition("\0")[0].rstrip(" ")


@given(words=st.lists(st.integers(0, 65535), min_size=8, max_size=8), kind=st.sampled_from([*COUNTS, "string"]))
def test_any_registers_give_a_good_value_or_a_bad_one_with_a_reason(words: list[int], kind: str) -> None:
    count = COUNTS.get(kind, 8)
    value = value_of(Place(1, Entity.HOLDING, 0, count, kind), words[:count])
    if value.quality is Quality.BAD:
        assert value.value is None
        assert value.detail
    else:
        assert not isinstance(value.value, float) or math.isfinite(value.value)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_bad_and_never_written(odd: float) -> None:
    spot = Place(1, Entity.HOLDING, 0, 2, "float32")
    assert value_of(spot, struct.unpack(">2H", struct.pack(">f", odd))).detail == "not-a-number"
    assert raw_of(spot, odd) is None
    assert raw_of(spot, 1e300) is None


# ---- blocks --------------------------------------------------------------------------------------------


class Counting:
    """A server whose answers may be refused; ``asked`` holds (unit, address, count) of each reading."""

    def __init__(self, holes: frozenset[int] = frozenset(), most: int = 125, code: ExcCodes | None = None) -> None:
        self.port = free_port()
        self.holes, self.most, self.code = holes, most, code
        self.asked: list[tuple[int, int]] = []
        self.written: list[tuple[int, int, list[int]]] = []
        self.answer: ExcCodes | None = None

    async def action(  # the library's way
        self, function: int, _start: int, address: int, count: int, _now: list[int], told: Any
    ) -> ExcCodes | None:
        if told is not None:
            self.written.append((function, address, list(told)))
            return self.answer
        self.asked.append((address, count))
        if self.code is not None:
            return self.code
        if count > self.most:
            return ExcCodes.ILLEGAL_VALUE
        return ExcCodes.ILLEGAL_ADDRESS if self.holes & set(range(address, address + count)) else None


@asynccontextmanager
async def served(counting: Counting, properties: dict[str, Any]) -> AsyncIterator[tuple[ModbusConnection, Heard]]:
    device = SimDevice(id=0, action=counting.action, simdata=(
        [SimData(0, count=64, values=False, datatype=DataType.BITS)],) * 2 + (
        [SimData(0, count=2000, values=7, datatype=DataType.REGISTERS)],) * 2)
    server = ModbusTcpServer(device, address=("127.0.0.1", counting.port))
    await server.serve_forever(background=True)
    connection, heard = ModbusConnection(described(counting.port, properties), PACE), Heard()
    connection.subscribe(list(properties), heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(10), connection.health
        yield connection, heard
    finally:
        await connection.close()
        await server.shutdown()


def registers(*numbers: int) -> dict[str, Any]:
    return {f"R{one}": ("integer", f"/1/{one}", {"modv:zeroBasedAddressing": True}) for one in numbers}


async def test_neighbours_are_read_together_and_far_ones_apart() -> None:
    counting = Counting()
    async with served(counting, registers(*range(100, 140), 150, 400, 401)) as (connection, _):
        counting.asked.clear()
        values = await connection.read([f"R{one}" for one in (*range(100, 140), 150, 400, 401)])
        first = set(counting.asked)
    assert all(one.value == 7 for one in values.values())
    assert {(100, 51), (400, 2)} <= first


async def test_a_block_is_never_larger_than_a_device_may_answer() -> None:
    counting = Counting()
    async with served(counting, registers(*range(300))) as (_, heard):
        await until(lambda: len(heard.names()) == 300)
    assert max(count for _, count in counting.asked) == 125


async def test_a_device_that_answers_less_at_once_is_asked_for_less_and_it_is_remembered() -> None:
    counting = Counting(most=32)
    async with served(counting, registers(*range(100))) as (connection, heard):
        await until(lambda: len(heard.names()) == 100)
        assert all(value.good for _, value in heard.changes)
        counting.asked.clear()
        await connection.read([f"R{one}" for one in range(100)])
        assert all(count <= 32 for _, count in counting.asked)


async def test_one_address_that_is_not_there_costs_its_own_property_alone_and_few_questions() -> None:
    counting = Counting(holes=frozenset({137}))
    async with served(counting, registers(*range(100, 164))) as (connection, heard):
        await until(lambda: len(heard.names()) == 64)
        assert {name for name, value in heard.changes if value.quality is Quality.BAD} == {"R137"}
        assert heard.newest("R137").detail == "illegal address (2)"
        counting.asked.clear()
        await connection.read([f"R{one}" for one in range(100, 164)])
        assert not [one for one in counting.asked if 137 in range(one[0], one[0] + one[1])]  # remembered
        assert len(counting.asked) < 40


async def test_a_hole_between_two_values_costs_neither() -> None:
    counting = Counting(holes=frozenset({105, 106}))
    async with served(counting, registers(100, 103, 110, 112)) as (connection, heard):
        await until(lambda: len(heard.names()) == 4)
        assert all(value.good for _, value in heard.changes)
        assert connection.health.bad == {}


async def test_a_device_that_does_not_know_the_function_is_not_asked_piece_by_piece() -> None:
    counting = Counting(code=ExcCodes.ILLEGAL_FUNCTION)
    async with served(counting, registers(*range(100))) as (connection, heard):
        await until(lambda: len(heard.names()) == 100)
        assert connection.health.up  # an exception is an answer
        assert heard.newest("R5").detail == "illegal function (1)"
        assert len(set(counting.asked)) == 1


async def test_a_bit_of_a_register_is_written_by_the_device_itself() -> None:
    counting = Counting()
    bits = {"Lamp": ("boolean", "/1/5", {"modv:zeroBasedAddressing": True, "weft:bit": 2})}
    async with served(counting, bits) as (connection, heard):
        await until(lambda: heard.value("Lamp") is True)  # 7 = 0b111
        assert await connection.write({"Lamp": False}) == {"Lamp": ""}
        assert await connection.write({"Lamp": True}) == {"Lamp": ""}
    assert {function for function, _, _ in counting.written} == {22}


@pytest.mark.parametrize(("code", "said"), [
    (ExcCodes.ILLEGAL_ADDRESS, "illegal address (2)"), (ExcCodes.DEVICE_BUSY, "device busy (6)"),
    (ExcCodes.GATEWAY_PATH_UNAVIABLE, "gateway path unavailable (10)"), (ExcCodes.DEVICE_FAILURE, None),
    (ExcCodes.GATEWAY_NO_RESPONSE, None)])
async def test_a_refusal_is_told_in_words_and_a_doubtful_one_is_unknown(code: ExcCodes, said: str | None) -> None:
    counting = Counting()
    async with served(counting, registers(5, 6)) as (connection, _):
        counting.answer = code
        if said is None:
            with pytest.raises(Unavailable, match=r"machine\.no-answer"):
                await connection.write({"R5": 1, "R6": 2})
        else:
            assert await connection.write({"R5": 1, "R6": 2}) == {"R5": said, "R6": "not-sent"}
    assert len(counting.written) == 1  # neither again nor the next


async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gateway to several units, of which only unit 9 answers; of the others it says nothing at all."""
    try:
        while True:
            head = await reader.readexactly(7)
            asked = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
            if head[6] == 9:
                data = b"\0\7" * int.from_bytes(asked[3:5], "big")
                writer.write(head[:4] + (len(data) + 3).to_bytes(2, "big") + bytes([9, asked[0], len(data)]) + data)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def test_units_behind_a_gateway_that_are_silent_stop_no_other() -> None:
    server = await asyncio.start_server(gateway, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    zero = {"modv:zeroBasedAddressing": True}
    properties = {f"Far{unit}": ("integer", f"/{unit}/1", zero) for unit in (1, 2, 3)} | {
        "Near": ("integer", "/9/1", zero)}
    pace = Pace(timeout_s=0.5, retry_s_min=0.05, retry_s_max=0.1, silence_s=1.0)
    connection, heard = ModbusConnection(described(port, properties), pace), Heard()
    connection.subscribe(list(properties), heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(15)  # two silent ones first look like a dead machine, once
        await until(lambda: heard.names() == set(properties))
        assert heard.value("Near") == 7
        assert heard.newest("Far1").detail == heard.newest("Far3").detail == "timeout"
        for _ in range(5):  # they are not waited for in every round
            assert (await connection.read(["Near", "Far1"]))["Near"].good
        assert heard.ups() == 1
    finally:
        await connection.close()
        server.close()


async def test_an_action_writes_its_argument_or_its_value() -> None:
    counting = Counting()
    form = {"modv:zeroBasedAddressing": True, "modv:entity": "HoldingRegister"}
    actions = {"Start": {"weft:arguments": [], "forms": [{"href": "/1/9", "weft:value": 3, **form}]},
               "Take": {"weft:arguments": ["jobId"], "forms": [{"href": "/1/20?quantity=4", **form}]}}
    device = described(counting.port, registers(5), actions=actions)
    async with served(counting, registers(5)) as (_, _heard):
        connection = ModbusConnection(device, PACE)
        await connection.open()
        assert await connection.wait_up(10)
        assert await connection.invoke("Start", []) == ""
        assert await connection.invoke("Take", ["J-1"]) == ""
        assert await connection.invoke("Take", ["far too long"]) == "type"
        assert await connection.invoke("Dance", []) == "unknown-action"
        await connection.close()
    assert counting.written == [(6, 9, [3]), (16, 20, [0x4A2D, 0x3100, 0, 0])]
