"""The store on disk: SQLite by apsw, one writer, durable when ``commit`` returns.

Not here: groups, checkpoints and care for the disk (``writer.py``), SQL (``sql/sqlite``), opening, locks and
migrations (``sqlite_file.py``).
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import starmap
from operator import attrgetter
from typing import Any, Final

from weft.engine.ports import (
    Batch,
    EffectRow,
    EventRow,
    ForkRow,
    OutboxRow,
    PayloadRow,
    PendingRow,
    StoreConflict,
    ThreadRow,
)
from weft.stores.writer import Writer

# What a batch holds, in the order in which it is applied: list, statement, columns (None: rows are tuples).
_STEPS: Final[Sequence[tuple[str, str, Callable[[Any], Any] | None]]] = (
    ("events", "add_event",
     attrgetter("thread", "id", "author", "device", "incarnation", "n", "position", "header", "signature")),
    ("payloads", "add_payload", attrgetter("thread", "id", "slot", "salt", "content")),
    ("pending", "add_pending", attrgetter("thread", "id", "author", "device", "incarnation", "n", "envelope")),
    ("pending_settled", "settle_pending", None),
    ("forks_settled", "settle_fork", None),
    ("forks", "add_fork", attrgetter("thread", "device", "incarnation", "n", "first", "second")),
    ("effects", "put_effect", attrgetter("thread", "cause", "reaction", "final", "attempts", "due_ms")),
    ("effects_settled", "settle_effect", None),
    ("outbox", "put_outbox", attrgetter("peer", "thread", "attempts", "due_ms")),
    ("outbox_settled", "settle_outbox", None),
    ("done", "add_done", attrgetter("thread", "key", "result")),
    ("erased", "erase_payloads", None),
    ("dropped", "drop_event", None),
)  # fmt: skip
_TAKING: Final = ("pending_settled", "forks_settled", "effects_settled", "outbox_settled", "erased", "dropped")


class SqliteStore(Writer[Batch]):
    """Implements ``engine.ports.Store`` over one database file."""

    # ---- writing

    async def commit(self, batch: Batch) -> None:
        """Store ``batch`` whole and durably; raises ``StoreConflict`` and stores nothing of it otherwise."""
        await self._commit(batch)

    def _erases(self, batch: Batch) -> bool:
        return bool(batch.erased or batch.dropped)

    def _apply_group(self, batches: Sequence[Batch]) -> None:
        for run in _runs(batches):
            self._apply_all(run)

    def _apply_all(self, batches: Sequence[Batch]) -> None:
        """Apply ``batches``, of which only the last takes anything away, as if one after the other."""
        grown: list[tuple[Any, ...]] = []
        for batch in batches:
            if _grows(batch):
                row = batch.threads[0]
                grown.append((row.machine, row.members, " ".join(row.heads), row.fold, row.length, row.thread,
                              batch.lengths[row.thread]))
            elif batch.lengths or batch.threads:
                self._grow(grown)  # first: who thought a thread longer than it was must not find it grown since
                grown = []
                self._apply_threads(batch)
        self._grow(grown)
        for name, statement, columns in _STEPS:
            rows = [row for batch in batches for row in getattr(batch, name)]
            if rows:
                self._cursor.executemany(self._sql[statement], map(columns, rows) if columns else rows)
        for batch in batches:
            self._apply_values(batch)

    def _apply(self, batch: Batch) -> None:
        self._apply_all([batch])

    def _grow(self, grown: Sequence[tuple[Any, ...]]) -> None:
        if grown:
            before = self._connection.total_changes()
            self._cursor.executemany(self._sql["grow_thread"], grown)
            if self._connection.total_changes() - before != len(grown):
                raise StoreConflict(grown[0][-2])

    def _apply_threads(self, batch: Batch) -> None:
        sql = self._sql
        for thread, length in batch.lengths.items():
            held = self._cursor.execute(sql["length"], (thread,)).fetchone()
            if (held[0] if held else 0) != length:
                raise StoreConflict(thread)
        for row in batch.threads:
            values = (row.thread, row.machine, row.members, " ".join(row.heads), row.fold, row.length)
            self._cursor.execute(sql["put_thread"], values)

    def _apply_values(self, batch: Batch) -> None:
        sql = self._sql
        for bucket, key, content in batch.values:
            if content is None:
                self._cursor.execute(sql["delete_value"], (bucket, key))
            else:
                self._cursor.execute(sql["put_value"], (bucket, key, content))

    # ---- reading: the port says what each gives, and in which order

    async def thread(self, thread: str) -> ThreadRow | None:
        rows = self._rows("thread", thread)
        return _thread(*rows[0]) if rows else None

    async def threads(self) -> Sequence[ThreadRow]:
        return list(starmap(_thread, self._rows("threads")))

    async def events(self, thread: str, after: int = -1, limit: int = 1_000_000) -> Sequence[EventRow]:
        return list(starmap(EventRow, self._rows("events", thread, after, limit)))

    async def event(self, thread: str, id: str) -> EventRow | None:
        """One event by its id."""
        rows = self._rows("event", thread, id)
        return EventRow(*rows[0]) if rows else None

    async def chain(self, thread: str, author: str, device: str, incarnation: str, n: int) -> EventRow | None:
        rows = self._rows("chain", thread, author, device, incarnation, n)
        return EventRow(*rows[0]) if rows else None

    async def payloads(self, thread: str, ids: Sequence[str]) -> Sequence[PayloadRow]:
        return list(starmap(PayloadRow, self._rows("payloads", thread, json.dumps(list(ids)))))

    async def pending(self, thread: str) -> Sequence[PendingRow]:
        return list(starmap(PendingRow, self._rows("pending", thread)))

    async def forks(self, thread: str | None = None) -> Sequence[ForkRow]:
        return list(starmap(ForkRow, self._rows("forks", thread)))

    async def effects(self) -> Sequence[EffectRow]:
        rows = self._rows("effects")
        return [EffectRow(row[0], row[1], row[2], bool(row[3]), row[4], row[5]) for row in rows]

    async def outbox(self) -> Sequence[OutboxRow]:
        return list(starmap(OutboxRow, self._rows("outbox")))

    async def done(self, thread: str, key: str) -> bytes | None:
        rows = self._rows("done", thread, key)
        return rows[0][0] if rows else None

    async def value(self, bucket: str, key: str) -> bytes | None:
        rows = self._rows("value", bucket, key)
        return rows[0][0] if rows else None

    async def values(self, bucket: str) -> Sequence[tuple[str, bytes]]:
        return self._rows("values", bucket)


def _runs(batches: Sequence[Batch]) -> Iterator[Sequence[Batch]]:
    """``batches`` cut after each that takes something away: what is put by a later one must come after that."""
    run: list[Batch] = []
    for batch in batches:
        run.append(batch)
        if any(getattr(batch, name) for name in _TAKING):
            yield run
            run = []
    if run:
        yield run


def _grows(batch: Batch) -> bool:
    """Whether ``batch`` makes one thread longer that is there already."""
    return len(batch.threads) == len(batch.lengths) == 1 and bool(batch.lengths.get(batch.threads[0].thread))


def _thread(thread: str, machine: str, members: bytes, heads: str, fold: bytes, length: int) -> ThreadRow:
    return ThreadRow(thread, machine, members, tuple(heads.split()), fold, length)
