"""Old backups and erasing: what a backup brings back goes again, and what partners let go is no loss."""

from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.test_closing import is_closed, same, settle
from tests.engine.test_erasure import CANARY, YEAR_MS, reached, replace_retention
from tests.engine.test_restore import again, backup_of
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.engine import closing as deals
from weft.engine import erasure, retention
from weft.engine.commands import run
from weft.engine.effects import TROUBLES
from weft.engine.machines import state_hash
from weft.engine.memory import TERMS
from weft.engine.ports import Batch
from weft.thread import closing
from weft.trade.order_state import Phase


@asynccontextmanager
async def dealing():
    """(wires, shop, factory, the order's thread, what the shop's store was before and during it), closed in the end."""
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    for node in (shop, factory):
        node.config = replace_retention(node.config, 0)
    try:
        await befriend(factory, shop)
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        await quiet(shop, factory)
        kept = {"before": backup_of(shop.store)}
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}], "note": CANARY})).thread
        await until(lambda: reached(shop, thread, Phase.QUOTED))
        await quiet(shop, factory)
        kept["quoted"] = backup_of(shop.store)
        await run(shop, "order", {"thread": thread})
        await until(lambda: reached(shop, thread, Phase.CLOSED))
        await quiet(shop, factory)
        await settle(shop, factory)
        await quiet(shop, factory)
        await deals.close(shop, thread)
        await until(lambda: is_closed(shop, factory, thread=thread))
        await quiet(shop, factory)
        kept["closed"] = backup_of(shop.store)
        yield wires, factory, thread, kept, shop
    finally:
        for node in wires.nodes.values():
            await node.stop()


async def holds(node, thread):
    """Payloads that hold the canary."""
    rows = await node.store.events(thread)
    return [one.id for one in await node.store.payloads(thread, [row.id for row in rows])
            if CANARY.encode() in one.content]


async def nothing_held(node, thread):
    return await holds(node, thread) == []


async def let_go(shop, factory, thread, *, pruned):
    if not pruned:
        await erasure.request(shop, thread, (), "subject-request")
        await until(lambda: both_erased(shop, factory, thread))
    else:
        for node in (shop, factory):
            node.clock.ms += 2 * YEAR_MS
        await retention.prune(factory, thread)
    await quiet(shop, factory)


async def both_erased(shop, factory, thread):
    found = await erasure.erasures(factory, thread)
    return bool(found) and all(found[0].erased_by(one.organisation) for one in (shop, factory))


async def come_back(kind, *, pruned):
    async with dealing() as (wires, factory, thread, kept, first):
        hashed = state_hash(await factory.state(thread))
        await let_go(first, factory, thread, pruned=pruned)
        made = [(TERMS, thread), (TROUBLES, f"{thread}:cause:reaction")] if pruned and kind == "quoted" else []
        await kept[kind].commit(Batch(values=[(*one, CANARY.encode()) for one in made]))
        shop = await again(first, wires, kept[kind])
        shop.config = replace_retention(shop.config, 0)
        await until(lambda: not shop.unheard)
        await quiet(shop, factory)
        await until(lambda: same(shop, factory, thread))
        assert [await shop.store.value(*one) for one in made] == [None] * len(made)
        await until(lambda: is_closed(shop, factory, thread=thread))
        if not pruned:
            await until(lambda: nothing_held(shop, thread))
        await quiet(shop, factory)
        assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread)) == hashed
        assert (await shop.state(thread)).lines["1"].received == "20"
        assert not shop.alarms
        assert not factory.alarms
        assert not await shop.store.pending(thread)
        assert not await factory.store.forks(thread)
        assert await holds(factory, thread) == []
        assert await holds(shop, thread) == [] or pruned  # whose own years are not over keeps its own copy
        shop.forget(thread)
        assert state_hash(await shop.state(thread)) == hashed
        return shop, thread


@pytest.mark.release
async def test_a_backup_from_before_brings_back_what_was_erased_and_it_goes_again():
    await come_back("closed", pruned=False)


async def test_who_lost_the_end_of_a_deal_gets_it_without_what_was_erased():
    await come_back("quoted", pruned=False)


@pytest.mark.release
async def test_who_lost_a_whole_deal_gets_it_without_what_was_erased():
    await come_back("before", pruned=False)


async def test_who_lost_the_end_of_a_deal_that_the_partner_has_pruned_takes_what_is_left():
    await come_back("quoted", pruned=True)


@pytest.mark.release
async def test_who_lost_a_deal_that_the_partner_has_pruned_takes_what_is_left():
    await come_back("before", pruned=True)


@pytest.mark.release
async def test_who_holds_the_whole_deal_agrees_with_a_partner_that_pruned_it():
    await come_back("closed", pruned=True)


async def test_control_words_without_contents_are_refused_where_we_have_signed_nothing():
    """A partner cannot leave out what its words hold before we both have said what lasts."""
    async with dealing() as (wires, factory, thread, kept, first):
        from weft.engine.receive import receive

        shop = await again(first, wires, kept["quoted"])
        events = await factory.with_payloads(thread, await factory.store.events(thread))
        bare = [msgspec.structs.replace(one, payloads={}) for one in events
                if one.author == factory.organisation or one.header.y not in closing.WORDS]
        fresh = [one for one in bare if one.id not in (await shop.loaded(thread)).entries]
        wires.cut.add(frozenset((shop.organisation, factory.organisation)))
        taken = await receive(shop, factory.organisation, thread, fresh)
        assert fresh
        assert not taken.stored
        assert {code for _, code in taken.invalid} == {"event.payload-missing"}
