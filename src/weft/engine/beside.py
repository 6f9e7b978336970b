"""What is made beside its place and moved there at the end: by one process at a time.

Rule 1: who comes second is told so: neither gets the other's half, nor takes it for his own whole.
Rule 2: what a killed process has left goes first; what is made is a new file, whatever lay there under its name.
Not here: what is made (``export.py``, ``weft/backup.py``, ``launch.py``, ``cli/carrying.py``).
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from weft.basis.errors import Refused

SNAPSHOT: Final = ".snapshot-"  # how the folders of a home begin that hold copies of what is in it, for a while


@contextlib.contextmanager
def alone(partial: Path, place: Path, *, folder: bool = False, mode: int = 0o600) -> Iterator[None]:
    """A new and empty ``partial`` in which ``place`` is made; what of it was not moved away goes at the end.

    Raises ``Refused('place.busy')`` while another process makes the same, and ``OSError``.
    """
    _clear(partial, place)
    try:
        if folder:
            partial.mkdir(mode=0o700)
        else:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    except FileExistsError as error:
        raise Refused("place.busy", path=str(place)) from error
    held = _held(partial, place)
    try:
        yield
    finally:
        if _is_at(held, partial):
            _remove(partial)
        os.close(held)


def _clear(partial: Path, place: Path) -> None:
    """Take away what nobody holds (any more)."""
    if partial.is_symlink():
        partial.unlink()
    with contextlib.suppress(FileNotFoundError):
        left = _held(partial, place)
        try:
            _remove(partial)
        finally:
            os.close(left)


def _held(partial: Path, place: Path) -> int:
    """``partial``, held by us alone as long as this file is open."""
    held = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not _locked(held) or not _is_at(held, partial):  # else somebody has just made another one
        os.close(held)
        raise Refused("place.busy", path=str(place))
    return held


def _locked(held: int) -> bool:
    with contextlib.suppress(OSError):  # a file system may know no locks
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_at(held: int, partial: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), partial.lstat())
    except FileNotFoundError:
        return False


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)
