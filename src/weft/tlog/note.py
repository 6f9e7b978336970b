"""A signed note: text, an empty line, and one signature line for each key that signed it.

C2SP signed-note v1.0.0; RFC 4648 §4 (base64), RFC 8032 (Ed25519).

    text (ends with a newline)
    (an empty line)
    — <key name> base64(key id (4 bytes) || signature)          once or more

Rule 1: the text means nothing before ``verify`` has said who signed it.
Rule 2: a signature by a key that is not asked for is skipped, even if it shares a name or an id with one that is.
Rule 3: a signature by a key that is asked for must hold, or the whole note is refused; none at all is refused, too.
Rule 4: a note has one way to be written: base64 that is not canonical is refused.
Not here: what the text says (``checkpoint.py``), signatures with a time in them (``cosignature.py``), keeping of keys.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.identity import keys as ed25519
from weft.identity.keys import SIGNATURE_BYTES, Signer

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04  # Ed25519, timestamped
SUBTREE: Final = 0x06  # ML-DSA-44, timestamped
PUBLIC_BYTES: Final = {ED25519: 32, COSIGNATURE: 32, SUBTREE: 1312}
ID_BYTES: Final = 4
NOTE_BYTES_MAX: Final = 256 * 1024  # 16 signatures of 5 kB each, as base64, have room
SIGNATURES_MAX: Final = 64
SIGNATURE_BYTES_MAX: Final = 8 * 1024
NAME_BYTES_MAX: Final = 255
VKEY_CHARACTERS_MAX: Final = 2_100
_DASH: Final = "\u2014 "
_NOT_IN_NAMES: Final = re.compile(r"[\s+\x00-\x1f]").search
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]").search  # all below the space but the newline


class VerifierKey(NamedTuple):
    """A public key with its name; ``kind`` is the signature type's byte."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The 4 bytes by which a signature line names this key (no strong hash, and not meant to be one)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:ID_BYTES]


class Signature(NamedTuple):
    """One signature line: ``id`` is the key's 4 bytes, ``value`` what its algorithm made."""

    name: str
    id: bytes
    value: bytes


class Note(NamedTuple):
    """A note that was read, not verified. ``text`` ends with a newline."""

    text: str
    signatures: tuple[Signature, ...]


Check = Callable[[VerifierKey, str, bytes], bool]  # key, text, signature value


# ---- keys ----------------------------------------------------------------------------------------


def key_of(name: str, signer: Signer, kind: int = ED25519) -> VerifierKey:
    """The verifier key of ``signer`` under ``name``; raises ``Invalid('tlog.key-name')``."""
    return VerifierKey(key_name(name), kind, unb64(signer.public, 32))


def key_name(name: str) -> str:
    """``name`` if a key may have it: not empty, no spaces of any script, no plus, no control characters."""
    if not name or _NOT_IN_NAMES(name):
        raise Invalid("tlog.key-name")
    try:
        if len(name.encode()) > NAME_BYTES_MAX:
            raise Invalid("tlog.key-name")
    except UnicodeEncodeError as error:
        raise Invalid("tlog.key-name") from error
    return name


def vkey(key: VerifierKey) -> str:
    """``key`` as one line of text: name, id and public key."""
    return f"{key.name}+{key.id.hex()}+{base64.b64encode(bytes([key.kind]) + key.public).decode()}"


def parse_vkey(text: str) -> VerifierKey:
    """The key of a vkey line; raises ``Invalid('tlog.vkey-malformed')``, also for keys that sign for anybody."""
    parts = text.split("+", 2)
    if len(text) > VKEY_CHARACTERS_MAX or len(parts) != 3:
        raise Invalid("tlog.vkey-malformed")
    name, written, coded = parts
    raw = unbase64(coded, "tlog.vkey-malformed")
    if not raw or len(raw) - 1 != PUBLIC_BYTES.get(raw[0]):
        raise Invalid("tlog.vkey-malformed")
    key = VerifierKey(key_name(name), raw[0], raw[1:])
    if key.id.hex() != written or (key.kind != SUBTREE and not ed25519.sound(b64(key.public))):
        raise Invalid("tlog.vkey-malformed")
    return key


# ---- reading and writing -------------------------------------------------------------------------


def parse(data: bytes) -> Note:
    """The note in ``data``; raises ``Invalid('tlog.note-too-large')`` or ``Invalid('tlog.note-malformed')``."""
    if len(data) > NOTE_BYTES_MAX:
        raise Invalid("tlog.note-too-large", limit=NOTE_BYTES_MAX)
    text, empty, lines = _decoded(data).rpartition("\n\n")
    if not empty or not lines.endswith("\n"):
        raise Invalid("tlog.note-malformed")
    return Note(text + "\n", parse_signatures(lines))


def _decoded(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("tlog.note-malformed") from error
    if _CONTROL(text):
        raise Invalid("tlog.note-malformed")
    return text


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """The signature lines in ``lines``, each ended by a newline; one at least."""
    if not lines.endswith("\n"):
        raise Invalid("tlog.note-malformed")
    found = lines[:-1].split("\n")
    if len(found) > SIGNATURES_MAX:
        raise Invalid("tlog.note-too-large", limit=NOTE_BYTES_MAX)
    return tuple(_signature(line) for line in found)


def _signature(line: str) -> Signature:
    name, space, coded = line.removeprefix(_DASH).partition(" ")
    raw = unbase64(coded, "tlog.note-malformed")
    if not line.startswith(_DASH) or not space or not ID_BYTES < len(raw) <= ID_BYTES + SIGNATURE_BYTES_MAX:
        raise Invalid("tlog.note-malformed")
    return Signature(key_name(name), raw[:ID_BYTES], raw[ID_BYTES:])


def encode(note: Note) -> bytes:
    """The bytes of ``note``; raises ``Invalid`` for what ``parse`` would not give back."""
    data = f"{note.text}\n".encode() + encode_signatures(note.signatures)
    if parse(data) != note:
        raise Invalid("tlog.note-malformed")
    return data


def encode_signatures(signatures: Iterable[Signature]) -> bytes:
    """One line for each signature."""
    lines = (f"{_DASH}{one.name} {base64.b64encode(one.id + one.value).decode()}\n" for one in signatures)
    return "".join(lines).encode()


def unbase64(text: str, code: str) -> bytes:
    """The bytes of canonical base64; raises ``Invalid(code)``: one value has one text."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(code) from error
    if base64.b64encode(raw).decode() != text:
        raise Invalid(code)
    return raw


# ---- signing and verifying -----------------------------------------------------------------------


def sign(text: str, name: str, signer: Signer) -> Signature:
    """The plain Ed25519 signature of ``signer`` over ``text``, under the key's ``name``."""
    return Signature(name, key_of(name, signer).id, signer.sign(text.encode()))


def is_signed(key: VerifierKey, text: str, value: bytes) -> bool:
    """Whether ``value`` is the plain Ed25519 signature of ``key`` over ``text``."""
    return (key.kind == ED25519 and len(value) == SIGNATURE_BYTES
            and ed25519.verify(b64(key.public), text.encode(), value))


def verify(note: Note, keys: Sequence[VerifierKey], check: Check = is_signed) -> dict[VerifierKey, Signature]:
    """Which of ``keys`` signed ``note``, each with its first signature; at least one.

    Raises ``Invalid``: ``tlog.keys-alike``, ``tlog.note-signature`` (one does not hold), ``tlog.note-unsigned``.
    """
    # 1. Two keys that a signature line cannot tell apart are a mistake in our own settings.
    known = {(key.name, key.id): key for key in keys}
    if len(known) != len(set(keys)):
        raise Invalid("tlog.keys-alike")
    signed: dict[VerifierKey, Signature] = {}
    for one in note.signatures:
        # 2. Signatures of unknown keys are skipped.
        key = known.get((one.name, one.id))
        if key is None:
            continue
        # 3. Every signature of a known key must hold, the second by the same key as well.
        if not check(key, note.text, one.value):
            raise Invalid("tlog.note-signature", name=one.name)
        signed.setdefault(key, one)
    # 4. Without one that holds, the text says nothing.
    if not signed:
        raise Invalid("tlog.note-unsigned")
    return signed
