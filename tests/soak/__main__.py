"""Machines and wires that die at random under load, for ten minutes: ``make soak``, ``make soak N=2``, ``SEED=7``.

The last line is one line of figures; a broken law is printed with its seed, and the run then ends with 1.
``--control deaf``: connections that never wonder whether their machine still lives; they must fall silent, and the run
fails when that is not found.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.machines import npm
from tests.machines.mqtt.test_suite import Device
from tests.machines.suite import DEAF, PACE, Counterpart
from tests.machines.test_http import HttpMachine, Streaming
from tests.machines.test_modbus import Node, Simulator
from tests.machines.test_opcua_foreign import Machine
from tests.soak.benches import PROGRAMS, Logged
from tests.soak.jobs import Bench
from tests.soak.lines import Line
from weft.machines import opcua

LINES: dict[str, Callable[[Path], Counterpart]] = {
    "node-opcua": lambda _: Machine(), "mosquitto": lambda folder: Device(folder / "device", "5"),
    "pymodbus": Simulator, "modbus-serial": lambda _: Node(npm.package("modbus-serial", "8.0.25")),
    "http": lambda _: HttpMachine(), "http events": lambda _: Streaming()}
TELL_S = 30.0
OVER_S = 90.0  # from the end of the time until all must have come to rest


def _inner(task: "asyncio.Task[Any]") -> list[str]:
    """Where ``task`` waits, inwards."""
    found, coroutine = [], task.get_coro()
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        found.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        coroutine = coroutine.cr_await  # type: ignore[union-attr] # each is a coroutine but the last
    return found


def _lines(asked: argparse.Namespace, folder: Path) -> list[Line]:
    found = []
    for name, make in LINES.items():
        if asked.only and name not in asked.only:
            continue
        own = folder / name.replace(" ", "-")
        own.mkdir()
        pace = DEAF if asked.control == "deaf" else PACE
        if name == "node-opcua":
            pace = opcua.Pace(pace.timeout_s, pace.retry_s_min, pace.retry_s_max, pace.silence_s)
        try:
            found.append(Line(name, make(own), pace, random.Random(f"{asked.seed} {name}")))
        except pytest.skip.Exception as skipped:
            print(f"{name} is not here: {skipped}", flush=True)
    return found


def _benches(asked: argparse.Namespace, folder: Path) -> list[Bench]:
    found = []
    for kind in PROGRAMS:
        name = f"jobs over {kind}"
        if asked.control == "deaf" or (asked.only and name not in asked.only):
            continue
        own = folder / f"jobs-{kind}"
        own.mkdir()
        try:
            bench = Bench(name, Logged(kind, own), own, random.Random(f"{asked.seed} {name}"))
        except pytest.skip.Exception as skipped:
            print(f"{name} is not here: {skipped}", flush=True)
            continue
        found.append(bench)
    return found


async def soak(asked: argparse.Namespace, folder: Path) -> tuple[list[Any], float]:
    """Everything at once until the time is over."""
    every: list[Any] = [*_lines(asked, folder), *_benches(asked, folder)]
    began = time.monotonic()
    ends = began + asked.minutes * 60
    tasks = {asyncio.create_task(one.run(ends)): one for one in every}
    while (waiting := [one for one in tasks if not one.done()]) and (
            not asked.control or not any(one.broken for one in every)):
        await asyncio.wait(waiting, timeout=TELL_S)
        if time.monotonic() > ends + OVER_S:
            for one in waiting:
                stack = [f"{frame.f_code.co_name}:{frame.f_lineno}" for frame in one.get_stack()]
                tasks[one].broken.append(f"{tasks[one].name}: never ended: {stack} {_inner(one)}")
            break
        left = max(0, round((ends - time.monotonic()) / 60))
        print(f"{left} min left, {sum(len(one.broken) for one in every)} broken", file=sys.stderr, flush=True)
    for task in waiting:
        task.cancel()
    for task, told in zip(tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True):
        if isinstance(told, Exception):
            tasks[task].broken.append(f"{tasks[task].name}: {type(told).__name__}: {told}")
    return every, time.monotonic() - began


def main(arguments: list[str]) -> int:
    """Run; 0 when every law held (with a control: when it was found out)."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", choices=("deaf",), default="")
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="weft-soak-") as folder:
        every, seconds = asyncio.run(soak(asked, Path(folder)))
    figures: Counter[str] = Counter()
    broken = [told for one in every for told in one.broken]
    for one in every:
        figures.update(one.figures)
    for told in broken[:20]:
        print(f"seed {asked.seed}: {told}")
    told_first = {"machines": len(every), "s": round(seconds), "broken": len(broken)}
    print(json.dumps(told_first | dict(sorted(figures.items()))))
    if asked.control:
        return 0 if any("silent subscription" in told for told in broken) else 1
    return 1 if broken or not every else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
