"""Power cuts while the story goes on: ``kill -9`` of nodes that the seed chooses, and each started again.

Rule 1: after a step, or at any moment (``during``): also two in a row, and in the middle of starting.
Rule 2: machines are never killed: they go on turning while nobody listens.
Not here: what must hold in spite of it (``checks.py``).
"""

import asyncio
import random
from typing import Any

DURING, ALL = "during", "all"
PAUSE_S = (1.0, 9.0)


class Kills:
    """Kills nodes of ``world``. ``when``: names of steps, ``all`` of them, ``during`` the story, joined by commas."""

    def __init__(self, world: Any, chance: random.Random, when: str) -> None:
        self.world, self.chance = world, chance
        self.when = frozenset(filter(None, when.split(",")))
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on anything may happen, if that was asked for."""
        if DURING in self.when:
            self._task = asyncio.create_task(self._during())

    async def end(self) -> None:
        """From now on nothing more happens; a node that is down is up again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(firm.whole() for firm in self.world.firms.values()))

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

    def _any(self) -> Any:
        return self.world.firms[self.chance.choice(sorted(self.world.firms))]

    async def _kill(self, firm: Any) -> None:
        self.world.show.say(f"kill -9 {firm.name}")
        await firm.kill(again_s=self.chance.uniform(0.1, 1.5) if self.chance.random() < 0.25 else 0.0)
