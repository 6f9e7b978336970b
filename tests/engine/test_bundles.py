"""Firms without any network trade by files that they carry to each other."""

import asyncio
import itertools

import msgspec
import pytest

from tests.engine import world
from tests.engine.test_trade import fill_factory, table
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.errors import Denied, Invalid, NotFound, Refused, WeftError
from weft.engine import bundles, handle
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.receive import key_log_of, take_key_event
from weft.identity.keylog import DeviceRevocation
from weft.identity.keys import Signer
from weft.thread import bundle
from weft.thread.bundle import Carried, Manifest, Writer
from weft.thread.event import compose, event_id, signed_bytes, unwire
from weft.trade.order_state import Phase


async def pieces(data, size=10_000):
    for at in range(0, len(data), size):
        yield data[at:at + size]


async def made(node, peer, **options) -> bytes:
    return b"".join([piece async for piece in await bundles.export(node, peer, **options)])


async def carry(sender, recipient, *, careless=False) -> bool:
    """One bundle from ``sender`` to ``recipient``; False when there was nothing to carry. ``careless``: half of it
    first, then all of it, then all of it again."""
    try:
        data = await made(sender, recipient.organisation)
    except Refused as error:
        assert error.code == "bundle.nothing"
        return False
    if careless:
        with pytest.raises(Invalid):
            await bundles.import_(recipient, pieces(data[:len(data) // 2]))
    report = await bundles.import_(recipient, pieces(data))
    assert not report.refused, report
    if careless:
        again = await bundles.import_(recipient, pieces(data))
        assert (again.new, again.refused) == (0, 0)
    return True


async def settled(*nodes) -> None:
    """Wait until what a node does by itself is done; what is to be delivered waits for somebody to carry it."""
    async def still():
        return not any(node.effects or node.to_ack or any(not row.final for row in node.work.waiting.values())
                       for node in nodes)

    for _ in range(3):
        await until(still)
        await asyncio.sleep(0.06)


async def exchange(one, two, *, careless=False, rounds=20) -> int:
    """Carry bundles to and fro until nothing is left to be carried; how many it took."""
    count = 0
    for _ in range(rounds):
        await settled(one, two)
        there = await carry(one, two, careless=careless)
        await settled(one, two)
        back = await carry(two, one, careless=careless)
        count += there + back
        if not (there or back):
            return count
    raise AssertionError("it never ends")


class Apart:
    """Two firms between which there is no network at all."""

    def __init__(self):
        self.wires = Wires()

    async def firm(self, name):
        node = await found(self.wires, name)
        self.wires.unreachable.add(node.organisation)
        return node


@pytest.fixture
async def apart():
    world = Apart()
    shop, factory = await world.firm("Shop"), await world.firm("Factory")
    yield shop, factory
    await shop.stop()
    await factory.stop()
    assert not world.wires.requests


async def met(shop, factory, *, careless=False):
    link = (await run(factory, "invite", {})).facts["link"]
    await run(shop, "join", {"link": link})
    assert shop.partner(factory.organisation) is None
    await exchange(shop, factory, careless=careless)
    assert shop.partner(factory.organisation) == factory.partner(shop.organisation) is not None


async def alike(*nodes):
    first = nodes[0]
    for thread in (*first.threads("relationship"), *first.threads("order")):
        held = [await node.loaded(thread) for node in nodes]
        assert len({one.heads for one in held}) == 1
        assert len({state_hash(one.state) for one in held}) == 1
    for node in nodes:
        assert not await node.store.outbox()
        assert not await node.store.values("alarm")


@pytest.mark.parametrize("careless", [False, True], ids=["with care", "each twice, and half before"])
async def test_a_whole_order_from_the_invitation_to_the_payment_is_carried_by_hand(apart, careless):
    shop, factory = apart
    await met(shop, factory, careless=careless)
    await fill_factory(factory)
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread
    await exchange(shop, factory, careless=careless)
    assert (await shop.state(thread)).quotation.gross == "904.00"
    await run(shop, "order", {"thread": thread})
    await exchange(shop, factory, careless=careless)
    assert (await shop.state(thread)).phase is Phase.CLOSED
    await run(shop, "remit", {"partner": "Factory"})
    await exchange(shop, factory, careless=careless)
    relationship = shop.partner(factory.organisation)
    name = next(iter((await factory.state(relationship)).remittances))
    await run(factory, "confirm-remittance", {"partner": "Shop", "remittance": name})
    await exchange(shop, factory, careless=careless)
    assert not [one for one in (await shop.state(relationship)).documents.values() if one.open]
    assert not await shop.store.values("trouble")
    assert not await factory.store.values("trouble")
    await alike(shop, factory)


async def test_a_bundle_holds_what_the_other_lacks_and_no_more(apart):
    shop, factory = apart
    await met(shop, factory)
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread
    await settled(shop, factory)
    assert await bundles.waiting(shop, factory.organisation) == (1, 0)
    data = await made(shop, factory.organisation)
    first = await bundles.import_(factory, pieces(data))
    assert [(one.thread, one.new, one.known) for one in first.threads] == [(thread, 1, 0)]
    assert first.name == "Shop"
    again = await bundles.import_(factory, pieces(data))
    assert [(one.thread, one.new, one.known) for one in again.threads] == [(thread, 0, 1)]
    await settled(shop, factory)
    everything = await bundles.import_(factory, pieces(await made(shop, factory.organisation, everything=True)))
    assert everything.new == 0
    assert everything.known >= 4


async def test_later_bundles_may_come_first(apart):
    shop, factory = apart
    await met(shop, factory)
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread
    first = await made(shop, factory.organisation)
    await run(shop, "decline", {"thread": thread, "reason": "no need"})
    shop.outbox.theirs[factory.organisation, thread] = tuple((await shop.loaded(thread)).parents())[:1]
    second = await made(shop, factory.organisation)
    early = await bundles.import_(factory, pieces(second))
    assert early.new == 0  # it cannot begin without its beginning
    await bundles.import_(factory, pieces(first))
    late = await bundles.import_(factory, pieces(second))
    assert late.new == 1
    await exchange(shop, factory)
    await alike(shop, factory)


async def test_what_is_early_in_a_thread_waits_and_is_told(apart):
    shop, factory = apart
    await met(shop, factory)
    relationship = shop.partner(factory.organisation)
    await run(shop, "update-party", {})
    first = await made(shop, factory.organisation)
    shop.outbox.theirs[factory.organisation, relationship] = (await shop.loaded(relationship)).heads
    await run(shop, "update-party", {})
    second = await made(shop, factory.organisation)
    early = await bundles.import_(factory, pieces(second))
    assert (early.new, early.waiting) == (0, 1)
    late = await bundles.import_(factory, pieces(first))
    assert (late.new, late.waiting) == (2, 0)
    await exchange(shop, factory)
    await alike(shop, factory)


async def test_what_came_by_network_and_by_hand_is_the_same():
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    try:
        await befriend(factory, shop)
        await quiet(shop, factory)
        wires.cut.add(frozenset((shop.organisation, factory.organisation)))
        await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})
        assert await carry(shop, factory)
        wires.cut.clear()
        await quiet(shop, factory)
        await alike(shop, factory)
        with pytest.raises(Refused, match=r"bundle\.nothing"):
            await made(shop, factory.organisation)
    finally:
        await shop.stop()
        await factory.stop()


# ---- who may not


async def test_a_stranger_s_bundle_is_refused_and_nothing_of_it_is_kept(apart):
    shop, factory = apart
    link = (await run(factory, "invite", {})).facts["link"]
    forged = link.replace("secret=", "secret=A")
    await run(shop, "join", {"link": forged})
    before = {row.thread for row in await factory.store.threads()}
    data = await made(shop, factory.organisation)
    with pytest.raises(Denied) as refused:
        await bundles.import_(factory, pieces(data))
    assert (refused.value.code, refused.value.facts["taken"]) == ("bundle.stranger", 0)
    assert {row.thread for row in await factory.store.threads()} == before
    assert not await factory.store.values(bundles.OWED)
    await run(shop, "join", {"link": link})  # the control: the same firm with the right secret
    report = await bundles.import_(factory, pieces(await made(shop, factory.organisation)))
    assert [(bool(one.new), one.code) for one in sorted(report.threads, key=lambda one: one.code)] == [
        (True, ""), (False, "thread.unknown")]


async def test_threads_of_others_cannot_be_reached_by_a_partner_s_bundle(apart):
    shop, factory = apart
    await met(shop, factory)
    spy = await found(Wires(), "Spy")
    try:
        link = (await run(factory, "invite", {})).facts["link"]
        await run(spy, "join", {"link": link})
        await exchange(spy, factory)
        relationship = await shop.loaded(shop.partner(factory.organisation))
        events = [await shop.event(relationship.thread, name) for name in relationship.order]
        data = sealed(spy, factory, [(relationship.thread, events)])
        report = await bundles.import_(factory, pieces(data))
        assert [(one.thread, one.code, one.machine) for one in report.threads] == [
            (relationship.thread, "thread.unknown", "")]
        assert (spy.organisation, relationship.thread) not in factory.outbox.theirs
    finally:
        await spy.stop()


def sealed(sender, recipient, threads, *, signer=None, by="", keys=()) -> bytes:
    """A bundle made by hand."""
    ids = [one.id for one in keys] + [one.id for _, events in threads for one in events]
    signer = signer or sender.identity.signer
    manifest = Manifest(
        by=by or sender.organisation, device=signer.public, to=recipient.organisation, at="2026-11-25T08:00:00.000Z",
        keys=len(keys), content=bundle.content_of(ids),
        threads=[Carried(thread, [], [], len(events)) for thread, events in threads])
    writer = Writer(manifest, signer, recipient.identity.signer.public, sender.random(64))
    chunks = [writer.begin()]
    for one in (*keys, *(one for _, events in threads for one in events)):
        chunks += writer.add(one)
    return b"".join([*chunks, *writer.end()])


async def test_a_device_that_the_sender_does_not_have_is_refused(apart):
    shop, factory = apart
    await met(shop, factory)
    for signer, code in ((Signer(b"x" * 32), "bundle.unknown-device"), (None, "")):
        data = sealed(shop, factory, [], signer=signer)
        if code:
            with pytest.raises(Denied, match=code):
                await bundles.import_(factory, pieces(data))
        else:
            await bundles.import_(factory, pieces(data))  # the control


async def test_a_bundle_of_a_revoked_device_is_refused(apart):
    shop, factory = apart
    await met(shop, factory)
    await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})
    data = await made(shop, factory.organisation)
    root = world.FOUNDERS[shop.organisation]
    log = await shop.loaded(shop.organisation)
    revoked = handle._key_event(shop, log, root, log.machine, DeviceRevocation(device=shop.identity.signer.public))
    revoked = msgspec.structs.replace(revoked, signature=root.sign(signed_bytes(revoked.id)))
    await take_key_event(factory, shop.organisation, revoked)
    with pytest.raises(Denied) as refused:
        await bundles.import_(factory, pieces(data))
    assert (refused.value.code, refused.value.facts["taken"]) == ("bundle.revoked-device", 0)
    assert not factory.threads("order")
    with pytest.raises(Refused, match=r"bundle\.no-key"):
        await made(factory, shop.organisation)


async def test_one_s_own_bundle_and_another_s_are_refused(apart):
    shop, factory = apart
    await met(shop, factory)
    await run(shop, "update-party", {})
    data = await made(shop, factory.organisation)
    with pytest.raises(Denied, match=r"bundle\.other-recipient"):
        await bundles.import_(shop, pieces(data))
    with pytest.raises(Refused, match=r"bundle\.own"):
        await bundles.import_(shop, pieces(sealed(shop, shop, [])))


async def test_a_device_of_one_firm_cannot_speak_for_another(apart):
    shop, factory = apart
    await met(shop, factory)
    thief = await found(Wires(), "Thief")
    try:
        data = sealed(thief, factory, [], by=shop.organisation)
        with pytest.raises(Denied, match=r"bundle\.unknown-device"):
            await bundles.import_(factory, pieces(data))
    finally:
        await thief.stop()


async def test_without_keys_of_a_partner_nothing_is_sealed(apart):
    shop, factory = apart
    link = (await run(factory, "invite", {})).facts["link"]
    thread = (await run(shop, "join", {"link": link.partition("&key=")[0]})).thread
    with pytest.raises(Refused, match=r"bundle\.no-key"):
        await made(shop, factory.organisation)
    assert await bundles.find(shop, factory.organisation) == factory.organisation
    assert await bundles.find(shop, thread[:8]) == factory.organisation, "as lists show it"
    with pytest.raises(NotFound, match=r"partner\.unknown"):
        await bundles.find(shop, "Nobody")


async def test_an_event_that_cannot_be_read_is_told_and_the_others_are_taken(apart):
    shop, factory = apart
    await met(shop, factory)
    relationship = shop.partner(factory.organisation)
    await run(shop, "update-party", {})
    loaded = await shop.loaded(relationship)
    good = await shop.event(relationship, loaded.heads[0])
    other = compose({**msgspec.json.decode(good.raw), "n": good.header.n + 1, "p": good.id, "b": None}, [("*", b"{}")],
                    [bytes(32)])
    newer = msgspec.structs.replace(other, raw=other.raw.replace(b'"v":1', b'"v":2'), signature=bytes(64))
    newer = msgspec.structs.replace(newer, id=bundle.event_id(newer.raw))
    report = await bundles.import_(factory, pieces(sealed(shop, factory, [(relationship, [good, newer])])))
    assert [(one.new, one.refused) for one in report.threads] == [(1, [(newer.id, "event.version")])]


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -1])
async def test_a_bundle_that_was_cut_off_is_refused_and_leaves_nothing_that_is_not_whole(apart, cut):
    shop, factory = apart
    await met(shop, factory)
    await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})
    data = await made(shop, factory.organisation)
    with pytest.raises(WeftError) as refused:
        await bundles.import_(factory, pieces(data[:cut]))
    assert refused.value.code in ("bundle.truncated", "bundle.damaged")
    assert not factory.threads("order")
    assert (await bundles.import_(factory, pieces(data))).new == 1  # the control


async def test_the_whole_chunks_of_a_bundle_that_broke_off_are_kept(apart, monkeypatch):
    shop, factory = apart
    await met(shop, factory)
    monkeypatch.setattr(bundle, "CHUNK_BYTES", 2048)
    monkeypatch.setattr(bundle, "_FULL", 2048 + bundle.TAG_BYTES)
    for _ in range(40):
        await run(shop, "update-party", {})
    data = await made(shop, factory.organisation)
    assert len(data) > 4 * 2048
    with pytest.raises(Invalid) as refused:
        await bundles.import_(factory, pieces(data[:-1]))
    kept = refused.value.facts["taken"]
    assert 10 < kept < 40
    report = await bundles.import_(factory, pieces(data))
    assert (report.new, report.known) == (40 - kept, kept)


async def test_the_same_world_makes_the_same_bundle(monkeypatch):
    monkeypatch.setattr(world.Ticking, "goes", False)

    async def once(seed):
        monkeypatch.setattr(world, "_SEEDS", itertools.count(seed))
        wires = Apart()
        shop, factory = await wires.firm("Shop"), await wires.firm("Factory")
        try:
            link = (await run(factory, "invite", {})).facts["link"]
            await run(shop, "join", {"link": link})
            return await made(shop, factory.organisation)
        finally:
            await shop.stop()
            await factory.stop()

    first, second, other = [await once(seed) for seed in (900, 900, 910)]
    assert first == second != other


# ---- floods in a small file


def flood(sender, recipient, count) -> bytes:
    """A bundle with one thread of ``count`` records that are no events."""
    signer = sender.identity.signer
    bad = [msgspec.json.encode({"e": f"{number:06}", "g": ""}) for number in range(count)]
    ids = [event_id(f"{number:06}".encode()) for number in range(count)]
    manifest = Manifest(by=sender.organisation, device=signer.public, to=recipient.organisation,
                        at="2026-11-25T08:00:00.000Z", keys=0, content=bundle.content_of(ids),
                        threads=[Carried("A" * 43, [], [], count)])
    writer = Writer(manifest, signer, recipient.identity.signer.public, sender.random(64))
    chunks = [writer.begin()]
    for record in bad:
        writer._left += writer._packer.compress(len(record).to_bytes(4, "big") + record)
    return b"".join([*chunks, *writer.end()])


async def turns_of_others(work) -> int:
    """How often others had a turn while ``work`` was done."""
    turns, task = 0, asyncio.ensure_future(work)
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task
    return turns


async def test_a_flood_of_records_that_are_no_events_costs_no_memory_and_stops_nobody(apart):
    shop, factory = apart
    await met(shop, factory)
    data = flood(shop, factory, 30_000)
    reports = []

    async def take():
        reports.append(await bundles.import_(factory, pieces(data, len(data))))

    assert await turns_of_others(take()) >= 30_000 // bundles.AT_ONCE
    assert (reports[0].refused, len(reports[0].threads[0].refused)) == (30_001, bundles.REFUSED_TOLD)


async def test_a_stranger_s_flood_ends_after_a_few(apart, monkeypatch):
    shop, factory = apart
    read, take = [], bundles.Taking.take
    monkeypatch.setattr(bundles.Taking, "take", lambda self, item: (read.append(item), take(self, item))[1])
    keys = [unwire(one.encode()) for one in await key_log_of(shop, shop.organisation)]
    data = sealed(shop, factory, [], keys=keys)
    with pytest.raises(Denied, match=r"bundle\.stranger"):
        await bundles.import_(factory, pieces(data))  # the control: its keys prove who it is, and it is nobody
    monkeypatch.setattr(bundles.Taking, "_begin", lambda self: asyncio.sleep(0))  # as if it had been proved
    read.clear()
    with pytest.raises(Denied, match=r"bundle\.stranger"):
        await bundles.import_(factory, pieces(flood(shop, factory, 5_000)))
    assert len(read) < 20


async def test_key_events_do_not_fill_the_memory(apart, monkeypatch):
    shop, factory = apart
    keys = [unwire(one.encode()) for one in await key_log_of(shop, shop.organisation)]
    monkeypatch.setattr(bundles, "KEYS_BYTES_MAX", sum(map(bundle.record_bytes, keys)) - 1)
    with pytest.raises(Invalid, match=r"bundle\.too-large"):
        await bundles.import_(factory, pieces(sealed(shop, factory, [], keys=keys)))
    monkeypatch.undo()
    with pytest.raises(Denied, match=r"bundle\.stranger"):  # the control
        await bundles.import_(factory, pieces(sealed(shop, factory, [], keys=keys)))
