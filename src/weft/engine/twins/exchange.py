"""Twins out of the repository: an environment as JSON or XML, or a package with its files.

IDTA-01005 (AASX), IDTA-01002 §10 (serialization).
Rule 1: what goes out is metamodel 3.0 unless 3.1 is asked for; what 3.0 cannot say is refused, not left out.
Rule 2: a shell goes with its submodels, a submodel with the concepts that it means, everything with its files.
Rule 3: memory holds one twin and one piece of a file; ``environment`` alone holds all, and has a limit.
Not here: what comes in (``importing.py``), how files are written (``twin/aasx``), HTTP.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final, Literal, Protocol

import msgspec

from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.twins.ports import ALL, File, Kind, Row, Where
from weft.twin.aasx.findings import Finding, Findings, Report
from weft.twin.aasx.reading import files_within
from weft.twin.aasx.versions import VERSIONS, fitting
from weft.twin.aasx.writing import Environment, Package, part_name
from weft.twin.aasx.writing import environment as grown
from weft.twin.elements import Json
from weft.twin.metamodel import findings
from weft.twin.xml.writing import written

Form = Literal["aasx", "json", "xml"]
FORMS: Final = ("aasx", "json", "xml")
KINDS: Final[tuple[Kind, ...]] = ("shell", "submodel", "concept")
SECTIONS: Final[Mapping[Kind, str]] = {
    "shell": "assetAdministrationShells", "submodel": "submodels", "concept": "conceptDescriptions"}
PAGE: Final = 100
ENVIRONMENT_MAX: Final = 256 << 20  # bytes of JSON
_STEP: Final = 1 << 18


class Page(Protocol):
    """Rows, and where the next page begins; "" at the end."""

    @property
    def rows(self) -> Sequence[Row]: ...
    @property
    def cursor(self) -> str: ...


class Repository(Protocol):
    """What an export needs of the twins of this firm."""

    async def get(self, kind: Kind, id: str) -> Row: ...
    async def page(self, kind: Kind, cursor: str, limit: int, where: Where = ALL) -> Page: ...
    def files(self, kind: Kind, document: Json) -> AsyncIterator[tuple[str, File]]: ...


class Exported(msgspec.Struct, frozen=True):
    """What went out."""

    shells: int
    submodels: int
    concepts: int
    files: int
    version: str
    report: Report


# ---- what goes out ----

async def _every(repository: Repository, kind: Kind) -> AsyncIterator[Row]:
    cursor = ""
    while True:
        page = await repository.page(kind, cursor, PAGE)
        for row in page.rows:
            yield row
        cursor = page.cursor
        if not cursor:
            return


async def _there(repository: Repository, kind: Kind, id: str) -> Row | None:
    try:
        return await repository.get(kind, id)
    except NotFound:
        return None


async def _sought(repository: Repository, ids: Sequence[str]) -> dict[Kind, dict[str, None]]:
    """The ids of each kind; shells bring their submodels. Raises ``NotFound('twin.none')``."""
    wanted: dict[Kind, dict[str, None]] = {kind: {} for kind in KINDS}
    for one in ids:
        for kind in KINDS:
            row = await _there(repository, kind, one)
            if row is not None:
                wanted[kind][one] = None
                if kind == "shell":
                    wanted["submodel"].update(dict.fromkeys(_referred(msgspec.json.decode(row.body))))
                break
        else:
            raise NotFound("twin.none", id=one[:200])
    return wanted


def _referred(shell: Json) -> list[str]:
    return [keys[0]["value"] for one in shell.get("submodels", ()) if (keys := one.get("keys"))]


async def _chosen(repository: Repository, ids: Sequence[str]) -> AsyncIterator[tuple[Kind, Json]]:
    """Shells, then submodels, then concepts; all there are when no ``ids`` are given."""
    if not ids:
        for kind in KINDS:
            async for every in _every(repository, kind):
                yield kind, msgspec.json.decode(every.body)
        return
    wanted = await _sought(repository, ids)
    for kind in KINDS:
        for one in list(wanted[kind]):
            row = await _there(repository, kind, one)
            if row is None:
                continue  # a reference to a submodel that lies elsewhere
            document = msgspec.json.decode(row.body)
            if kind == "submodel":
                wanted["concept"].update(dict.fromkeys(meant(document)))
            yield kind, document


def meant(submodel: Any) -> Iterator[str]:
    """Values of the last keys of all semantic ids within ``submodel``: what may be concepts."""
    waiting = [submodel]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            for name, inner in one.items():
                if name == "semanticId" and isinstance(inner, dict) and inner.get("keys"):
                    yield inner["keys"][-1]["value"]
                elif isinstance(inner, list | dict):
                    waiting.append(inner)


def _fitted(document: Json, version: str, found: Findings) -> Json:
    """``document`` in ``version``; what breaks a rule of it is told. Raises ``Refused('aasx.needs-newer')``."""
    made = fitting(document, version, found.note(""))
    for one in findings(document["modelType"], made, version):
        if version == "3.0" and one.allowed == "3.1":
            raise Refused("aasx.needs-newer", path=one.where, version="3.1", rule=one.constraint or one.code)
        found.add(Finding("kept", one.code, "", 0, one.where, dict(one.told)))
    return made


# ---- for the serialization of the API ----

async def environment(
    repository: Repository, shells: Sequence[str] | None, submodels: Sequence[str] | None,
    concepts: bool,  # noqa: FBT001 - one of the parameters of the call in the standard
) -> Json:
    """An environment of these shells and submodels (None: all there are), as stored; of at most ``ENVIRONMENT_MAX``.

    Raises ``NotFound`` for an id that is not there, ``Refused('twin.too-much')``.
    """
    made: dict[str, list[Json]] = {}
    size, means = 0, dict[str, None]()
    for kind, wanted in (("shell", shells), ("submodel", submodels)):
        async for row in _rows(repository, "shell" if kind == "shell" else "submodel", wanted):
            size = _counted(size, row)
            document = msgspec.json.decode(row.body)
            made.setdefault(SECTIONS[row.kind], []).append(document)
            if kind == "submodel" and concepts and submodels is not None:
                means.update(dict.fromkeys(meant(document)))
    if concepts:
        everything = shells is None and submodels is None
        async for row in _rows(repository, "concept", None if everything else list(means), may_lack=True):
            size = _counted(size, row)
            made.setdefault(SECTIONS["concept"], []).append(msgspec.json.decode(row.body))
    return made


async def _rows(
    repository: Repository, kind: Kind, wanted: Sequence[str] | None, *, may_lack: bool = False,
) -> AsyncIterator[Row]:
    if wanted is None:
        async for every in _every(repository, kind):
            yield every
        return
    for one in wanted:
        found = await _there(repository, kind, one) if may_lack else await repository.get(kind, one)
        if found is not None:
            yield found


def _counted(size: int, row: Row) -> int:
    size += len(row.body)
    if size > ENVIRONMENT_MAX:
        raise Refused("twin.too-much", limit=ENVIRONMENT_MAX)
    return size


def _documents(made: Json, version: str) -> Iterator[Json]:
    found = Findings()
    for kind in KINDS:
        for document in made.get(SECTIONS[kind], ()):
            yield _fitted(document, version, found)


def to_xml(made: Json, version: str = "3.0") -> bytes:
    """An environment as XML; raises ``Refused('aasx.needs-newer')``."""
    return b"".join(written(_documents(made, version), version))


def to_json(made: Json, version: str = "3.0") -> bytes:
    """An environment as JSON of ``version``; raises ``Refused('aasx.needs-newer')``."""
    out = grown("json", version)
    return b"".join([*(out.document(one) for one in _documents(made, version)), out.end()])


async def to_package(repository: Repository, made: Json, version: str = "3.0") -> AsyncIterator[bytes]:
    """An environment as a package, with its files, piece by piece; raises ``Refused('aasx.needs-newer')``."""
    with tempfile.TemporaryFile() as out:
        async def documents() -> AsyncIterator[tuple[Kind, Json]]:
            for kind in KINDS:
                for document in made.get(SECTIONS[kind], ()):
                    yield kind, document

        await _packed(repository, out, documents(), version, lambda _: None)
        out.seek(0)
        while piece := out.read(_STEP):
            yield piece


# ---- files ----

async def export(
    repository: Repository, out: BinaryIO, ids: Sequence[str] = (), *, form: str = "aasx", version: str = "3.0",
    told: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the twins called ``ids`` (shells with their submodels; all there are when none is given) to ``out``.

    ``told`` hears how many twins and files went out. Raises ``NotFound('twin.none')``, ``Refused('aasx.needs-newer')``,
    ``Invalid`` for a form or version that there is not.
    """
    if form not in FORMS:
        raise Invalid("aasx.form", form=form[:40])
    if version not in VERSIONS:
        raise Invalid("aasx.version", version=version[:40])
    documents = _chosen(repository, ids)
    if form == "aasx":
        return await _packed(repository, out, documents, version, told)
    told_of, counts = Findings(), dict.fromkeys(KINDS, 0)
    text: Environment = grown("json" if form == "json" else "xml", version)
    async for kind, document in documents:
        counts[kind] += 1
        out.write(text.document(_fitted(document, version, told_of)))
        told(sum(counts.values()))
        await asyncio.sleep(0)
    out.write(text.end())
    return Exported(counts["shell"], counts["submodel"], counts["concept"], 0, version, told_of.report())


async def _packed(
    repository: Repository, out: BinaryIO, documents: AsyncIterator[tuple[Kind, Json]], version: str,
    told: Callable[[int], None],
) -> Exported:
    told_of, counts = Findings(), dict.fromkeys(KINDS, 0)
    package = Package(out, version)
    files = _Files(repository, package.spec_name, told_of)
    try:
        with package.specification() as spec:
            async for kind, document in documents:
                counts[kind] += 1
                spec.document(_fitted(await files.named(kind, document), version, told_of))
                told(sum(counts.values()))
                await asyncio.sleep(0)
        for at, (name, (found, picture)) in enumerate(files.parts.items(), 1):
            await _supplement(package, name, found, picture=picture)
            told(sum(counts.values()) + at)
    except BaseException:
        package.abandon()
        raise
    package.close()
    return Exported(counts["shell"], counts["submodel"], counts["concept"], len(files.parts), version,
                    told_of.report())


async def _supplement(package: Package, name: str, found: File, *, picture: bool) -> None:
    with package.supplement(name, found.content_type, thumbnail=picture) as part:
        async for piece in found.chunks():
            part.write(piece)
            await asyncio.sleep(0)


class _Files:
    """Which files go into the package, and under which names of parts."""

    def __init__(self, repository: Repository, spec: str, found: Findings) -> None:
        self._repository = repository
        self._spec = spec
        self._findings = found
        self._folded: dict[str, str] = {spec.casefold(): "", "/aasx/aasx-origin": ""}
        self.parts: dict[str, tuple[File, bool]] = {}  # by name; whether it is a shell's picture

    async def named(self, kind: Kind, document: Json) -> Json:
        """``document`` with its files among the parts; one whose name is taken by another gets a new name."""
        if kind == "concept":
            return document
        renamed = {}
        async for value, file in self._repository.files(kind, document):
            name = part_name(value, self._spec)
            if not name or self._folded.get(name.casefold(), file.digest) != file.digest:
                name = f"/aasx/files/{file.digest[:16]}/{(name or '/file').rpartition('/')[2]}"
                renamed[value] = name
                self._findings.note("")("fixed", "file-renamed", document["id"][:200], 0,
                                        {"value": value[:200], "now": name[:200]})
            self._folded[name.casefold()] = file.digest
            self.parts.setdefault(name, (file, kind == "shell"))
        return _renamed(document, renamed) if renamed else document


def _renamed(document: Json, names: Mapping[str, str]) -> Json:
    made: Json = msgspec.json.decode(msgspec.json.encode(document))
    for element, _ in files_within(made):
        element["value"] = names.get(element["value"], element["value"])
    picture = made.get("assetInformation", {}).get("defaultThumbnail")
    if picture:
        picture["path"] = names.get(picture["path"], picture["path"])
    return made

