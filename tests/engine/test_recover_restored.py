"""A stolen machine: the newest backup is restored, all are heard, and only then are the keys changed.

Control: changed at once, they make void on both sides what the firm had said between the backup and the theft.
And a dead disk: the only backup is older than the keys, which partners show first, each of them.
Control: continued before all have, the key log gets a second branch.
"""

import contextlib
import random

import msgspec
import pytest

from tests.engine.test_keyring import SHOP, Desk, paper_of
from tests.engine.test_restore import AUTO, backup_of
from tests.engine.world import DirectPeers, Ticking, Wires, befriend, found, quiet, until
from weft.basis.errors import Denied, Refused
from weft.config import Config, Firm, Peers
from weft.engine import exchange, keyring, keys, restored
from weft.engine.memory import Identity, new_incarnation
from weft.engine.node import Node
from weft.engine.reactions import TABLE, TICKS
from weft.identity.keys import Signer
from weft.trade.messages import Party, PartyUpdated


async def bought_anew(shop, wires, store) -> Node:
    """The shop on another machine, from its backup; not begun."""
    await restored.begin_anew(store, shop.organisation, [])
    luck = random.Random(5)
    config = Config(firm=Firm(name="Shop", lang="en", url="http://127.0.0.1:1"), rules=AUTO,
                    peers=Peers(retry_s_min=0.01, retry_s_max=0.1, poll_wait_s=0.2))
    node = Node(identity=Identity(shop.organisation, shop.identity.signer, new_incarnation(luck.randbytes)),
                store=store, clock=Ticking(shop.clock.now_ms()), random=luck.randbytes, config=config,
                peers=DirectPeers(shop.organisation, wires), table=TABLE, ticks=TICKS, tick_s=0.5)
    node.identity.key_event = (await node.keys(node.organisation)).event
    await node.load()
    return node


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_was_said_between_the_backup_and_the_theft_counts(monkeypatch, at_once):
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    await quiet(shop, factory)
    relation = shop.partner(factory.organisation)
    store = backup_of(shop.store)
    (said,) = await shop.speak(relation, PartyUpdated(party=Party(name="Moved", url="http://127.0.0.1:1")))
    await quiet(shop, factory)
    shop.closing()
    await shop.stop()
    wires.nodes.pop(shop.organisation)
    node = await bought_anew(shop, wires, store)
    desk = Desk()
    with pytest.raises(Refused, match=r"paper\.unheard"):
        await keys.recover(node, paper_of(node), desk, SHOP, Signer(b"d" * 32))
    assert not desk.text, "nothing was begun"
    if at_once:
        monkeypatch.setattr(keys, "_all_heard", lambda _: None)
    else:
        wires.nodes[shop.organisation] = node
        await restored.fetch_back(node.outbox)
        wires.nodes.pop(shop.organisation)
    await keys.recover(node, paper_of(node), desk, SHOP, Signer(b"d" * 32))
    wires.nodes[shop.organisation] = node
    await exchange.answer(factory, shop.organisation, await exchange.own(node))  # as the first request over HTTP does
    await node.begin()
    await until(lambda: not node.unheard)
    await until(lambda: not node.rotated and not factory.rotated)
    await quiet(node, factory)
    assert (said in (await factory.loaded(relation)).void) is at_once
    assert (said in (await node.loaded(relation)).void) is at_once
    await node.stop()
    await factory.stop()


async def shown_keys(node, partner) -> None:
    """What ``node`` gets from ``partner`` when nobody listens to it."""
    answer = await exchange.answer(partner, node.organisation, await exchange.own(node))
    await exchange.take_answer(node, partner.organisation, msgspec.json.encode(answer))


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_backup_older_than_the_keys_comes_back_once_every_partner_has_shown_them(monkeypatch, at_once):
    wires = Wires()
    shop, factory, carrier = await found(wires, "Shop"), await found(wires, "Factory"), await found(wires, "Carrier")
    await befriend(factory, shop)
    await befriend(carrier, shop)
    await quiet(shop, factory, carrier)
    store, desk, old = backup_of(shop.store), Desk(), shop.identity.signer
    await keys.recover(shop, paper_of(shop), desk, SHOP, Signer(b"d" * 32))
    await until(lambda: not shop.rotated)
    await quiet(shop, factory, carrier)
    await factory.stop()  # it does not hear of what follows
    await keys.add_device(shop, await keys.hands(shop, desk.text), Signer(b"t" * 32).public, "till")
    await exchange.answer(carrier, shop.organisation, await exchange.own(shop))
    newest = await shop.keys(shop.organisation)
    shop.closing()
    await shop.stop()
    wires.nodes.pop(shop.organisation)
    shop.identity.signer = old
    node = await bought_anew(shop, wires, store)
    with pytest.raises(Denied, match=r"paper\.other"):
        await keys.hands(node, desk.text)
    assert not keyring.let_go(node)
    await shown_keys(node, factory)
    assert keyring.let_go(node)
    assert (await node.keys(node.organisation)).event != newest.event
    sheet = await keys.hands(node, desk.text)
    with pytest.raises(Refused, match=r"paper\.unseen"):
        await keys.recover(node, sheet, desk, SHOP, Signer(b"e" * 32))
    if at_once:
        async def nobody(_memory):
            return []

        monkeypatch.setattr(exchange, "unseen", nobody)
    else:
        await shown_keys(node, carrier)
        assert (await node.keys(node.organisation)).event == newest.event
    text = desk.text
    await keys.recover(node, sheet, desk, SHOP, Signer(b"e" * 32))
    assert desk.text == text, "the sheet stays good"
    assert node.identity.signer.public == Signer(b"e" * 32).public
    own = await node.keys(node.organisation)
    book = node.book("stock")
    (chain, (n, _)), = (await node.loaded(book)).tips.items()
    assert own.devices[old.public].ends[-1].limit(book, old.public, chain[2]) == n, "what it says to itself counts"
    with contextlib.suppress(Denied):
        await exchange.answer(carrier, node.organisation, await exchange.own(node))
    assert bool(await carrier.store.forks()) is at_once
    await carrier.stop()
