"""A bundle: a file that carries to one firm what it lacks of the threads that it shares with the sender.

    bundle   = "weftbdl" version(1) hint(8) length(4) head chunk*       the hint says for which device it is
    head     = sealed box to that device: key(32) signature(64) manifest (canonical JSON)
    chunk    = ChaCha20-Poly1305 (RFC 8439) under the key: ``CHUNK_BYTES`` (the last may be less) and 16 bytes more;
               nonce = place(11) last(1); bound to the digest of all that stands before the chunks
    content  = zlib (RFC 1950) of records: length(4) envelope; key events of the sender first, then each thread's
               events in the order of the manifest
Rule 1: what was cut off, changed, moved, repeated or appended is refused; events are given out only of whole chunks.
Rule 2: everything has a limit, and what is unpacked is counted while it is unpacked.
Rule 3: the manifest binds every event by its id, and with it every payload.
Not here: who may send, and what becomes of the events (``engine/bundles.py``).
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt as _open
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as _close
from nacl.exceptions import CryptoError

from weft.basis import canonical
from weft.basis.canonical import b64, digest, named, unb64
from weft.basis.errors import Denied, Invalid
from weft.basis.instant import to_ms
from weft.identity.keys import SIGNATURE_BYTES, Signer, seal, verify
from weft.thread.event import Envelope, Event, event_id, from_envelope, wire

VERSION: Final = 1
MAGIC: Final = b"weftbdl"
HINT_BYTES: Final = 8
KEY_BYTES: Final = 32
SEED_BYTES: Final = 64  # the key, and the seed of the sealed box
HEAD_BYTES_MAX: Final = 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
TAG_BYTES: Final = 16
CHUNKS_MAX: Final = 1024
BYTES_MAX: Final = CHUNKS_MAX * (CHUNK_BYTES + TAG_BYTES) + HEAD_BYTES_MAX
CONTENT_BYTES_MAX: Final = 256 * 1024 * 1024  # unpacked
RATIO_MAX: Final = 100
RATIO_FROM: Final = 1024 * 1024  # so much may be unpacked whatever the ratio
RECORD_BYTES_MAX: Final = 8 * 1024 * 1024
THREADS_MAX: Final = 4_000
HEADS_MAX: Final = 64
EVENTS_MAX: Final = 100_000  # of one thread
KEY_EVENTS_MAX: Final = 1_000
LIFE_BYTES: Final = 8
PRINT_BYTES: Final = 16
_STEP: Final = 64 * 1024
_OUTER: Final = len(MAGIC) + 1 + HINT_BYTES
_FULL: Final = CHUNK_BYTES + TAG_BYTES
_DOMAIN: Final = "bundle-content/1"


class Carried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thread: ``heads`` of the sender, ``assumed`` heads of the recipient, ``count`` events carried."""

    thread: str
    heads: list[str]
    assumed: list[str]
    count: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a bundle holds. ``by`` and ``device``: the sender; ``keys``: its key events; ``content``: all ids.

    ``restored``: the sender's incarnation, if it goes on from an old backup and waits for the recipient to give back
    what it lacks. ``answers``: the recipient's incarnation that asked so, and ``all``: the print of all that the sender
    shares with it.
    """

    by: str
    device: str
    to: str
    at: str
    keys: int
    threads: list[Carried]
    content: str
    restored: str = ""
    answers: str = ""
    all: str = ""


class Item(NamedTuple):
    """One record: ``event`` is None when it is none that we can read, and ``fault`` says why; ``thread`` "": a key."""

    thread: str
    id: str
    event: Event | None
    fault: str = ""


def content_of(ids: Iterable[str]) -> str:
    """The manifest's ``content`` for events in this order."""
    return b64(digest(_DOMAIN, *(unb64(name, 32) for name in ids)))


def hint(device: str) -> bytes:
    """How a bundle says for which device it is, to those who know the device."""
    return digest("bundle-to/1", unb64(device, 32))[:HINT_BYTES]


def record_bytes(event: Event) -> int:
    """How much ``event`` takes up in a bundle before it is packed."""
    return 4 + len(wire(event))


# ---- writing -------------------------------------------------------------------------------------


class Writer:
    """Makes one bundle, piece by piece: ``begin``, ``add`` for each event in order, ``end``."""

    def __init__(self, manifest: Manifest, signer: Signer, recipient: str, seed: bytes) -> None:
        """``recipient`` is a device; ``seed`` is ``SEED_BYTES`` unguessable bytes, never used for another bundle."""
        if len(seed) != SEED_BYTES:
            raise Invalid("bundle.malformed")
        raw = canonical.encode(msgspec.to_builtins(manifest))
        read_manifest(raw)
        self._key = seed[:KEY_BYTES]
        head = seal(recipient, self._key + signer.sign(_signed(raw)) + raw, seed[KEY_BYTES:])
        _within(len(head), HEAD_BYTES_MAX)
        self._start = MAGIC + bytes([VERSION]) + hint(recipient) + len(head).to_bytes(4, "big") + head
        self._bound = digest("bundle-head/1", self._start)
        self._packer = zlib.compressobj()
        self._left = bytearray()
        self._place = 0

    def begin(self) -> bytes:
        """What stands before the chunks."""
        return self._start

    def add(self, event: Event) -> Iterator[bytes]:
        """The chunks that became full with ``event``; all must be taken."""
        envelope = wire(event)
        _within(len(envelope), RECORD_BYTES_MAX)
        self._left += self._packer.compress(len(envelope).to_bytes(4, "big"))
        self._left += self._packer.compress(envelope)
        while len(self._left) > CHUNK_BYTES:
            yield self._chunk(last=False)

    def end(self) -> Iterator[bytes]:
        """The last chunks."""
        self._left += self._packer.flush()
        while len(self._left) > CHUNK_BYTES:
            yield self._chunk(last=False)
        yield self._chunk(last=True)

    def _chunk(self, *, last: bool) -> bytes:
        _within(self._place + 1, CHUNKS_MAX)
        content = bytes(self._left[:CHUNK_BYTES])
        del self._left[:CHUNK_BYTES]
        sealed: bytes = _close(content, self._bound, _nonce(self._place, last=last), self._key)
        self._place += 1
        return sealed


def _signed(raw: bytes) -> bytes:
    return digest("bundle/1", raw)


def _nonce(place: int, *, last: bool) -> bytes:
    return place.to_bytes(11, "big") + bytes([last])


def _within(value: int, limit: int) -> None:
    if value > limit:
        raise Invalid("bundle.too-large", limit=limit)


# ---- reading -------------------------------------------------------------------------------------


def read_manifest(raw: bytes) -> Manifest:
    """The manifest in canonical bytes, within its limits; raises ``Invalid``."""
    try:
        canonical.decode(raw)
        manifest = msgspec.json.decode(raw, type=Manifest)
        _check_form(manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("bundle.malformed") from error
    except Invalid as error:
        raise error if error.code.startswith("bundle.") else Invalid("bundle.malformed") from error
    return manifest


def _check_form(manifest: Manifest) -> None:
    _within(len(manifest.threads), THREADS_MAX)
    _within(manifest.keys, KEY_EVENTS_MAX)
    for name in (manifest.by, manifest.device, manifest.to, manifest.content):
        named(name, 32)
    to_ms(manifest.at)
    for name, size in ((manifest.restored, LIFE_BYTES), (manifest.answers, LIFE_BYTES), (manifest.all, PRINT_BYTES)):
        if name:
            named(name, size)
    for one in manifest.threads:
        _within(one.count, EVENTS_MAX)
        _within(max(len(one.heads), len(one.assumed)), HEADS_MAX)
        for name in (one.thread, *one.heads, *one.assumed):
            named(name, 32)
    counts = [manifest.keys, *(one.count for one in manifest.threads)]
    if min(counts) < 0 or len({one.thread for one in manifest.threads}) < len(manifest.threads):
        raise Invalid("bundle.malformed")


class Reader:
    """Reads one bundle as it comes: ``feed`` pieces of any size, then ``end``; both give the records that are whole."""

    def __init__(self, signer: Signer) -> None:
        """``signer`` is the device for which the bundle must be."""
        self.manifest: Manifest | None = None
        self._signer = signer
        self._held = bytearray()
        self._size = 0
        self._key = self._bound = b""
        self._place = 0
        self._records = Records([])

    def feed(self, data: bytes) -> Iterator[Item]:
        """The records that are whole with ``data``; all must be taken. Raises ``Invalid`` or ``Denied('bundle.…')``."""
        self._size += len(data)
        _within(self._size, BYTES_MAX)
        self._held += data
        if self.manifest is None:
            self._read_head()
        while self.manifest is not None and len(self._held) > _FULL:
            yield from self._records.take(self._chunk(last=False))

    def end(self) -> Iterator[Item]:
        """The records of the last chunk; raises when this is not the end of a whole bundle."""
        if self.manifest is None:
            raise Invalid("bundle.truncated" if MAGIC.startswith(self._held[: len(MAGIC)]) else "bundle.not-one")
        yield from self._records.take(self._chunk(last=True))
        self._records.check_end(self.manifest.content)

    def _read_head(self) -> None:
        held = self._held
        if not MAGIC.startswith(held[: len(MAGIC)]):
            raise Invalid("bundle.not-one")
        if len(held) > len(MAGIC) and held[len(MAGIC)] != VERSION:
            raise Invalid("bundle.version", version=held[len(MAGIC)])
        if len(held) < _OUTER + 4:
            return
        if held[len(MAGIC) + 1 : _OUTER] != hint(self._signer.public):
            raise Denied("bundle.other-recipient")
        length = int.from_bytes(held[_OUTER : _OUTER + 4], "big")
        _within(length, HEAD_BYTES_MAX)
        if len(held) < (begun := _OUTER + 4 + length):
            return
        self._open_head(bytes(held[:begun]))
        del held[:begun]

    def _open_head(self, start: bytes) -> None:
        try:
            head = self._signer.unseal(start[_OUTER + 4 :])
        except Invalid as error:
            raise Invalid("bundle.damaged") from error
        self._key, signature = head[:KEY_BYTES], head[KEY_BYTES : KEY_BYTES + SIGNATURE_BYTES]
        raw = head[KEY_BYTES + SIGNATURE_BYTES :]
        manifest = read_manifest(raw)
        if not verify(manifest.device, _signed(raw), signature):
            raise Denied("bundle.signature")
        self._bound = digest("bundle-head/1", start)
        threads = [(one.thread, one.thread, one.count) for one in manifest.threads]
        self._records = Records([("", manifest.by, manifest.keys), *threads])
        self.manifest = manifest

    def _chunk(self, *, last: bool) -> bytes:
        _within(self._place + 1, CHUNKS_MAX)
        sealed = bytes(self._held[:_FULL])
        del self._held[:_FULL]
        content = self._opened(sealed, last=last)
        if content is None:
            cut = last and (not sealed or self._opened(sealed, last=False) is not None)
            raise Invalid("bundle.truncated" if cut else "bundle.damaged")
        self._place += 1
        return content

    def _opened(self, sealed: bytes, *, last: bool) -> bytes | None:
        try:
            content: bytes = _open(sealed, self._bound, _nonce(self._place, last=last), self._key)
        except (CryptoError, ValueError):
            return None
        return content


class Records:
    """Unpacks the content and cuts it into records; ``expected`` are (thread of the item, of the event, count)."""

    def __init__(self, expected: Sequence[tuple[str, str, int]]) -> None:
        self._expected = [one for one in expected if one[2]]
        self._unpacker = zlib.decompressobj()
        self._held = bytearray()
        self._packed = self._unpacked = 0
        self._which = self._count = 0
        self._digest = hashlib.sha256(_DOMAIN.encode() + b"\0")

    def take(self, packed: bytes) -> Iterator[Item]:
        """The records that are whole with ``packed``; raises ``Invalid``."""
        for piece in self._pieces(packed):
            self._held += piece
            at = 0
            while len(self._held) >= at + 4:
                length = int.from_bytes(self._held[at : at + 4], "big")
                _within(length, RECORD_BYTES_MAX)
                if len(self._held) < at + 4 + length:
                    break
                yield self._item(bytes(self._held[at + 4 : at + 4 + length]))
                at += 4 + length
            del self._held[:at]

    def _pieces(self, packed: bytes) -> Iterator[bytes]:
        self._packed += len(packed)
        more = True
        while more:
            if self._unpacker.eof:
                raise Invalid("bundle.content")
            try:
                piece = self._unpacker.decompress(packed, _STEP)
            except zlib.error as error:
                raise Invalid("bundle.content") from error
            self._unpacked += len(piece)
            _within(self._unpacked, min(CONTENT_BYTES_MAX, max(RATIO_FROM, RATIO_MAX * self._packed)))
            yield piece
            packed = self._unpacker.unconsumed_tail
            more = bool(packed) or len(piece) == _STEP
            if self._unpacker.unused_data:
                raise Invalid("bundle.content")
            more = more and not self._unpacker.eof

    def _item(self, record: bytes) -> Item:
        if self._which == len(self._expected):
            raise Invalid("bundle.content")
        item, thread, count = self._expected[self._which]
        self._count += 1
        if self._count == count:
            self._which, self._count = self._which + 1, 0
        try:
            envelope = msgspec.json.decode(record, type=Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid("bundle.content") from error
        name = event_id(envelope.e.encode())
        self._digest.update(unb64(name, 32))
        try:
            event = from_envelope(envelope)
        except Invalid as error:
            return Item(item, name, None, error.code)
        if event.thread != thread:
            raise Invalid("bundle.content")
        return Item(item, name, event)

    def check_end(self, content: str) -> None:
        """Raises ``Invalid`` unless all that was promised has come, and nothing else."""
        whole = self._unpacker.eof and not self._held and self._which == len(self._expected)
        if not whole or b64(self._digest.digest()) != content:
            raise Invalid("bundle.content")
