"""Power cuts while the story goes on: ``kill -9`` of nodes that the seed chooses, and each started again.

Rule 1: after a step, or at any moment (``during``): also two in a row, and in the middle of starting; or (``writes``)
        while a machine is told something: between the intent, the write, the reading back and the outcome.
Rule 2: machines are never killed: they go on turning while nobody listens.
Not here: what must hold in spite of it (``checks.py``).
"""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

from processes import Failed, stopped

DURING, WRITES, ALL = "during", "writes", "all"
PAUSE_S = (1.0, 9.0)
PER_COMMAND = 2  # the second one may come while what the first life did is read back


class Kills:
    """Kills nodes of ``world``. ``when``: names of steps, ``all``, ``during``, ``writes``, joined by commas."""

    def __init__(self, world: Any, chance: random.Random, when: str) -> None:
        self.world, self.chance = world, chance
        self.when = frozenset(filter(None, when.split(",")))
        self._tasks: list[asyncio.Task[None]] = []
        self._blows: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """From now on anything may happen, if that was asked for."""
        if DURING in self.when:
            self._tasks.append(asyncio.create_task(self._during()))
        if WRITES in self.when:
            self._tasks += [asyncio.create_task(self._writes(firm)) for firm in self.world.firms.values()
                            if firm.machines]

    async def end(self) -> None:
        """From now on nothing more happens; a node that is down is up again."""
        tasks, self._tasks = self._tasks, []
        await stopped(tasks)
        await asyncio.gather(*self._blows)

    async def after(self, step: str) -> None:
        """One node, if one is to be killed after this step."""
        if self.when & {step, ALL}:
            await self._kill(self._any())

    async def _during(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(*PAUSE_S))
            firm = self._any()
            await self._kill(firm)
            if self.chance.random() < 0.3:  # hardly up again, or while the other begins to talk with it
                await asyncio.sleep(self.chance.uniform(0.0, 0.4))
                await self._kill(self.chance.choice((firm, self._any())))

    async def _writes(self, firm: Any) -> None:
        """Watch for commands to machines that have no outcome yet."""
        killed: Counter[str] = Counter()
        while True:
            for machine in firm.machines:
                with contextlib.suppress(Failed):  # not added yet
                    commands = (await firm.view("machine", name=machine.name))["commands"]
                    for one in commands:
                        what = one["id"].rpartition("/")[0]  # whichever attempt it is
                        if one["status"] == "open" and killed[what] < PER_COMMAND and self.chance.random() < 0.6:
                            killed[what] += 1
                            await asyncio.sleep(self.chance.uniform(0.0, 0.05))
                            await self._kill(firm)
            await asyncio.sleep(0.005)

    def _any(self) -> Any:
        return self.world.firms[self.chance.choice(sorted(self.world.firms))]

    async def _kill(self, firm: Any) -> None:
        """Broken off between the signal and the new start it would leave a node down: what was begun is finished."""
        self.world.show.say(f"kill -9 {firm.name}")
        again_s = self.chance.uniform(0.1, 1.5) if self.chance.random() < 0.25 else 0.0
        blow = asyncio.create_task(firm.kill(again_s))
        self._blows.add(blow)
        blow.add_done_callback(self._blows.discard)
        await asyncio.shield(blow)
