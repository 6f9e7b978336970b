"""Work on one twin: at once where it is small, in a thread where it is large, so that others have their turn.

Rule 1: meanwhile nothing is collected: a look through all objects for cycles stops everybody, and a large document has
    a million of them and no cycle.
Not here: what is done.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from weft.engine.twins.ports import LARGE_BYTES
from weft.twin.elements import Json

T = TypeVar("T")


async def calmly(size: int, work: Callable[[], T]) -> T:
    """What ``work`` gives, which is about so many bytes."""
    return await asyncio.to_thread(uncollected(work)) if size > LARGE_BYTES else work()


async def decoded(body: bytes) -> Json:
    """What ``body`` says."""
    read: Json = await calmly(len(body), lambda: msgspec.json.decode(body))
    return read


def uncollected(work: Callable[[], T]) -> Callable[[], T]:
    """``work``, done by Rule 1. Of several at once, whoever was first lets collecting go on."""

    def done() -> T:
        with _uncollected():
            return work()

    return done


@contextmanager
def _uncollected() -> Iterator[None]:
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
