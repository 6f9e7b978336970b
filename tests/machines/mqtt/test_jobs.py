"""Jobs on machines behind a broker: loaded, started, counted and ended; broker and machine killed in the midst."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.machines.conftest import Book
from tests.machines.mqtt.conftest import PACE, Process, Start
from tests.machines.mqtt.ordering import made
from tests.machines.suite import until
from tests.machines.workshop import JOB as ORDERED
from tests.peers.mosquitto import Broker
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines.mqtt import MqttConnection
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Quality
from weft.shopfloor.facts import JobCounted, JobEnded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import parse_text

JOB = JobOrder(id="J-100", program="P-7", quantity="4", start="auto", setpoints={"Feed": "220", "CycleSeconds": "12"})


@pytest.fixture
def floor() -> Book:
    """An empty floor book, with its real rules."""
    return Book()


@asynccontextmanager
async def running(
    process: Process, floor: Book, live: Live | None = None, kind: str = "mqtt", **changes: Any
) -> AsyncIterator[MachineRunner]:
    text = process.text(kind, **changes)
    await floor.say(MachineAdded(machine=process.name, description=text))
    description = parse_text(text)
    runner = MachineRunner(process.name, description, MqttConnection(description, None, process.name, PACE),
                           FloorBook(floor.say, floor.state), live or Live(), SystemClock())
    await runner.open()
    try:
        assert await runner.connection.wait_up(15), runner.connection.health
        yield runner
    finally:
        await runner.close()


def counts(floor: Book) -> list[int]:
    return [one.good for one in floor.said if isinstance(one, JobCounted)]


async def test_a_job_is_loaded_started_counted_and_ended(saw: Start, floor: Book) -> None:
    process, live = await saw(), Live()
    async with running(process, floor, live) as runner:
        outcome = await runner.dispatch(JOB)
        assert outcome.confirmed, outcome
        await until(lambda: "JobEnded" in floor.kinds(), 30)
        await runner.quiet()
        assert live.get("M1", "PieceCount").value == 4
        assert live.get("M1", "Feed").value == 220
        assert (await runner.dispatch(JOB)).confirmed  # again: it is found begun, and nothing is sent
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [4]
    assert counts(floor) == sorted(set(counts(floor)))
    assert floor.kinds().count("JobStarted") == 1
    assert process.starts() == {"J-100": 1}


async def test_a_production_order_is_made_on_it_by_the_node_itself(saw: Start) -> None:
    process = await saw()
    job = await made(process.text(), lambda described: MqttConnection(described, None, "M1", PACE))
    assert (job.state.value, job.good) == ("Ended", "4")
    assert process.starts() == {ORDERED: 1}


async def test_remote_start_needs_a_ready_signal_that_is_said_again_and_again(saw: Start, floor: Book) -> None:
    process = await saw()
    async with running(process, floor, **{"weft:heartbeat": "plant/M1/clamp", "weft:readyMaxAgeMs": 1000}) as runner:
        assert (await runner.load(JOB)).confirmed
        await process.panel(frozen=True)
        await asyncio.sleep(1.6)
        refused = await runner.start(JOB)
        assert (refused.status, refused.reason) == ("refused", "machine.ready-stale")
        await process.panel(frozen=False)
        await asyncio.sleep(0.6)
        assert (await runner.start(JOB)).confirmed
    assert process.starts() == {"J-100": 1}


async def test_a_broker_that_is_killed_in_the_midst_loses_no_count_and_starts_nothing_twice(
    saw: Start, broker: Broker, floor: Book
) -> None:
    process, live = await saw(), Live()
    job = JobOrder(id="J-7", quantity="60", start="auto", setpoints={"CycleSeconds": "12"})
    async with running(process, floor, live, **{"weft:linkGraceMs": 300}) as runner:
        assert (await runner.dispatch(job)).confirmed
        await until(lambda: counts(floor) and counts(floor)[-1] >= 3, 30)
        before = floor.kinds().count("ConnectionLost")
        broker.kill()
        await until(lambda: floor.kinds().count("ConnectionLost") > before)
        assert live.get("M1", "State").quality is Quality.MISSING
        assert runner.connection.health.error == "machine.broker-gone"
        broker.up()
        await until(lambda: floor.kinds().count("ConnectionRestored") > before, 30)
        assert live.status("M1").gap_ms > 300
        await until(lambda: "JobEnded" in floor.kinds(), 60)
        await runner.quiet()
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [60]
    assert counts(floor) == sorted(set(counts(floor)))
    assert process.starts() == {"J-7": 1}


async def test_a_machine_that_is_killed_is_told_by_its_last_will_though_the_broker_is_there(
    saw: Start, floor: Book
) -> None:
    process, live = await saw(), Live()
    job = JobOrder(id="J-8", quantity="400", start="auto")
    async with running(process, floor, live, **{"weft:linkGraceMs": 300}) as runner:
        assert (await runner.dispatch(job)).confirmed
        await until(lambda: "JobStarted" in floor.kinds())
        before = floor.kinds().count("ConnectionLost")
        await process.kill()
        await until(lambda: floor.kinds().count("ConnectionLost") > before)
        assert runner.connection.health.error in ("machine.offline", "machine.silent-behind-broker")
        await process.begin()
        await until(lambda: "JobAborted" in floor.kinds(), 30)  # it lost its memory, and we know
    assert process.starts() == {"J-8": 1}


async def test_a_start_whose_answer_is_lost_is_confirmed_once_or_unknown_and_never_repeated(
    saw: Start, broker: Broker, floor: Book
) -> None:
    process = await saw(speed=1)
    async with running(process, floor, **{"weft:startMs": 500, "weft:linkGraceMs": 500}) as runner:
        assert (await runner.load(JOB)).confirmed
        await asyncio.sleep(0.6)  # a fresh ready signal
        starting = asyncio.create_task(runner.start(JOB))
        await until(lambda: "start/M1/J-100/1" in floor.state_now.commands)
        broker.kill()
        outcome = await starting
        assert outcome.status in ("confirmed", "unknown", "refused"), outcome
        broker.up()
        await until(lambda: runner.connection.health.up, 30)
        again = await runner.dispatch(JOB)
        assert again.status in ("confirmed", "unknown")
    assert sum(process.starts().values()) <= 1


async def test_control_who_takes_a_missing_answer_for_a_missing_start_starts_twice(saw: Start, floor: Book) -> None:
    process = await saw(speed=1)
    async with running(process, floor) as runner:
        assert (await runner.load(JOB)).confirmed
        for _ in range(2):
            assert await runner.connection.invoke("StartJob", ["J-100"]) == ""
        await until(lambda: process.starts() == {"J-100": 2})


async def test_a_machine_that_speaks_nothing_is_known_by_its_lamps_and_its_current(saw: Start, floor: Book) -> None:
    process, live, other = await saw(), Live(), Book()
    async with running(process, floor) as runner, running(process, other, live, "lamps") as watched:
        await until(lambda: live.get("M1", "State") is not None and live.get("M1", "State").value == "off")
        assert (await watched.load(JOB)).confirmed  # the operator has it; nothing can be written to a lamp
        assert (await runner.dispatch(JobOrder(id="J-9", quantity="400", start="auto"))).confirmed
        await until(lambda: live.get("M1", "State").value == "green")
        await until(lambda: "JobStarted" in other.kinds())
        await until(lambda: live.get("M1", "Working").value is True)
        await process.panel(alarm=101)
        await until(lambda: live.get("M1", "State").value == "red")
        await until(lambda: {"MachineAlarmed", "JobPaused"} <= set(other.kinds()))
        await until(lambda: live.get("M1", "Working").value is False)
        await process.kill()
        await until(lambda: live.get("M1", "Working").detail == "stale")
    alarm = next(one for one in other.said if type(one).__name__ == "MachineAlarmed")
    assert (alarm.text, alarm.job) == ("Red light", "J-100")
