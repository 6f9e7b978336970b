"""Two firms close a deal: agreed by both, final for both, and not while anything is open."""

import msgspec
import pytest
import pytest_asyncio

from tests.engine.dealing import dealt
from tests.engine.world import quiet, until
from weft.basis.errors import Refused
from weft.engine import closing as deals
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.packs import meaning, pack
from weft.thread import closing
from weft.thread.audit import audit
from weft.trade.messages import ProgressNotice

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def settle(shop, factory):
    """The shop pays what it owes, and the factory says that it came."""
    with_shop, with_factory = factory.partner(shop.organisation), shop.partner(factory.organisation)
    paid = await run(shop, "remit", {"partner": factory.organisation})
    await until(lambda: seen(factory, with_shop, paid.events[0]))
    await run(factory, "confirm-remittance", {"partner": shop.organisation, "remittance": paid.events[0]})
    await until(lambda: settled(shop, with_factory))


async def seen(node, thread, event):
    return event in (await node.loaded(thread)).entries


async def settled(node, thread):
    return all(not one.open for one in (await node.state(thread)).documents.values())


async def is_closed(*nodes, thread):
    return all([closing.is_done(await node.state(thread)) for node in nodes])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deal():
    async with dealt() as (shop, factory, thread):
        yield shop, factory, thread


async def test_a_deal_closes_only_when_it_is_paid_and_then_for_both(deal):
    shop, factory, thread = deal
    assert await deals.open_matters(shop, thread) == ["close.unpaid"]
    with pytest.raises(Refused, match=r"close\.unpaid"):
        await deals.close(factory, thread)
    await settle(shop, factory)
    before = await shop.state(thread)
    await deals.close(shop, thread)
    await until(lambda: is_closed(shop, factory, thread=thread))
    await quiet(shop, factory)
    await until(lambda: same(shop, factory, thread))
    state = await factory.state(thread)
    assert msgspec.structs.replace(state, closing=None) == before
    assert state_hash(state) == state_hash(await shop.state(thread))
    assert await factory.store.value(deals.CLOSED, thread) is not None


async def same(shop, factory, thread):
    return (await shop.loaded(thread)).heads == (await factory.loaded(thread)).heads


async def test_nothing_is_said_in_a_closed_deal(deal):
    shop, factory, thread = deal
    with pytest.raises(Refused, match=r"thread\.closed|order\."):
        await factory.speak(thread, ProgressNotice(line="1", stage="made"))
    with pytest.raises(Refused, match=r"thread\.closed"):
        await deals.close(shop, thread)


async def test_a_closed_deal_reads_the_same_after_a_restart_and_in_its_pack(deal):
    shop, factory, thread = deal
    hashed = state_hash(await shop.state(thread))
    shop.forget(thread)
    assert state_hash(await shop.state(thread)) == hashed
    packed = await pack(shop.store, thread, lambda _kind, _slot: False)
    assert packed == await pack(factory.store, thread, lambda _kind, _slot: False)
    found = audit(packed)
    assert found.sound
    assert not meaning(found).faults
