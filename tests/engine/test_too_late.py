"""What can be done no more is refused, and not answered as if it had been done."""

import msgspec
import pytest

from tests.engine.dealing import dealt
from tests.engine.test_chain import story
from tests.engine.world import AUTO, quiet, until
from weft.basis.errors import Refused
from weft.engine.commands import run
from weft.trade.order_state import Phase


async def words(*nodes):
    return [sum([node.lengths[row.thread] for row in await node.store.threads()]) for node in nodes]


async def test_an_order_that_is_over_is_quoted_and_billed_no_more():
    async with dealt() as (shop, factory, thread):
        before = await words(shop, factory)
        for node, name, code in [(factory, "quote", "order.ended"), (shop, "quote", "order.wrong-role"),
                                 (factory, "invoice", "billing.nothing"), (shop, "invoice", "billing.nothing"),
                                 (factory, "despatch", "order.nothing-to-send")]:
            with pytest.raises(Refused) as refused:
                await run(node, name, {"thread": thread})
            assert refused.value.code == code, name
        assert await words(shop, factory) == before


async def test_control_who_asks_again_with_the_same_key_hears_that_it_was_done():
    async with dealt() as (shop, factory, _):
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "3"}]})).thread

        async def reached(phase):
            return thread in factory.threads("order") and (await factory.state(thread)).phase is phase

        await until(lambda: reached(Phase.QUOTED))
        first = await run(factory, "quote", {"thread": thread}, key="mine")
        await quiet(shop, factory)
        await run(shop, "decline", {"thread": thread})
        await until(lambda: reached(Phase.DECLINED))
        assert await run(factory, "quote", {"thread": thread}, key="mine") == first
        with pytest.raises(Refused, match=r"order\.ended"):
            await run(factory, "quote", {"thread": thread}, key="another")


def test_control_so_does_who_had_suppliers_asked_first():
    async def tell(world):
        world.factory.rules = msgspec.structs.replace(AUTO, quote="ask")
        await world._begin()
        thread = (await world.do(world.shop, "request-quotation", supplier=world.factory.organisation,
                                 lines=[{"item": "V15", "quantity": "12"}])).thread

        async def there(node):
            return thread in node.threads("order")

        async def quoted(key="mine"):
            return await world.insist(world.factory, lambda node: run(node, "quote", {"thread": thread}, key))

        await world.until(world.factory, there, "the request is there")
        first = await quoted()
        assert await quoted() == first, "while suppliers are asked"
        await world.until(world.shop, lambda node: world._quoted(node, thread, "12"), "the offer is there")
        assert await quoted() == first
        await world.do(world.shop, "order", thread=thread)
        await world.until(world.shop, lambda node: world._phase(node, thread, "confirmed"), "it is confirmed")
        assert await quoted() == first
        with pytest.raises(Refused, match=r"order\.not-now"):
            await quoted("another")

    story(tell)
