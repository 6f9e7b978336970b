"""Jobs on a foreign machine with job control of its own (OPC 10031-4, OPC 40001-3): stored, started, counted, ended."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from asyncua import Client, ua

from tests.engine.world import Wires, found
from tests.machines.conftest import PACE, Book, until
from tests.machines.foreign_opcua import URI, Foreign
from tests.machines.workshop import JOB as MADE
from tests.machines.workshop import _production as made_to_order
from weft.basis.decider import Message
from weft.basis.errors import Unavailable
from weft.engine.clock import SystemClock
from weft.engine.dispatch import Dispatcher
from weft.engine.live import Live
from weft.machines import opcua_isa95 as isa95
from weft.machines import opcua_jobs
from weft.machines.fleet import Fleet
from weft.machines.opcua import OpcUaConnection, discover
from weft.machines.opcua_services import Services
from weft.machines.runner import FloorBook, MachineRunner, floor_book
from weft.production.book import Several
from weft.production.messages import JobReleased
from weft.shopfloor.book import CommandConfirmed, MachineAdded
from weft.shopfloor.description import Role, Security
from weft.shopfloor.earlier import unheard
from weft.shopfloor.facts import JobCounted, JobEnded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.propose import Target, propose
from weft.shopfloor.reading import parse_text

CONTROL = {"isa95": f"?id=nsu={URI};s=Cell-JobOrderControl",
           "machinery": f"?id=nsu={URI};s=Blocks-JobManagement-JobOrderControl"}
JOB = JobOrder(id="MO1-10", program="BODY-DN15", quantity="4", start="auto", setpoints={"SpindleSpeed": "1800"},
               orders=("MO1",), customer_orders=("PO-77", "PO-78"))


def form(href: str, **more: Any) -> dict[str, Any]:
    return {"forms": [{"href": href}], **more}


def described(server: Foreign, **changes: Any) -> str:
    """The Thing Description of a foreign machine with job control."""
    write = {"weft:write": True}
    return json.dumps({
        "id": "urn:x", "title": "Cell", "base": server.endpoint, "weft:startMode": "auto", "weft:pollingMs": 200,
        "weft:jobControl": CONTROL[server.options["jobs"]], "weft:readyMaxAgeMs": 5000,
        "securityDefinitions": {"none": {"scheme": "nosec"}}, "security": ["none"],
        "properties": {
            "Job": form("#job/id", type="string", **write, **{"weft:role": "jobId"}),
            "State": form("#job/state", type="string", **{"weft:role": "state"}),
            "Within": form("#job/substate", type="string"),
            "Program": form("#job/program", type="string", **write, **{"weft:role": "program"}),
            "Pieces": form("#job/target", type="integer", minimum=1, maximum=10000, **write,
                           **{"weft:role": "target"}),
            "Good": form("#job/good", type="integer", **{"weft:role": "count"}),
            "Scrap": form("#job/scrap", type="integer", **{"weft:role": "scrap"}),
            "SpindleSpeed": form("#job/parameter/SpindleSpeed", type="number", unit="RPM", minimum=100, maximum=4000,
                                 **write, **{"weft:role": "setpoint"}),
            "Ready": form(f"?id=nsu={URI};s=M.Ready", type="boolean", **{"weft:role": "localReady"}),
        },
        "actions": {
            "Start": form("#job/Start", **{"weft:role": "start", "weft:arguments": ["jobId"]}),
            **{name: form(f"#job/{name}", **{"weft:call": True, "weft:readBack": {"State": state}})
               for name, state in (("Pause", "Interrupted"), ("Resume", "Running"), ("Stop", "Ended"),
                                   ("Abort", "Aborted"))},
        }} | changes)


@pytest.fixture
async def foreign() -> AsyncIterator[Any]:
    """Start foreign machines with options."""
    started: list[Foreign] = []

    async def start(jobs: str = "isa95", **options: Any) -> Foreign:
        one = Foreign(jobs=jobs, **options)
        started.append(one)
        await one.begin()
        return one

    yield start
    for one in started:
        await one.kill()


@asynccontextmanager
async def running(floor: Book) -> AsyncIterator[MachineRunner]:
    """A runner built from the folded book, as a node does when it starts."""
    description = parse_text(floor.state_now.machines["M1"].description)
    runner = MachineRunner("M1", description, OpcUaConnection(description, None, PACE),
                           FloorBook(floor.say, floor.state), Live(), SystemClock())
    await runner.open()
    try:
        assert await runner.connection.wait_up(30), runner.connection.health
        yield runner
    finally:
        await runner.close()


async def strangers(server: Foreign, job: str) -> None:
    """Somebody else gives the machine a job."""
    async with Client(server.endpoint) as other:
        space = await other.get_namespace_index(isa95.URI)
        receiver = other.get_node(ua.NodeId.from_string(server.ready["receiver"]))
        order = isa95.packed(isa95.JobOrder(JobOrderID=job), isa95.JOB_ORDER, space)
        await receiver.call_method(f"{space}:Store", ua.Variant(order, ua.VariantType.ExtensionObject),
                                   ua.Variant([], ua.VariantType.LocalizedText, is_array=True))


async def known(floor: Book, server: Foreign, **changes: Any) -> None:
    await floor.say(MachineAdded(machine="M1", description=described(server, **changes)))


@pytest.mark.parametrize("jobs", ["isa95", "machinery"])
async def test_an_orders_job_is_driven_to_completion_and_the_counts_come_back(
    foreign: Any, floor: Book, jobs: str
) -> None:
    server = await foreign(jobs)
    await known(floor, server)
    async with running(floor) as runner:
        loaded = await runner.load(JOB)
        assert loaded.confirmed, loaded
        lies = (await server.tell())["jobs"]
        assert [(one["id"], one["state"], one["program"]) for one in lies] == [
            ("MO1-10", "NotAllowedToStart", ["BODY-DN15"])]
        assert lies[0]["parameters"] == {"RunsPlanned": 4, "OrderNumbers": ["MO1"], "SpindleSpeed": 1800,
                                         "CustomerOrderNumbers": ["PO-77", "PO-78"]}
        assert (await runner.connection.read(["State", "Within"]))["Within"].value == "Ready"
        started = await runner.dispatch(JOB)
        assert started.confirmed, started
        await until(lambda: "JobEnded" in floor.kinds(), 30)
        await runner.quiet()
        told = await server.tell()
    assert [(one.good, one.scrap) for one in floor.said if isinstance(one, JobEnded)] == [(4, 0)]
    counts = [one.good for one in floor.said if isinstance(one, JobCounted)]
    assert counts and counts == sorted(set(counts))
    assert floor.kinds().count("JobStarted") == 1
    assert (told["stored"], told["starts"]) == (1, {"MO1-10": 1})
    assert "storeAndStart" not in told
    commands = [one for one in floor.kinds() if one.startswith("Command")]
    assert commands == ["CommandIntended", "CommandConfirmed"] * 2


@pytest.mark.parametrize(("forgotten", "settled", "said"), [
    (False, False, ["JobStarted", "JobEnded"]), (True, False, ["JobStarted", "JobAborted"]),
    pytest.param(False, True, ["JobStarted", "JobEnded"], id="a person said that it had begun"),
    pytest.param(True, True, [], id="and says the end where the machine cannot")])
async def test_a_job_that_ran_while_nobody_lived_who_had_heard_of_it_is_followed_to_its_end(
    foreign: Any, floor: Book, *, forgotten: bool, settled: bool, said: list[str]
) -> None:
    server = await foreign()
    await known(floor, server)
    floor.hold = lambda message: "before" if type(message).__name__ == "JobStarted" else ""
    async with running(floor) as runner:
        assert (await runner.dispatch(JOB)).confirmed
        await asyncio.wait_for(floor.held.wait(), 20)  # and here the node dies
    floor.hold = lambda _message: ""
    for _ in range(200):
        told = await server.tell()
        if told["jobs"][0]["state"] == "Ended":
            break
        await asyncio.sleep(0.1)
    assert told["starts"] == {JOB.id: 1}
    if forgotten:  # its power was cut, too
        await server.kill()
        await server.begin()
    if settled:
        known_now = msgspec.structs.replace(floor.state_now.machines["M1"], starts={JOB.id: "done"})
        floor.state_now = msgspec.structs.replace(floor.state_now, machines={"M1": known_now})
    async with running(floor) as runner:
        await asyncio.sleep(1)
        assert not {"JobStarted", "JobEnded"} & set(floor.kinds()), "the control: by itself nobody hears of it"
        assert unheard(floor.state_now, "M1", JOB.id)
        await runner.watch_over(JOB.id)
        if said:
            await until(lambda: {"JobEnded", "JobAborted"} & set(floor.kinds()), 20)
        await runner.quiet()
        assert unheard(floor.state_now, "M1", JOB.id) is (not said)
        await runner.watch_over(JOB.id)  # once more says nothing
        await runner.quiet()
    facts = [one for one in floor.kinds() if one.startswith("Job") and one != "JobCounted"]
    assert facts == said
    if not forgotten:
        assert [(one.good, one.scrap) for one in floor.said if isinstance(one, JobEnded)] == [(4, 0)]


@pytest.mark.parametrize(("silent", "most", "whole"), [
    (2, opcua_jobs.ASKED_MAX, True),
    pytest.param(1 << 30, opcua_jobs.ASKED_MAX, False, id="one answer that never comes stops nothing"),
    pytest.param(2, 0, False, id="control: who tells what it does not know has made too few")])
async def test_a_job_whose_pieces_cannot_be_asked_for_just_now_is_not_told_as_over_with_fewer(
    foreign: Any, floor: Book, monkeypatch: pytest.MonkeyPatch, silent: int, most: int, *, whole: bool
) -> None:
    server, call = await foreign(), Services.call
    await server.tell("cycle", ms=20)  # it is over before it was counted on the way
    asked = 0

    async def breaks(self: Services, *given: Any) -> Any:
        nonlocal asked
        over = given[-1] == "RequestJobResponse" and (await server.tell())["jobs"][0]["state"] == "Ended"
        asked += over
        if over and asked <= silent:
            raise Unavailable("machine.no-answer", machine="Cell", detail="connection lost")
        return await call(self, *given)

    monkeypatch.setattr(Services, "call", breaks)
    monkeypatch.setattr(opcua_jobs, "ASKED_MAX", most)
    await known(floor, server)
    async with running(floor) as runner:
        await runner.dispatch(JOB)
        await until(lambda: "JobEnded" in floor.kinds(), 30)
        await runner.quiet()
    assert asked
    (good,) = [one.good for one in floor.said if isinstance(one, JobEnded)]
    assert (good == 4) is whole, good


async def test_a_job_that_only_waits_at_the_machine_is_not_said_to_run(foreign: Any, floor: Book) -> None:
    server = await foreign(waits=True)
    await known(floor, server)
    async with running(floor) as runner:
        assert (await runner.dispatch(JOB)).confirmed
        await runner.watch_over(JOB.id)
        await runner.quiet()
    assert not [one for one in floor.kinds() if one.startswith("Job")]


async def test_by_default_it_is_only_stored_and_the_operator_starts(foreign: Any, floor: Book) -> None:
    server = await foreign()
    await known(floor, server, **{"weft:startMode": "operator"})
    async with running(floor) as runner:
        assert (await runner.dispatch(JOB)).confirmed
        assert (await runner.start(JOB)).reason == "machine.operator-starts"
        await asyncio.sleep(0.5)
        assert [one["state"] for one in (await server.tell())["jobs"]] == ["NotAllowedToStart"]
        await server.tell("start", job="MO1-10")
        await until(lambda: "JobEnded" in floor.kinds(), 30)
        assert (await runner.dispatch(JOB)).confirmed  # a repeated reaction finds it begun and writes nothing
        assert (await server.tell())["stored"] == 1


async def test_it_is_not_started_without_a_fresh_ready_signal(foreign: Any, floor: Book) -> None:
    server = await foreign()
    await known(floor, server, **{"weft:readyMaxAgeMs": 800})
    async with running(floor) as runner:
        await runner.load(JOB)
        await server.tell("set", name="Ready", value=False)
        assert (await runner.start(JOB)).reason == "machine.not-ready"
        await server.tell("set", name="Ready", value=True)
        await server.tell("freeze", value=True)
        await asyncio.sleep(1.2)
        assert (await runner.start(JOB)).reason == "machine.ready-stale"
        assert [one["state"] for one in (await server.tell())["jobs"]] == ["NotAllowedToStart"]
        await server.tell("freeze", value=False)  # the control: with the signal it starts
        await asyncio.sleep(0.5)
        assert (await runner.start(JOB)).confirmed


async def test_it_is_paused_resumed_and_aborted_by_whoever_may(foreign: Any, floor: Book) -> None:
    server = await foreign()
    await known(floor, server)
    async with running(floor) as runner:
        await runner.dispatch(JobOrder(id="J-9", quantity="4000", start="auto"))
        await until(lambda: "JobStarted" in floor.kinds(), 20)
        for action, fact in (("Pause", "JobPaused"), ("Resume", "JobResumed"), ("Abort", "JobAborted")):
            outcome = await runner.call(action)
            assert outcome.confirmed, (action, outcome)
            await until(lambda fact=fact: fact in floor.kinds(), 20)
        assert (await runner.call("Abort")).reason == "machine.already-so"
        assert [one["state"] for one in (await server.tell())["jobs"]] == ["Aborted"]


async def test_what_is_over_is_forgotten_for_the_next_and_a_strangers_job_is_left_alone(
    foreign: Any, floor: Book
) -> None:
    server = await foreign(room=2)
    await known(floor, server)
    await strangers(server, "X-1")
    async with running(floor) as runner:
        for number in range(4):
            job = JobOrder(id=f"J-{number}", quantity="1", start="auto")
            outcome = await runner.dispatch(job)
            assert outcome.confirmed, (number, outcome)
            await until(lambda number=number: floor.kinds().count("JobEnded") == number + 1, 20)
        assert [one["id"] for one in (await server.tell())["jobs"]] == ["X-1", "J-3"]
        await server.tell("start", job="X-1")
        busy = await runner.load(JobOrder(id="J-4", quantity="1"))
        assert (busy.reason, "X-1" in busy.detail) == ("machine.busy", True), busy
    assert [(one.job, one.good) for one in floor.said if isinstance(one, JobEnded)][:4] == [
        (f"J-{number}", 1) for number in range(4)]


async def test_control_without_clearing_there_is_no_room_and_it_is_said(foreign: Any, floor: Book) -> None:
    server = await foreign(room=1, waits=True)
    await known(floor, server)
    async with running(floor) as runner:
        assert (await runner.load(JobOrder(id="J-1", quantity="1"))).confirmed
        refused = await runner.load(JobOrder(id="J-2", quantity="1"))  # J-1 is not over: it is not ours to take away
        assert (refused.status, refused.reason) == ("refused", "machine.refused")
        assert "no-room" in refused.detail


async def test_a_crash_after_the_start_starts_nothing_twice(foreign: Any, floor: Book) -> None:
    server = await foreign()
    await known(floor, server)
    job = JobOrder(id="J-7", quantity="4000", start="auto")

    def before_start_outcome(message: Message) -> str:
        return "before" if isinstance(message, CommandConfirmed) and message.command.startswith("start/") else ""

    async with running(floor) as runner:
        await runner.load(job)
        floor.hold = before_start_outcome
        lost = asyncio.create_task(runner.start(job))
        await asyncio.wait_for(floor.held.wait(), 20)
        lost.cancel()
    floor.hold = lambda _message: ""
    assert floor.state_now.commands["start/M1/J-7/1"].status == "open"
    async with running(floor) as runner:
        await until(lambda: floor.state_now.commands["start/M1/J-7/1"].status == "confirmed", 20)
        assert (await runner.dispatch(job)).confirmed
        await until(lambda: "JobStarted" in floor.kinds(), 20)  # allowed to start is confirmed: it starts when it can
        assert (await server.tell())["starts"] == {"J-7": 1}


async def test_a_node_that_is_killed_in_the_midst_reads_back_by_the_jobs_id(
    foreign: Any, floor: Book, tmp_path: Any
) -> None:
    server = await foreign()
    await server.tell("cycle", ms=300)
    (tmp_path / "td.json").write_text(described(server))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.machines.one_job", str(tmp_path / "td.json"), "J-5", "30",
        stdout=asyncio.subprocess.PIPE)
    line = await asyncio.wait_for(child.stdout.readline(), 60)
    assert json.loads(line) == "confirmed", line
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    await known(floor, server)
    job = JobOrder(id="J-5", quantity="30", start="auto")
    async with running(floor) as runner:
        await server.tell("cycle", ms=20)
        await until(lambda: "JobEnded" in floor.kinds(), 40)
        assert (await runner.dispatch(job)).confirmed
        told = await server.tell()
    assert (told["starts"], told["stored"]) == ({"J-5": 1}, 1)
    assert [one.good for one in floor.said if isinstance(one, JobEnded)] == [30]


@pytest.mark.parametrize("jobs", ["isa95", "machinery"])
async def test_browsing_proposes_job_control_where_there_is_one(foreign: Any, jobs: str) -> None:
    server = await foreign(jobs)
    nodes = await discover(server.endpoint, Security(), None, depth=8, timeout_s=30)
    proposal = propose(nodes, Target(name="cell-1", endpoint=server.endpoint))
    made = parse_text(proposal.text)
    assert made.job_control == CONTROL[jobs]
    assert {one.role for one in made.properties.values()} >= {Role.JOB_ID, Role.STATE, Role.PROGRAM, Role.TARGET,
                                                              Role.COUNT}
    assert made.start_action() is not None and made.start_mode == "operator"


async def test_a_production_order_is_made_on_it_by_the_node_itself(foreign: Any) -> None:
    server = await foreign("machinery")
    node = await found(Wires(), "Maker")
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock,
                                        lambda described, _name: OpcUaConnection(described, None, PACE)))
    await node.say(node.book("production"), Several(messages=made_to_order()))
    await node.record("floor", MachineAdded(machine="M1", description=described(server)))
    await node.floor.begin()
    try:
        await node.say(node.book("production"), JobReleased(job=MADE))

        async def job() -> Any:
            return (await node.book_state("production")).jobs[MADE]

        for _ in range(400):
            if (await job()).ended:
                break
            await asyncio.sleep(0.1)
        done = await job()
        assert (done.state.value, done.good) == ("Ended", "4"), (done, node.floor.last)
        told = await server.tell()
        assert told["starts"] == {MADE: 1}
        assert told["jobs"][0]["parameters"] == {"RunsPlanned": 4, "SpindleSpeed": 1800, "OrderNumbers": ["MO1"]}
    finally:
        await node.floor.stop()
        await node.stop()
