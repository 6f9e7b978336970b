"""Interleaved rounds and the table of results: every figure stands beside a baseline of the same run.

The machine's mood changes from second to second, so ours and the baseline take turns, and the best of each is compared:
what either can do when nobody else has the processor.
Nothing here asserts: a target that is missed is printed as missed.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table; ``ratio`` is None where there is no baseline, ``met`` where there is no target."""

    name: str
    value: str
    baseline: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None


async def interleaved(measures: Mapping[str, Measure], rounds: int) -> dict[str, float]:
    """The best rate of each measure over ``rounds`` turns; a first turn warms up and does not count."""
    told: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(rounds + 1):
        for name, measure in measures.items():
            value = await measure()
            if turn:
                told[name].append(value)
    return {name: max(values) for name, values in told.items()}


def rate(name: str, ours: float, bare: float, share: float) -> Result:
    """A rate a second that must reach ``share`` of the bare loop's."""
    ratio = ours / bare
    return Result(name, f"{ours:,.0f}/s", f"{bare:,.0f}/s", ratio, f">= {share:.0%}", ratio >= share)


def limit(name: str, value: float, unit: str, most: float, baseline: float | None = None) -> Result:
    """A value that must stay below ``most``."""
    told = "" if baseline is None else f"{baseline:,.2f} {unit}"
    ratio = None if not baseline else value / baseline
    return Result(name, f"{value:,.2f} {unit}", told, ratio, f"< {most:g} {unit}", value < most)


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    table = Table(title="Weft benchmarks")
    for column in ("name", "value", "baseline, same run", "ratio", "target", "met"):
        table.add_column(column, justify="left" if column == "name" else "right")
    for one in results:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        met = {None: "", True: "yes", False: "NO"}[one.met]
        table.add_row(one.name, one.value, one.baseline, ratio, one.target, met)
    Console(width=140).print(table)


def stopwatch() -> Callable[[], float]:
    """Seconds since now."""
    begun = time.perf_counter()
    return lambda: time.perf_counter() - begun
