"""However long a price log becomes: a proof's weight, and what is read for it, grow with the number of digits."""

import math

import pytest

from tests.engine.pricelog.vast import ENTRY, Vast
from weft.basis.canonical import unb64
from weft.engine.pricelog import log, showing
from weft.engine.pricelog.witness import name_of
from weft.identity.keys import Signer
from weft.tlog import cosignature, merkle, note, policy, proof

SIZES = (1, 2, 255, 256, 257, 65_536, 65_537, 1_000_000, 10_000_000, 10_000_001, 2**40 + 12_345)
BARE = 350  # bytes of a proof without hashes: head, index, checkpoint with the log's signature
HASH = 45  # bytes of one hash on its line


@pytest.mark.parametrize("size", SIZES)
async def test_a_proof_is_as_long_as_the_tree_is_high_and_is_made_from_as_few_tiles(size):
    store, height = Vast(size), math.ceil(math.log2(size))
    for index in {0, size // 2, size // 3, size - 1}:
        store.reads = 0
        text = await log.prove(store, index, store.head)
        read = proof.parse(text.encode())
        proof.verify(read, merkle.leaf_hash(ENTRY), policy.Policy(policy.NONE, (store.key,)))
        assert len(read.path) <= height
        assert len(text.encode()) <= BARE + HASH * height
        assert store.reads <= 2 * (height // 8 + 1)


@pytest.mark.parametrize("size", [one for one in SIZES if one > 2])
async def test_that_a_log_only_grew_is_shown_by_as_few_hashes(size):
    store = Vast(size)
    for old in {1, size // 3, size // 2, size - 1}:
        path = await log.consistency(store, old, size)
        merkle.verify_consistency(old, await log.root(store, old), size, store.root, path)
        assert len(path) <= math.ceil(math.log2(size)) + 1


def seen_by(head, count, characters=10):
    """``head`` with as many cosignatures, under names of that length."""
    signers = [Signer(bytes([9, number]) * 16) for number in range(count)]
    lines = [cosignature.sign(head.read.text, name_of(unb64(one.public), characters), one, 1_795_000_000)
             for one in signers]
    signed = note.Note(head.read.text, (*head.read.signatures, *lines))
    return log.Head(head.size, head.root, note.encode(signed).decode())


async def fitted(size, seen=16, characters=10):
    """(how many cosignatures a quotation shows in a record of that size, the bytes of its proof)."""
    store, index = Vast(size), max(0, size // 2 - 1)  # no other leaf's proof is longer
    head = seen_by(store.head, seen, characters)
    text = showing.fitting(index, await log.inclusion(store, index, size), head)
    return len(proof.parse(text.encode()).note.signatures) - 1, len(text.encode())


@pytest.mark.parametrize(("size", "shown"), [(1, 5), (8_000, 5), (8_192, 5), (8_193, 4), (16_384, 4), (32_768, 4),
                                             (65_536, 3), (262_144, 3)])
async def test_a_quotations_proof_stays_below_1500_bytes_with_as_many_as_fit(size, shown):
    count, weight = await fitted(size)
    assert count == shown
    assert weight < 1_500


async def test_what_does_not_fit_with_three_has_three_all_the_same_and_grows_by_a_hash_for_each_doubling():
    weights = [(await fitted(size))[1] for size in (2**20, 2**21, 2**22)]
    assert weights[0] > 1_500
    assert all(HASH <= weights[k + 1] - weights[k] <= HASH + 2 for k in range(2))  # and a digit, sometimes
    assert (await fitted(10_000_000))[0] == 3
    assert (await fitted(10_000_000, seen=0))[0] == 0


async def test_with_the_longer_names_of_before_five_would_not_have_fitted():
    """The control: it is the names that make the room."""
    assert (await fitted(8_000, characters=16))[0] == 4
    assert (await fitted(8_000))[0] == 5
