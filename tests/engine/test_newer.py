"""A partner's program is newer than ours: the owner is told to update, nothing is lost, a stranger leaves nothing."""

import msgspec
import pytest

from tests.engine.world import Wires, befriend, found, quiet, until
from tests.simulation.frozen import ONE, TWO, Bid
from weft.basis.errors import NotFound
from weft.engine import machines, memory, receive
from weft.engine.views.health import health
from weft.engine.views.today import today


@pytest.fixture
async def firms(monkeypatch):
    wires = Wires()
    ours, theirs = await found(wires, "Ours"), await found(wires, "Theirs")
    await befriend(ours, theirs)
    await quiet(ours, theirs)
    for one in (ONE, TWO):  # both versions are known everywhere, as of now
        monkeypatch.setitem(machines.MACHINES, one.name, one)
    monkeypatch.setitem(receive.SIDES, "deal", {"buyer", "seller"})
    yield wires, ours, theirs
    for node in (ours, theirs):
        await node.stop()


async def begun(theirs, other, version=TWO):
    """A thread of ``version`` that ``theirs`` begins with ``other``, not handed over."""
    from weft.engine import handle

    members = {theirs.organisation: "buyer", other.organisation: "seller"}
    thread = await handle.open_thread(theirs, version, members, Bid(amount=5), "")
    return thread, await theirs.with_payloads(thread, await theirs.store.events(thread))


async def refused(node, peer, thread, events, monkeypatch):
    """``node``, whose program does not have ``deal/2``, is handed ``events``."""
    with monkeypatch.context() as older:
        older.delitem(machines.MACHINES, TWO.name)
        with pytest.raises(NotFound):
            await receive.receive(node, peer, thread, events)


async def test_the_owner_is_told_once_and_the_thread_comes_after_the_update(firms, monkeypatch):
    wires, ours, theirs = firms
    wires.cut.add(frozenset((ours.organisation, theirs.organisation)))
    thread, events = await begun(theirs, ours)
    for _ in range(2):
        await refused(ours, theirs.organisation, thread, events, monkeypatch)
    assert ours.newer == {theirs.organisation: "deal/2"}
    assert [(one.kind, one.partner_name) for one in (await today(ours)).answer] == [("newer", "Theirs")]
    assert (await health(ours)).newer == ("Theirs",)
    assert await ours.store.pending(thread) == [] and await ours.store.thread(thread) is None
    wires.cut.clear()  # the update has come: the partner hands over again what it has kept
    await until(lambda: thread in ours.threads("deal"))
    assert (await ours.state(thread)).amount == 5
    again = memory.Memory(ours.identity, ours.store, ours.clock, ours.random)
    await again.start()
    assert not again.newer


async def test_threads_of_a_conversation_are_those_of_all_its_versions(firms):
    _, ours, theirs = firms
    both = sorted([(await begun(theirs, ours, version))[0] for version in (ONE, TWO)])
    await until(lambda: ours.threads("deal") == both)
    assert theirs.threads("deal") == both


async def test_a_stranger_or_a_forger_tells_nothing(firms, monkeypatch):
    wires, ours, theirs = firms
    wires.cut.add(frozenset((ours.organisation, theirs.organisation)))
    stranger = await found(wires, "Stranger")
    try:
        for who, bent in ((stranger, None), (theirs, bytes(64))):
            thread, events = await begun(who, ours)
            if bent:
                events = [msgspec.structs.replace(one, signature=bent) for one in events]
            await refused(ours, who.organisation, thread, events, monkeypatch)
            assert not ours.newer
            assert not await ours.store.values(memory.NEWER)
    finally:
        await stranger.stop()
