"""One comparison of a column with known values as SQL: exact where the column can say it, else what must hold first.

Rule 1: a column that is NULL or '' has no value; no predicate is ever NULL where it decides.
Not here: which rows are asked (``asking``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from weft.twin.query import regex
from weft.twin.query.holding import common, type_of
from weft.twin.query.tree import ANY, ORDERING, TEXTUAL, Cast, Compare, Constant, Given, Token, shape


class Sql(NamedTuple):
    """A boolean expression and what its question marks stand for.

    ``driven``: above 0 it is true for one set of rows alone, the smaller as a rule the higher (``FEW``, ``SOME``,
    ``MUCH``). ``alone``: the same asked of one row by itself, "" when that is the same text; its question marks stand
    for the same.
    """

    text: str
    values: tuple[Any, ...]
    driven: int = 0
    alone: str = ""

    @property
    def each(self) -> str:
        """The expression for one row by itself."""
        return self.alone or self.text


class Predicate(NamedTuple):
    """``sql`` is true for all rows that count; ``exact``: for no others."""

    sql: Sql
    exact: bool


_SIGN: Final = {"$eq": "=", "$ne": "<>", "$gt": ">", "$ge": ">=", "$lt": "<", "$le": "<="}
MANY: Final = 50
GROUP: Final = 8
_LAST: Final = "\U0010ffff"
NONE: Final = Sql("0", ())
MUCH, SOME, FEW = 1, 2, 3


def both(parts: Sequence[Sql]) -> Sql:
    """All of ``parts``: of several sets the smallest is gathered, the others are asked of what is in it."""
    listed = [one for one in parts if one.text != "1"]
    if len(listed) == 1:
        return listed[0]
    best = max((one.driven for one in listed), default=0)
    first = next((place for place, one in enumerate(listed) if one.driven == best), -1)
    gathered = [one.text if place == first or not one.driven else one.each for place, one in enumerate(listed)]
    return _joined(listed, gathered, "AND", "1")._replace(driven=best)


def either(parts: Sequence[Sql]) -> Sql:
    """At least one of ``parts``."""
    listed = [one for one in parts if one.text != "0"]
    return listed[0] if len(listed) == 1 else _joined(listed, [one.text for one in listed], "OR", "0")


def _joined(parts: Sequence[Sql], texts: Sequence[str], word: str, nothing: str) -> Sql:
    if not parts:
        return Sql(nothing, ())
    text, each = (_nested(listed, f" {word} ") for listed in (texts, [one.each for one in parts]))
    return Sql(text, tuple(value for one in parts for value in one.values), alone=each)


def _nested(texts: Sequence[str], word: str) -> str:
    """``texts`` with ``word`` between them, in groups of groups: an expression of SQLite may be 1,000 deep alone."""
    while len(texts) > GROUP:
        texts = [f"({word.join(texts[at:at + GROUP])})" for at in range(0, len(texts), GROUP)]
    return f"({word.join(texts)})"


def element_value(column: str, node: Compare) -> Predicate | None:
    """``column`` compared as ``node`` says, whose right side is known; None when nothing can be said."""
    right = node.right
    constants = [right] if isinstance(right, Constant) else \
        [Constant("str", one) for one in right.values] if isinstance(right, Given) else None
    if constants is None:
        return None
    if len(constants) > MANY:
        return _one_of(column, node, [str(one.value) for one in constants])
    made = [_one(column, node, one) for one in constants]
    return Predicate(either([one.sql for one in made]), all(one.exact for one in made))


def _one_of(column: str, node: Compare, texts: Sequence[str]) -> Predicate:
    """More values than an expression may have branches: ids that rules name one by one."""
    if node.op != "$eq" or common((type_of(node.left), "")) != "str" or isinstance(node.left, Cast):
        return Predicate(_there(column), exact=False)
    listed = f"({column} IN (SELECT value FROM json_each(?)){_filled(column)})"  # noqa: S608 - columns are ours
    return Predicate(Sql(listed, (msgspec.json.encode(texts).decode(),)), exact=True)


def _one(column: str, node: Compare, constant: Constant) -> Predicate:
    there = _there(column)
    if node.op in TEXTUAL:
        if isinstance(node.left, Cast) and node.left.to != "str":
            return Predicate(there, exact=False)
        return _textual(column, node.op, str(constant.value))
    target = common((type_of(node.left), type_of(constant) if not isinstance(node.right, Given) else ""))
    if target is None:
        return Predicate(there if node.op == "$ne" else NONE, exact=not isinstance(node.left, Cast))
    if target == "str":
        return Predicate(Sql(f"({column} {_SIGN[node.op]} ?{_filled(column)})", (constant.value,)), exact=True)
    read = {"num": "number", "dateTime": "instant"}.get(target)
    if column != "value" or read is None or isinstance(node.right, Given) or constant.type != target:
        return Predicate(there, exact=False)
    return _typed(read, node, constant)


def _typed(read: str, node: Compare, constant: Constant) -> Predicate:
    """A number or an instant: rows keep what their text reads as."""
    value = constant.value[0] if isinstance(constant.value, tuple) else constant.value
    strict = isinstance(node.left, Cast)
    if node.op == "$ne" and not strict:
        return Predicate(Sql(f"(value IS NOT NULL AND ({read} IS NULL OR {read} <> ?))", (value,)), exact=True)
    return Predicate(Sql(f"({read} IS NOT NULL AND {read} {_SIGN[node.op]} ?)", (value,)),
                     exact=node.op in ORDERING or node.op in {"$eq", "$ne"})


def _there(column: str) -> Sql:
    return Sql(f"({column} IS NOT NULL{_filled(column)})", ())


def _filled(column: str) -> str:
    """Columns of which '' means that there is nothing."""
    return f" AND {column} <> ''" if column in {"id_short", "value_type", "language"} else ""


def _textual(column: str, op: str, text: str) -> Predicate:
    return _TEXTS[op](column, text)


def _begins(column: str, text: str) -> Predicate:
    if not text:
        return Predicate(_there(column), exact=True)
    end = _behind(text)
    if end is None:
        return Predicate(Sql(f"({column} >= ?{_filled(column)})", (text,)), exact=False)
    return Predicate(Sql(f"({column} >= ? AND {column} < ?{_filled(column)})", (text, end)), exact=True)


def _behind(text: str) -> str | None:
    """The first text behind all that begin with ``text``."""
    kept = text.rstrip(_LAST)
    if not kept:
        return None
    code = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)


def _ends(column: str, text: str) -> Predicate:
    data = text.encode()
    if not data:
        return Predicate(_there(column), exact=True)
    return Predicate(Sql(f"(substr(CAST({column} AS BLOB), ?) = ?{_filled(column)})", (-len(data), data)), exact=True)


def _contains(column: str, text: str) -> Predicate:
    if not text:
        return Predicate(_there(column), exact=True)
    return Predicate(Sql(f"(instr(CAST({column} AS BLOB), ?) > 0{_filled(column)})", (text.encode(),)), exact=True)


def _regex(column: str, text: str) -> Predicate:
    """A pattern that begins with plain characters is looked up by them; the rest is for ``holds``."""
    begun = regex.beginning(text)
    sql = _begins(column, begun).sql if begun else _there(column)
    return Predicate(sql, exact=False)


_TEXTS: Final[Mapping[str, Callable[[str, str], Predicate]]] = {
    "$contains": _contains, "$starts-with": _begins, "$ends-with": _ends, "$regex": _regex}


def size(condition: Sql, *, telling: bool) -> int:
    """How many rows a condition on a column names, as a rule; ``telling``: what it compares tells rows apart."""
    if not telling or any(sign in condition.text for sign in ("instr(", "CAST(", "<>", "NOT NULL)", "IS NULL")):
        return MUCH
    return FEW if " = ?" in condition.text else SOME


def tail_of(path: tuple[Token, ...]) -> str:
    """The last step of ``path`` with its indices left open."""
    last = max(place for place, one in enumerate(path) if isinstance(one, str))
    return shape(path[last:])


def glob(path: tuple[Token, ...]) -> str:
    """``path`` as a pattern of GLOB, for rows whose shape fits already."""
    text = ""
    for one in path:
        if isinstance(one, int):
            text += "[[]*]" if one == ANY else f"[[]{one}]"
        else:
            text += f".{one}" if text else one
    return text
