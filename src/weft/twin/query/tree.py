"""A read query: what may be asked of a twin, as a tree that is small, immutable and already checked.

IDTA-01002 v3.1, query language.
Rule 1: who holds a tree need not check it again: fields exist, literals are typed, lists of a match agree.
Not here: how JSON or text becomes a tree (``reading``, ``text``), what it says of a document (``holding``).
"""

from typing import Final, Literal

import msgspec

ANY: Final = -1  # the index of ``[]``: any element of the list
Token = str | int
Root = Literal["aas", "sm", "sme", "cd", "aasdesc", "smdesc"]
Type = Literal["str", "num", "bool", "hex", "dateTime", "time"]
ORDERING: Final = frozenset({"$gt", "$ge", "$lt", "$le"})
COMPARISONS: Final = frozenset({"$eq", "$ne"}) | ORDERING
TEXTUAL: Final = frozenset({"$contains", "$starts-with", "$ends-with", "$regex"})


class Field(msgspec.Struct, frozen=True):
    """A place in the model: ``path`` is an idShortPath (only below ``sme``), ``attribute`` leads to one atomic value.

    Both are names and indices in turn; ``ANY`` is the index of ``[]``.
    """

    root: Root
    attribute: tuple[Token, ...]
    path: tuple[Token, ...] = ()


class Constant(msgspec.Struct, frozen=True):
    """A typed value: ``str`` is text, ``num`` a float, ``hex`` an int, ``time`` microseconds of the day.

    ``dateTime`` is (microseconds since 1970, minutes east of UTC).
    """

    type: Type
    value: str | float | int | bool | tuple[int, int]


class Given(msgspec.Struct, frozen=True):
    """Texts from outside the model, such as a claim; like a field they take the type of what they are compared to."""

    values: tuple[str, ...]


class Attribute(msgspec.Struct, frozen=True):
    """What an access rule asks of the subject or the world: CLAIM or GLOBAL and a name, not yet known."""

    source: Literal["CLAIM", "GLOBAL", "REFERENCE"]
    name: str


class Cast(msgspec.Struct, frozen=True):
    """``of`` as another type."""

    to: Type
    of: "Operand"


class Part(msgspec.Struct, frozen=True):
    """A number out of a dateTime: day of the week (0 is Sunday), day of the month, month, year."""

    which: Literal["$dayOfWeek", "$dayOfMonth", "$month", "$year"]
    of: "Operand"


Operand = Field | Constant | Given | Attribute | Cast | Part


class Compare(msgspec.Struct, frozen=True):
    """One comparison, of values or of texts."""

    op: str
    left: Operand
    right: Operand


class Boolean(msgspec.Struct, frozen=True):
    """A constant."""

    value: bool


class And(msgspec.Struct, frozen=True):
    """All of ``parts``; of none: true."""

    parts: tuple["Condition", ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of ``parts``; of none: false."""

    parts: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True):
    """The opposite of ``part``."""

    part: "Condition"


class Alone(msgspec.Struct, frozen=True):
    """A whole condition within another, as the rule of an access document is: where it is invalid it is false."""

    part: "Condition"


class Match(msgspec.Struct, frozen=True):
    """All of ``parts`` for one and the same element of the list they speak of."""

    parts: tuple["Compare | Match | Boolean", ...]


Condition = And | Or | Not | Alone | Match | Compare | Boolean


class Query(msgspec.Struct, frozen=True):
    """A condition, and whether whole objects or only their ids are wanted."""

    condition: Condition
    select_id: bool = False


def comparisons(condition: Condition) -> list[Compare]:
    """Every comparison in ``condition``, in reading order."""
    found: list[Compare] = []
    waiting: list[Condition] = [condition]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Compare):
            found.append(one)
        elif isinstance(one, Not | Alone):
            waiting.append(one.part)
        elif not isinstance(one, Boolean):
            waiting.extend(reversed(one.parts))
    return found


def attributes_in(condition: Condition) -> list[Attribute]:
    """Every attribute that ``condition`` asks of subject or world."""
    found = []
    for one in comparisons(condition):
        for side in (one.left, one.right):
            at = side
            while isinstance(at, Cast | Part):
                at = at.of
            if isinstance(at, Attribute):
                found.append(at)
    return found


def fields(condition: Condition) -> list[Field]:
    """Every field that ``condition`` looks at."""
    found: list[Field] = []
    for one in comparisons(condition):
        for side in (one.left, one.right):
            at = side
            while isinstance(at, Cast | Part):
                at = at.of
            if isinstance(at, Field):
                found.append(at)
    return found


def written(tokens: tuple[Token, ...]) -> str:
    """Names and indices as text: ``A.B[].C``."""
    text = ""
    for token in tokens:
        if isinstance(token, int):
            text += "[]" if token == ANY else f"[{token}]"
        else:
            text += f".{token}" if text else token
    return text


def shape(tokens: tuple[Token, ...]) -> str:
    """``written`` with all indices left open."""
    return written(tuple(ANY if isinstance(token, int) else token for token in tokens))
