"""The documents of one part or file that holds an environment, in XML or JSON, one at a time and tidied.

IDTA-01001 v3.0 and v3.1, XML and JSON mappings.
Rule 1: memory holds one document, of so many bytes at most, and one piece of the part; of metamodel 1 and 2 the whole.
Rule 2: what is of metamodel 1 or 2 is read as such and told (``older.py``).
Not here: packages (``reading.py``), what is mended (``tidy.py``).
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from weft.basis.errors import Invalid
from weft.twin.aasx import older
from weft.twin.aasx.container import Limits
from weft.twin.aasx.findings import Grade, Note
from weft.twin.aasx.json_stream import JsonStream
from weft.twin.aasx.tidy import Tidier, TooDeep
from weft.twin.elements import Json
from weft.twin.xml.encoding import HEAD
from weft.twin.xml.reading import Older, Reader
from weft.twin.xml.shape import CLASSES, IDENTIFIABLES, tag_of

SECTIONS: Final = {name: field.of for name, field in CLASSES["environment"].items()}
_OF: Final = {of: name for name, of in SECTIONS.items()}
_OF_ONE: Final = frozenset({"modelType"}.union(*(CLASSES[tag] for tag in IDENTIFIABLES))) - SECTIONS.keys()


class _Alone(Exception):
    """The document seems to be one identifiable without an environment around it."""


class Document(NamedTuple):
    """An identifiable of the class ``tag``, from ``part``."""

    tag: str
    body: Json
    part: str
    line: int

    @property
    def id(self) -> str:
        """Its id; "" when it has none."""
        return str(self.body.get("id", ""))


class Spec:
    """One part; ``version`` and ``older`` are known when its documents were walked."""

    def __init__(self, part: str, chunks: Callable[[], Iterable[bytes]], note: Note, limits: Limits) -> None:
        self.part = part
        self.version = ""
        self.older = False
        self.losses = 0  # what was told as lost
        self._chunks = chunks
        self._tell = note
        self._older_max = limits.older
        self._twin_max = limits.twin
        self._line = 0
        self._tidier = Tidier(self._told)

    def _note(self, grade: Grade, code: str, path: str, line: int, facts: Mapping[str, str | int]) -> None:
        self.losses += grade == "lost"
        self._tell(grade, code, path, line, facts)

    def _told(self, grade: Grade, code: str, path: str, facts: Any) -> None:
        self._note(grade, code, path, self._line, facts)

    def documents(self, counted: Callable[[int], None] = lambda _: None) -> Iterator[Document]:
        """One identifiable after the other; raises ``Invalid`` with part, line and element.

        ``counted`` hears the size of each piece that was read.
        """
        chunks = _headed(_counting(self._chunks(), counted))
        head = next(chunks, b"")
        read = self._json if _is_json(head) else self._xml
        yield from read(itertools.chain([head], chunks))

    # ---- XML ----

    def _xml(self, chunks: Iterator[bytes]) -> Iterator[Document]:
        made: list[tuple[str, Json, int]] = []
        reader = Reader(lambda tag, body, line: made.append((tag, body, line)), self._note, self.part, self._twin_max)
        counts = dict.fromkeys(IDENTIFIABLES, 0)
        try:
            for piece in chunks:
                reader.feed(piece)
                yield from self._tidied(made, counts)
            reader.close()
        except Older as found:
            yield from self._older(found.version, lambda: older.from_xml(self._whole(), self.part))
            return
        yield from self._tidied(made, counts)
        self.version = reader.version

    def _tidied(self, made: list[tuple[str, Json, int]], counts: dict[str, int]) -> Iterator[Document]:
        for tag, body, line in made:
            at, counts[tag] = counts[tag], counts[tag] + 1
            document = self._one(tag, body, line, f"{_OF[tag]}[{at}]")
            if document is not None:
                yield document
        made.clear()

    def _one(self, tag: str, body: Any, line: int, place: str) -> Document | None:
        self._line = line
        try:
            tidied = self._tidier.document(body, tag, place)
        except (TooDeep, RecursionError) as error:
            raise Invalid("json.depth", part=self.part, element=place) from error
        if tidied is None:
            return None
        if not tidied.get("id"):
            self._note("lost" if tag == "conceptDescription" else "broken", "no-id", place, line, {})
        return Document(tag, tidied, self.part, line)

    # ---- JSON ----

    def _json(self, chunks: Iterable[bytes]) -> Iterator[Document]:
        try:
            yield from self._listed(self._stream(chunks), may_be_alone=True)
        except _Alone:
            yield from self._one_alone()
        except Older as found:
            yield from self._older(found.version, lambda: older.from_json(self._whole_json(), self.part))

    def _stream(self, chunks: Iterable[bytes]) -> JsonStream:
        return JsonStream(chunks, self.part, self._twin_max)

    def _listed(self, stream: JsonStream, *, may_be_alone: bool) -> Iterator[Document]:
        if stream.opens("["):
            self._note("fixed", "no-environment", "", 0, {})
            yield from self._alone(stream, stream.items())
        else:
            yield from self._sections(stream, may_be_alone=may_be_alone)
        stream.end()

    def _sections(self, stream: JsonStream, *, may_be_alone: bool) -> Iterator[Document]:
        """Raises ``_Alone`` and ``Older`` before the first document, if at all."""
        first, begun = "", False
        seen: set[str] = set()
        for name in stream.members():
            first = first or name
            if name not in SECTIONS:
                if not begun:
                    _refuse_other(name, may_be_alone=may_be_alone)
                self._note("lost", "unknown-field", name[:100], 0, {})
                stream.skip(name[:100])
                continue
            self._once(name, seen)
            for place, body in self._items(stream, name):
                if not begun:
                    _refuse_first(name, body, may_be_alone=may_be_alone)
                begun = True
                document = self._one(SECTIONS[name], body, 0, place)
                if document is not None:
                    yield document
        if not seen:
            raise Invalid("aasx.not-aas", part=self.part, element=first[:100])

    def _once(self, name: str, seen: set[str]) -> None:
        if name in seen:
            raise Invalid("json.malformed", part=self.part, element=name, reason="it stands there twice")
        seen.add(name)

    def _items(self, stream: JsonStream, name: str) -> Iterator[tuple[str, Any]]:
        if not stream.opens("["):
            if stream.value(name) is not None:
                raise Invalid("aasx.not-aas", part=self.part, element=name)
            return
        for place, body in stream.items(name):
            self._twice(stream, place)
            yield place, body

    def _twice(self, stream: JsonStream, place: str) -> None:
        for name in stream.twice:
            self._note("lost", "field-twice", f"{place}…{name}"[:200], 0, {})

    def _one_alone(self) -> Iterator[Document]:
        """The document is one submodel or shell, or an environment that has a field of these."""
        stream = self._stream(_headed(self._chunks()))
        try:
            whole = stream.value()
        except Invalid as error:
            if error.code != "aasx.twin-size":
                raise
            whole = None
        if isinstance(whole, dict) and "modelType" in whole:
            stream.end()
            self._note("fixed", "no-environment", "", 0, {})
            yield from self._alone(stream, [("[0]", whole)])
        else:
            yield from self._listed(self._stream(_headed(self._chunks())), may_be_alone=False)

    def _alone(self, stream: JsonStream, found: Iterable[tuple[str, Any]]) -> Iterator[Document]:
        for place, body in found:
            self._twice(stream, place)
            kind = body.get("modelType") if isinstance(body, dict) else None
            tag = tag_of(kind) if isinstance(kind, str) else ""
            if tag not in IDENTIFIABLES:
                raise Invalid("aasx.not-aas", part=self.part, element=str(kind)[:100])
            document = self._one(tag, body, 0, place)
            if document is not None:
                yield document

    def _whole_json(self) -> Any:
        stream = JsonStream([self._whole()], self.part, self._older_max)
        made = stream.value()
        self._twice(stream, "")
        stream.end()
        return made

    # ---- metamodel 1 and 2 ----

    def _whole(self) -> bytes:
        data = bytearray()
        for piece in self._chunks():
            data += piece
            if len(data) > self._older_max:
                raise Invalid("aasx.part-size", part=self.part, size=len(data), limit=self._older_max)
        return bytes(data)

    def _older(self, version: str, convert: Callable[[], older.Environment]) -> Iterator[Document]:
        self.version, self.older = f"{version}.0", True
        try:
            environment = convert()
        except RecursionError as error:
            raise Invalid("json.depth", part=self.part, element="") from error
        self._note("fixed", "older", "", 0, {"version": version})
        for found in environment.findings:
            self._note(found.grade, found.code, found.path, 0, found.facts)
        for tag in IDENTIFIABLES:
            for at, body in enumerate(environment.documents.get(tag, ())):
                document = self._one(tag, body, 0, f"{_OF[tag]}[{at}]")
                if document is not None:
                    yield document


def _counting(chunks: Iterable[bytes], counted: Callable[[int], None]) -> Iterator[bytes]:
    for piece in chunks:
        yield piece
        counted(len(piece))


def _headed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, the first piece long enough to show what they are."""
    rest, head = iter(chunks), b""
    for piece in rest:
        head += piece
        if len(head) >= HEAD:
            break
    yield head
    yield from rest


def _is_json(head: bytes) -> bool:
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return text[:1] in (b"{", b"[")


def _refuse_other(name: str, *, may_be_alone: bool) -> None:
    """Whether a field beside the sections says that this is no environment of metamodel 3."""
    if name == "assets":
        raise Older("2")
    if may_be_alone and name in _OF_ONE:
        raise _Alone


def _refuse_first(name: str, body: Any, *, may_be_alone: bool) -> None:
    """Whether the first document shows that this is no environment of metamodel 3."""
    if not isinstance(body, dict):
        return
    if "id" not in body and isinstance(body.get("identification"), dict):
        raise Older("2")
    if may_be_alone and name == "submodels" and "keys" in body and "modelType" not in body:
        raise _Alone  # references: what a shell has under this name
