"""Work on one twin: at once where it is small, in a thread where it is large, so that others have their turn.

Not here: what is done.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec

from weft.engine.twins.ports import LARGE_BYTES
from weft.twin.elements import Json

T = TypeVar("T")


async def calmly(size: int, work: Callable[[], T]) -> T:
    """What ``work`` gives, which is about so many bytes."""
    return await asyncio.to_thread(work) if size > LARGE_BYTES else work()


async def decoded(body: bytes) -> Json:
    """What ``body`` says."""
    if len(body) > LARGE_BYTES:
        return await asyncio.to_thread(_decoded, body)
    return _decoded(body)


def _decoded(body: bytes) -> Json:
    read: Json = msgspec.json.decode(body)
    return read
