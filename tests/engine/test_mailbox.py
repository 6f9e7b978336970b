"""Two firms behind closed doors and those who keep their mail: they trade on, whoever of the keepers dies."""

import asyncio

import msgspec
import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.mail_world import Doors, Wires, closed, keeper, mailbox, uses, with_mail
from tests.engine.world import befriend, found, quiet, until
from weft.basis.errors import Refused
from weft.config import Mailbox
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.mail.keeper import Keeper
from weft.engine.mail.post import Post
from weft.engine.views import VIEWS
from weft.trade.order_state import Phase
from weft.trade.relationship import Phase as Met


class World:
    """Shop and factory with closed doors; Kiln and Dock keep mail."""

    def __init__(self):
        self.wires, self.doors, self.nodes = Wires(), Doors(), []

    async def closed(self, name, **how):
        self.nodes.append(await closed(self.wires, self.doors, name, **how))
        return self.nodes[-1]

    async def keeper(self, name, **how):
        self.nodes.append(await keeper(self.wires, self.doors, name, **how))
        return self.nodes[-1]

    async def pair(self, *names):
        """(shop, factory, keepers…): both have their mail at all of the keepers, and have met by mail."""
        shop, factory = await self.closed("Shop"), await self.closed("Factory")
        kept_by = [await self.keeper(name) for name in names]
        for node in (shop, factory):
            for one in kept_by:
                await uses(node, one)
        await befriend(factory, shop)
        return shop, factory, *kept_by


@pytest.fixture
async def world():
    made = World()
    yield made
    for node in made.nodes:
        await node.stop()
        await node.mail.end()


async def ask(shop, factory) -> str:
    """The factory can sell, and the shop asks for something."""
    await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
    await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
    await run(factory, "publish-prices", {"book": BOOK})
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    return (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread


async def comes_to(node, thread, phase, timeout_s=10.0) -> None:
    async def reached():
        loaded = await node.find(thread)
        return loaded is not None and loaded.state.phase is phase

    await until(reached, timeout_s)


async def same(one, two, thread) -> bool:
    held = [await node.loaded(thread) for node in (one, two)]
    return held[0].heads == held[1].heads and state_hash(held[0].state) == state_hash(held[1].state) \
        and held[0].position == held[1].position and not held[0].void


async def test_two_firms_behind_closed_doors_meet_and_trade_through_a_third(world):
    shop, factory, kiln = await world.pair("Kiln")
    assert shop.partner(factory.organisation) == factory.partner(shop.organisation)
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await run(shop, "order", {"thread": thread})
    await comes_to(shop, thread, Phase.CLOSED)  # orders, despatch and receipt waited for their finality, and it came
    await quiet(shop, factory)
    assert await same(shop, factory, thread)
    assert world.wires.requests == 0  # nothing went any other way
    await until(lambda: not shop.mail.post.sent and not factory.mail.post.sent)
    await until(lambda: all(not room.letters for room in kiln.mail.keeper.rooms()))
    assert not await kiln.store.values("mailbox-letter")


async def test_when_the_keeper_dies_it_goes_on_through_the_next_and_nothing_is_lost(world):
    shop, factory, kiln, _dock = await world.pair("Kiln", "Dock")
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    for node in (shop, factory):  # nobody fetches: what is said next lies at Kiln when it dies
        asleep(node, kiln)
    await run(shop, "order", {"thread": thread})
    await until(lambda: lies_at(kiln, shop))
    world.doors.dead.add("http://kiln.example")
    await comes_to(shop, thread, Phase.CLOSED)
    await quiet(shop, factory)
    assert await same(shop, factory, thread)


def lies_at(keeper, sender) -> bool:
    """Whether all that ``sender`` noted as sent is there by now, and something is: it is noted before."""
    kept = {name for letters in keeper.mail.keeper._kept.values() for name in letters}
    return bool(sender.mail.post.sent) and sender.mail.post.sent.keys() <= kept


async def test_a_sender_that_trusted_its_dead_keeper_would_wait_for_ever(world, monkeypatch):
    """The control of the test above."""
    monkeypatch.setattr(Post, "_is_lost", lambda *_: False)
    shop, factory, kiln, _dock = await world.pair("Kiln", "Dock")
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    asleep(factory, kiln)
    await run(shop, "order", {"thread": thread})
    await until(lambda: lies_at(kiln, shop))
    world.doors.dead.add("http://kiln.example")
    with pytest.raises(AssertionError, match="in vain"):
        await comes_to(factory, thread, Phase.CONFIRMED, 2)


def key_of(kept_by) -> str:
    return kept_by.mail.keeper._signer.public


def asleep(node, kept_by) -> None:
    """``node`` fetches nothing more from ``kept_by``."""
    tasks = node.mail.fetch._tasks
    tasks.pop(key_of(kept_by)).cancel()
    tasks[key_of(kept_by)] = asyncio.create_task(asyncio.sleep(60))


def awake(node, kept_by) -> None:
    node.mail.fetch._tasks.pop(key_of(kept_by)).cancel()


async def test_without_another_keeper_it_stops_and_the_owner_is_told_until_one_is_there(world):
    """The control: it was the second keeper that did it."""
    shop, factory, _kiln = await world.pair("Kiln")
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    world.doors.dead.add("http://kiln.example")
    await run(shop, "order", {"thread": thread})
    with pytest.raises(AssertionError, match="in vain"):
        await comes_to(factory, thread, Phase.ORDERED, 1.5)

    async def told():
        row = (await VIEWS["mailbox"](shop)).partners[0]
        return (row.name, row.state, row.waiting, row.code) == ("Factory", "stuck", 1, "mailbox.unreachable")

    await until(told)
    world.doors.dead.clear()
    await comes_to(shop, thread, Phase.CLOSED)
    await quiet(shop, factory)
    assert await same(shop, factory, thread)


async def test_a_letter_that_its_keeper_lost_is_written_again(world):
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    asleep(factory, kiln)
    thread = await ask(shop, factory)
    await until(lambda: lies_at(kiln, shop))
    first = next(iter(shop.mail.post.sent))
    place = next(room.place for room in kiln.mail.keeper.rooms() if room.letters)
    async with kiln.mail.keeper._lock:
        await kiln.mail.keeper._drop([first], place)
    await until(lambda: shop.mail.post.sent and first not in shop.mail.post.sent)
    awake(factory, kiln)
    await comes_to(shop, thread, Phase.QUOTED)


async def test_what_a_keeper_holds_is_written_once_however_long_nobody_fetches_it(world):
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    asleep(factory, kiln)
    await ask(shop, factory)
    await until(lambda: len(shop.mail.post.sent) == 1)
    sent = dict(shop.mail.post.sent)
    checked = [one.checked_ms for one in sent.values()]
    await until(lambda: [one.checked_ms for one in shop.mail.post.sent.values()] > checked)
    await asyncio.sleep(0.8)
    assert shop.mail.post.sent.keys() == sent.keys()
    assert [room.letters for room in kiln.mail.keeper.rooms() if room.letters] == [1]


async def test_a_lost_answer_of_the_keeper_doubles_nothing_that_counts(world):
    shop, factory, _kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    world.doors.deaf_after.add(mailbox.PUT_PATH)
    thread = await ask(shop, factory)
    await comes_to(factory, thread, Phase.QUOTED)
    world.doors.deaf_after.clear()
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    assert await same(shop, factory, thread)
    assert len(factory.threads("order")) == 1


async def test_the_direct_way_is_the_only_one_as_soon_as_there_is_one(world):
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    world.wires.unreachable.discard(factory.organisation)
    shop.addresses[factory.organisation] = "http://factory.example"
    shop.mail.post.began_ms = shop.clock.now_ms()
    factory.outbox.heard(shop.organisation)
    shop.poll_where_needed(factory.organisation)
    asked = len([one for one in world.doors.asked if one[1] == mailbox.PUT_PATH])
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    await quiet(shop, factory)
    assert world.wires.requests > 0
    assert len([one for one in world.doors.asked if one[1] == mailbox.PUT_PATH]) == asked
    assert not any(room.letters for room in kiln.mail.keeper.rooms())


async def test_nothing_is_left_where_our_owner_does_not_agree(world):
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    await run(shop, "mailbox-agree", {"partner": "Factory", "agree": False})
    before = len(world.doors.asked)
    thread = await ask(shop, factory)
    await asyncio.sleep(0.8)
    assert not [one for one in world.doors.asked[before:] if one[1] == mailbox.PUT_PATH]
    assert not any(room.letters for room in kiln.mail.keeper.rooms())
    assert (await VIEWS["mailbox"](shop)).partners[0].state == "asks"
    await run(shop, "mailbox-agree", {"partner": "Factory", "agree": True})
    await comes_to(shop, thread, Phase.QUOTED)


async def test_a_partner_that_was_away_finds_its_mail_when_it_is_back(world):
    """Nobody was there to fetch; keeper and sender did not need to be there at one time either."""
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    await factory.stop()
    thread = await ask_only(shop)
    await until(lambda: lies_at(kiln, shop))
    await shop.stop()
    await factory.begin()
    await comes_to(factory, thread, Phase.REQUESTED)
    await run(factory, "decline", {"thread": thread, "reason": "away"})

    async def left():
        heads = list((await factory.loaded(thread)).heads)
        return lies_at(kiln, factory) and any(
            one.threads.get(thread) == heads for one in factory.mail.post.sent.values())

    await until(left)
    await factory.stop()
    await shop.begin()
    await comes_to(shop, thread, Phase.DECLINED)
    await factory.begin()


async def ask_only(shop) -> str:
    """The shop asks for something."""
    return (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread


async def test_a_keeper_given_up_is_told_and_used_no_more(world):
    shop, factory, _kiln, dock = await world.pair("Kiln", "Dock")
    await quiet(shop, factory)
    await run(factory, "mailbox-drop", {"keeper": "Kiln"})
    await until(lambda: [one.name for one in shop.mail.post.routes[factory.organisation].keepers] == ["Dock"])
    with pytest.raises(Refused):
        await world.nodes[0].mail.keeper.offer("", "Shop", "")
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)
    assert dock.mail.keeper.rooms()


async def test_a_letter_at_a_keeper_that_the_partner_gives_up_goes_to_the_next(world):
    shop, factory, kiln, _dock = await world.pair("Kiln", "Dock")
    await quiet(shop, factory)
    asleep(factory, kiln)
    thread = await ask(shop, factory)
    await until(lambda: any(one.keeper.name == "Kiln" for one in shop.mail.post.sent.values()))
    assert await factory.find(thread) is None
    await run(factory, "mailbox-drop", {"keeper": "Kiln"})
    await comes_to(shop, thread, Phase.QUOTED)


async def test_what_was_on_its_way_is_known_again_after_a_restart(world):
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    await factory.stop()
    await ask_only(shop)
    await until(lambda: lies_at(kiln, shop))
    await shop.stop()
    sent = dict(shop.mail.post.sent)
    again = await with_mail(shop, world.doors)
    assert {name: msgspec.structs.replace(one, checked_ms=0) for name, one in again.mail.post.sent.items()} == {
        name: msgspec.structs.replace(one, checked_ms=0) for name, one in sent.items()}
    await factory.begin()


async def test_a_node_with_mail_stops_at_whatever_moment_it_is_asked(world):
    shop, factory, _kiln = await world.pair("Kiln")
    for number in range(25):
        await asyncio.wait_for(shop.stop(), 5)
        await shop.begin()
        await asyncio.sleep(number / 500)
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)


async def test_a_firm_that_asks_no_keeper_says_nothing_of_mail(world):
    one = await with_mail(await found(world.wires, "One"), world.doors)
    two = await with_mail(await found(world.wires, "Two"), world.doors)
    world.nodes += [one, two]
    await befriend(one, two)
    await quiet(one, two)
    for node in (one, two):
        loaded = await node.loaded(node.threads("relationship")[0])
        assert loaded.state.phase is Met.ACTIVE
        assert "MailboxesNamed" not in {entry.kind for entry in loaded.entries.values()}
    assert not world.doors.asked


async def test_a_full_place_sends_the_letter_to_the_next_keeper(world):
    shop, factory = await world.closed("Shop"), await world.closed("Factory")
    small = await world.keeper("Kiln", limits=Mailbox(place_letters=1, place_megabytes=1))
    large = await world.keeper("Dock")
    for node in (shop, factory):
        await uses(node, small)
        await uses(node, large)
    await befriend(factory, shop)
    await quiet(shop, factory)
    for one in (small, large):  # nobody fetches
        asleep(factory, one)
    for _ in range(3):
        await ask_only(shop)
        await asyncio.sleep(0.5)
    await until(lambda: sum(room.letters for room in large.mail.keeper.rooms()) >= 1)
    assert sum(room.letters for room in small.mail.keeper.rooms()) == 1


async def test_a_keeper_that_names_letters_without_end_is_not_asked_without_end(world, monkeypatch):
    """It repeats what was let go of, or invents boxes and letters: either costs it and us a few questions a second."""
    shop, factory, *_ = await world.pair("Kiln")
    await quiet(shop, factory)
    real, names = Keeper._list, {"repeat": ["A" * 43], "invent": []}
    place = shop.mail.fetch.ranked()[0].signer().public

    async def lists(self, key, asked):
        if key != place:
            return await real(self, key, asked)
        ids = names[how] or [str(next(count))]
        return mailbox.Listed([mailbox.Letter(one, "B" * 43, 4096) for one in ids])

    count = iter(range(10**9))
    monkeypatch.setattr(Keeper, "_list", lists)
    for how in ("repeat", "invent"):
        await asyncio.sleep(0.2)
        before = len([1 for _, path, _ in world.doors.asked if path == mailbox.LIST_PATH])
        await asyncio.sleep(1.5)
        asked = len([1 for _, path, _ in world.doors.asked if path == mailbox.LIST_PATH]) - before
        assert asked < {"repeat": 60, "invent": 200}[how], asked  # here it waits 20 ms; unchecked: six hundred
    monkeypatch.undo()
    thread = await ask(shop, factory)
    await comes_to(shop, thread, Phase.QUOTED)  # the control: it works as soon as the keeper does
