"""Keys: only the holder signs, and keys that would accept anybody's signature are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.identity.keys import SIGNATURE_BYTES, Signer, registered, sound, verify

SEEDS = st.binary(min_size=32, max_size=32)

# The eight points of small order and their non-canonical spellings (as in libsodium's blocklist and "taming EdDSAs").
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def test_rfc_8032_test_1():
    signer = Signer(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert unb64(signer.public).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signer.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"
    )


@given(SEEDS, st.binary(max_size=200))
def test_what_a_key_signed_verifies(seed, message):
    signer = Signer(seed)
    assert verify(signer.public, message, signer.sign(message))


@given(SEEDS, st.binary(max_size=50), st.integers(0, SIGNATURE_BYTES * 8 - 1))
def test_one_changed_bit_is_noticed(seed, message, bit):
    signer = Signer(seed)
    signature = bytearray(signer.sign(message))
    signature[bit // 8] ^= 1 << bit % 8
    assert not verify(signer.public, message, bytes(signature))
    assert not verify(signer.public, message + b"!", signer.sign(message))


@given(SEEDS, SEEDS)
def test_another_key_does_not_verify(seed, other):
    if seed != other:
        assert not verify(Signer(other).public, b"message", Signer(seed).sign(b"message"))


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), b"\xff" * 64])
def test_malformed_signatures_do_not_verify(signature):
    assert not verify(Signer(bytes(32)).public, b"message", signature)


@pytest.mark.parametrize("public", ["", "short", "A" * 42, "A" * 44, "!" * 43, "é" * 43])
def test_malformed_keys_do_not_verify(public):
    assert not verify(public, b"message", Signer(bytes(32)).sign(b"message"))
    assert not sound(public)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_keys_of_small_order_cannot_be_registered(point):
    public = b64(bytes.fromhex(point))
    assert not sound(public)
    with pytest.raises(Invalid, match=r"key\.weak"):
        registered(public)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_nor_does_anything_verify_under_them(point):
    """R = the key itself, S = 0: the forgery that verifies for every message where small order is accepted."""
    forged = bytes.fromhex(point) + bytes(32)
    assert not verify(b64(bytes.fromhex(point)), b"any message", forged)


@given(SEEDS)
def test_an_ordinary_key_can_be_registered(seed):
    public = Signer(seed).public
    assert registered(public) == public


def test_the_high_part_of_a_signature_is_not_malleable():
    """S + L verifies the same equation; RFC 8032 wants S below L."""
    order = 2**252 + 27742317777372353535851937790883648493
    signer = Signer(bytes(range(32)))
    signature = signer.sign(b"message")
    raised = int.from_bytes(signature[32:], "little") + order
    assert verify(signer.public, b"message", signature)
    assert not verify(signer.public, b"message", signature[:32] + raised.to_bytes(32, "little"))
