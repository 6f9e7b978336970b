"""Restored nodes and closed deals where there is no line: all by bundles, which a person carries."""

from contextlib import asynccontextmanager

import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.test_bundles import carry, exchange, made, pieces, settled
from tests.engine.test_closing import is_closed, same
from tests.engine.test_erasure import CANARY, reached, replace_retention
from tests.engine.test_erasure_restore import both_erased, holds
from tests.engine.test_restore import again, backup_of
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import Invalid, Refused
from weft.engine import bundles, erasure
from weft.engine import closing as deals
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.thread import bundle, closing
from weft.trade.order_state import Phase


@asynccontextmanager
async def apart(*, closed=False):
    """(wires, shop, factory, thread, a backup of the shop from before the order was placed); no line any more."""
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
        thread = await asked_for(shop)
        await quiet(shop, factory)
        kept = backup_of(shop.store)
        await run(shop, "order", {"thread": thread})
        await until(lambda: reached(shop, thread, Phase.CLOSED))
        await quiet(shop, factory)
        if closed:
            await close(shop, factory, thread)
        wires.unreachable.update((shop.organisation, factory.organisation))
        yield wires, shop, factory, thread, kept
    finally:
        for node in wires.nodes.values():
            await node.stop()


async def asked_for(shop):
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}], "note": CANARY})).thread
    await until(lambda: reached(shop, thread, Phase.QUOTED))
    return thread


async def close(shop, factory, thread):
    from tests.engine.test_closing import settle

    await settle(shop, factory)
    await quiet(shop, factory)
    await deals.close(shop, thread)
    await until(lambda: is_closed(shop, factory, thread=thread))
    await quiet(shop, factory)
    await erasure.request(shop, thread, (), "subject-request")
    await until(lambda: both_erased(shop, factory, thread))
    await quiet(shop, factory)


async def level(shop, factory, thread):
    for node in (shop, factory):
        assert not node.unheard
        assert not node.alarms
        assert not await node.store.pending(thread)
        assert not await node.store.forks()
    assert await same(shop, factory, thread)
    assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))


async def test_who_was_restored_is_level_by_bundles_alone():
    async with apart() as (wires, first, factory, thread, kept):
        shop = await again(first, wires, kept)
        assert shop.unheard == {factory.organisation}
        before = wires.requests
        old = await made(factory, shop.organisation, everything=True)
        await bundles.import_(shop, pieces(old))
        assert shop.unheard, "an answer that was not asked for proves nothing: it may be older than the backup"
        with pytest.raises(Refused, match=r"restored\.waiting"):
            await run(shop, "request-quotation", {"supplier": factory.organisation,
                                                  "lines": [{"item": "V15", "quantity": "1"}]})
        assert await carry(shop, factory)
        assert await carry(factory, shop)
        assert not shop.unheard
        await exchange(shop, factory)
        await level(shop, factory, thread)
        assert not await shop.store.values("restored")
        assert not await factory.store.values("restored-peer"), "it asks no more"
        again_asked = (await run(shop, "request-quotation", {
            "supplier": factory.organisation, "lines": [{"item": "V15", "quantity": "1"}]})).thread
        await exchange(shop, factory)
        await level(shop, factory, again_asked)
        assert wires.requests == before


async def test_words_of_its_own_that_it_has_lost_come_back_without_being_asked_for_by_hand():
    async with apart() as (wires, first, factory, thread, kept):
        lost = set((await first.loaded(thread)).entries)
        shop = await again(first, wires, kept)
        held = set((await shop.loaded(thread)).entries)
        ours = {name for name in lost - held if (await factory.loaded(thread)).entries[name].author
                == shop.organisation}
        assert ours, "control: its own words are among what it has lost"
        with pytest.raises(Refused, match=r"bundle\.nothing"):  # control: the factory does not know yet
            await made(factory, shop.organisation)
        assert await carry(shop, factory)
        assert await carry(factory, shop)
        assert lost <= set((await shop.loaded(thread)).entries)


@pytest.mark.release
async def test_an_answer_to_an_earlier_restoration_does_not_count():
    async with apart() as (wires, first, factory, thread, kept):
        shop = await again(first, wires, backup_of(kept))
        assert await carry(shop, factory)
        answer = await made(factory, shop.organisation)
        shop = await again(shop, wires, kept)
        await bundles.import_(shop, pieces(answer))
        assert shop.unheard
        assert await carry(shop, factory)
        assert await carry(factory, shop)
        assert not shop.unheard
        await exchange(shop, factory)
        await level(shop, factory, thread)


@pytest.mark.release
async def test_who_asked_by_hand_and_has_a_line_again_asks_no_more():
    async with apart() as (wires, first, factory, thread, kept):
        shop = await again(first, wires, kept)
        assert await carry(shop, factory)
        assert await factory.store.value("restored-peer", shop.organisation)
        wires.unreachable.clear()
        await until(lambda: not shop.unheard)
        await quiet(shop, factory)
        await until(lambda: asked_no_more(factory, shop))
        await level(shop, factory, thread)


async def asked_no_more(node, other):
    return await node.store.value("restored-peer", other.organisation) is None


@pytest.mark.release
async def test_both_lose_their_disks_and_are_level_by_bundles():
    async with apart() as (wires, first, second, thread, kept):
        other = backup_of(second.store)
        shop = await again(first, wires, kept)
        factory = await again(second, wires, other)
        wires.unreachable.update((shop.organisation, factory.organisation))
        assert shop.unheard
        assert factory.unheard
        await exchange(shop, factory)
        await level(shop, factory, thread)


async def test_a_bundle_brings_what_is_erased_to_who_lost_it():
    async with apart(closed=True) as (wires, first, factory, thread, kept):
        hashed = state_hash(await factory.state(thread))
        shop = await again(first, wires, kept)
        assert await carry(shop, factory)
        assert await carry(factory, shop)  # nothing of it is refused, and the owner looks at no report
        await exchange(shop, factory)
        await level(shop, factory, thread)
        assert closing.is_done(await shop.state(thread))
        assert state_hash(await shop.state(thread)) == hashed
        await until(lambda: nothing_left(shop, thread))


async def nothing_left(node, thread):
    return await holds(node, thread) == []


async def test_control_in_the_order_of_reading_what_is_erased_is_refused(monkeypatch):
    """Closing words that come behind, in another batch: the bundle of a long deal as it was written before."""
    monkeypatch.setattr(bundles.Part, "carried", property(lambda part: part.ids))
    monkeypatch.setattr(bundles.sync, "EVENTS_MAX", 4)
    async with apart(closed=True) as (wires, first, factory, thread, kept):
        shop = await again(first, wires, kept)
        assert await carry(shop, factory)
        report = await bundles.import_(shop, pieces(await made(factory, shop.organisation)))
        told = next(one for one in report.threads if one.thread == thread)
        assert "event.payload-missing" in {code for _, code in told.refused}
        assert shop.unheard


async def test_closing_words_go_first_in_batches_as_small_as_can_be(monkeypatch):
    monkeypatch.setattr(bundles.sync, "EVENTS_MAX", 4)
    async with apart(closed=True) as (wires, first, factory, thread, kept):
        shop = await again(first, wires, kept)
        assert await carry(shop, factory)
        assert await carry(factory, shop)
        await exchange(shop, factory)
        await level(shop, factory, thread)


@pytest.mark.parametrize("field", ["restored", "answers", "all"])
def test_what_a_manifest_says_of_backups_has_its_form(field):
    from tests.thread.test_bundle import EVENTS, manifest_of

    with pytest.raises(Invalid, match=r"bundle\.malformed"):
        bundle.read_manifest(raw(manifest_of(EVENTS, **{field: "x"})))
    assert not getattr(bundle.read_manifest(raw(manifest_of(EVENTS))), field)


def raw(one):
    import msgspec

    from weft.basis import canonical

    return canonical.encode(msgspec.to_builtins(one))


@pytest.mark.release
async def test_a_deal_is_closed_by_bundles_alone():
    async with apart() as (_wires, shop, factory, thread, _kept):
        paid = await run(shop, "remit", {"partner": factory.organisation})
        await exchange(shop, factory)
        await run(factory, "confirm-remittance", {"partner": shop.organisation, "remittance": paid.events[0]})
        await exchange(shop, factory)
        await deals.close(shop, thread)
        await exchange(shop, factory)
        assert await is_closed(shop, factory, thread=thread)
        await settled(shop, factory)
        assert await same(shop, factory, thread)
