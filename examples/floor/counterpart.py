"""A foreign counterpart: a server, broker, simulator or controller by others, started and ended as one process.

    python counterpart.py isa95|machinery|mosquitto|sparkplug|pymodbus|modbus-serial|linuxcnc --name N --state FILE

It prints one line of JSON when the counterpart is ready: ``endpoint``, ``is`` (what it is, and its version), ``pid``
(of the counterpart itself) and ``logs`` (a line in FILE is a start that it has seen, or a piece that it has made); or
``missing``: why it cannot run here. It ends, and the counterpart with it, on SIGTERM or when its standard input closes.
The counterparts are those of the tests, installed as the tests install them.
Rule 1: nothing of ours is between the counterpart and who asks it; ``--idle`` is one that makes nothing (a control).
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DEMO = ROOT / "examples" / "demo" / "machines"
PATH = "G21 G90 G0 X0 Y0\nG1 X4 F6000\nG1 Y4\nG1 X0\nG1 Y0\n"
MOVED = "M66 E0 L0\n"  # reads on only when all motion before is over
PROGRAM = PATH + MOVED + "(LOGAPPEND,{log})\n(LOG,piece)\n(LOGCLOSE)\nM2\n"
SERIAL, EDGE = "8.0.25", "3.2.4"
SCRAP_EVERY = 3
CYCLE_S = 12  # as the routing says
Ended = Callable[[], Awaitable[None]]

sys.path[:0] = [str(ROOT), str(DEMO), str(HERE)]


@dataclass
class Up:
    """A counterpart that is ready."""

    endpoint: str
    is_: str
    pid: int
    end: Ended
    logs: str = "starts"


async def job_control(given: argparse.Namespace) -> Up:
    """node-opcua with the official nodesets of ISA-95 job control, and for ``machinery`` those of Machinery jobs."""
    from tests.machines.foreign_opcua import Foreign

    server = Foreign(jobs=given.kind, log=str(given.state), scrap=SCRAP_EVERY, waits=given.idle)
    try:
        await server.begin()
    except BaseException:
        await server.kill()
        raise
    if not given.idle:
        await server.tell("cycle", ms=round(CYCLE_S * 1000 / given.speed))
    sets = {"isa95": "OPC 10031-4 job control", "machinery": "OPC 40001-3 job management"}[given.kind]
    return Up(server.endpoint, f"node-opcua, {sets}", server.child.pid, server.kill)


async def mosquitto(given: argparse.Namespace) -> Up:
    """A Mosquitto, and behind it a machine that speaks through Eclipse Paho."""
    from tests.peers.mosquitto import Broker

    broker = Broker(given.state.with_suffix(".broker")).up()
    machine = await asyncio.create_subprocess_exec(
        sys.executable, str(DEMO / "mqtt_machine.py"), "--name", given.name, "--port", str(broker.port),
        "--speed", str(given.speed), "--scrap-rate", "0", "--state", str(given.state), stdout=asyncio.subprocess.PIPE)
    assert machine.stdout is not None
    endpoint = json.loads(await machine.stdout.readline())["endpoint"]

    async def end() -> None:
        await _kill(machine)
        broker.kill()

    return Up(endpoint, "Mosquitto, Eclipse Paho", broker.process.pid, end)


async def sparkplug(given: argparse.Namespace) -> Up:
    """Eclipse Tahu's edge node, with a device, behind a Mosquitto."""
    from tests.machines.sparkplug import conftest as sparkplug
    from tests.peers.mosquitto import Broker

    edge = sparkplug.EdgeNode(Broker(given.state.with_suffix(".broker")).up(), given.speed, str(given.state))

    async def end() -> None:
        await edge.kill()
        edge.broker.kill()

    try:
        await edge.begin()
    except BaseException:
        edge.broker.kill()
        raise
    place = f"{sparkplug.GROUP}/{sparkplug.NODE}/{sparkplug.DEVICE}".replace(" ", "%20")
    return Up(f"sparkplug+mqtt://127.0.0.1:{edge.broker.port}/{place}", f"sparkplug-client {EDGE}, Mosquitto",
              edge.child.pid, end)


async def pymodbus(given: argparse.Namespace) -> Up:
    """The simulator of pymodbus, as its own program, with a machine of ours as its custom action."""
    import simulated

    port, web = _free_port(), _free_port()
    file = given.state.with_suffix(".json")
    file.write_text(json.dumps(simulated.setup(port, speed=given.speed, state=str(given.state), idle=given.idle)))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from pymodbus.server.simulator.main import main; main()", "--modbus_server", "server",
        "--modbus_device", "device", "--json_file", str(file), "--custom_actions_module", "simulated",
        "--http_host", "127.0.0.1", "--http_port", str(web), "--log", "critical", cwd=given.state.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE), str(DEMO)))},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    await _listening(child, port)
    return Up(f"modbus+tcp://127.0.0.1:{port}", f"pymodbus {version('pymodbus')} simulator", child.pid,
              lambda: _kill(child))


async def modbus_serial(given: argparse.Namespace) -> Up:
    """A Modbus server on modbus-serial."""
    from tests.machines import npm

    port = _free_port()
    child = await asyncio.create_subprocess_exec(
        "node", str(HERE / "modbus_machine.js"), str(port), str(given.speed), str(given.state),
        *(["idle"] if given.idle else []), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        env=npm.environment(npm.package("modbus-serial", SERIAL)))
    await _listening(child, port)
    return Up(f"modbus+tcp://127.0.0.1:{port}", f"modbus-serial {SERIAL}", child.pid, lambda: _kill(child))


async def linuxcnc(given: argparse.Namespace) -> Up:
    """A LinuxCNC with simulated axes; its program makes one piece, and says so in the log by itself."""
    from tests.machines.cnc import Controller

    controller = Controller()
    try:
        await controller.begin()
    except BaseException:
        await controller.remove()
        raise
    log = controller.folder / "home" / "pieces.log"  # of nobody, as which the controller runs
    given.state.symlink_to(log)
    text = PROGRAM.format(log=log)
    (controller.folder / "floor.ngc").write_text("M0\n" + text if given.idle else text, encoding="utf-8")
    return Up("linuxcnc://localhost", "LinuxCNC", controller.find("milltask")[0], controller.remove, "pieces")


KINDS = {"isa95": job_control, "machinery": job_control, "mosquitto": mosquitto, "sparkplug": sparkplug,
         "pymodbus": pymodbus, "modbus-serial": modbus_serial, "linuxcnc": linuxcnc}


def _free_port() -> int:
    from tests.peers.mosquitto import free_port

    return free_port()


async def _listening(child: asyncio.subprocess.Process, port: int) -> None:
    while child.returncode is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"it ended with {child.returncode} before it listened")


async def _kill(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description="A foreign counterpart for the floor.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--name", required=True)
    parser.add_argument("--state", type=Path, required=True, help="what it has seen of starts, a line for each")
    parser.add_argument("--port", type=int, default=0, help="it takes a free one")
    parser.add_argument("--speed", type=float, default=60.0, help="machine seconds per second")
    parser.add_argument("--idle", action="store_true", help="it takes jobs, and makes nothing")
    given = parser.parse_args(argv)
    given.speed = 0.0 if given.idle else given.speed
    return given


async def main(given: argparse.Namespace) -> None:
    """Start it, say so, wait to be ended."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    loop.add_reader(sys.stdin.fileno(), lambda: over.set() if not os.read(sys.stdin.fileno(), 4096) else None)
    up = await KINDS[given.kind](given)
    try:
        print(json.dumps({"endpoint": up.endpoint, "is": up.is_, "pid": up.pid, "logs": up.logs}), flush=True)
        await over.wait()
    finally:
        await up.end()


if __name__ == "__main__":
    try:
        import pytest
    except ImportError:
        print(json.dumps({"missing": "what the tests need is not installed (make floor installs it)"}))
        raise SystemExit(0) from None
    try:
        asyncio.run(main(arguments(sys.argv[1:])))
    except pytest.skip.Exception as missing:
        print(json.dumps({"missing": str(missing)}))
