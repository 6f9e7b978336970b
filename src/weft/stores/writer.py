"""One SQLite file with one writer: groups, checkpoints in the background, and care after the disk has failed.

WAL with ``synchronous=FULL``; commits of one moment share a transaction (``group.py``), written in the
event loop, where short reads happen too; the WAL is checkpointed by a thread in the background.
Rule 1: a group is written together; if one batch conflicts, the group is written anew with a savepoint
        around each batch, so that the conflicting one goes alone and its neighbours stay.
Rule 2: after an input/output error nothing is written until the file was read through and opened anew
        (``sqlite_file.settle``): fsync may have lost pages that it reported once. What failed is then not there.
Rule 3: a full disk refuses a group and changes nothing else: reading goes on, and writing once there is room.
Rule 4: reads run on the writer's connection between groups, so they see every commit that returned.
Not here: what a batch is and how it is applied (``sqlite.py``, ``twins/``), opening, locks, migrations
(``sqlite_file.py``).
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import apsw

from weft.basis.errors import Invalid, Unavailable, WeftError
from weft.engine.ports import StoreConflict
from weft.stores import sqlite_copy
from weft.stores.group import GroupCommit
from weft.stores.sqlite_file import MAIN, DatabaseFile, fault
from weft.stores.statements import queries

WAL_PAGES_CHECKPOINT: Final = 2_000  # about 8 MB: the background thread starts to copy
WAL_PAGES_LEFT: Final = 500  # about 2 MB: few enough for the loop to copy
WAL_PAGES_MAX: Final = 16_000  # about 64 MB: the loop copies whatever is left

MEND_S: Final = (0.2, 30.0)  # until the file is opened anew after the disk failed: the first and the longest pause
_LOG: Final = logging.getLogger("weft.store")
_REFUSED: Final = (apsw.ConstraintError, apsw.MismatchError)  # what SQLite says of one batch, and not of the disk
B = TypeVar("B")


class Writer(ABC, Generic[B]):
    """What is common to the stores on disk; each says what a batch ``B`` is and how it is applied.

    ``background`` false keeps checkpoints in the loop too, for a simulation without threads. ``reading`` opens the
    file beside a running node: everything can be read, nothing committed.
    """

    def __init__(self, path: str, *, dialect: str = MAIN, background: bool = True, reading: bool = False) -> None:
        self._file = DatabaseFile(path, dialect=dialect, reading=reading)
        self._connection = self._file.connection
        self._cursor = self._reader = self._connection.cursor()
        self._sql = queries(dialect)
        self._group: GroupCommit[B] = GroupCommit(self._write)
        self._background = background and not self._file.in_memory
        self._checkpoint: asyncio.Future[int] | None = None
        self._wal_pages = 0
        self._erased = not reading  # an earlier life may have died before what it erased had left the WAL
        self._broken: WeftError | None = Unavailable("store.reading", path=path) if reading else None
        self._refused: WeftError | None = None
        self._mending: asyncio.Handle | asyncio.Future[None] | None = None
        self._pause_s = MEND_S[0]
        self._over = False
        self._connection.set_wal_hook(self._wal_grew)

    @property
    def path(self) -> str:
        """The database file."""
        return self._file.path

    # ---- writing

    @abstractmethod
    def _apply_group(self, batches: Sequence[B]) -> None:
        """Apply all of ``batches``, as if one after the other; raises when it cannot."""

    @abstractmethod
    def _apply(self, batch: B) -> None:
        """Apply one batch; raises when it cannot."""

    def _erases(self, batch: B) -> bool:  # noqa: ARG002 - for stores that erase
        """Whether ``batch`` takes away what must not be left in the WAL either."""
        return False

    async def _commit(self, batch: B) -> None:
        if self._broken is not None:
            raise self._broken
        await self._group.commit(batch)

    def _write(self, batches: Sequence[B]) -> Sequence[Exception | None]:
        if self._broken is not None:
            raise self._broken
        try:
            outcomes = self._together(batches) or self._one_by_one(batches)
        except apsw.Error as error:
            raise self._give_up(error) from error
        self._refused = None
        self._erased = self._erased or any(self._erases(batch) for batch in batches)
        self._care_for_wal()
        return outcomes

    def _together(self, batches: Sequence[B]) -> Sequence[Exception | None] | None:
        """One transaction for all, or None (and nothing written) when some batch cannot be applied."""
        self._cursor.execute("BEGIN IMMEDIATE")
        try:
            self._apply_group(batches)
        except apsw.Error as error:
            if not isinstance(error, _REFUSED):
                raise
            self._cursor.execute("ROLLBACK")
            return None
        except Exception:  # noqa: BLE001 - whatever one batch meets, the others are written
            self._cursor.execute("ROLLBACK")
            return None
        self._cursor.execute("COMMIT")
        return [None] * len(batches)

    def _one_by_one(self, batches: Sequence[B]) -> Sequence[Exception | None]:
        outcomes: list[Exception | None] = []
        self._cursor.execute("BEGIN IMMEDIATE")
        for batch in batches:
            self._cursor.execute("SAVEPOINT batch")
            try:
                self._apply(batch)
                outcomes.append(None)
            except apsw.ConstraintError as error:
                outcomes.append(StoreConflict(str(error)))
            except apsw.Error as error:
                if not isinstance(error, _REFUSED):
                    raise
                outcomes.append(error)
            except Exception as error:  # noqa: BLE001 - handed to who awaits it
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
        self._cursor = self._reader = self._connection.cursor()
        self._connection.set_wal_hook(self._wal_grew)
        self._wal_pages, self._erased, self._pause_s, self._broken, self._refused = 0, False, MEND_S[0], None, None
        _LOG.warning("%s was read through and opened anew after the disk had failed: it is sound", self._file.path)

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
        if self._connection.in_transaction:  # a long commit has its turn; the next look comes after it
            return
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
        connection = self._reader.connection
        pages, each = connection.pragma("page_count"), connection.pragma("page_size")
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

    # ---- reading

    def _rows(self, name: str, *values: Any) -> list[Any]:
        return self._read(self._sql[name], values)

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self._reader.execute(sql, values).fetchall()
        except apsw.Error as error:
            raise fault(error, self._file.path) from error
        except UnicodeDecodeError as error:  # text that is none
            raise Invalid("store.corrupt", path=self._file.path) from error


def _closed() -> WeftError:
    return Unavailable("store.unavailable", reason="closed")
