"""Everything that the firm holds, in open formats: files, tables, proofs, and a signed list of them.

Threads as packs that anybody can verify, documents as JSON in UBL's names, tables as CSV and XLSX, sealed values of
machines as Parquet, EPCIS 2.0 events, twins as an AAS environment, those that were written in their very bytes and with
their files, price books, the price record with what opens it, the public key logs, a README in both languages, and
``manifest.json`` with the SHA-256 of each file, signed by this device (``manifest.signature.json``).
Rule 1: of one moment: ``node`` stands over a copy of the store; what the running node says meanwhile is not in it.
Rule 2: it is there whole or not at all: written beside its place and moved there at the end.
Rule 3: no secret is in it: keys and tokens are files of the home, and only the store is read.
Not here: the copy (``launch.py``), tables (``export_tables.py``).
"""

import os
import zipfile
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Self

import msgspec

from weft import __version__
from weft.basis import canonical
from weft.basis.canonical import b64, digest
from weft.basis.errors import Refused, Unavailable
from weft.basis.instant import from_ms
from weft.engine import beside, drawings
from weft.engine.export_tables import as_csv, as_workbook, tables
from weft.engine.memory import BOOKS
from weft.engine.node import Node
from weft.engine.packs import pack
from weft.engine.pricelog import batches, log
from weft.engine.receive import KEYLOG, key_log_of
from weft.engine.twins import Twins
from weft.engine.twins.ports import KINDS
from weft.engine.twins.repository import Repository
from weft.pricing.book import encode as book_bytes
from weft.tlog import tile
from weft.trace.book import TraceRecorded
from weft.trace.book import read as read_trace
from weft.trace.document import document

FORMAT: Final = "weft-export/1"
TWINS_IN_A_FILE: Final = 1000
PIECE: Final = 1024 * 1024
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.signature.json"
Told = Callable[[int], None]  # how much is done, of 1000
File = tuple[str, bytes | AsyncIterator[bytes]]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written: files and their bytes, and the moment that they are of."""

    files: int
    bytes: int
    at: str


async def write(node: Node, target: Path, told: Told = lambda _permille: None) -> Exported:
    """Write the export of ``node`` to ``target``: a folder, or one file if its name ends with ``.zip``.

    Raises ``Refused('export.exists')``, ``Unavailable('export.not-writable')``; leaves nothing behind then.
    """
    zipped = target.suffix == ".zip"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.alone(partial := target.with_name(f"{target.name}.partial"), target, folder=not zipped):
            if target.exists() and not (target.is_dir() and not any(target.iterdir())):
                raise Refused("export.exists", path=str(target))
            with _Zip(partial) if zipped else _Folder(partial) as place:
                done = await _fill(node, place, told)
            if target.is_dir():
                target.rmdir()
            partial.rename(target)
    except OSError as error:
        raise Unavailable("export.not-writable", path=str(target), reason=error.strerror or "") from error
    told(1000)
    return done


class _Folder:
    """Files below a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, name: str) -> IO[bytes]:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_wrong: object) -> None:
        """Nothing is open."""


class _Zip:
    """Files in one ZIP archive, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("r+b")
        self.archive = zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED)

    def open(self, name: str) -> IO[bytes]:
        return self.archive.open(name, "w", force_zip64=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_wrong: object) -> None:
        with self.file:
            self.archive.close()
            self.file.flush()
            os.fsync(self.file.fileno())


async def _fill(node: Node, place: _Folder | _Zip, told: Told) -> Exported:
    listed: dict[str, dict[str, Any]] = {}
    at = from_ms(node.clock.now_ms())
    threads = len(await node.store.threads()) or 1
    seen, size = 0, 0
    async for name, content in _files(node, at):
        written = listed[name] = await _write(place, name, content)
        size += written["bytes"]
        seen += name.startswith("threads/")
        told(min(990, 990 * seen // threads))
    manifest = canonical.encode({
        "format": FORMAT, "made_by": f"weft {__version__}", "organisation": node.organisation,
        "name": node.config.firm.name, "at": at, "files": listed})
    for name, content in ((MANIFEST, manifest), (SIGNATURE, _signature(node, manifest))):
        await _write(place, name, content)
    return Exported(files=len(listed) + 2, bytes=size, at=at)


async def _write(place: _Folder | _Zip, name: str, content: bytes | AsyncIterator[bytes]) -> dict[str, Any]:
    """Write one file, piece by piece where it comes so; its entry in the manifest."""
    digest, size = sha256(), 0
    with place.open(name) as file:
        async for piece in (content if not isinstance(content, bytes) else _whole(content)):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "bytes": size}


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def signed_bytes(manifest: bytes) -> bytes:
    """What the signature of a manifest covers."""
    return digest("export/1", manifest)


def _signature(node: Node, manifest: bytes) -> bytes:
    signer = node.identity.signer
    return canonical.encode({"organisation": node.organisation, "device": signer.public, "algorithm": "Ed25519",
                             "signature": b64(signer.sign(signed_bytes(manifest)))})


async def _files(node: Node, at: str) -> AsyncIterator[File]:
    for lang, ending in (("en", "README.md"), ("zh", "README.zh-CN.md")):
        yield ending, node.translate(lang, "export.readme", {
            "name": node.config.firm.name, "organisation": node.organisation, "at": at}).encode()
    async for one in _threads(node):
        yield one
    found = [table async for table in tables(node)]
    for table in found:
        yield f"tables/{table.name}.csv", as_csv(table)
    yield "tables/all.xlsx", as_workbook(found)
    yield "epcis/events.json", _pretty(document(await _events(node), at))
    twins = Twins(node)
    yield "twins/environment.json", _pretty({
        "assetAdministrationShells": [one async for one in twins.shells()],
        "submodels": [one async for one in twins.submodels()], "conceptDescriptions": []})
    async for one in _written_twins(node.twins):
        yield one
    async for one in _prices(node):
        yield one
    async for one in drawings.all_of(node):
        yield one
    folder = node.history.folder if node.history is not None else None
    for path in sorted(folder.glob("*/*.parquet")) if folder is not None else ():
        yield f"values/{path.relative_to(folder).as_posix()}", _pieces(path)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


async def _written_twins(twins: Repository) -> AsyncIterator[File]:
    """Twins that were written, so many in a file and each as it stands in its bytes; and the files that they name."""
    for kind in KINDS:
        number, after = 0, ""
        while rows := await twins.store.page(kind, after, TWINS_IN_A_FILE):
            number, after = number + 1, rows[-1].id
            yield f"twins/written/{kind}-{number:05}.json", b"[" + b",\n".join(row.body for row in rows) + b"]"
            for row in rows:
                for value, held in await twins.store.files_of(kind, row.id):
                    file = await twins.store.file(held)
                    if file is not None:
                        name = f"{sha256(row.id.encode()).hexdigest()[:16]}-{sha256(value.encode()).hexdigest()[:8]}"
                        yield f"twins/files/{name}{_ending(value)}", file.chunks()


def _ending(value: str) -> str:
    """The ending of a file's name, as far as it is a plain one."""
    found = PurePosixPath(value).suffix
    return found if found.isascii() and found[1:].isalnum() and len(found) < 12 else ""


async def _threads(node: Node) -> AsyncIterator[File]:
    """Packs of all threads and books, documents of orders and partnerships, key logs."""
    for row in await node.store.threads():
        if row.machine == KEYLOG:
            yield f"keys/{row.thread}.json", _pretty([msgspec.json.decode(one)
                                                      for one in await key_log_of(node, row.thread)])
            continue
        async for waiting in _waiting(node, row.thread):
            yield waiting
        kind = row.machine.partition("/")[0]
        yield f"threads/{kind}/{row.thread}.weft-thread", await pack(node.store, row.thread, lambda _kind, _slot: False)
        if kind not in BOOKS:
            for place, logged in enumerate(await node.log(row.thread)):
                if logged.message is not None:
                    yield f"documents/{kind}/{row.thread}/{place:04}-{logged.kind}.json", _pretty({
                        "id": logged.id, "type": logged.kind, "by": logged.author, "role": logged.role,
                        "at": from_ms(logged.at_ms), "does_not_count": logged.void,
                        logged.kind: msgspec.to_builtins(logged.message)})


async def _waiting(node: Node, thread: str) -> AsyncIterator[File]:
    """What was said in ``thread`` and came before what it follows: signed, and not part of the history yet."""
    if rows := await node.store.pending(thread):
        yield f"waiting/{thread}.json", _pretty([msgspec.json.decode(row.envelope) for row in rows])


async def _prices(node: Node) -> AsyncIterator[File]:
    """Price books; the firm's price record, as any web server can serve it on, and what opens each document in it."""
    for name, version in (await node.book_state("pricing")).books.items():
        yield f"prices/{name}.json", book_bytes(version.book)
    head = await log.head(node.store)
    if head is None:
        return
    yield f"pricelog/{tile.CHECKPOINT_PATH}", head.public
    for one in [*tile.of_size(head.size), *log.bundles_of(head.size)]:
        yield f"pricelog/{tile.path(one)}", await log.tile_bytes(node.store, one)
    yield "pricelog/openings.json", _pretty([
        msgspec.to_builtins(msgspec.msgpack.decode(data, type=batches.Kept))
        for _, data in await node.store.values(batches.OPENED)])


async def _events(node: Node) -> list[Any]:
    return [{**read_trace(one.message.event), "recordTime": from_ms(one.at_ms)}
            for one in await node.log(node.book("trace"))
            if isinstance(one.message, TraceRecorded) and not one.void]


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
