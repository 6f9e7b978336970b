"""Which bills name an order, from the relationships' own histories: read once, then as they grow.

Rule 1: it is derived and never stored; a node that has just started reads a relationship from its beginning, once.
Rule 2: bounded: of orders beyond ``ORDERS_MAX`` the oldest are forgotten, and read again when they are asked for.
Not here: which of them count, how much is billed (``billed.py``).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from weft.engine.memory import Memory
from weft.engine.threads import entry_of
from weft.trade.billing import orders_of
from weft.trade.messages import Invoice

ORDERS_MAX: Final = 20_000
PAGE: Final = 2_000
ALL: Final = 1 << 60


@dataclass(slots=True)
class Bills:
    """Ids of bills by relationship and order, as far as each relationship was read."""

    most: int = ORDERS_MAX
    _read: dict[str, int] = field(default_factory=dict)
    _by_order: "OrderedDict[tuple[str, str], list[str]]" = field(default_factory=OrderedDict)
    _forgotten: bool = False

    async def of(self, memory: Memory, relationship: str, order: str) -> list[str]:
        """Words in ``relationship`` that bill something of ``order``, as they are stored, whether they count or not."""
        await self._read_on(memory, relationship)
        if (relationship, order) not in self._by_order and self._forgotten:
            whole = Bills(most=ALL)
            await whole._read_on(memory, relationship)
            return whole._by_order.get((relationship, order), [])
        return list(self._by_order.get((relationship, order), ()))

    async def _read_on(self, memory: Memory, relationship: str) -> None:
        loaded = await memory.loaded(relationship)
        while rows := await memory.store.events(relationship, self._read.get(relationship, -1), PAGE):
            for row, event in zip(rows, await memory.with_payloads(relationship, rows), strict=True):
                if row.position <= self._read.get(relationship, -1):
                    continue  # another reader was here meanwhile
                self._read[relationship] = row.position
                message = entry_of(event, loaded.machine).message
                for order in orders_of(message.lines) if isinstance(message, Invoice) else ():
                    self._by_order.setdefault((relationship, order), []).append(event.id)
                    self._by_order.move_to_end((relationship, order))
            while len(self._by_order) > self.most:
                self._by_order.popitem(last=False)
                self._forgotten = True
