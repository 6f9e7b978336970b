"""Outcomes that may be asked for later, each under a handle that nobody guesses and nobody else may use.

Rule 1: at most ``KEPT`` are kept, the oldest go first; a node that was stopped knows none of before.
Rule 2: who did not begin it is told what is told of a handle that there is not.
Not here: what was done (``operations.py``, the bulk door).
"""

import secrets
from collections import OrderedDict
from typing import Any, Final

KEPT: Final = 1000


class Handles:
    """What came, or is to come, of something that somebody began."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, Any]] = OrderedDict()

    def keep(self, outcome: Any, who: str) -> str:
        """The handle under which ``who`` finds ``outcome``."""
        handle = secrets.token_urlsafe(16)
        self._kept[handle] = (who, outcome)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return handle

    def get(self, handle: str, who: str) -> tuple[Any] | None:
        """The outcome in a tuple of one (it may be None itself); None for a handle that ``who`` does not have."""
        found = self._kept.get(handle)
        return (found[1],) if found is not None and found[0] == who else None
