"""Reads a query as JSON: every mistake is refused with the JSON pointer of its place.

IDTA-01002 v3.1, query-json-schema.json; formulas of access rules (IDTA-01004 3.0.2) in the same grammar.
Rule 1: each object names exactly one operator; unknown names are refused, never passed over.
Rule 2: depth, number of nodes and length of texts are bounded before anything is evaluated.
Rule 3: what 3.2 mends in 3.1 is taken: fractions of seconds, parts of any dateTime, supplementalSemanticIds.
Not here: the text form (``text``), who may ask (``twin/access``).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.twin.query import regex, values
from weft.twin.query.matching import check
from weft.twin.query.names import field
from weft.twin.query.tree import (
    COMPARISONS,
    TEXTUAL,
    And,
    Attribute,
    Boolean,
    Cast,
    Compare,
    Condition,
    Constant,
    Match,
    Not,
    Operand,
    Or,
    Part,
    Query,
    Type,
)

DEPTH_MAX: Final = 32
NODES_MAX: Final = 1000
TEXT_MAX: Final = 8192
_CASTS: Final[Mapping[str, Type]] = {"$strCast": "str", "$numCast": "num", "$hexCast": "hex", "$boolCast": "bool",
                                     "$dateTimeCast": "dateTime", "$timeCast": "time"}
_PARTS: Final = frozenset({"$dayOfWeek", "$dayOfMonth", "$month", "$year"})
_STRINGS: Final = frozenset({"$field", "$strVal", "$strCast", "$attribute"})
_GLOBALS: Final = frozenset({"LOCALNOW", "UTCNOW", "CLIENTNOW", "ANONYMOUS"})
SOURCES: Final = frozenset({"CLAIM", "GLOBAL", "REFERENCE"})


def parse(document: Any, at: str = "") -> Query:
    """The query in ``document`` (decoded JSON), whose place is the JSON pointer ``at``.

    Raises ``Invalid``: ``query.object``, ``query.operator``, ``query.list``, ``query.value``, ``query.field``,
    ``query.match``, ``query.regex``, ``query.size``; the fact ``at`` is the JSON pointer.
    """
    if not isinstance(document, dict) or "$condition" not in document:
        raise Invalid("query.object", at=at or "/", wanted="$condition")
    for name in document:
        if name not in {"$condition", "$select"}:
            raise Invalid("query.operator", at=f"{at}/{_escaped(name)}", found=str(name)[:80])
    select = document.get("$select", "")
    if "$select" in document and select != "id":
        raise Invalid("query.value", at=f"{at}/$select", wanted="id")
    condition = Reader().condition(document["$condition"], f"{at}/$condition")
    return Query(condition, select_id=select == "id")


def parse_condition(document: Any, at: str = "", *, attributes: bool = False) -> Condition:
    """A logical expression alone, as formulas and filters of access rules hold it; raises like ``parse``."""
    return Reader(attributes=attributes).condition(document, at)


def _escaped(name: object) -> str:
    return str(name)[:80].replace("~", "~0").replace("/", "~1")


class Reader:
    """Reads one condition and counts its operators, not what they compare; ``attributes``: claims may stand in it."""

    def __init__(self, *, attributes: bool = False) -> None:
        self.attributes = attributes
        self.nodes = 0

    def condition(self, document: Any, at: str, depth: int = 0) -> Condition:
        """A logical expression."""
        name, inner, here = self._operator(document, at, depth)
        if name in {"$and", "$or"}:
            parts = tuple(self.condition(one, f"{here}/{place}", depth + 1)
                          for place, one in enumerate(_listed(inner, here, 2)))
            return And(parts) if name == "$and" else Or(parts)
        if name == "$not":
            return Not(self.condition(inner, here, depth + 1))
        if name == "$match":
            found = self.match(inner, here, depth + 1)
            check(found, here)
            return found
        return self._plain(name, inner, here, depth)

    def match(self, inner: Any, here: str, depth: int) -> Match:
        """The list in a ``$match``: comparisons and further matches, no other logic."""
        parts: list[Compare | Match | Boolean] = []
        for place, one in enumerate(_listed(inner, here, 1)):
            name, within, there = self._operator(one, f"{here}/{place}", depth)
            parts.append(self.match(within, there, depth + 1) if name == "$match"
                         else self._plain(name, within, there, depth))
        return Match(tuple(parts))

    def _plain(self, name: str, inner: Any, here: str, depth: int) -> Compare | Boolean:
        if name == "$boolean":
            return Boolean(_of(inner, bool, here, "true, false"))
        if name not in COMPARISONS and name not in TEXTUAL:
            raise Invalid("query.operator", at=here, found=name[:80])
        sides = _listed(inner, here, 2, 2)
        left, right = (self.operand(one, f"{here}/{place}", depth + 1, textual=name in TEXTUAL)
                       for place, one in enumerate(sides))
        if name == "$regex" and isinstance(right, Constant):
            _checked(str(right.value), f"{here}/1")
        return Compare(name, _dated(left, right), _dated(right, left))

    def operand(self, document: Any, at: str, depth: int, *, textual: bool = False) -> Operand:
        """A value: a field, a literal, a cast, a part of a dateTime or (in access rules) an attribute."""
        name, inner, here = self._single(document, at, depth)
        if textual and name not in _STRINGS:
            raise Invalid("query.operator", at=here, found=name[:80])
        if name in _CASTS:
            return Cast(_CASTS[name], self.operand(inner, here, depth + 1))
        if name in _PARTS:
            literal = isinstance(inner, str)
            of = _moment(inner, here) if literal else self.operand(inner, here, depth + 1)
            return Part(name, of)  # type: ignore[arg-type]  # one of _PARTS
        if name == "$attribute" and self.attributes:
            return attribute(inner, here)
        if name not in _LITERALS:
            raise Invalid("query.operator", at=here, found=name[:80])
        return _LITERALS[name](inner, here)

    def _single(self, document: Any, at: str, depth: int) -> tuple[str, Any, str]:
        """The only entry of an object: its name, what it holds, and where that stands."""
        if depth > DEPTH_MAX or self.nodes > NODES_MAX:
            raise Invalid("query.size", at=at, depth=DEPTH_MAX, nodes=NODES_MAX)
        if not isinstance(document, dict) or len(document) != 1:
            raise Invalid("query.object", at=at or "/", wanted="$…")
        name, inner = next(iter(document.items()))
        return str(name), inner, f"{at}/{_escaped(name)}"

    def _operator(self, document: Any, at: str, depth: int) -> tuple[str, Any, str]:
        """The same of what is counted: each has two operands at most, so that these are bounded, too."""
        self.nodes += 1
        return self._single(document, at, depth)


def attribute(inner: Any, here: str) -> Operand:
    """An attribute item: ``{"CLAIM": name}``, ``{"GLOBAL": …}`` or ``{"REFERENCE": …}``."""
    if not isinstance(inner, dict) or len(inner) != 1:
        raise Invalid("query.object", at=here, wanted="CLAIM, GLOBAL, REFERENCE")
    source, name = next(iter(inner.items()))
    place = f"{here}/{_escaped(source)}"
    if source not in SOURCES:
        raise Invalid("query.operator", at=place, found=str(source)[:80])
    text = _text(name, place)
    if source == "GLOBAL" and text not in _GLOBALS:
        raise Invalid("query.value", at=place, wanted=", ".join(sorted(_GLOBALS)))
    return Attribute(source, text)


def _listed(inner: Any, here: str, least: int, most: int = NODES_MAX) -> list[Any]:
    if not isinstance(inner, list) or not least <= len(inner) <= most:
        raise Invalid("query.list", at=here, least=least, most=most)
    return inner


def _of(inner: Any, wanted: type[Any], here: str, told: str) -> Any:
    if type(inner) is not wanted:
        raise Invalid("query.value", at=here, wanted=told)
    return inner


def _text(inner: Any, here: str) -> str:
    text = _of(inner, str, here, "text")
    if len(text) > TEXT_MAX:
        raise Invalid("query.size", at=here, depth=DEPTH_MAX, nodes=NODES_MAX)
    if any("\ud800" <= ch <= "\udfff" for ch in text):
        raise Invalid("query.value", at=here, wanted="Unicode")
    return str(text)


def _string(inner: Any, here: str) -> Constant:
    text = _text(inner, here)
    if text.startswith("$"):
        raise Invalid("query.value", at=here, wanted='text without "$" at its beginning')
    return Constant("str", text)


def _numeral(inner: Any, here: str) -> Constant:
    if isinstance(inner, bool) or not isinstance(inner, int | float):
        raise Invalid("query.value", at=here, wanted="1.5")
    try:
        number = float(inner)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid("query.value", at=here, wanted="1.5")
    return Constant("num", number)


def _moment(inner: Any, here: str) -> Constant:
    found = values.moment(_text(inner, here))
    if found is None:
        raise Invalid("query.value", at=here, wanted="2026-01-31T08:00:00Z")
    return Constant("dateTime", found)


def _clock(inner: Any, here: str) -> Constant:
    text = _text(inner, here)
    found = values.clock(text)
    if found is None:
        raise Invalid("query.value", at=here, wanted="08:00:00")
    return Constant("time", found)


def _hex(inner: Any, here: str) -> Constant:
    text = _text(inner, here)
    found = values.hexadecimal(text) if text.startswith("16#") and text == text.upper() else None
    if found is None:
        raise Invalid("query.value", at=here, wanted="16#0A")
    return Constant("hex", found)


_LITERALS: Final[Mapping[str, Callable[[Any, str], Operand]]] = {
    "$field": lambda inner, here: field(_text(inner, here), here),
    "$strVal": _string,
    "$numVal": _numeral,
    "$boolean": lambda inner, here: Constant("bool", _of(inner, bool, here, "true, false")),
    "$dateTimeVal": _moment,
    "$timeVal": _clock,
    "$hexVal": _hex,
}


def _checked(pattern: str, here: str) -> None:
    try:
        regex.compiled(pattern)
    except Invalid as error:
        raise Invalid("query.regex", at=here, **{k: v for k, v in error.facts.items() if k != "at"}) from error


def _dated(side: Operand, other: Operand) -> Operand:
    """A text beside the clock of the world is a time or an instant: ``GLOBAL(UTCNOW) $ge "09:00"``."""
    if not isinstance(other, Attribute) or other.source != "GLOBAL" or not isinstance(side, Constant):
        return side
    if side.type != "str":
        return side
    return values.typed(str(side.value), "dateTime") or values.typed(str(side.value), "time") or side
