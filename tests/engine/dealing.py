"""One whole deal between a shop and a factory, for tests that need a real history."""

import base64
from contextlib import asynccontextmanager

from tests.engine.world import Wires, befriend, found, quiet, until
from weft.engine.commands import run
from weft.trade.order_state import Phase

BOOK = {"id": "valves", "name": "Valves", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def ordered(shop, factory, quantity: str = "5") -> str:
    """An order of valves, agreed, sent and settled; its thread."""
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": quantity}]})).thread

    async def reached(phase: Phase) -> bool:
        return (await shop.state(thread)).phase is phase

    await until(lambda: reached(Phase.QUOTED))
    await run(shop, "order", {"thread": thread})
    await until(lambda: reached(Phase.CLOSED))
    await quiet(shop, factory)
    return thread


@asynccontextmanager
async def dealt():
    """(shop, factory, the order's thread) after a deal that went to its end."""
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    try:
        await befriend(factory, shop)
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        yield shop, factory, await ordered(shop, factory, "20")
    finally:
        await shop.stop()
        await factory.stop()
