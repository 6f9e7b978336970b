"""The file of a backup: a zip with a manifest of digests, on request sealed with a passphrase.

Sealed: a line that says so, a line of JSON with the parameters of argon2id, then libsodium's secretstream
(XChaCha20-Poly1305) in pieces of 1 MiB, the last one marked, so that nothing can be cut off.
Rule 1: entries have fixed names, sizes within bounds and one way of packing, which is unpacked piece by piece; whatever
        else a file holds, it is refused before it is read, and so is what the disk has no room for.
Rule 2: what comes out is what the manifest says, byte for byte, or nothing does.
Not here: what is backed up and what a restored home must do (``weft/backup.py``).
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from nacl import pwhash
from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES,
    crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import CryptoError
from nacl.utils import random as random_bytes

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Denied, Invalid, Refused, Unavailable

FORMAT: Final = "weft-backup/1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = "weft.db"
TWINS: Final = "twins.db"  # only where twins were written
SETTINGS: Final = "weft.toml"
DEVICE: Final = "keys/device.seed"
ENTRIES_MAX: Final = 100_000
LIST_MAX: Final = 16 * 1024 * 1024  # bytes of the list of entries
SMALL_MAX: Final = 1024 * 1024  # of everything but the databases
DATABASE_MAX: Final = 1024**4
VALUES_NAME: Final = re.compile(  # machines' values that were sealed (``series_sealing.py``)
    r"values/[A-Za-z0-9][A-Za-z0-9._-]{0,39}-[0-9a-f]{8}/[0-9]{8}T[0-9]{4}-[0-9]{8}T[0-9]{4}(-[0-9]{1,4})?\.parquet")
KEY_NAME: Final = re.compile(r"keys/[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
MAGIC: Final = b"weft-sealed-backup/1\n"
HEAD_MAX: Final = 1_000
PIECE: Final = 1024 * 1024
MEMORY_MAX: Final = 1024**3  # what a file may ask argon2id to use
PASSES_MAX: Final = 4  # what libsodium calls sensitive takes no more
MEGABYTE: Final = 1024 * 1024
PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are unpacked without any bound
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
                   struct.error, OverflowError)
Told = Callable[[int], None]


class Entry(msgspec.Struct, frozen=True):
    """One file of the home."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What the backup is of, and what is in it. ``at`` is an instant, ``name`` the firm's."""

    format: str
    weft: str
    organisation: str
    name: str
    at: str
    entries: dict[str, Entry]


class Sealed(msgspec.Struct, frozen=True):
    """How the key comes from the passphrase."""

    kdf: str
    passes: int
    memory: int
    salt: str


# ---- writing ------------------------------------------------------------------------------------


def write(file: IO[bytes], sources: Mapping[str, Path], about: Manifest, passphrase: str, told: Told) -> Manifest:
    """Write ``sources`` (entry: file) to ``file``; ``about`` is completed by the digests. ``told`` gets bytes read."""
    target: Any = Sealing(file, passphrase) if passphrase else file
    entries: dict[str, Entry] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, source in sources.items():
            digest, size = hashlib.sha256(), 0
            with source.open("rb") as content, archive.open(name, "w", force_zip64=True) as entry:
                while piece := content.read(PIECE):
                    entry.write(piece)
                    digest.update(piece)
                    size += len(piece)
                    told(len(piece))
            entries[name] = Entry(size, digest.hexdigest())
        whole = msgspec.structs.replace(about, entries=entries)
        last = zipfile.ZipInfo(MANIFEST)  # not dated: a clock that has not been set yet stands before such files do
        last.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(last, msgspec.json.encode(whole))
    if isinstance(target, Sealing):
        target.finish()
    return whole


class Sealing:
    """A stream to write to; what arrives at ``file`` can be read only with ``passphrase``."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        salt = random_bytes(pwhash.argon2id.SALTBYTES)
        head = Sealed("argon2id", pwhash.argon2id.OPSLIMIT_MODERATE, pwhash.argon2id.MEMLIMIT_MODERATE, b64(salt))
        self._file, self._waiting = file, bytearray()
        self._state = crypto_secretstream_xchacha20poly1305_state()
        begin = crypto_secretstream_xchacha20poly1305_init_push(self._state, _key(head, passphrase))
        file.write(MAGIC + msgspec.json.encode(head) + b"\n" + begin)

    def write(self, data: bytes) -> int:
        """Take ``data``; whole pieces go to the file."""
        self._waiting += data
        while len(self._waiting) > PIECE:
            self._push(bytes(self._waiting[:PIECE]), crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
            del self._waiting[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Nothing: a piece is written when it is whole."""

    def finish(self) -> None:
        """Write the last piece, which says that it is the last."""
        self._push(bytes(self._waiting), crypto_secretstream_xchacha20poly1305_TAG_FINAL)

    def _push(self, piece: bytes, tag: int) -> None:
        self._file.write(crypto_secretstream_xchacha20poly1305_push(self._state, piece, None, tag))


def _key(head: Sealed, passphrase: str) -> bytes:
    if head.kdf != "argon2id" or not 0 < head.passes <= PASSES_MAX or head.memory > MEMORY_MAX:
        raise Invalid("backup.damaged", entry="argon2id")
    salt = unb64(head.salt, pwhash.argon2id.SALTBYTES)
    return pwhash.argon2id.kdf(32, passphrase.encode(), salt, opslimit=head.passes, memlimit=head.memory)


# ---- reading ------------------------------------------------------------------------------------


def read(path: Path, folder: Path, passphrase: str) -> Manifest:
    """Take the backup ``path`` out into ``folder``; raises ``Invalid``, ``Denied`` or ``Refused`` (``backup.…``)."""
    with path.open("rb") as file:
        sealed = file.read(len(MAGIC)) == MAGIC
    if not sealed:
        return _take_out(path, folder)
    if not passphrase:
        raise Refused("backup.sealed", path=str(path))
    unsealed = folder / "unsealed.zip"
    try:
        with path.open("rb") as file, unsealed.open("xb") as target:
            for piece in _unsealed(file, passphrase):
                target.write(piece)
        return _take_out(unsealed, folder)
    finally:
        unsealed.unlink(missing_ok=True)


def _unsealed(file: IO[bytes], passphrase: str) -> Iterator[bytes]:
    file.seek(len(MAGIC))
    try:
        head = msgspec.json.decode(file.readline(HEAD_MAX), type=Sealed)
        key = _key(head, passphrase)
    except (ValueError, CryptoError, Invalid) as error:
        raise Invalid("backup.damaged", entry="argon2id") from error
    state = crypto_secretstream_xchacha20poly1305_state()
    begin = file.read(crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    if len(begin) < crypto_secretstream_xchacha20poly1305_HEADERBYTES:
        raise Invalid("backup.damaged", entry="secretstream")
    crypto_secretstream_xchacha20poly1305_init_pull(state, begin, key)
    tag, first = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, True
    while tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL:
        sealed = file.read(PIECE + crypto_secretstream_xchacha20poly1305_ABYTES)
        try:
            piece, tag = crypto_secretstream_xchacha20poly1305_pull(state, sealed)
        except (CryptoError, ValueError, RuntimeError) as error:
            if first:
                raise Denied("backup.passphrase") from error
            raise Invalid("backup.damaged", entry="secretstream") from error
        first = False
        yield piece
    if file.read(1):
        raise Invalid("backup.damaged", entry="secretstream")


def settle(folder: Path) -> None:
    """What was made or renamed in ``folder`` keeps its name when the power goes; where a system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Sparing(io.BufferedReader):
    """A file that gives no more than so much at once: a list of millions of entries is never read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LIST_MAX:
            raise zipfile.BadZipFile("its list of entries is too long")
        return super().read(size)

    def seek(self, target: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_SET and target < 0:  # the system's own answer would look like a fault of the disk
            raise zipfile.BadZipFile("an entry before the file begins")
        return super().seek(target, whence)


def _take_out(path: Path, folder: Path) -> Manifest:
    try:
        with _Sparing(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive)
            _check_room(manifest, folder)
            for name, entry in manifest.entries.items():
                _take_one(archive, name, entry, folder / name)
    except _DAMAGED as error:
        raise Invalid("backup.not-one", path=path.name) from error
    return manifest


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    """The manifest, once the list of entries is known to be that of a backup."""
    found = archive.infolist()
    names = Counter(one.filename for one in found)
    wrong = next((one.filename for one in found if not _may_be(one, names)), None)
    if wrong is not None or len(found) > ENTRIES_MAX:
        raise Invalid("backup.entry", entry=(wrong if wrong is not None else found[-1].filename)[:80])
    if MANIFEST not in names:
        raise zipfile.BadZipFile("no manifest")
    with archive.open(MANIFEST) as entry:
        text = entry.read(LIST_MAX + 1)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("backup.damaged", entry=MANIFEST) from error
    if manifest.format != FORMAT:
        raise Invalid("backup.newer", format=manifest.format[:40], known=FORMAT)
    listed = {*manifest.entries, MANIFEST}
    lost = next(iter(sorted(listed ^ names.keys() | ({DATABASE, SETTINGS, DEVICE} - listed))), None)
    if lost is not None:
        raise Invalid("backup.damaged", entry=lost[:80])
    return manifest


def _check_room(manifest: Manifest, folder: Path) -> None:
    """Raises ``Unavailable('backup.no-room')`` where the disk cannot hold what would be taken out."""
    needed, free = sum(max(0, entry.bytes) for entry in manifest.entries.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise Unavailable("backup.no-room", needed=-(-needed // MEGABYTE), free=free // MEGABYTE)


def _may_be(one: zipfile.ZipInfo, names: Mapping[str, int]) -> bool:
    """Whether an entry may be in a backup: one of its names, once, within its size, packed as we pack."""
    values = VALUES_NAME.fullmatch(one.filename)
    known = one.filename in {MANIFEST, DATABASE, TWINS, SETTINGS} or KEY_NAME.fullmatch(one.filename) or values
    most = DATABASE_MAX if one.filename in {DATABASE, TWINS} or values else LIST_MAX if one.filename == MANIFEST \
        else SMALL_MAX
    return (bool(known) and names[one.filename] == 1 and one.file_size <= most
            and one.compress_type in PACKINGS)


def _take_one(archive: zipfile.ZipFile, name: str, expected: Entry, target: Path) -> None:
    """One entry as a new file of its owner alone; never more bytes than the manifest says."""
    target.parent.mkdir(mode=0o700, exist_ok=True, parents=True)
    digest, left = hashlib.sha256(), expected.bytes
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            with archive.open(name) as entry:
                while left >= 0 and (piece := entry.read(PIECE)):
                    left -= len(piece)
                    digest.update(piece)
                    file.write(piece[:max(0, len(piece) + min(left, 0))])
        except _DAMAGED as error:
            raise Invalid("backup.damaged", entry=name) from error
        file.flush()
        os.fsync(file.fileno())
    if left or digest.hexdigest() != expected.sha256:
        raise Invalid("backup.damaged", entry=name)
