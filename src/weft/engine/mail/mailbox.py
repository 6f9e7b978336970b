"""Sealed mail that a third node keeps: what its users and it say to each other, and all that it can see of it.

    box       a key of one pair, one direction, one keeper and one fortnight; its public half is the name of the box
    letter    nonce(24) XChaCha20-Poly1305(length(4) bundle padding), bound to the box; of one of ``CLASSES`` bytes
    place     a key that the keeper gave out in a link: who holds it opens boxes and takes their letters out
    Weft-Mail: key.time_ms.nonce.signature      Weft-Mail-Reply: signature
A question's signature covers ``mail-req/1``, path, SHA-256 of the body, the keeper's key, time and nonce; the answer's
covers ``mail-rep/1``, nonce and SHA-256 of the body. The key that signs is the place, or the box for who leaves mail.
Rule 1: the keeper sees boxes, sizes in classes and times: no firm, no thread, no number of messages.
Rule 2: who may leave mail in a box knows its private half, which only the two firms can derive.
Rule 3: what is in a letter is a bundle, sealed to the recipient and signed, so a stolen secret of a pair opens nothing.
Not here: keeping (``keeper.py``), leaving and fetching (``post.py``, ``fetch.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as _open
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as _close
from nacl.exceptions import CryptoError

from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Denied, Invalid
from weft.config import is_address
from weft.engine import requests
from weft.engine.ports import Clock, Randomness
from weft.identity.keys import SEED_BYTES, SIGNATURE_BYTES, Signer, sound, verify

SCHEME: Final = "weft"
PATH: Final = "/mailbox/v1"
BOXES_PATH: Final = f"{PATH}/boxes"
PUT_PATH: Final = f"{PATH}/put"
HELD_PATH: Final = f"{PATH}/held"
LIST_PATH: Final = f"{PATH}/list"
TAKE_PATH: Final = f"{PATH}/take"
CLASSES: Final = tuple(1024 * size for size in (4, 16, 64, 256, 1024, 4096))
QUESTION: Final = "mail-req/1"
REPLY: Final = "mail-rep/1"
NONCE_BYTES: Final = 24
OVERHEAD: Final = NONCE_BYTES + 16 + 4
FORTNIGHT_MS: Final = 14 * 86_400_000
AHEAD: Final = 3  # fortnights whose boxes are open beforehand: so long may who fetches be away
BEHIND: Final = 3  # and so many ago a letter may have been left
OPEN: Final = AHEAD + 2  # boxes of one pair that are open at a time: who writes by a slow clock finds the last one, too
BOXES_MAX: Final = 4_096  # of one place
PAIRS_TO: Final = 8  # the number of pairs is a multiple of it, decoys among them
DECOYS_TO: Final = PAIRS_TO * OPEN  # and so is the number of boxes, of this
IDS_MAX: Final = 500
LETTERS_MAX: Final = 100  # told of at a time
HEADER_MAX: Final = 300
LINK_MAX: Final = 2_000
NAME_MAX: Final = 80


class Boxes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All boxes that the place has open from now on."""

    boxes: list[str]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Letters ``done`` are taken out and kept no longer; then wait up to ``wait_ms`` until there is one."""

    done: list[str] = []
    wait_ms: int = 0


class Letter(msgspec.Struct, frozen=True):
    """One letter as the keeper knows it."""

    id: str
    box: str
    bytes: int


class Listed(msgspec.Struct, frozen=True):
    """The oldest letters of the place."""

    letters: list[Letter]


class Ids(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Letters by name: asked for, kept, or (one) left or to be fetched; or boxes that were not opened."""

    ids: list[str]


T = TypeVar("T")


def read(body: bytes, kind: type[T]) -> T:
    """``body`` as ``kind``; raises ``Invalid('mailbox.malformed')``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("mailbox.malformed") from error


class Keepers(Protocol):
    """How we ask a keeper: one question, one answer with its signature.

    Raises ``NotFound('mailbox.unknown')`` when it knows no such box or place, ``Refused('mailbox.full')``, and
    ``Unavailable('mailbox.…')`` when it cannot be reached or answers badly.
    """

    async def ask(self, url: str, path: str, header: str, body: bytes) -> tuple[bytes, str]: ...
    async def close(self) -> None: ...


# ---- questions and answers -----------------------------------------------------------------------


def sign(signer: Signer, keeper: str, path: str, body: bytes, at: tuple[int, bytes]) -> tuple[str, str]:
    """(header, nonce) of a question to ``keeper``; ``at``: now in ms, and 12 unguessable bytes."""
    nonce, stamp = b64(at[1]), str(at[0])
    signature = signer.sign(requests.question(QUESTION, path, body, keeper, stamp, nonce))
    return f"{signer.public}.{stamp}.{nonce}.{b64(signature)}", nonce


def parts_of(header: str) -> tuple[str, int, str, bytes]:
    """(key, time in ms, nonce, signature) of a question; raises ``Denied('mailbox.unsigned')``."""
    parts = header.split(".")
    if len(header) > HEADER_MAX or len(parts) != 4 or not (parts[1].isascii() and parts[1].isdecimal()):
        raise Denied("mailbox.unsigned")
    try:
        return parts[0], int(parts[1]), parts[2], unb64(parts[3], SIGNATURE_BYTES)
    except Invalid as error:
        raise Denied("mailbox.unsigned") from error


def check(header: str, keeper: str, path: str, body: bytes) -> None:
    """Raises ``Denied('mailbox.signature')`` unless the key in ``header`` asks this of ``keeper``."""
    key, stamp, nonce, signature = parts_of(header)
    if not verify(key, requests.question(QUESTION, path, body, keeper, str(stamp), nonce), signature):
        raise Denied("mailbox.signature")


def sign_reply(signer: Signer, nonce: str, body: bytes) -> str:
    """The header of an answer."""
    return b64(signer.sign(requests.reply(REPLY, nonce, body)))


def check_reply(keeper: str, nonce: str, body: bytes, signature: str) -> None:
    """Raises ``Denied('mailbox.reply-signature')`` unless ``keeper`` gave this answer to our question."""
    try:
        given = unb64(signature, SIGNATURE_BYTES)
    except Invalid:
        given = b""
    if not verify(keeper, requests.reply(REPLY, nonce, body), given):
        raise Denied("mailbox.reply-signature")


@dataclass(frozen=True, slots=True)
class Line:
    """The way to keepers, with the time and the chance that a question needs."""

    keepers: Keepers
    clock: Clock
    random: Randomness

    async def ask(self, keeper: tuple[str, str], signer: Signer, path: str, body: bytes) -> bytes:
        """What ``keeper`` (key, address) answers to ``signer``; raises as ``Keepers.ask``, and ``Denied``."""
        key, url = keeper
        header, nonce = sign(signer, key, path, body, (self.clock.now_ms(), self.random(12)))
        answer, signature = await self.keepers.ask(url, path, header, body)
        check_reply(key, nonce, answer, signature)
        return answer


# ---- boxes and letters ---------------------------------------------------------------------------


def fortnight(now_ms: int) -> int:
    """Which fortnight it is."""
    return now_ms // FORTNIGHT_MS


def box(secret: str, keeper: str, when: int) -> Signer:
    """The box of the pair that shares ``secret`` at ``keeper`` in fortnight ``when``."""
    return Signer(digest("mail-box/1", unb64(secret, 32), unb64(keeper, 32), when.to_bytes(8, "big")))


def open_boxes(secrets: Sequence[str], seed: bytes, keeper: str, now_ms: int) -> list[str]:
    """The boxes that are to be open now for pairs that share ``secrets``, with decoys, in no order that tells."""
    begin = max(0, fortnight(now_ms) - 1)  # a clock that was never set says 1970
    # Decoys are pairs like the others, so that at the turn of a fortnight each of either kind moves on by one box. Each
    # has a number of its own, and a new partner takes the place of the first: no other boxes change.
    count = max(1, -(-len(secrets) // PAIRS_TO)) * PAIRS_TO
    pairs = [*secrets, *(_decoy(seed, keeper, number) for number in range(len(secrets), count))]
    return sorted(box(secret, keeper, when).public for secret in pairs for when in range(begin, begin + OPEN))


def _decoy(seed: bytes, keeper: str, number: int) -> str:
    """The secret of a pair that there is not, whatever the time."""
    return b64(digest("mail-decoy/2", seed, unb64(keeper, 32), number.to_bytes(4, "big")))


def seal(secret: str, keeper: str, when: int, bundle: bytes, nonce: bytes) -> bytes:
    """``bundle`` as a letter; raises ``Invalid('mailbox.too-large')``."""
    wanted = len(bundle) + OVERHEAD
    size = next((one for one in CLASSES if one >= wanted), 0)
    if not size:
        raise Invalid("mailbox.too-large", limit=CLASSES[-1])
    content = len(bundle).to_bytes(4, "big") + bundle + bytes(size - wanted)
    sealed: bytes = _close(content, _bound(secret, keeper, when), nonce, _key(secret, keeper, when))
    return nonce + sealed


def unseal(secret: str, keeper: str, when: int, letter: bytes) -> bytes:
    """The bundle in ``letter``; raises ``Invalid('mailbox.damaged')``."""
    try:
        content: bytes = _open(letter[NONCE_BYTES:], _bound(secret, keeper, when), letter[:NONCE_BYTES],
                               _key(secret, keeper, when))
    except (CryptoError, ValueError, TypeError) as error:
        raise Invalid("mailbox.damaged") from error
    length = int.from_bytes(content[:4], "big")
    if len(letter) not in CLASSES or length > len(content) - 4:
        raise Invalid("mailbox.damaged")
    return content[4 : 4 + length]


def _key(secret: str, keeper: str, when: int) -> bytes:
    return digest("mail-key/1", unb64(secret, 32), unb64(keeper, 32), when.to_bytes(8, "big"))


def _bound(secret: str, keeper: str, when: int) -> bytes:
    return box(secret, keeper, when).public.encode()


def letter_id(box_name: str, letter: bytes) -> str:
    """The name of a letter: the same letter in the same box is one."""
    return b64(digest("mail/1", box_name.encode(), letter))


# ---- the link by which a keeper gives out a place ------------------------------------------------


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place that a keeper gave us: its key, its address, its firm's name, and our ``seed`` there."""

    key: str
    url: str
    seed: str
    name: str = ""
    since_ms: int = 0

    def signer(self) -> Signer:
        """What signs for the place."""
        return Signer(unb64(self.seed, SEED_BYTES))


def link_of(place: Place) -> str:
    """The link that hands over ``place``."""
    return f"{SCHEME}:mailbox?" + urlencode(
        {"at": place.url, "keeper": place.key, "place": place.seed, "name": place.name})


def read_link(link: str) -> Place:
    """The place in ``link``; raises ``Invalid('mailbox.link')``."""
    try:
        parts = urlsplit(link.strip())
        given = {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
        seed = given.get("place", "")
        unb64(seed, SEED_BYTES)
    except (ValueError, Invalid) as error:
        raise Invalid("mailbox.link") from error
    key, url = given.get("keeper", ""), given.get("at", "")
    if parts.scheme != SCHEME or parts.path != "mailbox" or len(link) > LINK_MAX or not sound(key) \
            or not is_address(url):
        raise Invalid("mailbox.link")
    return Place(key=key, url=url.rstrip("/"), seed=seed, name=given.get("name", "")[:NAME_MAX])
