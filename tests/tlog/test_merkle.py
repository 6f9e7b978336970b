"""Merkle hashes are those of the RFC; each proof holds, and nothing that was changed in it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlog.logs import LEAVES, READ, ROOTS, code
from weft.tlog import merkle

SIZES = len(LEAVES)
# The inputs and roots with which Certificate Transparency's implementations test themselves.
KNOWN_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_known_trees_of_up_to_eight_leaves_have_their_known_roots(size):
    leaves = [merkle.leaf_hash(bytes.fromhex(one)) for one in KNOWN_ENTRIES[:size]]
    assert merkle.root_of(size, merkle.from_leaves(leaves)).hex() == KNOWN_ROOTS[size]


def test_every_leaf_of_every_tree_of_up_to_200_is_proved_in():
    for size in range(1, SIZES + 1):
        for index in range(size):
            proof = merkle.inclusion(index, size, READ)
            merkle.verify_inclusion(LEAVES[index], index, size, ROOTS[size], proof)


def test_every_tree_of_up_to_200_is_proved_to_begin_with_every_smaller_one():
    for new in range(SIZES + 1):
        for old in range(new + 1):
            proof = merkle.consistency(old, new, READ)
            merkle.verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


@st.composite
def bent(draw, proof):
    """``proof`` with one thing done to it."""
    kinds = ["more", "first"] + (["bit", "less", "long", "short", "shift", "twice"] if proof else [])
    kind, at = draw(st.sampled_from(kinds)), draw(st.integers(0, max(0, len(proof) - 1)))
    one = proof[at] if proof else b""
    match kind:
        case "more":
            return [*proof, bytes(32)]
        case "first":
            return [bytes(32), *proof]
        case "bit":
            place = draw(st.integers(0, 255))
            changed = bytes(byte ^ (1 << place % 8 if k == place // 8 else 0) for k, byte in enumerate(one))
        case "long":
            changed = one + b"\0"
        case "short":
            changed = one[:-1]
        case "less":
            return [*proof[:at], *proof[at + 1:]]
        case "twice":
            return [*proof[:at], one, *proof[at:]]
        case _:
            changed = one[1:] + one[:1]
    return [*proof[:at], changed, *proof[at + 1:]]


@given(st.data())
def test_an_inclusion_proof_that_was_changed_is_refused(data):
    size = data.draw(st.integers(1, SIZES))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(index, size, READ)
    other = data.draw(bent(proof))
    assert code(merkle.verify_inclusion, LEAVES[index], index, size, ROOTS[size], other) == "tlog.inclusion"


@given(st.data())
def test_an_inclusion_proof_of_another_place_leaf_size_or_root_is_refused(data):
    size = data.draw(st.integers(2, SIZES - 1))
    index, wrong = data.draw(st.permutations(range(size)))[:2]
    proof = merkle.inclusion(index, size, READ)
    for leaf, place, of, root in [
        (LEAVES[wrong], index, size, ROOTS[size]), (LEAVES[index], wrong, size, ROOTS[size]),
        (LEAVES[index], index, size, ROOTS[size + 1]), (LEAVES[index], size, size, ROOTS[size]),
        (LEAVES[index], -1, size, ROOTS[size]), (LEAVES[index], index, 0, ROOTS[size]),
        (LEAVES[index][:-1], index, size, ROOTS[size]), (LEAVES[index], index, 2**63, ROOTS[size]),
    ]:
        assert code(merkle.verify_inclusion, leaf, place, of, root, proof) == "tlog.inclusion"


@given(st.data())
def test_a_consistency_proof_that_was_changed_is_refused(data):
    new = data.draw(st.integers(0, SIZES))
    old = data.draw(st.integers(0, new))
    proof = data.draw(bent(merkle.consistency(old, new, READ)))
    assert code(merkle.verify_consistency, old, ROOTS[old], new, ROOTS[new], proof) == "tlog.consistency"


@given(st.integers(1, SIZES), st.data())
def test_a_log_that_rewrote_a_leaf_that_was_signed_finds_no_proof(old, data):
    new = data.draw(st.integers(old, SIZES))
    changed = data.draw(st.integers(0, old - 1))
    from tests.tlog.logs import reader

    read = reader([*LEAVES[:changed], merkle.leaf_hash(b"another price"), *LEAVES[changed + 1:]])
    proof = merkle.consistency(old, new, read)
    fake = merkle.root_of(new, read)
    assert code(merkle.verify_consistency, old, ROOTS[old], new, fake, proof) == "tlog.consistency"
    merkle.verify_consistency(old, merkle.root_of(old, read), new, fake, proof)  # the control: among its own it holds


def test_bytes_shifted_between_two_hashes_do_not_pass():
    left, right = LEAVES[:2]
    root = merkle.node_hash(left, right)
    merkle.verify_inclusion(left, 0, 2, root, [right])
    assert merkle.node_hash(left + right[:1], right[1:]) == root  # the control: the hash alone would not see it
    assert code(merkle.verify_inclusion, left + right[:1], 0, 2, root, [right[1:]]) == "tlog.inclusion"


def test_no_proof_is_made_of_what_is_not_there():
    for call in (merkle.inclusion, merkle.consistency):
        assert code(call, 9, 8, READ) == "tlog.index"
        assert code(call, -1, 8, READ) == "tlog.index"
    assert code(merkle.inclusion, 8, 8, READ) == "tlog.index"


def test_a_proof_has_63_hashes_at_most_and_a_longer_one_is_not_even_hashed():
    proof = merkle.inclusion(0, 2**63 - 1, nothing)
    assert len(proof) == merkle.PROOF_HASHES_MAX
    assert len(merkle.consistency(2**61 - 1, 2**62, nothing)) <= merkle.PROOF_HASHES_MAX
    assert code(merkle.verify_inclusion, bytes(32), 0, 2**63 - 1, bytes(32), [bytes(32)] * 1000) == "tlog.inclusion"


def nothing(height, place):
    return bytes(32)
