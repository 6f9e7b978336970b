"""A copy of a database as it is at one moment, while a node goes on writing to it.

SQLite's online backup inside one read transaction: in WAL mode its pages stay as they were, so that the copy is of one
moment however long it takes, and the writer never waits.
Not here: what else belongs to a backup (``weft/backup.py``).
"""

import contextlib
import os
from collections.abc import Callable
from typing import Final

import apsw

from weft.basis.errors import Invalid
from weft.stores.sqlite_file import BUSY_MS, fault

PAGES: Final = 2_048  # about 8 MB between two looks at the progress
Told = Callable[[int, int], None]


def copy(path: str, target: str, told: Told = lambda _done, _all: None) -> None:
    """Copy the database ``path`` to the new file ``target``; ``told`` gets pages done and all; raises ``WeftError``."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        source = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as error:
        raise fault(error, path) from error
    kept = apsw.Connection(target)
    try:
        with kept:
            source.set_busy_timeout(BUSY_MS)
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # the moment
            with kept.backup("main", source, "main") as work:
                while not work.done:
                    work.step(PAGES)
                    told(work.page_count - work.remaining, work.page_count)
            source.execute("ROLLBACK")
        kept.pragma("journal_mode", "delete")  # one file, without a WAL beside it
        if str(kept.pragma("integrity_check")) != "ok":
            raise Invalid("store.corrupt", path=path)
        kept.close()
    except apsw.Error as error:
        raise fault(error, path) from error
    finally:
        source.close(True)
        with contextlib.suppress(apsw.Error):
            kept.close(True)
