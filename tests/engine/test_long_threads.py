"""A long thread is held from a cut on: the same as the whole of it, whatever comes, and in whatever order."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.world import Wires, befriend, found, quiet
from weft.engine import handle, sync, threads
from weft.engine.acks import Ack
from weft.engine.machines import machine, state_hash
from weft.engine.memory import Memory
from weft.engine.threads import Entry, Loaded
from weft.trade.messages import Party, PartyUpdated, RelationshipAccepted, RelationshipProposed
from weft.trade.say import Say

A, B = "a" * 43, "b" * 43
KNOWN = machine("relationship/1")


@pytest.fixture
def short(monkeypatch):
    """Cuts close together, so that a short thread is long."""
    monkeypatch.setattr(threads, "CUT_EVERY", 3)


def entry(number: int, author: str, parents: tuple[str, ...], message) -> Entry:
    return Entry(id=f"e{number:04d}", author=author, kind=type(message).__name__, message=message, hlc="0" * 16,
                 parents=parents, chain=(author, author, "i"), n=number)


def begun() -> Loaded:
    return Loaded(thread="t", machine=KNOWN, machine_name=KNOWN.name, members={A: "invitee", B: "inviter"},
                  state=KNOWN.conversation.INITIAL)


@st.composite
def histories(draw):
    """Entries, parents first: two members who speak by turns, or beside each other, or (rarely) beside old words."""
    told = [entry(0, A, (), RelationshipProposed(party=Party(name="A"), key_log=())),
            entry(1, B, ("e0000",), RelationshipAccepted(party=Party(name="B"), key_log=()))]
    for number in range(2, draw(st.integers(10, 60))):
        author = draw(st.sampled_from((A, B)))
        named = {parent for one in told for parent in one.parents}
        heads = tuple(sorted(one.id for one in told if one.id not in named))
        depth = draw(st.sampled_from((0,) * 20 + (1, 1, 2, 9)))
        parents = heads if depth == 0 else (told[max(0, len(told) - 1 - depth)].id,)
        party = Party(name=draw(st.sampled_from("xyz")))
        words = Ack(state=""), PartyUpdated(party=party), RelationshipAccepted(party=party, key_log=())
        message = draw(st.sampled_from(words))
        told.append(entry(number, author, parents, message))
    return told


@settings(max_examples=150, deadline=None)
@given(histories(), st.integers(4, 12))
def test_a_thread_held_from_a_cut_on_reads_as_the_whole(told, most):
    kept, threads.CUT_EVERY = threads.CUT_EVERY, 2
    try:
        whole, held = begun(), begun()
        for one in told:
            whole = whole.extended([one])
            if held.below and not set(one.parents) <= held.entries.keys():
                held = whole  # as the engine does: read anew from its beginning
                continue
            held = held.extended([one])
            held.trim(most)
            assert held.state == whole.state
            assert held.heads == whole.heads
            assert held.position == whole.position
            assert held.order == whole.order[held.below:]
            assert held.void == {name: code for name, code in whole.void.items() if name in held.entries}
            assert held.final() == whole.final() & held.entries.keys()
            assert whole.final() >= set(whole.order[:held.below]), "what is below a cut is final"
    finally:
        threads.CUT_EVERY = kept


async def _long(wires: Wires, rounds: int = 30):
    """(factory, shop, their relationship after many words), each holding no more than a few of them."""
    factory, shop = await found(wires, "Factory"), await found(wires, "Shop")
    factory.tail_max = shop.tail_max = 12
    await befriend(factory, shop)
    thread = factory.partner(shop.organisation)
    await quiet(factory, shop)
    await _talk(factory, shop, thread, rounds)
    return factory, shop, thread


async def _talk(factory, shop, thread: str, rounds: int) -> None:
    """They speak by turns, each above what the other has said."""
    for turn in range(rounds):
        one, other, role = ((factory, shop, "inviter"), (shop, factory, "invitee"))[turn % 2]
        party = Party(name=f"{turn}", url="http://127.0.0.1:1")
        (said,) = await handle.say(one, thread, [Say(role, one.organisation, PartyUpdated(party=party))])
        await other.outbox.pull(one.organisation, thread)
        assert await other.holds(await other.loaded(thread), said)
    await quiet(factory, shop)


async def test_both_ends_of_a_long_thread_agree_and_a_restart_reads_only_its_end(short):
    factory, shop, thread = await _long(Wires())
    try:
        for node in (factory, shop):
            held = await node.loaded(thread)
            assert held.below > 20
            assert len(held.entries) < held.position - 20
            whole = await node.whole(thread)
            assert state_hash(whole.state) == state_hash(held.state)
            again = Memory(node.identity, node.store, node.clock, node.random)
            anew = await again.loaded(thread)
            assert anew.below > 20, "read from the stored cut on"
            assert (anew.heads, anew.position, anew.tips, anew.hlc) == (held.heads, held.position, held.tips, held.hlc)
            assert state_hash(anew.state) == state_hash(held.state)
            assert len(await node.log(thread)) == held.position, "whoever asks for all of it gets it"
        assert (await factory.loaded(thread)).heads == (await shop.loaded(thread)).heads
    finally:
        await factory.stop()
        await shop.stop()


async def test_a_stored_fold_of_another_make_is_not_read(short, monkeypatch):
    factory, shop, thread = await _long(Wires())
    try:
        from weft.engine import memory

        monkeypatch.setattr(memory, "__version__", "another")
        again = Memory(factory.identity, factory.store, factory.clock, factory.random)
        anew = await again.loaded(thread)
        assert anew.below == 0
        assert state_hash(anew.state) == state_hash((await factory.loaded(thread)).state)
    finally:
        await factory.stop()
        await shop.stop()


async def test_who_has_lost_everything_gets_all_of_a_long_thread(short):
    factory, shop, thread = await _long(Wires())
    try:
        loaded = await factory.loaded(thread)
        given, more = await sync.lacking(factory, loaded, [])
        assert len(given) == loaded.position
        assert not more
        order = [event.id for event in map(sync.from_envelope, given)]
        assert order[0] == (await factory.whole(thread)).order[0], "parents first"
        few, _ = await sync.lacking(factory, loaded, [loaded.order[-2]])
        assert len(few) == 1, "and who lacks one gets one"
    finally:
        await factory.stop()
        await shop.stop()


async def test_a_word_beside_what_is_long_final_is_read_alike_on_both_sides(short):
    wires = Wires()
    factory, shop, thread = await _long(wires)
    try:
        whole = await shop.whole(thread)
        old = whole.entries[whole.order[4]]
        after = await shop.loaded(thread)
        aside = after.copied()
        aside.heads, aside.tips = (old.id,), {}  # a second device of the shop that has seen nothing since
        mine, shop.identity.incarnation = shop.identity.incarnation, "AAAAAAAAAAA"
        event = handle._event(shop, aside, KNOWN, PartyUpdated(party=Party(name="late")))
        shop.identity.incarnation = mine
        (event,) = handle._signed(shop.identity.signer, KNOWN, [event])
        from weft.engine.receive import receive

        for node, peer in ((shop, factory), (factory, shop)):
            result = await receive(node, peer.organisation, thread, [event])
            assert result.stored == [event.id]
        await quiet(factory, shop)
        for node in (factory, shop):
            assert state_hash((await node.whole(thread)).state) == state_hash((await node.loaded(thread)).state)
        assert (shop.alarms, factory.alarms) == ({thread: "stolen"}, {}), "it knows no other life of its device"
        assert (await factory.loaded(thread)).heads == (await shop.loaded(thread)).heads
        await _talk(factory, shop, thread, 20)
        assert (await factory.loaded(thread)).below > 30, "and it is cut again"
    finally:
        await factory.stop()
        await shop.stop()


def test_control_a_cut_that_not_all_have_spoken_above_would_leave_words_of_honest_members_below(short):
    """What ``trim`` waits for: here one member speaks alone, and the other's answer comes beside its first words."""
    loaded = begun().extended([entry(0, A, (), RelationshipProposed(party=Party(name="A"), key_log=())),
                               entry(1, B, ("e0000",), RelationshipAccepted(party=Party(name="B"), key_log=()))])
    names = [f"e{number:04d}" for number in range(1, 30)]
    loaded = loaded.extended(entry(number + 2, A, (before,), PartyUpdated(party=Party(name="A")))
                             for number, (before, _) in enumerate(pairwise(names)))
    assert not loaded.trim(4)
    loaded.spoke = dict.fromkeys(loaded.spoke, loaded.position)  # the flaw
    assert loaded.trim(4)
    assert "e0001" not in loaded.entries, "upon which the other's answer would follow"
