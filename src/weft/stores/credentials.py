"""Credentials of those who are told of changes: one file of the home for each, which only its owner can read.

Rule 1: a file is whole or not there, and its content is nowhere else: not in the settings, the database or a log.
Not here: what is in it (``engine/twins/subscriptions.py``).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from weft.basis.errors import Unavailable
from weft.stores.archive import settle


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files in ``folder``; implements ``engine.twins.subscriptions.Safe``."""

    folder: Path

    def _path(self, id: str) -> Path:
        return self.folder / f"events.{id}.json"

    def read(self, id: str) -> bytes | None:
        """What was written; None when there is no such file."""
        try:
            return self._path(id).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable("twin-event.credentials-unreadable", path=str(self._path(id))) from error

    def write(self, id: str, content: bytes) -> None:
        """Keep ``content`` in safety before anything depends on it."""
        path = self._path(id)
        partial = path.with_name(path.name + ".partial")
        try:
            partial.unlink(missing_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            settle(self.folder)
        except OSError as error:
            raise Unavailable("twin-event.credentials-unreadable", path=str(path)) from error

    def remove(self, id: str) -> None:
        """Take it away."""
        self._path(id).unlink(missing_ok=True)
