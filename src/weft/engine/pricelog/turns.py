"""Whose turn it is: each partner once in a while, one with whom it failed soon again, ever less often.

Rule 1: after a failure the pause is ``FIRST_MS``, and doubles up to the usual one; each is drawn from its second half,
        so that those who failed together do not come back together.
Rule 2: who failed and is heard again has its turn at once, and once: what goes on failing while the partner talks to us
        is no reason to ask it all the time.
Rule 3: a clock that went back puts nothing off.
Not here: what is done with a turn (``witnessing.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

FIRST_MS: Final = 60_000
SCALE: Final = 1 << 32


class Failed(NamedTuple):
    """How often in a row it failed, when last, until when it rests, and whether hearing the partner has hurried it."""

    times: int
    at_ms: int
    due_ms: int
    hurried: bool


@dataclass(slots=True)
class Turns:
    """``every_ms``: the usual pause, and the longest; ``random``: so many random bytes."""

    every_ms: int
    random: Callable[[int], bytes]
    last_ms: dict[str, int] = field(default_factory=dict)
    failures: dict[str, Failed] = field(default_factory=dict)

    def is_due(self, partner: str, now_ms: int, heard_ms: int = 0) -> bool:
        """Whether ``partner``, whom we heard at ``heard_ms`` last (0: never), has its turn."""
        failed = self.failures.get(partner)
        if failed is not None:
            return ((heard_ms > failed.at_ms and not failed.hurried)
                    or not 0 < failed.due_ms - now_ms <= self.every_ms)
        last = self.last_ms.get(partner)
        return last is None or not 0 <= now_ms - last < self.every_ms

    def done(self, partner: str, now_ms: int) -> None:
        """It went well."""
        self.failures.pop(partner, None)
        self.last_ms[partner] = now_ms

    def failed(self, partner: str, now_ms: int, heard_ms: int = 0) -> None:
        """It failed; ``heard_ms`` as it was when the turn began."""
        before = self.failures.get(partner)
        count = 1 if before is None else before.times + 1
        hurried = before is not None and (before.hurried or heard_ms > before.at_ms)
        pause_ms = min(self.every_ms, FIRST_MS * 2 ** min(count - 1, 16))
        drawn = int.from_bytes(self.random(4), "big")
        self.failures[partner] = Failed(count, now_ms, now_ms + max(1, pause_ms * (SCALE + drawn) // (2 * SCALE)),
                                        hurried)

    def now(self, partner: str) -> None:
        """``partner`` has its turn now, whatever was before."""
        self.failures.pop(partner, None)
        self.last_ms.pop(partner, None)
