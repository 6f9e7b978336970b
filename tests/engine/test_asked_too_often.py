"""A partner that asks for work over the whole thread, to close it or to erase in it, has it done so often and no more.

The partner signs by hand what no honest node says; the other node is whole.
"""

import asyncio
import os

import msgspec
import pytest
import pytest_asyncio

from tests.engine.dealing import dealt
from tests.engine.test_closing import settle
from tests.engine.world import quiet, until
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.errors import Refused, Unavailable
from weft.engine import closing as deals
from weft.engine import effects, erasure, retention, sync
from weft.engine.memory import FOLDS, Memory, StoredCut, _made
from weft.engine.ports import Batch
from weft.engine.room import ASK_MAX, ASKED_MAX, Room
from weft.thread import clock, closing
from weft.thread.closing import ErasureRequested, ThreadClosed
from weft.thread.event import compose, signed_bytes, to_envelope

pytestmark = pytest.mark.asyncio


class ByHand:
    """The shop's side of ``thread``, said word by word."""

    def __init__(self, shop, honest, loaded):
        self.shop, self.honest, self.thread, self.loaded = shop, honest, loaded.thread, loaded
        self.tips = {life: tip for (author, _, life), tip in loaded.tips.items() if author == shop.organisation}
        self.hlc = loaded.hlc

    def word(self, message, parents, kind="Hum", life=""):
        life, signer = life or self.shop.identity.incarnation, self.shop.identity.signer
        n, last = self.tips.get(life, (-1, None))
        self.hlc = clock.tick(self.honest.clock.now_ms(), [self.hlc])
        header = {"v": 1, "t": self.thread, "a": self.shop.organisation, "d": signer.public, "i": life, "n": n + 1,
                  "p": last, "x": sorted(set(parents) - {last}), "ks": self.shop.key_event, "h": self.hlc,
                  "y": kind if message is None else type(message).__name__, "s": 1, "m": self.loaded.machine_name}
        content = canonical.encode({} if message is None else msgspec.to_builtins(message))
        event = compose(header, [("*", content)], [os.urandom(32)])
        self.tips[life] = (n + 1, event.id)
        return msgspec.structs.replace(event, signature=signer.sign(signed_bytes(event.id)))

    def chain(self, messages, parents):
        """Words one above the other."""
        said = []
        for message in messages:
            said.append(self.word(message, parents))
            parents = [said[-1].id]
        return said

    async def hand(self, *events):
        """(codes of what is refused, for how many events the partner pays that were read once more)."""
        folded = []
        request = sync.SyncRequest(self.thread, list(await self.heads()), [to_envelope(event) for event in events])
        reply = await sync.answer(self.honest, self.shop.organisation, request, folded.append)
        return [code for _, code in reply.invalid], sum(folded)

    async def heads(self):
        return (await self.honest.loaded(self.thread)).heads

    async def drawn(self):
        """What followed from it."""
        node = self.honest

        async def done():
            return not (node.effects or node.to_ack or any(not row.final for row in node.work.waiting.values()))
        await until(done)

    async def proposed(self):
        """The proposal that is right as things stand."""
        loaded = await self.honest.whole(self.thread)
        return closing.proposed(loaded.state, deals._denied(loaded))

    async def closed(self):
        """Closed by both."""
        said = await self.proposed()
        await self.hand(self.word(said, await self.heads()))

        async def accepted():
            return (await self.honest.state(self.thread)).closing.acceptance
        await until(accepted)
        acceptance = (await self.honest.state(self.thread)).closing.acceptance
        await self.hand(self.word(ThreadClosed(acceptance=acceptance, state=said.state), await self.heads()))
        await self.drawn()
        assert closing.is_done(await self.honest.state(self.thread))


@pytest_asyncio.fixture
async def partner(monkeypatch):
    async with dealt() as (shop, factory, thread):
        await settle(shop, factory)
        await quiet(shop, factory)
        shop.peers.wires.cut.add(frozenset((shop.organisation, factory.organisation)))
        factory.config = msgspec.structs.replace(
            factory.config, retention=msgspec.structs.replace(factory.config.retention, keep_years=0))
        yield ByHand(shop, factory, await factory.loaded(thread))


@pytest.fixture
def loads(monkeypatch):
    """How often a whole thread was read of which memory holds the end."""
    found, source = [], Memory._load

    async def load(self, row, *, whole=False):
        if whole:
            found.append(row.thread)
        return await source(self, row, whole=whole)
    monkeypatch.setattr(Memory, "_load", load)
    return found


async def lengthened(partner, words=100):
    """A thread of which memory holds the end only; an event from below that."""
    partner.honest.tail_max = 8
    said = partner.chain([None] * words, await partner.heads())
    await partner.hand(*said)
    for _ in range(4):
        await partner.drawn()
        await partner.hand(partner.word(None, await partner.heads()))
    await partner.drawn()
    loaded = await partner.honest.loaded(partner.thread)
    assert loaded.below
    assert said[10].id not in loaded.entries
    return said[10].id


async def test_each_may_propose_so_often_and_what_waits_counts(partner):
    first, *rest = partner.chain([None] + [await partner.proposed()] * (ASKED_MAX + 5), await partner.heads())
    assert (await partner.hand(*rest))[0] == ["thread.asked-too-often"] * 5  # all wait for the first
    assert (await partner.hand(first))[0] == []
    await partner.drawn()
    assert (await partner.hand(*rest[-5:]))[0] == ["thread.asked-too-often"] * 5
    loaded = await partner.honest.whole(partner.thread)
    assert sum(entry.kind == "CloseProposed" for entry in loaded.entries.values()) == ASKED_MAX
    partner.tips[partner.shop.identity.incarnation] = (rest[-6].header.n, rest[-6].id)
    last = partner.word(None, await partner.heads())
    assert (await partner.hand(last))[0] == []
    assert last.id in (await partner.honest.loaded(partner.thread)).entries


async def test_we_do_not_say_either_what_a_partner_would_not_take(partner):
    node, thread = partner.honest, partner.thread
    partner.shop.peers.wires.cut.clear()
    await deals.close(node, thread)
    loaded = await node.loaded(thread)
    one = next(entry for entry in loaded.entries.values() if entry.kind == "CloseProposed")
    for number in range(ASK_MAX - 1):
        loaded.entries[str(number)] = msgspec.structs.replace(one, id=str(number))
    loaded.state = msgspec.structs.replace(loaded.state, closing=None)
    with pytest.raises(Refused, match=r"thread\.asked-too-often"):
        await deals.close(node, thread)


async def test_of_proposals_of_one_moment_the_last_is_looked_at_and_so_many_in_an_hour(partner, loads):
    await retention.look(partner.honest)  # the next look is in an hour
    await lengthened(partner)
    proposal = await partner.proposed()
    loads.clear()
    await partner.hand(*partner.chain([proposal] * 10, await partner.heads()))
    await partner.drawn()
    assert len(loads) <= 1
    node, thread = partner.honest, partner.thread
    while node.proposals_answered[thread] < deals.ANSWERS_AN_HOUR:
        await partner.hand(partner.word(proposal, await partner.heads()))
        await partner.drawn()
    for _ in range(5):
        await partner.hand(partner.word(proposal, await partner.heads()))
        await asyncio.sleep(0.05)
    assert len(loads) == deals.ANSWERS_AN_HOUR
    assert not (await node.state(thread)).closing.acceptance
    node.proposals_answered.clear()  # as the next look does
    await partner.drawn()
    assert (await node.state(thread)).closing.acceptance


async def test_an_answer_that_cannot_be_stored_is_none_and_comes_later(partner, monkeypatch):
    node, thread, source, tries = partner.honest, partner.thread, deals._say, []
    monkeypatch.setattr(effects, "RETRY_MS", (1, 10))

    async def full(*_args):
        tries.append(1)
        raise Unavailable("store.full")
    monkeypatch.setattr(deals, "_say", full)
    await partner.hand(partner.word(await partner.proposed(), await partner.heads()))

    async def tried():
        return len(tries) > deals.ANSWERS_AN_HOUR + 2
    await until(tried)
    assert not node.proposals_answered[thread]
    monkeypatch.setattr(deals, "_say", source)
    await partner.drawn()
    assert (await node.state(thread)).closing.acceptance


async def test_many_requests_of_one_moment_say_no_more_than_a_partner_takes(partner):
    await partner.closed()
    asked = [erasure.request(partner.honest, partner.thread, (), "mistake", f"k{number}")
             for number in range(ASK_MAX + 9)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in done if isinstance(one, Exception)] == ["thread.asked-too-often"] * 9
    loaded = await partner.honest.whole(partner.thread)
    assert sum(entry.kind == "ErasureRequested" for entry in loaded.entries.values()) == ASK_MAX


async def test_our_own_words_are_taken_back_however_many_they_are(partner):
    said = partner.chain([await partner.proposed()] * (ASKED_MAX + 5), await partner.heads())
    ours, theirs = (Room(partner.loaded, said[:20], own, 1_000) for own in (
        partner.shop.organisation, partner.honest.organisation))
    assert [ours.take(event) for event in said[20:]] == [""] * (ASKED_MAX - 15)
    assert [theirs.take(event) for event in said[20:]] == [""] * (ASKED_MAX - 20) + ["thread.asked-too-often"] * 5


async def test_a_proposal_is_digested_once_and_weighs_as_much_as_the_state(partner, monkeypatch):
    proposal = await partner.proposed()
    await partner.hand(*partner.chain([proposal] * 20, await partner.heads()))
    await partner.drawn()
    loaded = await partner.honest.whole(partner.thread)
    digests, source = [], closing._digest
    monkeypatch.setattr(closing, "_digest", lambda plain: (digests.append(1), source(plain))[1])
    before = loaded.folded
    loaded.refold()
    assert len(digests) <= 1, "the state that stands, once; what the proposals hold was digested before"
    assert loaded.folded - before == len(loaded.entries) + loaded._weighed(loaded.entries.values())
    assert loaded._weighed(loaded.entries.values()) >= 20 * (len(msgspec.json.encode(loaded.state)) // 1024) > 0
    assert loaded._weighed(list(loaded.entries.values())[:1]) == 0


async def test_what_closes_is_looked_for_only_where_a_word_needs_it(partner, monkeypatch):
    word = partner.word(None, await partner.heads())
    looks, source = [], closing.seals
    monkeypatch.setattr(closing, "seals", lambda words: (looks.append(1), source(words))[1])
    await partner.hand(word)
    await partner.hand(word)
    assert not looks
    await partner.hand(msgspec.structs.replace(partner.word(None, await partner.heads()), payloads={}))
    assert looks


async def test_a_word_that_waits_has_nothing_read_and_one_that_stands_beside_much_is_paid(partner, loads):
    deep = await lengthened(partner)
    loads.clear()
    waits = partner.word(None, [deep, b64(b"u" * 32)], life=b64(b"one life"))
    for _ in range(2):
        assert await partner.hand(waits) == ([], 0)
    assert not loads
    _, folded = await partner.hand(partner.word(None, [deep], life=b64(b"two life")))
    assert len(loads) == 1
    assert folded >= 2 * 100, "for reading it whole, and for folding it anew"


async def test_each_request_to_erase_is_answered_once_from_one_look(partner, loads):
    await partner.closed()
    node, thread = partner.honest, partner.thread
    said = partner.chain([ErasureRequested(reason="mistake")] * (ASKED_MAX + 1), await partner.heads())
    looks, source = [], closing.echoes
    erasure.closing.echoes = lambda entries: (looks.append(1), source(entries))[1]
    try:
        assert (await partner.hand(*said))[0] == ["thread.asked-too-often"]
        await partner.drawn()
    finally:
        erasure.closing.echoes = source
    assert len(looks) < 2 * ASKED_MAX
    found = await erasure.erasures(node, thread)
    assert len(found) == ASKED_MAX
    assert all(len(one.receipts) == 1 and not one.left for one in found)
    assert (await node.loaded(thread)).bare


async def test_a_pruned_thread_goes_on_and_takes_a_chain_at_once(partner):
    await partner.closed()
    node, thread = partner.honest, partner.thread
    node.tail_max = 16
    await retention.prune(node, thread)
    before = (await node.loaded(thread)).held
    assert (await partner.hand(*partner.chain([None] * 200, await partner.heads()))) == ([], 0)
    await partner.drawn()
    assert (await node.loaded(thread)).held >= before + 200
    await partner.hand(*partner.chain([None] * 20, await partner.heads()))
    await node.speak(thread, ErasureRequested(reason="mistake"))
    await partner.drawn()
    held = (await node.loaded(thread)).held
    first = (await node.store.events(thread))[-20]
    stored = StoredCut(_made(partner.loaded.machine), first.id, first.position, msgspec.Raw(
        msgspec.json.encode(await node.state(thread))), [], "0" * 16)
    for fold in (None, msgspec.json.encode(stored)):  # the latter as a former program left it
        await node.store.commit(Batch(values=[(FOLDS, thread, fold)]))
        node.forget(thread)
        assert (await node.loaded(thread)).held == held
    stale = partner.word(None, [partner.loaded.heads[0]], life=b64(b"one life"))
    await partner.hand(stale)
    assert (await node.loaded(thread)).held == held, "what was pruned does not come back"
