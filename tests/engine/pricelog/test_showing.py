"""What partners are shown: openings once others have seen the batch; a packed book is unpacked with care."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.dealing import dealt
from tests.engine.pricelog.test_binding import said
from tests.engine.world import until
from weft.basis.errors import Invalid
from weft.engine.pricelog import batches, log, showing
from weft.identity.keys import Signer
from weft.tlog import cosignature, note, proof
from weft.trade.messages import PricesCommitted


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
