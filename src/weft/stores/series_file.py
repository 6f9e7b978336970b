"""The SQLite file of machine values: one transaction at a time, each statement by name, and what a failure means.

Rule 1: after the disk failed nothing is written until the file was read through and opened anew.
Not here: what is in it (``series.py``, ``series_sealing.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import apsw

from weft.basis.errors import WeftError
from weft.stores.sqlite_file import DatabaseFile, fault
from weft.stores.statements import queries

DIALECT: Final = "series"
WAL_PAGES: Final = 256  # small, for what it takes is room that is left to the books
WAL_BYTES: Final = 1024 * 1024


class ValuesFile:
    """One database file; belongs to the thread that writes."""

    def __init__(self, path: str) -> None:
        self._file = DatabaseFile(path, dialect=DIALECT)
        self.sql = queries(DIALECT)
        self._failed = False
        self.numbers: dict[tuple[str, str], int] = {}

    def tune(self) -> None:
        """Settings of each connection that writes."""
        connection = self._file.connection
        connection.pragma("wal_autocheckpoint", WAL_PAGES)
        connection.pragma("journal_size_limit", WAL_BYTES)
        connection.pragma("secure_delete", 0)  # no secrets: what is forgotten need not be overwritten

    def number(self, machine: str, name: str) -> int:
        """The number of a series, within a transaction."""
        found = self.numbers.get((machine, name))
        if found is None:
            self.write("add_series", machine, name)
            found = self.numbers[machine, name] = self.added
        return found

    @property
    def added(self) -> int:
        """The number of what was added last."""
        return self._file.connection.last_insert_rowid()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; raises ``WeftError``, and then nothing of it was written."""
        connection = self._file.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        except apsw.Error as error:
            raise self._give_up(error) from error
        except WeftError:
            connection.execute("ROLLBACK")
            raise

    def write(self, name: str, *values: Any) -> None:
        """Carry out a statement, within a transaction."""
        self._file.connection.execute(self.sql[name], values)

    def rows(self, name: str, *values: Any) -> list[Any]:
        """What a statement gives."""
        return self._file.connection.execute(self.sql[name], values).fetchall()

    def _give_up(self, error: apsw.Error) -> WeftError:
        """What a failed transaction means."""
        if not isinstance(error, apsw.BusyError | apsw.FullError):  # these two leave the file as it was
            self._failed = True
        try:
            if self._file.connection.in_transaction:
                self._file.connection.execute("ROLLBACK")
            self.learn()
        except apsw.Error:
            self._failed = True
        return fault(error, self._file.path)

    def learn(self) -> None:
        """What the file says of its series."""
        self.numbers = {(machine, name): number for number, machine, name in self.rows("series")}

    def mend(self) -> None:
        """Rule 1, if the disk failed; raises ``WeftError`` while it still does."""
        if not self._failed:
            return
        try:
            self._file.settle()
            self._file.reopen()
            self.tune()
        except apsw.Error as error:
            raise fault(error, self._file.path) from error
        self._failed = False
        self.learn()
