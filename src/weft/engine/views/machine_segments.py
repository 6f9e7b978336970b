"""What was sealed of a machine's values, and whether it still is what the firm signed for.

Rule 1: the event is the truth: digest, span and count are its own, once its signature holds; the list of files only
        says where to look. Where there is no list any more, the book is read through.
Rule 2: what cannot be read is told as such; it is neither proven nor changed.
Not here: the events (``engine/value_evidence.py``), a file that somebody brings (``cli/history_proof.py``).
"""

from typing import Any, Final

from weft.basis.errors import NotFound, WeftError
from weft.engine import value_evidence
from weft.engine.series_ports import Segment
from weft.engine.views.machine_values import moment
from weft.engine.views.shape import View
from weft.shopfloor.sealing import ValuesSealed

PAGE: Final = 20  # files that are read for one answer
MOST: Final = 5_000
PROVEN, CHANGED, MISSING, UNREADABLE, UNSIGNED, SIGNED = (
    "proven", "changed", "missing", "unreadable", "unsigned", "signed")


class SegmentView(View, frozen=True, kw_only=True):
    """One span (ms). ``state``: signed (not looked at), proven, changed, missing, unreadable or unsigned."""

    begin: int
    until: int
    count: int
    digest: str
    event: str = ""
    file: str = ""
    state: str = SIGNED
    properties: tuple[str, ...] = ()


class SegmentsView(View, frozen=True, kw_only=True):
    """Segments of a span, oldest first; ``go_on``: where the next page begins (ms)."""

    machine: str
    segments: tuple[SegmentView, ...]
    go_on: int | None = None


async def machine_segments(node: Any, machine: str, begin: str = "", end: str = "", check: str = "") -> SegmentsView:
    """What was sealed between two instants (or ms); with ``check`` each file is read and held against its event."""
    if machine not in (await node.state(node.book("floor"))).machines:
        raise NotFound("floor.machine-unknown", machine=machine[:80])
    since, until = moment(begin) if begin else 0, moment(end) if end else 1 << 44
    listed: list[Segment] = []
    if node.history is not None and node.history.kept:
        listed = await node.history.segments(machine, since, until)
    most = PAGE if check else MOST
    if listed:
        rows = [await _seen(node, one, bool(check)) for one in listed[:most]]
        return SegmentsView(machine=machine, segments=tuple(rows),
                            go_on=listed[most].begin if len(listed) > most else None)
    found = await value_evidence.told(node, machine, since, until)
    return SegmentsView(machine=machine, segments=tuple([await _of_event(node, *one) for one in found[:MOST]]))


async def _of_event(node: Any, event: str, told: ValuesSealed) -> SegmentView:
    """A segment of which only the event is left."""
    try:
        await value_evidence.signed(node, event)
    except WeftError:
        return _row(told, event, "", UNSIGNED)
    return _row(told, event, "", SIGNED)


def _row(told: ValuesSealed, event: str, file: str, state: str) -> SegmentView:
    return SegmentView(begin=told.begin, until=told.until, count=told.count, digest=told.digest, event=event, file=file,
                       properties=told.properties, state=state)


async def _seen(node: Any, segment: Segment, check: bool) -> SegmentView:  # noqa: FBT001 - of one caller
    try:
        told = await value_evidence.signed(node, segment.event)
    except WeftError:
        return SegmentView(begin=segment.begin, until=segment.until, count=segment.count, digest=segment.digest,
                           file=segment.file, state=UNSIGNED)
    if not check:
        return _row(told, segment.event, segment.file, SIGNED)
    own = (told.machine, told.begin, told.until) == (segment.machine, segment.begin, segment.until)
    try:
        held = await node.history.proven(segment)
    except WeftError as error:
        state = MISSING if error.code == "history.file-missing" else \
            CHANGED if error.code == "history.file-of-other" else UNREADABLE
        return _row(told, segment.event, segment.file, state)
    return _row(told, segment.event, segment.file, PROVEN if own and held == told.digest else CHANGED)
