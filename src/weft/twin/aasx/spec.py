"""The documents of one part or file that holds an environment, in XML or JSON, one at a time and tidied.

IDTA-01001 v3.0 and v3.1, XML and JSON mappings.
Rule 1: XML holds one document in memory; JSON its bytes and one document.
Rule 2: what is of metamodel 1 or 2 is read as such and told (``older.py``).
Not here: packages (``reading.py``), what is mended (``tidy.py``).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid
from weft.twin.aasx import older
from weft.twin.aasx.findings import Grade, Note
from weft.twin.aasx.tidy import Number, Tidier, TooDeep
from weft.twin.elements import Json
from weft.twin.xml.encoding import HEAD, Recoder
from weft.twin.xml.reading import Older, Reader
from weft.twin.xml.shape import CLASSES, IDENTIFIABLES, tag_of

SECTIONS: Final = {name: field.of for name, field in CLASSES["environment"].items()}
_OF: Final = {of: name for name, of in SECTIONS.items()}


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

    def __init__(self, part: str, chunks: Callable[[], Iterable[bytes]], note: Note, older_max: int) -> None:
        self.part = part
        self.version = ""
        self.older = False
        self.losses = 0  # what was told as lost
        self._chunks = chunks
        self._tell = note
        self._older_max = older_max
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
        chunks = _counting(self._chunks(), counted)
        head = b""
        for piece in chunks:
            head += piece
            if len(head) >= HEAD:
                break
        rest = _joined(head, chunks)
        if _is_json(head):
            yield from self._json(rest)
        else:
            yield from self._xml(rest)

    # ---- XML ----

    def _xml(self, chunks: Iterator[bytes]) -> Iterator[Document]:
        made: list[tuple[str, Json, int]] = []
        reader = Reader(lambda tag, body, line: made.append((tag, body, line)), self._note, self.part)
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

    def _json(self, chunks: Iterator[bytes]) -> Iterator[Document]:
        data: bytes | bytearray = bytearray()
        for piece in chunks:
            data += piece
        recoder = Recoder(bytes(data[:HEAD]), self.part)
        if not recoder.plain:
            data = recoder.feed(bytes(data), final=True)
        top: dict[str, msgspec.Raw] | list[msgspec.Raw]
        try:
            if data[:HEAD].lstrip()[:1] == b"{":
                top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
            else:
                top = msgspec.json.decode(data, type=list[msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._malformed(error) from error
        if isinstance(top, dict) and _is_older(top):
            yield from self._older("2", lambda: older.from_json(self._loaded(data), self.part))
            return
        yield from self._listed(top)

    def _listed(self, top: "dict[str, msgspec.Raw] | list[msgspec.Raw]") -> Iterator[Document]:
        if isinstance(top, list):
            self._note("fixed", "no-environment", "", 0, {})
            yield from self._alone(top)
        elif "modelType" in top:  # one submodel or shell alone
            self._note("fixed", "no-environment", "", 0, {})
            yield from self._alone([_raw(top)])
        else:
            yield from self._sections(top)

    def _sections(self, top: "dict[str, msgspec.Raw]") -> Iterator[Document]:
        if not top.keys() & SECTIONS.keys():
            raise Invalid("aasx.not-aas", part=self.part, element=next(iter(top), "")[:100])
        for name, raw in top.items():
            if name not in SECTIONS:
                self._note("lost", "unknown-field", name[:100], 0, {})
                continue
            try:
                found = msgspec.json.decode(raw, type=list[msgspec.Raw] | None)
            except (msgspec.DecodeError, RecursionError) as error:
                raise Invalid("aasx.not-aas", part=self.part, element=name) from error
            for at, one in enumerate(found or ()):
                body = self._loaded(one, f"{name}[{at}]")
                document = self._one(SECTIONS[name], body, 0, f"{name}[{at}]")
                if document is not None:
                    yield document

    def _alone(self, found: "list[msgspec.Raw]") -> Iterator[Document]:
        for at, one in enumerate(found):
            body = self._loaded(one, f"[{at}]")
            kind = body.get("modelType") if isinstance(body, dict) else None
            tag = tag_of(kind) if isinstance(kind, str) else ""
            if tag not in IDENTIFIABLES:
                raise Invalid("aasx.not-aas", part=self.part, element=str(kind)[:100])
            document = self._one(tag, body, 0, f"[{at}]")
            if document is not None:
                yield document

    def _loaded(self, data: "bytes | bytearray | msgspec.Raw", place: str = "") -> Any:
        def checked(pairs: list[tuple[str, Any]]) -> Json:
            made = dict(pairs)
            if len(made) != len(pairs):
                for name, count in Counter(name for name, _ in pairs).items():
                    if count > 1:
                        self._note("lost", "field-twice", f"{place}…{name}"[:200], 0, {})
            return made

        try:
            return json.loads(bytes(data), object_pairs_hook=checked, parse_int=Number, parse_float=Number,
                              parse_constant=Number)
        except (ValueError, RecursionError) as error:
            raise self._malformed(error, place) from error

    def _malformed(self, error: Exception, place: str = "") -> Invalid:
        if isinstance(error, RecursionError):
            return Invalid("json.depth", part=self.part, element=place)
        return Invalid("json.malformed", part=self.part, element=place, reason=str(error)[:120])

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


def _joined(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _is_json(head: bytes) -> bool:
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return text[:1] in (b"{", b"[")


def _is_older(top: "dict[str, msgspec.Raw]") -> bool:
    """Whether JSON is of metamodel 2: it has a section of assets, or identifications instead of ids."""
    if "assets" in top:
        return True
    start = b"".join(bytes(top[name])[:20_000] for name in SECTIONS if name in top)
    return b'"identification"' in start and b'"idType"' in start


def _raw(top: "dict[str, msgspec.Raw]") -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(top))
