"""The price: a pure, total, deterministic function of a book and public attributes.

Rule 1: arithmetic is exact; the only rounding is per line, half up, to the currency's minor unit.
Rule 2: who asks, where and when cannot enter: ``Attributes`` has no such field.
Not here: which book is in force (``publish.py``), taxes across lines (``trade/``).
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal

import msgspec

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.pricing.form import factor
from weft.pricing.schema import ATTRIBUTES, PRICE_DECIMALS_MAX, Condition, PriceBook

_EXACT_SCALE: Final = 10**12


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that a price may depend on; an empty attribute means the book's standard value."""

    item: str
    quantity: str
    unit: str
    currency: str = ""
    zone: str = ""
    lead_time: str = ""
    payment_term: str = ""
    packaging: str = ""
    published_class: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step that a person can redo on a pocket calculator; ``pricing.step.<kind>`` is its sentence.

    ``name`` is the tier or the rule, ``by`` what was applied, ``result`` the value after the step.
    """

    kind: Literal["tier", "multiply", "add", "line-charge", "amount", "net", "tax"]
    name: str = ""
    by: str = ""
    result: str


class Priced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The price of one line under the book whose hash is ``book``.

    ``unit_price`` is per ``base`` units after all rules, shown to 6 decimals, in the book's ``basis``;
    ``amount`` is the line in that basis; all money is in ``currency`` with its full minor digits.
    ``attributes`` are the given ones with the book's standard values filled in.
    """

    book: str
    attributes: Attributes
    currency: str
    basis: Literal["net", "gross"]
    unit_price: str
    base: str
    amount: str
    net: str
    tax: str
    gross: str
    tax_category: str
    tax_percent: str
    trace: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition made ready: ``values`` of an attribute, or the range of the quantity."""

    attribute: str
    values: frozenset[str]
    at_least: Fraction | None
    below: Fraction | None

    def holds(self, values: Mapping[str, str], amount: Fraction) -> bool:
        if self.attribute != "quantity":
            return values[self.attribute] in self.values
        above = self.at_least is None or amount >= self.at_least
        return above and (self.below is None or amount < self.below)


@dataclass(frozen=True, slots=True)
class Change:
    """A rule made ready."""

    name: str
    tests: tuple[Test, ...]
    multiply: Fraction | None
    add: Fraction
    per_line: bool
    told: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A line made ready: rising thresholds and the price per single unit from each."""

    base: str
    starts: tuple[Fraction, ...]
    prices: tuple[Fraction, ...]
    told: tuple[tuple[str, str], ...]


class Ready:
    """A book made ready for pricing, kept beside the book so that it is made once."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self.minor = quantity.MINOR_UNITS[book.currency]
        self.percent = Fraction(book.tax.percent)
        self.allowed = {name: frozenset(values) for name, values in book.attributes.items()}
        self.standard = {name: values[0] for name, values in book.attributes.items()}

    def offer(self, item: str, unit: str) -> Offer:
        """What ``item`` costs by ``unit``; raises ``Invalid`` when the book does not sell it so."""
        found = self.offers.get((item, unit))
        if found is None and item in self.units:
            raise Invalid("pricing.wrong-unit", item=item[:60], value=unit[:10], sold=", ".join(self.units[item]))
        if found is None:
            raise Invalid("pricing.unknown-item", item=item[:60], book=self.book.id)
        return found

    @cached_property
    def offers(self) -> dict[tuple[str, str], Offer]:
        made = {}
        for line in self.book.lines:
            base = int(line.base)
            made[line.item, line.unit] = Offer(
                line.base,
                tuple(Fraction(tier.from_) for tier in line.tiers),
                tuple(Fraction(tier.price) / base for tier in line.tiers),
                tuple((tier.from_, tier.price) for tier in line.tiers),
            )
        return made

    @cached_property
    def units(self) -> dict[str, tuple[str, ...]]:
        made: dict[str, tuple[str, ...]] = {}
        for line in self.book.lines:
            made[line.item] = (*made.get(line.item, ()), line.unit)
        return made

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(
                rule.id,
                tuple(_test(condition) for condition in rule.when),
                factor(rule.multiply) if rule.multiply else None,
                Fraction(rule.add or 0),
                rule.per == "line",
                rule.multiply or rule.add,
            )
            for rule in self.book.rules
        )


def ready(book: PriceBook) -> Ready:
    """``book`` made ready, once; the book must be sound (``book.load``)."""
    kept = book.__dict__.get("ready")
    if kept is None:
        kept = book.__dict__["ready"] = Ready(book)
    assert isinstance(kept, Ready)
    return kept


def price(book: PriceBook, attributes: Attributes) -> Priced:
    """The price of ``attributes`` under the sound ``book``.

    Raises ``Invalid``: ``pricing.unknown-item``, ``pricing.wrong-unit``, ``pricing.wrong-currency``,
    ``pricing.attribute-value``, ``pricing.below-first-tier``, ``pricing.below-zero``,
    ``quantity.malformed``, ``quantity.not-positive``.
    """
    known = ready(book)
    amount = Fraction(quantity.positive(attributes.quantity, "quantity"))
    if attributes.currency and attributes.currency != book.currency:
        raise Invalid("pricing.wrong-currency", value=attributes.currency[:10], expected=book.currency)
    offer = known.offer(attributes.item, attributes.unit)
    values = chosen(known, attributes)
    trace: list[Step] = []
    unit, charge = walk(known, offer, {"item": attributes.item, **values}, amount, trace)
    line = unit * amount + charge
    if unit < 0 or line < 0:
        raise Invalid("pricing.below-zero", item=attributes.item[:60])
    filled = msgspec.structs.replace(attributes, currency=book.currency, **values)
    return _taxed(known, filled, offer, (unit, charge, amount), trace)


def follows(book: PriceBook, priced: Priced) -> bool:
    """Whether ``priced`` is exactly what ``book`` gives for the attributes it names (the buyer's check)."""
    try:
        return price(book, priced.attributes) == priced
    except Invalid:
        return False


def chosen(known: Ready, attributes: Attributes) -> dict[str, str]:
    """The value of each attribute that the book lists: the given one, else the standard one."""
    values = {}
    for name in ATTRIBUTES:
        given = getattr(attributes, name)
        allowed = known.allowed.get(name)
        if given and (allowed is None or given not in allowed):
            listed = ", ".join(known.book.attributes.get(name, ()))
            raise Invalid("pricing.attribute-value", attribute=name, value=given[:40], listed=listed[:120] or "-")
        if allowed is not None:
            values[name] = given or known.standard[name]
    return values


def walk(
    known: Ready, offer: Offer, values: Mapping[str, str], amount: Fraction, trace: list[Step] | None
) -> tuple[Fraction, Fraction]:
    """The exact price per single unit and the charge per line, after all rules; steps go to ``trace``."""
    at = bisect_right(offer.starts, amount) - 1
    if at < 0:
        raise Invalid("pricing.below-first-tier", item=values["item"][:60], minimum=offer.told[0][0])
    unit, charge = offer.prices[at], Fraction(0)
    if trace is not None:
        start, listed = offer.told[at]
        trace.append(Step(kind="tier", name=start, by=f"{listed} / {offer.base}", result=_exact(unit)))
    for change in known.changes:
        if not all(test.holds(values, amount) for test in change.tests):
            continue
        kind: Literal["multiply", "add", "line-charge"]
        if change.multiply is not None:
            kind, unit = "multiply", unit * change.multiply
        elif change.per_line:
            kind, charge = "line-charge", charge + change.add
        else:
            kind, unit = "add", unit + change.add
        if trace is not None:
            result = charge if kind == "line-charge" else unit
            trace.append(Step(kind=kind, name=change.name, by=change.told, result=_exact(result)))
    return unit, charge


def _test(condition: Condition) -> Test:
    return Test(
        condition.attribute,
        frozenset(condition.one_of),
        Fraction(condition.at_least) if condition.at_least else None,
        Fraction(condition.below) if condition.below else None,
    )


def _taxed(
    known: Ready,
    filled: Attributes,
    offer: Offer,
    parts: tuple[Fraction, Fraction, Fraction],
    trace: list[Step],
) -> Priced:
    """The line amount rounded once, and its tax by the book's basis; ``parts`` are unit, charge, quantity."""
    book, minor = known.book, known.minor
    unit, charge, count = parts
    amount = _rounded(unit * count + charge, minor)
    told = _decimals(amount, minor)
    sum_of = f"{_exact(unit)} × {filled.quantity}" + (f" + {_exact(charge)}" if charge else "")
    trace.append(Step(kind="amount", by=sum_of, result=told))
    if book.basis == "net":
        net, tax = amount, _rounded(known.percent * amount / (100 * 10**minor), minor)
    else:
        net = _rounded(Fraction(amount * 100, 10**minor) / (100 + known.percent), minor)
        tax = amount - net
        trace.append(
            Step(kind="net", by=f"{told} / (1 + {book.tax.percent} %)", result=_decimals(net, minor))
        )
    trace.append(Step(kind="tax", name=book.tax.category, by=f"{book.tax.percent} %", result=_decimals(tax, minor)))
    return Priced(
        book=book.hash,
        attributes=filled,
        currency=book.currency,
        basis=book.basis,
        unit_price=_plain(_rounded(unit * int(offer.base), PRICE_DECIMALS_MAX), PRICE_DECIMALS_MAX),
        base=offer.base,
        amount=told,
        net=_decimals(net, minor),
        tax=_decimals(tax, minor),
        gross=_decimals(net + tax, minor),
        tax_category=book.tax.category,
        tax_percent=book.tax.percent,
        trace=tuple(trace),
    )


def _rounded(value: Fraction, places: int) -> int:
    """``value``, not below zero, in units of the last of ``places`` decimals, rounded half up."""
    above: int = value.numerator * 10**places
    below = value.denominator
    return (2 * above + below) // (2 * below)


def _decimals(value: int, places: int) -> str:
    """``value`` units of the last of ``places`` decimals, with all ``places`` written."""
    whole, rest = divmod(value, 10**places)
    return f"{whole}.{rest:0{places}d}" if places else str(whole)


def _plain(value: int, places: int) -> str:
    """``value`` units of the last of ``places`` decimals in the one spelling, without zeros at the end."""
    return _decimals(value, places).rstrip("0").rstrip(".")


def _exact(value: Fraction) -> str:
    """``value`` as a decimal where it ends within 12 places, else as a fraction."""
    below = value.denominator
    if below == 1:
        return str(value.numerator)
    scaled, rest = divmod(value.numerator * _EXACT_SCALE, below)
    if rest:
        return f"{value.numerator}/{below}"
    whole, places = divmod(abs(scaled), _EXACT_SCALE)
    return f"{'-' if scaled < 0 else ''}{whole}.{places:012d}".rstrip("0")
