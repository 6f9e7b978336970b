"""A real CNC controller: a job runs its program n times; pause, feed, alarms; who is killed never repeats anything."""

import asyncio
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from tests.engine.world import Wires, found
from tests.machines.cnc import Controller
from tests.machines.conftest import Book, until
from weft.basis.errors import Invalid, Unavailable
from weft.engine.clock import SystemClock
from weft.engine.dispatch import Dispatcher
from weft.engine.live import Live
from weft.machines.fleet import Fleet
from weft.machines.keeping import Pace
from weft.machines.linuxcnc import OBJECT, VALUES, LinuxCncConnection
from weft.machines.runner import FloorBook, MachineRunner, floor_book
from weft.production import messages as p
from weft.production.book import Several
from weft.production.master import Calendar, Operation, Routing, Shift, WorkCentre
from weft.production.planning import job_id
from weft.production.state import JobState
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import BrowsedNode
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.mapping import Target
from weft.shopfloor.propose import propose
from weft.shopfloor.reading import parse

pytestmark = pytest.mark.asyncio(loop_scope="module")
PACE = Pace(timeout_s=4.0, retry_s_min=0.1, retry_s_max=0.5, silence_s=3.0)
ADDRESS = "linuxcnc://localhost"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def controller():
    one = Controller()
    try:
        await one.begin()
        yield one
    finally:
        await one.remove()


def thing(nodes: tuple[BrowsedNode, ...]):
    told = propose(nodes, Target(name="CNC", endpoint=ADDRESS), {"FeedOverride": ("10", "120")}).thing
    return told | {"weft:startMode": "auto", "weft:linkGraceMs": 300, "weft:readBackMs": 2000}


@asynccontextmanager
async def running(floor: Book):
    """The runner of the controller over ``floor``, and what it offers."""
    bare = LinuxCncConnection(parse({"id": "urn:x", "title": "CNC", "base": ADDRESS, "security": "n",
                                     "securityDefinitions": {"n": {"scheme": "nosec"}}}), PACE)
    await bare.open()
    assert await bare.wait_up(15), bare.health
    nodes = tuple(await bare.browse())
    await bare.close()
    described = parse(thing(nodes))
    if "CNC" not in floor.state_now.machines:
        await floor.say(MachineAdded(machine="CNC", description=msgspec.json.encode(thing(nodes)).decode()))
    live = Live(SystemClock())
    connection = LinuxCncConnection(described, PACE)
    runner = MachineRunner("CNC", described, connection, FloorBook(floor.say, floor.state), live, SystemClock())
    await runner.open()
    assert await connection.wait_up(15), connection.health
    try:
        yield runner, live
    finally:
        await runner.close()


def offered() -> tuple[BrowsedNode, ...]:
    """What every controller offers, without asking one."""
    def one(name, kind, **more):
        path = name if name == OBJECT else f"{OBJECT}/{name}"
        return BrowsedNode(href=name, name=name, path=path, kind=kind, parent=OBJECT, **more)

    values = [one(name, "variable", type=kind, writable=writable, unit=unit) for name, kind, writable, unit in VALUES]
    return (one(OBJECT, "object"), *values, one("StartJob", "method"))


def order_of(pieces: int):
    shifts = tuple(Shift(day=day, start=0, end=1440) for day in range(7))
    sheet = p.JobSheet(number=10, en="Mill", work_centres=("MILL",), run_s="2", program="part.ngc")
    draft = p.Draft(id="MO1", item="BODY", quantity=str(pieces), operations=(sheet,))
    demand = p.DemandRef(thread="T1", line="1")
    routing = Routing(item="BODY", operations=(Operation(number=10, work_centre="MILL", run_s="2"),))
    return (p.CalendarDefined(calendar=Calendar(id="day", shifts=shifts)),
            p.WorkCentreDefined(work_centre=WorkCentre(id="MILL", calendar="day", machine="CNC", start="auto")),
            p.RoutingDefined(routing=routing), p.PromiseMade(demand=demand, at="2027-01-01T00:00:00.000Z"),
            p.ProductionOrderCreated(order=draft, demand=demand))


def job(name: str, program: str, pieces: int) -> JobOrder:
    return JobOrder(id=name, program=program, quantity=str(pieces), start="auto")


async def over(floor: Book, limit_s: float = 40):
    await until(lambda: floor.state_now.machines["CNC"].seen.phase == "over", limit_s)


async def test_a_job_runs_its_program_so_often_as_there_are_pieces(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        outcome = await runner.dispatch(job("J1", "part.ngc", 3))
        assert outcome.status == "confirmed", outcome
        await over(floor)
        await runner.quiet()
        assert (floor.state_now.machines["CNC"].seen.good, floor.kinds()[-1]) == (3, "JobEnded")
        assert floor.kinds().count("JobStarted") == 1
        again = await runner.dispatch(job("J1", "part.ngc", 3))
        assert again.status == "confirmed"
        await asyncio.sleep(0.5)
        assert (await runner.read("PieceCount")).value == 3, "a job that was done is not done again"


async def test_an_order_is_made_by_the_controller_and_its_pieces_come_back(controller: Controller):
    await controller.ready()
    node = await found(Wires(), "Valves", clock=SystemClock())
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock,
                                        lambda described, _name: LinuxCncConnection(described, PACE)))
    await node.say(node.book("production"), Several(messages=order_of(3)))
    await node.record("floor", MachineAdded(machine="CNC", description=msgspec.json.encode(thing(offered())).decode()))
    try:
        await node.floor.begin()
        await node.say(node.book("production"), p.JobReleased(job=job_id("MO1", 10)))
        async with asyncio.timeout(60):
            while True:
                made = (await node.book_state("production")).jobs[job_id("MO1", 10)]
                if made.state is JobState.ENDED:
                    break
                await asyncio.sleep(0.1)
        assert made.good == "3"
        assert (await node.floor.machines.read("CNC", "PieceCount")).value == 3
        assert [one.kind for one in (await node.book_state("floor")).commands.values()] == ["load", "start"]
    finally:
        await node.floor.stop()
        node.closing()
        await node.stop()


async def test_a_stop_in_the_program_is_a_pause_and_goes_on_by_command(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.dispatch(job("J2", "stops.ngc", 1))).confirmed
        await until(lambda: "JobPaused" in floor.kinds())
        assert (await runner.read("State")).value == "Interrupted"
        await controller.press("c.auto(linuxcnc.AUTO_RESUME)")
        await over(floor)
        await runner.quiet()
        assert floor.kinds()[-1] == "JobEnded"


async def test_feed_is_set_within_its_limits_and_what_may_not_be_is_not(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.write("FeedOverride", "50")).confirmed
        assert (await runner.read("FeedOverride")).value == 50
        assert (await runner.write("FeedOverride", "150")).reason == "guard.out-of-limits"
        assert (await runner.write("EmergencyStop", "true")).status == "refused"
        await runner.write("FeedOverride", "100")
        for name in ("../sim.ini", "/etc/passwd", "nothing.ngc", ".hidden"):
            assert (await runner.load(job("J3", name, 1))).reason == "machine.refused", name
        assert await runner.connection.write({"EmergencyStop": False}) == {"EmergencyStop": "not-writable"}


async def test_an_emergency_stop_is_an_alarm_and_the_job_is_over(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.dispatch(job("J4", "slow.ngc", 5))).confirmed
        await controller.press("c.state(linuxcnc.STATE_ESTOP)")
        await over(floor)
        await runner.quiet()
        await until(lambda: floor.state_now.machines["CNC"].seen.alarm == "emergency stop")
        assert "JobAborted" in floor.kinds()
        refused = await runner.dispatch(job("J5", "part.ngc", 1))
        assert refused.status == "refused", "nothing is started while it is stopped"
        await controller.ready()
        await until(lambda: floor.state_now.machines["CNC"].seen.alarm == "")


async def test_what_the_operator_breaks_off_does_not_count_as_made(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.dispatch(job("J6", "slow.ngc", 2))).confirmed
        await asyncio.sleep(0.5)
        await controller.press("c.abort()")
        await over(floor)
        await runner.quiet()
        assert floor.kinds()[-1] == "JobAborted"
        assert floor.state_now.machines["CNC"].seen.good == 0


async def test_an_agent_killed_in_the_midst_is_lost_and_its_job_never_begun_again(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.dispatch(job("J7", "slow.ngc", 3))).confirmed
        await until(lambda: "JobStarted" in floor.kinds())
        runner.connection._process.send_signal(signal.SIGKILL)
        await over(floor)
        await runner.quiet()
        assert "JobAborted" in floor.kinds()
        assert (await runner.load(job("J8", "part.ngc", 1))).reason in {"machine.busy", "machine.refused"}
        told = await runner.dispatch(job("J7", "slow.ngc", 3))
        assert told.status == "confirmed", "what became of the first start is told"
        await controller.press("c.abort()")
        await asyncio.sleep(0.5)
        assert (await runner.read("State")).value == "Idle"
        assert (await runner.read("JobId")).value == ""
    forgetful = Book()  # the control: who does not know of the first start begins it again
    async with running(forgetful) as (runner, _):
        assert (await runner.dispatch(job("J7", "slow.ngc", 3))).confirmed
        assert (await runner.read("State")).value == "Running"
        await controller.press("c.abort()")


async def test_a_start_whose_agent_dies_before_it_answers_is_unknown(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        assert (await runner.load(job("J9", "slow.ngc", 2))).confirmed
        connection = runner.connection
        whole = connection.invoke

        async def killed(action, arguments):
            asyncio.get_running_loop().call_soon(connection._process.send_signal, signal.SIGKILL)
            return await whole(action, arguments)

        connection.invoke = killed
        assert (await runner.start(job("J9", "slow.ngc", 2))).status == "unknown"
        connection.invoke = whole
        again = await runner.start(job("J9", "slow.ngc", 2))
        assert (again.status, again.reason) == ("unknown", "machine.start-unsettled")
        await controller.press("c.abort()")


async def test_a_controller_killed_in_the_midst_is_a_link_that_is_down(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, live):
        assert (await runner.dispatch(job("J10", "slow.ngc", 2))).confirmed
        controller.kill()
        await until(lambda: not live.status("CNC").up)
        await until(lambda: "controller" in runner.connection.health.error)
        await until(lambda: "ConnectionLost" in floor.kinds())
        await controller.again()
        assert await runner.connection.wait_up(20)
        await over(floor)
        told = await runner.dispatch(job("J10", "slow.ngc", 2))
        assert told.status == "confirmed"
        await asyncio.sleep(0.5)
        assert (await runner.read("JobId")).value == "", "the job was not loaded again"


async def test_a_controller_that_hangs_is_a_link_that_is_down_though_its_memory_can_be_read(
    controller: Controller, floor: Book
):
    await controller.ready()
    async with running(floor) as (runner, live):
        controller.freeze()
        try:
            assert await controller.run("import linuxcnc; linuxcnc.stat().poll()") == 0, "the control: nothing shows it"
            await until(lambda: not live.status("CNC").up)
            with pytest.raises(Unavailable, match="unreachable"):
                await runner.write("FeedOverride", "50")
        finally:
            controller.thaw()
        assert await runner.connection.wait_up(20)


async def test_the_agent_ends_with_the_node(controller: Controller, floor: Book):
    await controller.ready()
    async with running(floor) as (runner, _):
        process = runner.connection._process.pid
        runner.connection._process.stdin.close()
        await until(lambda: not Path(f"/proc/{process}").exists())


async def test_only_a_controller_on_this_computer_is_reached():
    described = parse({"id": "urn:x", "title": "CNC", "base": "linuxcnc://10.0.0.7", "security": "n",
                       "securityDefinitions": {"n": {"scheme": "nosec"}}})
    with pytest.raises(Invalid, match="linuxcnc-here"):
        LinuxCncConnection(described)


