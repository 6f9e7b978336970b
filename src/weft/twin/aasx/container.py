"""The zip file of a package, opened with suspicion: what it says of itself is checked before anything is unpacked.

APPNOTE 6.3 (zip), ECMA-376-2 §9 (part names).
Rule 1: everything has a limit: entries, the list of them, sizes, ratio, names, folders; and no part is read beyond
        the size that was checked.
Rule 2: nothing is ever written to disk by its name here; a name that leads out of the package is refused all the same.
Rule 3: entries that overlap, are encrypted, linked, or told twice with different contents are refused; names that
        differ in case or escapes alone are one name (ECMA-376-2 §9.1).
Not here: which part is what (``relationships.py``).
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from weft.basis.errors import Invalid
from weft.twin.aasx.findings import Findings

STEP: Final = 1 << 18
_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_END_64: Final = b"PK\x06\x07"
_COMMENT_MAX: Final = 1 << 16
_LOCAL_SIZE: Final = 30
_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_KIND: Final = 0o170000
_LINK: Final = 0o120000
_UNREADABLE: Final = (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError)
_REGULAR: Final = (0, 0o100000, 0o040000)


class Limits(msgspec.Struct, frozen=True):
    """What a package may measure; sizes in bytes, ``ratio`` unpacked to packed for what unpacks to ``ratio_from``.

    ``spec``: one part with twins; ``older``: one of metamodel 1 or 2; ``twin``: one shell, submodel or concept in it.
    """

    package: int = 4 << 30
    directory: int = 8 << 20
    entries: int = 20_000
    part: int = 512 << 20
    spec: int = 256 << 20
    older: int = 32 << 20
    twin: int = 32 << 20
    twins: int = 250_000
    total: int = 8 << 30
    ratio: int = 250
    ratio_from: int = 16 << 20
    name: int = 1_000
    folders: int = 32


LIMITS: Final = Limits()


class Entry(NamedTuple):
    """A part: its name from the root on (``/aasx/data.xml``), and its size unpacked in bytes."""

    name: str
    size: int
    info: zipfile.ZipInfo


class Container:
    """An open package; raises ``Invalid`` with a code ``aasx.…`` and the part's name."""

    def __init__(self, file: BinaryIO, limits: Limits, findings: Findings) -> None:
        self._limits = limits
        self._note = findings.note("")
        _directory(file, limits)
        try:
            self._zip = zipfile.ZipFile(file)
        except _UNREADABLE as error:
            raise Invalid("aasx.not-zip", reason=str(error)[:120]) from error
        infos = [info for info in self._zip.infolist() if not info.orig_filename.endswith(("/", "\\"))]
        if len(self._zip.infolist()) > limits.entries:
            raise Invalid("aasx.entries", count=len(self._zip.infolist()), limit=limits.entries)
        self._sizes(infos)
        _overlaps(infos)
        self.entries: Mapping[str, Entry] = self._named(infos)
        self._folded: dict[str, Entry] = {}
        for entry in self.entries.values():
            other = self._folded.setdefault(folded(entry.name), entry)
            if not _alike(other.info, entry.info):  # which one is meant, two readers would answer in two ways
                raise Invalid("aasx.names-alike", part=entry.name[:200], other=other.name[:200])

    def _sizes(self, infos: list[zipfile.ZipInfo]) -> None:
        total = 0
        for info in infos:
            _checked(info)
            name = info.orig_filename[:200]
            total += info.file_size
            if info.file_size > self._limits.part:
                raise Invalid("aasx.part-size", part=name, size=info.file_size, limit=self._limits.part)
            if info.file_size > self._limits.ratio_from and info.file_size > info.compress_size * self._limits.ratio:
                raise Invalid("aasx.ratio", part=name, size=info.file_size, packed=info.compress_size)
        if total > self._limits.total:
            raise Invalid("aasx.total-size", size=total, limit=self._limits.total)

    def _named(self, infos: list[zipfile.ZipInfo]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for info in infos:
            name = self._name(info)
            other = entries.get(name)
            if other is None:
                entries[name] = Entry(name, info.file_size, info)
            elif not _alike(other.info, info):
                raise Invalid("aasx.told-twice", part=name)
            else:
                self._note("fixed", "part-twice", "", 0, {"part": name})
        return entries

    def _name(self, info: zipfile.ZipInfo) -> str:
        raw = info.orig_filename
        name = _characters(raw, info.flag_bits)
        if name != raw:
            self._note("fixed", "name-characters", "", 0, {"part": name})
        if "\\" in name:
            name = name.replace("\\", "/")
            self._note("fixed", "name-backslash", "", 0, {"part": name})
        steps = [step for step in name.split("/") if step not in ("", ".")]
        if ".." in steps or "\0" in name or not steps or (len(steps[0]) == 2 and steps[0].endswith(":")):
            raise Invalid("aasx.name", part=raw.replace("\0", "?")[:200])
        if len(name) > self._limits.name or len(steps) > self._limits.folders:
            raise Invalid("aasx.name-size", part=name[:200], limit=self._limits.name, folders=self._limits.folders)
        return "/" + "/".join(steps)

    def find(self, name: str) -> Entry | None:
        """The part called ``name``, however it is escaped or spelt."""
        return self.entries.get(name) or self._folded.get(folded(name))

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The contents, piece by piece, each byte checked in the end."""
        try:
            with self._zip.open(entry.info) as stream:
                while piece := stream.read(STEP):
                    yield piece
        except (*_UNREADABLE, zlib.error, RuntimeError, OSError) as error:
            raise Invalid("aasx.damaged", part=entry.name, reason=str(error)[:120]) from error

    def read(self, entry: Entry, limit: int) -> bytes:
        """The contents as a whole, of at most ``limit`` bytes."""
        if entry.size > limit:
            raise Invalid("aasx.part-size", part=entry.name, size=entry.size, limit=limit)
        return b"".join(self.chunks(entry))

    def close(self) -> None:
        """The file itself stays open: it is the caller's."""
        self._zip.close()


def _alike(one: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    """Whether two entries say that they hold the same."""
    return (one.CRC, one.file_size) == (other.CRC, other.file_size)


def folded(name: str) -> str:
    """``name`` without the differences that part names do not have: case and escapes."""
    return unquote(name).casefold()


def _directory(file: BinaryIO, limits: Limits) -> None:
    """Refuse a list of entries too large to be read, before it is read."""
    size = file.seek(0, 2)
    if size > limits.package:
        raise Invalid("aasx.package-size", size=size, limit=limits.package)
    file.seek(max(0, size - _END_SIZE - _COMMENT_MAX))
    tail = file.read(_END_SIZE + _COMMENT_MAX)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise Invalid("aasx.not-zip", reason="no end of central directory")
    count, length = struct.unpack_from("<HI", tail, at + 10)
    if at >= 20 and tail[at - 20:at - 16] == _END_64:
        count, length = _directory_64(file, tail[at - 20:at])
    if length > limits.directory or count > limits.entries:
        raise Invalid("aasx.entries", count=count, limit=limits.entries)
    file.seek(0)


def _directory_64(file: BinaryIO, locator: bytes) -> tuple[int, int]:
    file.seek(struct.unpack_from("<Q", locator, 8)[0])
    record = file.read(56)
    if len(record) < 56:
        raise Invalid("aasx.not-zip", reason="no zip64 record")
    count, length = struct.unpack_from("<QQ", record, 32)
    return int(count), int(length)


def _checked(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename.replace("\0", "?")[:200]
    if info.flag_bits & _ENCRYPTED:
        raise Invalid("aasx.encrypted", part=name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Invalid("aasx.compression", part=name, method=info.compress_type)
    kind = (info.external_attr >> 16) & _KIND
    if kind == _LINK or (info.create_system == 3 and kind not in _REGULAR):  # 3: attributes are those of Unix
        raise Invalid("aasx.link", part=name)


def _overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Refuse entries that share bytes: a small file could unpack to any size."""
    end, before = 0, ""
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < 0:
            raise Invalid("aasx.damaged", part=info.orig_filename[:200], reason="begins before the package")
        if info.header_offset < end:
            raise Invalid("aasx.overlap", part=info.orig_filename[:200], other=before[:200])
        end = info.header_offset + _LOCAL_SIZE + len(info.orig_filename) + info.compress_size
        before = info.orig_filename


def _characters(name: str, flags: int) -> str:
    """A name that is not marked as UTF-8 but is, or is Chinese as Windows writes it."""
    if flags & _UTF8 or name.isascii():
        return name
    raw = name.encode("cp437")
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return name
