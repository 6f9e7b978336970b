"""What a buyer asks for by words of its own is told to the seller, who says once which item it is."""

import pytest

from tests.doors.console.sample import PRICES, alone, befriend, table
from tests.doors.console.test_machine_page import shown
from tests.engine.world import until
from weft.basis.errors import NotFound
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.locale import text

ITEMS = "item,zh,en,unit\nBV-15,球阀 DN15,Ball valve DN15,C62\nBV-20,球阀 DN20,Ball valve DN20,C62\n"


@pytest.fixture
async def firms():
    sample = await alone()
    node, shop = sample.node, sample.shop
    await befriend(node, shop)
    await run(node, "import", {"kind": "items", "content": table(ITEMS)})
    await run(node, "import", {"kind": "stock", "content": table("item,quantity\nBV-15,90\n")})
    await run(node, "publish-prices", {"book": PRICES})
    yield node, shop
    await sample.stop()


async def asked(node, shop, words):
    """The thread in which the shop has asked for ``words``, once the seller has it."""
    done = await run(shop, "request-quotation", {
        "supplier": node.organisation, "lines": [{"item": words, "quantity": "3"}]})

    async def here():
        return done.thread in node.threads("order") and (await node.state(done.thread)).request is not None

    await until(here)
    return done.thread


async def test_a_name_of_the_buyers_own_is_joined_to_an_item_once(firms):
    node, shop = firms
    thread = await asked(node, shop, "四分铜球阀")
    assert (await VIEWS["order"](node, thread=thread)).not_ours == ("四分铜球阀",)
    page = await shown(node, f"/orders/{thread}")
    assert text("zh", "order.not-ours", number="四分铜球阀") in page
    assert "球阀 DN15 · BV-15" in page
    with pytest.raises(NotFound, match=r"stock\.item-unknown"):
        await run(node, "quote", {"thread": thread})
    await run(node, "partner-number", {"item": "BV-20", "partner": shop.organisation, "number": "四分铜球阀"})
    assert (await VIEWS["order"](node, thread=thread)).called == (("四分铜球阀", "BV-20"),), "a slip, to be put right"
    assert text("zh", "order.called", number="四分铜球阀", item="BV-20") in await shown(node, f"/orders/{thread}")
    await run(node, "partner-number", {"item": "BV-15", "partner": shop.organisation, "number": "四分铜球阀"})
    assert (await VIEWS["order"](node, thread=thread)).called == (("四分铜球阀", "BV-15"),)
    assert (await VIEWS["order"](node, thread=thread)).not_ours == ()
    await run(node, "quote", {"thread": thread})
    again = await asked(node, shop, "四分铜球阀")
    assert (await VIEWS["order"](node, thread=again)).not_ours == ()


async def test_what_is_known_by_its_number_or_name_is_not_asked_for(firms):
    node, shop = firms
    for words in ("BV-15", "球阀 DN15"):
        thread = await asked(node, shop, words)
        assert (await VIEWS["order"](node, thread=thread)).not_ours == ()
        assert (await VIEWS["order"](shop, thread=thread)).not_ours == (), "the buyer is not asked"
