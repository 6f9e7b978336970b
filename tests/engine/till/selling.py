"""A shop with tills: a real node over memory with items, stock and prices, and counters that sell from its book."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.engine.dealing import table
from tests.engine.world import SHEETS, Wires, found, quiet
from tests.till.counter import Counter
from weft.basis import instant
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.node import Node
from weft.engine.till import intake, pairing
from weft.stock import levels
from weft.till.slip import Signed
from weft.till.state import State

BOOK = {"id": "shop", "name": "Shop", "currency": "CNY", "basis": "gross", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62",
                   "tiers": [{"from": "1", "price": "45.2"}, {"from": "10", "price": "40"}]},
                  {"item": "TAPE", "unit": "MTR", "tiers": [{"from": "1", "price": "1.5"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}
ITEMS = "item,name,unit,kind\nV15,球阀,C62,product\nTAPE,生料带,MTR,supply\n"
STOCK = "item,quantity,lot\nV15,8,A1\nV15,4,A2\nTAPE,100,T1\n"


@dataclass
class Shop:
    """The node, and what its tills do."""

    node: Node
    wires: Wires
    tills: dict[str, Counter] = field(default_factory=dict)

    @property
    def sheet(self) -> str:
        return SHEETS[self.node.organisation]

    async def till(self, seed: int = 1, name: str = "") -> Counter:
        """A till that was let in."""
        published = await self.node.book_state("pricing")
        book = next(iter(published.books.values())).book
        counter = Counter(firm=self.node.organisation, book=book, seed=seed, at_ms=self.node.clock.now_ms())
        asked = await pairing.ask(self.node, counter.key, name or f"Till {seed}", f"place {seed}")
        await run(self.node, "till-let-in", {"code": asked.code, "sheet": self.sheet, "name": name})
        self.tills[counter.key] = counter
        return counter

    async def send(self, counter: Counter, *slips: Signed, gap: bool = False) -> intake.Has:
        """The till brings ``slips``, or all that it holds; and what follows has followed."""
        wanted = slips or tuple(counter.slips)
        has = intake.Has("", 0, "")
        for start in range(0, len(wanted), intake.SLIPS_MAX):
            sent = [intake.Sent(intake.written(one), one.signature) for one in wanted[start:start + intake.SLIPS_MAX]]
            has = await intake.receive(self.node, counter.key, intake.Delivery(sent, gap=gap))
        await quiet(self.node)
        return has

    async def book(self) -> State:
        state: State = await self.node.book_state("till")
        return state

    async def here(self, item: str) -> str:
        return str(levels.on_hand(await self.node.book_state("stock"), item))


@asynccontextmanager
async def shop(**more: Any):
    """A shop that is open."""
    wires = Wires()
    node = await found(wires, "Shop", **more)
    node.devices = Devices(node.store, node.clock, node.random, "owner-token")
    try:
        await run(node, "import", {"kind": "items", "content": table(ITEMS)})
        await run(node, "import", {"kind": "stock", "content": table(STOCK)})
        await run(node, "publish-prices", {"book": BOOK})
        yield Shop(node, wires)
    finally:
        await node.stop()


def now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
