"""Whether a text is an IRI reference: what metamodel 3.0 takes for xs:anyURI, where 3.1 wants ASCII alone.

RFC 3987 §2.2 (IRI-reference), RFC 3986 (IP literals); names as in its grammar.
"""

import functools
import re
from typing import Final

_UCS: Final = "[\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane * 0x10000 + (0x1000 if plane == 14 else 0))}-{chr(plane * 0x10000 + 0xFFFD)}" for plane in range(1, 15)
) + "]"
_PRIVATE: Final = "[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
_ESCAPED: Final = "%[0-9A-Fa-f]{2}"
_DELIMITERS: Final = "[!$&'()*+,;=]"
_FREE: Final = f"(?:[a-zA-Z0-9\\-._~]|{_UCS})"
_CHARACTER: Final = f"(?:{_FREE}|{_ESCAPED}|{_DELIMITERS}|[:@])"
_SEGMENT: Final = f"{_CHARACTER}*"
_QUERY: Final = f"(?:{_CHARACTER}|{_PRIVATE}|[/?])*"
_FRAGMENT: Final = f"(?:{_CHARACTER}|[/?])*"
_H16: Final = "[0-9A-Fa-f]{1,4}"
_V4: Final = r"(?:(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:\.(?!\])|(?=\]))){4}"
_LAST: Final = f"(?:{_H16}:{_H16}|{_V4})"
_V6: Final = "|".join((
    f"(?:{_H16}:){{6}}{_LAST}", f"::(?:{_H16}:){{5}}{_LAST}",
    *(f"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LAST}" for n in range(5)),
    f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}", f"(?:(?:{_H16}:){{0,6}}{_H16})?::",
))
_LITERAL: Final = rf"\[(?:{_V6}|[vV][0-9A-Fa-f]+\.(?:[a-zA-Z0-9\-._~]|{_DELIMITERS}|:)+)\]"
_HOST: Final = f"(?:{_LITERAL}|(?:{_FREE}|{_ESCAPED}|{_DELIMITERS})*)"
_AUTHORITY: Final = f"(?:(?:{_FREE}|{_ESCAPED}|{_DELIMITERS}|:)*@)?{_HOST}(?::[0-9]*)?"
_REST: Final = f"(?:/{_SEGMENT})*"
_ABSOLUTE: Final = f"/(?:{_CHARACTER}+{_REST})?"
_HIERARCHY: Final = f"(?://{_AUTHORITY}{_REST}|{_ABSOLUTE}|{_CHARACTER}+{_REST}|)"
_NO_COLON: Final = f"(?:{_FREE}|{_ESCAPED}|{_DELIMITERS}|@)+"
_RELATIVE: Final = f"(?://{_AUTHORITY}{_REST}|{_ABSOLUTE}|{_NO_COLON}{_REST}|)"
_REFERENCE: Final = rf"(?:[a-zA-Z][a-zA-Z0-9+\-.]*:{_HIERARCHY}|{_RELATIVE})(?:\?{_QUERY})?(?:#{_FRAGMENT})?"


@functools.cache
def _reference() -> re.Pattern[str]:
    """Compiled when it is first asked for: that takes longer than any other import of a node that starts."""
    return re.compile(_REFERENCE)


def is_iri(text: str) -> bool:
    """Whether ``text`` is an IRI, or a reference relative to one."""
    return _reference().fullmatch(text) is not None
