"""Receiving from a broker: our line, and a whole machine's connection, against ``mosquitto_sub`` in the same run.

A real Mosquitto without limits of its queue, ``mosquitto_pub`` as publisher, JSON of 62 bytes; QoS 0 and 1. The three
receivers take turns. The cost is the CPU time of this process for each message.
"""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.processes import free_port
from bench.rounds import Result, show
from weft.machines.keeping import Pace
from weft.machines.mqtt import MqttConnection
from weft.machines.mqtt_line import Broker, dial
from weft.shopfloor.reading import parse

MESSAGES = 20_000
ROUNDS = 3
TOPIC = "plant/m1/status"
LINE = '{"t":1795680765727,"temperature":%5d.25,"state":"Running","n":1}\n'
PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/bin"

Measure = Callable[[int, int], Awaitable[tuple[float, float]]]  # port, QoS -> messages/s, CPU µs a message


def _broker(folder: Path) -> tuple["subprocess.Popen[bytes]", int]:
    port, conf = free_port(), folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\n"
                    "max_inflight_messages 0\npersistence false\n")
    program = shutil.which("mosquitto", path=PATH)
    if program is None:
        raise RuntimeError("NO MOSQUITTO: apt-get install mosquitto mosquitto-clients")
    return subprocess.Popen([program, "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), port


async def _publish(port: int, qos: int) -> None:
    child = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", str(qos), "-t", TOPIC, "-l",
        stdin=asyncio.subprocess.PIPE)
    await child.communicate("".join(LINE % number for number in range(MESSAGES)).encode())


class _Count:
    """Counts to the last message; the clock runs from the first to the last."""

    def __init__(self) -> None:
        self.seen, self.first, self.last = 0, 0.0, 0.0
        self.done = asyncio.Event()

    def take(self, several: int) -> None:
        now = time.perf_counter()
        self.first = self.first or now
        self.seen += several
        if self.seen >= MESSAGES:
            self.last = now
            self.done.set()

    async def measured(self, port: int, qos: int) -> tuple[float, float]:
        begun = time.process_time()
        publishing = asyncio.create_task(_publish(port, qos))
        await asyncio.wait_for(self.done.wait(), 120)
        used = time.process_time() - begun
        await publishing
        return MESSAGES / (self.last - self.first), used / MESSAGES * 1e6


async def _line(port: int, qos: int) -> tuple[float, float]:
    """Our packets and nothing else."""
    count = _Count()
    line = await dial(Broker(host="127.0.0.1", port=port, client="bench", title="bench"),
                      lambda several: count.take(len(several)), 10, 30)
    try:
        await line.subscribe({TOPIC: qos}, 10)
        return await count.measured(port, qos)
    finally:
        await line.bye()


async def _machine(port: int, qos: int) -> tuple[float, float]:
    """A machine's connection: JSON read, a field found, typed and stamped, the change told."""
    count = _Count()
    thing = {"id": "urn:bench", "title": "bench", "base": f"mqtt://127.0.0.1:{port}",
             "securityDefinitions": {"n": {"scheme": "nosec"}}, "security": "n", "properties": {"Temperature": {
                 "type": "number", "forms": [{"href": f"{TOPIC}#/temperature", "mqv:qos": str(qos)}]}}}
    connection = MqttConnection(parse(thing), pace=Pace(silence_s=30))
    connection.subscribe(["Temperature"], lambda told: count.take(sum(one.good for _, one in told)), lambda _: None)
    await connection.open()
    try:
        await connection.wait_up(10)
        return await count.measured(port, qos)
    finally:
        await connection.close()


async def _mosquitto_sub(port: int, qos: int) -> tuple[float, float]:
    child = await asyncio.create_subprocess_exec(
        "mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-V", "5", "-q", str(qos), "-t", TOPIC,
        "-C", str(MESSAGES), "-F", "%U", stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    await asyncio.sleep(0.5)  # it says nothing when it has subscribed
    publishing = asyncio.create_task(_publish(port, qos))
    lines = (await child.stdout.read()).split()
    await child.wait()
    await publishing
    return MESSAGES / (float(lines[-1]) - float(lines[0])), 0.0


async def _measured() -> list[Result]:
    receivers: dict[str, Measure] = {"sub": _mosquitto_sub, "line": _line, "machine": _machine}
    told: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        broker, port = _broker(Path(folder))
        try:
            await asyncio.sleep(0.5)
            for qos in (0, 1):
                best = dict.fromkeys(receivers, (0.0, 1e9))
                for turn in range(ROUNDS + 1):
                    for name, receive in receivers.items():
                        rate, cost = await receive(port, qos)
                        if turn:
                            best[name] = max(best[name][0], rate), min(best[name][1], cost)
                sub = best["sub"]
                for name, what in (("line", "packets alone"), ("machine", "a machine's values")):
                    rate, cost = best[name]
                    told.append(Result(f"MQTT received, QoS {qos}, {what} ({cost:,.1f} µs each)", f"{rate:,.0f}/s",
                                       f"{sub[0]:,.0f}/s", rate / sub[0]))
        finally:
            broker.kill()
            broker.wait()
    return told


def results() -> list[Result]:
    """Messages a second, and what each costs, at QoS 0 and 1."""
    return asyncio.run(_measured())


if __name__ == "__main__":
    show(results())
