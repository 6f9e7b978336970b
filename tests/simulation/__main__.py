"""Seeded worlds in virtual time: ``make sim ARGS="--seed 7"``, ``ARGS="--n 1000 --store sqlite"``.

Prints one line of figures; a failing seed is printed with the command that replays it.
Controls (``--control hasty|keyless``) hold a fault that must be found: the run ends at the first finding, and without
any it fails.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.simulation.loop import run
from tests.simulation.plan import CONTROLS, Plan
from tests.simulation.world import World

FOUND_SHOWN_MAX = 20


def one(seed: int, store: str, control: str) -> Counter[str]:
    """The figures of one world; raises what it found."""

    async def story(loop, luck):
        with tempfile.TemporaryDirectory(prefix="weft-sim-") as folder:
            return await World(loop, luck, Plan.drawn(luck, store, control), Path(folder)).run()

    return run(seed, story)


def main() -> int:
    """Run the seeds; 0 when nothing was found (with a control: when something was)."""
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seed", type=int, default=None, help="run this one and show what goes wrong")
    parser.add_argument("--n", type=int, default=100, help="how many seeds")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
    parser.add_argument("--control", choices=CONTROLS, default="")
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of words is part of the run
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": "0"})
    seeds = range(asked.start, asked.start + asked.n) if asked.seed is None else [asked.seed]
    figures: Counter[str] = Counter()
    found: list[int] = []
    begun = time.monotonic()
    for seed in seeds:
        if time.monotonic() - begun > asked.seconds:
            break
        figures["seeds"] += 1
        try:
            figures.update(one(seed, asked.store, asked.control))
        except Exception as error:  # noqa: BLE001 - whatever is found is told
            found.append(seed)
            if len(found) <= FOUND_SHOWN_MAX:
                more = f" --control {asked.control}" * bool(asked.control) + f" --store {asked.store}"
                print(f"seed {seed}: {type(error).__name__}: {error}")
                print(f'  replay: make sim ARGS="--seed {seed}{more}"', flush=True)
            if asked.seed is not None:
                traceback.print_exc()
            if asked.control:
                break
    told = {"broken": len(found), **figures, "s": round(time.monotonic() - begun, 1)}
    print(json.dumps(told))
    return int(bool(found) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
