"""A node's hand at one machine, as a process that can be killed: give it one job, and say how that went."""

import asyncio
import json
import sys
from pathlib import Path

from tests.machines.conftest import PACE, Book
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines.opcua import OpcUaConnection
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import parse_text


async def main(text: str, job: str, quantity: str) -> None:
    """Load and start, then wait to be killed."""
    floor = Book()
    await floor.say(MachineAdded(machine="M1", description=text))
    description = parse_text(text)
    runner = MachineRunner("M1", description, OpcUaConnection(description, None, PACE),
                           FloorBook(floor.say, floor.state), Live(), SystemClock())
    await runner.open()
    assert await runner.connection.wait_up(30)
    outcome = await runner.dispatch(JobOrder(id=job, quantity=quantity, start="auto"))
    print(json.dumps(outcome.status), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2], sys.argv[3]))
