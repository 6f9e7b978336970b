"""The dispatcher follows the floor book from its first moment on."""

import asyncio
import json

import pytest

from tests.engine.world import Wires, found, until
from weft.basis.errors import Refused
from weft.engine.commands import run
from weft.engine.connections import AWAY_MS
from weft.engine.dispatch import REFUSED_PAUSE_MS, Dispatcher
from weft.engine.views.machines import machine
from weft.engine.views.today import today
from weft.shopfloor.book import CommandConfirmed, CommandIntended, CommandUnknown
from weft.shopfloor.connection import Link

DESCRIPTION = json.dumps({
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "title": "Lathe", "id": "urn:dev:lathe-1",
    "base": "opc.tcp://127.0.0.1:4840",
    "security": "none", "securityDefinitions": {"none": {"scheme": "nosec"}}, "properties": {},
})


class SlowToOpen:
    """Machines whose first opening takes as long as the test likes; ``seen`` is what the book held at each call."""

    stop_writing = False

    def __init__(self, node):
        self.node, self.seen, self.opened = node, [], asyncio.Event()

    async def follow(self):
        self.seen.append(sorted((await self.node.book_state("floor")).machines))
        await self.opened.wait()

    async def close(self):
        pass

    def health(self):
        return {}


async def test_a_machine_added_while_the_others_are_being_opened_is_opened_too():
    node = await found(Wires(), "Maker")
    machines = SlowToOpen(node)
    dispatcher = Dispatcher(node, machines)
    beginning = asyncio.create_task(dispatcher.begin())
    await until(lambda: machines.seen)
    await run(node, "machine-add", {"name": "L1", "description": DESCRIPTION})
    machines.opened.set()
    await beginning
    await until(lambda: ["L1"] in machines.seen)
    await dispatcher.stop()
    await node.stop()


class Failing(SlowToOpen):
    """Machines that are there at once; what is asked of the dispatcher fails by a fault of ours, then goes well."""

    def __init__(self, node):
        super().__init__(node)
        self.opened.set()


async def test_a_fault_of_ours_in_one_plan_does_not_stop_the_machines_for_good(caplog):
    looked = []

    class Faulty(Dispatcher):
        async def once(self):
            looked.append(1)
            if len(looked) == 1:
                raise ValueError("a plan that nobody thought of")

    node = await found(Wires(), "Maker")
    dispatcher = Faulty(node, Failing(node))
    await dispatcher.begin()
    await until(lambda: len(looked) > 1)
    assert "no job could be given to a machine" in caplog.text
    await dispatcher.stop()
    await node.stop()


class Clock:
    def __init__(self):
        self.ms = 1_800_000_000_000

    def now_ms(self):
        return self.ms


@pytest.mark.parametrize(("later_ms", "rests"), [
    (1_000, True),  # the control: a pause is a pause
    (0, True), (REFUSED_PAUSE_MS, False), (-60_000, False), (-365 * 86_400_000, False)])
async def test_a_clock_that_is_set_back_keeps_no_machine_from_its_work(later_ms, rests):
    node = await found(Wires(), "Maker")
    dispatcher = Dispatcher(node, SlowToOpen(node))
    own, node.clock = node.clock, Clock()
    dispatcher._note("L1", "machine.busy")
    node.clock.ms += later_ms
    assert dispatcher._resting("L1") is rests
    node.clock = own
    await node.stop()


@pytest.mark.parametrize("up", [False, True])
async def test_a_start_that_is_open_at_a_machine_out_of_reach_is_told_to_a_person_and_can_be_settled(up):
    node = await found(Wires(), "Maker")
    await run(node, "machine-add", {"name": "L1", "description": DESCRIPTION})
    node.live.link("L1", Link(up=True))
    intent = CommandIntended(command="start/L1/J/1", machine="L1", job="J", kind="start")
    await node.record("floor", intent)
    own, clock = node.clock, Clock()
    clock.ms = own.now_ms()
    node.clock = node.live._clock = clock
    if not up:
        node.live.link("L1", Link(up=False))
        assert await asked(node) == ([], ["open"]), "a short cut is nobody's business"
    clock.ms += AWAY_MS + 1_000
    assert await asked(node) == (([], ["open"]) if up else (["J"], ["unknown"]))
    settle = {"command": intent.command, "done": False}
    if up:  # the control: it is being read back
        with pytest.raises(Refused, match=r"floor\.command-has-outcome"):
            await run(node, "machine-settle", settle)
    else:
        await run(node, "machine-settle", settle)
        assert await asked(node) == ([], [])
        assert (await node.book_state("floor")).machines["L1"].starts == {"J": "not-done"}
    node.clock = own
    await node.stop()


async def test_a_load_of_which_nobody_knew_asks_nobody_once_the_job_was_loaded():
    node = await found(Wires(), "Maker")
    await run(node, "machine-add", {"name": "L1", "description": DESCRIPTION})
    node.live.link("L1", Link(up=True))
    told = {"machine": "L1", "job": "J"}
    await node.record("floor", CommandIntended(command="load/L1/J/1", kind="load", **told))
    await node.record("floor", CommandUnknown(command="load/L1/J/1", reason="no-answer", **told))
    assert await asked(node) == (["J"], ["unknown"])  # the control
    await node.record("floor", CommandIntended(command="load/L1/J/2", kind="load", **told))
    await node.record("floor", CommandConfirmed(command="load/L1/J/2", **told))
    assert await asked(node) == ([], [])
    await node.stop()


async def asked(node):
    """The jobs of which *Today* asks, and how the commands stand on the machine's page."""
    return ([one.number for one in (await today(node)).answer if one.kind == "command-unknown"],
            [one.status for one in (await machine(node, "L1")).commands])
