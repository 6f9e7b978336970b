"""Group commit: all batches of one event-loop moment go to the disk together.

A commit alone is written at once; under load, batches gather while the disk works on the former group,
so groups grow by themselves and no timer delays anybody.
Rule 1: an awaiter that is cancelled leaves its batch in the group: it is stored or not, never half.
Rule 2: an awaiter wakes only after its group is durable.
Not here: how a group is written (the engines).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

BATCHES_MAX: Final = 500
B = TypeVar("B")


class GroupCommit(Generic[B]):
    """Gathers batches and hands them to ``write``, which gives an error or None for each."""

    def __init__(self, write: Callable[[Sequence[B]], Sequence[Exception | None]]) -> None:
        self._write = write
        self._waiting: list[tuple[B, asyncio.Future[None]]] = []
        self._scheduled: asyncio.Handle | None = None
        self._held = False

    async def commit(self, batch: B) -> None:
        """Returns when ``batch`` is durable; raises what ``write`` says of it."""
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        self._waiting.append((batch, stored))
        if self._scheduled is None and not self._held:
            self._scheduled = loop.call_soon(self.flush)
        await stored

    def hold(self) -> None:
        """Let batches wait until ``release``: something longer has its turn."""
        self._held = True

    def release(self) -> None:
        """Write on."""
        self._held = False
        if self._waiting and self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits, at most ``BATCHES_MAX`` batches; the rest follows in the next moment."""
        if self._held:
            self._scheduled = None
            return
        group, self._waiting = self._waiting[:BATCHES_MAX], self._waiting[BATCHES_MAX:]
        self._scheduled = asyncio.get_running_loop().call_soon(self.flush) if self._waiting else None
        if not group:
            return
        try:
            outcomes = self._write([batch for batch, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to every awaiter of the group
            outcomes = [error] * len(group)
        for (_, stored), outcome in zip(group, outcomes, strict=True):
            if stored.done():
                continue
            if outcome is None:
                stored.set_result(None)
            else:
                stored.set_exception(outcome)

    def drain(self) -> None:
        """Write all that waits; for closing."""
        self._held = False
        while self._waiting:
            self.flush()
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None

    def drop(self) -> list[B]:
        """Forget all that waits, as a crash does; gives the batches that nobody was told are stored."""
        dropped = [batch for batch, _ in self._waiting]
        for _, stored in self._waiting:
            stored.cancel()
        self._waiting = []
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        return dropped
