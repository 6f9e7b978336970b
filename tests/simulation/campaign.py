"""One seed of a campaign, in whatever process: its figures, or what was found in it.

Not here: which seeds, and what is told of them (``__main__.py``).
"""

import gc
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from tests.simulation import controls, thrift
from tests.simulation.checks import Broken
from tests.simulation.loop import run
from tests.simulation.plan import Plan
from tests.simulation.world import World

MEMORY = Path("/dev/shm")  # a file there costs no disk; what a disk loses is cut by the world, not by it
Outcome = tuple[int, Counter[str], str, str]  # seed, figures, kind of what was found ("": nothing), and its words


def one(seed: int, store: str, control: str) -> Counter[str]:
    """The figures of one world; raises what it found."""

    async def story(loop, luck):
        with tempfile.TemporaryDirectory(prefix="weft-sim-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
            plan = controls.plan_for(control, Plan.drawn(luck, store, control))
            return await World(loop, luck, plan, Path(folder)).run()

    thrift.install()
    gc.disable()  # a world lives for a third of a second: what it leaves is collected once, after it
    try:
        return run(seed, story)
    finally:
        gc.enable()
        thrift.forget()
        gc.collect()


def outcome(asked: tuple[int, str, str]) -> Outcome:
    """What becomes of one seed: (seed, store, control)."""
    seed, store, control = asked
    try:
        return seed, one(seed, store, control), "", ""
    except Broken as broken:
        return seed, Counter(), broken.kind, str(broken)
    except Exception as error:  # noqa: BLE001 - whatever is found is told
        traceback.print_exc()
        return seed, Counter(), "failed", f"{type(error).__name__}: {error}"
