"""Writes packages and environments that strict readers accept.

ECMA-376-2 (package), IDTA-01005 v3.0 and v3.1 (AASX): origin, one specification, supplementary files, thumbnail.
Rule 1: relationships are internal, absolute and of the present URIs; every part has its content type.
Rule 2: names of parts are ASCII with escapes; the same contents give the same bytes, whenever they are written.
Rule 3: nothing is held but one document and one piece of a file.
Not here: which twins and files are taken (``engine/twins/exchange.py``), other versions (``versions.py``).
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final, Literal, Protocol
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

import msgspec

from weft.twin.aasx import relationships as rel
from weft.twin.aasx.container import folded
from weft.twin.elements import Json
from weft.twin.xml.shape import CLASSES, tag_of
from weft.twin.xml.writing import Environment as XmlEnvironment

Format = Literal["xml", "json"]
ORIGIN_NAME: Final = "/aasx/aasx-origin"
_RELATIONSHIPS_TYPE: Final = "application/vnd.openxmlformats-package.relationships+xml"
_CONTENT_TYPES: Final = {"xml": "application/xml", "json": "application/json"}
_CONTENT_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_PACKED: Final = ("image/jpeg", "image/png", "image/gif", "image/webp", "video/", "audio/", "application/zip",
                  "application/pdf", "application/vnd.openxmlformats")
_SAFE: Final = "/-._~!$&'()*+,;=@"
_SECTIONS: Final = {field.of: name for name, field in CLASSES["environment"].items()}
_DAY: Final = (1980, 1, 1, 0, 0, 0)


class Environment(Protocol):
    """An environment that grows; documents of one class stand together."""

    def document(self, document: Json) -> bytes: ...
    def end(self) -> bytes: ...


class JsonEnvironment:
    """An environment as JSON, document by document."""

    def __init__(self) -> None:
        self._open = ""
        self._first = True

    def document(self, document: Json) -> bytes:
        """The next shell, submodel or concept description."""
        section = _SECTIONS[tag_of(document["modelType"])]
        before = ","
        if section != self._open:
            before = ("]," if self._open else "{") + f'"{section}":['
            self._open = section
        return before.encode() + msgspec.json.encode(document)

    def end(self) -> bytes:
        """Nothing more comes."""
        return b"]}" if self._open else b"{}"


def environment(form: Format, version: str) -> Environment:
    """One that writes ``form``; JSON does not say its version."""
    return XmlEnvironment(version) if form == "xml" else JsonEnvironment()


def part_name(value: str, spec: str) -> str:
    """The part that a File's ``value`` in the part ``spec`` means; "" when it is an address outside."""
    name = value.strip().replace("\\", "/").partition("#")[0]
    if name.casefold().startswith("file:"):
        name = "/" + name[5:].lstrip("/")
    if not name or rel.outside(name):
        return ""
    if not name.startswith("/"):
        name = spec.rpartition("/")[0] + "/" + name
    steps: list[str] = []
    for step in unquote(name).split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step.strip(". "):  # OPC: no step of a name is empty, or ends with a dot
            steps.append(quote(step.rstrip("."), safe=_SAFE))
    return "/" + "/".join(steps) if steps else ""


class Package:
    """A package in the making: first ``specification``, then ``supplement`` and ``thumbnail``, then ``close``."""

    def __init__(self, file: BinaryIO, version: str = "3.0", form: Format = "xml") -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._version, self._form = version, form
        self.spec_name = f"/aasx/data.{form}"
        self._parts: dict[str, str] = {}
        self._files: list[str] = []
        self._thumbnail = ""
        with self._part(ORIGIN_NAME, "text/plain") as part:
            part.write(b"Intentionally empty.")

    @contextmanager
    def _part(self, name: str, content_type: str) -> Iterator[IO[bytes]]:
        info = zipfile.ZipInfo(name.lstrip("/"), _DAY)
        info.create_system = 0
        info.compress_type = zipfile.ZIP_STORED if content_type.startswith(_PACKED) else zipfile.ZIP_DEFLATED
        if name != rel.TYPES_NAME and not name.endswith(".rels"):
            self._parts[name] = content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream"
        with self._zip.open(info, "w", force_zip64=True) as part:
            yield part

    def taken(self, name: str) -> bool:
        """Whether there is a part of this name already."""
        return folded(name) in {folded(one) for one in self._parts}

    @contextmanager
    def specification(self) -> "Iterator[Specification]":
        """The one specification; documents are given to what this opens."""
        grown = environment(self._form, self._version)
        with self._part(self.spec_name, _CONTENT_TYPES[self._form]) as part:
            yield Specification(part, grown)
            part.write(grown.end())

    @contextmanager
    def supplement(self, name: str, content_type: str, *, thumbnail: bool = False) -> Iterator[IO[bytes]]:
        """A file of the part name ``name``; ``thumbnail``: the picture of the package, when it has none yet."""
        with self._part(name, content_type) as part:
            yield part
        if thumbnail and not self._thumbnail:
            self._thumbnail = name
        else:
            self._files.append(name)

    def close(self) -> None:
        """Write what binds the parts together. The file stays open: it is the caller's."""
        roots = [(rel.AASX + rel.ORIGIN, ORIGIN_NAME)]
        if self._thumbnail:
            roots.append((rel.THUMBNAIL_TYPE, self._thumbnail))
        self._related("", roots)
        self._related(ORIGIN_NAME, [(rel.AASX + rel.SPEC, self.spec_name)])
        if self._files:
            self._related(self.spec_name, [(rel.AASX + rel.SUPPLEMENT, name) for name in self._files])
        overrides = "".join(f"<Override PartName={quoteattr(name)} ContentType={quoteattr(kind)}/>"
                            for name, kind in self._parts.items())
        with self._part(rel.TYPES_NAME, "application/xml") as part:
            part.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="{rel.CONTENT_TYPES_NS}">'
                       f'<Default Extension="rels" ContentType="{_RELATIONSHIPS_TYPE}"/>{overrides}</Types>'.encode())
        self._zip.close()

    def abandon(self) -> None:
        """Nothing more comes, and what there is, is no package."""
        self._zip.close()

    def _related(self, source: str, targets: list[tuple[str, str]]) -> None:
        folder, _, name = source.rpartition("/")
        told = "".join(f'<Relationship Id="R{at}" Type={quoteattr(kind)} Target={quoteattr(target)}/>'
                       for at, (kind, target) in enumerate(targets, 1))
        with self._part(f"{folder}/_rels/{name}.rels", _RELATIONSHIPS_TYPE) as part:
            part.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{rel.RELATIONSHIPS_NS}">'
                       f"{told}</Relationships>".encode())


class Specification:
    """Takes documents into a part."""

    def __init__(self, part: IO[bytes], grown: Environment) -> None:
        self._part = part
        self._grown = grown

    def document(self, document: Json) -> None:
        """The next one; those of one class stand together."""
        self._part.write(self._grown.document(document))
