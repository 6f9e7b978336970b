"""Packs made by real nodes: sound as they are, unsound after any change, no more open than they were meant to be."""

import random

import msgspec
import pytest
import pytest_asyncio

from tests.engine.dealing import dealt
from weft.basis.errors import NotFound
from weft.engine.machines import state_hash
from weft.engine.packs import meaning, pack
from weft.thread.audit import STEPS, audit


def nothing(kind: str, slot: int) -> bool:
    return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deal():
    async with dealt() as (shop, factory, thread):
        yield shop, factory, thread


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_both_members_export_the_same_bytes(deal):
    shop, factory, thread = deal
    ours = await pack(shop.store, thread, nothing)
    assert ours == await pack(factory.store, thread, nothing)
    found = audit(ours)
    assert found.sound, [(one.step, one.where, one.error) for one in found.faults]
    assert found.withheld == 0
    assert len(found.checked) == len(STEPS)
    folded = meaning(found)
    assert not folded.faults
    assert folded.state == state_hash(await shop.state(thread))
    assert folded.agreed > 0
    assert not folded.disagreed


async def test_the_relationship_and_the_books_can_be_exported_too(deal):
    shop, factory, _ = deal
    for node, thread in ((shop, shop.partner(factory.organisation)), (factory, factory.book("stock"))):
        found = audit(await pack(node.store, thread, nothing))
        assert found.sound, [(one.step, one.where, one.error) for one in found.faults]
        assert meaning(found).state == state_hash(await node.state(thread))


async def test_what_is_withheld_is_not_there_and_the_rest_still_proves_itself(deal):
    shop, _, thread = deal
    whole = await pack(shop.store, thread, nothing)
    shown = await pack(shop.store, thread, lambda kind, slot: kind in {"Quotation", "Order"})
    found = audit(shown)
    assert found.sound, [(one.step, one.where, one.error) for one in found.faults]
    kinds = [event.header.y for event in found.events if not event.payloads]
    assert {"Quotation", "Order", "Ack"} == set(kinds)
    assert found.withheld == len(kinds)
    assert found.manifest.state == ""
    assert meaning(found).state == ""
    price = b"904.00"  # with its point: digits alone also come about in hashes and signatures
    assert price in whole and price not in shown.split(b'"event"', 1)[1].split(b"DespatchAdvice")[0]
    assert found.manifest.heads == audit(whole).manifest.heads


async def test_any_byte_that_is_changed_is_noticed(deal):
    shop, _, thread = deal
    whole = await pack(shop.store, thread, nothing)
    source = random.Random(7)
    places = source.sample(range(len(whole)), 400)
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << source.randrange(7)
        found = audit(bytes(changed))
        assert not found.sound or meaning(found).faults, (place, bytes(changed[place - 20:place + 20]))


async def test_no_line_can_be_left_out_doubled_or_moved(deal):
    shop, _, thread = deal
    lines = (await pack(shop.store, thread, nothing)).splitlines(keepends=True)
    manifest = msgspec.json.decode(lines[0])
    for place in range(1, len(lines)):
        counts = dict(manifest)
        counts["keys" if place <= manifest["keys"] else "events"] -= 1
        less = [msgspec.json.encode(counts, order="sorted") + b"\n", *lines[1:place], *lines[place + 1:]]
        assert not audit(b"".join(less)).sound
        assert not audit(b"".join([*lines[:place], lines[place], *lines[place:]])).sound


async def test_a_thread_that_is_not_there_has_no_pack(deal):
    shop, _, _ = deal
    for thread in ("nothing", shop.organisation):
        with pytest.raises(NotFound):
            await pack(shop.store, thread, nothing)
