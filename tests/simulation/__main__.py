"""Seeded worlds in virtual time: ``make sim N=20000``, ``make sim SEED=7``, ``make sim ARGS="--store sqlite"``.

The last line is one line of figures; a failing seed is printed with the command that replays it, and the run then ends
with 1; stopped before its end (Ctrl-C) it tells what it has seen. ``--start`` goes on where a former run has ended:
the figures of runs over seeds that follow add up.
Controls (``--control``) hold a fault that must be found for what it is: the run ends when that was found (with
``--through`` it goes on and counts in how many worlds), and else it fails.
"""

import argparse
import json
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation import campaign, controls
from tests.simulation.plan import CONTROLS

FOUND_SHOWN_MAX = 20
KINDS = ("diverged", "acked_lost", "leaked", "forks_undetected", "invariants_broken", "failed")
STORY = ("writes", "threads", "events", "void", "merges", "ordered", "despatched", "forks", "effects drawn", "steps")
SEEDS_AT_ONCE = 5  # that a worker takes
TOLD_EVERY_S = 30.0
STOPPED = 130  # as a shell has it


@dataclass(slots=True)
class Tally:
    """What all seeds have given together."""

    figures: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    seeds: int = 0
    begun: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        """One line of figures."""
        known = {"virtual s", *STORY}
        faults = {name: count for name, count in sorted(self.figures.items()) if name not in known}
        return json.dumps({
            "seeds": self.seeds, "simulated hours": round(self.figures["virtual s"] / 3600, 1),
            **{kind: self.found[kind] for kind in KINDS}, **{name: self.figures[name] for name in STORY},
            "faults": faults, "s": round(time.monotonic() - self.begun, 1)})


def _outcomes(asked: argparse.Namespace, seeds: range) -> Iterator[campaign.Outcome]:
    """What becomes of each seed, by as many processes as asked for."""
    questions = [(seed, asked.store, asked.control) for seed in seeds]
    if asked.jobs < 2 or len(questions) < 2:
        controls.install(asked.control)
        yield from map(campaign.outcome, questions)
        return
    with multiprocessing.get_context("spawn").Pool(asked.jobs, controls.install, (asked.control,)) as pool:
        yield from pool.imap_unordered(campaign.outcome, questions, SEEDS_AT_ONCE)


def _tell(asked: argparse.Namespace, outcome: campaign.Outcome, tally: Tally) -> None:
    seed, figures, kind, told = outcome
    tally.seeds += 1
    tally.figures.update(figures)
    if not kind:
        return
    tally.found[kind] += 1
    if tally.found.total() <= FOUND_SHOWN_MAX:
        more = f" --control {asked.control}" * bool(asked.control) + " --store sqlite" * (asked.store == "sqlite")
        args = f' ARGS="{more.strip()}"' * bool(more)
        print(f"seed {seed}: {told}\n  replay: make sim SEED={seed}{args}", flush=True)


def _run(asked: argparse.Namespace, seeds: range, tally: Tally) -> None:
    on_terminal = sys.stderr.isatty()
    columns = (TextColumn("worlds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    told = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=not on_terminal) as progress:
        bar = progress.add_task("worlds", total=len(seeds))
        for outcome in _outcomes(asked, seeds):
            _tell(asked, outcome, tally)
            progress.advance(bar)
            if not on_terminal and time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                print(f"{tally.seeds} of {len(seeds)}, {tally.found.total()} broken", file=sys.stderr, flush=True)
            if time.monotonic() - tally.begun > asked.seconds or (_found(asked, tally) and not asked.through):
                break


def _found(asked: argparse.Namespace, tally: Tally) -> int:
    """How often what the control holds was found."""
    return sum(tally.found[kind] for kind in controls.FINDS.get(asked.control, ()))


def main() -> int:
    """Run the seeds; 0 when nothing was found (with a control: when what it holds was)."""
    parser = argparse.ArgumentParser(prog="tests.simulation")
    parser.add_argument("--seed", type=int, default=None, help="run this one and show what goes wrong")
    parser.add_argument("--n", type=int, default=100, help="how many seeds")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--store", choices=("memory", "sqlite"), default="memory")
    parser.add_argument("--control", choices=CONTROLS, default="")
    parser.add_argument("--through", action="store_true", help="with a control: do not end at the first finding")
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of words is part of the run
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": "0"})
    logging.disable(logging.CRITICAL)  # nodes tell of what the world does to them on purpose
    first, count = (asked.start, asked.n) if asked.seed is None else (asked.seed, 1)
    tally = Tally()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(asked, range(first, first + count), tally)
    except KeyboardInterrupt:
        print(f"stopped after {tally.seeds} of {count}", file=sys.stderr)
        print(tally.line())
        return STOPPED
    print(tally.line())
    if asked.control:
        return int(not _found(asked, tally))
    return int(bool(tally.found))


if __name__ == "__main__":
    sys.exit(main())
