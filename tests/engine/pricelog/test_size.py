"""However long a price log becomes: a proof's weight, and what is read for it, grow with the number of digits."""

import math

import pytest

from tests.engine.pricelog.vast import ENTRY, Vast
from weft.engine.pricelog import log
from weft.tlog import merkle, policy, proof

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
        assert len(text) <= BARE + HASH * height
        assert store.reads <= 2 * (height // 8 + 1)


@pytest.mark.parametrize("size", [one for one in SIZES if one > 2])
async def test_that_a_log_only_grew_is_shown_by_as_few_hashes(size):
    store = Vast(size)
    for old in {1, size // 3, size // 2, size - 1}:
        path = await log.consistency(store, old, size)
        merkle.verify_consistency(old, await log.root(store, old), size, store.root, path)
        assert len(path) <= math.ceil(math.log2(size)) + 1
