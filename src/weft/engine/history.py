"""The whole graph of a long thread, headers only: for one who lacks what memory no longer holds.

Rule 1: it is read from the store once and then goes on with what has come since; a few are kept, and they weigh little.
Not here: the end of each thread, which all else works on (``threads.py``).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from weft.engine.ports import Store
from weft.thread.event import parse

EVENTS_MAX: Final = 300_000  # in all graphs that are kept
PAGE: Final = 2_000


@dataclass(slots=True)
class History:
    """Ids to their parents' ids, parents first, and who said each; ``position`` is the last that is known."""

    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    position: int = -1


@dataclass(slots=True)
class Histories:
    """The graphs that somebody asked for last."""

    store: Store
    _held: "OrderedDict[str, History]" = field(default_factory=OrderedDict)

    async def of(self, thread: str) -> History:
        """The graph of ``thread`` as the store has it now."""
        history = self._held.pop(thread, None) or History()
        while rows := await self.store.events(thread, history.position, PAGE):
            for row in rows:
                history.parents[row.id] = tuple(parse(row.header, row.signature).parents)
                history.authors[row.id] = row.author
            history.position = rows[-1].position
        self._held[thread] = history
        while len(self._held) > 1 and sum(len(one.parents) for one in self._held.values()) > EVENTS_MAX:
            self._held.popitem(last=False)
        return history
