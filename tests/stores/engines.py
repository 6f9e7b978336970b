"""Every engine of the store port in a place of its own, and sample rows to put there."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from weft.engine.ports import Batch, EventRow, Store, ThreadRow
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore

ENGINES = ("memory", "sqlite")


class Shelf:
    """One engine in one place, and a loop to use it in."""

    def __init__(self, engine: str, place: Path) -> None:
        self.engine = engine
        self.path = str(place / "weft.db")
        self.loop = asyncio.new_event_loop()
        self.store: Any = self.reopened()

    def reopened(self) -> Store:
        """A store as a node finds it when it starts."""
        return MemoryStore() if self.engine == "memory" else SqliteStore(self.path)

    def run(self, action: Coroutine[Any, Any, Any]) -> Any:
        """The result of ``action``."""
        return self.loop.run_until_complete(asyncio.wait_for(action, 20))

    def crash(self, *, durable: bool = False) -> None:
        """Cut the power and start again from what the store kept."""
        self.store.crash(durable=durable)
        if self.engine != "memory":
            self.store = self.reopened()

    def close(self) -> None:
        """Close store and loop."""
        self.run(self.store.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


def event(n: int, *, thread: str = "t", name: str = "", device: str = "d", position: int = -1) -> EventRow:
    """An event that is number ``n`` of its chain."""
    return EventRow(
        thread=thread,
        id=name or f"{thread}-{device}-{n}",
        author="a",
        device=device,
        incarnation="i",
        n=n,
        position=n if position < 0 else position,
        header=b"header %d" % n,
        signature=b"",
    )


def said(n: int, **place: Any) -> Batch:
    """A batch that adds event ``n`` to a thread of ``n`` events, as the engine does."""
    row = event(n, **place)
    grown = ThreadRow(row.thread, "order/1", b"{}", (row.id,), b"{}", n + 1)
    return Batch(lengths={row.thread: n}, threads=[grown], events=[row])
