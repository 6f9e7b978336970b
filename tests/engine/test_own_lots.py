"""What was made for an order goes to that order, although another's, made before it, still lies there.

Control: by age alone the other's lot leaves, while the advice and the trace name the own one.
"""

import msgspec
import pytest

from tests.engine.shop_floor import TABLES
from tests.engine.test_trade import BOOK, table
from tests.engine.world import AUTO, Wires, befriend, found, quiet, until
from weft.engine.commands import run
from weft.stock import levels
from weft.trade.order_state import Phase

PRICES = {**BOOK, "lines": [{"item": "FLG-50", "unit": "C62", "tiers": [{"from": "1", "price": "40"}]}]}


@pytest.fixture
async def firms():
    wires = Wires()
    shop = await found(wires, "Shop")
    factory = await found(wires, "Factory", rules=msgspec.structs.replace(AUTO, despatch="ask"))
    await befriend(factory, shop)
    for kind, text in TABLES:
        await run(factory, "import", {"kind": kind, "content": table(text)})
    await run(factory, "publish-prices", {"book": PRICES})
    yield shop, factory
    await shop.stop()
    await factory.stop()


async def made(shop, factory, quantity: str) -> tuple[str, str]:
    """(the thread of an order whose flanges are made, their lot)."""
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "FLG-50", "quantity": quantity}]})).thread

    async def quoted():
        return (await shop.state(thread)).phase is Phase.QUOTED

    await until(quoted)
    await run(shop, "order", {"thread": thread})

    async def planned():
        return await order_of(factory, thread)

    await until(planned)
    order = await order_of(factory, thread)
    for job in order.jobs:
        async def released(job=job):
            return (await factory.book_state("production")).jobs[job].state.value != "planned"

        await until(released)
        await run(factory, "job-start", {"job": job, "operator": "Li"})
        await run(factory, "job-end", {"job": job, "good": quantity})
        await quiet(shop, factory)
    return thread, f"L{order.id}"


async def order_of(factory, thread):
    production = await factory.book_state("production")
    return next((one for one in production.orders.values() if one.demand.thread == thread), None)


async def left(factory) -> dict[str, str]:
    return {name: lot.at[""] for name, lot in (await factory.book_state("stock")).lots.items() if "" in lot.at}


@pytest.mark.parametrize("by_age", [False, True])
async def test_an_order_gets_the_lot_that_was_made_for_it(firms, monkeypatch, by_age):
    if by_age:  # the control
        monkeypatch.setattr("weft.stock.book.pick", lambda *asked, first: levels.pick(*asked, first=""))
        monkeypatch.setattr(levels, "_kept_by_name", lambda _: {})
    shop, factory = firms
    early, early_lot = await made(shop, factory, "10")
    late, late_lot = await made(shop, factory, "10")
    assert await left(factory) == {early_lot: "10", late_lot: "10"}
    await run(factory, "despatch", {"thread": late})
    await quiet(shop, factory)
    (sent,) = (await factory.state(late)).despatches.values()
    assert sent.lines[0].lots == (late_lot,), "so the advice and the trace say"
    assert (await left(factory) == {early_lot: "10"}) is not by_age
    await run(factory, "despatch", {"thread": early})
    await quiet(shop, factory)
    assert await left(factory) == {}
