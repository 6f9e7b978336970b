"""A firm's price log before its witnesses: shown, cosigned, followed, told of, and caught when it forks."""


import msgspec
import pytest

from tests.engine.pricelog.firms_of_the_log import append, batch, befriend, book, branch, firms, stop, until
from weft.basis.errors import WeftError
from weft.engine.pricelog import forks, gossip, known, log, monitor, witness, witnesses
from weft.engine.views.alarms import alarms
from weft.pricing.leaf import origin_of
from weft.tlog import cosignature, note


async def test_a_new_checkpoint_is_shown_to_partners_cosigned_and_followed_leaf_by_leaf():
    _wires, (seller, buyer, other) = await firms("Seller", "Buyer", "Other")
    await append(seller, book(1), *(batch(k) for k in range(40)))
    await seller.witnessing.asking.round()
    now = await log.head(seller.store)
    keys = [witness.key_for(one.identity, origin_of(seller.organisation)).verifier for one in (buyer, other)]
    assert set(note.verify(now.read, keys, cosignature.is_signed)) == set(keys)
    assert len(now.read.signatures) == 3
    for one in (buyer, other):
        followed = await known.followed(one.store, seller.organisation)
        assert (followed.size, followed.root, followed.first) == (now.size, now.root, 0)
        assert [seen.number for seen in await monitor.books(one, seller.organisation)] == [1]
    await append(seller, book(2))
    await seller.witnessing.asking.round()
    assert (await log.head(seller.store)).size == 42
    assert [seen.index for seen in await monitor.books(buyer, seller.organisation)] == [0, 41]
    assert sorted(await witnesses.seen_by(seller.witnessing.asking)) == sorted([buyer.organisation, other.organisation])
    await stop(seller, buyer, other)


async def test_names_of_witnesses_say_nothing_and_differ_from_log_to_log():
    _wires, (seller, buyer) = await firms("Seller", "Buyer")
    first, second = (witness.key_for(buyer.identity, origin_of(one.organisation)) for one in (seller, buyer))
    assert first.verifier.name != second.verifier.name
    assert first.signer.public != second.signer.public != buyer.identity.signer.public
    assert buyer.organisation[:6] not in first.verifier.name
    assert witness.key_for(buyer.identity, origin_of(seller.organisation)).verifier == first.verifier
    keys = await seller.keys(buyer.organisation)
    said = witness.state(buyer.identity, origin_of(seller.organisation))
    assert witness.verify_statement(said, keys) == first.verifier

    for bent in ({"vkey": note.vkey(second.verifier)}, {"origin": origin_of(buyer.organisation)},
                 {"witness": seller.organisation}, {"device": seller.identity.signer.public}):
        with pytest.raises(WeftError):
            witness.verify_statement(msgspec.structs.replace(said, **bent), keys)
    await stop(seller, buyer)


async def test_who_cannot_be_reached_is_asked_again_later():
    wires, (seller, buyer) = await firms("Seller", "Buyer", at_work=True)
    wires.cut.add(frozenset((seller.organisation, buyer.organisation)))
    await append(seller, batch(1))
    await until(lambda: seller.witnessing.asking.failures)
    assert await witness.witnessed(buyer.store, seller.organisation) is None
    wires.cut.clear()

    async def cosigned():
        return await witnesses.seen_by(seller.witnessing.asking) == [buyer.organisation]

    await until(cosigned)
    await stop(seller, buyer)


async def test_a_seller_with_two_stories_of_one_size_is_caught_by_what_its_buyers_tell_each_other():
    _wires, (first, seller, second) = await firms("First", "Seller", "Second")
    await befriend(seller, second)
    await append(seller, *(batch(k) for k in range(20)))
    await seller.witnessing.asking.round()
    lie = branch(seller, [*(batch(k) for k in range(20)), book(7)])
    truth = await append(seller, book(8))
    await seller.witnessing.asking.ask(first.organisation, truth)
    second.witnessing._logs.instead[seller.organisation] = lie
    await second.witnessing.add_checkpoint(seller.organisation, lie.request(20))
    await monitor.follow(second, second.witnessing._logs, seller.organisation)
    assert not first.alarms and not second.alarms  # the control: neither of them can know by itself
    await first.witnessing.gossip(second.organisation)
    for one in (first, second):
        data = await known.red(one.store, seller.organisation)
        told = forks.verify(data)
        assert (told.firm, told.first.size, told.code) == (seller.organisation, 21, "same-size")
        assert one.distrusted([seller.organisation]) == "price-fork"
        (view,) = (await alarms(one)).alarms
        assert (view.why, view.partner) == ("price-fork", seller.organisation)
        with pytest.raises(WeftError) as caught:  # red from then on
            await one.witnessing.add_checkpoint(seller.organisation, lie.request(21))
        assert witness.status(caught.value) == 422
    await stop(first, seller, second)


@pytest.mark.parametrize("longer", [True, False])
async def test_two_stories_of_unlike_sizes_are_caught_as_well_whoever_asks(longer):
    _wires, (first, seller, second) = await firms("First", "Seller", "Second")
    await befriend(seller, second)
    await append(seller, *(batch(k) for k in range(20)))
    await seller.witnessing.asking.round()
    lie = branch(seller, [*(batch(k) for k in range(20)), book(7), *([batch(50), batch(51)] if longer else [])])
    truth = await append(seller, book(8), batch(60))
    await seller.witnessing.asking.ask(first.organisation, truth)
    second.witnessing._logs.instead[seller.organisation] = lie
    await second.witnessing.add_checkpoint(seller.organisation, lie.request(20))
    await monitor.follow(second, second.witnessing._logs, seller.organisation)
    await first.witnessing.gossip(second.organisation)
    await second.witnessing.gossip(first.organisation)
    for one in (first, second):
        told = forks.verify(await known.red(one.store, seller.organisation))
        assert told.code == "rewritten"
    await stop(first, seller, second)


async def test_a_rewritten_log_is_refused_and_its_own_tiles_prove_it():
    _wires, (seller, buyer) = await firms("Seller", "Buyer")
    await append(seller, *(batch(k) for k in range(20)))
    await seller.witnessing.asking.round()
    lie = branch(seller, [batch(99), *(batch(k) for k in range(1, 30))])
    with pytest.raises(WeftError) as caught:
        await buyer.witnessing.add_checkpoint(seller.organisation, lie.request(20))
    assert witness.status(caught.value) == 422
    assert await known.red(buyer.store, seller.organisation) is None  # a refusal alone proves nothing
    buyer.witnessing._logs.instead[seller.organisation] = lie
    await buyer.witnessing.follow_due()
    told = forks.verify(await known.red(buyer.store, seller.organisation))
    assert (told.first.size, told.second.size) == (20, 30)
    await stop(seller, buyer)


async def test_gossip_tells_only_of_logs_that_both_know():
    wires, (hub, seller, secret) = await firms("Hub", "Seller", "Secret")
    await befriend(seller, secret)
    for one in (seller, secret, hub):
        await append(one, batch(1))
        await one.witnessing.asking.round()
    # the seller knows of the firm "Secret" as well as the hub does; but a fourth firm, that only the hub knows:
    _, (lonely,) = await firms("Lonely")
    wires.nodes[lonely.organisation] = lonely
    lonely.peers.wires = lonely.witnessing._logs.wires = wires
    await befriend(hub, lonely)
    await append(lonely, batch(5))
    await lonely.witnessing.asking.round()
    question = await gossip.question(hub)
    assert len(question.asked) == gossip.HASHES_MIN
    hub.peers.asked.clear()
    both = await hub.witnessing.gossip(seller.organisation)
    assert sorted(both) == sorted([hub.organisation, seller.organisation, secret.organisation])
    sent = b"".join(body for _, _, body in hub.peers.asked)
    assert len((await log.head(hub.store)).read.signatures) > 1
    for one in (seller, secret):  # nor by whom, or by how many, our own is seen
        assert witness.key_for(one.identity, origin_of(hub.organisation)).verifier.name.encode() not in sent
    assert origin_of(secret.organisation).encode() in sent
    assert lonely.organisation.encode() not in sent
    await stop(hub, seller, secret, lonely)


async def test_a_buyer_learns_by_which_keys_others_witness_its_seller():
    _wires, (buyer, seller, other) = await firms("Buyer", "Seller", "Other")
    await befriend(seller, other)
    await append(seller, batch(1))
    await seller.witnessing.asking.round()
    held = await gossip.statements(buyer, seller.organisation)
    assert [one.witness for one in held] == [buyer.organisation]
    await buyer.witnessing.gossip(other.organisation)
    held = await gossip.statements(buyer, seller.organisation)
    assert [one.witness for one in held] == [buyer.organisation, other.organisation]
    now = await log.head(seller.store)
    keys = [witness.verify_statement(one, await buyer.keys(one.witness)) for one in held]
    assert len(note.verify(now.read, keys, cosignature.is_signed)) == 2
    await stop(buyer, seller, other)


async def test_at_most_three_contacts_a_day_are_drawn():
    _wires, nodes = await firms("Hub", *(f"Firm{k}" for k in range(5)))
    hub = nodes[0]
    assert len(await hub.witnessing.contacts()) == 3
    assert await hub.witnessing.contacts() == []
    hub.clock.ms += 86_400_000
    assert len(await hub.witnessing.contacts()) == 3
    await stop(*nodes)


async def test_a_long_log_is_followed_in_steps_and_a_late_follower_begins_near_its_end(monkeypatch):
    monkeypatch.setattr(monitor, "KEPT_MAX", 1024)
    _wires, (seller, buyer) = await firms("Seller", "Buyer")
    for start in range(0, 4_000, 500):
        await append(seller, *(batch(k) for k in range(start, start + 500)))
    await seller.witnessing.asking.round()
    followed = await known.followed(buyer.store, seller.organisation)
    assert (followed.size, followed.first) == (4_000, 2_816)
    assert len(await monitor.entries(buyer, seller.organisation, 2_816, 10_000)) == 4_000 - 2_816
    for start in range(4_000, 8_000, 400):
        await append(seller, *(batch(k) for k in range(start, start + 400)))
        await monitor.follow(buyer, buyer.witnessing._logs, seller.organisation)
    followed = await known.followed(buyer.store, seller.organisation)
    assert followed.size == 8_000
    assert 8_000 - followed.first <= 1024 + 2 * monitor.CHUNK + 500
    bundles = await buyer.store.values(known.shelf(known.ENTRIES, seller.organisation))
    assert len(bundles) == -(-8_000 // 256) - followed.first // 256
    await stop(seller, buyer)


async def test_strangers_and_former_partners_are_no_witnesses_and_get_nothing():
    _wires, (hub, seller, stranger) = await firms("Hub", "Seller", "Stranger")
    await append(seller, batch(1))
    lie = branch(seller, [batch(1)])
    asked = ((gossip.GOSSIP_PATH, b"{}"), (gossip.SHOW_PATH, b'{"note":""}'), (gossip.BACK_PATH, b'{"size":0}'))
    for path, body in asked:
        with pytest.raises(WeftError) as caught:
            await stranger.witnessing.answer(seller.organisation, path, body)
        assert caught.value.code == "thread.unknown"
    with pytest.raises(WeftError) as caught:
        await stranger.witnessing.add_checkpoint(seller.organisation, lie.request(0))
    assert witness.status(caught.value) == 404
    with pytest.raises(WeftError) as caught:  # nor does a partner ask for another firm's log
        await hub.witnessing.add_checkpoint(stranger.organisation, lie.request(0))
    assert witness.status(caught.value) == 404
    await stop(hub, seller, stranger)


async def test_a_crash_after_being_cosigned_asks_again_and_is_cosigned_again():
    _, (seller, buyer) = await firms("Seller", "Buyer")
    now = await append(seller, *(batch(k) for k in range(9)))
    asking = seller.witnessing.asking
    await asking.ask(buyer.organisation, now)
    asking.asked.clear()  # what was answered was not kept
    await asking.load()
    asking.asked[buyer.organisation] = witnesses.Asked()
    await asking.ask(buyer.organisation, now)
    assert await witnesses.seen_by(asking) == [buyer.organisation]
    assert len((await log.head(seller.store)).read.signatures) == 2  # each key once
    await stop(seller, buyer)


async def test_how_many_sellers_a_firm_has_does_not_show_in_its_question():
    _, (hub, *sellers) = await firms("Hub", *(f"Seller{k}" for k in range(5)))
    empty = await gossip.question(hub)
    for one in sellers:
        await append(one, batch(1))
        await one.witnessing.asking.ask(hub.organisation, await log.head(one.store))
    full = await gossip.question(hub)
    assert len(empty.asked) == len(full.asked) == gossip.HASHES_MIN
    assert full.asked == sorted(full.asked)
    named = {gossip.hashed(full.salt, origin_of(one.organisation)) for one in sellers}
    assert named < set(full.asked)
    again = await gossip.question(hub)
    assert not set(again.asked) & set(full.asked)  # nor do two questions show what is the same in both
    answer = gossip.read(await hub.witnessing.answer(sellers[0].organisation, gossip.GOSSIP_PATH, msgspec.json.encode(
        gossip.Gossip(full.salt, [gossip.b64(bytes([k]) * 16) for k in range(16)]))), gossip.Gossiped)
    assert answer.heard == []  # who knows no log's name is told nothing
    await stop(hub, *sellers)


async def test_more_logs_than_one_answer_holds_are_told_in_turns(monkeypatch):
    monkeypatch.setattr(gossip, "HEARD_MAX", 2)
    _, (hub, *sellers) = await firms("Hub", *(f"Seller{k}" for k in range(4)))
    for one in sellers:
        await append(one, batch(1))
        await one.witnessing.asking.ask(hub.organisation, await log.head(one.store))
    salt = gossip.b64(bytes(16))
    asked = msgspec.json.encode(gossip.Gossip(salt, [gossip.hashed(salt, origin_of(one.organisation))
                                                     for one in sellers]))
    told = set()
    for _ in range(30):
        answer = gossip.read(await hub.witnessing.answer(sellers[0].organisation, gossip.GOSSIP_PATH, asked),
                             gossip.Gossiped)
        assert len(answer.heard) == 2
        told |= {gossip._whose(one) for one in answer.heard}
    assert told == {one.organisation for one in sellers}
    await stop(hub, *sellers)


async def test_a_lie_met_while_a_long_log_is_followed_in_part_is_caught_at_its_end():
    _, (seller, buyer) = await firms("Seller", "Buyer")
    all_of_it = [batch(k) for k in range(2_000)]
    now = await append(seller, *all_of_it)
    path = await log.consistency(seller.store, monitor.CHUNK, now.size)
    part = monitor.Part(0, all_of_it[:monitor.CHUNK], path)
    followed = await monitor.take(buyer, seller.organisation, now.note.encode(), part)
    assert followed.size == monitor.CHUNK
    lie = branch(seller, [book(1), *all_of_it[1:]])
    await monitor.met(buyer, seller.organisation, lie.note(700))
    assert await known.red(buyer.store, seller.organisation) is None  # it cannot be proved yet
    with pytest.raises(WeftError):
        await monitor.take(buyer, seller.organisation, now.note.encode(), monitor.Part(
            monitor.CHUNK, [batch(9), *all_of_it[monitor.CHUNK + 1:]]))  # nor is what leads elsewhere followed
    rest = monitor.Part(monitor.CHUNK, all_of_it[monitor.CHUNK:])
    assert (await monitor.take(buyer, seller.organisation, now.note.encode(), rest)).size == 2_000
    assert forks.verify(await known.red(buyer.store, seller.organisation)).first.size == 700
    await stop(seller, buyer)
