"""What a price book is made of, as canonical JSON holds it.

Every number is a decimal string; a factor is a rational such as ``19/20``.
Rule 1: no field can name a buyer or a sales channel; the attributes are the closed list ``ATTRIBUTES``.
Rule 2: a stored field never changes its meaning: the hash of old books must stay.
Not here: what makes a book sound (``form.py``), its price (``evaluate.py``).
"""

from functools import cached_property
from typing import Final, Literal

import msgspec

from weft.basis import canonical

ATTRIBUTES: Final = ("zone", "lead_time", "payment_term", "packaging", "published_class")
CONDITIONS_MAX: Final = 2
PRICE_DECIMALS_MAX: Final = 6


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A piece of a price book; a field that is not declared is refused."""


class Tax(Part, frozen=True, kw_only=True):
    """Tax on every line: UNCL 5305 ``category`` such as ``S``, and its ``percent`` such as ``13``."""

    category: str
    percent: str


class Tier(Part, frozen=True, kw_only=True):
    """From this quantity on (inclusive) the price, in the book's currency per ``Line.base`` units."""

    from_: str = msgspec.field(name="from")
    price: str


class Line(Part, frozen=True, kw_only=True):
    """What one item costs in one unit; ``base`` is the number of units that a price is for."""

    item: str
    unit: str
    tiers: tuple[Tier, ...]
    base: Literal["1", "100", "1000"] = "1"


class Rate(Part, frozen=True, kw_only=True):
    """What one unit of ``name`` costs: a kilogram of a material, a machine minute of a class of work centres."""

    name: str
    price: str


class Finish(Part, frozen=True, kw_only=True):
    """What a finish costs: per square decimetre, or per piece whatever its size."""

    name: str
    price: str
    per: Literal["dm2", "piece"] = "dm2"


class RateCard(Part, frozen=True, kw_only=True):
    """What parts made to a drawing cost: rates, and the ``model`` (``rates.py``) that adds them up.

    ``item`` is what the book calls such parts; of ``materials`` the first is the standard one. ``setup`` is per set-up
    and line; a line never costs less than ``minimum``. All in the book's currency and basis.
    """

    item: str
    model: Literal["machined-part/1"]
    unit: str = "C62"
    name: str = ""
    materials: tuple[Rate, ...] = ()
    minutes: tuple[Rate, ...] = ()
    setup: str = "0"
    finishes: tuple[Finish, ...] = ()
    minimum: str = ""


class Condition(Part, frozen=True, kw_only=True):
    """True when the attribute is ``one_of`` the values, or the quantity lies in [``at_least``, ``below``)."""

    attribute: str
    one_of: tuple[str, ...] = ()
    at_least: str = ""
    below: str = ""


class Rule(Part, frozen=True, kw_only=True):
    """When all conditions hold: multiply the unit price, or add per single unit or once per line."""

    id: str
    when: tuple[Condition, ...] = ()
    multiply: str = ""
    add: str = ""
    per: Literal["unit", "line"] = "unit"
    name: str = ""


class PriceBook(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, dict=True
):
    """One version of a price rule; ``id`` stays from version to version, the hash names the version.

    ``attributes`` maps a name to its closed list of values, the first being the standard one.
    ``valid_from`` and ``valid_until`` (exclusive, empty = open) are instants; ``notice_days`` is how long
    before an increase the next version is published. ``cards`` price parts made to a drawing; ``attested``: after
    production the billed machine minutes are compared with the machine's own record, and the buyer is told.
    """

    id: str
    name: str
    currency: str
    basis: Literal["net", "gross"]
    tax: Tax
    lines: tuple[Line, ...]
    valid_from: str
    attributes: dict[str, tuple[str, ...]] = {}
    rules: tuple[Rule, ...] = ()
    valid_until: str = ""
    notice_days: int = 0
    disclosure: Literal["to-counterparties", "public"] = "to-counterparties"
    attested: bool = False
    cards: tuple[RateCard, ...] = ()

    @cached_property
    def sold(self) -> tuple[tuple[str, str], ...]:
        """(item, unit) of all that has a price: lines, then rate cards."""
        return (*((line.item, line.unit) for line in self.lines), *((card.item, card.unit) for card in self.cards))

    @cached_property
    def canonical(self) -> bytes:
        """Canonical bytes; raises ``Invalid`` outside the profile."""
        return canonical.encode(msgspec.to_builtins(self))

    @cached_property
    def hash(self) -> str:
        """base64url of the digest ``price-book/1`` over the canonical bytes."""
        return canonical.b64(canonical.digest("price-book/1", self.canonical))


class Finding(Part, frozen=True, kw_only=True):
    """Something that keeps a book from being published: a stable code and the facts of its sentence.

    ``place`` is the field that it concerns, such as ``lines.3.tiers.1.price``; empty: the book as a whole.
    """

    code: str
    facts: dict[str, str | int] = {}
    place: str = ""
