"""Jobs given to machines that die, by a hand that dies: each start is carried out at most once and never forgotten.

Laws: (1) no machine's own log has a job's start twice; (2) what the book calls confirmed has begun at the machine, or
is in the log of its starts; (3) at the end no command is without an outcome: confirmed, refused or unknown.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.machines.conftest import Book
from tests.soak.troubles import Troubled, ended
from tests.soak.wire import Wire
from weft.basis.errors import WeftError
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines import connect
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.book import MachineAdded, open_commands
from weft.shopfloor.jobcontrol import JobOrder
from weft.shopfloor.reading import parse_text

PIECES = "2"
LIFE_S = (6.0, 25.0)  # how long a hand lives
READ_BACK_S = 30.0


@dataclass
class Bench:
    """A machine (``text(port)`` describes it, ``starts()`` is its own log), its book, and hands one after the other."""

    name: str
    machine: Any
    folder: Any
    luck: random.Random
    broken: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    book: Book = field(default_factory=Book)
    confirmed: list[str] = field(default_factory=list)
    _number: int = 0

    async def run(self, ends: float) -> None:
        """Jobs under troubles until ``ends``; then what must hold is looked at."""
        await self.machine.begin()
        wire = Wire(self.machine.port)
        await wire.begin()
        text = self.machine.text(wire.port)
        await self.book.say(MachineAdded(machine="M1", description=text))
        trouble = Troubled(self.machine, wire, self.luck, self.figures)
        troubles = asyncio.create_task(trouble.run(ends))
        try:
            while time.monotonic() < ends and not troubles.done():
                await self._life(text, min(ends, time.monotonic() + self.luck.uniform(*LIFE_S)))
                self.figures["lives"] += 1
            await troubles
            await self._read_back(text)
            self._look()
        finally:
            await ended(troubles)
            await wire.cut()
            await self.machine.kill()

    def _hand(self, text: str) -> MachineRunner:
        description = parse_text(text)
        return MachineRunner("M1", description, connect(description, self.folder, "M1"),
                             FloorBook(self.book.say, self.book.state), Live(), SystemClock())

    async def _life(self, text: str, until: float) -> None:
        """One hand: jobs until it dies in the midst of whatever it does."""
        hand = self._hand(text)
        await hand.open()
        work = asyncio.create_task(self._work(hand))
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        await ended(work)
        await hand.close()

    async def _work(self, hand: MachineRunner) -> None:
        while True:
            if not await hand.connection.wait_up(5):
                continue
            self._number += 1
            job = JobOrder(id=f"J-{self._number}", program="P-1", quantity=PIECES, start="auto")
            for _ in range(20):
                with contextlib.suppress(WeftError):
                    outcome = await hand.dispatch(job)
                    self.figures[outcome.status] += 1
                    if outcome.confirmed:
                        self.confirmed.append(job.id)
                    if outcome.status != "refused" or outcome.reason not in ("machine.busy", "machine.unreachable"):
                        break
                await asyncio.sleep(0.5)
            self.figures["jobs"] += 1

    async def _read_back(self, text: str) -> None:
        """A last hand finds out what became of all that is open."""
        hand = self._hand(text)
        await hand.open()
        try:
            ends = time.monotonic() + READ_BACK_S
            while open_commands(self.book.state_now) and time.monotonic() < ends:  # noqa: ASYNC110 - a book wakes nobody
                await asyncio.sleep(0.2)
        finally:
            await hand.close()

    def _look(self) -> None:
        starts = self.machine.starts()
        self.figures["starts"] = sum(starts.values())
        self.broken += [f"{self.name}: {job} started {count} times" for job, count in starts.items() if count > 1]
        self.broken += [f"{self.name}: {job} confirmed, never started" for job in self.confirmed if job not in starts]
        self.broken += [f"{self.name}: {one.command} has no outcome" for one in open_commands(self.book.state_now)]
