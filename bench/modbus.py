"""Values read over Modbus TCP: our blocks against pymodbus alone, which reads the same registers, in the same run.

The server is pymodbus' own in a process of its own; 250 floats in 500 registers side by side. The bare client is
written as in an afternoon: the fewest readings that the protocol allows, and the library's own conversion. The second
baseline asks for each value by itself, as a client without blocks does.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient

from bench.processes import free_port
from bench.rounds import Result, interleaved, rate, show
from weft.machines.modbus import REGISTERS_MAX, ModbusConnection
from weft.shopfloor.reading import parse

VALUES = 250
ROUNDS = 5
READS = 20  # of all values in one round
SHARE = 0.6
SERVER = """
import asyncio, sys
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
async def main():
    device = SimDevice(id=0, simdata=[SimData(0, count=250, values=21.5, datatype=DataType.FLOAT32)])
    await ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""


def _description(port: int) -> ModbusConnection:
    properties = {f"T{one}": {"type": "number", "forms": [{
        "href": f"/1/{2 * one}", "modv:zeroBasedAddressing": True, "modv:type": "xsd:float"}]} for one in range(VALUES)}
    return ModbusConnection(parse({
        "id": "urn:bench", "title": "Bench", "base": f"modbus+tcp://127.0.0.1:{port}", "security": "n",
        "securityDefinitions": {"n": {"scheme": "nosec"}}, "properties": properties}))


async def _bare(client: AsyncModbusTcpClient) -> list[float]:
    told: list[float] = []
    step = REGISTERS_MAX // 2 * 2
    for begin in range(0, 2 * VALUES, step):
        answer = await client.read_holding_registers(begin, count=min(step, 2 * VALUES - begin))
        found: Any = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
        told.extend(found)
    return told


async def _measured(port: int) -> list[Result]:
    ours, client = _description(port), AsyncModbusTcpClient("127.0.0.1", port=port)
    names = list(ours.description.properties)
    await ours.open()
    await client.connect()
    assert await ours.wait_up(20)
    used = {"ours": 0.0, "bare": 0.0, "single": 0.0}

    def round_of(name: str, read: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[float]]:
        async def measure() -> float:
            begun, busy, count = time.perf_counter(), _cpu(), 0
            for _ in range(READS if name != "single" else 1):
                count += await read()
            used[name] = (_cpu() - busy) * 1e6 / count
            return count / (time.perf_counter() - begun)

        return measure

    async def read_ours() -> int:
        found = await ours.read(names)
        assert found["T7"].value == 21.5
        return len(found)

    async def read_bare() -> int:
        return len(await _bare(client))

    async def read_single() -> int:
        for one in range(VALUES):
            await client.read_holding_registers(2 * one, count=2)
        return VALUES

    best = await interleaved({"ours": round_of("ours", read_ours), "bare": round_of("bare", read_bare),
                              "single": round_of("single", read_single)}, ROUNDS)
    await ours.close()
    client.close()
    alone = best["ours"] / best["single"]
    return [
        rate("Modbus: values read in blocks, against pymodbus alone", best["ours"], best["bare"], SHARE),
        Result("Modbus: the same, against a reading for each value", f"{best['ours']:,.0f}/s",
               f"{best['single']:,.0f}/s", alone, ">= 10", alone >= 10),
        Result("Modbus: processor time of a value", f"{used['ours']:.1f} us", f"{used['bare']:.1f} us",
               used["ours"] / used["bare"]),
    ]


def _cpu() -> float:
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime


def results() -> list[Result]:
    """All lines of this benchmark."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            time.sleep(2)
            return asyncio.run(_measured(port))
        finally:
            server.kill()


if __name__ == "__main__":
    show(results())
