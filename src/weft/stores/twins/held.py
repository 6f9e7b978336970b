"""Rows that were read lately, held in memory up to so many bytes.

Rule 1: whoever writes anything forgets them all: nothing that is held is older than what stands.
Not here: what is read and written (``store.py``).
"""

from collections import OrderedDict
from typing import Final

from weft.engine.twins.ports import Kind, Row

HELD_BYTES: Final = 16 * 1024 * 1024
_EACH: Final = 500  # what a row takes beside its body, about


class Held:
    """Forgets what was asked for longest ago first."""

    def __init__(self, most: int = HELD_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._rows: OrderedDict[tuple[Kind, str], Row] = OrderedDict()

    def get(self, kind: Kind, id: str) -> Row | None:
        """The row, if it is held."""
        row = self._rows.get((kind, id))
        if row is not None:
            self._rows.move_to_end((kind, id))
        return row

    def put(self, row: Row) -> None:
        """Hold a row that is not held."""
        self._rows[row.kind, row.id] = row
        self._bytes += len(row.body) + _EACH
        while self._bytes > self._most:
            self._bytes -= len(self._rows.popitem(last=False)[1].body) + _EACH

    def forget(self) -> None:
        """Rule 1."""
        if self._rows:
            self._rows.clear()
            self._bytes = 0
