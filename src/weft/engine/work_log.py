"""What people reported, read from the production book: once, then as it grows.

Rule 1: it is derived and never stored; a node that has just started reads the book from its beginning, once.
Rule 2: bounded: beyond ``ENTRIES_MAX`` the oldest are forgotten, and the book is read anew for a period before them.
Not here: sums (``production/wages.py``), pages of them (``views/wages.py``).
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from weft.basis import instant
from weft.engine.memory import Memory
from weft.engine.threads import entry_of
from weft.production.messages import JobAborted, JobEnded
from weft.production.reported import WorkReported, WorkSettled
from weft.production.wages import Over

ENTRIES_MAX: Final = 300_000
PAGE: Final = 2_000
ALL: Final = 1 << 60
_WANTED: Final = tuple(f'"y":"{kind.__name__}"'.encode() for kind in (WorkReported, WorkSettled, JobEnded, JobAborted))


@dataclass(slots=True)
class WorkLog:
    """Entries, verdicts and ends of jobs, up to the production book's event at ``position``."""

    most: int = ENTRIES_MAX
    position: int = -1
    entries: dict[str, WorkReported] = field(default_factory=dict)
    settled: dict[str, WorkSettled] = field(default_factory=dict)
    overs: list[Over] = field(default_factory=list)
    forgotten: str = ""  # the newest instant of which an entry was forgotten
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def since(self, memory: Memory, begin: int) -> "WorkLog":
        """This log, read to its end, or one that reaches back to ``begin`` (ms)."""
        await self._read_on(memory)
        if not self.forgotten or begin > instant.to_ms(self.forgotten):
            return self
        whole = WorkLog(most=ALL)
        await whole._read_on(memory)
        return whole

    async def _read_on(self, memory: Memory) -> None:
        async with self._reading:
            loaded = await memory.loaded(memory.book("production"))
            while rows := await memory.store.events(loaded.thread, self.position, PAGE):
                self.position = rows[-1].position
                wanted = [row for row in rows if any(mark in row.header for mark in _WANTED)]
                for event in await memory.with_payloads(loaded.thread, wanted) if wanted else ():
                    if event.id not in loaded.void:
                        self._take(entry_of(event, loaded.machine).message)
            while len(self.entries) > self.most:
                oldest = self.entries.pop(next(iter(self.entries)))
                self.forgotten = max(self.forgotten, oldest.booked, oldest.told)

    def _take(self, message: Any) -> None:
        match message:
            case WorkReported():
                self.entries[message.entry] = message
            case WorkSettled():
                self.settled[message.entry] = message
            case JobEnded() | JobAborted() if message.at:
                self.overs.append(Over(message.job, message.at))
            case _:
                pass
