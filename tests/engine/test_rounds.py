"""Several rounds of one offer that wait for the same thing: the last one offers, and none fails."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import WeftError
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.reactions.offering import make_offer
from weft.trade.order_state import Phase


@asynccontextmanager
async def asked():
    """(shop, factory, order) of which 20 are asked and not yet offered."""
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory", rules=Rules())
    try:
        await befriend(factory, shop)
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread
        await until(lambda: thread in factory.threads("order"))
        yield shop, factory, thread
    finally:
        await shop.stop()
        await factory.stop()


async def test_a_round_whose_place_a_later_one_took_before_it_could_speak_is_over():
    async with asked() as (shop, factory, thread):
        factory.unheard.add(shop.organisation)  # a backup was restored: nothing is said before the shop was heard
        for key in ("first", "second"):
            with pytest.raises(WeftError):
                await make_offer(factory, thread, key)
        factory.unheard.clear()
        for key in ("first", "second", "first"):
            await make_offer(factory, thread, key)
        await quiet(shop, factory)
        assert (await shop.state(thread)).phase is Phase.QUOTED
        assert (await shop.state(thread)).rounds == 1
        held = (await factory.book_state("production")).reservations
        assert [name.rpartition(":")[2] for name in held] == ["second"]
        stock = await factory.book_state("stock")
        assert [(one.item, one.quantity) for one in stock.reservations.values()] == [("V15", "20")]


async def test_rounds_at_one_moment_hold_once():
    async with asked() as (shop, factory, thread):
        await asyncio.gather(*(make_offer(factory, thread, key) for key in ("first", "second", "third")))
        await quiet(shop, factory)
        held = (await factory.book_state("production")).reservations
        assert len(held) == 1
        stock = await factory.book_state("stock")
        assert [one.quantity for one in stock.reservations.values()] == ["20"]
