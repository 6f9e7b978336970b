"""The hybrid logical clock in a header's ``h``: 48 bits of milliseconds, 16 bits of counter, as hex.

Kulkarni et al. 2014. Rule 1: it is for display and hints; it never decides a right.
"""

from collections.abc import Iterable


def tick(now_ms: int, seen: Iterable[str]) -> str:
    """A reading above all ``seen`` and not below ``now_ms``."""
    latest = max((int(reading, 16) for reading in seen), default=0)
    present = now_ms << 16
    return format(present if present > latest else latest + 1, "016x")


def milliseconds(reading: str) -> int:
    """The milliseconds of ``reading``."""
    return int(reading, 16) >> 16
