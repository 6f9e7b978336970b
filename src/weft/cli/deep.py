"""Every stored event checked again, and all that the database says beside the events: ``weft doctor --deep``.

Steps: 1. SQLite finds the file sound, its indexes included; 2. each event is what its hashes and signatures say
(``verifying.py``); 3. to 6. what the database says beside the events is what they give (``comparing.py``).
Together: a bit that flips anywhere in an event is seen.
Not here: mending (a backup is restored), what else can be looked at (``examining.py``).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from weft.basis.errors import WeftError
from weft.cli.comparing import compared
from weft.cli.finding import Finding, told
from weft.cli.verifying import verified
from weft.cli.words import refusal, say

Told = Callable[[int, int], None]
Fault = dict[str, str]
# What reading may raise when the database beside the events says nonsense.
_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)


def examine_deeply(home: Path, progress: Callable[[int], None]) -> Iterator[Finding]:
    """Every stored event checked again, beside a running node, too; ``progress`` gets how much is done, of 1000."""
    from weft import launch

    place = launch.Home(home)

    async def looked() -> Any:
        store = launch.open_store(place, place.config().storage.database, reading=True)
        try:
            return await deeply(store, lambda done, every: progress(1_000 * done // max(every, 1)))
        finally:
            await store.close()

    try:
        result = launch.run(looked())
    except WeftError as error:
        yield Finding("bad", "deep", refusal(error))
        return
    for one in result["faults"]:
        yield told("bad", "deep", **one)
    if not result["faults"]:
        yield told("good", "deep", threads=result["threads"], events=result["events"])


async def deeply(store: Any, progress: Told = lambda _done, _all: None) -> dict[str, Any]:
    """``{"threads", "events", "faults"}`` of all of ``store``; ``progress`` gets how much is done, of how much."""
    sound = await store.check()
    if sound != "ok":
        return {"threads": 0, "events": 0, "faults": [_fault("", "", say("cli.deep.file", detail=sound[:200]))]}
    rows = await store.threads()
    every = 2 * sum(row.length for row in rows)
    result = await verified(store, lambda done: progress(done, every))
    done = every // 2
    for row in rows:
        try:
            result["faults"] += [_fault(row.thread, event, said) for event, said in await compared(store, row)]
        except WeftError as error:
            result["faults"].append(_fault(row.thread, "", refusal(error)))
        except _UNREADABLE:
            result["faults"].append(_fault(row.thread, "", say("cli.deep.heads")))
        done += row.length
        progress(done, every)
    return result


def _fault(thread: str, event: str, problem: str) -> Fault:
    return {"thread": thread, "event": event, "problem": problem}
