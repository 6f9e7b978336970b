"""Cosignatures: a witness's word with its time, in both types; the published example has the published form."""

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlog.logs import ORIGIN, ROOTS, SEEN_AT, WITNESS_KEYS, WITNESSES, at, code, cosign
from weft.tlog import cosignature, note
from weft.tlog.cosignature import Subtree
from weft.tlog.note import SUBTREE, Note, Signature, VerifierKey

KEY = WITNESS_KEYS["w1"]
QUANTUM = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
QUANTUM_KEY = VerifierKey("w9.example/witness", SUBTREE, QUANTUM.public_key().public_bytes_raw())


def quantum(subtree, time=SEEN_AT, name=QUANTUM_KEY.name):
    """An ML-DSA-44 cosignature on ``subtree``."""
    return time.to_bytes(8, "big") + QUANTUM.sign(cosignature.subtree_message(name, time, subtree))


def test_the_message_is_the_specifications():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert cosignature.message(text, 1679315147) == f"cosignature/v1\ntime 1679315147\n{text}".encode()
    (read,) = note.parse_signatures("— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEh"
                                    "ZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n")
    assert cosignature.timestamp_of(read.value) == 1679315147
    assert len(read.value) == 72


def test_a_cosignature_holds_for_its_checkpoint_and_time_only():
    one = cosign(at(9), "w1")
    assert cosignature.timestamp_of(note.verify(one, [KEY], cosignature.is_signed)[KEY].value) == SEEN_AT
    value = one.signatures[-1].value
    assert cosignature.is_signed(KEY, one.text, value)
    later = (SEEN_AT + 1).to_bytes(8, "big") + value[8:]
    for key, text, given_value in [
        (KEY, at(8).text, value), (KEY, one.text, later), (WITNESS_KEYS["w2"], one.text, value), (KEY, "text\n", value),
        (KEY, one.text, value[:-1]), (KEY, one.text, value + b"\0"), (KEY, one.text, b""), (KEY, one.text, value[8:]),
        (KEY, f"{one.text}extension\n", value), (KEY._replace(kind=SUBTREE), one.text, value),
    ]:
        assert not cosignature.is_signed(key, text, given_value)


def test_extension_lines_are_signed_too():
    text = f"{at(9).text}extension\n"
    made = cosignature.sign(text, KEY.name, WITNESSES["w1"], SEEN_AT)
    assert cosignature.is_signed(KEY, text, made.value)
    assert not cosignature.is_signed(KEY, at(9).text, made.value)


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_a_witness_signs_with_a_possible_time(time):
    assert code(cosignature.sign, at(9).text, KEY.name, WITNESSES["w1"], time) == "tlog.cosignature-time"


def test_a_time_of_2_to_the_63_is_no_time():
    assert code(cosignature.timestamp_of, b"\x80" + bytes(71)) == "tlog.cosignature-time"
    assert code(cosignature.timestamp_of, bytes(8)) == "tlog.cosignature-time"
    assert cosignature.timestamp_of(b"\x7f" + b"\xff" * 71) == 2**63 - 1
    assert not cosignature.is_signed(KEY, at(9).text, b"\x80" + bytes(71))


def test_only_checkpoints_are_cosigned():
    assert code(cosignature.sign, "anything\n", KEY.name, WITNESSES["w1"], SEEN_AT) == "tlog.checkpoint-malformed"


def test_a_post_quantum_witness_is_verified_and_its_vkey_read():
    assert note.parse_vkey(note.vkey(QUANTUM_KEY)) == QUANTUM_KEY
    value = quantum(Subtree(ORIGIN, 0, 9, ROOTS[9]))
    made = Note(at(9).text, (*at(9).signatures, Signature(QUANTUM_KEY.name, QUANTUM_KEY.id, value)))
    read = note.parse(note.encode(made))
    assert list(note.verify(read, [QUANTUM_KEY], cosignature.is_signed)) == [QUANTUM_KEY]
    assert not cosignature.is_signed(QUANTUM_KEY, at(8).text, value)
    assert not cosignature.is_signed(QUANTUM_KEY._replace(name="w8.example/witness"), at(9).text, value)
    assert not cosignature.is_signed(QUANTUM_KEY, at(9).text, (SEEN_AT + 1).to_bytes(8, "big") + value[8:])
    assert not cosignature.is_signed(QUANTUM_KEY, at(9).text, value[:-1] + bytes([value[-1] ^ 1]))
    assert not cosignature.is_signed(QUANTUM_KEY, at(9).text, value[:72])
    assert not cosignature.is_signed(QUANTUM_KEY._replace(public=b"short"), at(9).text, value)


def test_a_part_of_a_log_is_signed_without_a_time():
    part = Subtree(ORIGIN, 8, 13, ROOTS[5])
    value = quantum(part, 0)
    assert cosignature.is_subtree_signed(QUANTUM_KEY, part, value)
    assert not cosignature.is_subtree_signed(QUANTUM_KEY, part._replace(end=14), value)
    assert not cosignature.is_subtree_signed(QUANTUM_KEY, part, (1).to_bytes(8, "big") + value[8:])
    assert not cosignature.is_subtree_signed(KEY, part, value)
    for wrong in (part._replace(start=9), part._replace(end=8), part._replace(hash=b""), part._replace(origin=""),
                  part._replace(origin="o" * 256), part._replace(start=-8)):
        assert code(cosignature.subtree_message, "w", 0, wrong) == "tlog.subtree"
    assert code(cosignature.subtree_message, "w", 1, part) == "tlog.subtree"
    assert code(cosignature.subtree_message, "", 0, part) == "tlog.subtree"


@pytest.mark.parametrize(("start", "end", "is_one"), [
    (0, 1, True), (0, 7, True), (8, 13, True), (4, 8, True), (4, 7, True), (12, 13, True), (6, 8, True),
    (4, 9, False), (8, 17, False), (3, 5, False), (5, 5, False), (6, 5, False), (-1, 0, False), (2, 5, False),
])
def test_a_subtree_begins_where_one_of_its_size_can(start, end, is_one):
    assert cosignature.is_subtree(start, end) is is_one


@settings(max_examples=50)
@given(st.integers(0, 71), st.integers(0, 7))
def test_a_changed_bit_anywhere_in_a_cosignature_is_seen(at_byte, bit):
    one = cosign(at(9), "w1")
    value = bytearray(one.signatures[-1].value)
    value[at_byte] ^= 1 << bit
    assert not cosignature.is_signed(KEY, one.text, bytes(value))
