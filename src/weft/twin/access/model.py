"""What an access document says: who may do what with which twins, when, and which parts of them.

IDTA-01004 v3.0.2, access rule model (with the object literals that 3.1 writes out).
Rule 1: everything that a rule names is resolved: whoever holds a ``Rule`` needs no definitions any more.
Rule 2: nothing is allowed that no rule allows; there are no rules that forbid.
Not here: reading JSON (``reading``), deciding (``deciding``).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal

import msgspec

from weft.twin.query.tree import Attribute, Condition, Field, Given, Token

Right = Literal["CREATE", "READ", "UPDATE", "DELETE", "EXECUTE", "VIEW"]
RIGHTS: Final[tuple[Right, ...]] = ("CREATE", "READ", "UPDATE", "DELETE", "EXECUTE", "VIEW")
KIND_OF: Final[Mapping[str, str]] = {"aas": "shell", "sm": "submodel", "cd": "concept", "aasdesc": "shell-descriptor",
                                     "smdesc": "submodel-descriptor"}


class Route(msgspec.Struct, frozen=True):
    """Addresses: one, or all that begin with ``path`` where it ends with ``*``."""

    path: str


class Twin(msgspec.Struct, frozen=True):
    """One twin of ``kind``, or all of them ("*"); ``path`` an element and all within it, "" the whole.

    ``element``: the kind of element that the literal says stands at ``path``, "" where it says none.
    """

    kind: str
    id: str
    path: str = ""
    element: str = ""

    @property
    def single(self) -> bool:
        """True for one whole twin."""
        return self.id != "*" and not self.path


class Fragment(msgspec.Struct, frozen=True):
    """A part of every twin of one kind: an element (``path``) or an attribute."""

    root: str
    path: tuple[Token, ...] = ()
    attribute: tuple[Token, ...] = ()


Object = Route | Twin | Fragment


class Acl(msgspec.Struct, frozen=True):
    """Which attributes a subject must have, for which rights."""

    attributes: tuple[Attribute, ...]
    rights: frozenset[str]
    disabled: bool = False


class Filter(msgspec.Struct, frozen=True):
    """Only those parts at ``fragment`` are shown for which ``condition`` holds."""

    fragment: Fragment
    condition: Condition


class Rule(msgspec.Struct, frozen=True, dict=True):
    """One rule; ``place`` is its number in the document, ``name`` what it is called in sentences ("" none)."""

    place: int
    acl: Acl
    objects: tuple[Object, ...]
    formula: Condition
    filters: tuple[Filter, ...] = ()
    name: str = ""

    @cached_property
    def named(self) -> Mapping[str, Given]:
        """By kind, the ids of whole twins that it names one by one, sorted: a rule may name many thousands."""
        found: dict[str, set[str]] = {}
        for one in self.objects:
            if isinstance(one, Twin) and one.single:
                found.setdefault(one.kind, set()).add(one.id)
        return {kind: Given(tuple(sorted(ids))) for kind, ids in found.items()}

    @cached_property
    def known(self) -> Mapping[str, frozenset[str]]:
        """The same, to be asked whether one is among them."""
        return {kind: frozenset(given.values) for kind, given in self.named.items()}

    @cached_property
    def others(self) -> tuple[Object, ...]:
        """What else it speaks of: addresses, all twins of a kind, elements."""
        return tuple(one for one in self.objects if not (isinstance(one, Twin) and one.single))


def put_in(rule: Rule, formula: Condition, filters: tuple[Filter, ...]) -> Rule:
    """``rule`` with another formula and other filters; what is known of its objects is not found out again."""
    made = msgspec.structs.replace(rule, formula=formula, filters=filters)
    made.__dict__.update(named=rule.named, known=rule.known, others=rule.others)
    return made


class Rules(msgspec.Struct, frozen=True):
    """An access document, in its order."""

    rules: tuple[Rule, ...] = ()


class Subject(msgspec.Struct, frozen=True):
    """Who asks: the claims that a trusted issuer has made of it; none at all: nobody we know."""

    claims: Mapping[str, tuple[str, ...]] = {}

    @property
    def anonymous(self) -> bool:
        """True when nothing is known of it."""
        return not self.claims


class World(msgspec.Struct, frozen=True):
    """What does not depend on the subject: instants as ISO 8601 ("" unknown), and values that rules refer to."""

    utc: str
    local: str = ""
    client: str = ""
    references: Mapping[str, tuple[str, ...]] = {}


class Target(msgspec.Struct, frozen=True):
    """What is asked for: twins of ``kind`` ("" none), one ``id`` ("" any), an element ``path``, by ``route``."""

    kind: str = ""
    id: str = ""
    path: str = ""
    route: str = ""


def field_of(fragment: Fragment) -> Field:
    """The fragment as a field; of a fragment without attribute, its path alone counts."""
    return Field(fragment.root, fragment.attribute, fragment.path)  # type: ignore[arg-type]  # roots are checked
