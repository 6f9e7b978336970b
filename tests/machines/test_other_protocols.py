"""An order's job on machines that speak Modbus and HTTP, and on one that can only be watched, through the runner."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from tests.machines.conftest import MACHINES, Book, until
from tests.machines.suite import PACE
from tests.machines.test_modbus import free_port
from tests.machines.test_mtconnect import AgentProcess
from weft.basis.decider import Message
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines.http import HttpConnection
from weft.machines.modbus import ModbusConnection
from weft.machines.mtconnect import MtConnectConnection
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.book import CommandConfirmed, MachineAdded
from weft.shopfloor.connection import Quality
from weft.shopfloor.facts import JobCounted, JobEnded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import fill, parse_text

JOB = JobOrder(id="J-1", program="P-1", quantity="4", start="auto", setpoints={"Feed": "220", "CycleSeconds": "12"})


class Machine:
    """A machine of the demo over ``protocol``; its log of starts is the file ``state``."""

    def __init__(self, protocol: str, folder: Path) -> None:
        self.protocol = protocol
        self.port = free_port()
        self.state = folder / f"{protocol}.starts"
        self.child: Any = None
        self.endpoint = ""

    async def begin(self) -> None:
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / f"{self.protocol}_machine.py"), "--name", "M1", "--port", str(self.port),
            "--seed", "7", "--speed", "60", "--scrap-rate", "0", "--state", str(self.state),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        self.endpoint = json.loads(await asyncio.wait_for(self.child.stdout.readline(), 60))["endpoint"]

    async def kill(self) -> None:
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()

    def text(self, **changes: Any) -> str:
        template = (MACHINES / f"{self.protocol}.td.json").read_text(encoding="utf-8")
        return json.dumps(json.loads(fill(template, {"NAME": "M1", "ENDPOINT": self.endpoint})) | changes)

    def starts(self) -> dict[str, int]:
        """Its own log: how often each job was told to start."""
        lines = self.state.read_text(encoding="utf-8").splitlines() if self.state.exists() else []
        jobs = [json.loads(line)["job"] for line in lines]
        return {job: jobs.count(job) for job in jobs}

    async def panel(self, **told: int) -> None:
        """What an operator does at the machine itself."""
        if self.protocol == "http":
            await self._post(told)
            return
        places = {"alarm": 100, "frozen": 102, "press": 103, "abort": 104}
        async with AsyncModbusTcpClient("127.0.0.1", port=self.port) as client:
            for name, value in told.items():
                assert not (await client.write_register(places[name], value)).isError()

    async def _post(self, told: dict[str, int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps(told).encode()
        writer.write(b"POST /panel HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
                     + body)
        assert b"20" in (await reader.readline())
        writer.close()


@pytest.fixture
async def machine(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Machine]:
    one = Machine(request.param, tmp_path)
    await one.begin()
    yield one
    await one.kill()


both = pytest.mark.parametrize("machine", ["modbus", "http"], indirect=True)


@asynccontextmanager
async def running(floor: Book, live: Live | None = None) -> AsyncIterator[MachineRunner]:
    """A runner built from the folded book, as a node does when it starts."""
    description = parse_text(floor.state_now.machines["M1"].description)
    kind: Any = {"http": HttpConnection, "modbus+tcp": ModbusConnection, "mtconnect+http": MtConnectConnection}[
        description.scheme]
    runner = MachineRunner("M1", description, kind(description, pace=PACE), FloorBook(floor.say, floor.state),
                           live or Live(), SystemClock())
    await runner.open()
    assert await runner.connection.wait_up(15)
    try:
        yield runner
    finally:
        await runner.close()


async def know(floor: Book, one: Machine | AgentProcess, **changes: Any) -> None:
    await floor.say(MachineAdded(machine="M1", description=one.text(**changes)))


async def started(runner: MachineRunner, job: JobOrder) -> None:
    """The heart of a machine must have beaten before it may be started."""
    for _ in range(50):
        outcome = await runner.dispatch(job)
        if outcome.reason != "machine.ready-stale":
            break
        await asyncio.sleep(0.1)
    assert outcome.confirmed, outcome


def counts(floor: Book) -> list[int]:
    return [one.good for one in floor.said if isinstance(one, JobCounted)]


@both
async def test_a_job_is_loaded_started_counted_and_ended(machine: Machine, floor: Book) -> None:
    await know(floor, machine)
    live = Live()
    async with running(floor, live) as runner:
        await started(runner, JOB)
        await until(lambda: "JobEnded" in floor.kinds())
        await runner.quiet()
        assert live.get("M1", "PieceCount").value == 4
        assert live.get("M1", "Feed").value == pytest.approx(220)
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [4]
    assert counts(floor) == sorted(set(counts(floor)))
    assert floor.kinds().count("JobStarted") == 1
    assert machine.starts() == {"J-1": 1}


@both
async def test_without_a_beating_heart_the_node_starts_nothing(machine: Machine, floor: Book) -> None:
    await know(floor, machine, **{"weft:readyMaxAgeMs": 800})
    async with running(floor) as runner:
        await machine.panel(frozen=1)
        await asyncio.sleep(1.5)
        assert (await runner.load(JOB)).confirmed
        assert (await runner.start(JOB)).reason == "machine.ready-stale"
        assert machine.starts() == {}
        await machine.panel(frozen=0)
        await asyncio.sleep(0.7)
        await started(runner, JOB)  # the control: the same job, once the heart beats
    assert machine.starts() == {"J-1": 1}


@both
async def test_a_power_cut_in_the_midst_is_said_and_the_job_is_lost_and_not_begun_again(
    machine: Machine, floor: Book
) -> None:
    await know(floor, machine, **{"weft:linkGraceMs": 500})
    live, job = Live(), JobOrder(id="J-4", quantity="400", start="auto")
    async with running(floor, live) as runner:
        await started(runner, job)
        await until(lambda: "JobStarted" in floor.kinds())
        await machine.kill()
        await until(lambda: "ConnectionLost" in floor.kinds())
        assert live.get("M1", "State").quality is Quality.MISSING
        await machine.begin()
        await until(lambda: "JobAborted" in floor.kinds())
        await runner.quiet()
        assert (await runner.dispatch(job)).confirmed  # it was begun: nobody begins it again
    assert floor.kinds().index("ConnectionRestored") < floor.kinds().index("JobAborted")
    assert machine.starts() == {"J-4": 1}


@both
async def test_a_crash_of_the_node_after_the_start_starts_nothing_twice(machine: Machine, floor: Book) -> None:
    await know(floor, machine)
    job = JobOrder(id="J-7", quantity="400", start="auto")

    def before_start_outcome(message: Message) -> str:
        return "before" if isinstance(message, CommandConfirmed) and message.command.startswith("start/") else ""

    async with running(floor) as runner:
        floor.hold = before_start_outcome
        lost = asyncio.create_task(started(runner, job))
        await asyncio.wait_for(floor.held.wait(), 15)
        lost.cancel()
    floor.hold = lambda _message: ""
    async with running(floor) as runner:
        await until(lambda: floor.state_now.commands["start/M1/J-7/1"].status != "open")
        assert (await runner.dispatch(job)).confirmed
    assert machine.starts() == {"J-7": 1}


@both
async def test_control_a_naive_retry_starts_twice_and_is_seen(machine: Machine, floor: Book) -> None:
    await know(floor, machine)
    async with running(floor) as runner:
        assert (await runner.load(JOB)).confirmed
        for _ in range(2):  # what a client does that takes a missing answer for a missing start
            if machine.protocol == "http":
                await runner.connection.invoke("StartJob", ["J-1"])
            else:
                await runner.connection.write({"StartCommand": 1})
                await asyncio.sleep(0.2)
    assert machine.starts() == {"J-1": 2}


# ---- a machine that can only be watched ---------------------------------------------------------------


@pytest.fixture
async def lathe() -> AsyncIterator[AgentProcess]:
    one = AgentProcess("--speed", "60", name="M1")
    await one.begin()
    yield one
    await one.kill()


WATCHED = JobOrder(id="J-1", program="BODY", quantity="4")


async def test_an_operator_loads_and_starts_and_the_pieces_come_back(lathe: AgentProcess, floor: Book) -> None:
    await know(floor, lathe)
    async with running(floor) as runner:
        assert (await runner.dispatch(WATCHED)).confirmed
        assert (await runner.dispatch(WATCHED)).confirmed  # repeated: the operator has it already
        assert (await runner.start(WATCHED)).reason == "machine.operator-starts"
        await asyncio.sleep(0.5)
        assert "JobStarted" not in floor.kinds()  # the counter showed 17, and the program is another
        await lathe.panel(program="O9/BODY.NC", target=4, cycle=24, press=1)
        await until(lambda: "JobStarted" in floor.kinds())
        await until(lambda: len(counts(floor)) > 0)
        await lathe.panel(alarm=101)
        await until(lambda: "JobPaused" in floor.kinds())
        await lathe.panel(alarm=0)
        await until(lambda: "JobEnded" in floor.kinds())
        await runner.quiet()
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [4]
    assert counts(floor) == [1, 2, 3, 4]
    assert floor.kinds().count("JobGiven") == 1
    assert floor.kinds().count("JobStarted") == 1
    assert "MachineAlarmed" in floor.kinds()
    assert not [one for one in floor.kinds() if one.startswith("Command") and one != "CommandRefused"]


async def test_another_program_is_not_the_job(lathe: AgentProcess, floor: Book) -> None:
    await know(floor, lathe)
    async with running(floor) as runner:
        assert (await runner.dispatch(WATCHED)).confirmed
        await lathe.panel(program="SOMETHING-ELSE", target=1, cycle=12, press=1)
        await until(lambda: runner._tracking.state is not None and runner._tracking.program == "SOMETHING-ELSE")
        await asyncio.sleep(1)
        assert "JobStarted" not in floor.kinds()


async def test_after_a_power_cut_and_a_restart_of_the_node_pieces_go_on_where_the_book_stands(
    lathe: AgentProcess, floor: Book
) -> None:
    await know(floor, lathe, **{"weft:linkGraceMs": 300})
    job = JobOrder(id="J-2", program="BODY", quantity="6")
    async with running(floor) as runner:
        assert (await runner.dispatch(job)).confirmed
        await lathe.panel(program="BODY", target=3, cycle=12, press=1)
        await until(lambda: max(counts(floor), default=0) == 3)
        assert "JobEnded" not in floor.kinds()  # the program has ended, the job has not
        await lathe.kill()
        await until(lambda: "ConnectionLost" in floor.kinds())
    await lathe.begin()  # its counter begins again at 17
    async with running(floor):
        await until(lambda: "ConnectionRestored" in floor.kinds())
        await lathe.panel(program="BODY", target=3, cycle=12, press=1)
        await until(lambda: "JobStarted" in floor.kinds())
        await asyncio.sleep(1)
    assert max(counts(floor)) >= 3  # never less than was said
    assert counts(floor) == sorted(set(counts(floor)))
    assert floor.kinds().count("JobStarted") == 1
