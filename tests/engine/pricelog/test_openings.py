"""What a partner shows of its record is kept as it travelled: of a batch its proof once, for all that it binds."""

import random

import msgspec

from tests.engine.dealing import dealt
from tests.engine.pricelog.firms_of_the_log import firms, stop
from tests.engine.pricelog.test_binding import said, told
from weft.engine.effects import Cause
from weft.engine.ports import Batch
from weft.engine.pricelog import checking, evidence, gathering
from weft.pricing import commitment
from weft.trade.messages import Quotation
from weft.trade.shown import PriceOpening, PricesCommitted

PROOF = "p" * 2_400  # a proof under sixteen witnesses


def committed(count):
    """The word that shows ``count`` documents of one batch."""
    draw = random.Random(4).randbytes
    pairs = [(draw(32), draw(32)) for _ in range(count)]
    made = commitment.batch([commitment.commit(*one) for one in pairs], draw)
    shown = tuple(msgspec.convert(msgspec.to_builtins(one), PriceOpening) for one in commitment.openings(made, pairs))
    return PricesCommitted(leaf='{"at":"2026-11-25T08:00:00.000Z","kind":"batch","n":64,"root":"' + "r" * 43 + '"}',
                           proof=PROOF, openings=shown)


def from_partner(partner, message):
    return Cause("", "", partner.organisation, "", "", message, 0, "")


async def weight(node):
    """Bytes that openings take in the store, with what they rest on."""
    rows = [data for bucket in (gathering.BOUND, gathering.BATCHES) for _, data in await node.store.values(bucket)]
    return sum(len(one) for one in rows)


async def test_openings_of_one_batch_keep_its_proof_once_and_not_once_each():
    _, (node, partner) = await firms("Buyer", "Seller")
    word = committed(64)
    await checking.take_openings(node, from_partner(partner, word))
    kept = await weight(node)
    travelled = len(msgspec.json.encode(word))
    assert kept < 1.25 * travelled
    # the control: as it was kept before, the proof with each of them
    before = sum(len(msgspec.msgpack.encode(gathering.Bound(
        partner.organisation, msgspec.convert(msgspec.to_builtins(one), commitment.Opening), word.leaf.encode(),
        word.proof))) for one in word.openings)
    assert before > 4 * kept
    assert len(await node.store.values(gathering.BATCHES)) == 1
    await checking.take_openings(node, from_partner(partner, word))  # once more changes nothing
    assert await weight(node) == kept
    await stop(node, partner)


async def test_what_was_kept_the_old_way_is_read_as_before():
    async with dealt() as (shop, factory, thread):
        await told(shop, factory)
        (one,) = await said(shop, thread, Quotation)
        new = await checking.export(shop, thread, one.id)
        verdict = gathering.verdict_of(await gathering.gather(shop, thread, one.id))
        bound = await gathering._bound(shop, one.id, factory.organisation)
        old = {"seller": bound.seller, "opening": msgspec.to_builtins(bound.opening), "entry": bound.entry,
               "proof": bound.proof}
        await shop.store.commit(Batch(values=[
            (gathering.BOUND, f"{factory.organisation}/{one.id}", msgspec.msgpack.encode(old)),
            *((gathering.BATCHES, name, None) for name, _ in await shop.store.values(gathering.BATCHES))]))
        assert gathering.verdict_of(await gathering.gather(shop, thread, one.id)) == verdict
        again = await checking.export(shop, thread, one.id)
        assert evidence.parse(again).opening == evidence.parse(new).opening
        assert evidence.parse(again).batch_proof == evidence.parse(new).batch_proof != ""


async def test_an_opening_that_is_shown_again_with_another_proof_replaces_nothing():
    _, (node, partner) = await firms("Buyer", "Seller")
    word = committed(3)
    await checking.take_openings(node, from_partner(partner, word))
    await checking.take_openings(node, from_partner(partner, msgspec.structs.replace(word, proof="other")))
    bound = await gathering._bound(node, word.openings[0].document, partner.organisation)
    assert (bound.proof, bound.entry) == (PROOF, word.leaf.encode())
    assert len(await node.store.values(gathering.BATCHES)) == 1
    await stop(node, partner)
