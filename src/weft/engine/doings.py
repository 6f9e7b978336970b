"""What machines did, read out of the floor book into the history of machines, page by page as it grows.

Rule 1: it can be made anew from the book at any time: where the book is not the one that was read, it is.
Rule 2: a moment is the machine's own where it is close to ours, else when we wrote it down: clocks of machines may be
        years off; of one machine the moments never go back.
Rule 3: the planned time of a piece is that of the job as it stood when it was read; later changes of a routing do not
        reach back.
Not here: what a fact changes (``shopfloor/book.py``), what follows from it all (``shopfloor/timeline.py``).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.machines import machine
from weft.engine.node import Node
from weft.engine.ports import EventRow
from weft.engine.series import History
from weft.shopfloor import book
from weft.shopfloor.binding import Seen
from weft.shopfloor.facts import Fact, JobPaused, MachineAlarmed
from weft.shopfloor.timeline import Doing
from weft.thread.event import parse

PAGE: Final = 200
PAGES: Final = 20  # at a time: values wait meanwhile
NEAR_MS: Final = 60_000
_KIND: Final = f"{book.NAME}/{book.VERSION}"


class Following:
    """Reads the floor book of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._position: int | None = None
        self._now: dict[str, Doing] = {}

    async def follow(self, history: History) -> None:
        """Take in what the book says since; raises ``WeftError``, and then it begins again where it was."""
        thread = self._node.book(book.NAME)
        position = await self._begin(thread, history) if self._position is None else self._position
        for _ in range(PAGES):
            page = await self._node.store.events(thread, position, PAGE)
            if not page:
                break
            doings = await self._read(page)
            position = page[-1].position
            self._position = None
            await history.follow(doings, page[-1].id, position)
            self._position = position
        self._position = position

    async def _begin(self, thread: str, history: History) -> int:
        told = await history.followed()
        row = await self._node.store.event(thread, told.event) if told.event else None
        if told.event and (row is None or row.position != told.position):  # rule 1
            await history.follow([], "", -1)
            self._now = {}
            return -1
        self._now = dict(told.doings)
        return told.position

    async def _read(self, page: Sequence[EventRow]) -> list[tuple[str, Doing]]:
        contents = {one.id: one.content for one in await self._node.store.payloads(
            page[0].thread, [row.id for row in page]) if one.slot == 0}
        production = await self._node.book_state("production")
        floor, found = machine(_KIND), list[tuple[str, Doing]]()
        for row in page:
            header = parse(row.header, row.signature).header
            message = floor.message(header.y, contents[row.id]) if row.id in contents else None
            if message is None:
                continue
            name = getattr(message, "machine", "")
            before = self._now.get(name)
            after = _after(before, message, production)
            if after is None:
                continue
            at = _moment(getattr(message, "at", ""), int(header.h[:12], 16))
            after = msgspec.structs.replace(after, at=max(at, before.at if before else at))
            if before is None or msgspec.structs.replace(after, at=before.at) != before:
                found.append((name, after))
                self._now[name] = after
        return found


def _after(before: Doing | None, message: Any, production: Any) -> Doing | None:
    """What a machine does after ``message``; None when it says nothing of that."""
    was = before or Doing(at=0)
    match message:
        case book.MachineAdded():
            return msgspec.structs.replace(was, known=True)
        case book.MachineRemoved():
            return msgspec.structs.replace(was, known=False)
        case _ if not isinstance(message, Fact):
            return None
    seen = book.heard(Seen(job=was.job, phase=was.phase, good=was.good, scrap=was.scrap, alarm=was.alarm,
                           lost=was.lost), message)
    text = _why(was, seen, message)
    item, run_ms = (was.item, was.run_ms) if seen.job == was.job and was.run_ms else _planned(production, seen.job)
    return msgspec.structs.replace(was, job=seen.job, phase=seen.phase, good=seen.good, scrap=seen.scrap,
                                   alarm=seen.alarm, lost=seen.lost, text=text, item=item, run_ms=run_ms)


def _why(was: Doing, seen: Seen, message: Any) -> str:
    """Because of what a machine stands, in the machine's words where it has some."""
    if isinstance(message, MachineAlarmed):
        return message.text or message.code
    if isinstance(message, JobPaused) and message.alarm and message.alarm != was.alarm:
        return message.alarm
    return was.text if seen.alarm or seen.phase == "paused" else ""


def _planned(production: Any, job: str) -> tuple[str, int]:
    """What a job makes, and how long a piece should take (ms)."""
    known = production.jobs.get(job)
    return (known.item, round(Decimal(known.run_s) * 1000)) if known is not None else ("", 0)


def _moment(told: str, written: int) -> int:
    """Rule 2."""
    try:
        at = instant.to_ms(told) if told else written
    except Invalid:
        return written
    return at if abs(at - written) <= NEAR_MS else written
