"""Several rounds of one offer that wait for the same thing: the last one offers, and none fails."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import WeftError
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.reactions import offering, releasing
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


@pytest.mark.parametrize("one_at_a_time", [True, False])
async def test_an_offer_that_runs_out_while_the_next_is_made_takes_nothing_from_it(monkeypatch, one_at_a_time):
    if not one_at_a_time:  # the control: a lock of its own for each
        for module in (offering, releasing):
            monkeypatch.setattr(module, "one_at_a_time", lambda *_: asyncio.Lock())
    withdrawn, going_on = asyncio.Event(), asyncio.Event()
    release = releasing.release

    async def waiting(*given):
        withdrawn.set()
        await going_on.wait()
        await release(*given)

    async with asked() as (shop, factory, thread):
        await make_offer(factory, thread, "first")
        await quiet(shop, factory)
        monkeypatch.setattr(releasing, "release", waiting)
        (first,) = (await factory.book_state("production")).reservations
        monkeypatch.setattr(releasing, "expired", lambda *_: (first,))  # its time is over; the clock itself goes on
        ran_out = asyncio.create_task(releasing.expire(factory))
        await withdrawn.wait()
        second = asyncio.create_task(make_offer(factory, thread, "second"))
        await asyncio.sleep(0.2)  # what can be held now is
        going_on.set()
        await asyncio.gather(second, ran_out)
        await quiet(shop, factory)
        assert (await shop.state(thread)).phase is Phase.QUOTED
        held = (await factory.book_state("production")).reservations
        assert ([name.rpartition(":")[2] for name in held] == ["second"]) == one_at_a_time
