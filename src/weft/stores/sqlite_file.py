"""One SQLite file: opened, locked for one node, migrated, checkpointed, closed.

Rule 1: one node at a time: a lock file beside the database is held as long as it is open (it ends with
        the process, however that ends); readers such as backup tools stay welcome.
Rule 2: a database of a newer Weft is left untouched.
Rule 3: a schema other than our own is refused before anything else is read: views and triggers run whoever reads or
        writes them.
Not here: what is stored (``sqlite.py``).
"""

import contextlib
import os
from collections.abc import Sequence
from typing import Final

import apsw

from weft.basis.errors import Invalid, Unavailable, WeftError
from weft.stores.statements import Migration, migrations

APPLICATION_ID: Final = 0x57656674  # "Weft"
MAIN: Final = "sqlite"  # the schema of the node's own database: the folder of its SQL
MEMORY: Final = ":memory:"
BUSY_MS: Final = 250
MMAP_BYTES: Final = 256 * 1024 * 1024
WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
_MIGRATIONS: Final = "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"


def fault(error: apsw.Error, path: str) -> WeftError:
    """The error for callers behind what SQLite says."""
    match error:
        case apsw.CorruptError() | apsw.NotADBError():
            return Invalid("store.corrupt", path=path)
        case apsw.BusyError() | apsw.LockedError() | apsw.ReadOnlyError() | apsw.CantOpenError():
            return Unavailable("store.locked", path=path)
        case apsw.FullError():
            return Unavailable("store.full", path=path)
        case _:
            return Unavailable("store.unavailable", path=path, reason=str(error)[:120])


class DatabaseFile:
    """The ``connection`` and what belongs to the file as a whole; with ``reading`` beside a running node, too.

    ``dialect`` names the schema; the path ":memory:" is a database of this connection alone, for tests.
    """

    def __init__(self, path: str, *, dialect: str = MAIN, reading: bool = False) -> None:
        self.path = path
        self.in_memory = path == MEMORY
        self._dialect = dialect
        self._lock = None if reading or self.in_memory else _lock(path)
        try:
            self.connection = _open_to_read(path) if reading else _open(path)
            if reading and not check_version(self.connection, path, migrations(dialect)):
                raise Invalid("store.corrupt", path=path)
            if not reading:
                # A new file is made with a rollback journal. Were its deletion not durable, a cut could bring it back
                # later, and would roll back what was stored since.
                self.connection.pragma("synchronous", "EXTRA")
                migrate(self.connection, path, migrations(dialect))
                _tune(self.connection)
        except apsw.Error as error:
            self._let_go()
            raise fault(error, path) from error
        except UnicodeDecodeError as error:
            self._let_go()
            raise Invalid("store.corrupt", path=path) from error
        except WeftError:
            self._let_go()
            raise

    def _let_go(self) -> None:
        """Leave nothing open behind a failure to open."""
        with contextlib.suppress(AttributeError, apsw.Error):  # it may have failed before there was a connection
            self.connection.close(True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def aside(self) -> apsw.Connection:
        """Another connection, which reads what is stored while the writer's own is in a transaction."""
        connection = _open_to_read(self.path)
        connection.pragma("mmap_size", MMAP_BYTES)
        return connection

    def checkpoint(self) -> int:
        """Copy the WAL into the file without stopping the writer, from another thread; gives the pages copied."""
        connection = apsw.Connection(self.path)
        try:
            connection.set_busy_timeout(BUSY_MS)
            connection.pragma("schema_version")  # before its first read a connection knows of no WAL to copy
            return connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)[1]
        finally:
            connection.close()

    def settle(self, connection: apsw.Connection | None = None) -> None:
        """After the disk failed: write all that counts into the file anew, and read the file through.

        The system may still show pages of a failed fsync that the disk never got, and call the next fsync good. What
        was acknowledged before is in the WAL and was synced; copying it writes each page once more. Then the WAL is
        cut off, so that the group which failed is gone for good. With another process reading it is tried later.
        In a thread; or with the ``connection`` of the loop where there is none. Raises ``apsw.Error``, ``Invalid``.
        """
        looking = connection or apsw.Connection(self.path)
        try:
            looking.set_busy_timeout(BUSY_MS)
            looking.pragma("schema_version")
            looking.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            if str(looking.pragma("integrity_check")) != "ok":
                raise Invalid("store.corrupt", path=self.path)
        finally:
            if connection is None:
                looking.close(True)

    def reopen(self, *, alone: bool = False) -> None:
        """A new ``connection`` in the place of one that is no longer trusted; the lock stays ours throughout.

        It is opened first, so that there is always one to read with; ``alone``: where only one can be open.
        """
        before = self.connection
        if alone:
            before.close(True)
        opened = _open(self.path)
        try:
            check_version(opened, self.path, migrations(self._dialect))
            _tune(opened)
        except (apsw.Error, WeftError):
            opened.close(True)
            raise
        self.connection = opened
        before.close(True)

    def check(self) -> str:
        """What SQLite finds wrong with the whole file, or ``ok``; reads all of it, so not in the loop."""
        connection = self.connection if self.in_memory else apsw.Connection(
            self.path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            found = str(connection.pragma("integrity_check"))
            return found if found != "ok" else _wrong_kinds(connection) or "ok"
        except (apsw.Error, UnicodeDecodeError) as error:
            return str(error)
        finally:
            if connection is not self.connection:
                connection.close()

    def close(self) -> None:
        """Let go of the file."""
        try:
            self.connection.close(True)
        finally:
            self._unlock()


def _lock(path: str) -> apsw.Connection:
    """A connection that holds the lock of ``path`` until it is closed."""
    lock: apsw.Connection | None = None
    try:
        lock = apsw.Connection(path + "-lock")
        lock.pragma("journal_mode", "memory")
        lock.execute("BEGIN EXCLUSIVE")
    except apsw.Error as error:
        if lock is not None:
            lock.close(True)
        raise fault(error, path) from error
    return lock


def _open(path: str) -> apsw.Connection:
    if path == MEMORY:
        return apsw.Connection(path)
    with contextlib.suppress(OSError):  # an unwritable place is told by SQLite in the next line
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = apsw.Connection(path)
    connection.set_busy_timeout(BUSY_MS)
    return connection


def _open_to_read(path: str) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MS)
    return connection


def _tune(connection: apsw.Connection) -> None:
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    connection.pragma("secure_delete", 1)  # what is erased is overwritten
    connection.pragma("fullfsync", 1)
    connection.pragma("checkpoint_fullfsync", 1)
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("journal_size_limit", WAL_BYTES_KEPT)
    connection.pragma("mmap_size", MMAP_BYTES)
    connection.pragma("cache_size", -16_384)
    connection.pragma("temp_store", "memory")


def check_version(connection: apsw.Connection, path: str, steps: Sequence[Migration]) -> dict[int, str]:
    """The migrations that were applied (none: a new file); raises ``Invalid`` for a newer or a foreign file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return {}
    if connection.pragma("application_id") != APPLICATION_ID or "migrations" not in tables:
        raise Invalid("store.corrupt", path=path)
    rows = connection.execute("SELECT number, checksum FROM migrations").fetchall()
    applied = {int(str(number)): str(checksum) for number, checksum in rows}
    newest = steps[-1].number
    if max(applied, default=0) > newest:
        raise Invalid("store.newer", path=path, database=max(applied), known=newest)
    changed = next((step for step in steps if applied.get(step.number, step.checksum) != step.checksum), None)
    if changed is not None:
        raise Invalid("store.migration-changed", path=path, number=changed.number)
    if _schema(connection) != _made_by([step for step in steps if step.number in applied]):
        raise Invalid("store.corrupt", path=path)
    return applied


def _schema(connection: apsw.Connection) -> set[tuple[object, ...]]:
    """Everything that ``connection`` holds beside rows; statistics of SQLite's own are none."""
    return set(connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat[1-4]'"))


def _made_by(steps: Sequence[Migration]) -> set[tuple[object, ...]]:
    """The schema to which ``steps`` lead."""
    fresh = apsw.Connection(":memory:")
    try:
        fresh.execute(_MIGRATIONS)
        for step in steps:
            fresh.execute(step.sql)
        return _schema(fresh)
    finally:
        fresh.close()


def _wrong_kinds(connection: apsw.Connection) -> str:
    """The first column that holds another kind of value than was declared: SQLite would take any; "" when none does."""
    for (table,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'").fetchall():
        for _, column, kind, needed, _, key in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            if not kind:  # those of a full-text index
                continue
            absent = "" if needed or key else "null"
            if connection.execute(
                    f'SELECT 1 FROM "{table}" WHERE typeof("{column}") NOT IN (lower(?), ?) LIMIT 1',  # noqa: S608 - our own names
                    (kind, absent)).fetchone():
                return f"{table}.{column}"
    return ""


def migrate(connection: apsw.Connection, path: str, steps: Sequence[Migration]) -> None:
    """Bring the schema up to the last of ``steps``, all of them or none."""
    applied = check_version(connection, path, steps)
    with connection:
        if not applied:
            connection.pragma("application_id", APPLICATION_ID)
            connection.execute(_MIGRATIONS)
        for step in steps:
            if step.number not in applied:
                connection.execute(step.sql)
                connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.number, step.name, step.checksum))
