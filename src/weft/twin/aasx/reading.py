"""Reads what holds twins: a package (AASX), or an environment as XML or JSON; one document after the other.

IDTA-01005 v3.0 and v3.1 (AASX), and what AAS4J, BaSyx, the package explorer and older tools write instead.
Rule 1: memory holds one document, and of each that was read its id; parts are handed on as streams.
Rule 2: a twin told twice with the same contents is one; with different ones the first counts, and that is told.
Rule 3: whatever of the package is not taken over is told: unused parts, signatures, properties.
Not here: what is done with it (``engine/twins/exchange.py``), whether documents keep the rules (``twin/metamodel``).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid
from weft.twin.aasx import relationships as rel
from weft.twin.aasx.container import LIMITS, STEP, Container, Entry, Limits
from weft.twin.aasx.findings import Findings
from weft.twin.aasx.spec import Document, Spec
from weft.twin.elements import Json

Told = Callable[[int, int], None]  # bytes of specifications read, of how many
_SNIFFED_MAX: Final = 64
_INNER: Final = ("submodelElements", "value", "statements", "annotations", "inputVariables", "outputVariables",
                 "inoutputVariables")
_AAS_WORDS: Final = (b"admin-shell.io/aas", b"assetAdministrationShells", b'"submodels"')


class Supplement(NamedTuple):
    """A file of the package as a document means it: ``value`` as the document writes it."""

    value: str
    name: str
    content_type: str
    size: int
    chunks: Callable[[], Iterable[bytes]]


class Found(NamedTuple):
    """A document with the files that it means."""

    document: Document
    files: Sequence[Supplement]


class Package:
    """What was opened; walk ``documents`` once, then ``findings`` are complete. Close it in the end."""

    def __init__(self, file: BinaryIO, name: str = "", limits: Limits = LIMITS) -> None:
        self.findings = Findings()
        self._limits = limits
        self._container: Container | None = None
        self._types: rel.ContentTypes | None = None
        self._thumbnail: Entry | None = None
        self._used: set[str] = set()
        self._ids: dict[tuple[str, str], bytes] = {}
        self._shells = 0
        file.seek(0)
        head = file.read(4)
        if head[:2] == b"PK":
            self.specs = self._opened(file)
        else:
            self.specs = [self._single(file, name)]

    @property
    def packed(self) -> bool:
        """Whether it is a package, and not an environment by itself."""
        return self._container is not None

    @property
    def version(self) -> str:
        """The highest version of the metamodel that was read; "" when nothing says."""
        return max((spec.version for spec in self.specs), default="")

    @property
    def older(self) -> bool:
        """Whether anything was of metamodel 1 or 2."""
        return any(spec.older for spec in self.specs)

    @property
    def unconverted(self) -> int:
        """How much of metamodel 1 and 2 has no place in 3."""
        return sum(spec.losses for spec in self.specs if spec.older)

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of the specifications, and of all other parts, unpacked."""
        entries = self._container.entries.values() if self._container is not None else ()
        return self._total, max(sum(entry.size for entry in entries) - self._total, 0)

    def close(self) -> None:
        """The file itself stays open: it is the caller's."""
        if self._container is not None:
            self._container.close()

    # ---- what is in it ----

    def _single(self, file: BinaryIO, name: str) -> Spec:
        size = file.seek(0, 2)
        if size > self._limits.spec:
            raise Invalid("aasx.part-size", part=name, size=size, limit=self._limits.spec)
        self._total = size

        def chunks() -> Iterator[bytes]:
            file.seek(0)
            while piece := file.read(STEP):
                yield piece

        return Spec(name, chunks, self.findings.note(name), self._limits)

    def _opened(self, file: BinaryIO) -> list[Spec]:
        container = self._container = Container(file, self._limits, self.findings)
        self._types = rel.ContentTypes(container, self.findings)
        self._used.add(rel.TYPES_NAME)
        roots = rel.of_part(container, self.findings, "")
        for one in roots:
            self._root(one)
        origins = [one.entry.name for one in roots if one.type == rel.ORIGIN and one.entry is not None]
        self._used.update(origins)
        specs = [spec for name in origins for spec in self._specs_of(name)]
        if not specs:
            specs = self._without_origin(container)
        self._total = sum(spec.size for spec in specs)
        return [self._spec(container, spec) for spec in specs]

    def _spec(self, container: Container, entry: Entry) -> Spec:
        self._used.add(entry.name)
        if entry.size > self._limits.spec:
            raise Invalid("aasx.part-size", part=entry.name, size=entry.size, limit=self._limits.spec)
        return Spec(entry.name, _chunks(container, entry), self.findings.note(entry.name), self._limits)

    def _root(self, one: rel.Relationship) -> None:
        note = self.findings.note("")
        if one.type == rel.THUMBNAIL:
            self._thumbnail = one.entry
            if one.entry is None:
                note("kept", "thumbnail-missing", "", 0, {"target": one.target[:200]})
        elif one.type == rel.PROPERTIES and one.entry is not None:
            self._used.add(one.entry.name)
            note("lost", "properties", "", 0, {"part": one.entry.name})
        elif one.type == rel.SIGNATURE:
            note("lost", "signature", "", 0, {"target": one.target[:200]})

    def _specs_of(self, source: str) -> list[Entry]:
        """The specifications that ``source`` leads to, and those that these are split into, each once."""
        assert self._container is not None
        found: list[Entry] = []
        waiting = [source]
        while waiting:
            source = waiting.pop(0)
            for one in rel.of_part(self._container, self.findings, source):
                if one.type not in (rel.SPEC, rel.SPLIT):
                    continue
                if one.entry is None:
                    self.findings.note(source)("lost", "spec-missing", "", 0, {"target": one.target[:200]})
                elif one.entry.name not in self._used:
                    self._used.add(one.entry.name)
                    found.append(one.entry)
                    waiting.append(one.entry.name)
        return found

    def _without_origin(self, container: Container) -> list[Entry]:
        """Specifications that no relationship names: below the usual origin, else by their contents."""
        specs = self._specs_of("/aasx/aasx-origin")
        if not specs:
            named = [one for one in container.entries.values()
                     if one.name.casefold().endswith((".xml", ".json")) and "/_rels/" not in one.name
                     and one.name != rel.TYPES_NAME]
            specs = [one for one in named[:_SNIFFED_MAX] if _holds_environment(container, one)]
        if not specs:
            raise Invalid("aasx.no-spec", parts=len(container.entries))
        origin = container.find("/aasx/aasx-origin")
        self._used.update([origin.name] if origin else [])
        self.findings.note("")("fixed", "no-origin", "", 0, {"part": specs[0].name})
        return specs

    # ---- documents ----

    def documents(self, told: Told | None = None) -> Iterator[Found]:
        """Every identifiable once, tidied, with the files it means; raises ``Invalid``."""
        done = 0

        def counted(size: int) -> None:
            nonlocal done
            done = min(done + size, self._total)
            if told is not None:
                told(done, self._total)

        for spec in self.specs:
            for document in spec.documents(counted):
                if self._first(document):
                    yield Found(document, self._files(document))
        self._left()

    def _first(self, document: Document) -> bool:
        if not document.id:
            return False
        try:
            digest = hashlib.blake2b(msgspec.json.encode(document.body, order="sorted"), digest_size=16).digest()
        except UnicodeEncodeError as error:  # half of a character that takes two
            raise Invalid("json.malformed", part=document.part, element=document.id.encode(
                "ascii", "backslashreplace").decode()[:200], reason=error.reason) from error
        known = self._ids.setdefault((document.tag, document.id), digest)
        if known is digest:
            if len(self._ids) > self._limits.twins:
                raise Invalid("aasx.twins", part=document.part, element=document.id[:200], limit=self._limits.twins)
            return True
        note = self.findings.note(document.part)
        if known == digest:
            note("fixed", "twin-twice", "", document.line, {"id": document.id[:200]})
        else:
            note("lost", "twin-twice-different", "", document.line, {"id": document.id[:200]})
        return False

    def _files(self, document: Document) -> list[Supplement]:
        if self._container is None:
            return []
        if document.tag == "assetAdministrationShell":
            return self._picture(document)
        found: dict[str, Supplement] = {}
        for element, path in files_within(document.body):
            value = element["value"]
            if value not in found and (one := self._supplement(document, value, path, element.get("contentType", ""))):
                found[value] = one
        return list(found.values())

    def _picture(self, document: Document) -> list[Supplement]:
        asset = document.body.get("assetInformation")
        if not isinstance(asset, dict):
            return []
        self._shells += 1
        resource = asset.get("defaultThumbnail")
        if resource is None and self._shells == 1 and self._thumbnail is not None:
            assert self._types is not None
            kind = self._types.of(self._thumbnail.name)
            resource = asset["defaultThumbnail"] = {"path": self._thumbnail.name, "contentType": kind}
            note = self.findings.note(document.part)
            note("fixed", "thumbnail", document.id[:200], 0, {"part": self._thumbnail.name})
        if not resource:
            return []
        made = self._supplement(document, resource["path"], f"{document.id}.assetInformation.defaultThumbnail",
                                resource.get("contentType", ""))
        return [made] if made else []

    def _supplement(self, document: Document, value: str, path: str, said: str) -> Supplement | None:
        assert self._container is not None
        assert self._types is not None
        note = self.findings.note(document.part)
        entry = rel.resolved(self._container, note, document.part, value)
        if entry is None:
            if not rel.outside(value):
                note("kept", "file-missing", path[:200], document.line, {"value": value[:200]})
            return None
        self._used.add(entry.name)
        return Supplement(value, entry.name, said or self._types.of(entry.name), entry.size,
                          _chunks(self._container, entry))

    def _left(self) -> None:
        """Tell of the parts that nobody means."""
        if self._container is None:
            return
        note = self.findings.note("")
        for entry in self._container.entries.values():
            if entry.name not in self._used and not entry.name.casefold().endswith(".rels"):
                note("lost", "part-unused", "", 0, {"part": entry.name[:200]})


def _chunks(container: Container, entry: Entry) -> Callable[[], Iterable[bytes]]:
    return lambda: container.chunks(entry)


def _holds_environment(container: Container, entry: Entry) -> bool:
    head = next(container.chunks(entry), b"")[:4096].replace(b"\0", b"")
    return any(word in head for word in _AAS_WORDS)


def files_within(submodel: Json) -> Iterator[tuple[Json, str]]:
    """Every File with a value within ``submodel``, and its path."""
    waiting: list[tuple[Any, str]] = [(submodel, submodel.get("idShort") or submodel.get("id", ""))]
    while waiting:
        element, path = waiting.pop()
        if element.get("modelType") == "File":
            if element.get("value"):
                yield element, path
            continue
        for name in _INNER:
            inner = element.get(name)
            if isinstance(inner, dict):
                waiting.append((inner, f"{path}.{name}"))
            elif isinstance(inner, list) and inner and isinstance(inner[0], dict):
                waiting += [(one, f"{path}.{one['idShort']}" if "idShort" in one else f"{path}[{at}]")
                            for at, one in enumerate(inner)]
