"""A node that nobody can reach asks for news; one thread that it cannot take in delays no other for long."""

import asyncio

import pytest

from tests.engine.world import Wires, befriend, found, until
from weft.basis.errors import Invalid
from weft.engine.outbox import Outbox
from weft.trade.messages import Party, PartyUpdated

ASK_MS = 40


class Choosy(Outbox):
    """The outbox of a node that can never take in the threads named in ``never``."""

    never: frozenset[str] = frozenset()

    async def pull(self, peer: str, thread: str) -> None:
        if thread in self.never:
            raise Invalid("thread.forked")


@pytest.fixture
async def hidden():
    """(a partner that speaks, a node that asks, the thread between them)."""
    wires = Wires()
    partner, node = await found(wires, "Partner"), await found(wires, "Hidden")
    await befriend(partner, node)
    yield partner, node, node.partner(partner.organisation)
    await node.stop()
    await partner.stop()


async def pauses(hidden, monkeypatch) -> list[float]:
    """How long the node rests between questions while its partner has news for it that it can never take in."""
    partner, node, thread = hidden
    rests: list[float] = []
    rest = asyncio.sleep

    async def watched(delay, result=None):
        if asyncio.current_task() is asking:
            rests.append(delay)
            delay = 0
        return await rest(delay, result)

    monkeypatch.setattr(Outbox, "pull", Choosy.pull)
    monkeypatch.setattr(Outbox, "never", frozenset({thread}), raising=False)
    partner.peers.wires.unreachable.add(node.organisation)
    said = PartyUpdated(party=Party(name="Partner", address="Hall 2"))
    await partner.speak(thread, said, "moved")
    monkeypatch.setattr(asyncio, "sleep", watched)
    node.outbox.retry_ms = (1, 300_000)
    asking = asyncio.create_task(node.outbox.poll(partner.organisation, ASK_MS))
    await until(lambda: len(rests) > 12)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return rests


async def test_what_cannot_be_taken_in_is_asked_for_no_seldomer_than_news(hidden, monkeypatch):
    rests = await pauses(hidden, monkeypatch)
    assert len(rests) > 12
    assert max(rests) <= ASK_MS / 1000


async def test_control_a_partner_out_of_reach_is_asked_ever_seldomer(hidden, monkeypatch):
    partner, node, _ = hidden
    node.peers.wires.cut.add(frozenset((partner.organisation, node.organisation)))
    rests = await pauses(hidden, monkeypatch)
    assert max(rests) > ASK_MS / 1000
