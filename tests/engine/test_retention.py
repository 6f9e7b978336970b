"""What happens by itself with what is done: closed after the days, pruned after the years; and a partnership's end."""

import msgspec
import pytest

from tests.engine.test_closing import is_closed, same
from tests.engine.test_erasure import CANARY, YEAR_MS, closed_deal, found_in, paid_deal
from tests.engine.world import quiet, until
from weft.basis.errors import Refused
from weft.config import Retention
from weft.engine import closing as deals
from weft.engine import erasure, retention
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.memory import PRUNED
from weft.engine.ports import Batch
from weft.thread import closing

DAY_MS = 86_400_000


def keeps(*nodes, **settings):
    for node in nodes:
        node.config = msgspec.structs.replace(node.config, retention=Retention(**{"keep_years": 0} | settings))


async def looked(node):
    """Wait until the node, by its own clock, has looked once more."""
    now = node.clock.now_ms()

    async def done():
        kept = await node.store.value(*retention.LOOKED)
        return kept is not None and abs(now - int(kept)) < retention.LOOK_MS

    await until(done)


async def test_an_order_that_is_done_closes_by_itself_after_the_days_and_not_before(tmp_path):
    async with paid_deal(tmp_path) as (shop, factory, thread, clock):
        keeps(shop, factory, close_days=30)
        clock.ms += 29 * DAY_MS
        await looked(shop)
        await looked(factory)
        await quiet(shop, factory)
        assert (await shop.state(thread)).closing is None
        clock.ms += 2 * DAY_MS
        await until(lambda: is_closed(shop, factory, thread=thread))
        await quiet(shop, factory)
        assert await same(shop, factory, thread)
        crossed = set((await shop.loaded(thread)).void.values())
        assert crossed <= {"close.proposed-already", "thread.closed"}, "both may propose at one moment: one counts"


async def test_control_where_only_the_owner_closes_nothing_closes_by_itself(tmp_path):
    async with paid_deal(tmp_path) as (shop, factory, thread, clock):
        keeps(shop, factory, close_days=0)
        clock.ms += 300 * DAY_MS
        await looked(shop)
        await looked(factory)
        await quiet(shop, factory)
        assert (await shop.state(thread)).closing is None


async def test_an_order_that_is_not_paid_is_not_closed_by_itself_and_keeps_no_other_from_it(tmp_path):
    async with paid_deal(tmp_path) as (shop, factory, thread, clock):
        other = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "1"}]})).thread
        await quiet(shop, factory)
        keeps(shop, factory, close_days=5)
        clock.ms += 6 * DAY_MS
        await until(lambda: is_closed(shop, factory, thread=thread))
        await quiet(shop, factory)
        assert (await shop.state(other)).closing is None


async def test_one_that_cannot_be_pruned_keeps_no_other_from_it(tmp_path):
    async with closed_deal(tmp_path) as (shop, _factory, thread, clock):
        lost = "-" * 43
        await shop.store.commit(Batch(values=[(deals.CLOSED, lost, b"0")]))
        assert (await shop.store.values(deals.CLOSED))[0][0] == lost, "the control: it comes first"
        keeps(shop, keep_years=0, close_days=0, prune="auto")
        clock.ms += DAY_MS
        await until(lambda: is_pruned(shop, thread=thread))


async def is_pruned(*nodes, thread):
    return all([await node.store.value(PRUNED, thread) is not None for node in nodes])


async def test_what_is_old_enough_shrinks_by_itself_where_the_owner_wants_it(tmp_path):
    async with closed_deal(tmp_path) as (shop, factory, thread, clock):
        hashed = state_hash(await shop.state(thread))
        whole = len(await shop.store.events(thread))
        keeps(shop, keep_years=2, close_days=0, prune="auto")
        keeps(factory, keep_years=2, close_days=0, prune="ask")
        clock.ms += YEAR_MS
        await looked(shop)
        assert not await is_pruned(shop, thread=thread), "the years are not over"
        clock.ms += 3 * YEAR_MS
        await until(lambda: is_pruned(shop, thread=thread))
        await looked(factory)
        await quiet(shop, factory)
        assert not await is_pruned(factory, thread=thread), "control: its owner has not said so"
        assert len(await shop.store.events(thread)) < whole
        assert found_in(tmp_path, "shop") == []
        assert found_in(tmp_path, "factory")
        assert await same(shop, factory, thread)
        assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread)) == hashed


async def test_it_looks_once_an_hour_also_when_its_clock_went_back(tmp_path):
    async with closed_deal(tmp_path) as (shop, _factory, _thread, clock):
        await looked(shop)
        first = await shop.store.value(*retention.LOOKED)
        clock.ms += retention.LOOK_MS - 1
        await retention.look(shop)
        assert await shop.store.value(*retention.LOOKED) == first
        clock.ms += 1
        await retention.look(shop)
        second = await shop.store.value(*retention.LOOKED)
        assert second != first
        clock.ms -= 40 * DAY_MS
        await retention.look(shop)
        assert await shop.store.value(*retention.LOOKED) not in {first, second}


async def test_a_partnership_that_has_ended_is_closed_erased_and_pruned_as_a_whole(tmp_path):
    async with closed_deal(tmp_path) as (shop, factory, thread, clock):
        relation = shop.partner(factory.organisation)
        with pytest.raises(Refused, match=r"close\.under-way"):
            await deals.close(shop, relation)
        firm = msgspec.structs.replace(shop.config.firm, contact=CANARY)
        shop.config = msgspec.structs.replace(shop.config, firm=firm)
        await run(shop, "update-party", {})
        await until(lambda: contact_known(factory, relation, shop.organisation))
        await run(shop, "end-relationship", {"partner": factory.organisation, "reason": CANARY})
        await quiet(shop, factory)
        assert await deals.open_matters(shop, relation) == []
        await run(shop, "close", {"thread": relation})
        await until(lambda: is_closed(shop, factory, thread=relation))
        await quiet(shop, factory)
        hashed = state_hash(await shop.state(relation))
        for one in (thread, relation):
            await erasure.request(factory, one, (), "contract-ended")
            await until(lambda one=one: erased_by_both(shop, factory, one))
        await quiet(shop, factory)
        for name in ("shop", "factory"):
            assert found_in(tmp_path, name) == []
        clock.ms += YEAR_MS
        assert (await run(shop, "prune", {})).facts["threads"] == 2
        await quiet(shop, factory)
        for node in (shop, factory):
            node.forget(relation)
            assert state_hash(await node.state(relation)) == hashed
            assert closing.is_done(await node.state(relation))
            assert not node.alarms
            with pytest.raises(Refused):
                await run(node, "request-quotation", {
                    "supplier": shop.organisation if node is factory else factory.organisation,
                    "lines": [{"item": "V15", "quantity": "1"}]})
        assert await same(shop, factory, relation)


async def contact_known(node, relation, organisation):
    return (await node.state(relation)).parties[organisation].contact == CANARY


@pytest.mark.release
async def test_a_partnership_is_not_closed_before_its_orders(tmp_path):
    async with paid_deal(tmp_path) as (shop, factory, _thread, _clock):
        relation = shop.partner(factory.organisation)
        await run(shop, "end-relationship", {"partner": factory.organisation, "reason": ""})
        await quiet(shop, factory)
        with pytest.raises(Refused, match=r"close\.orders-open"):
            await deals.close(shop, relation)


async def erased_by_both(shop, factory, thread):
    found = await erasure.erasures(shop, thread)
    return bool(found) and all(found[0].erased_by(one.organisation) for one in (shop, factory))
