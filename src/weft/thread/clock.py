"""The hybrid logical clock in a header's ``h``: 48 bits of milliseconds, 16 bits of counter, as hex.

Kulkarni et al. 2014.
Rule 1: it is for display and hints; it never decides a right.
Rule 2: whatever a member puts there, the others can go on: a reading never leaves its 16 digits.
"""

from collections.abc import Iterable
from typing import Final

LAST: Final = 2**64 - 1


def tick(now_ms: int, seen: Iterable[str]) -> str:
    """A reading above all ``seen`` and not below ``now_ms``; at the end of the scale it stands still (Rule 2)."""
    latest = max((int(reading, 16) for reading in seen), default=0)
    present = max(now_ms, 0) << 16
    return format(min(present if present > latest else latest + 1, LAST), "016x")


def milliseconds(reading: str) -> int:
    """The milliseconds of ``reading``."""
    return int(reading, 16) >> 16
