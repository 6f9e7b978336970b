"""Searches for better plans in a process of its own: started for one search, ended with it.

Rule 1: the node never waits for it: what does not answer in time is killed, and the plan stays as it is.
Rule 2: a search does not outlive the node, however that ends (``__main__.py``).
Rule 3: a search that dies, or that says what cannot be read, is a plan that was not improved and nothing more.
Not here: the search (``search.py``), when to search and what is adopted (``engine/improving.py``).
"""

import asyncio
import contextlib
import logging
import sys
from typing import Final

import msgspec

from weft.planners.cpsat import Limits
from weft.planners.search import Answer, Task
from weft.production.plan import Placing, Plan, Problem

GRACE_S: Final = 20.0  # to start, to load the solver and to build its model
ANSWER_MAX: Final = 16 * 2**20

_log = logging.getLogger(__name__)


async def better(problem: Problem, plan: Plan, seconds: float, frozen_ms: int = 0) -> tuple[Placing, ...]:
    """A better sequence than that of ``plan``, found within ``seconds``; empty when there is none."""
    task = Task(problem=problem, plan=plan, limits=Limits(seconds=seconds), frozen_ms=frozen_ms)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "weft.planners", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL, limit=ANSWER_MAX)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        async with asyncio.timeout(seconds + GRACE_S):
            child.stdin.write(msgspec.json.encode(task) + b"\n")
            await child.stdin.drain()  # it stays open: its end would be that of the search
            said = await child.stdout.read()
        return msgspec.json.decode(said, type=Answer).sequence
    except (TimeoutError, msgspec.DecodeError, OSError):
        _log.warning("a search for a better plan came to nothing")
        return ()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
