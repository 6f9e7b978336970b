"""What befalls a machine and the wire to it: the plug is pulled, it hangs, the wire is cut, the wire falls silent.

Rule 1: one trouble at a time, drawn by seed; between two there is calm, in which what must hold is looked at.
Rule 2: a trouble is over when the machine answers a client of its own maker's again.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tests.soak.wire import Wire

TROUBLES: Final = ("power cut", "hangs", "wire cut", "wire silent")
CALM_S: Final = (14.0, 24.0)  # longer than any connection may take to come back and be looked at
TROUBLE_S: Final = (0.2, 6.0)


class Machine(Protocol):
    """A machine in a process of its own."""

    async def begin(self) -> None: ...
    async def kill(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


@dataclass
class Troubled:
    """One machine behind its wire. ``calm_s``: since when nothing befell it (0: something does)."""

    machine: Machine
    wire: Wire
    luck: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    calm_s: float = 0.0
    last: tuple[str, float, float] = ("", 0.0, 0.0)  # the last trouble, when it began and ended

    def calm_for(self, seconds: float) -> bool:
        """Whether nothing has befallen it for so long."""
        return bool(self.calm_s) and time.monotonic() - self.calm_s >= seconds

    async def run(self, ends: float) -> None:
        """Troubles until ``ends``; afterwards all is well."""
        self.calm_s = time.monotonic()
        while time.monotonic() + CALM_S[1] + TROUBLE_S[1] < ends:
            await asyncio.sleep(self.luck.uniform(*CALM_S))
            kind = self.luck.choice(TROUBLES)
            begun, self.calm_s = time.monotonic(), 0.0
            await self._happen(kind, self.luck.uniform(*TROUBLE_S))
            self.calm_s = time.monotonic()
            self.last = (kind, begun, self.calm_s)
            self.figures[kind] += 1

    async def _happen(self, kind: str, seconds: float) -> None:
        if kind == "power cut":
            await self.machine.kill()
            await asyncio.sleep(seconds)
            await self.machine.begin()
        elif kind == "hangs":
            self.machine.freeze()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.machine.thaw()
        elif kind == "wire cut":
            await self.wire.cut()
            await asyncio.sleep(seconds)
            await self.wire.begin()
        else:
            self.wire.hush()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.wire.flow()


async def ended(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel ``tasks`` and wait for their end; a failure in one of them is raised."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
