"""What an access document says: who may do what with which twins, when, and which parts of them.

IDTA-01004 v3.0.2, access rule model (with the object literals that 3.1 writes out).
Rule 1: everything that a rule names is resolved: whoever holds a ``Rule`` needs no definitions any more.
Rule 2: nothing is allowed that no rule allows; there are no rules that forbid.
Not here: reading JSON (``reading``), deciding (``deciding``).
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from weft.twin.query.tree import Attribute, Condition, Field, Token

Right = Literal["CREATE", "READ", "UPDATE", "DELETE", "EXECUTE", "VIEW"]
RIGHTS: Final[tuple[Right, ...]] = ("CREATE", "READ", "UPDATE", "DELETE", "EXECUTE", "VIEW")
KIND_OF: Final[Mapping[str, str]] = {"aas": "shell", "sm": "submodel", "cd": "concept", "aasdesc": "shell-descriptor",
                                     "smdesc": "submodel-descriptor"}


class Route(msgspec.Struct, frozen=True):
    """Addresses: one, or all that begin with ``path`` where it ends with ``*``."""

    path: str


class Twin(msgspec.Struct, frozen=True):
    """One twin of ``kind``, or all of them ("*"); ``path`` an element and all within it, "" the whole."""

    kind: str
    id: str
    path: str = ""


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


class Rule(msgspec.Struct, frozen=True):
    """One rule; ``place`` is its number in the document, ``name`` what it is called in sentences ("" none)."""

    place: int
    acl: Acl
    objects: tuple[Object, ...]
    formula: Condition
    filters: tuple[Filter, ...] = ()
    name: str = ""


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
