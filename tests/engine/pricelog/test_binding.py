"""A whole deal is bound into the seller's price log, and the buyer is shown all that it needs to see that."""

import msgspec
import pytest

from tests.engine.dealing import BOOK, dealt, table
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis.canonical import b64, unb64
from weft.config import Rules
from weft.engine.commands import run
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, exceptions, log, showing
from weft.pricing import book as books
from weft.pricing import commitment, leaf
from weft.tlog import merkle, policy, proof
from weft.trade.messages import Invoice, Order, OrderChange, OrderChangeResponse, OrderResponse, Quotation
from weft.trade.shown import PriceBookShown, PricesCommitted

QUARTER_MS = 15 * 60_000


def words(history, kind):
    return [one for one in history if one.kind == kind.__name__]


async def said(node, thread, kind):
    """All words of ``kind`` in ``thread`` that ``node`` holds."""
    return words(await node.log(thread), kind)


async def proven(node, seller, entry, text):
    """The index of the leaf ``entry``, proven by ``text`` under a checkpoint of ``seller``; checked by ``node``."""
    keys = log.keys_of(seller, await node.keys(seller))
    read = proof.parse(text.encode())
    proof.verify(read, merkle.leaf_hash(entry.encode()), policy.Policy(policy.NONE, tuple(keys)))
    return read.index


async def told(shop, factory, count=3):
    """Wait until the shop was shown ``count`` openings; the words that show them."""
    relationship = shop.partner(factory.organisation)
    factory.clock.ms += QUARTER_MS + 60_000

    async def all_there():
        factory.clock.ms += 60_000
        return sum(len(one.message.openings) for one in await said(shop, relationship, PricesCommitted)) >= count

    await until(all_there)
    await quiet(shop, factory)
    return await said(shop, relationship, PricesCommitted)


async def test_the_buyer_sees_the_book_before_the_price_and_that_every_document_is_committed():
    async with dealt() as (shop, factory, thread):
        relationship, seller = shop.partner(factory.organisation), factory.organisation
        # 1. The book came once, with its leaf and a proof.
        (shown,) = await said(shop, relationship, PriceBookShown)
        given = books.load(showing.inflate(unb64(shown.message.deflated)))
        assert given.hash == shown.message.hash
        first = leaf.parse(shown.message.leaf.encode())
        assert (first.hash, first.number) == (given.hash, 1)
        index = await proven(shop, seller, shown.message.leaf, shown.message.proof)
        # 2. The quotation carries a proof of the same leaf.
        (quotation,) = await said(shop, thread, Quotation)
        assert quotation.message.price.book == given.hash
        assert await proven(shop, seller, shown.message.leaf, quotation.message.price.proof) == index
        assert len(quotation.message.price.proof) < 1500
        # 3. Quotation, order and bill are committed, and the shop can open all three.
        documents = {one.id for one in (quotation, *await said(shop, thread, Order),
                                        *await said(shop, relationship, Invoice))}
        found = {}
        for word in await told(shop, factory):
            batch = leaf.parse(word.message.leaf.encode())
            await proven(shop, seller, word.message.leaf, word.message.proof)
            for one in word.message.openings:
                commitment.verify(msgspec.convert(msgspec.to_builtins(one), commitment.Opening), batch.root)
                assert one.n == batch.n == 64
                found[one.document] = word.id
        assert set(found) == documents
        # 4. Nothing waits any more, and the shop, which sells nothing, has no log.
        assert not await factory.store.values(batches.PENDING)
        assert not await factory.store.values(batches.UNTOLD)
        assert await log.head(shop.store) is None


async def test_a_document_is_committed_once_however_often_it_is_given():
    async with dealt() as (shop, factory, thread):
        await told(shop, factory)
        (quotation,) = await said(shop, thread, Quotation)
        kept = await batches.opened(factory.store, unb64(quotation.id, 32))
        await batches.pending(factory, unb64(quotation.id, 32), shop.organisation)
        await batches.make(factory)
        assert await batches.opened(factory.store, unb64(quotation.id, 32)) == kept
        assert kept.partner == shop.organisation
        assert isinstance(leaf.parse(await log.entry(factory.store, kept.batch)), leaf.BatchLeaf)


async def test_a_second_version_is_logged_and_shown_before_it_is_quoted_from():
    async with dealt() as (shop, factory, _):
        cheaper = {**BOOK, "lines": [{"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "39"}]}]}
        await run(factory, "publish-prices", {"book": cheaper})
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "2"}]})).thread
        await until(lambda: said(shop, thread, Quotation))
        await quiet(shop, factory)
        shown = await said(shop, shop.partner(factory.organisation), PriceBookShown)
        assert [leaf.parse(one.message.leaf.encode()).number for one in shown] == [1, 2]
        assert (await said(shop, thread, Quotation))[0].message.price.book == shown[1].message.hash


async def test_an_agreed_price_off_the_book_is_counted_with_its_band_when_the_month_is_over():
    async with dealt() as (shop, factory, _):
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "2"}]})).thread
        await until(lambda: said(shop, thread, Quotation))
        await run(factory, "quote", {"thread": thread, "terms": {"unit_prices": {"1": "37"}}})

        async def off_book():
            return (await shop.state(thread)).quotation.off_book

        await until(off_book)
        assert not await factory.store.values(exceptions.EXCEPTIONS)
        await run(shop, "order", {"thread": thread})
        await until(lambda: factory.store.values(exceptions.EXCEPTIONS))
        factory.clock.ms += 70 * 86_400_000
        await batches.make(factory)
        head = await log.head(factory.store)
        found = [leaf.parse(await log.entry(factory.store, index)) for index in range(head.size)]
        counted = [(one.count, one.band) for one in found if isinstance(one, leaf.ExceptionsLeaf)]
        assert counted[0] == (1, "10")
        assert set(counted[1:]) == {(0, "none")}
        assert not await factory.store.values(exceptions.EXCEPTIONS)
        await quiet(shop, factory)


async def test_a_book_that_a_restored_backup_has_forgotten_is_found_in_the_log_that_came_back():
    async with dealt() as (shop, factory, thread):
        (quotation,) = await said(shop, thread, Quotation)
        name = quotation.message.price.book
        index, head = await showing.book_index(factory.store, name), await log.head(factory.store)
        await factory.store.commit(Batch(values=[(showing.BOOKS, name, None)]))
        assert await showing.log_book(factory, name) == index
        assert await showing.book_index(factory.store, name) == index
        assert (await log.head(factory.store)).size == head.size


PRICE = {"net": "76.00", "tax": "9.88", "gross": "85.88"}


@pytest.mark.parametrize(("part", "band"), [
    ({"unit_price": "38", **PRICE}, b"5"), ({"unit_price": "20"}, b"50"), ({"unit_price": "19"}, b"more"),
    ({"quantity": "3"}, None), ({"unit_price": "40", "net": "80.00", "tax": "10.40", "gross": "90.40"}, None),
])
async def test_a_price_off_the_book_that_is_agreed_by_a_change_counts_too(part, band):
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory", rules=Rules(quote="auto", order="auto"))
    try:
        await befriend(factory, shop)
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        thread = (await run(shop, "request-quotation", {
            "supplier": "Factory", "lines": [{"item": "V15", "quantity": "2"}]})).thread
        await until(lambda: said(shop, thread, Quotation))
        await run(shop, "order", {"thread": thread})
        await until(lambda: said(shop, thread, OrderResponse))
        await quiet(shop, factory)
        await run(shop, "propose-change", {"thread": thread, "lines": [{"line": "1", **part}]})
        await until(lambda: said(factory, thread, OrderChange))
        (change,) = await said(factory, thread, OrderChange)
        await run(factory, "answer-change", {"thread": thread, "change": change.id, "option": "change"})
        await until(lambda: said(shop, thread, OrderChangeResponse))
        await quiet(shop, factory)
        await until(lambda: not [row for row in factory.work.waiting.values() if row.reaction == "count-change"])
        rows = [msgspec.msgpack.decode(data, type=exceptions.Agreed).band.encode()
                for _, data in await factory.store.values(exceptions.EXCEPTIONS)]
        assert rows == ([band] if band else [])
    finally:
        await shop.stop()
        await factory.stop()


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65])
async def test_batches_are_all_of_one_size_and_what_finds_no_room_waits(count):
    from tests.engine.home import empty_node

    node = await empty_node()
    for number in range(count):
        await batches.pending(node, bytes([number]) * 32, None)
    sizes = []
    for _ in range(2):
        found = leaf.parse(await log.entry(node.store, await batches.make(node)))
        sizes.append(found.n)
    assert sizes == [64, 64]
    assert len(await node.store.values(batches.OPENED)) == count
    for number in range(count):
        kept = await batches.opened(node.store, bytes([number]) * 32)
        batch = leaf.parse(await log.entry(node.store, kept.batch))
        commitment.verify(kept.opening, batch.root)
        assert kept.opening.document == b64(bytes([number]) * 32)
