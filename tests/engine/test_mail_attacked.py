"""What comes by mail is paid for, what a keeper or thief says is put right, nothing is written or fetched for ever."""

import asyncio
import random

import msgspec
import pytest

from tests.engine.test_bundles import sealed
from tests.engine.test_mailbox import ask_only, asleep, awake, world  # noqa: F401 - a fixture
from tests.engine.test_restore import backup_of
from tests.engine.world import quiet, until
from weft.basis import canonical
from weft.basis.errors import Unavailable
from weft.engine import bundles, restored
from weft.engine.effects import UNDO
from weft.engine.mail import mailbox, post
from weft.engine.memory import TOLD
from weft.engine.ports import EffectRow
from weft.thread import clock
from weft.thread.event import Header, Payload, signed_bytes, slot, written
from weft.trade.messages import MailboxesNamed


def large_words(shop, loaded, count=24):
    """Words that mean nothing, 2 MB each, which pack into very little."""
    fill = canonical.encode({"a": "0" * 254_000 + canonical.b64(random.Random(5).randbytes(3600))})
    said, last = [], None
    for n in range(count):
        payloads = {k: Payload(bytes(32), fill) for k in range(8)}
        header = Header(
            v=1, t=loaded.thread, a=shop.organisation, d=shop.identity.signer.public, i=canonical.b64(bytes([9] * 8)),
            n=n, p=last, x=[] if last else sorted(loaded.heads)[:16], ks=shop.key_event,
            h=clock.tick(shop.clock.now_ms(), []), y="Unknown", s=1, m=loaded.machine_name,
            b=[slot(one) for one in payloads.values()])
        event = written(header, payloads)
        said.append(msgspec.structs.replace(event, signature=shop.identity.signer.sign(signed_bytes(event.id))))
        last = event.id
    return said


async def left(shop, factory, content) -> str:
    """A letter of ``shop`` with ``content`` lies in the box of ``factory``: its name."""
    route = shop.mail.post.routes[factory.organisation]
    when = mailbox.fortnight(shop.clock.now_ms())
    via = route.keepers[0]
    letter = mailbox.seal(route.secret, via.key, when, content, shop.random(24))
    box = mailbox.box(route.secret, via.key, when)
    await shop.mail.post.line.ask((via.key, via.url), box, mailbox.PUT_PATH, letter)
    return mailbox.letter_id(box.public, letter)


@pytest.mark.parametrize("paid", [True, False])
async def test_who_sends_much_by_mail_pays_for_it_and_what_is_beyond_is_let_go(world, monkeypatch, paid):  # noqa: F811 - the fixture
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    await shop.stop()
    thread = shop.partner(factory.organisation)
    events = large_words(shop, await factory.loaded(thread))
    account = factory.budgets.of(shop.organisation)
    account.kept.level, account.kept.rate = 5_000_000, 1
    if not paid:  # the control
        source = bundles.import_
        monkeypatch.setattr(bundles, "import_", lambda node, stream, paid: source(node, stream))
    name = await left(shop, factory, sealed(shop, factory, [(thread, events)]))
    await until(lambda: not any(name in kept for kept in kiln.mail.keeper._kept.values()))
    held = sum([await factory.event(thread, event.id) is not None for event in events])
    assert held < 12 if paid else held == 24


async def test_a_box_that_is_open_no_more_stops_no_mail(world, monkeypatch):  # noqa: F811 - the fixture
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    await factory.stop()
    await ask_only(shop)
    await until(lambda: len(shop.mail.post.sent) == 1)
    name, old = next(iter(shop.mail.post.sent.items()))
    keeper, source = kiln.mail.keeper, mailbox.fortnight
    await until(lambda: any(name in kept for kept in keeper._kept.values()))  # it is noted before it is put there
    place = keeper._places_of.pop(mailbox.box(old.secret, old.keeper.key, old.when).public)
    async with keeper._lock:
        await keeper._drop([name], place)
    monkeypatch.setattr(mailbox, "fortnight", lambda at_ms: source(at_ms) + 1)
    await until(lambda: shop.mail.post.sent and name not in shop.mail.post.sent)
    await until(lambda: len(keeper._kept[place]) == 1)  # it is written again, into the box that is open now
    assert name not in keeper._kept[place]


async def test_a_thief_s_mailboxes_are_forgotten_with_his_word(world):  # noqa: F811 - the fixture
    shop, factory, _kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    thread, routes = shop.partner(factory.organisation), factory.mail.post.routes
    mine = routes[shop.organisation]
    his = msgspec.structs.replace(mine.keepers[0], url="http://thief.x")
    (event,) = await shop.speak(thread, MailboxesNamed(number=2**53 - 1, secret=mine.secret, keepers=(his,)))
    await until(lambda: routes[shop.organisation].keepers[0].url == "http://thief.x")
    loaded = await factory.loaded(thread)
    loaded.void[event] = "event.revoked-device"
    await factory.work._draw(EffectRow(thread, event, UNDO + "learn-mailboxes", final=False))
    assert routes[shop.organisation] == mine
    for entry in loaded.entries.values():
        if entry.kind == "MailboxesNamed" and entry.author == shop.organisation:
            loaded.void[entry.id] = "event.revoked-device"
    await factory.work._draw(EffectRow(thread, event, UNDO + "learn-mailboxes", final=False))
    assert shop.organisation not in routes
    assert not await factory.store.values(post.ROUTES)


async def test_a_restored_home_tells_anew_where_its_mail_is_kept(world):  # noqa: F811 - the fixture
    shop, _factory, _kiln = await world.pair("Kiln")
    await until(lambda: shop.mail.fetch._told)
    store = backup_of(shop.store)
    assert await store.values(TOLD)
    await restored.begin_anew(store, shop.organisation, [])
    assert not await store.values(TOLD)
    assert await store.values("mail-place"), "the keepers themselves it knows"


async def test_a_sender_without_room_leaves_no_letter_twice(world, monkeypatch):  # noqa: F811 - the fixture
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    asleep(factory, kiln)
    commit = shop.store.commit

    async def full(batch):
        if any(bucket == post.SENT and value is not None for bucket, _, value in batch.values):
            raise Unavailable("store.full", path="x")
        return await commit(batch)

    monkeypatch.setattr(shop.store, "commit", full)
    await ask_only(shop)
    await asyncio.sleep(1.5)
    assert sum(room.letters for room in kiln.mail.keeper.rooms()) == 0
    monkeypatch.undo()
    await until(lambda: len(shop.mail.post.sent) == 1)
    awake(factory, kiln)
    await until(lambda: not shop.mail.post.sent)


async def test_letters_that_find_no_room_are_fetched_ever_more_seldom(world, monkeypatch):  # noqa: F811 - the fixture
    shop, factory, kiln = await world.pair("Kiln")
    await quiet(shop, factory)
    source = bundles.import_

    async def full(node, stream, **how):
        if node is factory:
            raise Unavailable("store.full", path="x")
        return await source(node, stream, **how)

    monkeypatch.setattr(bundles, "import_", full)
    factory.outbox.retry_ms = (10, 5_000)
    await ask_only(shop)
    await until(lambda: len(shop.mail.post.sent) >= 1)
    before = len(world.doors.asked)
    await asyncio.sleep(1.5)
    takes = [path for _, path, _ in world.doors.asked[before:] if path == mailbox.TAKE_PATH]
    assert 1 <= len(takes) <= 40, "pauses grow, 10 ms, 20, 40 …: without that there are 130"
    monkeypatch.undo()
    assert any(room.letters for room in kiln.mail.keeper.rooms()), "and it is there still"
