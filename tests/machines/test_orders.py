"""A production order of a whole node drives machines of other protocols to its end, and the counts come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.home import NoPeers, founded
from tests.machines.test_mtconnect import AgentProcess
from tests.machines.test_other_protocols import Machine
from weft.config import Config, Firm
from weft.engine.clock import SystemClock, system_random
from weft.engine.dispatch import Dispatcher
from weft.engine.node import Node
from weft.engine.reactions import TABLE, TICKS
from weft.machines import connect
from weft.machines.fleet import Fleet
from weft.machines.runner import floor_book
from weft.production import messages as p
from weft.production.book import Several
from weft.production.master import Calendar, Operation, Routing, Shift, WorkCentre
from weft.production.planning import job_id
from weft.production.state import JobState
from weft.shopfloor.book import MachineAdded
from weft.stores.memory import MemoryStore
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins

ORDER = "MO1"
JOB = job_id(ORDER, 10)


def production(start: str) -> Several:
    shifts = tuple(Shift(day=day, start=0, end=1440) for day in range(7))
    sheet = p.JobSheet(number=10, en="Turn", work_centres=("LATHE",), run_s="12", program="BODY",
                       set_points={"CycleSeconds": "12"} if start == "auto" else {})
    draft = p.Draft(id=ORDER, item="BODY", quantity="4", operations=(sheet,))
    demand = p.DemandRef(thread="T1", line="1")
    return Several(messages=(
        p.CalendarDefined(calendar=Calendar(id="day", shifts=shifts)),
        p.WorkCentreDefined(work_centre=WorkCentre(id="LATHE", calendar="day", machine="M1", start=start)),
        p.RoutingDefined(routing=Routing(item="BODY", operations=(
            Operation(number=10, work_centre="LATHE", run_s="12"),))),
        p.PromiseMade(demand=demand, at="2027-01-01T00:00:00.000Z"),
        p.ProductionOrderCreated(order=draft, demand=demand),
        p.JobReleased(job=JOB)))


@asynccontextmanager
async def node_with(machine: Any, folder: Path, start: str) -> AsyncIterator[Any]:
    """A node whose dispatcher takes up what is due by itself."""
    store = MemoryStore()
    node = Node(identity=await founded(store), store=store, clock=SystemClock(), random=system_random,
                config=Config(firm=Firm(name="恒泰阀门")), peers=NoPeers(), table=TABLE, ticks=TICKS)
    await node.begin()
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock)
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock,
                                        lambda described, name: connect(described, folder, name)))
    await node.say(node.book("production"), production(start))
    await node.record("floor", MachineAdded(machine="M1", description=machine.text()))
    await node.floor.begin()
    try:
        yield node
    finally:
        await node.floor.stop()
        await node.stop()


async def job_of(node: Any) -> Any:
    return (await node.book_state("production")).jobs[JOB]


async def reaches(node: Any, state: JobState, limit_s: float = 30) -> Any:
    """The job, once it is in ``state``."""
    for _ in range(round(limit_s * 10)):
        job = await job_of(node)
        if job.state is state:
            break
        await asyncio.sleep(0.1)
    assert job.state is state, (job, node.floor.last)
    return job


@pytest.mark.parametrize("protocol", ["modbus", "http"])
async def test_an_order_is_loaded_started_and_counted_to_its_end(protocol: str, tmp_path: Path) -> None:
    machine = Machine(protocol, tmp_path)
    await machine.begin()
    try:
        async with node_with(machine, tmp_path, "auto") as node:
            job = await reaches(node, JobState.ENDED)
            assert job.good == "4"
            assert machine.starts() == {JOB: 1}
    finally:
        await machine.kill()


async def test_an_order_lies_with_the_operator_of_a_watched_machine_and_its_pieces_come_back(tmp_path: Path) -> None:
    lathe = AgentProcess("--speed", "60", name="M1")
    await lathe.begin()
    try:
        async with node_with(lathe, tmp_path, "operator") as node:
            for _ in range(300):
                if (await job_of(node)).loaded:
                    break
                await asyncio.sleep(0.1)
            assert (await job_of(node)).loaded, node.floor.last
            await lathe.panel(program="BODY", target=4, cycle=12, press=1)
            job = await reaches(node, JobState.ENDED)
            assert job.good == "4"
    finally:
        await lathe.kill()
