"""What each of our orders used up, from the stock book's own history: read once, then as it grows.

Rule 1: it is derived and never stored; a node that has just started reads the book from its beginning, once.
Rule 2: bounded: of orders beyond ``ORDERS_MAX`` the oldest are forgotten, and read from the book again when asked for.
Not here: what is in stock now (``stock/levels.py``).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from weft.engine.memory import Memory
from weft.engine.threads import entry_of
from weft.stock.messages import Consumed

ORDERS_MAX: Final = 20_000
PAGE: Final = 2_000
ALL: Final = 1 << 60


@dataclass(slots=True)
class Consumption:
    """Consumption by order, up to the stock book's event at ``position``."""

    most: int = ORDERS_MAX
    position: int = -1
    _by_order: "OrderedDict[str, list[Consumed]]" = field(default_factory=OrderedDict)
    _forgotten: bool = False

    async def of(self, memory: Memory, order: str) -> list[Consumed]:
        """All that was used up for ``order``, in the order of the book."""
        await self._read_on(memory)
        if order not in self._by_order and self._forgotten:
            whole = Consumption(most=ALL)
            await whole._read_on(memory)
            return whole._by_order.get(order, [])
        return list(self._by_order.get(order, ()))

    async def _read_on(self, memory: Memory) -> None:
        loaded = await memory.loaded(memory.book("stock"))
        while rows := await memory.store.events(loaded.thread, self.position, PAGE):
            for row, event in zip(rows, await memory.with_payloads(loaded.thread, rows), strict=True):
                if row.position <= self.position:
                    continue  # another reader was here meanwhile
                self.position = row.position
                message = entry_of(event, loaded.machine).message
                if isinstance(message, Consumed) and event.id not in loaded.void:
                    self._by_order.setdefault(message.order, []).append(message)
                    self._by_order.move_to_end(message.order)
            while len(self._by_order) > self.most:
                self._by_order.popitem(last=False)
                self._forgotten = True
