"""A runner, the floor book's real rules and a real machine process: from a job to its end, and through crashes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from control import Panel

from tests.machines.conftest import PACE, Book, Process, Start, until
from weft.basis.decider import Message
from weft.basis.errors import Unavailable
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines import connect
from weft.machines.fleet import Fleet
from weft.machines.opcua import OpcUaConnection
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.book import CommandConfirmed, CommandIntended, CommandSettled
from weft.shopfloor.connection import AssetConnection, Quality
from weft.shopfloor.description import Description
from weft.shopfloor.facts import JobCounted, JobEnded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import parse_text

JOB = JobOrder(id="J-100", program="BODY-DN15", quantity="4", start="auto",
               setpoints={"SpindleSpeed": "1800", "Feed": "220", "CycleSeconds": "12"})


def runner_of(process: Process, floor: Book, live: Live | None = None) -> MachineRunner:
    """A runner built from the folded book, as a node does when it starts."""
    description = parse_text(floor.state_now.machines[process.name].description)
    return MachineRunner(process.name, description, OpcUaConnection(description, None, PACE),
                         FloorBook(floor.say, floor.state), live or Live(), SystemClock())


@asynccontextmanager
async def running(process: Process, floor: Book, live: Live | None = None) -> AsyncIterator[MachineRunner]:
    runner = runner_of(process, floor, live)
    await runner.open()
    assert await runner.connection.wait_up(10)
    try:
        yield runner
    finally:
        await runner.close()


async def starts(process: Process) -> dict[str, int]:
    async with Panel(process.endpoint, process.name) as panel:
        return await panel.starts_seen()


@pytest.mark.parametrize("kind", ["lathe", "cell", "press"])
async def test_a_job_is_loaded_started_counted_and_ended(machine: Start, floor: Book, kind: str) -> None:
    process = await machine(kind)
    await floor.know(process)
    own = {"lathe": {"SpindleSpeed": "1800", "Feed": "220"}, "cell": {"Torque": "14"},
           "press": {"MouldTemperature": "180", "ClampForce": "200"}}[kind]
    job = JobOrder(id="J-1", program="P-1", quantity="4", start="auto", setpoints={**own, "CycleSeconds": "12"})
    live = Live()
    async with running(process, floor, live) as runner:
        outcome = await runner.dispatch(job)
        assert outcome.confirmed, outcome
        await until(lambda: "JobEnded" in floor.kinds())
        await runner.quiet()
        async with Panel(process.endpoint, process.name) as panel:
            for name, value in own.items():
                assert await panel.read(name) == float(value)
            assert await panel.starts_seen() == {"J-1": 1}
        assert live.get(process.name, "PieceCount").value == 4
        assert live.status(process.name).up
    commands = [one for one in floor.kinds() if one.startswith("Command")]
    assert commands == ["CommandIntended", "CommandConfirmed"] * 2
    counts = [one.good for one in floor.said if isinstance(one, JobCounted)]
    assert counts == sorted(set(counts))
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [4]
    assert floor.kinds().count("JobStarted") == 1


async def test_by_default_the_operator_starts(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process, **{"weft:startMode": "operator"})
    async with running(process, floor) as runner:
        loaded = await runner.dispatch(JOB)
        assert loaded.confirmed
        refused = await runner.start(JOB)
        assert (refused.status, refused.reason) == ("refused", "machine.operator-starts")
        await asyncio.sleep(0.3)
        assert "JobStarted" not in floor.kinds()
        async with Panel(process.endpoint, process.name) as panel:
            await panel.press_start()
        await until(lambda: "JobEnded" in floor.kinds())
        again = await runner.dispatch(JOB)  # a repeated reaction finds it begun and writes nothing
        assert again.confirmed
    assert floor.kinds().count("JobStarted") == 1
    assert await starts(process) == {"J-100": 1}


async def test_remote_start_needs_a_fresh_local_ready(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process, **{"weft:readyMaxAgeMs": 1000})
    async with running(process, floor) as runner, Panel(process.endpoint, process.name) as panel:
        await runner.load(JOB)
        await panel.set_local_ready(False)
        assert (await runner.start(JOB)).reason == "machine.not-ready"
        await panel.set_local_ready(True)
        await panel.freeze_ready(True)
        await asyncio.sleep(1.5)
        assert (await runner.start(JOB)).reason == "machine.ready-stale"
        assert await panel.starts_seen() == {}
        await panel.freeze_ready(False)
        await asyncio.sleep(0.7)
        assert (await runner.start(JOB)).confirmed  # control: the same job, once the signal lives
        assert await panel.starts_seen() == {"J-100": 1}


async def test_limits_hold_and_nothing_is_written_when_one_is_broken(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    wild = JobOrder(id="J-9", program="P", quantity="4", setpoints={"Feed": "100", "SpindleSpeed": "9000"})
    async with running(process, floor) as runner, Panel(process.endpoint, process.name) as panel:
        before = await panel.read("Feed")
        outcome = await runner.load(wild)
        assert (outcome.status, outcome.reason) == ("refused", "guard.out-of-limits")
        assert (await runner.load(wild)).command == outcome.command  # asked again: refused again, recorded once
        assert await panel.read("Feed") == before
        assert await panel.read("JobId") == ""
    assert floor.kinds() == ["MachineAdded", "CommandRefused"]  # no intent, for nothing was to be written


async def test_one_property_is_written_within_its_guard_and_read_back(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    async with running(process, floor) as runner, Panel(process.endpoint, process.name) as panel:
        outcome = await runner.write("Feed", 180)
        assert outcome.confirmed
        assert await panel.read("Feed") == 180
        for name, value, code in (("Feed", 1e9, "guard.out-of-limits"), ("Feed", "fast", "guard.type"),
                                  ("PieceCount", 5, "guard.not-writable"), ("Nothing", 1, "machine.no-setpoint")):
            refused = await runner.write(name, value)
            assert (refused.status, refused.reason) == ("refused", code)
        assert (await runner.write("Feed", 1e9)).reason == "guard.out-of-limits"
        runner.stop_writing = True
        for _ in range(2):
            assert (await runner.write("Feed", 200)).reason == "machine.writing-stopped"
        assert await panel.read("Feed") == 180
    assert floor.kinds()[1:] == ["CommandIntended", "CommandConfirmed", *["CommandRefused"] * 6], floor.kinds()


async def test_the_emergency_switch_stops_every_write(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    async with running(process, floor) as runner:
        runner.stop_writing = True
        assert (await runner.load(JOB)).reason == "machine.writing-stopped"
        runner.stop_writing = False
        assert (await runner.load(JOB)).confirmed
        runner.stop_writing = True
        assert (await runner.start(JOB)).reason == "machine.writing-stopped"
    assert await starts(process) == {}


async def test_a_second_start_of_one_job_is_impossible(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    async with running(process, floor) as runner:
        await runner.load(JOB)
        outcomes = await asyncio.gather(*(runner.start(JOB) for _ in range(5)))
        assert all(one.confirmed for one in outcomes)
        assert len({one.command for one in outcomes}) == 1
    assert await starts(process) == {"J-100": 1}


async def test_control_a_naive_retry_starts_twice_and_is_seen(machine: Start) -> None:
    process = await machine()
    description = process.description()
    connection = OpcUaConnection(description, None, PACE)
    await connection.open()
    assert await connection.wait_up(10)
    await connection.write({"JobId": "J-100", "TargetCount": 4})
    await asyncio.sleep(0.2)
    for _ in range(2):  # what a client does that takes a missing answer for a missing start
        await connection.invoke("StartJob", ["J-100"])
    await connection.close()
    assert await starts(process) == {"J-100": 2}


@pytest.mark.parametrize("kind", ["lathe", "cell"])
async def test_a_crash_after_the_start_and_before_its_outcome_starts_nothing_twice(
    machine: Start, floor: Book, kind: str
) -> None:
    process = await machine(kind)
    await floor.know(process)
    job = JobOrder(id="J-7", quantity="400", start="auto")

    def before_start_outcome(message: Message) -> str:
        return "before" if isinstance(message, CommandConfirmed) and message.command.startswith("start/") else ""

    async with running(process, floor) as runner:
        await runner.load(job)
        floor.hold = before_start_outcome
        lost = asyncio.create_task(runner.start(job))
        await asyncio.wait_for(floor.held.wait(), 10)
        lost.cancel()
    floor.hold = lambda _message: ""
    assert floor.state_now.commands["start/M1/J-7/1"].status == "open"
    async with running(process, floor) as runner:
        await until(lambda: floor.state_now.commands["start/M1/J-7/1"].status != "open")
        assert (await runner.start(job)).confirmed
        assert (await runner.dispatch(job)).confirmed
    assert floor.state_now.commands["start/M1/J-7/1"].status == "confirmed"
    assert await starts(process) == {"J-7": 1}


async def test_a_crash_between_intent_and_write_is_unknown_until_a_person_looks(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process, **{"weft:startMs": 800})
    job = JobOrder(id="J-8", quantity="400", start="auto")
    async with running(process, floor) as runner:
        await runner.load(job)
        floor.hold = lambda message: "after" if isinstance(message, CommandIntended) else ""
        lost = asyncio.create_task(runner.start(job))
        await asyncio.wait_for(floor.held.wait(), 10)
        lost.cancel()
    floor.hold = lambda _message: ""
    async with running(process, floor) as runner:
        await until(lambda: floor.state_now.commands["start/M1/J-8/1"].status == "unknown")
        assert (await runner.start(job)).status == "unknown"
        assert await starts(process) == {}  # it is not repeated on a guess
        await floor.say(CommandSettled(command="start/M1/J-8/1", done=False))
        assert (await runner.start(job)).confirmed
    assert await starts(process) == {"J-8": 1}


async def test_after_a_restart_of_the_node_facts_go_on_where_the_book_stands(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    job = JobOrder(id="J-5", quantity="40", start="auto", setpoints={"CycleSeconds": "12"})
    async with running(process, floor) as runner:
        await runner.dispatch(job)
        await until(lambda: floor.state_now.machines["M1"].seen.good >= 3)
    await asyncio.sleep(1)  # it goes on while nobody looks
    async with running(process, floor):
        await until(lambda: "JobEnded" in floor.kinds(), 30)
    counts = [one.good for one in floor.said if isinstance(one, JobCounted)]
    assert counts == sorted(set(counts))
    assert floor.kinds().count("JobStarted") == 1
    assert floor.state_now.machines["M1"].seen.good == 40


async def test_an_alarm_and_its_end_are_facts(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process)
    job = JobOrder(id="J-6", quantity="400", start="auto")
    async with running(process, floor) as runner, Panel(process.endpoint, process.name) as panel:
        await runner.dispatch(job)
        await until(lambda: "JobStarted" in floor.kinds())
        await panel.raise_alarm(101)
        await until(lambda: "JobPaused" in floor.kinds())
        await panel.clear_alarm()
        await until(lambda: "JobResumed" in floor.kinds())
        await panel.abort()
        await until(lambda: "JobAborted" in floor.kinds())
        await runner.quiet()
    told = [one for one in floor.kinds() if one.startswith(("Machine", "Job")) and one != "JobCounted"]
    assert told == ["MachineAdded", "JobStarted", "MachineAlarmed", "JobPaused", "MachineCleared", "JobResumed",
                    "JobAborted"]
    alarm = next(one for one in floor.said if type(one).__name__ == "MachineAlarmed")
    assert (alarm.code, alarm.text, alarm.job) == ("101", "Tool worn", "J-6")


async def test_a_power_cut_is_said_after_the_grace_time_and_the_job_is_lost(machine: Start, floor: Book) -> None:
    process = await machine()
    await floor.know(process, **{"weft:linkGraceMs": 500})
    live = Live()
    job = JobOrder(id="J-4", quantity="400", start="auto")
    async with running(process, floor, live) as runner:
        await runner.dispatch(job)
        await until(lambda: "JobStarted" in floor.kinds())
        await process.kill()
        await until(lambda: "ConnectionLost" in floor.kinds())
        gone = live.get("M1", "State")
        assert gone is not None
        assert gone.quality is Quality.MISSING
        assert not live.status("M1").up
        with pytest.raises(Unavailable):
            await runner.load(JobOrder(id="J-4b"))
        await process.begin()
        await until(lambda: "JobAborted" in floor.kinds())
        await runner.quiet()
        assert live.status("M1").gap_ms > 500
    assert floor.kinds().index("ConnectionRestored") < floor.kinds().index("JobAborted")
    assert await starts(process) == {"J-4": 1}  # its own log, kept over the power cut


async def test_a_fleet_follows_the_book_and_one_bad_machine_stops_no_other(
    machine: Start, floor: Book, tmp_path: Path
) -> None:
    process = await machine()
    await floor.know(process)
    other = Process("Broken", "lathe", [], endpoint="opc.tcp://127.0.0.1:9")
    await floor.know(other, base="profinet://127.0.0.1:9")

    def connection(description: Description, name: str) -> AssetConnection:
        return connect(description, tmp_path, name)

    live = Live()
    fleet = Fleet(FloorBook(floor.say, floor.state), live, SystemClock(), connection)
    await fleet.follow()
    try:
        assert fleet.names == ("M1",)
        assert fleet.faults["Broken"].code == "machine.scheme"
        assert await fleet.runner("M1").connection.wait_up(10)
        assert (await fleet.dispatch("M1", JOB)).confirmed
        fleet.stop_writing = True
        assert (await fleet.load("M1", JobOrder(id="J-101"))).reason == "machine.writing-stopped"
    finally:
        await fleet.close()
    assert fleet.names == ()


