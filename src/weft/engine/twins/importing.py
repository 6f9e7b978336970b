"""Twins from a file into the repository: all of them or none, with a report of what was found in it.

Rule 1: nothing is written before the whole file was read and judged; then all twins are one commit.
Rule 2: what breaks a rule of the metamodel is taken over and told ("kept"); what lacks its shape stops all ("broken").
Rule 3: of metamodel 1 and 2 nothing is taken unless all of it can be ("lost" stops all, too).
Rule 4: twins kept by the books of this firm are never overwritten by a file.
Rule 5: the work is done beside the loop of the node; memory holds one twin and one piece of a file.
Rule 6: who is stopped in the middle (``Imports.stop``, a connection that ends, a crash) leaves no twin behind; files
        that had come in are named by nobody and are swept away.
Not here: how files are read (``twin/aasx``), what goes out (``exchange.py``), who is told how far it is (``underway``).
"""

import asyncio
import contextlib
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, TypeVar, overload

import msgspec

from weft.basis.errors import Unavailable
from weft.engine.twins import authors
from weft.engine.twins.ports import Change, Kind, TwinStore
from weft.engine.twins.underway import Imports, Progress, Stage, Told
from weft.twin.aasx.findings import Finding, Report
from weft.twin.aasx.reading import Found, Package, Supplement
from weft.twin.metamodel import canonical, findings
from weft.twin.names import ID_MAX
from weft.twin.xml.shape import model_type

KIND_OF: Final[Mapping[str, Kind]] = {
    "assetAdministrationShell": "shell", "submodel": "submodel", "conceptDescription": "concept"}
READING: Final = 3  # what reading and judging a byte costs
WRITING: Final = 2  # what storing a byte of a twin costs; one of a file beside it costs 1
FEED: Final = 1_000  # entries at a time
T = TypeVar("T")


class Repository(Protocol):
    """What an import needs of the twins of this firm."""

    @property
    def store(self) -> TwinStore: ...
    @property
    def imports(self) -> Imports: ...
    @property
    def scratch(self) -> Path | None: ...
    def owns(self, id: str, /) -> bool: ...


class Imported(msgspec.Struct, frozen=True):
    """What became of a file. ``taken`` False: nothing was written, because of the report or as it was wished.

    Counts are of what the file holds; ``changed``: twins that are new or other than before; ``bytes`` of their files.
    """

    taken: bool
    version: str
    shells: int
    submodels: int
    concepts: int
    files: int
    bytes: int
    changed: int
    report: Report


async def take_in(
    repository: Repository, file: BinaryIO, name: str = "", *, report_only: bool = False, told: Told | None = None,
) -> Imported:
    """Import ``file`` (AASX, or an environment in XML or JSON), or only report on it.

    Raises ``Invalid`` with part and element when it cannot be read, ``Refused('twin.import-stopped')``,
    ``Unavailable('store.full')``.
    """
    how = partial(_taken, repository, file, name, report_only=report_only)
    return await repository.imports.run(name, how, told or (lambda _: None), report_only=report_only)


async def _taken(repository: Repository, file: BinaryIO, name: str, told: Told, *, report_only: bool) -> Imported:
    with _no_room(), tempfile.TemporaryFile(dir=repository.scratch) as waiting:
        package = await _aside(partial(Package, file, name))
        work = _Import(repository, waiting, _Course(told, package, report_only=report_only),
                       authors.Author(authors.IMPORT, name=name).written())
        try:
            await _aside(partial(work.read, package), work.stop)
            stopped = package.findings.total("broken") or package.unconverted
            taken = not stopped and not report_only
            changed = await work.write() if taken else 0
        finally:
            package.close()
        return work.outcome(package, taken=taken, changed=changed)


@contextlib.contextmanager
def _no_room() -> Iterator[None]:
    """What waits to be written is on a disk, too."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("store.full", path=tempfile.gettempdir()) from error


async def _aside(work: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """``work`` in a thread; who is cancelled meanwhile waits for its end, so that no file is closed under it."""
    done = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([done])
        done.cancelled() or done.exception()
        raise


class _Stopped(Exception):
    """Nobody waits for it any more."""


class _Course:
    """How far an import is; tells of each thousandth."""

    def __init__(self, told: Told, package: Package, *, report_only: bool) -> None:
        self._told = told
        self.spec, self.beside = package.sizes
        self._all = READING * self.spec + (0 if report_only else self.beside + WRITING * self.spec)
        self._last = Progress(-1)

    def at(self, stage: Stage, done: int, of: int, twins: int) -> None:
        """So many of so many bytes of this stage."""
        of = max(of, 1)
        weight = {
            "reading": READING * self.spec * done / of,
            "files": READING * self.spec + self.beside * done / of,
            "writing": READING * self.spec + self.beside + WRITING * self.spec * done / of}[stage]
        thousandths = min(int(1_000 * weight / max(self._all, 1)), 1_000)
        now = Progress(max(thousandths, self._last.done), stage, done, of, twins)
        if (now.done, now.stage) != (self._last.done, self._last.stage):
            self._last = now
            self._told(now)


class _Waiting(NamedTuple):
    """A twin whose body lies in the scratch file; ``files``: (value, name of the part)."""

    kind: Kind
    id: str
    start: int
    size: int
    files: tuple[tuple[str, str], ...]


class _Changes(Sequence[Change]):
    """Changes whose bodies are read when they are asked for."""

    def __init__(
        self, waiting: Sequence[_Waiting], read: Callable[[_Waiting], bytes], digests: Mapping[str, str],
        by: str,
    ) -> None:
        self._waiting = waiting
        self._read = read
        self._digests = digests
        self._by = by

    def __len__(self) -> int:
        return len(self._waiting)

    @overload
    def __getitem__(self, at: int) -> Change: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Change]: ...
    def __getitem__(self, at: int | slice) -> Change | Sequence[Change]:
        if isinstance(at, slice):
            return _Changes(self._waiting[at], self._read, self._digests, self._by)
        one = self._waiting[at]
        files = tuple((value, self._digests[part]) for value, part in one.files)
        return Change(one.kind, one.id, self._read(one), files=files, by=self._by)


class _Import:
    """One import under way."""

    def __init__(self, repository: Repository, scratch: BinaryIO, course: _Course, by: str) -> None:
        self._repository = repository
        self._scratch = scratch
        self._course = course
        self._by = by
        self._stopped = False
        self._size = self._written = 0
        self._waiting: list[_Waiting] = []
        self._parts: dict[str, Supplement] = {}

    # ---- reading: in a thread of its own

    def stop(self) -> None:
        """Read no further."""
        self._stopped = True

    def read(self, package: Package) -> None:
        """Read all twins, judge them, and lay down the bodies."""
        def counted(done: int, of: int) -> None:
            if self._stopped:
                raise _Stopped
            self._course.at("reading", done, of, len(self._waiting))

        for found in package.documents(counted):
            self._found(package, found)
        self._scratch.flush()

    def _found(self, package: Package, found: Found) -> None:
        document = found.document
        if self._repository.owns(document.id):
            finding = Finding("lost", "kept-by-books", document.part, document.line, document.id[:200],
                              {"id": document.id[:200]})
            package.findings.add(finding)
            return
        kind = model_type(document.tag)
        wrong = findings(kind, document.body)
        try:
            body = canonical(kind, document.body)
        except (msgspec.ValidationError, ValueError, TypeError):
            body = b""
        if len(document.id) > ID_MAX:
            body = b""  # what no address can hold could never be read, nor taken away
        for one in wrong:
            package.findings.add(Finding("kept" if body else "broken", one.code, document.part, document.line,
                                         one.where, dict(one.told)))
        if not body and not wrong:
            package.findings.add(Finding("broken", "no-document", document.part, document.line, document.id[:200]))
        if body:
            self._lay(KIND_OF[document.tag], document.id, body, found.files)

    def _lay(self, kind: Kind, name: str, body: bytes, files: Sequence[Supplement]) -> None:
        for one in files:
            self._parts.setdefault(one.name, one)
        self._scratch.write(body)
        self._waiting.append(_Waiting(kind, name, self._size, len(body), tuple((one.value, one.name) for one in files)))
        self._size += len(body)

    def _body(self, one: _Waiting) -> bytes:
        self._written += 1
        self._course.at("writing", one.start + one.size, self._size, self._written)
        return os.pread(self._scratch.fileno(), one.size, one.start)

    # ---- writing

    async def write(self) -> int:
        """Keep the files, then commit all twins at once; how many are new or changed."""
        digests: dict[str, str] = {}
        total, done = sum(one.size for one in self._parts.values()), 0
        store = self._repository.store
        for name, one in self._parts.items():
            pieces = self._pieces(one, done, total)
            digests[name] = await store.keep_file(pieces, one.content_type, name.rpartition("/")[2])
            done += one.size
        _, last = await store.feed_ends()
        await store.commit(_Changes(self._waiting, self._body, digests, self._by))
        self._course.at("writing", self._size, self._size, len(self._waiting))
        return await self._changed(last)

    async def _pieces(self, one: Supplement, before: int, total: int) -> AsyncIterator[bytes]:
        chunks: Iterator[bytes] = iter(one.chunks())
        while (piece := await _aside(partial(next, chunks, b""))):
            yield piece
            before += len(piece)
            self._course.at("files", before, total, len(self._waiting))

    async def _changed(self, last: int) -> int:
        """How many of these twins the feed tells of behind its entry ``last``."""
        ours, seen = {(one.kind, one.id) for one in self._waiting}, set()
        while (told := await self._repository.store.feed(last, FEED)):
            seen |= {(one.kind, one.id) for one in told} & ours
            last = told[-1].number
        return len(seen)

    def outcome(self, package: Package, *, taken: bool, changed: int) -> Imported:
        """What is to be told of it."""
        counts = {kind: sum(one.kind == kind for one in self._waiting) for kind in KIND_OF.values()}
        return Imported(
            taken, package.version, counts["shell"], counts["submodel"], counts["concept"], len(self._parts),
            sum(one.size for one in self._parts.values()), changed, package.findings.report())
