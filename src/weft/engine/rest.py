"""Until when nothing of what waits is due, so that a regular task need not look through all of it.

Rule 1: a clock that went back puts nothing off.
Not here: what waits, and when it is due (``pricelog/checking.py``).
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Rest:
    """From ``at_ms`` until ``until_ms`` nothing is due."""

    at_ms: int = 0
    until_ms: int = 0

    def lasts(self, now_ms: int) -> bool:
        """Whether nothing is due now."""
        return self.at_ms <= now_ms < self.until_ms

    def ends(self, due_ms: int) -> None:
        """Something is due at ``due_ms``."""
        self.until_ms = min(self.until_ms, due_ms)
