"""What partners are shown: openings once others have seen the batch; a packed book is unpacked with care."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.dealing import BOOK, dealt
from tests.engine.pricelog.test_binding import said
from tests.engine.world import until
from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.engine.pricelog import batches, log, showing
from weft.identity.keys import Signer
from weft.pricing import book as books
from weft.pricing.lint import BYTES_MAX, lint
from weft.tlog import cosignature, note, proof
from weft.trade.relationship import DEFLATED_MAX
from weft.trade.shown import PricesCommitted


@given(st.binary(max_size=3_000))
def test_what_is_packed_comes_out_again(data):
    assert showing.inflate(showing.deflate(data)) == data


@given(st.binary(max_size=300))
def test_whatever_was_not_packed_is_refused_or_small(data):
    try:
        assert len(showing.inflate(data)) <= showing.BOOK_BYTES_MAX
    except Invalid as error:
        assert error.code == "pricing.shape"


@pytest.mark.parametrize("bent", [
    lambda packed: packed + b"x", lambda packed: packed[:-1], lambda packed: b"", lambda packed: b"\x78\x9c" + packed,
    lambda _: showing.deflate(bytes(showing.BOOK_BYTES_MAX + 1)), lambda _: zlib.compress(b"with a head"),
], ids=["more", "less", "nothing", "a head", "too much", "another form"])
def test_more_or_less_than_one_book_is_refused(bent):
    with pytest.raises(Invalid, match=r"pricing\.shape"):
        showing.inflate(bent(showing.deflate(b'{"a":1}')))


def hard_book(first, last):
    """A book as large as may be published, of names that hardly pack: characters of chance."""
    draw, lines, size = random.Random(7), [], 0
    while size < BYTES_MAX - 3_000:
        item = "".join(chr(draw.randrange(first, last)) for _ in range(118))
        lines.append({"item": item, "unit": "C62", "tiers": [{"from": "1", "price": f"{draw.randrange(1, 10**6)}.5"}]})
        size += len(item.encode()) + 80
    return books.load({**BOOK, "lines": lines})


@pytest.mark.parametrize("letters", [(0x4E00, 0x9FFF), (0x20000, 0x2A6DF), (0xA1, 0x2FF)], ids=["Han", "rare", "Latin"])
def test_whatever_book_may_be_published_fits_into_one_word(letters):
    book = hard_book(*letters)
    assert BYTES_MAX * 0.9 < len(book.canonical) <= BYTES_MAX
    assert len(b64(showing.deflate(book.canonical))) <= DEFLATED_MAX
    assert showing.inflate(showing.deflate(book.canonical)) == book.canonical


def test_control_a_book_of_twice_that_size_would_not_fit_and_is_refused():
    book = hard_book(0x4E00, 0x9FFF)
    lines = [{"item": one.item[:100] + str(copy), "unit": "C62", "tiers": [{"from": "1", "price": "1.5"}]}
             for copy in range(2) for one in book.lines]
    twice = {**BOOK, "lines": lines}
    assert len(b64(showing.deflate(books.load(twice).canonical))) > DEFLATED_MAX
    assert "pricing.too-large" in {one.code for one in lint(twice)}


def cosigned(head):
    line = cosignature.sign(head.read.text, "w/partner", Signer(bytes(range(32))), 1_795_000_000)
    return note.Note(head.read.text, (*head.read.signatures, line))


async def test_openings_are_told_as_soon_as_others_have_seen_the_batch_and_not_before():
    async with dealt() as (shop, factory, _):
        relationship = shop.partner(factory.organisation)
        await batches.make(factory)
        before = len(await factory.store.values(batches.UNTOLD))
        assert before
        await showing.tell(factory)
        assert len(await factory.store.values(batches.UNTOLD)) == before
        await log.keep_cosigned(factory, cosigned(await log.head(factory.store)))
        await until(lambda: said(shop, relationship, PricesCommitted))
        word = (await said(shop, relationship, PricesCommitted))[0]
        names = [one.name for one in proof.parse(word.message.proof.encode()).note.signatures]
        assert "w/partner" in names
        assert not await factory.store.values(batches.UNTOLD)


async def test_a_quotation_names_five_of_those_who_have_seen_the_book_and_the_buyer_before_all():
    async with dealt() as (shop, factory, thread):
        head = await log.head(factory.store)
        lines = [cosignature.sign(head.read.text, f"w/{number}", Signer(bytes([number]) * 32), 1_795_000_000)
                 for number in range(1, 13)]
        await log.keep_cosigned(factory, note.Note(head.read.text, (*head.read.signatures, *lines)))
        key = note.key_of("w/9", Signer(bytes([9]) * 32), note.COSIGNATURE)
        asked = showing.msgspec.msgpack.encode(showing.Asked(vkey=note.vkey(key)))
        await factory.store.commit(showing.Batch(values=[(showing.ASKED, shop.organisation, asked)]))
        name = (await shop.state(thread)).quotation.price.book
        text = await showing.book_proof(factory, name, shop.organisation)
        own, *others = (one.name for one in proof.parse(text.encode()).note.signatures)
        assert (own, others[0], len(others)) == (log.origin(factory), "w/9", 5)
        assert len(text) < 1500
