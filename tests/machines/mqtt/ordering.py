"""A production order that a whole node makes by itself on one machine."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.engine.world import Wires, found
from tests.machines.workshop import JOB, _production
from weft.engine.dispatch import Dispatcher
from weft.machines.fleet import Fleet
from weft.machines.runner import floor_book
from weft.production.book import Several
from weft.production.messages import JobReleased
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import AssetConnection
from weft.shopfloor.description import Description

WAIT_S = 60


def with_spindle(text: str) -> str:
    """The description, whose feed is called as the order's set-point is."""
    return text.replace('"Feed": {"title": "Feed"', '"SpindleSpeed": {"title": "Speed"').replace(
        '"maximum": 600', '"maximum": 4000')


async def made(text: str, connect: Callable[[Description], AssetConnection]) -> Any:
    """The job of the order, as the production book tells it at its end."""
    node = await found(Wires(), "Maker")
    node.floor = Dispatcher(node, Fleet(floor_book(node), node.live, node.clock,
                                        lambda described, _name: connect(described)))
    await node.say(node.book("production"), Several(messages=_production()))
    await node.record("floor", MachineAdded(machine="M1", description=with_spindle(text)))
    await node.floor.begin()
    try:
        await node.say(node.book("production"), JobReleased(job=JOB))
        for _ in range(WAIT_S * 10):
            job = (await node.book_state("production")).jobs[JOB]
            if job.ended:
                break
            await asyncio.sleep(0.1)
        return job
    finally:
        await node.floor.stop()
        await node.stop()
