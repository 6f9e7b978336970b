"""What a node's disk does when the power goes, and a disk that lies, which the simulation must catch."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.engine.ports import Batch, Store
from weft.stores import sqlite_copy
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

        setattr(self, name, guarded)  # asked for once
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

    def copy(self) -> Any:
        """What is on the disk now, for ``restore``."""
        return copied(self.store)

    def restore(self, kept: Any) -> None:
        """An old copy in the place of what is on the disk."""
        self.store = copied(kept)


def copied(store: MemoryStore) -> MemoryStore:
    """Another store with all that is durable in ``store``; rows never change, so that they are not copied."""
    other = MemoryStore()
    for name in ("_threads", "_forks", "_effects", "_outbox", "_done"):
        setattr(other, name, dict(getattr(store, name)))
    other._values = {bucket: dict(kept) for bucket, kept in store._values.items()}
    for thread, shelf in store._shelves.items():
        other._shelf(thread)
        for name in ("chains", "events", "ids", "pending"):
            setattr(other._shelves[thread], name, dict(getattr(shelf, name)))
        other._shelves[thread].payloads = {event: dict(slots) for event, slots in shelf.payloads.items()}
    return other


class SqliteDisk:
    """A real database file, closed at the crash and opened again; between two lives it can be read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._copies = 0
        self.store: Any = None

    def crash(self, *, durable: bool) -> None:
        self.store.crash(durable=durable)
        self.store = SqliteStore(self._path, background=False, reading=True)

    def settle(self) -> None:
        self.crash(durable=False)

    def start(self) -> Store:
        if self.store is not None:
            self.store.crash()
        self.store = SqliteStore(self._path, background=False)
        return self.store

    def copy(self) -> str:
        """A backup made while the node runs; the name of its file."""
        self._copies += 1
        kept = f"{self._path}.{self._copies}"
        sqlite_copy.copy(self._path, kept)
        return kept

    def restore(self, kept: str) -> None:
        """An old copy in the place of what is on the disk."""
        self.store.crash()
        for ending in ("-wal", "-shm"):
            Path(self._path + ending).unlink(missing_ok=True)
        shutil.copy(kept, self._path)


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
