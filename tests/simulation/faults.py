"""When faults strike in a world: crashes, cut lines, clocks that jump by hours, disks restored from an old backup.

Not here: what a crash does to a disk (``stores.py``), what the line does to a request (``network.py``), bundles that
people carry when lines are cut (``carriers.py``).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.firm import Firm
from weft.engine import restored
from weft.engine.memory import new_incarnation

if TYPE_CHECKING:
    from tests.simulation.world import World

TROUBLED_S = 60.0
HOURS_MS = 3_600_000
JUMP_HOURS_MAX = 6


@dataclass(slots=True)
class Faults:
    """The faults of one world; ``at_work`` and ``in_effects`` are crashes that wait for their moment."""

    world: "World"
    at_work: int = 0
    in_effects: int = 0
    restores: Counter[str] = field(default_factory=Counter)  # by firm
    lost: set[str] = field(default_factory=set)  # threads of which a word was on lost disks alone
    _down: set[str] = field(default_factory=set)  # firms whose disk is being restored
    _under_way: list["asyncio.Task[None]"] = field(default_factory=list)

    def begin(self) -> None:
        """From now on things go wrong, as planned."""
        world, luck, plan = self.world, self.world.luck, self.world.plan
        world.network.loss, world.network.doubling = plan.loss, plan.doubling
        world.network.delay_s = plan.delay_s
        for _ in range(plan.crashes):
            if luck.random() < 0.5:
                world.loop.call_later(luck.random() * TROUBLED_S / 2, self._crash_soon, luck.choice(world.firms))
            else:
                self.at_work += 1
        self.in_effects = plan.crashes_in_effects
        for _ in range(plan.cuts):
            lines = luck.choice([plan.names, [" ".join(sorted(link)) for link in plan.links]])
            self._cut_later(luck.random() * TROUBLED_S / 2, luck.random() * 15, luck.choice(lines))
        for _ in range(plan.jumps):
            firm, start = luck.choice(world.firms), luck.random() * TROUBLED_S / 2
            by_ms = luck.randint(-JUMP_HOURS_MAX * HOURS_MS, JUMP_HOURS_MAX * HOURS_MS)
            world.loop.call_later(start, self._jump, firm, by_ms)
            world.loop.call_later(start + luck.random() * 20, self._jump, firm, -by_ms)
        for _ in range(plan.restores):
            self._under_way.append(world.loop.create_task(self._lose_and_restore(luck.choice(world.firms))))

    async def end(self) -> None:
        """From now on nothing goes wrong."""
        self.at_work = self.in_effects = 0
        await asyncio.gather(*self._under_way)
        self.world.network.calm()

    # ---- crashes --------------------------------------------------------------------------------

    def working(self, firm: Firm) -> None:
        """A person of ``firm`` begins to say something: a good moment for a crash."""
        if self.at_work and self.world.luck.random() < 0.3:
            self.at_work -= 1
            self.world.loop.after_steps(self.world.luck.randint(1, 30), lambda: self._crash(firm, "at work"))

    def drawing(self, organisation: str) -> None:
        """A consequence is being drawn: a good moment for a crash."""
        self.world.figures["effects drawn"] += 1
        if self.in_effects and self.world.luck.random() < 0.5:
            self.in_effects -= 1
            firm = next(one for one in self.world.firms if one.organisation == organisation)
            self.world.loop.after_steps(self.world.luck.randint(1, 20), lambda: self._crash(firm, "in effects"))

    def _crash_soon(self, firm: Firm) -> None:
        self.world.loop.after_steps(self.world.luck.randint(1, 300), lambda: self._crash(firm, "at any step"))

    def _crash(self, firm: Firm, where: str) -> None:
        if firm.household is None:
            return
        self.world.figures["crashes"] += 1
        self.world.figures[f"crashes {where}"] += 1
        firm.crash()
        self.world.loop.call_later(self.world.luck.random() * 8, self._start, firm)

    def _start(self, firm: Firm) -> None:
        if firm.household is None and firm.name not in self._down:
            self.world.figures["restarts"] += 1
            firm.start()

    def upgrade(self, firm: Firm) -> None:
        """Stop ``firm`` and start it with software that knows all."""
        self.world.view.blind.discard(firm.name)
        self.world.figures["upgrades"] += 1
        firm.crash()
        self._start(firm)

    # ---- lines and clocks -----------------------------------------------------------------------

    def _cut_later(self, start: float, lasts_s: float, line: str) -> None:
        self.world.loop.call_later(start, self._cut, line, 1)
        self.world.loop.call_later(start + lasts_s, self._cut, line, -1)
        self.world.figures["partitions"] += 1

    def _cut(self, line: str, more: int) -> None:
        self.world.network.cuts[line] += more

    def _jump(self, firm: Firm, by_ms: int) -> None:
        firm.clock.skew_ms += by_ms
        self.world.figures["clock jumps"] += 1

    # ---- backups --------------------------------------------------------------------------------

    async def _lose_and_restore(self, firm: Firm) -> None:
        """A backup is made; later the disk is lost, and the firm goes on from the backup as ``weft restore`` does."""
        luck = self.world.luck
        await asyncio.sleep(luck.random() * TROUBLED_S / 3)
        kept = firm.disk.copy()
        await asyncio.sleep(luck.random() * TROUBLED_S / 3)
        if firm.name in self._down:
            return
        self._down.add(firm.name)
        held = {row.thread: [one.id for one in await firm.disk.store.events(row.thread)]
                for row in await firm.disk.store.threads()}
        firm.crash()
        firm.disk.restore(kept)
        store = firm.disk.start()
        if self.world.plan.control != "same-incarnation":
            firm.identity.incarnation = new_incarnation(luck.randbytes)
            await restored.begin_anew(store, firm.organisation, [])
        await self._forget_lost(firm, store)
        for thread, names in held.items():
            for name in names:
                if await store.event(thread, name) is None and not await self._held_elsewhere(firm, thread, name):
                    self.lost.add(thread)
                    break
        firm.disk.settle()
        self._down.discard(firm.name)
        self.restores[firm.name] += 1
        self.world.figures["restored backups"] += 1
        firm.start()

    async def _forget_lost(self, firm: Firm, store: Any) -> None:
        """What nobody but the lost disk had is lost with it, whatever a person was told."""
        for mark, (thread, ids) in list(self.world.acknowledged.items()):
            for name in ids:
                if await store.event(thread, name) is None and not await self._held_elsewhere(firm, thread, name):
                    self.world.acknowledged.pop(mark, None)
                    self.world.figures["lost with a disk"] += 1
                    break

    async def _held_elsewhere(self, firm: Firm, thread: str, name: str) -> bool:
        for other in self.world.firms:
            if other is not firm and await self._holds(other, thread, name):
                return True
        return False

    async def _holds(self, firm: Firm, thread: str, name: str) -> bool:
        while True:
            if firm.name in self._down:  # it comes back from a backup itself: that is what it will hold
                return await firm.disk.store.event(thread, name) is not None
            await firm.up.wait()
            line = firm.line
            try:
                return line is not None and await line.event(thread, name) is not None
            except asyncio.CancelledError:
                if line is not None and line.alive:
                    raise  # we are to end, not it
