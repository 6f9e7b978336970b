"""The list by which two nodes become level: what it tells, whom, and what is not taken from a partner that lies."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.asking import Client
from tests.engine.test_trade import fill_factory
from tests.engine.world import Wires, befriend, found, quiet
from weft.basis.errors import Invalid
from weft.doors import peer
from weft.engine import restored
from weft.engine.commands import run
from weft.engine.restored import ListReply, ListRequest


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


async def test_a_partner_is_told_of_threads_with_itself_only(three):
    shop, factory, other = three
    told = [thread for thread, _ in (await restored.answer_list(factory, shop.organisation, ListRequest())).threads]
    assert told == sorted({*shop.threads("order"), *shop.threads("relationship")})
    assert len(told) == 3
    assert not {*told} & {*other.threads("order"), *other.threads("relationship")}
    assert (await restored.answer_list(factory, "a stranger", ListRequest())).threads == []
    assert await restored.held(shop, factory.organisation) == await restored.held(factory, shop.organisation)


async def test_a_long_list_comes_in_parts(three, monkeypatch):
    shop, factory, _ = three
    whole = await restored.held(factory, shop.organisation)
    monkeypatch.setattr(restored, "LISTED_MAX", 1)
    assert (await restored.answer_list(factory, shop.organisation, ListRequest())).more
    assert await restored._list_of(shop.outbox, factory.organisation) == whole


async def test_only_who_holds_exactly_the_same_is_heard(three):
    shop, factory, other = three
    factory.unheard |= {shop.organisation, other.organisation}
    for digest in ("", "x", restored._all({}), restored._all(await restored.held(factory, other.organisation))):
        await restored.answer_list(factory, shop.organisation, ListRequest(digest=digest))
        assert shop.organisation in factory.unheard
    same = restored._all(await restored.held(shop, factory.organisation))
    await restored.answer_list(factory, shop.organisation, ListRequest(digest=same))
    assert factory.unheard == {other.organisation}


async def test_a_thread_that_a_partner_only_claims_keeps_it_unheard_and_is_not_begun(three, monkeypatch):
    shop, factory, other = three
    before = await shop.store.threads()
    lie = {**await restored.held(factory, shop.organisation), other.threads("order")[0]: "x", "no such thread": "y"}

    async def lying(_memory, _peer, _request):
        return ListReply(sorted(lie.items()))

    monkeypatch.setattr(restored, "answer_list", lying)
    assert await restored.level(shop.outbox, factory.organisation) is False
    assert await shop.store.threads() == before


async def test_a_list_that_does_not_end_is_left(three, monkeypatch):
    shop, factory, _ = three
    asked = []

    async def endless(_memory, _peer, request):
        asked.append(request.after)
        return ListReply([("a", "x")], more=True)

    monkeypatch.setattr(restored, "answer_list", endless)
    await restored._list_of(shop.outbox, factory.organisation)
    assert asked == ["", "a"]


async def test_whoever_does_not_sign_learns_nothing(three):
    _, factory, _ = three
    client = Client(peer.routes(factory))
    body = msgspec.json.encode(ListRequest())
    for headers in ({}, {"weft-request": "a.b.c.d.e"}, {"weft-request": f"{factory.organisation}.x.1.n.s"}):
        sent = {**headers, "content-length": str(len(body))}
        answer = await client.ask(restored.LIST_PATH, "POST", sent, body, token="")
        assert answer.status == 404
        assert msgspec.json.decode(answer.body) == {"code": "peer.unknown"}


@given(st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["threads", "more", "after", "digest", "x"]), inner,
                                                  max_size=4)), max_leaves=6).map(msgspec.json.encode)))
def test_whatever_arrives_is_read_or_refused(body):
    for read, kind in ((restored.read_list_request, ListRequest), (restored.read_list, ListReply)):
        try:
            assert isinstance(read(body), kind)
        except Invalid as error:
            assert error.code.startswith("sync.")
