"""Whatever a stranger sends is read or refused in our own words, and what is read has no second way to be written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlog.logs import LEAVES, LOG_KEY, POLICY, READ, WITNESS_KEYS, at, cosign
from weft.basis.errors import WeftError
from weft.tlog import checkpoint, merkle, note, policy, proof, tile, witness
from weft.tlog.proof import Proof
from weft.tlog.tile import ENTRIES, Tile
from weft.tlog.witness import Request

NOTE = cosign(at(109), "w1", "w2")
ANSWER = note.encode_signatures(NOTE.signatures)
REQUEST = Request(7, tuple(merkle.consistency(7, 109, READ)), NOTE)
PROOF = Proof(73, tuple(merkle.inclusion(73, 109, READ)), NOTE, b"a name")


def text_of(octets):
    return octets.decode(errors="surrogateescape")


def octets_of(text):
    return text.encode(errors="surrogateescape")


READERS = {  # how it is read, how it is written (a policy has many ways), one that is sound
    "note": (note.parse, note.encode, note.encode(NOTE)),
    "checkpoint": (lambda data: checkpoint.parse_text(text_of(data)), lambda one: octets_of(checkpoint.text_of(one)),
                   f"{NOTE.text}extension\n".encode()),
    "request": (witness.parse, witness.encode, witness.encode(REQUEST)),
    "size": (witness.parse_conflict, witness.conflict, b"20852014\n"),
    "answer": (lambda data: note.parse_signatures(text_of(data)), note.encode_signatures, ANSWER),
    "proof": (proof.parse, proof.encode, proof.encode(PROOF)),
    "policy": (policy.parse, None, policy.encode(POLICY)),
    "vkey": (lambda data: note.parse_vkey(text_of(data)), lambda key: octets_of(note.vkey(key)),
             note.vkey(LOG_KEY).encode()),
    "path": (lambda data: tile.parse_path(text_of(data)), lambda one: octets_of(tile.path(one)),
             b"tile/entries/x001/234.p/12"),
    "bundle": (lambda data: tile.parse_bundle(Tile(ENTRIES, 0, 3), data, LEAVES[:3]), tile.bundle,
               tile.bundle([b"entry 0", b"entry 1", b"entry 2"])),
}


@st.composite
def bent(draw, data):
    """``data`` with a few pieces of it cut, changed, doubled or moved."""
    octets = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at_byte, length = draw(st.integers(0, len(octets))), draw(st.integers(0, 12))
        piece = octets[at_byte:at_byte + length]
        octets[at_byte:at_byte + length] = draw(st.sampled_from(
            [b"", piece * 2, piece[::-1], b"\n", b"\n\n", b" ", b"=", b"0", b"\xff", "\u2014 ".encode()])
            | st.binary(max_size=6))
    return bytes(octets)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=60)
@given(st.data())
def test_it_is_read_or_refused(kind, data):
    read, write, sound = READERS[kind]
    octets = data.draw(bent(sound) | st.binary(max_size=300))
    try:
        found = read(octets)
    except WeftError as error:
        assert error.code.startswith("tlog.")
    else:
        assert write is None or write(found) == octets


@pytest.mark.parametrize("kind", READERS)
def test_the_control_what_is_sound_is_read(kind):
    read, write, sound = READERS[kind]
    assert (write or (lambda _: sound))(read(sound)) == sound
    assert len(witness.cosigned(NOTE, ANSWER, list(WITNESS_KEYS.values()))) == 2
