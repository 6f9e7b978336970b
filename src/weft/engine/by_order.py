"""What a history says of each order: which bills name it, what it used up; read once, then as the history grows.

Rule 1: it is derived and never stored; a node that has just started reads a history from its beginning, once.
Rule 2: bounded: of orders beyond ``ORDERS_MAX`` the oldest are forgotten, and read from the history when asked for.
Rule 3: of an order that was forgotten nothing is kept again: what came later alone would pass for the whole.
Not here: which bills count, how much is billed (``billed.py``), what is in stock now (``stock/levels.py``).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from weft.engine.memory import Memory
from weft.engine.threads import Loaded, entry_of
from weft.stock.messages import Consumed
from weft.thread.event import Event
from weft.trade.billing import orders_of
from weft.trade.messages import Invoice

ORDERS_MAX: Final = 20_000
PAGE: Final = 2_000

Told = TypeVar("Told")


@dataclass(slots=True)
class ByOrder(Generic[Told]):
    """What histories say by order; ``told`` gives the orders that an event names, each with what is kept of it."""

    told: Callable[[Loaded, Event], Iterable[tuple[str, Told]]]
    most: int = ORDERS_MAX
    _read: dict[str, int] = field(default_factory=dict)  # by history, the place up to which it was read
    _kept: "OrderedDict[tuple[str, str], list[Told]]" = field(default_factory=OrderedDict)
    _forgotten: set[int] = field(default_factory=set)  # hashes: a wrong hit costs reading again, and nothing else

    async def of(self, memory: Memory, history: str, order: str) -> list[Told]:
        """All that ``history`` says of ``order``, as it is stored."""
        await self._read_on(memory, history)
        if hash((history, order)) in self._forgotten:
            alone = ByOrder(lambda loaded, event: [one for one in self.told(loaded, event) if one[0] == order])
            return await alone.of(memory, history, order)
        return list(self._kept.get((history, order), ()))

    async def _read_on(self, memory: Memory, history: str) -> None:
        loaded = await memory.loaded(history)
        while rows := await memory.store.events(history, self._read.get(history, -1), PAGE):
            for row, event in zip(rows, await memory.with_payloads(history, rows), strict=True):
                if row.position <= self._read.get(history, -1):
                    continue  # another reader was here meanwhile
                self._read[history] = row.position
                for order, told in self.told(loaded, event):
                    self._keep((history, order), told)

    def _keep(self, key: tuple[str, str], told: Told) -> None:
        if hash(key) in self._forgotten:
            return
        self._kept.setdefault(key, []).append(told)
        self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            oldest, _ = self._kept.popitem(last=False)
            self._forgotten.add(hash(oldest))


def bills() -> ByOrder[str]:
    """Words of a relationship that bill something of an order, by id, whether they count or not."""

    def told(loaded: Loaded, event: Event) -> list[tuple[str, str]]:
        message = entry_of(event, loaded.machine).message
        return [(order, event.id) for order in orders_of(message.lines)] if isinstance(message, Invoice) else []

    return ByOrder(told)


def consumption() -> ByOrder[Consumed]:
    """What orders used up, from the stock book."""

    def told(loaded: Loaded, event: Event) -> list[tuple[str, Consumed]]:
        message = entry_of(event, loaded.machine).message
        return [(message.order, message)] if isinstance(message, Consumed) and event.id not in loaded.void else []

    return ByOrder(told)
