"""A condition of the query language as SQL over the rows of fields and elements.

Rule 1: every part of a condition has two readings, one that never misses a twin and one that never names a wrong one;
    ``$not`` swaps them. Where both are the same, SQL decides; else it goes before and ``holds`` decides.
Rule 2: texts compare by their bytes, which is the order of code points; nothing here folds case or knows a locale.
Rule 3: values travel as bindings, never in the text of a statement.
Not here: what the rows are (``twin/query/index``), their tables (``sql/twins``), pages (``paging``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from weft.engine.twins.ports import Kind
from weft.stores.twins.predicates import SOME, Predicate, Sql, both, either, element_value, glob, size, tail_of
from weft.twin.query import holding, index
from weft.twin.query.holding import common, type_of, verdict
from weft.twin.query.tree import (
    ANY,
    ORDERING,
    TEXTUAL,
    Alone,
    And,
    Boolean,
    Cast,
    Compare,
    Condition,
    Constant,
    Field,
    Given,
    Match,
    Not,
    Operand,
    Or,
    Part,
    Token,
    comparisons,
    fields,
    shape,
    written,
)

BRANCHES_MAX: Final = 128  # of one ``$or``: what SQLite thinks about it grows with the cube of their number
TRUE: Final = Sql("1", ())
FALSE: Final = Sql("0", ())
_SHARED: Final = frozenset({"idShort", "semanticId", "supplementalSemanticIds"})  # many twins have the same
_COLUMN: Final = re.compile(r"\b(tail|shape|path|id_short|semantic|value_type|value|number|language|instant)\b")
_PLACE: Final = re.compile(r"\b(tail|shape|path|id_short)\b")
_EQUAL: Final = "(twin_field.value = ?)"
_FLIPPED: Final = {"$gt": "$lt", "$lt": "$gt", "$ge": "$le", "$le": "$ge"}


class Asked(NamedTuple):
    """``where``: a boolean expression over alias ``t`` of ``twins``; ``exact``: it alone decides.

    ``driven``: the twins it holds for are best found by its own sets, where these are small. ``each``: the same
    expression for one twin after the other, with the same bindings.
    """

    where: str
    bindings: tuple[Any, ...]
    exact: bool
    driven: int = 0
    each: str = ""


class Bound(NamedTuple):
    """Two readings of one part: true for at least, and for at most, the twins it holds for."""

    over: Sql
    under: Sql

    @property
    def exact(self) -> bool:
        return self.over == self.under


def ask(condition: Condition, kind: Kind) -> Asked:
    """``condition`` for twins of ``kind``."""
    if holding.looks_beside(condition, kind):
        # One condition about two twins cannot be split into what each must be but by its outermost parts.
        parts = condition.parts if isinstance(condition, And) else ()
        own = And(tuple(one for one in parts if not holding.looks_beside(one, kind)))
        return ask(own, kind)._replace(exact=False) if own.parts else Asked("1", (), exact=False, each="1")
    whole = _whole(condition, kind)
    over = whole.over
    return Asked(over.text, over.values, whole.exact, over.driven, over.each)


def _whole(condition: Condition, kind: str) -> Bound:
    asking = _Asking(kind)
    truth = asking.part(condition, must=True)
    return _all([truth, *asking.valid])


class _Asking:
    """Turns one condition into SQL; ``valid`` gathers what must have a result for the condition to have one."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.root = index.ROOT_OF.get(kind, "")
        self.names = {written(one): one for one in index.INDEXED.get(kind, ())}
        self.valid: list[Bound] = []

    def part(self, node: Condition, *, must: bool) -> Bound:
        """``must``: the condition holds only where this is true, so that this has a result there."""
        if isinstance(node, Boolean):
            return _same(TRUE if node.value else FALSE)
        if isinstance(node, Alone):
            return _whole(node.part, self.kind)
        if isinstance(node, Not):
            inner = self.part(node.part, must=False)
            return Bound(_not(inner.under), _not(inner.over))
        if isinstance(node, Or) and len(comparisons(node)) > BRANCHES_MAX:
            return Bound(TRUE, FALSE)  # ``holds`` decides, which costs less
        if isinstance(node, Or):
            inners = [self.part(one, must=False) for one in node.parts]
            return Bound(either([one.over for one in inners]), either([one.under for one in inners]))
        if isinstance(node, And):
            return _all([self.part(one, must=must) for one in node.parts])
        if isinstance(node, Match):
            return self.match(node, must=must)
        return self.compare(node, must=must)

    def match(self, node: Match, *, must: bool) -> Bound:
        """What asks one row is one row; else each comparison by itself goes before."""
        compared = comparisons(node)
        apart = [self.compare(one, must=must) for one in compared]
        falls = [_same(FALSE)] if _false_within(node) else []
        row = self.row(node)
        if row is not None:
            return _all([*row, *falls])
        return Bound(both([one.over for one in [*apart, *falls]]), FALSE)

    def row(self, node: Match) -> list[Bound] | None:
        """A match as rows that belong to one element of its list, and what concerns the whole twin; None: too much."""
        rows: dict[Field, list[Sql]] = {}
        beside: list[Bound] = []
        for one in node.parts:
            if isinstance(one, Boolean):
                continue
            simple = _simple(one) if isinstance(one, Compare) else None
            field = _field(simple.left) if simple is not None else None
            if simple is None or field is None:
                return None
            if field.root != "sme" and ANY not in field.attribute:
                beside.append(self.compare(simple, must=True))
                continue
            made = self.predicate(simple, field)
            if made is None or not made.exact:
                return None
            rows.setdefault(_row_of(field), []).append(made.sql)
        found = self.rows(rows) if rows else TRUE
        return None if found is None else [*beside, _same(found)]

    def rows(self, wanted: Mapping[Field, Sequence[Sql]]) -> Sql | None:
        """Twins with a row for each field, all of one and the same element of the list."""
        if len(wanted) == 1:
            ((field, sqls),) = wanted.items()
            return self.found(field, both(sqls))
        selects: list[Sql] = []
        for field in sorted(wanted, key=_telling):
            key = _key(field) if field.root == "sme" else self.key(field)
            if key is None:
                return None
            inner = both([*(_at(field.path) if field.root == "sme" else self.at(field)), *wanted[field]])
            view = _rows(f"{inner.text} {key}") if field.root == "sme" else "twin_field"
            selects.append(Sql(f"(SELECT twin, {key} AS k FROM {view} WHERE {inner.text}) g{len(selects)}",  # noqa: S608 - our own
                               inner.values))
        links = " AND ".join(f"g{place}.twin = g0.twin AND g{place}.k = g0.k" for place in range(1, len(selects)))
        text = " CROSS JOIN ".join(one.text for one in selects)
        return Sql(f"t.number IN (SELECT g0.twin FROM {text} WHERE {links})",  # noqa: S608 - our own
                   tuple(value for one in selects for value in one.values), driven=SOME)

    def key(self, field: Field) -> str | None:
        """Which element of the first list a row of ``twin_field`` is of; None when there are two open lists."""
        if field.attribute.count(ANY) != 1 or shape(field.attribute) not in self.names:
            return None
        lists = self.names[shape(field.attribute)].count(ANY)
        first = next(one for one in field.attribute if isinstance(one, int)) == ANY
        return ("place" if lists == 1 else "substr(place, 1, instr(place, '.') - 1)") if first else None

    def at(self, field: Field) -> list[Sql]:
        """Which rows of ``twin_field`` are those of ``field``."""
        name = shape(field.attribute)
        return [Sql("name = ?", (name,)), *_place(self.names[name], field.attribute)]

    def found(self, field: Field, condition: Sql) -> Sql:
        """Twins with a row of ``field`` that is as ``condition`` says."""
        if field.root == "sme":
            inner = both([*_at(field.path), condition])
            rank = size(condition, telling=bool(field.path) or "semantic = ?" in condition.text)
            rows = _rows(inner.text)
            return Sql(f"t.number IN (SELECT twin FROM {rows} WHERE {inner.text})", inner.values, rank,  # noqa: S608 - our own
                       f"EXISTS (SELECT 1 FROM {rows} WHERE twin = t.number AND {_unindexed(inner.text)})")  # noqa: S608 - our own
        inner = both([*self.at(field), condition])
        rank = size(condition, telling=field.attribute[0] not in _SHARED)
        each = f"EXISTS (SELECT 1 FROM twin_field WHERE twin = t.number AND {inner.text})"  # noqa: S608 - our own
        return Sql(f"t.number IN (SELECT twin FROM twin_field WHERE {inner.text})", inner.values, rank,  # noqa: S608 - our own
                   each if condition.text == _EQUAL else "")

    def predicate(self, node: Compare, field: Field) -> Predicate | None:
        """The comparison of a row; None when this kind has no such rows."""
        if field.root != "sme":
            known = field.root == self.root and shape(field.attribute) in self.names
            return element_value("twin_field.value", node) if known else None
        column = {("value",): "value", ("idShort",): "id_short", ("valueType",): "value_type",
                  ("language",): "language", ("semanticId", "keys", 0, "value"): "semantic"}.get(field.attribute)
        return element_value(column, node) if column and self.root == "sm" else None

    def compare(self, node: Compare, *, must: bool) -> Bound:
        simple = _simple(node)
        if simple is None:
            fixed = None if fields(node) else _constant(node)
            if fixed is not None:
                self.valid += [_same(TRUE if fixed[1] else FALSE)]
                return _same(TRUE if fixed[0] else FALSE)
            if not must and may_fail(node):
                self.valid.append(Bound(TRUE, FALSE))
            return Bound(TRUE, FALSE)
        if not must and may_fail(simple):
            self.valid.append(self.validity(simple))
        return self.simple(simple)

    def simple(self, node: Compare) -> Bound:
        """A field compared with values that are known."""
        field = _field(node.left)
        assert field is not None
        if node.right == Given(()):  # equal to a field without value
            return Bound(TRUE, FALSE) if node.op in {"$eq", "$ge", "$le"} else _same(FALSE)
        if field.root not in {self.root, "sme"} or (field.root == "sme" and self.root != "sm"):
            return _same(FALSE)
        if field.attribute == ("id",):
            made = element_value("t.id", node)
            return Bound(TRUE, FALSE) if made is None else _seen(made, made.sql)
        made = self.predicate(node, field)
        return Bound(TRUE, FALSE) if made is None else _seen(made, self.found(field, made.sql))

    def validity(self, node: Compare) -> Bound:
        """True where some value of the field can be cast, or where it has none."""
        field = _field(node.left)
        target = common((type_of(node.left), type_of(node.right)))
        if field is None or field.root != "sme" or self.root != "sm" or field.attribute != ("value",):
            foreign = field is not None and field.root not in {self.root, "sme"}
            return _same(TRUE) if foreign else Bound(TRUE, FALSE)
        column = {"num": "number", "dateTime": "instant"}.get(target or "")
        if column is None or isinstance(node.right, Given):
            return Bound(TRUE, FALSE)
        some = self.found(field, Sql("value IS NOT NULL", ()))
        good = self.found(field, Sql(f"{column} IS NOT NULL", ()))
        return _same(either([_not(some), good]))


def may_fail(node: Compare) -> bool:
    """True when a pair of this comparison may have no result."""
    if any(isinstance(side, Cast | Part) for side in (node.left, node.right)):
        return True
    if node.op == "$regex":
        return not isinstance(node.right, Constant)
    return node.op in ORDERING and common((type_of(node.left), type_of(node.right))) != "str"


def _false_within(node: Match) -> bool:
    return any(not one.value if isinstance(one, Boolean) else isinstance(one, Match) and _false_within(one)
               for one in node.parts)


def _same(sql: Sql) -> Bound:
    return Bound(sql, sql)


def _not(sql: Sql) -> Sql:
    return Sql(f"NOT ({sql.text})", sql.values, alone=f"NOT ({sql.each})")


def _all(bounds: Sequence[Bound]) -> Bound:
    return Bound(both([one.over for one in bounds]), both([one.under for one in bounds]))


def _seen(made: Predicate, found: Sql) -> Bound:
    return Bound(found, found if made.exact else FALSE)


def _field(operand: Operand) -> Field | None:
    return operand if isinstance(operand, Field) else operand.of if isinstance(operand, Cast) and isinstance(
        operand.of, Field) else None


def _simple(node: Compare) -> Compare | None:
    """``node`` with its field on the left and values that are known on the right; None when it is not of that form."""
    left, right = node.left, node.right
    if node.op not in TEXTUAL and _field(left) is None and _field(right) is not None:
        left, right = right, left
        node = Compare(_FLIPPED.get(node.op, node.op), left, right)
    known = isinstance(right, Constant | Given)
    return node if _field(left) is not None and known else None


def _constant(node: Compare) -> tuple[bool, bool] | None:
    """(result, whether it has one) of a comparison without fields; None when an attribute in it is not known yet."""
    rows = [_values(one) for one in (node.left, node.right)]
    if rows[0] is None or rows[1] is None:
        return None
    kinds = type_of(node.left), type_of(node.right)
    results = {verdict(node.op, one, other, kinds) for one in rows[0] for other in rows[1]}
    empty = not rows[0] and not rows[1] and node.op in {"$eq", "$ge", "$le"}
    return True in results or empty, results != {None}


def _values(operand: Operand) -> list[Constant | None] | None:
    reading = holding.Reading({})
    inner = operand
    while isinstance(inner, Cast | Part):
        inner = inner.of
    return [one for _, one in reading.rows(operand, bound=False)] if isinstance(inner, Constant | Given) else None


def _row_of(field: Field) -> Field:
    """What the row of ``field`` is known by: an element has one row for all its attributes."""
    return Field("sme", (), field.path) if field.root == "sme" else field


def _telling(field: Field) -> bool:
    """False for what tells most twins apart: a value rather than what values are called."""
    return field.attribute[-1:] in {("name",), ("type",), ("interface",)}


def _key(field: Field) -> str | None:
    """The path of the element of the first open list on the way to a row; None when there is no such list, or two."""
    if field.path.count(ANY) != 1:
        return None
    behind = field.path[field.path.index(ANY) + 1:]
    if not behind:
        return "path"
    rest = written(behind)
    dot = 0 if rest.startswith("[") else 1
    return f"substr(path, 1, length(path) - {len(rest) + dot})"


def _rows(text: str) -> str:
    """The rows of elements with those columns that ``text`` uses: what is not used is not joined."""
    columns = ["e.twin", "e.value", "e.number", "e.instant", "e.language", "e.type AS value_type"]
    tables = "elements e"
    if _PLACE.search(text):
        columns += ["p.path", "p.shape", "p.tail", "p.id_short"]
        tables += " JOIN places p ON p.number = e.place"
    if "semantic" in text:  # no condition on it holds where there is none
        columns.append("s.text AS semantic")
        tables += " JOIN terms s ON s.number = e.semantic"
    return f"(SELECT {', '.join(columns)} FROM {tables})"  # noqa: S608 - our own


def _unindexed(text: str) -> str:
    """The same expression over columns that no index is looked up for: the row of one twin is found by the twin."""
    return _COLUMN.sub(r"+\1", text)


def _at(path: tuple[Token, ...]) -> list[Sql]:
    """Which rows are elements at ``path``, which may begin anywhere."""
    if not path:
        return []
    wanted = [Sql("tail = ?", (tail_of(path),))]
    whole = shape(path)
    if whole != tail_of(path):
        wanted.append(_ends("shape", whole))
    if any(isinstance(one, int) and one != ANY for one in path):
        wanted.append(Sql("(path GLOB ? OR path GLOB ?)", (glob(path), f"*.{glob(path)}")))
    return wanted


def _ends(column: str, text: str) -> Sql:
    return Sql(f"({column} = ? OR substr({column}, ?) = ?)", (text, -len(text) - 1, f".{text}"))


def _place(indexed: tuple[Token, ...], attribute: tuple[Token, ...]) -> list[Sql]:
    """What the indices of ``attribute`` say of a row's place."""
    asked = [one for one, known in zip(attribute, indexed, strict=True) if known == ANY]
    if all(one == ANY for one in asked):
        return []
    if ANY in asked:
        return [Sql("place GLOB ?", (".".join("*" if one == ANY else str(one) for one in asked),))]
    return [Sql("place = ?", (".".join(map(str, asked)),))]
