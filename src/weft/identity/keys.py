"""Ed25519 keys (RFC 8032): sign, verify, seal to a key, and refuse keys that would accept anybody's signature.

A public key is written as base64url (43 characters) inside Weft and as did:key outside. What is sealed to one is a
libsodium sealed box to the X25519 key (RFC 7748) that belongs to it.
Rule 1: small-order and non-canonical public keys are refused when a key is registered.
Not here: which key may sign for whom (``keylog.py``), files and seeds (``launch.py``).
"""

from hashlib import blake2b

from nacl.bindings import (
    crypto_box,
    crypto_box_seal_open,
    crypto_box_seed_keypair,
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_ed25519_pk_to_curve25519,
    crypto_sign_ed25519_sk_to_curve25519,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import CryptoError

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid

SEED_BYTES = 32
SIGNATURE_BYTES = 64


class Signer:
    """A private key. ``public`` is its base64url name."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        public, self._secret = crypto_sign_seed_keypair(seed)
        self.public = b64(public)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature over ``message``."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def unseal(self, sealed: bytes) -> bytes:
        """What was sealed to this key; raises ``Invalid('key.sealed')`` when it was not, or is damaged."""
        secret = crypto_sign_ed25519_sk_to_curve25519(self._secret)
        try:
            return crypto_box_seal_open(sealed, crypto_sign_ed25519_pk_to_curve25519(unb64(self.public, 32)), secret)
        except (CryptoError, TypeError, ValueError) as error:
            raise Invalid("key.sealed") from error


def seal(public: str, content: bytes, seed: bytes) -> bytes:
    """``content`` for the holder of ``public`` alone, in a sealed box whose passing key comes from ``seed``."""
    recipient = crypto_sign_ed25519_pk_to_curve25519(unb64(registered(public), 32))
    passing, secret = crypto_box_seed_keypair(seed)
    nonce = blake2b(passing + recipient, digest_size=24).digest()
    return passing + crypto_box(content, nonce, recipient, secret)


def verify(public: str, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made by the key ``public``."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, unb64(public, 32))
    except (CryptoError, Invalid, ValueError):
        return False
    return True


def sound(public: str) -> bool:
    """Whether ``public`` is a key at all: 32 bytes in base64url, a canonical point, not of small order."""
    try:
        return bool(crypto_core_ed25519_is_valid_point(unb64(public, 32)))
    except Invalid:
        return False


def registered(public: str) -> str:
    """``public`` if it may be registered; raises ``Invalid('key.weak')``."""
    if not sound(public):
        raise Invalid("key.weak")
    return public
