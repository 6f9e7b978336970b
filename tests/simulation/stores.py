"""What a node's disk does when the power goes, and a disk that lies, which the simulation must catch."""

import asyncio
from collections.abc import Sequence
from typing import Any

from weft.engine.ports import Batch, Store
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore

FLUSH_S = 0.5


class Lifeline:
    """A store as one life of a node sees it: after the crash it takes and tells nothing more.

    Without it the dying node's own clean-up would write to the "crashed" disk and hide losses.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.alive = True

    def __getattr__(self, name: str) -> Any:
        action = getattr(self._store, name)

        async def guarded(*values: Any, **named: Any) -> Any:
            if not self.alive:
                raise asyncio.CancelledError
            result = await action(*values, **named)
            if not self.alive:
                raise asyncio.CancelledError
            return result

        return guarded


class MemoryDisk:
    """Keeps everything that was committed."""

    def __init__(self, _path: str) -> None:
        self.store: Any = MemoryStore()

    def crash(self, *, durable: bool) -> None:
        self.store.crash(durable=durable)

    def settle(self) -> None:
        """Let go in good order."""

    def start(self) -> Store:
        return self.store


class SqliteDisk:
    """A real database file, closed at the crash and opened again."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.store: Any = None

    def crash(self, *, durable: bool) -> None:
        self.store.crash(durable=durable)

    def settle(self) -> None:
        self.store.crash()

    def start(self) -> Store:
        self.store = SqliteStore(self._path, background=False)
        return self.store


class _HastyStore(MemoryStore):
    """Says "stored" at once and writes down every ``FLUSH_S`` seconds: what a lying disk or cache does."""

    def __init__(self, written: Sequence[Batch]) -> None:
        super().__init__()
        self._write(written)
        self.written = list(written)
        self.promised: list[Batch] = []

    def _write(self, batches: Sequence[Batch]) -> list[Exception | None]:
        outcomes = super()._write(batches)
        promised = [batch for batch, outcome in zip(batches, outcomes, strict=True) if outcome is None]
        if not hasattr(self, "promised"):
            return outcomes
        if promised and not self.promised:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self.promised.extend(promised)
        return outcomes

    def flush(self) -> None:
        self.written.extend(self.promised)
        self.promised = []


class HastyDisk:
    """Control that must fail: acknowledges before it is durable."""

    def __init__(self, _path: str) -> None:
        self.store: Any = _HastyStore([])

    def crash(self, *, durable: bool) -> None:
        self.store._group.drop()
        self.store = _HastyStore(self.store.written)

    def settle(self) -> None:
        self.store.flush()

    def start(self) -> Store:
        return self.store


DISKS = {"memory": MemoryDisk, "sqlite": SqliteDisk, "hasty": HastyDisk}
