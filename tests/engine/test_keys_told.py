"""A firm's keys are told to its partners, whatever stands in the way of some of them, and of some of the time.

Controls: a node that makes no exchange when its words are refused for keys that the other has not heard of stays
unheard; one that gives up at the first partner that cannot be told leaves the others in the dark.
"""

import asyncio

import pytest

from tests.engine.world import SHEETS, Wires, befriend, found, quiet, until
from weft.basis.errors import Refused
from weft.engine import closing as deals
from weft.engine import exchange, keyring, keys, restored
from weft.engine.memory import RESTORED
from weft.engine.outbox import Outbox
from weft.engine.ports import Batch
from weft.identity.keys import Signer
from weft.thread import closing
from weft.trade.messages import Party, PartyUpdated, RelationshipEnded


def second(node) -> str:
    """The key of another device of ``node``'s firm."""
    return Signer(node.organisation.encode()[:32]).public


@pytest.fixture
async def firms():
    """A, which B and C are partners of."""
    wires = Wires()
    nodes = [await found(wires, name) for name in "ABC"]
    for other in nodes[1:]:
        await befriend(nodes[0], other)
    await quiet(*nodes)
    yield nodes
    for node in nodes:
        await node.stop()


async def hands(node):
    return await keys.hands(node, SHEETS[node.organisation])


async def adds(node):
    await keys.add_device(node, await hands(node), second(node), "node", "second")


async def revokes(node):
    await keys.revoke_device(node, await hands(node), second(node))


async def taken_for(other, node) -> str:
    """What ``other`` takes the second device of ``node`` for."""
    held = (await other.keys(node.organisation)).devices.get(second(node))
    return "unknown" if held is None else "revoked" if held.revoked else "good"


async def hears(other, node, limit_s=5.0) -> bool:
    """Whether ``other`` gets a word that ``node`` says now."""
    thread = node.partner(other.organisation)
    (said,) = await node.speak(thread, PartyUpdated(party=Party(name="moves", url="http://127.0.0.1:1")))

    async def there():
        return await other.holds(await other.loaded(thread), said)

    try:
        await until(there, limit_s)
    except AssertionError:
        return False
    return True


async def leaves(other, node):
    """``other`` ends the partnership and closes it; ``node`` agrees by itself."""
    thread = other.partner(node.organisation)
    await other.speak(thread, RelationshipEnded(reason=""))
    await quiet(other, node)
    await deals.close(other, thread)

    async def done():
        return all([closing.is_done(await one.state(thread)) for one in (other, node)])

    await until(done)
    await quiet(other, node)


async def test_a_partner_that_left_keeps_no_other_from_hearing_of_our_keys(firms):
    a, b, c = firms
    await leaves(b, a)
    await adds(a)
    await revokes(a)

    async def known():
        return await taken_for(c, a) == "revoked"

    await until(known)
    await until(lambda: not a.rotated)
    assert await hears(c, a)


async def test_one_firm_that_cannot_be_told_of_keeps_no_other_from_its_turn(firms, monkeypatch):
    a, b, c = firms
    told = []

    async def tell_all(node, organisation):
        if node is a:
            told.append(organisation)
        if (node, organisation) == (a, b.organisation):
            raise exchange.NotFound("thread.unknown")

    monkeypatch.setattr(exchange, "tell_all", tell_all)
    for one in (b, c):
        await adds(one)
        await revokes(one)

    async def both():
        return [await taken_for(a, one) for one in (b, c)] == ["revoked"] * 2

    await until(both)
    await until(lambda: c.organisation in told)
    assert set(a.rotated) <= {b.organisation}, "its turn comes again, and again"
    with pytest.raises(exchange.NotFound):
        keyring.grown(a, b.organisation)
        await exchange.settle(a)
    assert set(a.rotated) == {b.organisation}


async def test_a_second_change_while_the_first_is_told_is_told_too(firms):
    a, b, c = firms
    commit = a.store.commit

    async def slowly(batch):  # as a disk does
        await commit(batch)
        await asyncio.sleep(0.003)

    a.store.commit = slowly
    await adds(a)
    await asyncio.sleep(0)
    await revokes(a)

    async def known():
        return [await taken_for(one, a) for one in (b, c)] == ["revoked"] * 2

    await until(known)
    assert await hears(b, a)
    assert await hears(c, a)


async def test_keys_that_no_partner_was_told_of_before_a_backup_are_told_when_it_is_heard_again(firms, monkeypatch):
    a, b, c = firms

    async def nobody(_node):
        """As if the node had died, and the backup been made, before it told anybody."""

    with monkeypatch.context() as before:
        before.setattr(exchange, "announce", nobody)
        await adds(a)
        await revokes(a)
        await until(lambda: not a.rotated)
        await a.store.commit(Batch(values=[(RESTORED, c.organisation, b"")]))  # as a restored home is begun
        a.unheard.add(c.organisation)
    with pytest.raises(Refused, match=r"paper\.unheard"):
        await adds(a)
    assert await taken_for(c, a) == "unknown"
    await restored.fetch_back(a.outbox)

    async def known():
        return await taken_for(c, a) == "revoked"

    await until(known)
    assert await hears(c, a)
    assert await hears(b, a)


@pytest.mark.parametrize("shown", [True, False])
async def test_a_key_log_too_long_for_a_message_travels_by_exchange(firms, monkeypatch, shown):
    if not shown:  # the control: a refusal inside an answer of 200 leads to no exchange
        async def never(_self, _peer):
            return True

        monkeypatch.setattr(Outbox, "_show_keys", never)
    a, _, c = firms
    await adds(a)
    await quiet(*firms)
    present = (await hands(a)).present
    await keys._say(a, present, keys.revocations(a, second(a), ["x" * 22] * 5_000))
    keyring.grown(a, a.organisation)
    assert sum(map(len, (await exchange.own(a)).log)) > exchange.CARRIED_MAX
    await until(lambda: not a.rotated)
    assert await hears(c, a, 5.0 if shown else 1.5) is shown
    assert await taken_for(c, a) == ("revoked" if shown else "good")


async def test_a_node_that_asks_for_news_learns_the_keys_of_whose_words_it_cannot_take(firms):
    """C is behind closed doors to A: A's words reach it only where C itself asks."""
    a, _, c = firms
    a.peers.wires.unreachable.add(c.organisation)
    await adds(a)
    present = (await hands(a)).present
    await keys._say(a, present, keys.revocations(a, second(a), ["x" * 22] * 5_000))
    keyring.grown(a, a.organisation)
    await until(lambda: not a.rotated)
    thread = a.partner(c.organisation)
    (said,) = await a.speak(thread, PartyUpdated(party=Party(name="moves", url="http://127.0.0.1:1")))
    await c.outbox.pull(a.organisation, thread)
    assert await c.holds(await c.loaded(thread), said)
    assert await taken_for(c, a) == "revoked"
