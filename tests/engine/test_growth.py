"""An order costs the same whatever went before: what is read for it does not grow with the firm's history."""

import inspect

from tests.engine.dealing import dealt, ordered, table
from weft.engine import billed
from weft.engine.commands import run

FEW, MANY = 4, 30
SHORT = 16  # events of a thread in memory: what is above must come from the store


class Counted:
    """How many rows the store of ``node`` has given out."""

    def __init__(self, node):
        self.rows, store = 0, node.store
        for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
            if not name.startswith("_") and name != "commit":
                setattr(store, name, self.counting(method))

    def counting(self, method):
        async def counted(*given, **more):
            found = await method(*given, **more)
            self.rows += len(found) if isinstance(found, list | tuple | dict) else 1
            return found

        return counted


async def grown(shop, factory):
    """Rows that the last few orders took at each firm, against those of the first few."""
    await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,900\n")})
    shop.tail_max = factory.tail_max = SHORT
    counts = [Counted(node) for node in (shop, factory)]
    taken = []
    for orders in (FEW, MANY, FEW):
        before = [one.rows for one in counts]
        for _ in range(orders):
            await ordered(shop, factory, "1")
        taken.append([one.rows - rows for one, rows in zip(counts, before, strict=True)])
    return [last / first for first, last in zip(taken[0], taken[2], strict=True)]


async def test_an_order_reads_no_more_when_many_went_before():
    async with dealt() as (shop, factory, _):
        ratios = await grown(shop, factory)
        assert max(ratios) < 1.3, ratios


async def test_control_who_reads_the_whole_relationship_for_every_bill_is_seen(monkeypatch):
    async def whole(node, relationship, _thread):
        return [one.message for one in await node.log(relationship) if isinstance(one.message, billed.Invoice)]

    monkeypatch.setattr(billed, "_bills_of", whole)
    async with dealt() as (shop, factory, _):
        ratios = await grown(shop, factory)
        assert max(ratios) > 1.5, ratios
