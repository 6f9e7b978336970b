"""What a closed deal holds is erased with receipts: nowhere left, never back, and the rest still proves itself."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.test_closing import is_closed, same, settle
from tests.engine.world import AUTO, Ticking, Wires, befriend, found, quiet, until
from weft.basis.canonical import b64, encode
from weft.basis.errors import Refused
from weft.config import Retention
from weft.engine import closing as deals
from weft.engine import erasure, handle, retention
from weft.engine.acks import Ack, KeysSeen
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.packs import meaning, pack
from weft.engine.receive import receive
from weft.engine.threads import entry_of
from weft.stores.sqlite import SqliteStore
from weft.thread import closing
from weft.thread.audit import audit
from weft.thread.event import compose, signed_bytes
from weft.trade.messages import ProgressNotice
from weft.trade.order_state import Phase

CANARY = "Frau-Kanarienvogel-Gasse-7"
SAID_BESIDE = "Herr-Zeisig-Platz-3"
YEAR_MS = 366 * 86_400_000


@asynccontextmanager
async def closed_deal(folder: Path, *, years: int = 0):
    """(shop, factory, thread, clock): a closed deal whose request names a person; stores are files."""
    async with paid_deal(folder, years=years) as (shop, factory, thread, clock):
        await deals.close(shop, thread)
        await until(lambda: is_closed(shop, factory, thread=thread))
        await quiet(shop, factory)
        yield shop, factory, thread, clock


@asynccontextmanager
async def paid_deal(folder: Path, *, years: int = 0):
    """The same before it is closed."""
    wires, clock = Wires(), Ticking()
    clock.goes = False
    shop = await found(wires, "Shop", rules=AUTO, store=SqliteStore(str(folder / "shop.db")), clock=clock)
    factory = await found(wires, "Factory", rules=AUTO, store=SqliteStore(str(folder / "factory.db")), clock=clock)
    for node in (shop, factory):
        node.config = replace_retention(node.config, years)
    try:
        await befriend(factory, shop)
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}], "note": CANARY})).thread
        await until(lambda: reached(shop, thread, Phase.QUOTED))
        await run(shop, "order", {"thread": thread})
        await until(lambda: reached(shop, thread, Phase.CLOSED))
        await quiet(shop, factory)
        await settle(shop, factory)
        await quiet(shop, factory)
        yield shop, factory, thread, clock
    finally:
        for node in (shop, factory):
            await node.stop()
            await node.store.close()


def replace_retention(config, years):
    import msgspec

    return msgspec.structs.replace(config, retention=Retention(keep_years=years, close_days=0))


async def reached(node, thread, phase):
    return (await node.state(thread)).phase is phase


def found_in(folder: Path, name: str) -> list[str]:
    """Files of one firm (database, WAL, lock) that hold the canary."""
    return sorted(path.name for path in folder.iterdir()
                  if path.name.startswith(name) and CANARY.encode() in path.read_bytes())


async def erased_everywhere(shop, factory, thread):
    for node in (shop, factory):
        found = await erasure.erasures(node, thread)
        if not found or not all(found[0].erased_by(one.organisation) for one in (shop, factory)):
            return False
    return True


async def test_an_erased_person_is_nowhere_left_at_either_firm(tmp_path, caplog):
    async with closed_deal(tmp_path) as (shop, factory, thread, _):
        assert found_in(tmp_path, "shop"), "control: before erasing it is there"
        assert found_in(tmp_path, "factory"), "control: before erasing it is there"
        hashed = state_hash(await shop.state(thread))
        before = await pack(shop.store, thread, lambda _kind, _slot: False)
        assert CANARY.encode() in before
        await erasure.request(shop, thread, (), "subject-request")
        await until(lambda: erased_everywhere(shop, factory, thread))
        await quiet(shop, factory)
        assert found_in(tmp_path, "shop") == []
        assert found_in(tmp_path, "factory") == []
        await factory.store.backup(str(tmp_path / "backup-later.db"))
        assert found_in(tmp_path, "backup") == []
        assert CANARY not in caplog.text
        for node in (shop, factory):
            assert state_hash(await node.state(thread)) == hashed
            assert not node.alarms
        assert await same(shop, factory, thread)
        packed = await pack(shop.store, thread, lambda _kind, _slot: False)
        assert CANARY.encode() not in packed
        told = audit(packed)
        assert told.sound, told.faults
        assert told.withheld > 0
        state = await shop.state(thread)
        assert state.phase is Phase.CLOSED
        assert state.lines["1"].received == "20"
        assert state.request.note == ""


async def test_a_kept_proof_of_two_words_at_one_place_keeps_nothing_of_what_they_said(tmp_path):
    async with paid_deal(tmp_path) as (shop, factory, thread, _):
        other, late = [await said_beside(shop, thread, kind) for kind in ("Order", "ReceiptAdvice")]
        assert (await receive(factory, shop.organisation, thread, [other])).invalid == [(other.id, "event.fork")]
        await run(factory, "go-on", {"thread": thread})
        await deals.close(shop, thread)
        await until(lambda: is_closed(shop, factory, thread=thread))
        assert SAID_BESIDE.encode() in (await factory.store.forks(thread))[0].second, "control"
        await erasure.request(shop, thread, (), "subject-request")
        await until(lambda: erased_everywhere(shop, factory, thread))
        await quiet(shop, factory)
        assert [path.name for path in tmp_path.iterdir() if SAID_BESIDE.encode() in path.read_bytes()] == []
        told = audit(await pack(factory.store, thread, lambda _kind, _slot: False))
        assert (told.sound, len(told.forks)) == (True, 1), "it proves the same"
        assert (await receive(factory, shop.organisation, thread, [late])).invalid == [(late.id, "event.fork")]
        assert [path.name for path in tmp_path.iterdir() if SAID_BESIDE.encode() in path.read_bytes()] == []
        told = audit(await pack(factory.store, thread, lambda _kind, _slot: False))
        assert (told.sound, len(told.forks)) == (True, 2), "one that comes when all is erased does, too"


async def test_a_second_word_that_comes_when_all_is_closed_takes_no_proof_from_the_deal(tmp_path):
    async with closed_deal(tmp_path) as (shop, factory, thread, _):
        late = await said_beside(shop, thread, "ReceiptAdvice")
        before = meaning(audit(await pack(factory.store, thread, lambda _kind, _slot: False)))
        assert (await receive(factory, shop.organisation, thread, [late])).invalid == [(late.id, "event.fork")]
        data = await pack(factory.store, thread, lambda _kind, _slot: False)
        found = audit(data)
        assert SAID_BESIDE.encode() in data, "nobody has asked to erase it"
        assert (found.sound, len(found.forks), meaning(found)) == (True, 1, before)
        assert before.agreed


async def test_a_partner_takes_back_a_word_beside_the_closing_that_it_has_lost(tmp_path):
    """Of another device, or from before a restore: who has pruned keeps it whole, for it would not be taken bare."""
    async with closed_deal(tmp_path, years=1) as (shop, factory, thread, clock):
        proposal = next(one for one in await factory.log(thread) if one.kind == "CloseProposed")
        said = next(one for one in await factory.log(thread) if one.kind == "Ack")
        event = await factory.event(thread, said.id)
        header = {name: value for name, value in msgspec.structs.asdict(event.header).items()
                  if value is not msgspec.UNSET}
        header |= {"a": factory.organisation, "d": factory.identity.signer.public, "i": b64(b"12345678"), "n": 0,
                   "p": None, "x": [proposal.id], "ks": factory.identity.key_event}
        one = compose(header, [("*", event.payloads[0].content)], [b"s" * 32])
        one = msgspec.structs.replace(one, signature=factory.identity.signer.sign(signed_bytes(one.id)))
        assert (await receive(shop, factory.organisation, thread, [one])).stored == [one.id]
        clock.ms += 4 * YEAR_MS
        await retention.prune(shop, thread)
        left = await shop.event(thread, one.id)
        assert left.payloads
        hashed = state_hash(await factory.state(thread))
        await receive(factory, shop.organisation, thread, [left])  # if it has not come by itself by now
        assert (await factory.event(thread, one.id)).payloads
        assert not await factory.store.pending(thread)
        assert state_hash(await factory.state(thread)) == state_hash(await shop.state(thread)) == hashed


async def said_beside(node, thread, kind):
    """Another word at the place of what ``node`` said of this ``kind``, with its signature."""
    said = next(one for one in await node.log(thread) if one.kind == kind)
    header = msgspec.structs.asdict((await node.event(thread, said.id)).header)
    other = compose({name: value for name, value in header.items() if value is not msgspec.UNSET},
                    [("*", encode({"note": SAID_BESIDE}))], [b"s" * 32])
    return msgspec.structs.replace(other, signature=node.identity.signer.sign(signed_bytes(other.id)))


async def test_nothing_is_erased_while_the_deal_is_open_or_the_law_holds_it(tmp_path):
    async with closed_deal(tmp_path, years=10) as (shop, factory, thread, clock):
        with pytest.raises(Refused, match=r"thread\.open"):
            await erasure.request(shop, shop.partner(factory.organisation), (), "mistake")
        with pytest.raises(Refused, match=r"erase\.retention"):
            await erasure.request(shop, thread, (), "subject-request")
        request_id = (await shop.state(thread)).request_id
        await erasure.request(shop, thread, (request_id,), "subject-request")  # a request for quotation is no voucher
        await until(lambda: erased_everywhere(shop, factory, thread))
        assert found_in(tmp_path, "factory") == []
        factory.config = replace_retention(factory.config, 5)
        shop.config = replace_retention(shop.config, 0)
        await erasure.request(shop, thread, (), "contract-ended")
        await until(lambda: held_by(shop, factory, thread))
        assert (await erasure.erasures(factory, thread))[1].left > 0
        clock.ms += 7 * YEAR_MS
        await erasure.carry_out(factory, thread)
        assert (await erasure.erasures(factory, thread))[1].left == 0


async def held_by(shop, factory, thread):
    found = await erasure.erasures(shop, thread)
    return len(found) == 2 and any(one.until and one.organisation == factory.organisation for one in found[1].receipts)


async def test_a_pruned_deal_keeps_its_proof_and_agrees_with_one_that_is_not(tmp_path):
    async with closed_deal(tmp_path, years=2) as (shop, factory, thread, clock):
        with pytest.raises(Refused, match=r"prune\.retention"):
            await retention.prune(shop, thread)
        clock.ms += 4 * YEAR_MS
        whole = len(await shop.store.events(thread))
        freed = await retention.prune(shop, thread)
        await quiet(shop, factory)
        left = len(await shop.store.events(thread))
        assert freed.events >= whole - left > 4
        assert freed.bytes > 3_000
        assert found_in(tmp_path, "shop") == []
        assert await same(shop, factory, thread)
        assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))
        shop.forget(thread)
        assert await same(shop, factory, thread)
        assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))
        events = await factory.with_payloads(thread, await factory.store.events(thread))
        from weft.engine.receive import receive

        await receive(shop, factory.organisation, thread, events)  # a late peer hands over everything once more
        assert len(await shop.store.events(thread)) == left
        assert found_in(tmp_path, "shop") == []
        await retention.prune(factory, thread)
        await quiet(shop, factory)
        assert await same(shop, factory, thread)
        assert not shop.alarms
        assert not factory.alarms
        assert not await shop.store.pending(thread)
    await asyncio.sleep(0)


async def test_packs_of_erased_and_pruned_deals_still_prove_what_lasts(tmp_path):
    async with closed_deal(tmp_path) as (shop, factory, thread, clock):
        whole = audit(await pack(shop.store, thread, lambda _kind, _slot: False))
        await erasure.request(shop, thread, (), "subject-request")
        await until(lambda: erased_everywhere(shop, factory, thread))
        await quiet(shop, factory)
        bare = audit(await pack(shop.store, thread, lambda _kind, _slot: False))
        assert bare.sound, bare.faults
        assert bare.withheld > 4
        assert meaning(bare).closed
        assert meaning(bare).state == state_hash(await factory.state(thread)) == meaning(whole).state
        clock.ms += YEAR_MS
        await retention.prune(shop, thread)
        await quiet(shop, factory)
        packed = await pack(shop.store, thread, lambda _kind, _slot: False)
        pruned = audit(packed)
        assert pruned.sound, pruned.faults
        assert pruned.gone > 3
        assert pruned.manifest.pruned
        assert not meaning(pruned).faults
        assert meaning(pruned).state == meaning(whole).state
        lines = packed.splitlines(keepends=True)
        for place in range(1, len(lines)):  # control: what is left of it hangs together
            if b"CloseAccepted" in lines[place] or b"ThreadClosed" in lines[place]:
                counts = lines[0].replace(b'"events":%d' % pruned.manifest.events, b'"events":%d' % (
                    pruned.manifest.events - 1))
                assert not audit(b"".join([counts, *lines[1:place], *lines[place + 1:]])).sound


async def test_a_receipt_without_its_words_does_not_make_a_whole_deal_look_erased(tmp_path):
    """A liar says something empty after closing: what the other holds is still read in full, also after a restart."""
    async with closed_deal(tmp_path) as (shop, factory, thread, _):
        loaded = await factory.loaded(thread)
        for message in (Ack(state=""), KeysSeen(keys={}), closing.ThreadPruned()):
            word = handle.word(factory, loaded, loaded.machine, message)
            result = await receive(shop, factory.organisation, thread, [msgspec.structs.replace(word, payloads={})])
            assert result.invalid == [(word.id, "event.payload-missing")]
        shop.forget(thread)
        assert not (await shop.loaded(thread)).bare
        whole = await receive(shop, factory.organisation, thread, [word])
        assert whole.stored == [word.id], "the control: with its words it is taken in"


async def test_a_confirmation_of_what_was_taken_back_lets_in_no_word_without_its_content(tmp_path):
    """The factory goes on talking, and then confirms beside it: the deal is open, and what it says must be readable."""
    async with paid_deal(tmp_path) as (shop, factory, thread, _):
        loaded = await factory.whole(thread)
        proposal = closing.proposed(loaded.state, {})
        first = handle.word(factory, loaded, loaded.machine, proposal)
        assert (await receive(shop, factory.organisation, thread, [first])).stored
        held = await shop.whole(thread)
        answer = handle.word(shop, held, held.machine, closing.CloseAccepted(proposal=first.id, state=proposal.state))
        assert (await receive(shop, factory.organisation, thread, [answer])).stored
        above = loaded.extended([entry_of(first, loaded.machine), entry_of(answer, loaded.machine)])
        talk = handle.word(factory, above, loaded.machine, ProgressNotice(line="1", stage="made"))
        assert (await receive(shop, factory.organisation, thread, [talk])).stored
        late = handle.word(factory, above.extended([entry_of(talk, loaded.machine)]), loaded.machine,
                           closing.ThreadClosed(acceptance=answer.id, state=proposal.state))
        bare = handle.word(factory, above.extended([entry_of(talk, loaded.machine)]), loaded.machine,
                           ProgressNotice(line="1", stage="planned"))
        result = await receive(shop, factory.organisation, thread, [msgspec.structs.replace(bare, payloads={}), late])
        assert (bare.id, "event.payload-missing") in result.invalid
