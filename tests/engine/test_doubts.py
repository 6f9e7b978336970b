"""A factory goes on from a backup that does not know of jobs its machine has run: none of them is started again."""

import asyncio
import random

import pytest

from tests.engine.dealing import BOOK
from tests.engine.test_restore import again, backup_of, level, table
from tests.engine.world import Wires, befriend, found, quiet, until
from tests.simulation.lathe import NAME, TEMPLATE, Lathe, OneMachine
from weft.engine.commands import run
from weft.engine.dispatch import Dispatcher
from weft.engine.doubts import Doubts
from weft.engine.views.today import today
from weft.production.state import JobState
from weft.trade.order_state import Phase

TABLES = {
    "items": "item,name,unit,kind\nV15,Valve,C62,product\n",
    "calendars": "calendar,utc_offset,day,start,end\nday,+00:00,1-7,00:00,24:00\n",
    "work-centres": f"id,name,machine,calendar,start\nCNC,Lathe,{NAME},day,auto\n",
    "routings": "item,number,work_centre,setup_s,run_s\nV15,10,CNC,0,1\n",
}


@pytest.fixture
async def world():
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    lathe = Lathe(asyncio.get_running_loop(), random.Random(5), factory.clock.now_ms(), silence=0, scrapping=0)
    await befriend(factory, shop)
    for kind, text in TABLES.items():
        assert not (await run(factory, "import", {"kind": kind, "content": table(text)})).facts["problems"]
    await run(factory, "machine-add", {"name": NAME, "description": TEMPLATE.read_text(encoding="utf-8"),
                                       "values": {"NAME": NAME, "ENDPOINT": "opc.tcp://127.0.0.1:4840"}})
    await run(factory, "publish-prices", {"book": BOOK})
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    living = World(wires, shop, factory, lathe)
    yield living
    await living.end()


class World:
    def __init__(self, wires, shop, factory, lathe):
        self.wires, self.shop, self.factory, self.lathe = wires, shop, factory, lathe
        self.dispatcher = None

    async def order(self, state=JobState.ALLOWED):
        """The job of an order for one piece; when nothing is started by itself yet, it is allowed to start."""
        thread = (await run(self.shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "1"}]})).thread
        await until(lambda: self.reached(thread, Phase.QUOTED))
        before = set((await self.factory.book_state("production")).jobs)
        await run(self.shop, "order", {"thread": thread})
        await until(lambda: self.reached(thread, Phase.CONFIRMED))
        await quiet(self.shop, self.factory)
        (job,) = set((await self.factory.book_state("production")).jobs) - before
        assert state is None or await self.state_of(job) is state
        return job

    async def reached(self, thread, phase):
        return (await self.shop.state(thread)).phase is phase

    async def state_of(self, job):
        known = (await self.factory.book_state("production")).jobs.get(job)
        return known and known.state

    async def work(self):
        """The machine is given work from now on."""
        self.dispatcher = self.factory.floor = Dispatcher(self.factory, OneMachine(self.factory, self.lathe))
        await self.dispatcher.begin()

    async def disk_lost(self, kept):
        await self.dispatcher.stop()
        self.factory = await again(self.factory, self.wires, kept)
        await level(self.shop, self.factory)

    async def asked(self):
        return [one.number for one in (await today(self.factory)).answer if one.kind == "command-unknown"]

    async def end(self):
        if self.dispatcher is not None:
            await self.dispatcher.stop()
        await self.shop.stop()
        await self.factory.stop()


async def run_by_the_machine(world, *jobs):
    await world.work()
    for job in jobs:
        await until(lambda job=job: world.lathe.starts[job])
    await until(lambda: world.lathe.values["State"] == 4)


async def a_job_run_after_the_backup(world):
    """(a job that has run since, so that the machine holds another, one that it holds): the backup knows of neither."""
    first, second = await world.order(), await world.order()
    kept = backup_of(world.factory.store)
    await run_by_the_machine(world, first, second)
    held = str(world.lathe.values["JobId"])
    await world.disk_lost(kept)
    await world.work()
    return first if held == second else second, held


async def test_a_job_that_ran_after_the_backup_is_not_started_again_but_asked_for(world):
    ran, held = await a_job_run_after_the_backup(world)
    await until(world.asked)
    assert await world.asked() == [ran]
    await until(lambda: _is(world, held, JobState.ENDED))  # the machine could tell of that one
    await asyncio.sleep(1.5)
    assert world.lathe.starts == {ran: 1, held: 1}
    assert await world.state_of(ran) is JobState.ALLOWED
    command = next(name for name in (await world.factory.book_state("floor")).commands if f"/{ran}/" in name)
    await run(world.factory, "machine-settle", {"command": command, "done": True})
    await until(lambda: _is(world, ran, JobState.RUNNING))
    assert world.lathe.starts == {ran: 1, held: 1}
    assert await world.asked() == []


async def test_control_without_asking_it_is_started_twice(world, monkeypatch):
    async def nothing(_self, _state):
        return set()

    monkeypatch.setattr(Doubts, "look", nothing)
    ran, _ = await a_job_run_after_the_backup(world)
    await until(lambda: world.lathe.starts[ran] == 2)


async def test_work_offered_after_the_backup_is_held_again_by_its_name_so_that_the_machine_knows_it(world):
    kept = backup_of(world.factory.store)
    job = await world.order()
    await world.work()
    await until(lambda: world.lathe.starts[job])
    await world.disk_lost(kept)
    await until(lambda: _is(world, job, JobState.ALLOWED))
    await world.work()
    await until(lambda: _is(world, job, JobState.ENDED))
    assert world.lathe.starts == {job: 1}
    assert await world.asked() == []


async def test_a_job_that_never_ran_is_started_once_as_soon_as_a_person_says_so(world):
    job = await world.order()
    kept = backup_of(world.factory.store)
    world.dispatcher = Dispatcher(world.factory, OneMachine(world.factory, world.lathe))
    await world.disk_lost(kept)
    await world.work()
    await until(world.asked)
    assert not world.lathe.starts
    (command,) = (await world.factory.book_state("floor")).commands
    await run(world.factory, "machine-settle", {"command": command, "done": False})
    await until(lambda: world.lathe.starts[job] == 1)
    await until(lambda: _is(world, job, JobState.ENDED))
    assert await world.asked() == []


async def test_a_job_that_lies_in_the_machine_untouched_is_started_without_a_question(world):
    job = await world.order()
    kept = backup_of(world.factory.store)
    world.lathe.put(LocalReady=False)
    await world.work()
    await until(lambda: world.lathe.values["JobId"] == job)
    await world.disk_lost(kept)
    world.lathe.put(LocalReady=True)
    await world.work()
    await until(lambda: world.lathe.starts[job] == 1)
    assert await world.asked() == []


async def test_nothing_is_asked_of_a_firm_that_was_never_restored_nor_of_orders_that_begin_later(world):
    first = await world.order()
    kept = backup_of(world.factory.store)
    await run_by_the_machine(world, first)
    assert await world.asked() == []
    await world.disk_lost(kept)
    await world.work()
    await until(lambda: _is(world, first, JobState.ENDED))
    world.factory.clock.ms += 3_600_000
    world.shop.clock.ms += 3_600_000
    later = await world.order(state=None)
    await until(lambda: world.lathe.starts[later] == 1)
    assert await world.asked() == []
    assert world.lathe.starts == {first: 1, later: 1}


async def _is(world, job, state):
    return await world.state_of(job) is state
