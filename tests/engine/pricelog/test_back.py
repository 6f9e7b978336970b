"""A restored firm fetches its price log back before it signs anything; the control shows that it would fork."""

import msgspec
import pytest

from tests.engine.pricelog.firms_of_the_log import (
    Branch,
    append,
    batch,
    book,
    firms,
    stop,
    with_prices,
)
from tests.engine.test_restore import again, backup_of
from weft.basis.canonical import b64
from weft.basis.errors import Unavailable, WeftError
from weft.engine.commands import run
from weft.engine.memory import PRICE_PEERS
from weft.engine.pricelog import back, gossip, known, log, monitor
from weft.engine.views.price_log import price_log
from weft.engine.views.today import today
from weft.pricing.leaf import origin_of


@pytest.fixture
async def lost():
    """A seller whose log had 300 entries in its backup and 340, seen by two, when its disk died."""
    wires, (seller, first, second) = await firms("Seller", "First", "Second")
    await append(seller, book(1), *(batch(k) for k in range(299)))
    await seller.witnessing.asking.round()
    kept = backup_of(seller.store)
    await append(seller, book(2), *(batch(k) for k in range(500, 539)))
    await seller.witnessing.asking.round()
    died = await log.head(seller.store)
    yield wires, seller, kept, died, (first, second)
    await stop(*wires.nodes.values())


async def restored(seller, wires, kept, **how):
    node = await again(seller, wires, kept, **how)
    await with_prices(node, wires)
    return node


async def test_nothing_is_signed_until_the_newest_checkpoint_and_its_entries_are_back(lost):
    wires, seller, kept, died, (first, second) = lost
    for one in (first, second):
        wires.cut.add(frozenset((seller.organisation, one.organisation)))
    node = await restored(seller, wires, kept)
    assert not await back.may_sign(node)
    with pytest.raises(Unavailable, match=r"pricelog\.waits"):
        await append(node, batch(900))
    wires.cut.discard(frozenset((seller.organisation, first.organisation)))
    assert not await node.witnessing.back.round()  # one of two has answered: the other may hold more
    told = await price_log(node)
    assert (told.state, told.waiting) == ("waits", ("First", "Second"))
    tasks = [one.partner_name for one in (await today(node)).answer if one.kind == "restored"]
    assert sorted(tasks) == ["First", "Second"]
    assert node.witnessing.back.code == "pricelog.waits"
    wires.cut.clear()
    assert await node.witnessing.back.round()
    now = await log.head(node.store)
    assert (now.size, now.root) == (died.size, died.root)
    assert await log.entry(node.store, 300) == book(2)
    after = await append(node, batch(900))
    await node.witnessing.asking.round()
    for one in (first, second):
        assert (await known.followed(one.store, seller.organisation)).root == after.root
        assert not one.alarms
        assert [seen.number for seen in await monitor.books(one, seller.organisation)] == [1, 2]


async def test_the_control_without_the_rule_it_would_have_forked_and_both_would_hold_the_proof(lost):
    wires, seller, kept, _, (first, second) = lost
    node = await restored(seller, wires, kept)
    await log.go_on(node)
    for partner, _ in await node.store.values(PRICE_PEERS):
        await back.without(node, partner)
    forked = await append(node, *(batch(k) for k in range(900, 940)))
    for one in (first, second):
        await monitor.met(one, seller.organisation, forked.note.encode())
        assert await known.red(one.store, seller.organisation) is not None


async def test_the_owner_goes_on_without_a_partner_that_is_gone(lost):
    wires, seller, kept, died, (_first, second) = lost
    wires.cut.add(frozenset((seller.organisation, second.organisation)))
    node = await restored(seller, wires, kept)
    assert not await node.witnessing.back.round()
    await run(node, "restored-go-on", {"partner": second.organisation})
    assert await node.witnessing.back.round()
    assert (await log.head(node.store)).root == died.root


async def test_a_database_copied_by_hand_stops_at_the_first_witness_that_has_seen_more(lost):
    wires, seller, kept, died, (first, _second) = lost
    node = await restored(seller, wires, kept, by_hand=True)
    assert await back.may_sign(node)
    with pytest.raises(WeftError, match=r"pricelog\.waits"):
        await node.witnessing.asking.ask(first.organisation, await log.head(node.store))
    assert not await back.may_sign(node)
    assert await node.witnessing.back.round()
    assert (await log.head(node.store)).root == died.root


async def test_nobody_stops_our_log_by_a_claim(lost, monkeypatch):
    _, seller, _, died, (first, second) = lost
    honest = first.witnessing.answer

    async def boasting(asker, path, body):
        answer = await honest(asker, path, body)
        if path != gossip.SHOW_PATH:
            return answer
        return msgspec.json.encode(msgspec.structs.replace(gossip.read(answer, gossip.Shown), size=10**9))

    monkeypatch.setattr(first.witnessing, "answer", boasting)
    now = await append(seller, batch(901))
    with pytest.raises(Unavailable, match=r"peer\.answered-badly"):
        await seller.witnessing.asking.ask(first.organisation, now)
    assert await back.may_sign(seller)
    await seller.witnessing.asking.ask(second.organisation, now)
    assert now.size == died.size + 1


async def test_what_a_partner_gives_back_must_lead_to_what_we_signed(lost, monkeypatch):
    wires, seller, kept, died, (_first, _second) = lost
    node = await restored(seller, wires, kept)
    honest = monitor.entries

    async def bent(memory, organisation, start, most=monitor.CHUNK):
        found = await honest(memory, organisation, start, most)
        return [batch(7), *found[1:]] if found else found

    monkeypatch.setattr(monitor, "entries", bent)
    assert not await node.witnessing.back.round()
    assert node.witnessing.back.code == "pricelog.back-incomplete"
    assert not await back.may_sign(node)
    monkeypatch.setattr(monitor, "entries", honest)
    assert await node.witnessing.back.round()
    assert (await log.head(node.store)).root == died.root


async def test_a_partner_with_a_thief_s_longer_story_does_not_make_us_forget_the_one_that_others_saw(lost, monkeypatch):
    wires, seller, kept, died, (first, _second) = lost
    entries = [await log.entry(seller.store, k) for k in range(300)]
    thief = Branch(origin_of(seller.organisation), seller.identity.signer, [*entries, *map(batch, range(700, 760))])
    node = await restored(seller, wires, kept)
    honest = first.witnessing.answer

    async def lying(asker, path, body):
        if path != gossip.BACK_PATH:
            return await honest(asker, path, body)
        start = gossip.read(body, gossip.Back).size
        told = [b64(one) for one in thief.entries[start:]] if start < len(thief.entries) else []
        return msgspec.json.encode(gossip.GivenBack(thief.note().decode(), start, told))

    monkeypatch.setattr(first.witnessing, "answer", lying)
    assert not await node.witnessing.back.round()
    assert node.witnessing.back.code == "tlog.witness-fork"
    assert not await back.may_sign(node)
    await run(node, "restored-go-on", {"partner": first.organisation})
    assert await node.witnessing.back.round()
    assert (await log.head(node.store)).root == died.root


async def test_a_partner_that_nobody_can_reach_brings_what_it_holds(lost):
    wires, seller, kept, died, (first, second) = lost
    node = await restored(seller, wires, kept)
    wires.unreachable |= {first.organisation, second.organisation}
    assert not await node.witnessing.back.round()
    await first.witnessing.give(seller.organisation)
    assert not await node.witnessing.back.round()  # the other may hold more
    await second.witnessing.give(seller.organisation)
    assert await node.witnessing.back.round()
    assert (await log.head(node.store)).root == died.root
    await first.witnessing.give(seller.organisation)  # once it goes on, nothing is taken any more
    assert (await log.head(node.store)).root == died.root


async def test_a_firm_that_nobody_has_seen_goes_on_at_once():
    wires, (lonely, _) = await firms("Lonely", "Other")
    await append(lonely, batch(1))
    node = await restored(lonely, wires, backup_of(lonely.store))
    assert await node.witnessing.back.round()
    assert (await append(node, batch(2))).size == 2
    await stop(*wires.nodes.values())
