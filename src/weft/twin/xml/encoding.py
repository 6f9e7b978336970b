"""In which characters a document comes: by its mark, its first bytes and what it says of itself; as UTF-8 it goes on.

XML 1.0 appendix F; JSON is UTF-8, but tools also write a mark or UTF-16.
Rule 1: what bytes show outweighs what a document declares: tools write ``encoding="utf-16"`` over UTF-8.
Rule 2: only character sets are decoded, none of the codecs of Python that do other things.
"""

import codecs
import re
from collections.abc import Callable
from typing import Final

from weft.basis.errors import Invalid

_MARKS: Final = ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF8, "utf-8"),
                 (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED: Final = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_CHARACTER_SETS: Final = re.compile(
    r"utf-?8|us-?ascii|ascii|iso-?8859-?\d+|latin-?1|windows-?125\d|cp125\d|gb2312|gbk|gb18030|big5|shift_jis"
    r"|euc-?(jp|kr|cn)|koi8-[ru]", re.IGNORECASE)
_CHINESE: Final = re.compile(r"gb2312|gbk|euc-?cn", re.IGNORECASE)
_SIXTEEN: Final = frozenset({"utf-16", "utf16", "utf-16le", "utf-16be", "unicode", "ucs-2", "iso-10646-ucs-2"})
HEAD: Final = 256


class Recoder:
    """Bytes in, UTF-8 out; ``fixed`` says what the document said of itself, when that was not so."""

    def __init__(self, head: bytes, part: str) -> None:
        self._part = part
        self._mark, codec = next(((mark, codec) for mark, codec in _MARKS if head.startswith(mark)), (b"", ""))
        self.fixed = ""
        declared = _DECLARED.match(head[len(self._mark):].lstrip())
        said = declared.group(1).decode("ascii") if declared else ""
        self.codec = codec or self._without_mark(head, said)
        if said.lower() in _SIXTEEN and self.codec == "utf-8":
            self.fixed = said
        self._decode: Callable[[bytes, bool], str] | None = None
        if self.codec != "utf-8":
            self._decode = codecs.getincrementaldecoder(self.codec)().decode
        self.plain = self._decode is None and not self._mark  # UTF-8 already, and nothing before it
        self._first = True

    def _without_mark(self, head: bytes, said: str) -> str:
        if head[:4].count(0) == 2 and head[:1]:
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
        if said.lower() in _SIXTEEN | {"", "utf-8", "utf8"}:
            return "utf-8"
        if not _CHARACTER_SETS.fullmatch(said):
            raise Invalid("xml.encoding", part=self._part, encoding=said)
        return "gb18030" if _CHINESE.fullmatch(said) else codecs.lookup(said).name

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """The next bytes as UTF-8; raises ``Invalid('xml.encoding')`` when they are no characters."""
        if self._first:
            data = data[len(self._mark):]
            data = data if self._decode else data.lstrip(b" \t\r\n")
            self._first = False
        if self._decode is None:
            return data
        try:
            return self._decode(data, final).encode("utf-8")
        except UnicodeError as error:
            raise Invalid("xml.encoding", part=self._part, encoding=self.codec) from error
