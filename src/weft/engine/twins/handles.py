"""Outcomes that may be asked for later, each under a handle that nobody guesses.

Rule 1: at most ``KEPT`` are kept, the oldest go first; a node that was stopped knows none of before.
Not here: what was done (``operations.py``, the bulk door).
"""

import secrets
from collections import OrderedDict
from typing import Any, Final

KEPT: Final = 1000


class Handles:
    """What came, or is to come, of something that somebody began."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def keep(self, outcome: Any) -> str:
        """The handle under which ``outcome`` is found."""
        handle = secrets.token_urlsafe(16)
        self._kept[handle] = outcome
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return handle

    def get(self, handle: str) -> tuple[Any] | None:
        """The outcome in a tuple of one (it may be None itself); None for an unknown handle."""
        return (self._kept[handle],) if handle in self._kept else None
