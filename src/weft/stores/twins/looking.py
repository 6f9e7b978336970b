"""Statements that may take long: asked in the loop for ``QUICK_S``, then aside: in a thread, on another connection.

Rule 1: what an index answers is there at once and goes no detour; only what is not is asked anew aside.
Rule 2: aside one works at a time. A statement there ends when its time is over, when who asked has gone, and when the
    store is closed; while something is erased it waits, so that the log of the file can be cut off.
Rule 3: in memory, and for a simulation without threads, there is no other connection: the loop asks to the end.
Not here: what is asked (``paging.py``).
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import apsw

from weft.basis.errors import Invalid, Unavailable
from weft.stores.sqlite_file import fault

QUICK_S: Final = 0.01
STEPS: Final = 500  # of SQLite, between two looks at the clock in the loop
STEPS_ASIDE: Final = 20_000
Run = Callable[[str, Sequence[Any]], list[Any]]
T = TypeVar("T")


class Looking:
    """Asks one file. ``reader`` gives the connection of the loop, ``aside`` opens another; None: there is none."""

    def __init__(self, path: str, reader: Callable[[], apsw.Cursor], aside: Callable[[], apsw.Connection] | None,
                 ) -> None:
        self._path, self._reader, self._open = path, reader, aside
        self._lock = asyncio.Lock()
        self._connection: apsw.Connection | None = None
        self._stale = self._closed = self._gone = False
        self._may = threading.Event()
        self._may.set()

    def read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a statement that takes no time."""
        return self._fetched(self._reader(), sql, values)

    def quickly(self, sql: str, values: Sequence[Any]) -> list[Any] | None:
        """The rows of a statement; None where it was not done in ``QUICK_S``."""
        if self._open is None:
            return self.read(sql, values)
        cursor, until = self._reader().connection.cursor(), time.monotonic() + QUICK_S
        cursor.connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        try:
            return self._fetched(cursor, sql, values)
        except apsw.InterruptError:
            return None
        finally:
            cursor.connection.set_progress_handler(None)

    async def aside(self, work: Callable[[Run], T], seconds: float, *, asking: bool = True,
                    ) -> tuple[T | None, float]:
        """What ``work`` gives in a thread, where it may ask, and the seconds that it took; None: it takes too long.

        ``asking``: it does ask, and may be done more than once.
        """
        async with self._lock:
            begun = time.monotonic()
            if asking and self._open is None:
                return work(self.read), time.monotonic() - begun
            self._gone = False
            done = asyncio.ensure_future(asyncio.to_thread(self._work, work, begun + seconds))
            try:
                return await asyncio.shield(done), time.monotonic() - begun
            except asyncio.CancelledError:
                self._gone = True
                self._interrupt()
                await asyncio.wait([done])
                raise

    def _work(self, work: Callable[[Run], T], until: float) -> T | None:
        """In the thread."""
        if self._open is None:
            return work(self.read)
        connection = self._opened()
        connection.set_progress_handler(
            lambda: self._gone or self._closed or not self._may.is_set() or time.monotonic() > until, STEPS_ASIDE)
        try:
            while True:
                try:
                    return work(lambda sql, values: self._fetched(connection.cursor(), sql, values))
                except apsw.InterruptError:
                    if self._closed:
                        raise Unavailable("store.unavailable", reason="closed") from None
                    if self._gone or time.monotonic() > until:
                        return None
                    self._may.wait()
        finally:
            connection.set_progress_handler(None)

    def _opened(self) -> apsw.Connection:
        if self._stale:
            self._let_go()
        if self._connection is None:
            assert self._open is not None
            try:
                self._connection = self._open()
            except apsw.Error as error:
                raise fault(error, self._path) from error
        return self._connection

    def _fetched(self, cursor: apsw.Cursor, sql: str, values: Sequence[Any]) -> list[Any]:
        try:
            return cursor.execute(sql, values).fetchall()
        except apsw.InterruptError:
            raise
        except apsw.Error as error:
            raise fault(error, self._path) from error
        except UnicodeDecodeError as error:  # text that is none
            raise Invalid("store.corrupt", path=self._path) from error

    def _interrupt(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(apsw.Error):
                self._connection.interrupt()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Meanwhile nobody asks aside."""
        self._may.clear()
        self._interrupt()
        try:
            yield
        finally:
            self._may.set()

    def forget(self) -> None:
        """The file was opened anew: what was open beside it is not used again."""
        self._stale = True

    def stop(self) -> None:
        """End what is at work."""
        self._closed = True
        self._may.set()
        self._interrupt()

    async def close(self) -> None:
        """End what is at work, and let go of the file."""
        self.stop()
        async with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close(True)
        self._connection, self._stale = None, False
