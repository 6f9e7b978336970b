r"""A cosignature: a witness says at what time it saw a checkpoint, and that the log only grew until then.

C2SP tlog-cosignature; RFC 8032 (Ed25519), FIPS 204 (ML-DSA-44), RFC 8446 §3 (how structures are written).

    value = timestamp (8 bytes, big-endian, seconds since 1970) || signature
    0x04  Ed25519 over   "cosignature/v1\ntime <timestamp>\n" || the whole text of the checkpoint
    0x06  ML-DSA-44 over "subtree/v1\n\0" cosigner timestamp origin start end hash

Rule 1: one Ed25519 key serves one cosigner: what it signs does not hold its name.
Rule 2: an ML-DSA-44 cosignature says nothing of extension lines. A subtree that does not begin at 0 has no time.
Rule 3: a time below 2^63 is taken as it is; whether it is too old or in the future, the policy of the reader says.
Not here: making ML-DSA-44 signatures (they take randomness), who counts as a witness (``policy.py``), what one may sign
(``witness.py``).
"""

from typing import Final, NamedTuple

from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.identity import keys as ed25519
from weft.identity.keys import SIGNATURE_BYTES, Signer
from weft.tlog import note
from weft.tlog.checkpoint import ROOT_BYTES, SIZE_MAX, parse_text
from weft.tlog.note import COSIGNATURE, ED25519, NAME_BYTES_MAX, SUBTREE, Signature, VerifierKey

TIMESTAMP_BYTES: Final = 8
TIMESTAMP_MAX: Final = 2**63 - 1
ML_DSA_44_BYTES: Final = 2420
_SUBTREE_LABEL: Final = b"subtree/v1\n\0"


class Subtree(NamedTuple):
    """The leaves from ``start`` to before ``end`` of the log ``origin``, with their root ``hash`` (32 bytes)."""

    origin: str
    start: int
    end: int
    hash: bytes


def sign(text: str, name: str, signer: Signer, timestamp: int) -> Signature:
    """The Ed25519 cosignature of the witness ``name`` on a checkpoint's text, at ``timestamp`` (seconds, not 0)."""
    if not 0 < timestamp <= TIMESTAMP_MAX:
        raise Invalid("tlog.cosignature-time")
    stamped = timestamp.to_bytes(TIMESTAMP_BYTES, "big")
    return Signature(name, note.key_of(name, signer, COSIGNATURE).id, stamped + signer.sign(message(text, timestamp)))


def message(text: str, timestamp: int) -> bytes:
    """What an Ed25519 cosignature signs; raises ``Invalid`` when ``text`` is not a checkpoint's."""
    parse_text(text)
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def subtree_message(cosigner: str, timestamp: int, subtree: Subtree) -> bytes:
    """What an ML-DSA-44 cosignature signs; raises ``Invalid('tlog.subtree')`` for what it cannot say."""
    name, origin = cosigner.encode(), subtree.origin.encode()
    if not (0 < len(name) <= NAME_BYTES_MAX and 0 < len(origin) <= NAME_BYTES_MAX
            and 0 <= subtree.start <= subtree.end <= SIZE_MAX and len(subtree.hash) == ROOT_BYTES
            and 0 <= timestamp <= TIMESTAMP_MAX):
        raise Invalid("tlog.subtree")
    if subtree.start and (timestamp or not is_subtree(subtree.start, subtree.end)):
        raise Invalid("tlog.subtree")
    numbers = [one.to_bytes(8, "big") for one in (timestamp, subtree.start, subtree.end)]
    return b"".join([_SUBTREE_LABEL, bytes([len(name)]), name, numbers[0],
                     bytes([len(origin)]), origin, numbers[1], numbers[2], subtree.hash])


def is_subtree(start: int, end: int) -> bool:
    """Whether the leaves from ``start`` to before ``end`` are a subtree: it begins where one of its size can begin."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def timestamp_of(value: bytes) -> int:
    """The time in a cosignature's ``value``, in seconds; trust it only once the cosignature is verified."""
    if len(value) <= TIMESTAMP_BYTES or value[0] > 0x7F:
        raise Invalid("tlog.cosignature-time")
    return int.from_bytes(value[:TIMESTAMP_BYTES], "big")


def is_signed(key: VerifierKey, text: str, value: bytes) -> bool:
    """Whether ``value`` is ``key``'s signature on a checkpoint's ``text``, of whichever type the key is."""
    if key.kind == ED25519:
        return note.is_signed(key, text, value)
    try:
        timestamp, said = timestamp_of(value), parse_text(text)
        if key.kind == SUBTREE:
            return is_subtree_signed(key, Subtree(said.origin, 0, said.size, said.root), value)
    except Invalid:
        return False
    return (key.kind == COSIGNATURE and len(value) == TIMESTAMP_BYTES + SIGNATURE_BYTES
            and ed25519.verify(b64(key.public), message(text, timestamp), value[TIMESTAMP_BYTES:]))


def is_subtree_signed(key: VerifierKey, subtree: Subtree, value: bytes) -> bool:
    """Whether ``value`` is the ML-DSA-44 cosignature of ``key`` on ``subtree``."""
    if key.kind != SUBTREE or len(value) != TIMESTAMP_BYTES + ML_DSA_44_BYTES:
        return False
    try:
        signed = subtree_message(key.name, timestamp_of(value), subtree)
    except Invalid:
        return False
    return _ml_dsa_44(key.public, signed, value[TIMESTAMP_BYTES:])


def _ml_dsa_44(public: bytes, signed: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
