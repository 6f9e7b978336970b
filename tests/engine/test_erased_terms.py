"""What the owner set for an offer by hand, with its free words, is erased with the order; the control: it was there."""

import msgspec

from tests.engine.dealing import BOOK, table
from tests.engine.test_closing import is_closed, settle
from tests.engine.test_erasure import CANARY, erased_everywhere, found_in, reached, replace_retention
from tests.engine.world import AUTO, Wires, befriend, found, quiet, until
from weft.engine import closing as deals
from weft.engine import erasure
from weft.engine.commands import run
from weft.engine.memory import TERMS
from weft.engine.pricelog.checking import VERDICTS
from weft.stores.sqlite import SqliteStore
from weft.trade.order_state import Phase

ASKING = msgspec.structs.replace(AUTO, quote="ask")


async def test_the_note_of_an_offer_is_nowhere_left_after_erasing(tmp_path):
    wires = Wires()
    shop = await found(wires, "Shop", store=SqliteStore(str(tmp_path / "shop.db")))
    factory = await found(wires, "Factory", rules=ASKING, store=SqliteStore(str(tmp_path / "factory.db")))
    for node in (shop, factory):
        node.config = replace_retention(node.config, 0)
    await befriend(factory, shop)
    for kind, text in (("items", "item,name,unit\nV15,V,C62\n"), ("stock", "item,quantity\nV15,50\n")):
        await run(factory, "import", {"kind": kind, "content": table(text)})
    await run(factory, "publish-prices", {"book": BOOK})
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread
    await quiet(shop, factory)
    await run(factory, "quote", {"thread": thread, "terms": {"note": CANARY}})
    await until(lambda: reached(shop, thread, Phase.QUOTED))
    await run(shop, "order", {"thread": thread})
    await until(lambda: reached(shop, thread, Phase.CLOSED))
    await quiet(shop, factory)
    await settle(shop, factory)
    await deals.close(shop, thread)
    await until(lambda: is_closed(shop, factory, thread=thread))
    await quiet(shop, factory)
    assert found_in(tmp_path, "factory") and found_in(tmp_path, "shop")
    assert CANARY.encode() in await factory.store.value(TERMS, thread)
    judged = [name for name, data in await shop.store.values(VERDICTS) if thread.encode() in data]
    assert judged, "control: the shop has looked at its prices"
    await erasure.request(factory, thread, (), "subject-request")
    await until(lambda: erased_everywhere(shop, factory, thread))
    await quiet(shop, factory)
    assert (found_in(tmp_path, "factory"), found_in(tmp_path, "shop")) == ([], [])
    assert not [name for name, _ in await shop.store.values(VERDICTS) if name in judged]
    for node in (shop, factory):
        await node.stop()
        await node.store.close()
