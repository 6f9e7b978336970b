"""What a partner says it knows of our keys counts only from itself, at whatever hour, and once we are heard no more."""

import asyncio

import msgspec
import pytest

from tests.engine.test_keyring import SHOP, Desk, paper_of
from tests.engine.test_recover_restored import bought_anew
from tests.engine.test_restore import backup_of
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.engine import exchange, keyring, keys, requests, restored
from weft.engine.budgets import Busy
from weft.engine.memory import RESTORED
from weft.identity.keys import Signer
from weft.peers.http import HttpPeers


@pytest.fixture
async def old():
    """A shop from a backup that is older than its keys, and its partner, which knows them."""
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    await quiet(shop, factory)
    store, device = backup_of(shop.store), shop.identity.signer
    await keys.recover(shop, paper_of(shop), Desk(), SHOP, Signer(b"d" * 32))
    await until(lambda: not shop.rotated)
    await quiet(shop, factory)
    shop.closing()
    await shop.stop()
    wires.nodes.pop(shop.organisation)
    shop.identity.signer = device
    yield await bought_anew(shop, wires, store), factory
    await factory.stop()


def over(node, factory, monkeypatch, *answers):
    """The line of ``node`` to ``factory``; ``answers``: what stands on it instead of the partner, in turn."""
    peers, waiting, asked = HttpPeers(lambda _: "http://factory.example"), list(answers), []
    peers.memory = node

    async def ask(_peers, _base, _organisation, path, body, ahead_ms):
        asked.append((path, ahead_ms))
        nonce = f"nonce {len(asked)}"
        if waiting:
            return waiting.pop(0)(nonce)
        shown = await exchange.answer(factory, node.organisation, exchange.read_exchange(body))
        answer = msgspec.json.encode(shown)
        return 200, answer, nonce, requests.sign_reply(factory, nonce, answer)

    monkeypatch.setattr(HttpPeers, "_ask", ask)
    return peers, asked


@pytest.mark.parametrize("status", [200, 500])
async def test_nobody_else_can_say_that_a_partner_knows_no_more(old, monkeypatch, status):
    node, factory = old
    nothing = msgspec.json.encode(exchange.Exchange(factory.organisation, []))
    peers, _ = over(node, factory, monkeypatch, lambda nonce: (status, nothing, nonce, ""))
    assert not await peers._better_known(factory.organisation, by_our_word=True)
    assert await exchange.unseen(node) == [factory.organisation]
    assert not keyring.let_go(node)
    assert await peers._better_known(factory.organisation, by_our_word=True), "the control: from itself it counts"
    assert await exchange.unseen(node) == []
    assert keyring.let_go(node)


async def test_a_clock_that_is_wrong_keeps_nobody_from_learning_of_his_keys(old, monkeypatch):
    node, factory = old
    told = msgspec.json.encode(requests.TheTime(now_ms=node.clock.now_ms() + 86_400_000))
    peers, asked = over(node, factory, monkeypatch, lambda nonce: (409, told, nonce, ""))
    assert await peers._better_known(factory.organisation, by_our_word=True)
    assert keyring.let_go(node)
    assert asked[0][1] == 0
    assert 0 <= 86_400_000 - asked[1][1] < 60_000


async def test_a_partner_that_is_busy_is_shown_our_keys_when_it_has_time(old, monkeypatch):
    node, factory = old
    peers, _ = over(node, factory, monkeypatch, lambda nonce: (429, b'{"wait_ms": 700}', nonce, ""))
    with pytest.raises(Busy) as busy:
        await peers._better_known(factory.organisation, by_our_word=True)
    assert busy.value.wait_ms == 700
    assert await peers._better_known(factory.organisation, by_our_word=True)


async def test_who_was_heard_while_its_keys_came_in_stays_heard(old, monkeypatch):
    node, factory = old
    commit, going_on = node.store.commit, asyncio.Event()

    async def slow(batch):
        await commit(batch)
        if any(row[0] == RESTORED and row[2] is None for row in batch.values):
            await going_on.wait()

    monkeypatch.setattr(node.store, "commit", slow)
    hearing = asyncio.create_task(restored.heard(node, factory.organisation))
    await asyncio.sleep(0.01)
    shown = await exchange.answer(factory, node.organisation, await exchange.own(node))
    taking = asyncio.create_task(exchange.take_answer(node, factory.organisation, msgspec.json.encode(shown)))
    await asyncio.sleep(0.01)
    going_on.set()
    await hearing
    await taking
    assert not node.unheard
    assert not await node.store.values(RESTORED)
