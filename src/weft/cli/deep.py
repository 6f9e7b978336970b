"""Every stored event checked again, and all that the database says beside the events: ``weft doctor --deep``.

Steps: 1. SQLite finds the file sound, its indexes included; 2. each event is what its hashes and signatures say
(``verifying.py``); 3. to 6. what the database says beside the events is what they give (``comparing.py``).
Beside that: the written twins, held against what they are found by, their past and their files.
Together: a bit that flips anywhere in an event is seen.
Not here: mending (a backup is restored), what else can be looked at (``examining.py``).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, WeftError
from weft.cli.comparing import compared
from weft.cli.finding import Finding, told
from weft.cli.verifying import verified
from weft.cli.words import refusal, say

FAULTS_SHOWN: Final = 50
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
    yield from _twins(place)


def _twins(place: Any) -> Iterator[Finding]:
    """The written twins, where there are any."""
    from weft import launch
    from weft.engine.clock import SystemClock
    from weft.stores.twins.examining import faults

    config = place.config()
    path = Path(config.storage.database.removeprefix("sqlite:") or place.path / launch.DATABASE).with_name(launch.TWINS)
    if not path.exists():
        return

    async def looked() -> tuple[list[Any], int]:
        store: Any = launch.open_twins(str(path), config, SystemClock(), reading=True)
        try:
            if await store.check() != "ok":
                raise Invalid("store.corrupt", path=str(path))
            seen = [0]
            return [one async for one in faults(store, lambda done: seen.__setitem__(0, done))], seen[0]
        finally:
            await store.close()

    try:
        found, seen = launch.run(looked())
    except WeftError as error:
        yield Finding("bad", "twins", refusal(error))
        return
    for one in found[:FAULTS_SHOWN]:
        yield told("bad", "twins", id=one.id or path.name, problem=say(f"cli.deep.twin-{one.what}"))
    if not found:
        yield told("good", "twins", n=seen)


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
