"""Devices and keys in worlds of nodes: whatever the order of arrival, both sides come to the same verdicts.

The thief has a copy of a home: the same device key, the same life, and says what the firm never said.
"""

import copy
import itertools
import json
from pathlib import Path

import pytest

from tests.engine.world import FOUNDERS, NEXT_SEEDS, Ticking, Wires, befriend, found, quiet, randomness, until
from weft.basis.canonical import b64
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable
from weft.engine import handle, keyring, keys, papers, views
from weft.engine.commands.partners import device_in
from weft.engine.machines import MACHINES, state_hash
from weft.engine.memory import Identity, Memory
from weft.engine.packs import pack
from weft.engine.receive import receive, take_key_event
from weft.engine.threads import entry_of
from weft.identity import did, keylog
from weft.identity.keylog import DeviceDelegation, DeviceRevocation, KeyRotation
from weft.identity.keys import Signer, seal
from weft.thread import event as events
from weft.thread.audit import audit
from weft.trade.messages import Party, PartyUpdated
from weft.trade.say import Say

VECTORS = Path(__file__).parents[1] / "vectors" / "signatures.json"
GONE = "event.revoked-device"
NEW = Signer(b"n" * 32)
SHOP = keys.Firm("Shop")
WEAK = [one["key"] for one in json.loads(VECTORS.read_text(encoding="utf-8"))["keys"] if not one["sound"]][::9]


class Desk:
    """A paper that keeps what is written."""

    def __init__(self):
        self.text = ""

    def read(self):
        return self.text

    def write(self, text):
        self.text = text

    def remove(self):
        self.text = ""


class Cut(Desk):
    """A paper whose printer takes the first sheet and dies, once, before the second."""

    def __init__(self):
        super().__init__()
        self.sheets = 0

    def write(self, text):
        self.sheets += 1
        if self.sheets == 2:
            raise OSError("the power is gone")
        super().write(text)


async def two(wires=None):
    wires = wires or Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    await quiet(shop, factory)
    return wires, shop, factory


def hands(node, *, following=None):
    founder = FOUNDERS[node.organisation]
    return keys.Hands(founder, following, {})


def thief_of(node, life=""):
    """Whoever copied the home of ``node``: another memory over a copy of its store, with the same device and life.

    ``life``: of his own, as one has who restores a stolen backup.
    """
    mine = node.identity
    stolen = Identity(mine.organisation, mine.signer, life or mine.incarnation, mine.key_event)
    return Memory(stolen, copy.deepcopy(node.store), Ticking(), randomness(99))


async def stolen_words(node, thread, count=3, life=""):
    """Words of the thief in ``thread``, one above the other, as events."""
    thief = thief_of(node, life)
    said = []
    for number in range(count):
        party = Party(name=f"Thief {number}", lang="en", url="http://127.0.0.1:9")
        said += await handle.say(thief, thread, [Say(_role(thief, await thief.loaded(thread)), thief.organisation,
                                                     PartyUpdated(party=party, key_log=()))])
    return [await thief.event(thread, name) for name in said]


def _role(memory, loaded):
    return loaded.members[memory.organisation]


async def key_event(node, message, signer=None):
    """``message`` as the next event of the key log of ``node``, which does not know of it yet."""
    loaded = await node.loaded(node.organisation)
    signer = signer or FOUNDERS[node.organisation]
    made = handle._key_event(node, loaded, signer, loaded.machine, message)
    return events.unwire(events.wire(events.Event(
        made.id, made.thread, made.header, made.raw, signer.sign(events.signed_bytes(made.id)), made.payloads)))


def void(loaded):
    return {name: code for name, code in loaded.void.items() if code == GONE}


# ---- any order -----------------------------------------------------------------------------------


async def test_a_revocation_and_the_words_beyond_it_give_one_result_in_every_order_of_arrival():
    """The factory gets a revocation, three words of the thief and one of the shop's own in all 120 orders."""
    wires, shop, factory = await two()
    thread = factory.partner(shop.organisation)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    words = await stolen_words(shop, thread)
    places = await keys.counting(shop, shop.identity.signer.public)
    (message,) = keys.revocations(shop, shop.identity.signer.public, places)
    revocation = await key_event(shop, message)
    later = (await key_event_after(shop, revocation, DeviceDelegation(device=NEW.public, scope="node")))
    own = await word_of_new_device(shop, thread, later)
    before = state_hash((await factory.loaded(thread)).state)
    await factory.stop()
    await shop.stop()
    states, voids = set(), set()
    for order in itertools.permutations([*words, [revocation, later], own]):
        memory = Memory(factory.identity, copy.deepcopy(factory.store), Ticking(), randomness(5))
        for one in [*order, own]:  # what could not be verified without the keys is sent again, as sync does
            if isinstance(one, list):
                for part in one:
                    await take_key_event(memory, shop.organisation, part)
                await keyring.tell_all(memory, shop.organisation)
            else:
                await receive(memory, shop.organisation, thread, [one])
        loaded = await memory.loaded(thread)
        states.add(state_hash(loaded.state))
        voids.add(frozenset(void(loaded)))
    assert voids == {frozenset(word.id for word in words)}
    assert len(states) == 1
    assert states != {before}, "the word of the new device counts"


async def key_event_after(node, above, message):
    """``message`` as a key event above ``above``, the event that follows what ``node`` holds."""
    loaded = (await node.loaded(node.organisation)).extended(
        [entry_of(above, MACHINES["keylog/1"])])
    founder = FOUNDERS[node.organisation]
    made = handle._key_event(node, loaded, founder, loaded.machine, message)
    return events.Event(made.id, made.thread, made.header, made.raw,
                        founder.sign(events.signed_bytes(made.id)), made.payloads)


async def word_of_new_device(node, thread, ks):
    memory = Memory(Identity(node.organisation, NEW, "AAAAAAAAAAA", ks.id), copy.deepcopy(node.store), Ticking(),
                    randomness(7))
    loaded = await memory.loaded(thread)
    party = Party(name="Shop with a new machine", lang="en", url="http://127.0.0.1:2")
    return handle.word(memory, loaded, loaded.machine, PartyUpdated(party=party, key_log=()))


async def test_control_a_revocation_by_time_of_arrival_differs_between_two_who_heard_in_another_order():
    """What a node that refuses at the door would hold: words that came before the revocation, and not those after."""
    wires, shop, factory = await two()
    thread = factory.partner(shop.organisation)
    wires.cut.add(frozenset((shop.organisation, factory.organisation)))
    words = await stolen_words(shop, thread)
    await factory.stop()
    await shop.stop()
    held = set()
    for early in range(len(words) + 1):
        memory = Memory(factory.identity, copy.deepcopy(factory.store), Ticking(), randomness(5))
        for one in words[:early]:  # the revocation comes now, and what comes later is refused
            await receive(memory, shop.organisation, thread, [one])
        held.add(state_hash((await memory.loaded(thread)).state))
    assert len(held) > 1


# ---- the story of a thief ------------------------------------------------------------------------


def paper_of(node):
    """The hands of an owner who holds the sheet."""
    seed = NEXT_SEEDS[node.organisation]
    return keys.Hands(FOUNDERS[node.organisation], Signer(seed), {Signer(seed).public: seed})


async def recovered(node, desk=None, **more):
    """The owner recovers on ``node``: it goes on with another device key."""
    await keys.recover(node, paper_of(node), desk or Desk(), SHOP, Signer(b"d" * 32), **more)
    await until(lambda: not node.rotated)


@pytest.mark.parametrize("life", ["", b64(b"a backup")])
async def test_what_a_thief_said_is_void_on_both_sides_once_the_owner_has_recovered(life):
    _, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    words = await stolen_words(shop, relation, 1, life)
    await receive(factory, shop.organisation, relation, words)
    await quiet(factory, shop)
    assert relation in factory.partners.values()
    assert (await factory.state(relation)).parties[shop.organisation].name == "Thief 0", "until then it counts"
    await until(lambda: shop.alarms == {relation: "stolen"})
    await recovered(shop)
    await quiet(factory, shop)
    for node in (shop, factory):
        assert (await node.loaded(relation)).void[words[0].id] == GONE
        assert (await node.state(relation)).parties[shop.organisation].name == "Shop"
    assert state_hash(await shop.state(relation)) == state_hash(await factory.state(relation))
    assert not factory.alarms
    await trade_goes_on(shop, factory, relation)


async def trade_goes_on(shop, factory, relation):
    await shop.speak(relation, PartyUpdated(party=Party(name="Shop again", lang="en", url="http://127.0.0.1:1")))
    await quiet(factory, shop)
    assert (await factory.state(relation)).parties[shop.organisation].name == "Shop again"
    assert not factory.alarms
    await shop.stop()
    await factory.stop()


async def test_control_without_a_recovery_the_thief_is_believed():
    _, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    words = await stolen_words(shop, relation, 1)
    await receive(factory, shop.organisation, relation, words)
    await quiet(factory, shop)
    assert (await factory.state(relation)).parties[shop.organisation].name == "Thief 0"
    assert not (await factory.loaded(relation)).void
    await shop.stop()
    await factory.stop()


async def test_what_the_thief_says_after_the_recovery_never_counts_not_for_a_moment():
    _, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    thief = thief_of(shop)
    late = await stolen_words(shop, relation)
    thief.identity.incarnation = b64(b"another1")
    late += [await thief.event(relation, name) for name in await handle.say(thief, relation, [say(thief, relation)])]
    await recovered(shop)
    await quiet(factory, shop)
    names = []
    for one in late:
        assert (await receive(factory, shop.organisation, relation, [one])).stored == [one.id]
        assert (await factory.loaded(relation)).void[one.id] == GONE
        names.append((await factory.state(relation)).parties[shop.organisation].name)
    assert set(names) == {"Shop"}
    await quiet(factory, shop)
    assert state_hash(await shop.state(relation)) == state_hash(await factory.state(relation))
    await trade_goes_on(shop, factory, relation)


def say(memory, relation, name="Thief"):
    return Say("invitee", memory.organisation, PartyUpdated(
        party=Party(name=name, lang="en", url="http://127.0.0.1:9"), key_log=()))


async def test_an_order_of_the_thief_becomes_void_and_what_followed_from_it_is_undone():
    _, shop, factory = await two()
    thief = thief_of(shop)
    line = {"line": "1", "item": "BV-15", "quantity": "3", "unit": "C62"}
    from weft.trade.messages import RequestForQuotation, RequestLine

    message = RequestForQuotation(number="R-1", currency="CNY", lines=(RequestLine(**line),))
    thread = await handle.open_thread(thief, MACHINES["order/1"], {
        shop.organisation: "buyer", factory.organisation: "seller"}, message)
    genesis = await thief.event(thread, thread_head(await thief.loaded(thread)))
    await receive(factory, shop.organisation, thread, [genesis])
    await quiet(factory, shop)
    assert not (await factory.loaded(thread)).void, "control: without a recovery it stands"
    await until(lambda: thread in shop.alarms)
    await recovered(shop)
    await quiet(factory, shop)
    for node in (shop, factory):
        assert (await node.loaded(thread)).void[genesis.id] == GONE
        for view in ("orders", "today", "health"):
            await views.VIEWS[view](node)
    assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))
    await shop.stop()
    await factory.stop()


def thread_head(loaded):
    return loaded.heads[0]


# ---- rotation while partners are away ------------------------------------------------------------


async def test_a_partner_that_was_away_during_two_rotations_comes_to_the_same_keys_and_old_words_stay():
    wires, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    apart = frozenset((shop.organisation, factory.organisation))
    wires.cut.add(apart)
    said = await shop.speak(relation, PartyUpdated(party=Party(name="Before", lang="en", url="http://127.0.0.1:1")))
    desk = Desk()
    await keys.rotate(shop, paper_of(shop), desk, SHOP)
    await keys.rotate(shop, await keys.hands(shop, desk.text), desk, SHOP)
    await shop.speak(relation, PartyUpdated(party=Party(name="After", lang="en", url="http://127.0.0.1:1")))
    await factory.speak(relation, PartyUpdated(party=Party(name="Meanwhile", lang="en", url="http://127.0.0.1:1")))
    wires.cut.discard(apart)
    await quiet(shop, factory)
    assert await factory.keys(shop.organisation) == await shop.keys(shop.organisation)
    assert not (await factory.loaded(relation)).void
    assert said[0] in (await factory.loaded(relation)).entries
    assert state_hash(await shop.state(relation)) == state_hash(await factory.state(relation))
    await trade_goes_on(shop, factory, relation)


@pytest.mark.parametrize("lost", ["what is published", "the rotation"])
async def test_a_rotation_that_broke_off_is_done_by_the_same_sheet_and_the_public_log_goes_on(lost, monkeypatch):
    _, shop, factory = await two()
    firm, desk, commit = keys.Firm("Shop", "https://shop.example"), Desk(), shop.store.commit
    await keys.rotate(shop, paper_of(shop), desk, firm)
    sheet = desk.text

    async def full(batch):
        if any(bucket == keys.PUBLIC for bucket, *_ in batch.values) if lost == "what is published" else batch.events:
            raise Unavailable("store.full", path="weft.db")
        await commit(batch)

    with monkeypatch.context() as broken, pytest.raises(Unavailable, match="full"):
        broken.setattr(shop.store, "commit", full)
        await keys.rotate(shop, await keys.hands(shop, sheet), desk, firm)
    await keys.rotate(shop, await keys.hands(shop, sheet), desk, firm)
    await keys.rotate(shop, await keys.hands(shop, desk.text), desk, firm)
    published = await keys.public_log(shop)
    present = (await shop.keys(shop.organisation)).keys[0]  # each change turns twice
    assert [len(published), published[-1]["parameters"]["updateKeys"]] == [6, [did.multikey(present)]]
    await shop.stop()
    await factory.stop()


async def test_a_sheet_from_before_the_last_rotation_opens_nothing():
    _, shop, factory = await two()
    old, desk, wrong = Desk(), Desk(), Desk()
    old.write(papers.text("Shop", shop.organisation, papers.Written(b"1" * 32, NEXT_SEEDS[shop.organisation])))
    await keys.rotate(shop, await keys.hands(shop, old.text), desk, SHOP)
    with pytest.raises(Denied, match=r"paper\.other"):
        await keys.hands(shop, old.text)
    held = await keys.hands(shop, desk.text)
    assert held.present is not None and held.following is not None
    wrong.write(papers.text("Shop", shop.organisation, papers.Written(b"1" * 32, b"2" * 32)))
    with pytest.raises(Denied, match=r"paper\.other"):
        await keys.hands(shop, wrong.text)
    await shop.stop()
    await factory.stop()


async def test_a_rotation_that_the_power_broke_off_half_way_is_finished_with_the_old_sheet():
    _, shop, factory = await two()
    old, desk = Desk(), Cut()
    old.write(papers.text("Shop", shop.organisation, papers.Written(b"1" * 32, NEXT_SEEDS[shop.organisation])))
    with pytest.raises(OSError, match="power"):
        await keys.rotate(shop, await keys.hands(shop, old.text), desk, SHOP)
    held = await keys.hands(shop, old.text)
    assert held.following is None, "its next key is in force now"
    await keys.rotate(shop, held, desk, SHOP)
    with pytest.raises(Denied, match=r"paper\.other"):
        await keys.hands(shop, old.text)
    assert (await keys.hands(shop, desk.text)).following is not None
    await shop.stop()
    await factory.stop()


async def test_without_the_next_key_nothing_rotates():
    _, shop, factory = await two()
    with pytest.raises(Denied, match=r"paper\.not-next"):
        await keys.rotate(shop, keys.Hands(FOUNDERS[shop.organisation], None, {}), Desk(), SHOP)
    await shop.stop()
    await factory.stop()


async def test_a_rotation_to_keys_that_were_not_committed_to_is_refused_by_partners():
    _, shop, factory = await two()
    other = Signer(b"o" * 32)
    forged = await key_event(shop, KeyRotation(keys=[other.public], next=keylog.commitment([other.public])), other)
    with pytest.raises(Denied, match=r"keylog\.not-committed"):
        await take_key_event(factory, shop.organisation, forged)
    assert not factory.alarms
    await shop.stop()
    await factory.stop()


async def test_two_rotations_at_one_place_are_proof_that_travels_in_packs():
    _, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    following = paper_of(shop).following
    one, two_ = [await key_event(shop, KeyRotation(keys=[following.public], next=keylog.commitment([last.public])),
                                 following) for last in (Signer(b"x" * 32), Signer(b"y" * 32))]
    await take_key_event(factory, shop.organisation, one)
    with pytest.raises(Denied, match=r"event\.fork"):
        await take_key_event(factory, shop.organisation, two_)
    assert factory.alarms == {shop.organisation: "fork"}
    assert factory.stopped(await factory.loaded(relation)), "nothing runs by itself with it"
    found_ = audit(await pack(factory.store, relation, lambda _kind, _slot: False))
    assert found_.sound
    assert {half.id for half in found_.forks[0]} == {one.id, two_.id}
    with pytest.raises(Denied, match=r"event\.fork"):
        await take_key_event(factory, shop.organisation, two_)
    assert len(await factory.store.forks(shop.organisation)) == 1
    await shop.stop()
    await factory.stop()


# ---- tills and lines -----------------------------------------------------------------------------


async def test_a_till_is_added_says_nothing_in_a_thread_and_is_stolen():
    _, shop, factory = await two()
    relation = shop.partner(factory.organisation)
    till = Signer(b"t" * 32)
    await keys.add_device(shop, hands(shop), till.public, "till", "Counter")
    await until(lambda: shop.rotated == {})
    await quiet(shop, factory)
    counter = Memory(Identity(shop.organisation, till, b64(b"counter1"), shop.key_event), copy.deepcopy(shop.store),
                     Ticking(), randomness(3))
    with pytest.raises(Refused, match=r"event\.out-of-scope"):
        await handle.say(counter, relation, [say(counter, relation, "Not for tills")])
    bold = await out_of_scope(counter, relation)
    for node, peer in ((factory, shop), (shop, factory)):
        assert (await receive(node, peer.organisation, relation, [bold])).stored == [bold.id]
        assert (await node.loaded(relation)).void[bold.id] == "event.out-of-scope"
    assert (await factory.state(relation)).parties[shop.organisation].name == "Shop"
    await keys.revoke_device(shop, hands(shop), till.public)
    await quiet(shop, factory)
    assert (await factory.keys(shop.organisation)).devices[till.public].revoked
    with pytest.raises(Refused, match=r"device\.own-key"):
        await keys.revoke_device(shop, hands(shop), shop.identity.signer.public)
    with pytest.raises(NotFound, match=r"keylog\.device-unknown"):
        await keys.revoke_device(shop, hands(shop), NEW.public)
    await trade_goes_on(shop, factory, relation)


async def out_of_scope(counter, relation):
    loaded = await counter.loaded(relation)
    return handle.word(counter, loaded, loaded.machine, say(counter, relation, "Till").message)


async def test_a_key_log_tells_nobody_how_many_threads_a_device_has_written_in():
    _, shop, factory = await two()
    for places in (0, 1, 63, 64, 65, 128):
        said = keys.revocations(shop, NEW.public, [keylog.hidden_place("t", NEW.public, "i", n) for n in range(places)])
        assert sum(len(one.hidden) for one in said) == (64 if places <= 64 else 128)
        assert {len(one) for message in said for one in message.hidden} == {keylog.HIDDEN_CHARACTERS}
    many = keys.revocations(shop, NEW.public, ["x" * 22] * 9_000)
    assert [one.adds for one in many] == [False, True, True, True]
    most = keys.revocations(shop, NEW.public, ["x" * 22] * 140_000)
    assert sum(len(one.hidden) for one in most) == 147_456 < keylog.PLACES_MAX, "so many partners take"
    await shop.stop()
    await factory.stop()


@pytest.mark.parametrize("weak", WEAK)
async def test_a_weak_key_enters_nowhere(weak):
    _, shop, factory = await two()
    with pytest.raises(Invalid, match=r"key\.weak"):
        await keys.add_device(shop, hands(shop), weak, "till")
    for message in (DeviceDelegation(device=weak, scope="node"), DeviceRevocation(device=weak)):
        await take_key_event(factory, shop.organisation, await key_event(shop, message))
        break  # the first stands in the log, and is void
    assert weak not in (await factory.keys(shop.organisation)).devices
    assert device_in(f"weft:join?key={weak}") == ""
    with pytest.raises(Invalid, match=r"key\.weak"):
        seal(weak, b"letter", bytes(32))
    await shop.stop()
    await factory.stop()
