"""A node with a real machine: the books in memory, the machine a process of its own, asked through the AAS door."""

from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from tests.machines.conftest import PACE, Process
from weft.doors import aas
from weft.engine.dispatch import Dispatcher
from weft.engine.ordering import Ordering
from weft.machines.fleet import Fleet
from weft.machines.opcua import OpcUaConnection
from weft.machines.runner import floor_book
from weft.production import messages as p
from weft.production.book import Several
from weft.production.master import Calendar, Operation, Routing, Shift, WorkCentre
from weft.production.planning import job_id
from weft.shopfloor.book import MachineAdded
from weft.twin.names import encode_id, shell_id, submodel_id

ORDER = "MO1"
JOB = job_id(ORDER, 10)


class Workshop:
    """The node, its door, and the machine M1."""

    def __init__(self, node, process):
        self.node, self.process = node, process
        self.client = Client(aas.routes(node), TOKEN)

    @property
    def shell(self):
        return shell_id(self.node.organisation, "machine", self.process.name)

    def submodel(self, id_short):
        return f"/api/v3/submodels/{encode_id(submodel_id(self.shell, id_short))}"

    async def ask(self, address, method="GET", body=None, who=TOKEN):
        return await self.client.ask(address, method, {"content-type": "application/json"},
                                     b"" if body is None else msgspec.json.encode(body), token=who)

    async def invoke(self, path, who=TOKEN, how="invoke/$value", seconds=30, **given):
        """The answer to an operation in its value-only form."""
        body = {"inputArguments": given, "clientTimeoutDuration": f"PT{seconds}S"}
        return await self.ask(f"{self.submodel('Operations')}/submodel-elements/{path}/{how}", "POST", body, who)

    async def outcome(self, path, **given):
        """(executionState, outputs by name) of an operation."""
        answer = await self.invoke(path, **given)
        assert answer.status == 200, answer.body
        told = answer.json()
        assert told["success"] is (told["executionState"] == "Completed")
        assert bool(told.get("messages")) is not told["success"], "what was not done says why"
        return told["executionState"], told["outputArguments"]

    async def commands(self):
        """What the floor book holds of commands, by id."""
        return (await self.node.book_state("floor")).commands

    async def token(self, scope="client", partner=""):
        return await self.node.devices.pair(await self.node.devices.new_code(scope, partner), "ERP")


@asynccontextmanager
async def workshop(folder: Path, kind="lathe", **changes):
    """A workshop whose dispatcher takes nothing up by itself; ``changes`` to the top of the Thing Description."""
    state = str(folder / "M1.starts")
    process = Process("M1", kind, ["--seed", "7", "--speed", "60", "--scrap-rate", "0", "--state", state])
    await process.begin()
    node = await empty_node()
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock,
                                        lambda described, _name: OpcUaConnection(described, None, PACE)))
    node.ordering = Ordering(node.floor)
    node.twins.write = node.ordering.bring
    await node.say(node.book("production"), Several(messages=_production()))
    await node.record("floor", MachineAdded(machine="M1", description=process.text(**changes)))
    try:
        await node.floor.machines.follow()
        assert await node.floor.machines.runner("M1").connection.wait_up(30)
        yield Workshop(node, process)
    finally:
        await node.floor.stop()
        await node.twins.close()
        await process.kill()


def _production():
    shifts = tuple(Shift(day=day, start=0, end=1440) for day in range(7))
    sheet = p.JobSheet(number=10, en="Turn", work_centres=("LATHE",), run_s="12", program="BODY",
                       set_points={"SpindleSpeed": "1800"})
    draft = p.Draft(id=ORDER, item="BODY", quantity="4", operations=(sheet,))
    demand = p.DemandRef(thread="T1", line="1")
    return (
        p.CalendarDefined(calendar=Calendar(id="day", shifts=shifts)),
        p.WorkCentreDefined(work_centre=WorkCentre(id="LATHE", calendar="day", machine="M1", start="auto")),
        p.RoutingDefined(routing=Routing(item="BODY", operations=(
            Operation(number=10, work_centre="LATHE", run_s="12"),))),
        p.PromiseMade(demand=demand, at="2027-01-01T00:00:00.000Z"),
        p.ProductionOrderCreated(order=draft, demand=demand),
    )


async def released(at):
    """The job is due: it lies ready to be loaded."""
    await at.node.say(at.node.book("production"), p.JobReleased(job=JOB))
