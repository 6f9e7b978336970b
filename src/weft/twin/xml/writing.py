"""Writes an AAS environment as XML, one identifiable after the other: no environment is held in memory.

IDTA-01001 v3.0 and v3.1, XML mapping: namespace of the version, fields in the order of the schema.
Rule 1: texts come out of an XML reader as they went in, line ends included.
Rule 2: a character that XML has no way to write, or a field the model does not know, is refused: nothing is left out.
Not here: whether the document fits the version (``twin/aasx/versions.py``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.twin.elements import Json
from weft.twin.xml.shape import ANY, CLASSES, FLAG, TEXT, Field, tag_of

NAMESPACES: Final[Mapping[str, str]] = {
    "3.0": "https://admin-shell.io/aas/3/0", "3.1": "https://admin-shell.io/aas/3/1"}
_SECTIONS: Final[Mapping[str, str]] = {
    field.of: name for name, field in CLASSES["environment"].items()}
_SPECIAL: Final = re.compile(r"[&<>\r]")
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Environment:
    """An environment that grows: each call gives the bytes that come next; those of one class stand together.

    Raises ``Invalid('xml.character')`` and ``Invalid('xml.unknown-field')`` with the path.
    """

    def __init__(self, version: str = "3.0") -> None:
        self._open = ""
        self._ended: set[str] = set()
        self._before = f'<?xml version="1.0" encoding="UTF-8"?>\n<environment xmlns="{NAMESPACES[version]}">'

    def document(self, document: Json) -> bytes:
        """The next shell, submodel or concept description."""
        tag = tag_of(document["modelType"])
        section = _SECTIONS[tag]
        before, self._before = self._before, ""
        if section != self._open:
            assert section not in self._ended
            self._ended.add(section)
            before += (f"</{self._open}>" if self._open else "") + f"<{section}>"
            self._open = section
        return before.encode() + one(tag, document)

    def end(self) -> bytes:
        """Nothing more comes."""
        return (self._before + (f"</{self._open}>" if self._open else "") + "</environment>\n").encode()


def written(documents: Iterable[Json], version: str = "3.0") -> Iterator[bytes]:
    """The environment of ``documents`` piece by piece, as ``Environment`` writes it."""
    environment = Environment(version)
    for document in documents:
        yield environment.document(document)
    yield environment.end()


def one(tag: str, document: Json) -> bytes:
    """One object as an element named ``tag``, without a declaration or a namespace of its own."""
    out: list[str] = []
    _object(out, tag, tag, document, f"{document.get('id', '')}")
    return "".join(out).encode("utf-8")


def _object(out: list[str], name: str, tag: str, made: Mapping[str, Any], path: str) -> None:
    fields = CLASSES[tag]
    for key in made:
        if key not in fields and key != "modelType":
            raise Invalid("xml.unknown-field", path=f"{path}.{key}"[:200])
    out.append(f"<{name}>")
    for key, field in fields.items():
        value = made.get(key)
        if value is not None:
            _field(out, key, field, value, f"{path}.{key}")
    out.append(f"</{name}>")


def _field(out: list[str], name: str, field: Field, value: Any, path: str) -> None:
    if field.many:
        if not value:
            return
        out.append(f"<{name}>")
        for at, inner in enumerate(value):
            tag = tag_of(inner["modelType"]) if field.of == ANY else field.of
            _object(out, tag, tag, inner, f"{path}[{at}]")
        out.append(f"</{name}>")
    elif field.of == TEXT:
        out.append(f"<{name}>{_text(value, path)}</{name}>")
    elif field.of == FLAG:
        out.append(f"<{name}>{'true' if value else 'false'}</{name}>")
    elif field.of == ANY:
        tag = tag_of(value["modelType"])
        out.append(f"<{name}>")
        _object(out, tag, tag, value, path)
        out.append(f"</{name}>")
    else:
        _object(out, name, field.of, value, path)


def _text(value: str, path: str) -> str:
    if _NO_XML.search(value):
        raise Invalid("xml.character", path=path[:200])
    return _SPECIAL.sub(lambda found: _ESCAPED[found.group()], value) if _SPECIAL.search(value) else value
