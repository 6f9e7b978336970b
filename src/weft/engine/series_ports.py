"""What the engine asks of a store of machine values over time: append, read a span, say what there is, forget.

Rule 1: every call blocks and belongs in a thread; one at a time writes, one at a time reads.
Rule 2: what ``append`` was given is durable when it returns, all of it or nothing.
Not here: the engine (``stores/series.py``), which values are kept (``series.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from weft.shopfloor.series import Interval, Point
from weft.shopfloor.timeline import Doing

Row = tuple[str, str, Point]  # machine, property, point


class Span(msgspec.Struct, frozen=True):
    """What there is of a machine: instants (ms) of the first and the last point, and how many there are."""

    first_ms: int
    last_ms: int
    count: int


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Values sealed into a file: of [begin, until), ``first`` to ``last`` (ms); ``digest`` over what they say.

    ``file``: its place; ``event``: what signs for it in the floor book, "" until it is said.
    """

    number: int
    machine: str
    begin: int
    until: int
    first: int
    last: int
    count: int
    bytes: int
    file: str
    digest: str
    event: str = ""


class Moments(NamedTuple):
    """Points in order of time as (place of the name, point); ``go_on``: where the next begin (ms), None: no more."""

    points: list[tuple[int, Point]]
    go_on: int | None


class Followed(NamedTuple):
    """Until where the floor book was read ("" and -1: not at all), and what each machine does as far as is known."""

    event: str
    position: int
    doings: dict[str, Doing]


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

    def seal(self, before_ms: int) -> bool:
        """Seal some of what is older; whether there is more. What it was about when cut off, it repeats."""

    def unsaid(self, after: int, most: int) -> list[tuple[Segment, tuple[str, ...]]]:
        """Segments behind number ``after`` for which nobody signs yet, with their properties; a writing call."""

    def signed(self, number: int, event: str) -> None:
        """``event`` signs for a segment."""

    def segments(self, machine: str, begin: int, end: int) -> list[Segment]:
        """Segments that touch a span, oldest first."""

    def proven(self, segment: Segment) -> str:
        """What the file of a segment comes to now: its digest. Raises ``WeftError`` when it cannot be read."""

    def pack(self) -> None:
        """Make all that was appended ready to be taken along; a writing call."""

    def parquet(self, target: str, machine: str, names: Sequence[str], span: tuple[int, int]) -> int:
        """Write all packed points of a span into one Parquet file; how many there are."""

    def followed(self) -> Followed:
        """How far the floor book was read; a writing call."""

    def follow(self, doings: Sequence[tuple[str, Doing]], event: str, position: int) -> None:
        """What machines did, in order, as the book says until ``event``; an empty one: it is read anew."""

    def doings(self, machine: str, span: tuple[int, int]) -> list[Doing]:
        """What a machine did within a span, and what held when it began."""

    def lives(self, span: tuple[int, int]) -> list[tuple[int, int | None]]:
        """When somebody listened within a span: begin, and end (the last of all goes on)."""

    def forget(self, before_ms: int) -> int:
        """Let go of chunks and segments that end before; how many went."""

    def oldest(self, share: float) -> int:
        """The instant before which the oldest ``share`` of all that there is ends; 0 when there is nothing."""

    def size(self) -> tuple[int, int]:
        """Bytes in use, with those of segments, and bytes that are free to be used again; a writing call."""

    def mend(self) -> None:
        """After the disk failed: read the file through and open it anew; raises ``WeftError`` while it fails."""

    def close(self) -> None:
        """Let go of the file."""
