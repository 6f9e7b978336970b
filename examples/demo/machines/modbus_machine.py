"""A simulated machine in a process of its own that speaks Modbus TCP, as most small controllers do.

    python modbus_machine.py --name Press2 --port 5020 --seed 1 --speed 60

It listens on loopback, prints one ready line and runs until it is ended. Holding registers: job id from 40001 and
program from 40041 (40 registers of text each), pieces to make 40081 (uint32), cycle time 40083 and speed 40085
(float32), feed in tenths 40087, start command 40090. Input registers: state 30001, good pieces 30002 and scrap 30004
(uint32), alarm 30006, ready (bit 0 of 30007), sign of life 30008, temperature 30009 and load 30011 (float32). In
simulation only 40101 to 40105: alarm, not ready, frozen, operator's start, abort. ``--state FILE`` keeps the log of
starts over a power cut.
Not here: what a machine does (``simulation.py``).
"""

import argparse
import asyncio
import json
import logging
import struct
import sys
import time
from pathlib import Path

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from simulation import KINDS, RUNNING, Simulation

TICK_SECONDS = 0.02
BEAT_SECONDS = 0.2
TEXT = 40
HOLDING, INPUTS = 120, 20
READS_INPUTS = 4


class Machine:
    """One simulation behind registers."""

    def __init__(self, simulation: Simulation, state: Path | None) -> None:
        self.simulation = simulation
        self.holding = [0] * HOLDING
        self.inputs = [0] * INPUTS
        self._state = state
        self._set(82, ">f", simulation.cycle_seconds)
        self._set(84, ">f", 1200.0)
        self.holding[86] = 1800
        if state and state.exists():
            for line in state.read_text(encoding="utf-8").splitlines():
                seen = json.loads(line)
                simulation.starts[seen["job"]] = simulation.starts.get(seen["job"], 0) + 1
                if not seen["refused"]:
                    simulation.accepted.add(seen["job"])

    async def asked(
        self, function: int, start: int, address: int, _count: int, registers: list[int],
        told: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer a request; ``told`` is what is to be written."""
        own = self.inputs if function == READS_INPUTS else self.holding
        if told is None:
            registers[:] = own[start : start + len(registers)]
            return None
        running = self.simulation.state == RUNNING
        if running and any(one < 2 * TEXT + 2 for one in range(address, address + len(told))):
            return ExcCodes.DEVICE_BUSY  # a job that runs stays as it was loaded
        own[address : address + len(told)] = [int(one) for one in told]
        return None

    def _set(self, at: int, form: str, value: float) -> None:
        data = struct.pack(form, value)
        self.holding[at : at + len(data) // 2] = struct.unpack(f">{len(data) // 2}H", data)

    def _text(self, at: int) -> str:
        data = struct.pack(f">{TEXT}H", *self.holding[at : at + TEXT])
        return data.partition(b"\0")[0].decode("utf-8", "replace")

    def _number(self, at: int, form: str) -> float:
        found: float = struct.unpack(form, struct.pack(">2H", *self.holding[at : at + 2]))[0]
        return found

    def step(self, seconds: float) -> None:
        """Take what was written, let time pass, show what came of it."""
        sim = self.simulation
        sim.program, sim.target = self._text(TEXT), int(self._number(80, ">I"))
        sim.cycle_seconds = self._number(82, ">f")
        if self._text(0) != sim.job:
            sim.load(self._text(0))
        if self.holding[89] or self.holding[103]:
            self.holding[89] = self.holding[103] = 0
            self._start()
        alarm = self.holding[100]
        if alarm != sim.alarm:
            _ = sim.raise_alarm(alarm) if alarm else sim.clear_alarm()
        if self.holding[104]:
            self.holding[104] = 0
            sim.abort()
        sim.ready = not self.holding[101]
        sim.step(seconds)
        words = struct.pack(">HIIHH", sim.state, sim.pieces, sim.scrap, sim.alarm, int(sim.ready and not sim.alarm))
        self.inputs[:7] = struct.unpack(">7H", words)
        signals = struct.pack(">ff", sim.signals["Temperature"], sim.signals["SpindleLoad"])
        self.inputs[8:12] = struct.unpack(">4H", signals)

    def _start(self) -> None:
        job = self.simulation.job
        refused = self.simulation.start(job)
        if self._state:
            with self._state.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"job": job, "refused": refused}) + "\n")

    async def live(self, speed: float) -> None:
        """Let time pass, for ever."""
        before, next_beat = time.monotonic(), 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self.step((now - before) * speed)
            before = now
            if now >= next_beat and not self.holding[102]:
                self.inputs[7], next_beat = (self.inputs[7] + 1) % 65536, now + BEAT_SECONDS


async def main(argv: list[str]) -> None:
    """Serve until it is ended."""
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(description="A simulated machine that serves Modbus TCP on 127.0.0.1.")
    parser.add_argument("--name", default="Press2")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="machine seconds per second")
    parser.add_argument("--scrap-rate", type=float, default=0.02, help="share of pieces that are scrap")
    parser.add_argument("--state", type=Path, help="file that keeps the log of starts over a power cut")
    given = parser.parse_args(argv)
    machine = Machine(Simulation(KINDS["lathe"], seed=given.seed, scrap_rate=given.scrap_rate), given.state)
    bits = [SimData(0, count=1, values=False, datatype=DataType.BITS)]
    device = SimDevice(id=0, action=machine.asked, simdata=(
        bits, bits, [SimData(0, count=HOLDING, datatype=DataType.REGISTERS)],
        [SimData(0, count=INPUTS, datatype=DataType.REGISTERS)]))
    server = ModbusTcpServer(device, address=("127.0.0.1", given.port))
    await server.serve_forever(background=True)
    print(json.dumps({"ready": True, "name": given.name,
                      "endpoint": f"modbus+tcp://127.0.0.1:{given.port}"}), flush=True)
    await machine.live(given.speed)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
