"""The dispatcher follows the floor book from its first moment on."""

import asyncio
import json

import pytest

from tests.engine.world import Wires, found, until
from weft.engine.commands import run
from weft.engine.dispatch import REFUSED_PAUSE_MS, Dispatcher

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
