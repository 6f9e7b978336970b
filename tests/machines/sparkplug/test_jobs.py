"""Jobs on a machine behind a foreign edge node; broker, edge node and device go in the midst; hosts that are shared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.machines.conftest import MACHINES, Book
from tests.machines.mqtt.ordering import made
from tests.machines.sparkplug.conftest import DEVICE, GROUP, NODE, PACE, Device, described
from tests.machines.suite import Heard, until
from tests.machines.workshop import JOB as ORDERED
from tests.peers.mosquitto import Listener
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines import connect
from weft.machines.runner import FloorBook, MachineRunner
from weft.machines.sparkplug.connection import SparkplugConnection
from weft.machines.sparkplug.hosts import Hosts
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Quality
from weft.shopfloor.facts import JobCounted, JobEnded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import fill, parse_text

JOB = JobOrder(id="J-100", program="P-7", quantity="4", start="auto", setpoints={"Feed": "220", "CycleSeconds": "12"})


@pytest.fixture
def floor() -> Book:
    """An empty floor book, with its real rules."""
    return Book()


def thing(device: Device) -> str:
    """Its Thing Description."""
    template = (MACHINES / "sparkplug.td.json").read_text(encoding="utf-8")
    endpoint = f"sparkplug+mqtt://127.0.0.1:{device.broker.port}/{GROUP.replace(' ', '%20')}/{NODE}/{DEVICE}"
    return fill(template, {"NAME": "M1", "ENDPOINT": endpoint}).replace('GraceMs": 3000', 'GraceMs": 300')


@asynccontextmanager
async def running(device: Device, floor: Book, live: Live | None = None) -> AsyncIterator[MachineRunner]:
    text = thing(device)
    await floor.say(MachineAdded(machine="M1", description=text))
    description = parse_text(text)
    runner = MachineRunner("M1", description, SparkplugConnection(description, None, "M1", Hosts(), PACE),
                           FloorBook(floor.say, floor.state), live or Live(), SystemClock())
    await runner.open()
    try:
        assert await runner.connection.wait_up(20), runner.connection.health
        yield runner
    finally:
        await runner.close()


async def test_a_job_is_loaded_started_counted_and_ended(device: Device, floor: Book) -> None:
    live = Live()
    async with running(device, floor, live) as runner:
        outcome = await runner.dispatch(JOB)
        assert outcome.confirmed, outcome
        await until(lambda: "JobEnded" in floor.kinds(), 30)
        await runner.quiet()
        assert live.get("M1", "Feed").value == 220
        assert (await runner.dispatch(JOB)).confirmed
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [4]
    assert device.edge.starts() == {"J-100": 1}


async def test_a_production_order_is_made_on_it_by_the_node_itself(device: Device) -> None:
    job = await made(thing(device), lambda described: SparkplugConnection(described, None, "M1", Hosts(), PACE))
    assert (job.state.value, job.good) == ("Ended", "4")
    assert device.edge.starts() == {ORDERED: 1}


async def test_a_broker_that_is_killed_in_the_midst_loses_no_count_and_starts_nothing_twice(
    device: Device, floor: Book
) -> None:
    live = Live()
    job = JobOrder(id="J-7", quantity="40", start="auto", setpoints={"CycleSeconds": "12"})
    async with running(device, floor, live) as runner:
        assert (await runner.dispatch(job)).confirmed
        await until(lambda: "JobCounted" in floor.kinds(), 30)
        before = floor.kinds().count("ConnectionLost")  # the first birth may have taken longer than the grace time
        device.broker.kill()
        await until(lambda: floor.kinds().count("ConnectionLost") > before)
        assert live.get("M1", "State").quality is Quality.MISSING
        device.broker.up()
        await until(lambda: floor.kinds().count("ConnectionRestored") > before, 30)
        await until(lambda: "JobEnded" in floor.kinds(), 60)
        await runner.quiet()
        assert live.status("M1").gap_ms > 300
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [40]
    counts = [one.good for one in floor.said if isinstance(one, JobCounted)]
    assert counts == sorted(set(counts))
    assert device.edge.starts() == {"J-7": 1}


async def test_an_edge_node_that_is_killed_takes_its_values_along(device: Device, floor: Book) -> None:
    live = Live()
    job = JobOrder(id="J-8", quantity="400", start="auto")
    async with running(device, floor, live) as runner:
        assert (await runner.dispatch(job)).confirmed
        await until(lambda: "JobStarted" in floor.kinds(), 30)
        before = floor.kinds().count("ConnectionLost")
        await device.edge.kill()
        await until(lambda: floor.kinds().count("ConnectionLost") > before, 20)
        assert runner.connection.health.error == "machine.offline"
        assert live.get("M1", "PieceCount").quality is Quality.MISSING
        await device.edge.begin()
        await until(lambda: "JobAborted" in floor.kinds(), 30)  # it lost its memory, and we know


@asynccontextmanager
async def listening(device: Device) -> AsyncIterator[tuple[SparkplugConnection, Heard]]:
    heard = Heard()
    connection = device.connection(device.description(), PACE)
    connection.subscribe(list(device.names), heard.take, heard.links.append)
    await connection.open()
    try:
        assert await connection.wait_up(20)
        yield connection, heard
    finally:
        await connection.close()


async def test_a_device_dies_and_is_born_again_while_its_node_lives(device: Device) -> None:
    async with listening(device) as (connection, heard):
        await device.edge.tell(ddeath=True)
        await until(heard.down)
        assert connection.health.error == "machine.offline"
        await device.edge.tell(dbirth=True)
        await until(lambda: heard.ups() == 2)
        await until(lambda: heard.value("Speed") == 1200)


async def test_a_message_that_is_lost_is_noticed_and_everything_is_told_anew(device: Device) -> None:
    async with listening(device) as (_, heard):
        await device.edge.tell(skip=1)
        await device.edge.tell(set={"Speed": 7})
        await until(lambda: "machine.messages-lost" in [one.detail for one in heard.links])
        await until(lambda: heard.ups() == 2)
        await until(lambda: heard.value("Speed") == 7)


async def test_control_in_order_nothing_goes_down(device: Device) -> None:
    async with listening(device) as (_, heard):
        for speed in range(300):  # past 255, and on from 0
            await device.edge.tell(set={"Speed": speed})
        await until(lambda: heard.value("Speed") == 299)
        await asyncio.sleep(2.5)  # longer than what is missing is waited for
        assert [one.up for one in heard.links] == [True]


async def test_what_is_historical_moves_nothing(device: Device) -> None:
    async with listening(device) as (connection, heard):
        await device.edge.tell(history={"Speed": 3})
        await device.edge.tell(set={"Heat": 30})
        await until(lambda: heard.value("Heat") == 30)
        assert heard.value("Speed") == 1200
        assert connection._edge.historical == 1


async def test_two_machines_of_a_node_are_one_host_and_the_first_that_leaves_takes_nobody_along(
    device: Device, tmp_path: Path
) -> None:
    sessions: dict[str, object] = {}
    port = device.broker.port
    one = connect(described(port, {"Speed": ("integer", "Speed")}), tmp_path / "keys", "M1", sessions)
    other = connect(described(port, {"Up": ("integer", "Uptime")}, place=f"{GROUP}/{NODE}"), tmp_path / "keys", "E1",
                    sessions)
    async with Listener(port, "-T", f"spBv1.0/{GROUP}/#") as somebody:  # payloads are no text
        try:
            await one.open()
            await other.open()
            assert await one.wait_up(20)
            assert await other.wait_up(20)
            assert (await other.read(["Up"]))["Up"].good
            await other.close()
            assert (await one.read(["Speed"]))["Speed"].good
            told = [payload for topic, payload in somebody.heard if topic.startswith("spBv1.0/STATE/")]
            assert ['"online":true' in payload for payload in told] == [True]
        finally:
            await one.close()
        await until(lambda: '"online":false' in [payload for topic, payload in somebody.heard
                                                 if topic.startswith("spBv1.0/STATE/")][-1])
    assert (tmp_path / "keys" / "sparkplug-host").stat().st_mode & 0o077 == 0
