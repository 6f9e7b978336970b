"""Which part of a package is what: relationships and content types, as the standard and as tools write them.

ECMA-376-2 §9.3 (relationships), §10.1.2 (content types); IDTA-01005 v3.0 and v3.1 (AASX).
Rule 1: a target inside of the package is taken as such, whatever TargetMode says (AAS4J writes External).
Rule 2: targets may be absolute, relative to their source or, wrongly, to the root; with backslashes or escapes.
Rule 3: these small documents are read without document types, entities or anything outside.
Not here: the documents of the metamodel (``twin/xml``).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import unquote
from xml.parsers import expat

from weft.basis.errors import Invalid
from weft.twin.aasx.container import Container, Entry, folded
from weft.twin.aasx.findings import Findings, Note

ORIGIN, SPEC, SPLIT, SUPPLEMENT = "aasx-origin", "aas-spec", "aas-spec-split", "aas-suppl"
THUMBNAIL: Final = "thumbnail"
PROPERTIES: Final = "core-properties"
SIGNATURE: Final = "digital-signature"
AASX: Final = "http://admin-shell.io/aasx/relationships/"
THUMBNAIL_TYPE: Final = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
TYPES_NAME: Final = "/[Content_Types].xml"
RELATIONSHIPS_NS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
CONTENT_TYPES_NS: Final = "http://schemas.openxmlformats.org/package/2006/content-types"
_TYPE: Final = re.compile(r"https?://(?:www\.)?admin-shell\.io/aasx/(?:\d+/\d+/)?relationships/"
                          r"(aasx-origin|aas-spec-split|aas-spec|aas-suppl)/?")
_SMALL_MAX: Final = 8 << 20
_ELEMENTS_MAX: Final = 100_000
_OUTSIDE: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+:|//)")
_BY_ENDING: Final[Mapping[str, str]] = {
    "xml": "application/xml", "json": "application/json", "pdf": "application/pdf", "png": "image/png",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml", "txt": "text/plain",
    "webp": "image/webp", "bmp": "image/bmp", "csv": "text/csv", "html": "text/html", "md": "text/markdown",
    "step": "model/step", "stp": "model/step", "stl": "model/stl", "zip": "application/zip", "mp4": "video/mp4",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


class Relationship(NamedTuple):
    """``type`` is one of the words above, or "" for one that means nothing here; ``entry`` None: it is not there."""

    type: str
    target: str
    entry: Entry | None


class ContentTypes:
    """What ``[Content_Types].xml`` says, and what endings say where it says nothing."""

    def __init__(self, container: Container, findings: Findings) -> None:
        note = findings.note(TYPES_NAME)
        self._parts: dict[str, str] = {}
        self._endings: dict[str, str] = {}
        entry = container.find(TYPES_NAME)
        if entry is None:
            note("fixed", "no-content-types", "", 0, {})
            return
        try:
            found = elements(container.read(entry, _SMALL_MAX), TYPES_NAME)
        except Invalid as error:
            if not error.code.startswith("xml.malformed"):
                raise
            note("fixed", "no-content-types", "", 0, {})
            return
        for name, attributes in found:
            said = attributes.get("ContentType", "").strip()
            if name == "Override":
                self._parts[folded("/" + attributes.get("PartName", "").lstrip("/"))] = said
            elif name == "Default":
                self._endings[attributes.get("Extension", "").lstrip(".").casefold()] = said

    def of(self, name: str) -> str:
        """The content type of the part called ``name``."""
        ending = name.rpartition(".")[2].casefold()
        told = self._parts.get(folded(name)) or self._endings.get(ending)
        return told or _BY_ENDING.get(ending, "application/octet-stream")


def by_ending(name: str) -> str:
    """The content type that the ending of ``name`` says; "" for none."""
    return _BY_ENDING.get(name.rpartition(".")[2].casefold(), "")


def elements(data: bytes, part: str) -> list[tuple[str, dict[str, str]]]:
    """All elements of a small document with their attributes, names without namespaces; raises ``Invalid``."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(found) >= _ELEMENTS_MAX or len(attributes) > 32:
            raise Invalid("xml.attributes", part=part, line=parser.CurrentLineNumber, element=tag[-60:],
                          limit=_ELEMENTS_MAX)
        found.append((tag.rpartition(" ")[2], attributes))

    def refuse(*_: Any) -> NoReturn:
        raise Invalid("xml.doctype", part=part, line=parser.CurrentLineNumber, element="")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = error.lineno if isinstance(error, expat.ExpatError) else 0
        raise Invalid("xml.malformed", part=part, line=line, column=0, element="", reason=str(error)[:120]) from error
    return found


def of_part(container: Container, findings: Findings, source: str) -> list[Relationship]:
    """The relationships of the part ``source`` ("" for those of the package); empty when it has none."""
    folder, _, name = source.rpartition("/")
    entry = container.find(f"{folder}/_rels/{name}.rels")
    if entry is None:
        return []
    note = findings.note(entry.name)
    made = []
    for tag, attributes in elements(container.read(entry, _SMALL_MAX), entry.name):
        if tag == "Relationship":
            made.append(_one(container, note, source, attributes))
    return made


def _one(container: Container, note: Note, source: str, attributes: Mapping[str, str]) -> Relationship:
    target = attributes.get("Target", "")
    said = attributes.get("Type", "").strip()
    entry = resolved(container, note, source, target)
    external = attributes.get("TargetMode", "").casefold() == "external"
    kind = _kind(note, said, target)
    if external and entry is not None and kind:
        note("fixed", "target-mode", "", 0, {"target": target[:200]})
    return Relationship(kind, target, entry)


def _kind(note: Note, said: str, target: str) -> str:
    found = _TYPE.fullmatch(said)
    if found:
        if said != AASX + found.group(1):
            note("fixed", "relationship-type", "", 0, {"said": said[:200], "target": target[:200]})
        return found.group(1)
    ending = said.rstrip("/").rpartition("/")[2]
    if ending in (THUMBNAIL, PROPERTIES):
        return ending
    return SIGNATURE if "digital-signature" in said else ""


def resolved(container: Container, note: Note, source: str, target: str) -> Entry | None:
    """The part that ``target`` means, seen from ``source``; None when it is outside or not there."""
    name = target.strip().partition("#")[0]
    if name.casefold().startswith("file:"):
        name = "/" + name[5:].lstrip("/")
    if not name or _OUTSIDE.match(name):
        return None
    if "\\" in name:
        name = name.replace("\\", "/")
        note("fixed", "target-backslash", "", 0, {"target": target[:200]})
    if name.startswith("/"):
        return container.find(_normal(name))
    folder = source.rpartition("/")[0]
    found = container.find(_normal(f"{folder}/{name}"))
    if found is None and folder:
        found = container.find(_normal("/" + name))
        if found is not None:
            note("fixed", "target-from-root", "", 0, {"target": target[:200]})
    return found


def outside(target: str) -> bool:
    """Whether ``target`` is an address outside of any package."""
    return bool(_OUTSIDE.match(target.strip())) and not target.strip().casefold().startswith("file:")


def _normal(name: str) -> str:
    steps: list[str] = []
    for step in unquote(name).split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in ("", "."):
            steps.append(step)
    return "/" + "/".join(steps)
