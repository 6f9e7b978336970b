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
from weft.pricing.exact import decimals, plain, rounded, written
from weft.pricing.form import factor
from weft.pricing.rates import Card, work_out
from weft.pricing.schema import ATTRIBUTES, PRICE_DECIMALS_MAX, Condition, PriceBook

_ZERO: Final = Fraction(0)


class Attributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that a price may depend on; an empty attribute means the book's standard value.

    ``inputs``: what the model of a rate card is given (``rates.py``), for a part made to a drawing.
    """

    item: str
    quantity: str
    unit: str
    currency: str = ""
    zone: str = ""
    lead_time: str = ""
    payment_term: str = ""
    packaging: str = ""
    published_class: str = ""
    inputs: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step that a person can redo on a pocket calculator; ``pricing.step.<kind>`` is its sentence.

    ``name`` is the tier, the rule or the rate, ``by`` what was applied, ``result`` the value after the step.
    """

    kind: Literal["tier", "material", "minutes", "finish", "piece", "setups", "multiply", "add", "line-charge",
                  "amount", "minimum", "net", "tax"]
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
    def cards(self) -> dict[tuple[str, str], Card]:
        return {(card.item, card.unit): Card(card) for card in self.book.cards}

    @cached_property
    def units(self) -> dict[str, tuple[str, ...]]:
        made: dict[str, tuple[str, ...]] = {}
        sold = [(line.item, line.unit) for line in self.book.lines]
        for item, unit in [*sold, *self.cards]:
            made[item] = (*made.get(item, ()), unit)
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
    ``pricing.attribute-value``, ``pricing.below-first-tier``, ``pricing.below-zero``, ``pricing.input-…``,
    ``quantity.malformed``, ``quantity.not-positive``.
    """
    known = ready(book)
    amount = Fraction(quantity.positive(attributes.quantity, "quantity"))
    if attributes.currency and attributes.currency != book.currency:
        raise Invalid("pricing.wrong-currency", value=attributes.currency[:10], expected=book.currency)
    card = known.cards.get((attributes.item, attributes.unit)) if known.book.cards else None
    if card is not None:
        return _by_card(known, card, attributes, amount)
    offer = known.offer(attributes.item, attributes.unit)
    if attributes.inputs:
        raise Invalid("pricing.no-card", item=attributes.item[:60])
    values = chosen(known, attributes)
    trace: list[Step] = []
    unit, charge = walk(known, offer, {"item": attributes.item, **values}, amount, trace)
    line = unit * amount + charge
    if unit < 0 or line < 0:
        raise Invalid("pricing.below-zero", item=attributes.item[:60])
    filled = msgspec.structs.replace(attributes, currency=book.currency, **values)
    return _taxed(known, filled, offer.base, (unit, charge, amount), trace)


def _by_card(known: Ready, card: Card, attributes: Attributes, amount: Fraction) -> Priced:
    """The price of a part made to a drawing; rules change the price of a piece and the charge, as for other lines."""
    values = chosen(known, attributes)
    worked = work_out(card, attributes.inputs)
    trace = [msgspec.convert({"kind": kind, "name": name, "by": by, "result": result}, Step)
             for kind, name, by, result in worked.steps]
    unit, charge = changed(
        known, {"item": attributes.item, **values}, amount, (worked.piece, worked.charge), trace)
    if unit < 0 or unit * amount + charge < 0:
        raise Invalid("pricing.below-zero", item=attributes.item[:60])
    filled = msgspec.structs.replace(attributes, currency=known.book.currency, inputs=worked.inputs, **values)
    return _taxed(known, filled, "1", (unit, charge, amount), trace, card.minimum)


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
        trace.append(Step(kind="tier", name=start, by=f"{listed} / {offer.base}", result=written(unit)))
    return changed(known, values, amount, (unit, charge), trace)


def changed(
    known: Ready, values: Mapping[str, str], amount: Fraction, price_of: tuple[Fraction, Fraction],
    trace: list[Step] | None,
) -> tuple[Fraction, Fraction]:
    """Price per single unit and charge per line after the book's rules, from those before them."""
    unit, charge = price_of
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
            trace.append(Step(kind=kind, name=change.name, by=change.told, result=written(result)))
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
    base: str,
    parts: tuple[Fraction, Fraction, Fraction],
    trace: list[Step],
    minimum: Fraction = _ZERO,
) -> Priced:
    """The line amount rounded once, and its tax by the book's basis; ``parts`` are unit, charge, quantity."""
    book, minor = known.book, known.minor
    unit, charge, count = parts
    exact = unit * count + charge
    amount = rounded(exact, minor)
    told = decimals(amount, minor)
    sum_of = f"{written(unit)} × {filled.quantity}" + (f" + {written(charge)}" if charge else "")
    trace.append(Step(kind="amount", by=sum_of, result=told))
    if exact < minimum:
        amount = rounded(minimum, minor)
        told = decimals(amount, minor)
        trace.append(Step(kind="minimum", by=written(minimum), result=told))
    if book.basis == "net":
        net, tax = amount, rounded(known.percent * amount / (100 * 10**minor), minor)
    else:
        net = rounded(Fraction(amount * 100, 10**minor) / (100 + known.percent), minor)
        tax = amount - net
        trace.append(
            Step(kind="net", by=f"{told} / (1 + {book.tax.percent} %)", result=decimals(net, minor))
        )
    trace.append(Step(kind="tax", name=book.tax.category, by=f"{book.tax.percent} %", result=decimals(tax, minor)))
    return Priced(
        book=book.hash,
        attributes=filled,
        currency=book.currency,
        basis=book.basis,
        unit_price=plain(rounded(unit * int(base), PRICE_DECIMALS_MAX), PRICE_DECIMALS_MAX),
        base=base,
        amount=told,
        net=decimals(net, minor),
        tax=decimals(tax, minor),
        gross=decimals(net + tax, minor),
        tax_category=book.tax.category,
        tax_percent=book.tax.percent,
        trace=tuple(trace),
    )

