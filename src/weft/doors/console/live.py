"""Server-sent events: a page hears that something it shows has changed, and fetches itself anew.

WHATWG HTML, server-sent events.
Rule 1: an event says only what kind of thing changed; what it is now, the page reads as any page does.
Rule 2: machine values are told at most once a second, whatever the machines say.
Rule 3: what changed between the reading of a page and its listening is told at once.
Rule 4: a device that is let go hears nothing more from that moment on.
Not here: values themselves (``engine/live.py``), what a page does with it (``static/live.js``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from weft.basis.errors import WeftError
from weft.doors.console.visit import HEADERS

BEAT_S: Final = 15.0
VALUES_S: Final = 1.0
WORDS_MAX: Final = 10


def stream(node: Any, request: Request) -> Response:
    """Changes of the kinds in ``of`` (empty: all), until the page goes or the node stops.

    ``seen``: how many changes the node had had when the page was read.
    """
    wanted = frozenset(request.query_params.get("of", "").split()[:WORDS_MAX])
    device = request.state.device
    gone = node.devices.gone(device.id) if device is not None else None
    seen = request.query_params.get("seen", "")[:20]
    return StreamingResponse(_events(node, wanted, gone, seen), media_type="text/event-stream",
                             headers={**HEADERS, "X-Accel-Buffering": "no"})


async def _events(node: Any, wanted: frozenset[str], gone: asyncio.Event | None = None,
                  seen: str = "") -> AsyncIterator[str]:
    queue: asyncio.Queue[str] = asyncio.Queue(64)
    moved = asyncio.Event()
    tasks = [asyncio.create_task(_changes(node, wanted, queue)), asyncio.create_task(_twins(node, wanted, queue))]
    if gone is not None:
        tasks.append(asyncio.create_task(_until(gone, tasks[0], queue)))
    end = node.live.subscribe(lambda _machine, _values: moved.set()) if "values" in wanted else None
    if end is not None:
        tasks.append(asyncio.create_task(_values(moved, queue)))
    try:
        await asyncio.sleep(0)  # from here on every change is heard
        missed = seen not in {"", str(node.changed)}
        yield "retry: 2000\n\n"
        if missed:
            yield "event: change\ndata: missed\n\n"
        while not tasks[0].done() or not queue.empty():
            try:
                yield f"event: change\ndata: {await asyncio.wait_for(queue.get(), BEAT_S)}\n\n"
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        if end is not None:
            end()
        for task in tasks:
            task.cancel()


async def _changes(node: Any, wanted: frozenset[str], queue: asyncio.Queue[str]) -> None:
    async for change in node.changes():
        if not wanted or change.machine in wanted or change.machine == "trouble":
            _tell(queue, change.machine)
    _tell(queue, "end")


async def _until(gone: asyncio.Event, changes: "asyncio.Task[None]", queue: asyncio.Queue[str]) -> None:
    """The device was let go: nothing more is told, and the page learns that it must come in anew."""
    await gone.wait()
    changes.cancel()
    while not queue.empty():
        queue.get_nowait()
    _tell(queue, "end")


async def _values(moved: asyncio.Event, queue: asyncio.Queue[str]) -> None:
    while True:
        await moved.wait()
        moved.clear()
        _tell(queue, "values")
        await asyncio.sleep(VALUES_S)


async def _twins(node: Any, wanted: frozenset[str], queue: asyncio.Queue[str]) -> None:
    """Twins that were written are in none of our books; while too many follow them already, this page does not."""
    if "twins" not in wanted:
        return
    with contextlib.suppress(WeftError):
        async for told in node.twin_changes.follow(await node.twin_changes.newest()):
            if any(one.number for one in told):
                _tell(queue, "twins")


def _tell(queue: asyncio.Queue[str], word: str) -> None:
    with contextlib.suppress(asyncio.QueueFull):
        queue.put_nowait(word)
