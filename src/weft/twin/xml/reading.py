"""Reads an AAS environment from XML element by element: each shell, submodel or concept is handed over when it ends.

IDTA-01001 v3.0 and v3.1, XML mapping; XML 1.0 by expat. What tools write beside it is taken too, and told.
Rule 1: no document type, no entity, no outside: the first ``<!DOCTYPE`` ends the reading.
Rule 2: memory holds one identifiable at a time; depth, attributes and the length of a tag have limits.
Rule 3: nothing is left out without a word: what has no place in the model goes to ``note``.
Not here: faults of values (``twin/metamodel``), what is mended in them (``twin/aasx/tidy.py``), older metamodels.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NoReturn
from xml.parsers import expat

from weft.basis.errors import Invalid
from weft.twin.elements import Json
from weft.twin.xml.encoding import HEAD, Recoder
from weft.twin.xml.shape import ANY, CLASSES, ELEMENTS, FLAG, IDENTIFIABLES, TEXT, TYPED, Field, model_type

Grade = Literal["fixed", "kept", "lost", "broken"]
Note = Callable[[Grade, str, str, int, Mapping[str, str | int]], None]  # grade, code, path, line, facts
Take = Callable[[str, Json, int], None]  # tag of the class, the document, its line

DEPTH_MAX: Final = 300
ATTRIBUTES_MAX: Final = 64
TAG_BYTES_MAX: Final = 1 << 20
NAMES_MAX: Final = 2_000
TWIN_BYTES_MAX: Final = 32 << 20
_STEP: Final = 1 << 16
_OURS: Final = re.compile(r"https?://(?:www\.)?admin-shell\.io/(?:aas|IEC61360)/3/\d+(?:/[A-Za-z0-9]+)?/?")
_OLDER: Final = re.compile(r"https?://(?:www\.)?admin-shell\.io/aas/([12])/\d+/?")
_EXACT: Final = re.compile(r"https://admin-shell\.io/aas/3/([01])")
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_ROOT: Final = Field("environment")
_CONTENTS: Final = frozenset({"dataSpecificationIec61360"})


class Older(Exception):
    """The document is of metamodel 1 or 2."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


class _Frame:
    """An XML element that is open: ``made`` grows until it ends."""

    __slots__ = ("fields", "holds", "made", "name", "stray")

    def __init__(self, name: str, holds: Field, made: Any, fields: Mapping[str, Field] | None = None) -> None:
        self.name = name
        self.holds = holds
        self.made = made
        self.fields = fields  # None: text, a list or a wrapper
        self.stray = False


class Reader:
    """Push bytes with ``feed``, then ``close``; identifiables go to ``take``, what was odd to ``note``."""

    def __init__(self, take: Take, note: Note, part: str = "", twin_max: int = TWIN_BYTES_MAX) -> None:
        self._take = take
        self._note = note
        self._part = part
        self._twin_max = twin_max
        self._one_from = -1  # the byte at which the identifiable begins that is being read
        self._stack: list[_Frame] = []
        self._skipping = 0
        self._depth = 0
        self._fed = 0
        self._names: dict[str, str] = {}
        self._spaces: dict[str, bool] = {}
        self._taken: dict[str, int] = {}
        self._recoder: Recoder | None = None
        self._head = b""
        self.version = ""
        self._parser = self._made()

    def _made(self) -> Any:
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.buffer_size = _STEP
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.ExternalEntityRefHandler = self._doctype
        return parser

    def feed(self, data: bytes) -> None:
        """Read on; raises ``Invalid`` with the place, or ``Older``."""
        if self._recoder is None:
            self._head += data
            if len(self._head) < HEAD:
                return
            data = self._begun()
        self._push(data, final=False)

    def _begun(self) -> bytes:
        self._recoder = Recoder(self._head, self._part)
        if self._recoder.fixed:
            self._note("fixed", "encoding", "", 1, {"said": self._recoder.fixed, "now": "utf-8"})
        data, self._head = self._head, b""
        return data

    def close(self) -> None:
        """The document ends here; raises ``Invalid`` when it does not."""
        data = self._begun() if self._recoder is None else b""
        self._push(data, final=True)

    def _push(self, data: bytes, *, final: bool) -> None:
        assert self._recoder is not None
        data = self._recoder.feed(data, final=final)
        try:
            for at in range(0, len(data), _STEP):
                piece = data[at:at + _STEP]
                self._parser.Parse(piece, False)
                self._fed += len(piece)
                if self._fed - max(self._parser.CurrentByteIndex, 0) > TAG_BYTES_MAX:
                    self._refuse("xml.tag")
                if 0 <= self._one_from < self._fed - self._twin_max:
                    self._refuse("aasx.twin-size", element=self._path(""), limit=self._twin_max)
            if final:
                self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Invalid("xml.malformed", part=self._part, line=error.lineno, column=error.offset,
                          element=self._open(), reason=expat.ErrorString(error.code)) from error

    def _refuse(self, code: str, **facts: str | int) -> NoReturn:
        where: dict[str, str | int] = {"part": self._part, "line": self._line(), "element": self._open()}
        raise Invalid(code, **(where | facts))

    def _doctype(self, *_: Any) -> NoReturn:
        self._refuse("xml.doctype")

    def _line(self) -> int:
        return int(self._parser.CurrentLineNumber)

    def _open(self) -> str:
        return self._stack[-1].name if self._stack else ""

    def _told(self, grade: Grade, code: str, extra: str = "", **facts: str | int) -> None:
        self._note(grade, code, self._path(extra), self._line(), facts)

    def _path(self, extra: str = "") -> str:
        told, listed = "", False
        for depth, frame in enumerate(self._stack[1:], 1):
            if listed:
                name = frame.made.get("idShort") if isinstance(frame.made, dict) else None
                told += f"({name})" if isinstance(name, str) else ""
                listed = False
                continue
            told += f".{frame.name}" if told else frame.name
            listed = frame.holds.many
            if listed:
                told += f"[{len(frame.made) + (self._taken.get(frame.name, 0) if depth == 1 else 0)}]"
        return (f"{told}.{extra}" if told else extra) if extra else told

    # ---- names ----

    def _local(self, tag: str) -> str:
        """The name without its namespace; "" when it is none of ours."""
        known = self._names.get(tag)
        if known is not None:
            return known
        space, _, local = tag.rpartition(" ")
        if space not in self._spaces:
            self._spaces[space] = self._space(space)
        name = local if self._spaces[space] else ""
        if len(self._names) < NAMES_MAX:
            self._names[tag] = name
        return name

    def _space(self, space: str) -> bool:
        if len(self._spaces) > NAMES_MAX:
            self._refuse("xml.namespaces")
        exact = _EXACT.fullmatch(space)
        if exact:
            version = f"3.{exact.group(1)}"
            if self.version not in ("", version):
                self._told("fixed", "namespace-mixed", one=self.version, other=version)
            self.version = max(self.version, version)
            return True
        if space == "" or _OURS.fullmatch(space):
            self._told("fixed", "namespace", said=space[:200])
            return True
        return False

    # ---- events ----

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            self._refuse("xml.depth", limit=DEPTH_MAX)
        if len(attributes) > ATTRIBUTES_MAX:
            self._refuse("xml.attributes", limit=ATTRIBUTES_MAX, element=tag.rpartition(" ")[2][:100])
        if self._skipping:
            self._skipping += 1
            return
        local = self._local(tag)
        if attributes and local:
            self._attributes(tag, attributes)
        if not self._stack:
            self._root(tag, local)
            return
        frame = self._within(self._stack[-1], local)
        if frame is None:
            self._told("lost", "unknown-element", tag.rpartition(" ")[2][:100])
            self._skipping = 1
            return
        if len(self._stack) == 2:
            self._one_from = self._parser.CurrentByteIndex
        self._stack.append(frame)

    def _root(self, tag: str, local: str) -> None:
        older = _OLDER.fullmatch(tag.rpartition(" ")[0])
        if older and tag.endswith(" aasenv"):
            raise Older(older.group(1))
        if local == "environment":
            self._stack.append(_Frame(local, _ROOT, {}, CLASSES[local]))
        elif local in IDENTIFIABLES:  # a submodel alone, as some tools write templates
            self._stack.append(_Frame("", _ROOT, {}, {}))
            self._stack.append(_Frame(local, Field(local, many=True), []))
            self._stack.append(_object(local, local))
            self._one_from = 0
        else:
            self._refuse("xml.not-aas", element=tag.rpartition(" ")[2][:100])

    def _attributes(self, tag: str, attributes: Mapping[str, str]) -> None:
        for name in attributes:
            space, _, local = name.rpartition(" ")
            if space == _INSTANCE:
                if local == "schemaLocation":
                    self._told("fixed", "schema-location")
            elif not space.startswith("http://www.w3.org/"):
                self._told("lost", "attribute", f"{tag.rpartition(' ')[2]}@{local}"[:100])

    def _within(self, parent: _Frame, local: str) -> _Frame | None:
        """What begins with ``local`` inside of ``parent``; None when there is no such thing."""
        if parent.fields is not None:
            field = parent.fields.get(local)
            return None if field is None or local in parent.made else _opened(local, field)
        of = parent.holds.of
        if parent.name == "globalAssetId" and local in CLASSES["reference"]:  # as drafts of metamodel 3 had it
            parent.holds, parent.fields, parent.made = Field("reference"), CLASSES["reference"], {}
            return self._within(parent, local)
        if of in (TEXT, FLAG) or not local:
            return None
        if of == ANY:
            known = ELEMENTS if parent.name != "dataSpecificationContent" else _CONTENTS
            return _object(local, local) if local in known else None
        if local == of:
            return _object(local, local)
        if local == "langString" and of.startswith("langString"):
            self._told("fixed", "old-name", said=local)
            return _object(local, of)
        return None

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._skipping:
            self._skipping -= 1
            return
        frame = self._stack.pop()
        if not self._stack:
            return
        parent = self._stack[-1]
        made = frame.made
        if frame.fields is None and not frame.holds.many:
            made = self._single(frame)
            if made is None:
                return
        if parent.fields is not None:
            parent.made[frame.name] = made
        elif len(self._stack) == 2 and parent.holds.of in IDENTIFIABLES:
            self._taken[parent.name] = self._taken.get(parent.name, 0) + 1
            self._one_from = -1
            self._take(parent.holds.of, made, self._line())
        else:
            parent.made.append(made)

    def _single(self, frame: _Frame) -> Any:
        """The text, truth value or wrapped object of an element that holds one thing."""
        of = frame.holds.of
        if of == TEXT:
            return "".join(frame.made)
        if of == FLAG:
            text = "".join(frame.made).strip()
            return _FLAGS.get(text, text)
        for _ in frame.made[1:]:
            self._told("lost", "second-of-one", frame.name)
        return frame.made[0] if frame.made else None

    def _text(self, data: str) -> None:
        if self._skipping or not self._stack:
            return
        frame = self._stack[-1]
        if frame.fields is None and not frame.holds.many and frame.holds.of in (TEXT, FLAG):
            frame.made.append(data)
        elif not frame.stray and not data.isspace():
            frame.stray = True
            self._told("lost", "stray-text", text=data.strip()[:60])


def _opened(name: str, field: Field) -> _Frame:
    if field.many or field.of in (TEXT, FLAG, ANY):
        return _Frame(name, field, [])
    return _object(name, field.of)


def _object(name: str, tag: str) -> _Frame:
    return _Frame(name, Field(tag), {"modelType": model_type(tag)} if tag in TYPED else {}, CLASSES[tag])
