"""A live page hears what changed, at most once a second of machine values, and is let go when the node stops."""

import asyncio

import pytest

from tests.doors.console.sample import at_work
from weft.doors.console import live
from weft.engine.commands import run
from weft.shopfloor.connection import Value


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def heard(events, count: int) -> list[str]:
    """The next ``count`` changes."""
    found = []
    while len(found) < count:
        said = await asyncio.wait_for(anext(events), 5)
        if said.startswith("event: change"):
            found.append(said.split("data: ")[1].strip())
    return found


async def test_a_page_hears_only_the_kinds_of_change_that_it_shows(work):
    orders = live._events(work.node, frozenset({"order"}))
    all_of_it = live._events(work.node, frozenset())
    assert (await anext(orders)).startswith("retry:")
    assert (await anext(all_of_it)).startswith("retry:")
    await asyncio.sleep(0)
    await run(work.node, "job-count", {"job": work.jobs[0], "good": "33"})
    await run(work.node, "respond", {"thread": work.orders["ordered"], "code": "AP"})
    assert (await heard(orders, 1)) == ["order"]
    assert "production" in await heard(all_of_it, 2)
    await orders.aclose()
    await all_of_it.aclose()


async def test_what_changed_between_the_reading_of_a_page_and_its_listening_is_told_at_once(work):
    seen = str(work.node.changed)
    still = live._events(work.node, frozenset({"order"}), None, seen)
    assert (await anext(still)).startswith("retry:")
    await run(work.node, "respond", {"thread": work.orders["ordered"], "code": "AP"})
    late = live._events(work.node, frozenset({"order"}), None, seen)
    assert (await anext(late)).startswith("retry:")
    assert await heard(late, 1) == ["missed"]
    assert await heard(still, 1) == ["order"], "who listened in time has missed nothing"
    await still.aclose()
    await late.aclose()


async def test_machine_values_are_told_at_most_once_a_second(work, monkeypatch):
    monkeypatch.setattr(live, "VALUES_S", 0.2)
    events = live._events(work.node, frozenset({"values"}))
    await anext(events)
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def move():
        for count in range(400):
            work.node.live.take("Cell1", [("PieceCount", Value(count))])
            await asyncio.sleep(0.002)

    moving = asyncio.create_task(move())
    assert await heard(events, 3) == ["values"] * 3
    assert loop.time() - began >= 0.4
    await moving
    await events.aclose()


async def test_a_closing_node_ends_its_live_pages(work):
    events = live._events(work.node, frozenset({"order"}))
    await anext(events)
    await asyncio.sleep(0)
    work.node.closing()

    async def rest():
        return [said async for said in events]

    assert await asyncio.wait_for(rest(), 3) is not None


async def test_a_page_that_goes_away_leaves_nothing_behind(work):
    listeners = len(work.node._listeners)
    events = live._events(work.node, frozenset({"values"}))
    await anext(events)
    await asyncio.sleep(0)
    await events.aclose()
    await asyncio.sleep(0.01)
    assert len(work.node._listeners) == listeners
    assert not work.node.live._listeners
