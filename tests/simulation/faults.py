"""When faults strike in a world: crashes between any two steps, at work and in effects, and cuts of lines.

Not here: what a crash does to a disk (``stores.py``), what the line does to a request (``network.py``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.firm import Firm

if TYPE_CHECKING:
    from tests.simulation.world import World

TROUBLED_S = 60.0


@dataclass(slots=True)
class Faults:
    """The faults of one world; ``at_work`` and ``in_effects`` are crashes that wait for their moment."""

    world: "World"
    at_work: int = 0
    in_effects: int = 0

    def begin(self) -> None:
        """From now on things go wrong, as planned."""
        world, luck, plan = self.world, self.world.luck, self.world.plan
        world.network.loss, world.network.doubling = plan.loss, plan.doubling
        for _ in range(plan.crashes):
            if luck.random() < 0.5:
                world.loop.call_later(luck.random() * TROUBLED_S / 2, self._crash_soon, luck.choice(world.firms))
            else:
                self.at_work += 1
        self.in_effects = plan.crashes_in_effects
        for _ in range(plan.cuts):
            lines = luck.choice([world.plan.names, [" ".join(sorted(link)) for link in world.plan.links]])
            self._later(luck.random() * TROUBLED_S / 2, 15, "cuts", luck.choice(lines))

    def end(self) -> None:
        """From now on nothing goes wrong."""
        self.at_work = self.in_effects = 0
        self.world.network.calm()

    def working(self, firm: Firm) -> None:
        """A person of ``firm`` begins to say something: a good moment for a crash."""
        if self.at_work and self.world.luck.random() < 0.3:
            self.at_work -= 1
            self.world.loop.after_steps(self.world.luck.randint(1, 30), lambda: self._crash(firm, "at work"))

    def drawing(self, organisation: str) -> None:
        """A consequence is being drawn: a good moment for a crash."""
        if self.in_effects and self.world.luck.random() < 0.5:
            self.in_effects -= 1
            firm = next(one for one in self.world.firms if one.organisation == organisation)
            self.world.loop.after_steps(self.world.luck.randint(1, 20), lambda: self._crash(firm, "in effects"))

    def _later(self, start: float, lasts_s: float, kind: str, line: str) -> None:
        self.world.loop.call_later(start, self._cut, line, 1)
        self.world.loop.call_later(start + self.world.luck.random() * lasts_s, self._cut, line, -1)
        self.world.figures[kind] += 1

    def _cut(self, line: str, more: int) -> None:
        self.world.network.cuts[line] += more

    def _crash_soon(self, firm: Firm) -> None:
        self.world.loop.after_steps(self.world.luck.randint(1, 300), lambda: self._crash(firm, "at any step"))

    def _crash(self, firm: Firm, where: str) -> None:
        if firm.household is None:
            return
        self.world.figures["crashes"] += 1
        self.world.figures[f"crashes {where}"] += 1
        firm.crash()
        self.world.loop.call_later(self.world.luck.random() * 8, firm.start)
