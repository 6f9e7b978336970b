"""A JSON document read value by value from bytes that come piece by piece: of a list only one member is held.

RFC 8259; UTF-8, and what tools write beside it (``xml/encoding.py``).
Rule 1: memory holds one value and one piece more; what is larger than ``limit`` is refused with its place.
Rule 2: a value is parsed from what is there; where that ends too soon, twice as much is read, so each byte is parsed
        at most twice or so, however large the value is.
Not here: what the values mean (``spec.py``).
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

from weft.basis.errors import Invalid
from weft.twin.aasx.tidy import Number
from weft.twin.xml.encoding import HEAD, Recoder

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_NEAR: Final = 16  # characters: an error so near to the end of what was read may be that end
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")  # an escape that may be half of a character
_WHOLE: Final = (dict, list, str)  # a number may go on in the next piece


class JsonStream:
    """One document; ask for what comes next, in order. ``twice``: names that the last value had twice.

    All raise ``Invalid``: ``json.malformed``, ``json.depth``, ``aasx.twin-size``, ``xml.encoding``.
    """

    def __init__(self, chunks: Iterable[bytes], part: str, limit: int) -> None:
        self._part = part
        self._limit = limit
        self._texts = _decoded(chunks, part)
        self._text, self._at = "", 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=Number, parse_float=Number, parse_constant=Number)
        self.twice: dict[str, None] = {}

    def opens(self, one: Literal["[", "{"]) -> bool:
        """Whether a list or an object comes next."""
        return self._next() == one

    def value(self, place: str = "") -> Any:
        """The next value as a whole; numbers keep their digits."""
        self._next()
        while True:
            self.twice = {}
            try:
                made, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not (self._cut_off(error) and self._more(place)):
                    raise self._malformed(error.msg, place) from error
                continue
            except RecursionError as error:
                raise Invalid("json.depth", part=self._part, element=place) from error
            if end == len(self._text) and type(made) not in _WHOLE and self._more(place):
                continue
            if end - self._at > self._limit:
                raise self._too_large(place)
            if _HALF.search(self._text, self._at, end) and (inner := _halved(made)) is not None:
                raise self._malformed("half of a character that takes two", place + inner)
            self._at = end
            return made

    def items(self, name: str = "") -> Iterator[tuple[str, Any]]:
        """(place, value) of each member of the list that comes next."""
        self._take("[", name)
        at = 0
        if self._next() == "]":
            self._at += 1
            return
        while True:
            place = f"{name}[{at}]"
            yield place, self.value(place)
            at += 1
            if self._take(",]", place) == "]":
                return

    def members(self) -> Iterator[str]:
        """The name of each member of the object that comes next; its value must be taken before the next name."""
        self._take("{", "")
        if self._next() == "}":
            self._at += 1
            return
        while True:
            name = self.value()
            if type(name) is not str:
                raise self._malformed("a name that is no text", "")
            self._take(":", name[:100])
            yield name
            if self._take(",}", name[:100]) == "}":
                return

    def skip(self, name: str) -> None:
        """Let the next value go by; of a list one member at a time."""
        if self.opens("["):
            for _ in self.items(name):
                pass
        else:
            self.value(name)

    def end(self) -> None:
        """Nothing but blanks may follow."""
        if self._next():
            raise self._malformed("more than one document", "")

    # ---- characters

    def _next(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(""):
                return ""

    def _take(self, wanted: str, place: str) -> str:
        found = self._next()
        if not found or found not in wanted:
            raise self._malformed(f"{' or '.join(wanted)} is missing", place)
        self._at += 1
        return found

    def _cut_off(self, error: json.JSONDecodeError) -> bool:
        return error.pos > len(self._text) - _NEAR or error.msg.startswith("Unterminated string")

    def _more(self, place: str) -> bool:
        """Read on, as much again as waits; False at the end of the document."""
        waiting = len(self._text) - self._at
        if waiting > self._limit:
            raise self._too_large(place)
        pieces, wanted = [self._text[self._at:]], max(waiting, 1)
        for piece in self._texts:
            pieces.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                break
        self._text, self._at = "".join(pieces), 0
        return len(self._text) > waiting

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            self.twice.update(dict.fromkeys(
                name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
        return made

    def _too_large(self, place: str) -> Invalid:
        return Invalid("aasx.twin-size", part=self._part, element=place, limit=self._limit)

    def _malformed(self, reason: str, place: str) -> Invalid:
        return Invalid("json.malformed", part=self._part, element=place, reason=reason[:120])


def _halved(made: Any) -> str | None:
    """Where in ``made`` half a character stands by itself, which nothing can write again; None where it does not."""
    waiting: list[tuple[str, Any]] = [("", made)]
    while waiting:
        at, one = waiting.pop()
        if isinstance(one, str) and not _whole(one):
            return at
        if isinstance(one, list):
            waiting += [(f"{at}[{place}]", inner) for place, inner in enumerate(one)]
        elif isinstance(one, dict):
            if not all(map(_whole, one)):
                return at
            waiting += [(f"{at}.{name[:100]}", inner) for name, inner in one.items()]
    return None


def _whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text)


def _decoded(chunks: Iterable[bytes], part: str) -> Iterator[str]:
    """The characters of ``chunks``, the first of which is long enough to show in which they come."""
    recoder: Recoder | None = None
    decoder, data, before = codecs.getincrementaldecoder("utf-8")(), b"", 0  # before: bytes in pieces that went before
    try:
        for piece in chunks:
            recoder = recoder or Recoder(piece[:HEAD], part)
            data = recoder.feed(piece)
            if text := decoder.decode(data, False):
                yield text
            before += len(data)
        data = recoder.feed(b"", final=True) if recoder else b""
        if text := decoder.decode(data, True):
            yield text
    except UnicodeDecodeError as error:
        at = before + error.start - (len(error.object) - len(data))  # what waited of the piece before stands before it
        told = f"byte {error.object[error.start]:#04x} at {at}: {error.reason}"
        raise Invalid("json.malformed", part=part, element="", reason=told[:120]) from error
