"""The text form of queries and formulas: ``$and($sm#idShort $eq "Nameplate", $sme#value $lt 100)``.

IDTA-01002 v3.1, grammar.bnf (entry point: query). HTTP takes the JSON form alone; this is for people.
Rule 1: text becomes the same JSON that HTTP takes, and is checked as such: there is one reader of queries.
Rule 2: casts may be written as in the grammar (``num(…)``) or as in the prose of the specification (``$num(…)``).
Not here: access rules as text (their JSON is what is exchanged).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from weft.basis.errors import Invalid
from weft.twin.query import values
from weft.twin.query.reading import DEPTH_MAX, parse
from weft.twin.query.tree import (
    TEXTUAL,
    Alone,
    And,
    Attribute,
    Boolean,
    Cast,
    Compare,
    Condition,
    Field,
    Given,
    Match,
    Not,
    Operand,
    Or,
    Part,
    Query,
    written,
)

TEXT_MAX: Final = 64_000
_TOKEN: Final = re.compile(r"""\s*(?:
    (?P<field>\$(?:aasdesc|smdesc|aas|sme|sm|cd)(?:\.[A-Za-z0-9_.\[\]-]+)?\#[A-Za-z0-9.\[\]]+)
  | (?P<word>\$?[A-Za-z][A-Za-z-]*)(?=[\s(,)]|$)
  | (?P<text>"(?:[^"\\]|\\.)*")
  | (?P<hex>16\#[0-9A-F]+)
  | (?P<moment>\d{4}-\d\d-\d\dT?\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)
  | (?P<time>\d\d:\d\d(?::\d\d)?(?:\.\d+)?)
  | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<sign>[(),])
)""", re.VERBOSE)
_CASTS: Final[Mapping[str, str]] = {name: f"${name}Cast" for name in ("str", "num", "hex", "bool", "dateTime", "time")}
_PARTS: Final = frozenset({"$dayOfWeek", "$dayOfMonth", "$month", "$year"})
_BETWEEN: Final = frozenset({"$eq", "$ne", "$gt", "$ge", "$lt", "$le"})
_TYPED: Final = {"field": "$field", "hex": "$hexVal", "moment": "$dateTimeVal", "time": "$timeVal"}
Token = tuple[str, str, int]


def parse_text(text: str) -> Query:
    """The query that ``text`` writes; raises ``Invalid``: ``query.text`` with the place, or as ``reading.parse``."""
    if len(text) > TEXT_MAX:
        raise Invalid("query.text", place=TEXT_MAX, wanted="")
    return parse(_Text(text).query())


class _Text:
    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise Invalid("query.text", place=at + 1, wanted='$…, "…", 1.5')
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind], match.start(kind) + 1))
            at = match.end()
        self.end = len(text) + 1
        self.at = 0

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "", self.end)

    def take(self, wanted: str) -> str:
        """The next token, which must be ``wanted``."""
        kind, text, place = self.peek()
        if text != wanted or kind == "text":
            raise Invalid("query.text", place=place, wanted=wanted)
        self.at += 1
        return text

    def query(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self.peek()[1] == "$select":
            self.take("$select")
            made["$select"] = self.take("id")
        made["$condition"] = self.logic(0)
        if self.at < len(self.tokens):
            raise Invalid("query.text", place=self.peek()[2], wanted="$and, $or")
        return made

    def logic(self, depth: int) -> dict[str, Any]:
        kind, text, place = self.peek()
        if depth > DEPTH_MAX:
            raise Invalid("query.text", place=place, wanted=")")
        if kind == "sign" and text == "(":
            self.take("(")
            inner = self.logic(depth + 1)
            self.take(")")
            return inner
        if text in {"$and", "$or", "$match"} and kind == "word":
            return {text: self.listed(text, depth)}
        if text == "$not" and kind == "word":
            return {"$not": self.listed(text, depth)[0]}
        if text in TEXTUAL and kind == "word":
            self.take(text)
            self.take("(")
            left = self.value(depth + 1)
            self.take(",")
            right = self.value(depth + 1)
            self.take(")")
            return {text: [left, right]}
        left = self.value(depth + 1)
        _, sign, place = self.peek()
        if sign not in _BETWEEN:
            if set(left) == {"$boolean"}:
                return left
            raise Invalid("query.text", place=place, wanted=", ".join(sorted(_BETWEEN)))
        self.take(sign)
        return {sign: [left, self.value(depth + 1)]}

    def listed(self, word: str, depth: int) -> list[dict[str, Any]]:
        self.take(word)
        self.take("(")
        found = [self.logic(depth + 1)]
        while self.peek()[1] == "," and word != "$not":
            self.take(",")
            found.append(self.logic(depth + 1))
        self.take(")")
        return found

    def value(self, depth: int) -> dict[str, Any]:
        kind, text, place = self.peek()
        if depth > DEPTH_MAX:
            raise Invalid("query.text", place=place, wanted=")")
        self.at += 1
        if kind in _TYPED:
            return {_TYPED[kind]: text}
        if kind == "text":
            return {"$strVal": re.sub(r'\\(["\\])', r"\1", text[1:-1])}
        if kind == "number":
            return {"$numVal": float(text)}
        if kind == "word" and text in {"true", "false"}:
            return {"$boolean": text == "true"}
        name = _CASTS.get(text.removeprefix("$")) or (text if text in _PARTS else "")
        if kind != "word" or not name:
            raise Invalid("query.text", place=place, wanted='$…#…, "…", 1.5, true')
        self.take("(")
        inner = self.value(depth + 1)
        self.take(")")
        return {name: inner}


# ---- and back ------------------------------------------------------------------------------------------

def text_of(condition: Condition) -> str:
    """``condition`` as text."""
    if isinstance(condition, Boolean):
        return "true" if condition.value else "false"
    if isinstance(condition, Compare):
        left, right = _operand(condition.left), _operand(condition.right)
        return f"{condition.op}({left}, {right})" if condition.op in TEXTUAL else f"{left} {condition.op} {right}"
    if isinstance(condition, Alone):
        return text_of(condition.part)
    if isinstance(condition, Not):
        return f"$not({text_of(condition.part)})"
    name = {And: "$and", Or: "$or", Match: "$match"}[type(condition)]
    if len(condition.parts) == 1 and name != "$match":
        return text_of(condition.parts[0])
    return f"{name}({', '.join(text_of(one) for one in condition.parts)})"


def _operand(operand: Operand) -> str:
    if isinstance(operand, Field):
        path = f".{written(operand.path)}" if operand.path else ""
        return f"${operand.root}{path}#{written(operand.attribute).removesuffix('.keys[0].value')}"
    if isinstance(operand, Cast):
        return f"{operand.to}({_operand(operand.of)})"
    if isinstance(operand, Part):
        return f"{operand.which}({_operand(operand.of)})"
    if isinstance(operand, Attribute):
        return f"GLOBAL({operand.name})" if operand.source == "GLOBAL" else f'{operand.source}("{operand.name}")'
    if isinstance(operand, Given):
        return " | ".join(_quoted(one) for one in operand.values)
    text = values.text_of(operand)
    return _quoted(text) if operand.type == "str" else f"16#{text}" if operand.type == "hex" else text


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
