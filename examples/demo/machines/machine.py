"""A simulated machine in a process of its own, serving real OPC UA on loopback.

    python machine.py --kind lathe|cell|press --name Lathe1 --port 4841 --seed 1 --speed 60

It prints one ready line (JSON with its endpoint) and runs until SIGTERM. ``--speed 60`` makes a minute of
machine time pass in a second. A power cut (kill -9) loses its job; ``--state FILE`` keeps only the log of the
starts it has seen, as the hour counter of a real machine would. ``StartsSeen`` is that log as JSON.
Simulation only: methods SimulateAlarm(code), ClearAlarm(), SetLocalReady(bool),
FreezeReady(bool), Abort(); variable OperatorStart.
Not here: what a machine does (``simulation.py``).
"""

import argparse
import asyncio
import json
import logging
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from simulation import KINDS, STATES, Simulation

NAMESPACE = "urn:weft:demo:machine"
TICK_SECONDS = 0.02
SIGNAL_SECONDS = 0.1
READY_SECONDS = 0.5
V = ua.VariantType


class Machine:
    """One simulation behind one OPC UA server; ``_sent`` holds what clients see, by variable name."""

    def __init__(self, name: str, simulation: Simulation, speed: float, state: Path | None) -> None:
        self.name = name
        self.simulation = simulation
        self.speed = speed
        self.state = state
        self.server: Any = None
        self._types: dict[str, ua.VariantType] = {}
        self._nodes: dict[str, ua.NodeId] = {}
        self._sent: dict[str, Any] = {}
        self._last_start = ""
        self._ready_frozen = False

    async def serve(self, endpoint: str, certificate: tuple[str, str] | None = None) -> None:
        """Build the address space and begin to listen."""
        self._recall()
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint(endpoint)
        self.server.set_server_name(f"Simulated machine {self.name}")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if certificate:
            self.server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
            await self.server.load_certificate(certificate[0])
            await self.server.load_private_key(certificate[1])
        space = await self.server.register_namespace(NAMESPACE)
        objects = self.server.nodes.objects
        top = await objects.add_object(ua.NodeId(self.name, space), ua.QualifiedName(self.name, space))
        await self._add_variables(top, space)
        await self._add_methods(top, space)
        await self.server.start()

    async def _add_variables(self, top: Any, space: int) -> None:
        kind, sim = self.simulation.kind, self.simulation
        writable = {"JobId": ("", V.String), "Program": ("", V.String), "TargetCount": (0, V.UInt32),
                    "CycleSeconds": (sim.cycle_seconds, V.Double), "StartCommand": ("", V.String),
                    "OperatorStart": (False, V.Boolean)}
        writable |= {name: (default, V.Double) for name, (_, default) in kind.setpoints.items()}
        for name, (value, variant) in writable.items():
            node = await self._add_variable(top, space, name, value, variant)
            await node.set_writable()
        for name, value in self._outputs().items():
            node = await self._add_variable(top, space, name, value, self._output_type(name))
            if name == "State" and kind.numeric_state:
                await node.add_property(space, "EnumStrings", [ua.LocalizedText(one) for one in STATES])
        for name, (unit, *_) in {**kind.setpoints, **kind.signals}.items():
            await self.server.get_node(self._nodes[name]).add_property(space, "EngineeringUnits", unit)
        broken = await self._add_variable(top, space, "BrokenSensor", 0.0, V.Double)
        await broken.write_value(ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure)))

    async def _add_variable(self, top: Any, space: int, name: str, value: Any, variant: ua.VariantType) -> Any:
        node = await top.add_variable(
            ua.NodeId(f"{self.name}.{name}", space), ua.QualifiedName(name, space), ua.Variant(value, variant))
        self._nodes[name], self._types[name], self._sent[name] = node.nodeid, variant, value
        return node

    async def _add_methods(self, top: Any, space: int) -> None:
        def method(name: str, call: Any, inputs: list[ua.VariantType]) -> Any:
            return top.add_method(
                ua.NodeId(f"{self.name}.{name}", space), ua.QualifiedName(name, space), call, inputs, [])

        if self.simulation.kind.start_by == "method":
            await method("StartJob", self._start_job, [V.String])
        await method("SimulateAlarm", self._simulate_alarm, [V.Int32])
        await method("ClearAlarm", self._clear_alarm, [])
        await method("SetLocalReady", self._set_ready, [V.Boolean])
        await method("FreezeReady", self._freeze_ready, [V.Boolean])
        await method("Abort", self._abort, [])

    async def _start_job(self, _parent: ua.NodeId, job: ua.Variant) -> Any:
        refused = await self._start(str(job.Value or ""))
        return ua.StatusCode(ua.StatusCodes.BadInvalidState) if refused else []

    async def _simulate_alarm(self, _parent: ua.NodeId, code: ua.Variant) -> Any:
        self.simulation.raise_alarm(int(code.Value))
        await self._send()
        return []

    async def _clear_alarm(self, _parent: ua.NodeId) -> Any:
        self.simulation.clear_alarm()
        await self._send()
        return []

    async def _set_ready(self, _parent: ua.NodeId, ready: ua.Variant) -> Any:
        self.simulation.ready = bool(ready.Value)
        await self._send()
        return []

    async def _freeze_ready(self, _parent: ua.NodeId, frozen: ua.Variant) -> Any:
        self._ready_frozen = bool(frozen.Value)
        return []

    async def _abort(self, _parent: ua.NodeId) -> Any:
        self.simulation.abort()
        await self._send()
        return []

    async def _start(self, job: str) -> str:
        refused = self.simulation.start(job)
        if not refused:
            self._last_start = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._keep(job, refused)
        await self._send()
        return refused

    def _keep(self, job: str, refused: str) -> None:
        if self.state:
            with self.state.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"job": job, "refused": refused}) + "\n")

    def _recall(self) -> None:
        if not self.state or not self.state.exists():
            return
        for line in self.state.read_text(encoding="utf-8").splitlines():
            seen = json.loads(line)
            self.simulation.starts[seen["job"]] = self.simulation.starts.get(seen["job"], 0) + 1
            if not seen["refused"]:
                self.simulation.accepted.add(seen["job"])

    def _output_type(self, name: str) -> ua.VariantType:
        if name == "State":
            return V.Int32 if self.simulation.kind.numeric_state else V.String
        fixed = {"PieceCount": V.UInt32, "ScrapCount": V.UInt32, "AlarmCode": V.Int32, "LocalReady": V.Boolean,
                 "EmergencyStop": V.Boolean}
        return fixed.get(name, V.Double if name in self.simulation.kind.signals else V.String)

    def _outputs(self) -> dict[str, Any]:
        """What the machine says now; the state comes last, so that its counters are never behind it."""
        sim = self.simulation
        return {
            "PieceCount": sim.pieces,
            "ScrapCount": sim.scrap,
            "AlarmCode": sim.alarm,
            "AlarmText": sim.kind.alarms.get(sim.alarm, "Alarm" if sim.alarm else ""),
            "LocalReady": sim.ready and not sim.alarm,
            "EmergencyStop": False,
            "StartsSeen": json.dumps([{"job": job, "starts": count} for job, count in sim.starts.items()]),
            "LastStartAt": self._last_start,
            **sim.signals,
            "State": sim.state if sim.kind.numeric_state else STATES[sim.state],
        }

    async def _send(self, skip: frozenset[str] = frozenset()) -> None:
        for name, value in self._outputs().items():
            if name not in skip and self._sent[name] != value:
                await self._write(name, value)

    async def _write(self, name: str, value: Any) -> None:
        self._sent[name] = value
        now = datetime.now(UTC)
        await self.server.write_attribute_value(
            self._nodes[name], ua.DataValue(ua.Variant(value, self._types[name]), SourceTimestamp=now,
                                            ServerTimestamp=now))

    async def _read(self, name: str) -> Any:
        return await self.server.get_node(self._nodes[name]).read_value()

    async def _take_inputs(self) -> None:
        sim = self.simulation
        sim.program = await self._read("Program")
        sim.target = await self._read("TargetCount")
        sim.cycle_seconds = await self._read("CycleSeconds")
        job = await self._read("JobId")
        if job != sim.job and not sim.load(job):
            await self._write("JobId", sim.job)  # it is running: the machine keeps what it has
        command = await self._read("StartCommand")
        if command:
            await self._start(command)
            await self._write("StartCommand", "")
        if await self._read("OperatorStart"):
            await self._start(sim.job)
            await self._write("OperatorStart", False)

    async def run(self, until: asyncio.Event) -> None:
        """Let time pass until ``until`` is set."""
        signals = frozenset(self.simulation.kind.signals)
        before, next_signals, next_ready = time.monotonic(), 0.0, 0.0
        while not until.is_set():
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            await self._take_inputs()
            self.simulation.step((now - before) * self.speed)
            before = now
            await self._send(skip=frozenset() if now >= next_signals else signals)
            if now >= next_signals:
                next_signals = now + SIGNAL_SECONDS
            if now >= next_ready and not self._ready_frozen:  # a live signal: its stamp moves, its value does not
                await self._write("LocalReady", self._outputs()["LocalReady"])
                next_ready = now + READY_SECONDS


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description="A simulated machine that serves OPC UA on 127.0.0.1.")
    parser.add_argument("--kind", choices=sorted(KINDS), default="lathe")
    parser.add_argument("--name", default="Lathe1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="machine seconds per second")
    parser.add_argument("--scrap-rate", type=float, default=0.02, help="share of pieces that are scrap")
    parser.add_argument("--state", type=Path, help="file that keeps the log of starts over a power cut")
    parser.add_argument("--certificate", nargs=2, metavar=("CERT", "KEY"), help="only Basic256Sha256 SignAndEncrypt")
    return parser.parse_args(argv)


async def main(argv: list[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    logging.disable(logging.WARNING)
    given = arguments(argv)
    port = given.port or free_port()
    endpoint = f"opc.tcp://127.0.0.1:{port}"
    simulation = Simulation(KINDS[given.kind], seed=given.seed, scrap_rate=given.scrap_rate)
    machine = Machine(given.name, simulation, given.speed, given.state)
    await machine.serve(endpoint, tuple(given.certificate) if given.certificate else None)
    until = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, until.set)
    print(json.dumps({"ready": True, "name": given.name, "kind": given.kind, "endpoint": endpoint}), flush=True)
    try:
        await machine.run(until)
    finally:
        await machine.server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
