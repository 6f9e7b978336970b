"""A process that writes and tells, killed with -9 at any moment; what it had told is then looked for.

``writing``: a program whose arguments are the path and ``honest`` or ``hasty``; it prints "name number" of whatever is
stored, ``hasty`` before it is. ``lost``: of what was told, how much is missing; it raises when something is torn.
Not here: whole engines (``tests/faults/kills.py``), power cuts (``tests/faults/power.py``).
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Told = dict[str, int]


def killed(writing: str, path: str, luck: random.Random, how: str, longest_s: float = 0.15) -> Told:
    """Let a process write for a moment, kill it; the last number that it told of each name."""
    process = subprocess.Popen([sys.executable, "-c", writing, path, how], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                               env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(luck.random() * longest_s)
    process.send_signal(signal.SIGKILL)
    told: Told = {}
    for line in [first, *process.stdout.read().splitlines()]:
        with contextlib.suppress(ValueError):  # the last line may be cut off
            name, number = line.split()
            told[name] = int(number)
    process.wait()
    process.stdout.close()
    return told


def losses(writing: str, lost: Callable[[str, Told], Awaitable[int]], path: str, kills: int, how: str) -> int:
    """How much was missing after so many kills."""
    luck = random.Random(7)

    async def looked(told: Told) -> int:
        return await lost(path, told)

    return sum(asyncio.run(looked(killed(writing, path, luck, how))) for _ in range(kills))
