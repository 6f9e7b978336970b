"""``$match``: which list its comparisons speak of, and that they all speak of the same one.

IDTA-01002 v3.1, query language, "Match of Elements in Lists".
Rule 1: the list is what stands left of the first ``[]``; two different ones in a match are refused.
Rule 2: a field without ``[]`` is the same for every element and may stand in any match.
Rule 3: a slot is one prefix of a field; within a match, fields with the same slot mean the same element.
"""

from collections.abc import Iterator
from typing import Final

from weft.basis.errors import Invalid
from weft.twin.query.tree import ANY, Boolean, Cast, Compare, Field, Match, Operand, Part, written

LANG: Final = "@"  # the slot of a langString: a value and a language of one property belong together


def check(match: Match, at: str) -> None:
    """Raises ``Invalid('query.match')`` when the fields in ``match`` point into different lists."""
    first = ""
    for field, where in _fields(match, at):
        here = first_list(field)
        if here and first and here != first:
            raise Invalid("query.match", at=where, list=here, other=first)
        first = first or here


def _fields(match: Match, at: str) -> Iterator[tuple[Field, str]]:
    for place, part in enumerate(match.parts):
        if isinstance(part, Match):
            yield from _fields(part, f"{at}/{place}/$match")
        elif isinstance(part, Compare):
            for side, operand in enumerate((part.left, part.right)):
                found = field_in(operand)
                if found is not None:
                    yield found, f"{at}/{place}/{part.op}/{side}"


def field_in(operand: Operand) -> Field | None:
    """The field that ``operand`` reads, through casts and parts."""
    while isinstance(operand, Cast | Part):
        operand = operand.of
    return operand if isinstance(operand, Field) else None


def first_list(field: Field) -> str:
    """The list left of the first ``[]``; "" when there is none. All elements of a submodel are no list of this kind."""
    for tokens, sign in ((field.path, "."), (field.attribute, "#")):
        if ANY in tokens:
            before = written(tokens[:tokens.index(ANY)])
            whole = f"{written(field.path)}#{before}" if sign == "#" and field.path else before
            return f"${field.root}{'#' if sign == '#' and not field.path else '.'}{whole}"
    return ""


def slots(match: Match) -> set[str]:
    """The slots of all fields directly in ``match``."""
    found: set[str] = set()
    for part in match.parts:
        if isinstance(part, Compare):
            for operand in (part.left, part.right):
                field = field_in(operand)
                found |= set(slots_of(field)) if field else set()
    return found


def slots_of(field: Field) -> list[str]:
    """The slots of ``field`` from the outermost in."""
    found = []
    base = f"{field.root}:"
    if field.root == "sme":
        found = [base + written(field.path[:end]) for end in range(1, len(field.path) + 1)] or [base]
        base += written(field.path)
        if field.attribute in {("value",), ("language",)}:
            found.append(f"{base}#{LANG}")
    found += [f"{base}#{written(field.attribute[:end + 1])}"
              for end, token in enumerate(field.attribute) if token == ANY]
    return found


def parts_of(match: Match) -> tuple[list[Compare], list[Match], bool]:
    """Its comparisons, its matches, and whether no constant in it is false."""
    compared = [one for one in match.parts if isinstance(one, Compare)]
    inner = [one for one in match.parts if isinstance(one, Match)]
    return compared, inner, all(one.value for one in match.parts if isinstance(one, Boolean))
