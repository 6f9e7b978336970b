"""The store on disk: SQLite by apsw, one writer, durable when ``commit`` returns.

WAL with ``synchronous=FULL``; commits of one moment share a transaction (``group.py``), written in the
event loop, where short reads happen too; the WAL is checkpointed by a thread in the background.
Rule 1: a group is written together; if one batch conflicts, the group is written anew with a savepoint
        around each batch, so that the conflicting one goes alone and its neighbours stay.
Rule 2: after an input/output error nothing is written until the file was read through and opened anew
        (``sqlite_file.settle``): fsync may have lost pages that it reported once. What failed is then not there.
Rule 3: a full disk refuses a group and changes nothing else: reading goes on, and writing once there is room.
Rule 4: reads run on the writer's connection between groups, so they see every commit that returned.
Not here: SQL (``sql/sqlite``), opening, locks and migrations (``sqlite_file.py``).
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import starmap
from operator import attrgetter
from typing import Any, Final

import apsw

from weft.basis.errors import Invalid, Unavailable, WeftError
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
from weft.stores import sqlite_copy
from weft.stores.group import GroupCommit
from weft.stores.sqlite_file import DatabaseFile, fault
from weft.stores.statements import queries

WAL_PAGES_CHECKPOINT: Final = 2_000  # about 8 MB: the background thread starts to copy
WAL_PAGES_LEFT: Final = 500  # about 2 MB: few enough for the loop to copy
WAL_PAGES_MAX: Final = 16_000  # about 64 MB: the loop copies whatever is left

MEND_S: Final = (0.2, 30.0)  # until the file is opened anew after the disk failed: the first and the longest pause
_LOG: Final = logging.getLogger("weft.store")

# What a batch holds, in the order in which it is applied: list, statement, columns (None: rows are tuples).
_STEPS: Final[Sequence[tuple[str, str, Callable[[Any], Any] | None]]] = (
    ("events", "add_event",
     attrgetter("thread", "id", "author", "device", "incarnation", "n", "position", "header", "signature")),
    ("payloads", "add_payload", attrgetter("thread", "id", "slot", "salt", "content")),
    ("pending", "add_pending", attrgetter("thread", "id", "author", "device", "incarnation", "n", "envelope")),
    ("pending_settled", "settle_pending", None),
    ("forks", "add_fork", attrgetter("thread", "device", "incarnation", "n", "first", "second")),
    ("effects", "put_effect", attrgetter("thread", "cause", "reaction", "final", "attempts", "due_ms")),
    ("effects_settled", "settle_effect", None),
    ("outbox", "put_outbox", attrgetter("peer", "thread", "attempts", "due_ms")),
    ("outbox_settled", "settle_outbox", None),
    ("done", "add_done", attrgetter("thread", "key", "result")),
    ("erased", "erase_payloads", None),
    ("dropped", "drop_event", None),
)  # fmt: skip
_TAKING: Final = ("pending_settled", "effects_settled", "outbox_settled", "erased", "dropped")


class SqliteStore:
    """Implements ``engine.ports.Store`` over one database file.

    ``background`` false keeps checkpoints in the loop too, for a simulation without threads. ``reading`` opens the
    file beside a running node: everything can be read, nothing committed.
    """

    def __init__(self, path: str, *, background: bool = True, reading: bool = False) -> None:
        self._file = DatabaseFile(path, reading=reading)
        self._connection = self._file.connection
        self._cursor = self._connection.cursor()
        self._sql = queries("sqlite")
        self._group = GroupCommit(self._write)
        self._background = background
        self._checkpoint: asyncio.Future[int] | None = None
        self._wal_pages = 0
        self._erased = False
        self._broken: WeftError | None = Unavailable("store.reading", path=path) if reading else None
        self._refused: WeftError | None = None
        self._mending: asyncio.Handle | asyncio.Future[None] | None = None
        self._pause_s = MEND_S[0]
        self._over = False
        self._connection.set_wal_hook(self._wal_grew)

    # ---- writing

    async def commit(self, batch: Batch) -> None:
        """Store ``batch`` whole and durably; raises ``StoreConflict`` and stores nothing of it otherwise."""
        if self._broken is not None:
            raise self._broken
        await self._group.commit(batch)

    def _write(self, batches: Sequence[Batch]) -> Sequence[Exception | None]:
        if self._broken is not None:
            raise self._broken
        try:
            outcomes = self._together(batches) or self._one_by_one(batches)
        except apsw.Error as error:
            raise self._give_up(error) from error
        self._refused = None
        self._erased = self._erased or any(batch.erased or batch.dropped for batch in batches)
        self._care_for_wal()
        return outcomes

    def _together(self, batches: Sequence[Batch]) -> Sequence[Exception | None] | None:
        """One transaction for all, or None (and nothing written) when some batch cannot be applied."""
        self._cursor.execute("BEGIN IMMEDIATE")
        try:
            for run in _runs(batches):
                self._apply_all(run)
        except (StoreConflict, apsw.ConstraintError, apsw.MismatchError, TypeError, ValueError, OverflowError):
            self._cursor.execute("ROLLBACK")
            return None
        self._cursor.execute("COMMIT")
        return [None] * len(batches)

    def _one_by_one(self, batches: Sequence[Batch]) -> Sequence[Exception | None]:
        outcomes: list[Exception | None] = []
        self._cursor.execute("BEGIN IMMEDIATE")
        for batch in batches:
            self._cursor.execute("SAVEPOINT batch")
            try:
                self._apply(batch)
                outcomes.append(None)
            except apsw.ConstraintError as error:
                outcomes.append(StoreConflict(str(error)))
            except (StoreConflict, apsw.MismatchError, TypeError, ValueError, OverflowError) as error:
                outcomes.append(error)
            if outcomes[-1] is not None:
                self._cursor.execute("ROLLBACK TO batch")
            self._cursor.execute("RELEASE batch")
        self._cursor.execute("COMMIT")
        return outcomes

    def _give_up(self, error: apsw.Error) -> WeftError:
        """What a failed group means; the connection is left outside any transaction."""
        told = self._refused = fault(error, self._file.path)
        if not isinstance(error, apsw.BusyError | apsw.FullError):  # these two leave the file as it was
            self._distrust(told)
        if self._connection.in_transaction:
            try:
                self._cursor.execute("ROLLBACK")
            except apsw.Error:
                self._distrust(told)
        return told

    # ---- after the disk failed

    async def trouble(self) -> WeftError | None:
        """Why nothing can be stored now, or why the last group was not; None: all is well."""
        return self._broken or self._refused

    def _distrust(self, told: WeftError) -> None:
        """Rule 2; a file that is damaged stays closed to writing: it must be restored."""
        if self._broken is None:
            _LOG.error("%s: nothing is stored until the file was read through and opened anew", told)
        self._broken = told
        if told.code != "store.corrupt" and self._mending is None:
            self._mending = asyncio.get_running_loop().call_later(self._pause_s, self._mend)
            self._pause_s = min(2 * self._pause_s, MEND_S[1])

    def _mend(self) -> None:
        self._mending = None
        if self._checkpoint is not None:  # it ends first
            self._distrust(self._broken or _closed())
        elif self._background:
            self._mending = asyncio.get_running_loop().run_in_executor(None, self._file.settle)
            self._mending.add_done_callback(self._settled)
        else:
            try:
                self._file.settle(self._connection)
            except (apsw.Error, WeftError) as error:
                self._reopened(error)
            else:
                self._reopened(None)

    def _settled(self, done: "asyncio.Future[None]") -> None:
        self._mending = None
        if not done.cancelled():
            self._reopened(done.exception())

    def _reopened(self, error: BaseException | None) -> None:
        """The file is sound and a new connection takes over; or it is tried again later."""
        if self._over:
            return
        try:
            if error is not None:
                raise error
            self._file.reopen(alone=not self._background)
        except apsw.Error as still:
            before = self._broken if isinstance(still, apsw.BusyError) else None  # somebody reads: it must wait
            self._distrust(before or fault(still, self._file.path))
            return
        except WeftError as still:
            self._distrust(still)
            return
        self._connection = self._file.connection
        self._cursor = self._connection.cursor()
        self._connection.set_wal_hook(self._wal_grew)
        self._wal_pages, self._erased, self._pause_s, self._broken, self._refused = 0, False, MEND_S[0], None, None
        _LOG.warning("%s was read through and opened anew after the disk had failed: it is sound", self._file.path)

    def _apply_all(self, batches: Sequence[Batch]) -> None:
        """Apply ``batches``, of which only the last takes anything away, as if one after the other."""
        grown: list[tuple[Any, ...]] = []
        for batch in batches:
            if not _grows(batch):
                self._apply_threads(batch)
                continue
            row = batch.threads[0]
            grown.append((row.machine, row.members, " ".join(row.heads), row.fold, row.length, row.thread,
                          batch.lengths[row.thread]))
        if grown:
            before = self._connection.total_changes()
            self._cursor.executemany(self._sql["grow_thread"], grown)
            if self._connection.total_changes() - before != len(grown):
                raise StoreConflict(grown[0][-2])
        for name, statement, columns in _STEPS:
            rows = [row for batch in batches for row in getattr(batch, name)]
            if rows:
                self._cursor.executemany(self._sql[statement], map(columns, rows) if columns else rows)
        for batch in batches:
            self._apply_values(batch)

    def _apply(self, batch: Batch) -> None:
        self._apply_all([batch])

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

    # ---- checkpoints: a thread copies most of the WAL, the loop the few pages written meanwhile; then it starts anew

    def _wal_grew(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _care_for_wal(self) -> None:
        if self._erased and self._checkpoint is None:
            self._empty_wal()
            return
        if self._wal_pages < WAL_PAGES_CHECKPOINT or self._checkpoint is not None:
            return
        if self._background:
            self._checkpoint = asyncio.get_running_loop().run_in_executor(None, self._file.checkpoint)
            self._checkpoint.add_done_callback(self._checkpointed)
        else:
            self._finish_checkpoint()

    def _empty_wal(self) -> None:
        """What was erased is not left in the WAL either; tried again with the next commit while somebody reads."""
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._erased, self._wal_pages = False, 0
        except apsw.Error as error:
            self._checkpoint_failed(error)

    def _checkpointed(self, done: asyncio.Future[int]) -> None:
        self._checkpoint = None
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or self._broken is not None:
            return
        if error is None and self._wal_pages - done.result() > WAL_PAGES_LEFT and self._wal_pages < WAL_PAGES_MAX:
            self._care_for_wal()
        elif error is None:
            self._finish_checkpoint()
        else:
            self._checkpoint_failed(error)

    def _finish_checkpoint(self) -> None:
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            self._checkpoint_failed(error)

    def _checkpoint_failed(self, error: BaseException) -> None:
        """Without room, or with another at work, the WAL just grows on; anything else is a failing disk."""
        if isinstance(error, apsw.Error) and not isinstance(error, apsw.BusyError | apsw.FullError):
            self._distrust(fault(error, self._file.path))

    async def size(self) -> int:
        """Bytes of the file once all that is stored is in it; what is free in it counts, too."""
        pages, each = self._connection.pragma("page_count"), self._connection.pragma("page_size")
        return int(pages) * int(each)

    async def check(self) -> str:
        """What SQLite finds wrong with the whole file, or ``ok``; reads all of it, in a thread."""
        return await asyncio.to_thread(self._file.check)

    async def backup(self, path: str, told: sqlite_copy.Told = lambda _done, _all: None) -> None:
        """Copy all that is stored at this moment to the new file ``path``, in a thread."""
        await asyncio.to_thread(sqlite_copy.copy, self._file.path, path, told)

    async def close(self) -> None:
        """Write what waits, wait for the background threads, let go of the file."""
        self._group.drain()
        if self._checkpoint is not None:
            await asyncio.wait([self._checkpoint])
        self._over, mending = True, self._mending
        if isinstance(mending, asyncio.Future):
            await asyncio.wait([mending])
        elif mending is not None:
            mending.cancel()
        self._broken = self._broken or _closed()
        self._file.close()

    def crash(self, *, durable: bool = False) -> None:
        """Power is gone: what nobody was told is stored is lost, or (``durable``) stored all the same."""
        waiting = self._group.drop()
        if durable and waiting:
            self._write(waiting)
        self._over, self._broken = True, _closed()
        if isinstance(self._mending, asyncio.Handle):
            self._mending.cancel()
        self._file.close()

    # ---- reading: the port says what each gives, and in which order

    def _rows(self, name: str, *values: Any) -> list[Any]:
        try:
            return self._cursor.execute(self._sql[name], values).fetchall()
        except apsw.Error as error:
            raise fault(error, self._file.path) from error
        except UnicodeDecodeError as error:  # text that is none
            raise Invalid("store.corrupt", path=self._file.path) from error

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


def _closed() -> WeftError:
    return Unavailable("store.unavailable", reason="closed")


def _thread(thread: str, machine: str, members: bytes, heads: str, fold: bytes, length: int) -> ThreadRow:
    return ThreadRow(thread, machine, members, tuple(heads.split()), fold, length)
