"""Liars: a fork or another state stops what runs by itself in that thread and nowhere else, until the owner says so."""

import msgspec
import pytest

from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import NotFound, Refused
from weft.engine import sync
from weft.engine.acks import Ack
from weft.engine.commands import run
from weft.engine.handle import _event, _signed
from weft.thread.event import compose, signed_bytes, to_envelope, unwire
from weft.trade.messages import OrderCancellation

LIFE = "AAAAAAAAAAA"  # an incarnation of the liar's own making


@pytest.fixture
async def two():
    wires = Wires()
    seller, buyer = await found(wires, "Seller"), await found(wires, "Buyer")
    await befriend(seller, buyer)
    await quiet(seller, buyer)
    yield wires, seller, buyer
    for node in (seller, buyer):
        await node.stop()


async def asked(buyer, quantity="1"):
    done = await run(buyer, "request-quotation", {
        "supplier": "Seller", "lines": [{"item": "X-1", "quantity": quantity}]})
    return done.thread


async def lie(liar, thread, message):
    """``message`` signed by ``liar`` above all heads, without its own node knowing of it."""
    loaded = await liar.loaded(thread)
    return _signed(liar.identity.signer, loaded.machine, [_event(liar, loaded, loaded.machine, message)])[0]


async def hand(to, liar, thread, *events):
    return await sync.answer(to, liar.organisation, sync.SyncRequest(
        thread=thread, heads=[], events=[to_envelope(one) for one in events]))


async def test_an_ack_of_another_state_is_an_alarm(two):
    _, seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    wrong, right = await lie(buyer, thread, Ack(state="A" * 43)), (await seller.loaded(thread)).state
    await hand(seller, buyer, thread, wrong)
    assert seller.alarms == {thread: "state-mismatch"}
    assert (await seller.loaded(thread)).state == right
    assert (await run_view(seller)).stopped == {thread: "state-mismatch"}


async def run_view(node):
    from weft.engine.views import VIEWS

    return await VIEWS["health"](node)


async def test_nothing_runs_by_itself_in_a_thread_with_an_alarm_until_the_owner_lets_it(two):
    wires, seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    wires.cut.add(frozenset((seller.organisation, buyer.organisation)))
    one, two_ = await lie(buyer, thread, Ack(state="A" * 43)), await lie(buyer, thread, Ack(state="B" * 43))
    seller.alarms.clear()
    await hand(seller, buyer, thread, one)
    reply = await hand(seller, buyer, thread, two_)
    assert [code for _, code in reply.invalid] == ["event.fork"]
    assert thread in seller.alarms
    assert len(await seller.store.forks(thread)) == 1
    from weft.engine.effects import Reaction
    from weft.engine.ports import Batch, EffectRow

    ran = []

    async def note(_node, cause):
        ran.append(cause.thread)

    seller.work.by_name["note"] = Reaction("note", note)
    other = await asked(buyer, "2")
    genesis = (await buyer.loaded(other)).entries[(await buyer.loaded(other)).order[0]]
    wires.cut.clear()
    await until(lambda: other in seller.threads("order"))
    for name, cause in ((thread, (await seller.loaded(thread)).order[0]), (other, genesis.id)):
        row = EffectRow(name, cause, "note", final=False)
        await seller.store.commit(Batch(effects=[row]))
        seller.effects.append(row)
    seller.effects_wake.set()
    await until(lambda: ran)
    assert ran == [other], "the others go on"
    with pytest.raises(NotFound, match="no-alarm"):
        await run(seller, "go-on", {"thread": other})
    await run(seller, "go-on", {"thread": thread})
    await until(lambda: ran == [other, thread])


async def halves(liar, thread):
    """(a beginning, what follows it, another word in the latter's place upon a beginning that nobody gets)."""
    loaded = await liar.loaded(thread)
    made = []
    for mark in "AB":
        first = _event(liar, loaded, loaded.machine, OrderCancellation(reason=mark))
        header = {name: value for name, value in msgspec.structs.asdict(first.header).items()
                  if value is not msgspec.UNSET}
        below = compose({**header, "i": LIFE, "n": 0, "p": None}, *payload(first))
        above = compose({**header, "i": LIFE, "n": 1, "p": below.id, "x": []}, *payload(first))
        made.append([msgspec.structs.replace(one, signature=liar.identity.signer.sign(signed_bytes(one.id)))
                     for one in (below, above)])
    return *made[0], made[1][1]


def payload(event):
    one = event.payloads[0]
    return [("*", one.content)], [one.salt]


@pytest.mark.parametrize("order", ["waits first", "whole first", "at once"])
async def test_a_half_of_a_fork_that_waits_for_its_beginning_keeps_the_whole_half_not_out(two, order):
    wires, seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    wires.cut.add(frozenset((seller.organisation, buyer.organisation)))
    below, whole, waits = await halves(buyer, thread)
    batches = {"waits first": [[waits], [below, whole]], "whole first": [[below, whole], [waits]],
               "at once": [[waits, below, whole]]}[order]
    for batch in batches:
        await hand(seller, buyer, thread, *batch)
    assert await seller.store.event(thread, whole.id) is not None
    assert await seller.store.event(thread, waits.id) is None
    assert not await seller.store.pending(thread), "it can never come after all"
    (proof,) = await seller.store.forks(thread)
    assert {unwire(proof.first).id, unwire(proof.second).id} == {whole.id, waits.id}
    assert seller.alarms[thread] == "fork"


async def test_of_two_halves_that_both_wait_one_stays_and_the_proof_holds_both(two):
    wires, seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    wires.cut.add(frozenset((seller.organisation, buyer.organisation)))
    below, whole, waits = await halves(buyer, thread)
    for one in (waits, whole):
        await hand(seller, buyer, thread, one)
    assert [row.id for row in await seller.store.pending(thread)] == [waits.id]
    assert len(await seller.store.forks(thread)) == 1
    await hand(seller, buyer, thread, below, whole)
    assert await seller.store.event(thread, whole.id) is not None
    assert not await seller.store.pending(thread)


async def test_two_more_words_at_one_place_beside_a_stored_one_are_both_refused(two):
    wires, seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    wires.cut.add(frozenset((seller.organisation, buyer.organisation)))
    below, whole, _ = await halves(buyer, thread)
    await hand(seller, buyer, thread, below, whole)
    more = []
    for salt in (b"2" * 32, b"3" * 32):
        content, _ = payload(whole)
        header = {name: value for name, value in msgspec.structs.asdict(whole.header).items()
                  if value is not msgspec.UNSET}
        one = compose(header, content, [salt])
        more.append(msgspec.structs.replace(one, signature=buyer.identity.signer.sign(signed_bytes(one.id))))
    reply = await hand(seller, buyer, thread, *more)
    assert sorted(reply.invalid) == sorted((one.id, "event.fork") for one in more)
    assert len(await seller.store.forks(thread)) == 1
    assert await seller.store.event(thread, whole.id) is not None


async def test_an_invitation_ends(two):
    wires, seller, _ = two
    late = await found(wires, "Late")
    try:
        link = (await run(seller, "invite", {"days": 1})).facts["link"]
        seller.clock.ms += 86_400_000 + 1
        await run(late, "join", {"link": link})
        await until(lambda: late.outbox.refused)
        assert seller.partner(late.organisation) is None
        assert len(seller.threads("relationship")) == 1
    finally:
        await late.stop()


async def test_a_thread_that_the_partner_refuses_holds_up_no_other(two):
    _, seller, buyer = two
    refused = await buyer.open("order", {buyer.organisation: "buyer", seller.organisation: "seller"},
                               (await buyer.state(await asked(buyer))).request)
    del seller.partners[buyer.organisation]  # as if the order came before the acceptance
    thread = buyer.partners[seller.organisation]
    before = (await seller.loaded(thread)).position
    await run(buyer, "update-party", {})

    async def arrived():
        return (await seller.loaded(thread)).position > before

    await until(arrived)
    assert refused


async def test_a_key_that_meant_one_request_means_no_other(two):
    _, seller, _ = two
    first = await run(seller, "invite", {"note": "a"}, "key")
    with pytest.raises(Refused, match="key-reused"):
        await run(seller, "invite", {"note": "b"}, "key")
    assert first.facts["link"]
