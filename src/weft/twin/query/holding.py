"""Whether a condition holds for a document: the plain reading of the specification, without any index.

IDTA-01002 v3.1, query language: comparison operators, logical expressions, casting, lists, ``$match``.
Rule 1: a comparison of lists is true when it is true for one pair of their values; two fields without any value are
    equal, and a field without value compared with anything else is false.
Rule 2: a pair that cannot be cast has no result; a comparison whose pairs all have none is invalid, and a condition
    with an invalid comparison holds for nothing (also below ``$or`` and ``$not``).
Rule 3: a field that this kind of twin does not have is a field without value, not an error.
Rule 4: work is bounded: ``PAIRS_MAX`` pairs a comparison, then ``Unavailable('query.cost')``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weft.basis.errors import Invalid, Unavailable
from weft.twin.query import index, regex, values
from weft.twin.query.matching import LANG, field_in, parts_of, slots, slots_of
from weft.twin.query.tree import (
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
    Type,
    fields,
    shape,
    written,
)

PAIRS_MAX: Final = 250_000
Json = Mapping[str, Any]
Binding = dict[str, str]
Row = tuple[Binding, Constant | None]
_UNTYPED: Final = ""


def holds(condition: Condition, document: Json, kind: str, around: Sequence[Json] = ()) -> bool:
    """True when ``condition`` holds for ``document`` of ``kind`` (shell, submodel, concept, shell-descriptor, …).

    ``around``: the submodels of a shell, or the shells of a submodel; the condition must hold with one of them.
    Raises ``Unavailable('query.cost')``.
    """
    root = index.ROOT_OF.get(kind, "")
    beside = {"aas": "sm", "sm": "aas"}.get(root)
    if beside is None or not around:
        return Reading({root: document}).result(condition)
    return any(Reading({root: document, beside: one}).result(condition) for one in around)


def looks_beside(condition: Condition, kind: str) -> bool:
    """True when a query for ``kind`` also asks about the shells of a submodel, or the submodels of a shell."""
    wanted = {"shell": {"sm", "sme"}, "submodel": {"aas"}}.get(kind, set())
    return any(one.root in wanted for one in fields(condition))


class Reading:
    """One condition read against one shell or submodel, or one of each; ``nodes``: the only elements it may see."""

    def __init__(self, documents: Mapping[str, Json], nodes: list[index.Node] | None = None) -> None:
        self.documents = documents
        self.valid = True
        self._nodes = nodes

    def result(self, condition: Condition) -> bool:
        return self.truth(condition, must=True) and self.valid

    def truth(self, node: Condition, *, must: bool = False) -> bool:
        """``must``: nothing holds unless this does, so that the first part which is false decides."""
        if isinstance(node, Compare):
            return self.compare(node)
        if isinstance(node, And):
            if must:
                return all(self.truth(one, must=True) for one in node.parts)
            results = [self.truth(one) for one in node.parts]  # all of them: one that is invalid must be seen
            return all(results)
        if isinstance(node, Or):
            results = [self.truth(one) for one in node.parts]
            return any(results)
        if isinstance(node, Not):
            return not self.truth(node.part)
        if isinstance(node, Alone):
            return Reading(self.documents, self._nodes).result(node.part)
        return node.value if isinstance(node, Boolean) else bool(self.matched(node))

    def compare(self, node: Compare) -> bool:
        results = {result for _, result in self.pairs(node, bound=False)}
        if results == {None}:
            self.valid = False
        return True in results

    # ---- values -----------------------------------------------------------------------------------

    def pairs(self, node: Compare, *, bound: bool) -> Iterator[tuple[Binding, bool | None]]:
        """The result of each pair of values, with what it binds."""
        left, right = self.rows(node.left, bound=bound), self.rows(node.right, bound=bound)
        if not left and not right and node.op in {"$eq", "$ge", "$le"}:
            yield {}, True
        if len(left) * len(right) > PAIRS_MAX:
            raise Unavailable("query.cost", limit=PAIRS_MAX)
        kinds = type_of(node.left), type_of(node.right)
        for here, one in left:
            for there, other in right:
                joined = _joined(here, there) if here and there else here or there
                if joined is not None:
                    yield joined, verdict(node.op, one, other, kinds)

    def rows(self, operand: Operand, *, bound: bool) -> list[Row]:
        """The values of ``operand``; with ``bound``, the elements they come from (else each value once)."""
        if isinstance(operand, Constant):
            return [({}, operand)]
        if isinstance(operand, Given):
            return [({}, Constant("str", one)) for one in operand.values]
        if isinstance(operand, Cast):
            return [(at, one and values.cast(one, operand.to)) for at, one in self.rows(operand.of, bound=bound)]
        if isinstance(operand, Part):
            inner = [(at, one and values.cast(one, "dateTime")) for at, one in self.rows(operand.of, bound=bound)]
            return [(at, one and values.part(operand.which, one)) for at, one in inner]
        if not isinstance(operand, Field):
            return []
        found = self.field(operand)
        if bound:
            return [(at, Constant("str", one)) for at, one in found]
        return [({}, Constant("str", one)) for one in dict.fromkeys(one for _, one in found)]

    def field(self, field: Field) -> Iterator[tuple[Binding, str]]:
        if field.root == "sme":
            for node in self.nodes(field.path):
                yield from _of_element(field, node)
            return
        names = slots_of(field)
        for place, value in index.resolve(self.documents.get(field.root), field.attribute):
            yield dict(zip(names, map(str, place), strict=True)), value

    def nodes(self, path: tuple[Token, ...]) -> Iterator[index.Node]:
        """The elements at ``path``, which may begin at any element."""
        if self._nodes is None:
            self._nodes = list(index.nodes(self.documents.get("sm", {})))
        wanted = shape(path)
        for node in self._nodes:
            if not path or (at_shape(node.shape, wanted) and at_path(node.path, path)):
                yield node

    # ---- one and the same element -----------------------------------------------------------------

    def matched(self, match: Match, outer: frozenset[str] = frozenset()) -> list[Binding]:
        """The elements, as bindings, for which all of ``match`` is true."""
        compared, inner, possible = parts_of(match)
        relations = [self.relation(one) for one in compared]
        kept = slots(match) | outer
        for one in inner:
            lists = frozenset(_first_slots(match))
            found = self.matched(one, frozenset(kept) | lists)
            relations.append(_once({k: v for k, v in row.items() if k in kept | lists} for row in found))
        rows: list[Binding] = [{}] if possible else []
        for relation in relations:
            rows = _join(rows, relation)
        return rows

    def relation(self, node: Compare) -> list[Binding]:
        pairs = list(self.pairs(node, bound=True))
        if pairs and all(result is None for _, result in pairs):
            self.valid = False
        return _once(at for at, result in pairs if result)


def at_shape(shape_: str, wanted: str) -> bool:
    """True when ``shape_`` ends with the steps ``wanted``."""
    return shape_ == wanted or shape_.endswith(f".{wanted}")


def at_path(path: str, tokens: tuple[Token, ...]) -> bool:
    """True when the indices that ``tokens`` name are those of ``path``, whose shape fits already."""
    if all(not isinstance(one, int) or one < 0 for one in tokens):
        return True
    had = [int(one) for one in path.replace("[", "]").split("]")[1::2]]
    asked = [one for one in tokens if isinstance(one, int)]
    return all(one in {-1, there} for one, there in zip(asked, had[len(had) - len(asked):], strict=True))


def _of_element(field: Field, node: index.Node) -> Iterator[tuple[Binding, str]]:
    names = slots_of(field)
    at = _places(field.path, node.path) if field.path else [node.path]
    binding = dict(zip(names, at, strict=False))
    rest = names[len(at):]
    element, name = node.element, field.attribute[0]
    if name in {"value", "language"}:
        for place, pair in enumerate(index.atoms(element)):
            found = pair[0 if name == "value" else 1]
            if found is not None:
                yield {**binding, rest[0]: f"{node.path}{LANG}{place}"}, found
        return
    for places, value in index.resolve(element, field.attribute):
        yield {**binding, **{slot: f"{node.path}#{one}" for slot, one in zip(rest, places, strict=True)}}, value


def _places(tokens: tuple[Token, ...], path: str) -> list[str]:
    """The path of each element on the way to ``path``, from where ``tokens`` begin."""
    found = [path]
    for token in reversed(tokens[1:]):
        path = path[:path.rindex("[")] if isinstance(token, int) else path[:path.rindex(".")]
        found.append(path)
    return found[::-1]


def _first_slots(match: Match) -> list[str]:
    """The slots down to the first list of ``match``, which its inner matches share."""
    for part in match.parts:
        if isinstance(part, Match):
            found = _first_slots(part)
            if found:
                return found
            continue
        for operand in (part.left, part.right) if isinstance(part, Compare) else ():
            field = field_in(operand)
            if field is not None:
                names = slots_of(field)
                lists = [place for place, name in enumerate(names) if name.endswith(("[]", "sme:"))]
                if lists:
                    return names[:lists[0] + 1]
    return []


def _joined(left: Binding, right: Binding) -> Binding | None:
    if any(right.get(slot, where) != where for slot, where in left.items()):
        return None
    return {**left, **right}


def _once(rows: Iterator[Binding]) -> list[Binding]:
    return [dict(one) for one in dict.fromkeys(tuple(sorted(row.items())) for row in rows)]


def _join(left: list[Binding], right: list[Binding]) -> list[Binding]:
    """Rows of both that agree where both speak; found through what all of them speak of."""
    if not left or not right:
        return []
    keys = sorted(set.intersection(*(set(row) for row in (*left, *right))))
    placed: dict[tuple[str, ...], list[Binding]] = {}
    for row in right:
        placed.setdefault(tuple(row[key] for key in keys), []).append(row)
    found = []
    for row in left:
        for other in placed.get(tuple(row[key] for key in keys), ()):
            joined = _joined(row, other)
            if joined is not None:
                found.append(joined)
            if len(found) > PAIRS_MAX:
                raise Unavailable("query.cost", limit=PAIRS_MAX)
    return found


# ---- one pair -------------------------------------------------------------------------------------------

def type_of(operand: Operand) -> Type | str:
    """The type of ``operand``; "" for what takes the type of its other side."""
    if isinstance(operand, Constant):
        return operand.type
    if isinstance(operand, Cast):
        return operand.to
    return "num" if isinstance(operand, Part) else _UNTYPED


def verdict(op: str, left: Constant | None, right: Constant | None, kinds: tuple[str, str]) -> bool | None:
    """``left op right``; None when a cast failed."""
    if left is None or right is None:
        return None
    if op in TEXTUAL:
        return _textual(op, values.text_of(left), values.text_of(right))
    target = common(kinds)
    if target is None:
        return op == "$ne"
    one, other = values.cast(left, target), values.cast(right, target)
    if one is None or other is None:
        return None if op in ORDERING else op == "$ne"
    return values.compared(op, one, other)


def common(kinds: tuple[str, str]) -> Type | None:
    """The type in which two sides are compared, or None when theirs differ."""
    left, right = kinds
    if left == right:
        return left or "str"  # type: ignore[return-value]  # a type or ""
    if set(kinds) == {"dateTime", "time"}:
        return "time"
    return (left or right) if not left or not right else None  # type: ignore[return-value]  # the other is ""


def _textual(op: str, left: str, right: str) -> bool | None:
    if op == "$regex":
        try:
            return regex.compiled(right).search(left)
        except Invalid:
            return None
    if op == "$contains":
        return right in left
    return left.startswith(right) if op == "$starts-with" else left.endswith(right)


def told(field: Field) -> str:
    """``field`` as a query writes it."""
    path = f".{written(field.path)}" if field.path else ""
    return f"${field.root}{path}#{written(field.attribute)}"
