"""Nodes become level by comparing: what is told, whom; what got lost is made good; what is not taken from a liar."""

import asyncio

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.test_trade import fill_factory
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import Invalid, Unavailable
from weft.doors import peer
from weft.engine import levelling, reconcile, restored
from weft.engine.commands import run
from weft.engine.levelling import RECONCILE_PATH
from weft.engine.ports import Batch
from weft.engine.reconcile import Answer, Holding, Part, Question, Range


@pytest.fixture
async def three():
    wires = Wires()
    shop, factory, other = await found(wires, "Shop"), await found(wires, "Factory"), await found(wires, "Other")
    for one in (shop, other):
        await befriend(factory, one)
    await fill_factory(factory)
    for one in (shop, other, shop):
        await run(one, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "2"}]})
    await quiet(shop, factory, other)
    yield shop, factory, other
    for node in (shop, factory, other):
        await node.stop()


async def everything_told(node, asker: str) -> list[str]:
    """All that ``asker`` can get to know, asking for the whole with a print that is never right."""
    told = await restored.answer(node, asker, Question([Range("", "", "?")]))
    return [thread for part in told.ranges for thread, _ in part.items]


async def test_a_partner_is_told_of_threads_with_itself_only(three):
    shop, factory, other = three
    told = await everything_told(factory, shop.organisation)
    assert told == sorted({*shop.threads("order"), *shop.threads("relationship")})
    assert len(told) == 3
    assert not {*told} & {*other.threads("order"), *other.threads("relationship")}
    assert await everything_told(factory, "a stranger") == []
    theirs, ours = factory.holdings.with_(shop.organisation), shop.holdings.with_(factory.organisation)
    assert reconcile.everything(ours) == reconcile.everything(theirs)


async def test_what_was_noted_with_each_commit_is_what_a_restart_reads(three):
    for node in three:
        again = type(node.holdings)()
        for row in await node.store.threads():
            members = msgspec.json.decode(row.members, type=dict[str, str])
            if node.organisation in members:
                again.note(node.organisation, members, row.thread, row.heads)
        for partner in node.partners:
            assert again.with_(partner).heads == node.holdings.with_(partner).heads


async def test_only_who_holds_exactly_the_same_is_heard(three):
    shop, factory, other = three
    factory.unheard |= {shop.organisation, other.organisation}
    for holding in (Holding({}), factory.holdings.with_(other.organisation), Holding({"x": "y"})):
        await restored.answer(factory, shop.organisation, reconcile.everything(holding))
        assert shop.organisation in factory.unheard
    await restored.answer(factory, shop.organisation, reconcile.everything(shop.holdings.with_(factory.organisation)))
    assert factory.unheard == {other.organisation}


async def test_a_thread_that_a_partner_only_claims_keeps_it_unheard_and_is_not_begun(three, monkeypatch):
    shop, factory, other = three
    before = await shop.store.threads()
    lie = {**factory.holdings.with_(shop.organisation).heads, other.threads("order")[0]: "x", "no such thread": "y"}

    async def lying(_memory, _peer, question):
        return reconcile.answer(Holding(lie), question)

    monkeypatch.setattr(restored, "answer", lying)
    assert await levelling.level(shop.outbox, factory.organisation) is False
    assert await shop.store.threads() == before


async def test_an_answer_without_end_is_left(three, monkeypatch):
    shop, factory, _ = three

    async def endless(_memory, _peer, question):
        return Answer([Part(parts=[(one.low + "A", "x"), (one.low + "B", "x"), (one.high, "x")])
                       for one in question.ranges])

    monkeypatch.setattr(restored, "answer", endless)
    with pytest.raises(Invalid):
        await levelling.level(shop.outbox, factory.organisation)


async def test_whoever_does_not_sign_learns_nothing(three):
    _, factory, _ = three
    client = Client(peer.routes(factory))
    body = msgspec.json.encode(Question([Range("", "", "?")]))
    for headers in ({}, {"weft-request": "a.b.c.d.e"}, {"weft-request": f"{factory.organisation}.x.1.n.s"}):
        sent = {**headers, "content-length": str(len(body))}
        answer = await client.ask(RECONCILE_PATH, "POST", sent, body, token="")
        assert answer.status == 404
        assert msgspec.json.decode(answer.body) == {"code": "peer.unknown"}


# ---- what got lost is made good ------------------------------------------------------------------


async def lost(shop, factory):
    """A word of the shop whose delivery is forgotten: the row of the outbox is gone and nobody was woken."""
    wires = shop.peers.wires
    pair = frozenset((shop.organisation, factory.organisation))
    wires.cut.add(pair)
    done = await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "1"}]})
    await shop.store.commit(Batch(outbox_settled=[(factory.organisation, done.thread)]))
    wires.cut.discard(pair)
    shop.outbox.back.clear()
    await asyncio.sleep(0.2)
    return done.thread


async def test_a_delivery_that_was_forgotten_is_made_good_within_the_hour(three, monkeypatch):
    monkeypatch.setattr(levelling, "CHECK_S", 0.02)
    shop, factory, _ = three
    thread = await lost(shop, factory)
    shop.outbox.back_wake.set()
    await asyncio.sleep(0.2)
    assert thread not in factory.threads("order"), "not before its time"
    shop.clock.ms += 3_600_000
    shop.outbox.back_wake.set()
    await until(lambda: thread in factory.threads("order"))


async def test_control_without_the_comparison_it_stays_lost(three, monkeypatch):
    shop, factory, _ = three

    async def nothing(_outbox, _peer):
        return True

    monkeypatch.setattr(levelling, "level", nothing)
    thread = await lost(shop, factory)
    shop.outbox.back_wake.set()
    await until(lambda: factory.organisation in shop.leveller.due_ms)
    shop.clock.ms += 3_600_000
    shop.outbox.back_wake.set()
    await asyncio.sleep(0.5)
    assert thread not in factory.threads("order")
    assert shop.leveller.compared > 0, "the time had come"


async def test_a_partner_that_is_back_is_compared_at_once(three):
    shop, factory, _ = three
    thread = await lost(shop, factory)
    shop.outbox.failures[factory.organisation] = 3
    shop.outbox.heard(factory.organisation)
    await until(lambda: thread in factory.threads("order"))


async def test_one_partner_that_cannot_be_asked_keeps_no_other_from_it(three):
    shop, factory, other = three
    factory.peers.wires.cut.add(frozenset((factory.organisation, other.organisation)))
    with pytest.raises(Unavailable):
        await levelling.level(factory.outbox, other.organisation)
    thread = await lost(shop, factory)
    factory.outbox.back.update({other.organisation: None, shop.organisation: None})
    factory.outbox.back_wake.set()
    await until(lambda: thread in factory.threads("order"))
