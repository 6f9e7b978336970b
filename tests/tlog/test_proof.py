"""Proofs for the pocket: made here, read anywhere, and refused if a byte in them is another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlog.logs import (
    LEAVES,
    LOG,
    LOG_KEY,
    ORIGIN,
    POLICY,
    READ,
    ROOTS,
    SEEN_AT,
    WITNESS_KEYS,
    at,
    code,
    cosign,
    reader,
)
from weft.basis.errors import WeftError
from weft.identity.keys import Signer
from weft.tlog import merkle, note, proof
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.proof import Proof


def made(index=73, size=109, extra=None):
    """The proof of one leaf, with three witnesses."""
    return Proof(index, tuple(merkle.inclusion(index, size, READ)), cosign(at(size), "w1", "w3", "w5"), extra)


@settings(max_examples=40)
@given(st.data())
def test_every_leaf_has_a_proof_that_reads_back_and_holds(data):
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    one = made(index, size, data.draw(st.none() | st.binary(max_size=50)))
    read = proof.parse(proof.encode(one))
    assert read == one
    verdict = proof.verify(read, LEAVES[index], POLICY)
    assert verdict.checkpoint == Checkpoint(ORIGIN, size, ROOTS[size])
    assert verdict.witnesses == dict.fromkeys(["w1", "w3", "w5"], SEEN_AT)


def test_it_looks_as_the_specification_shows_it():
    lines = proof.encode(made(extra=b"name")).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra bmFtZQ==", "index 73"]
    assert lines[10:13] == ["", ORIGIN, "109"]
    assert [line.split(" ")[1] for line in lines if line.startswith("— ")] == [
        ORIGIN, *(WITNESS_KEYS[name].name for name in ("w1", "w3", "w5"))]
    assert len(proof.encode(made())) < 1_500


WHOLE = proof.encode(made())


@settings(max_examples=300)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_proof_in_which_any_byte_is_another_is_refused_or_is_a_strangers(at_byte, change):
    octets = bytearray(WHOLE)
    octets[at_byte] = (octets[at_byte] + change) % 256
    try:
        verdict = proof.verify(proof.parse(bytes(octets)), LEAVES[73], POLICY)
    except WeftError as error:
        assert error.code.startswith("tlog.")
    else:
        pytest.fail(f"it still says {verdict}")


def test_a_byte_of_the_extra_data_may_be_anything():
    changed = proof.encode(made(extra=b"name")).replace(b"bmFtZQ==", b"ZmFrZQ==")
    assert proof.parse(changed).extra == b"fake"
    proof.verify(proof.parse(changed), LEAVES[73], POLICY)  # nobody signed it, as the rule says


def test_another_leaf_place_log_or_too_few_witnesses_are_refused_each_by_its_name():
    one = made()
    proof.verify(one, LEAVES[73], POLICY)  # the control
    assert code(proof.verify, one, LEAVES[74], POLICY) == "tlog.inclusion"
    assert code(proof.verify, Proof(74, one.path, one.note), LEAVES[73], POLICY) == "tlog.inclusion"
    assert code(proof.verify, Proof(73, one.path, at(109)), LEAVES[73], POLICY) == "tlog.quorum"
    other = Signer(b"o" * 32)
    elsewhere = signed(Checkpoint("other.example/log", 109, ROOTS[109]), other)
    assert code(proof.verify, Proof(73, one.path, elsewhere), LEAVES[73], POLICY) == "tlog.log-unknown"
    forged = signed(Checkpoint(ORIGIN, 109, ROOTS[109]), other)
    assert code(proof.verify, Proof(73, one.path, forged), LEAVES[73], POLICY) == "tlog.note-unsigned"
    assert note.verify(one.note, [LOG_KEY])


@pytest.mark.parametrize("change", [
    (b"@v1", b"@v2"), (b"c2sp", b"C2SP"), (b"index 73", b"index 073"), (b"index 73", b"index -1"), (b"index 73\n", b""),
    (b"index 73", b"index 73 "), (b"index 73\n", b"extra AA==\nindex 73\nextra AA==\n"),
    (b"index 73", b"extra A\nindex 73"),
    (b"index 73\n", b"index 73\nAAAA\n"), (b"index 73\n", b"index 73\n" + (b"A" * 43 + b"=\n") * 64),
    (b"index 73\n", b"extra " + b"AAAA" * 22_000 + b"\nindex 73\n"), (b"index 73", "index ７３".encode()),
])
def test_what_is_no_proof_is_refused(change):
    changed = WHOLE.replace(*change, 1)
    assert changed != WHOLE
    assert code(proof.parse, changed) == "tlog.proof-malformed"
    assert code(proof.parse, WHOLE + bytes(proof.PROOF_BYTES_MAX)) == "tlog.proof-malformed"


def test_a_proof_that_would_not_read_back_is_not_written():
    one = made()
    assert code(proof.encode, Proof(-1, one.path, one.note)) == "tlog.proof-malformed"
    assert code(proof.encode, Proof(1, (b"short",), one.note)) == "tlog.proof-malformed"


@settings(max_examples=40)
@given(st.data())
def test_two_proofs_of_one_place_with_unlike_leaves_are_a_fork_that_anybody_can_check(data):
    changed = data.draw(st.integers(0, 99))
    leaves = [*LEAVES[:changed], merkle.leaf_hash(b"a price for you alone"), *LEAVES[changed + 1:]]
    forked = reader(leaves)
    size, other_size = data.draw(st.integers(100, 200)), data.draw(st.integers(100, 200))

    def shown(read, index, of):
        head = signed(Checkpoint(ORIGIN, of, merkle.root_of(of, read)), LOG)
        return Proof(index, tuple(merkle.inclusion(index, of, read)), head)

    mine = shown(READ, changed, size), LEAVES[changed]
    yours = shown(forked, changed, other_size), leaves[changed]
    assert proof.contradict(mine, yours, [LOG_KEY])
    # The control: a log that only grew shows nothing of the kind, and neither does another place.
    assert not proof.contradict(mine, (shown(READ, changed, other_size), LEAVES[changed]), [LOG_KEY])
    other = shown(READ, (changed + 1) % 100, other_size), LEAVES[(changed + 1) % 100]
    assert not proof.contradict(mine, other, [LOG_KEY])
    # Of one size, any two places will do.
    elsewhere = shown(forked, (changed + 1) % 100, size), leaves[(changed + 1) % 100]
    assert proof.contradict(mine, elsewhere, [LOG_KEY])


def test_nobody_is_accused_by_what_the_log_did_not_sign():
    mine, forger = made(), Signer(b"o" * 32)
    root = merkle.root_of(1, merkle.from_leaves([bytes(32)]))
    forged = Proof(0, (), signed(Checkpoint(ORIGIN, 1, root), forger))
    assert code(proof.contradict, (mine, LEAVES[73]), (forged, bytes(32)), [LOG_KEY]) == "tlog.note-unsigned"
    assert code(proof.contradict, (mine, LEAVES[73]), (mine, bytes(32)), [LOG_KEY]) == "tlog.inclusion"
