"""Deals of two firms behind closed doors are closed and erased by sealed mail; so is a restored backup made level."""

import pytest

from tests.engine.mail_world import with_mail
from tests.engine.test_closing import is_closed, settle
from tests.engine.test_erasure import replace_retention
from tests.engine.test_erasure_restore import both_erased
from tests.engine.test_mailbox import World, ask, comes_to, same
from tests.engine.test_restore import again, backup_of
from tests.engine.world import quiet, until
from weft.engine import closing as deals
from weft.engine import erasure
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.trade.order_state import Phase


@pytest.fixture
async def world():
    made = World()
    yield made
    for node in made.nodes:
        await node.stop()
        await node.mail.end()


async def test_a_deal_is_closed_erased_and_given_back_to_who_lost_it_by_mail_alone(world):
    shop, factory, _kiln = await world.pair("Kiln")
    for node in (shop, factory):
        node.config = replace_retention(node.config, 0)
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    kept = backup_of(shop.store)
    await run(shop, "order", {"thread": thread})
    await comes_to(shop, thread, Phase.CLOSED)
    await quiet(shop, factory, timeout_s=20)
    await settle(shop, factory)
    await quiet(shop, factory, timeout_s=20)
    await deals.close(shop, thread)
    await until(lambda: is_closed(shop, factory, thread=thread))
    await erasure.request(factory, thread, (), "contract-ended")
    await until(lambda: both_erased(shop, factory, thread))
    await quiet(shop, factory, timeout_s=20)
    assert await same(shop, factory, thread)
    hashed = state_hash(await factory.state(thread))
    await shop.mail.end()
    world.nodes.remove(shop)
    shop = await with_mail(await again(shop, world.wires, kept, url=""), world.doors)
    world.nodes.append(shop)
    shop.config = replace_retention(shop.config, 0)
    assert shop.unheard
    await until(lambda: not shop.unheard)
    await until(lambda: is_closed(shop, thread=thread))
    await quiet(shop, factory, timeout_s=20)
    assert state_hash(await shop.state(thread)) == hashed
    assert not shop.alarms
    assert not await factory.store.forks()
    assert not world.wires.requests
