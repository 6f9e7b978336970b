"""The simulated loop itself: same seed, same run; other seed, other run; time costs nothing."""

import asyncio
from contextvars import copy_context

import pytest

from tests.simulation.loop import OWNER, Household, run


async def _race(loop, luck):
    told = []

    async def say(name):
        for turn in range(3):
            told.append(f"{name}{turn}")
            await asyncio.sleep(0 if name == "a" else luck.random())

    await asyncio.gather(*map(say, "abcd"))
    return told, loop.time(), loop.steps


def test_the_same_seed_gives_the_same_run():
    assert run(7, _race) == run(7, _race)


def test_other_seeds_give_other_orders():
    assert len({tuple(run(seed, _race)[0]) for seed in range(20)}) > 15


def test_an_hour_passes_at_once():
    async def hour(loop, luck):
        await asyncio.sleep(3600)
        return loop.time()

    assert run(1, hour) == pytest.approx(3600, abs=0.01)  # else this test takes an hour


def test_waiting_for_nobody_is_told():
    async def stuck(loop, luck):
        await loop.create_future()

    with pytest.raises(RuntimeError, match="everybody waits"):
        run(1, stuck)


def test_something_can_happen_between_any_two_steps():
    async def counted(loop, luck):
        seen = []
        loop.after_steps(5, lambda: seen.append(loop.steps))
        for _ in range(20):
            await asyncio.sleep(0)
        return seen

    assert run(1, counted)[0] in range(5, 9)


def test_every_task_belongs_to_the_household_that_it_was_started_for():
    async def counted(loop, luck):
        household, context = Household("node"), copy_context()
        context.run(OWNER.set, household)

        async def child():
            await asyncio.sleep(1)

        async def parent():
            await asyncio.gather(child(), child())

        outside = asyncio.create_task(child())
        inside = loop.create_task(parent(), context=context)
        await asyncio.sleep(0.5)
        told = len(household.tasks)
        await asyncio.wait([outside, inside])
        await asyncio.sleep(0.1)
        return told, len(household.tasks)

    assert run(1, counted) == (3, 0)
