"""What the engine asks of a store of machine values over time: append, read a span, say what there is, forget.

Rule 1: every call blocks and belongs in a thread; one at a time writes, one at a time reads.
Rule 2: what ``append`` was given is durable when it returns, all of it or nothing.
Not here: the engine (``stores/series.py``), which values are kept (``series.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from weft.shopfloor.series import Interval, Point

Row = tuple[str, str, Point]  # machine, property, point


class Span(msgspec.Struct, frozen=True):
    """What there is of a machine: instants (ms) of the first and the last point, and how many there are."""

    first_ms: int
    last_ms: int
    count: int


class Moments(NamedTuple):
    """Points in order of time as (place of the name, point); ``go_on``: where the next begin (ms), None: no more."""

    points: list[tuple[int, Point]]
    go_on: int | None


class SeriesStore(Protocol):
    """Numbers of machines over time. Instants in ms since 1970; spans are [begin, end)."""

    def append(self, rows: Sequence[Row], heard_ms: int) -> None:
        """Keep ``rows``; besides, that all that was heard until ``heard_ms`` is kept."""

    def points(self, machine: str, names: Sequence[str], begin: int, end: int, most: int) -> Moments:
        """About ``most`` points of a span: whole moments, and at least one of them."""

    def intervals(self, machine: str, names: Sequence[str], bounds: Sequence[int], until: int,
                  ) -> dict[str, list[Interval]]:
        """What held between ``bounds``, by name; nothing is known from ``until`` on."""

    def spans(self) -> dict[str, Span]:
        """What there is of each machine; a writing call."""

    def forget(self, before_ms: int) -> int:
        """Let go of chunks that end before; how many went."""

    def oldest(self, share: float) -> int:
        """The instant before which the oldest ``share`` of all that there is ends; 0 when there is nothing."""

    def size(self) -> tuple[int, int]:
        """Bytes in use, and bytes that are free to be used again; a writing call."""

    def mend(self) -> None:
        """After the disk failed: read the file through and open it anew; raises ``WeftError`` while it fails."""

    def close(self) -> None:
        """Let go of the file."""
