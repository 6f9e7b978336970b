"""What an item costs more under a new version of a book than under the old one.

Rule 1: prices are compared net of tax, exactly, for every choice that both versions offer.
Rule 2: where there are too many choices to look at, the answer is "perhaps dearer", never "no dearer".
Not here: whether an increase was announced in time (``lint.py``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Final

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.pricing.evaluate import Attributes, Offer, Ready, chosen, ready, walk
from weft.pricing.schema import ATTRIBUTES, PriceBook

CHOICES_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class Rise:
    """From ``start`` of the unit on, the item is dearer; net prices per single unit, or charges per line."""

    item: str
    unit: str
    start: str
    before: str
    after: str


def rises(old: PriceBook, new: PriceBook) -> Iterator[Rise]:
    """The first increase of each line that both versions hold; an item ``*`` when that cannot be told."""
    if old.currency != new.currency:
        yield Rise("*", "", "", old.currency, new.currency)
        return
    choices = list(_choices(old, new))
    lines = _moving(old, new)
    if len(choices) * len(lines) > CHOICES_MAX:
        yield Rise("*", "", "", old.id, new.id)
        return
    for item, unit in lines:
        for choice in choices:
            rise = _rise(ready(old), ready(new), (item, unit), choice)
            if rise is not None:
                yield rise
                break


def _moving(old: PriceBook, new: PriceBook) -> list[tuple[str, str]]:
    """Lines that both versions hold and that do not stand there word for word under the same rules."""
    was = {(line.item, line.unit): line for line in old.lines}
    same_rest = (old.rules, old.attributes, old.tax, old.basis) == (new.rules, new.attributes, new.tax, new.basis)
    both = [line for line in new.lines if (line.item, line.unit) in was]
    return [(line.item, line.unit) for line in both if not (same_rest and was[line.item, line.unit] == line)]


def _choices(old: PriceBook, new: PriceBook) -> Iterator[dict[str, str]]:
    """Attribute values that a buyer could ask of both versions, and the silence that means "standard"."""
    if old.rules == new.rules and old.attributes == new.attributes:
        yield {}  # equal rules raise no price that the tiers do not raise
        return
    used = {c.attribute for book in (old, new) for rule in book.rules for c in rule.when}
    names = [name for name in ATTRIBUTES if name in used]
    known = []
    for name in names:
        was, now = old.attributes.get(name), new.attributes.get(name)
        both = [value for value in (now or was or ()) if was is None or now is None or value in was]
        known.append(["", *both])
    total = 1
    for values in known:
        total *= len(values)
    if total > CHOICES_MAX:
        yield from ({} for _ in range(CHOICES_MAX + 1))
        return
    for choice in product(*known):
        yield dict(zip(names, choice, strict=True))


def _rise(old: Ready, new: Ready, key: tuple[str, str], choice: dict[str, str]) -> Rise | None:
    item, unit = key
    was, now = old.offers[key], new.offers[key]
    starts = sorted({*was.starts, *now.starts, *_bounds(old), *_bounds(new)})
    for start in starts:
        if start < was.starts[0] or start < now.starts[0]:
            continue
        before, charge_before = net_at(old, was, key, choice, start)
        after, charge_after = net_at(new, now, key, choice, start)
        if after > before:
            return Rise(item, unit, _told(start), _told(before), _told(after))
        if charge_after > charge_before:
            return Rise(item, unit, _told(start), _told(charge_before), _told(charge_after))
    return None


def _bounds(known: Ready) -> Iterator[Fraction]:
    for change in known.changes:
        for test in change.tests:
            if test.at_least is not None:
                yield test.at_least
            if test.below is not None:
                yield test.below


def net_at(
    known: Ready, offer: Offer, key: tuple[str, str], choice: Mapping[str, str], start: Fraction
) -> tuple[Fraction, Fraction]:
    """Price per unit and charge per line from quantity ``start`` on, net of tax."""
    asked = {name: value for name, value in choice.items() if name in known.allowed}
    values = chosen(known, Attributes(item=key[0], quantity="1", unit=key[1], **asked))
    unit, charge = walk(known, offer, {"item": key[0], **values}, start, None)
    share = 1 + known.percent / 100 if known.book.basis == "gross" else Fraction(1)
    return unit / share, charge / share


def _told(value: Fraction) -> str:
    """``value`` to 6 decimals, for a sentence."""
    try:
        return quantity.text(quantity.decimal(f"{float(value):.6f}"))
    except Invalid:
        return str(value)
