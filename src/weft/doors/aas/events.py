"""Events: what changed in the twins, as CloudEvents, page by page or as a stream that never ends.

CloudEvents 1.0.2 (JSON format, batch), WHATWG server-sent events; types after ``io.admin-shell.events.v1``. The AAS API
has no address for it yet: ``/events`` is what its editors discuss.
Rule 1: ``cursor`` (and ``Last-Event-ID``) is the number of the last event that was seen; without one a page begins with
        the oldest that is still known, a stream with the next.
Rule 2: who may not follow (so many do already, or so many of his) is told so before a stream begins.
Not here: what is a change (``engine/twins/changes.py``), the form of one event (``engine/twins/cloudevents.py``),
delivery to those who do not ask (``engine/twins/delivering.py``).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse

from weft.basis.errors import Refused
from weft.doors.aas import asked
from weft.doors.aas.call import Call, answer
from weft.engine.twins.changes import Seat
from weft.engine.twins.cloudevents import event
from weft.engine.twins.hearing import Hearing
from weft.engine.twins.ports import Told

STREAM: Final = "text/event-stream"
BEAT_EVERY: Final = 60  # empty turns of a quarter of a second


async def events(call: Call) -> Response:
    """A page of events; a stream for who accepts one."""
    if STREAM in call.request.headers.get("accept", ""):
        return await _stream(call)
    hearing, size = await call.events(), asked.page_size(call.request)
    told, last = await hearing.after(hearing.number(call.request.query_params.get("cursor", "")), size)
    return answer({"paging_metadata": {"cursor": hearing.cursor(last)},
                   "result": [event(call.href(), hearing, one, place) for place, one in enumerate(told)]})


async def _stream(call: Call) -> Response:
    hearing = await call.events()
    given = call.request.headers.get("last-event-id") or call.request.query_params.get("cursor", "")
    after = hearing.number(given) if given else await hearing.newest()
    await hearing.after(after, 1)  # what is no longer known is refused before the stream begins
    return StreamingResponse(_told(call, hearing, (after, hearing.seat())), 200,
                             {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}, STREAM)


async def _told(call: Call, hearing: Hearing, place: tuple[int, Seat]) -> AsyncIterator[bytes]:
    gone = call.let_go
    yield b"retry: 2000\n\n"
    empty = 0
    try:
        async for told in hearing.follow(*place):
            if gone is not None and gone.is_set():
                return
            empty = 0 if told else empty + 1
            if told:
                yield _lines(call, hearing, told)
            elif empty % BEAT_EVERY == 0:
                yield b": still here\n\n"
    except Refused as error:
        yield f"event: end\ndata: {error.code}\n\n".encode()


def _lines(call: Call, hearing: Hearing, told: Sequence[Told]) -> bytes:
    parts: list[bytes] = []
    for place, one in enumerate(told):
        number: Any = f"id: {hearing.cursor(one.number)}\n".encode() if one.number else b""
        parts.append(number + b"event: " + one.type.encode() + b"\ndata: " + msgspec.json.encode(
            event(call.href(), hearing, one, place)) + b"\n\n")
    return b"".join(parts)
