"""What an item costs more under a new version of a book than under the old one.

Rule 1: prices are compared net of tax, exactly, for every choice that both versions offer.
Rule 2: where there are too many choices to look at, the answer is "perhaps dearer", never "no dearer".
Not here: whether an increase was announced in time (``lint.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, product
from typing import Any, Final

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.pricing.evaluate import Attributes, Offer, Ready, changed, chosen, ready, walk
from weft.pricing.schema import ATTRIBUTES, PriceBook, RateCard

CHOICES_MAX: Final = 50_000
STEPS_MAX: Final = 10_000_000  # rules that are looked at in one comparison; a million take about a second


@dataclass(frozen=True, slots=True)
class Rise:
    """From ``start`` of the unit on, the item is dearer; net prices per single unit, or charges per line."""

    item: str
    unit: str
    start: str
    before: str
    after: str


def rises(
    old: PriceBook, new: PriceBook, items: frozenset[str] | None = None, steps_max: int = STEPS_MAX
) -> Iterator[Rise]:
    """The first increase of each line that both versions hold; an item ``*`` when that cannot be told.

    ``items``: the lines that are looked at (None: all); ``steps_max``: the work that is done before it cannot be told.
    """
    if old.currency != new.currency:
        yield Rise("*", "", "", old.currency, new.currency)
        return
    choices = list(_choices(old, new))
    lines, cards = ([key for key in keys if items is None or key[0] in items]
                    for keys in (_moving(old, new), _moving_cards(old, new)))
    if len(choices) * (len(lines) + len(cards)) > CHOICES_MAX \
            or len(choices) * _steps(ready(old), ready(new), lines, cards) > steps_max:
        yield Rise("*", "", "", old.id, new.id)
        return
    for key in cards:
        yield from islice((one for choice in choices for one in _card_rises(ready(old), ready(new), key, choice)), 1)
    for item, unit in lines:
        for choice in choices:
            rise = _rise(ready(old), ready(new), (item, unit), choice)
            if rise is not None:
                yield rise
                break


def _steps(old: Ready, new: Ready, lines: Sequence[tuple[str, str]], cards: Sequence[tuple[str, str]]) -> int:
    """How many rules one choice leads through: every rule at every quantity at which a price may change."""
    bounds = len({*_bounds(old), *_bounds(new)}) + 1
    places = sum(len(old.offers[key].starts) + len(new.offers[key].starts) + bounds for key in lines)
    places += sum(bounds * (len(_rates(old.cards[key].card)) + len(_rates(new.cards[key].card))) for key in cards)
    return places * (len(old.changes) + len(new.changes) + 2)


def _moving(old: PriceBook, new: PriceBook) -> list[tuple[str, str]]:
    """Lines that both versions hold and that do not stand there word for word under the same rules."""
    was = {(line.item, line.unit): line for line in old.lines}
    same_rest = (old.rules, old.attributes, old.tax, old.basis) == (new.rules, new.attributes, new.tax, new.basis)
    both = [line for line in new.lines if (line.item, line.unit) in was]
    return [(line.item, line.unit) for line in both if not (same_rest and was[line.item, line.unit] == line)]


def _moving_cards(old: PriceBook, new: PriceBook) -> list[tuple[str, str]]:
    """Rate cards that both versions hold and that are not the same under the same rules."""
    was = {(card.item, card.unit): card for card in old.cards}
    same_rest = (old.rules, old.attributes, old.tax, old.basis) == (new.rules, new.attributes, new.tax, new.basis)
    both = [card for card in new.cards if (card.item, card.unit) in was]
    return [(card.item, card.unit) for card in both if not (same_rest and was[card.item, card.unit] == card)]


def _card_rises(old: Ready, new: Ready, key: tuple[str, str], choice: Mapping[str, str]) -> Iterator[Rise]:
    """Rates, charges and the minimum that are dearer under ``choice``.

    A price is linear in every rate: if no rate, no charge and nothing that rules add is dearer, no part is.
    """
    was, now = (_rates(known.cards[key].card) for known in (old, new))
    for start in sorted({Fraction(0), *_bounds(old), *_bounds(new)}):
        before, after = (_told_rates(known, key, choice, start, rates) for known, rates in ((old, was), (new, now)))
        for name, price in after.items():
            if name in before and price > before[name]:
                yield Rise(key[0], key[1], _told(start), _told(before[name]), _told(price))


def _rates(card: RateCard) -> dict[str, Fraction]:
    """Every price of ``card`` by its name."""
    found = {"setup": card.setup, "minimum": card.minimum,
             **{f"kg {one.name}": one.price for one in card.materials},
             **{f"minutes {one.name}": one.price for one in card.minutes},
             **{f"{one.per} {one.name}": one.price for one in card.finishes}}
    return {name: Fraction(price) for name, price in found.items()}


def _told_rates(
    known: Ready, key: tuple[str, str], choice: Mapping[str, str], start: Fraction, rates: Mapping[str, Fraction]
) -> dict[str, Fraction]:
    """``rates`` as they count after all rules from quantity ``start`` on, and what rules add by themselves; net."""
    values = {"item": key[0], **values_of(known, key, choice)}
    share = 1 + known.percent / 100 if known.book.basis == "gross" else Fraction(1)
    piece, charge = changed(known, values, start, (Fraction(0), Fraction(0)), None)
    found = {"": piece / share, "charge": charge / share}
    for name, rate in rates.items():
        fixed = name in {"setup", "minimum"}
        after = rate if fixed else changed(known, values, start, (rate, Fraction(0)), None)[0] - piece
        found[name] = after / share
    return found


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
    values = values_of(known, key, choice)
    unit, charge = walk(known, offer, {"item": key[0], **values}, start, None)
    share = 1 + known.percent / 100 if known.book.basis == "gross" else Fraction(1)
    return unit / share, charge / share


def values_of(known: Ready, key: tuple[str, str], choice: Mapping[str, str]) -> dict[str, str]:
    """The attributes of ``choice`` as far as the book lists them, its standard values for the others."""
    asked: dict[str, Any] = {name: value for name, value in choice.items() if name in known.allowed}
    return chosen(known, Attributes(item=key[0], quantity="1", unit=key[1], **asked))


def _told(value: Fraction) -> str:
    """``value`` to 6 decimals, for a sentence."""
    try:
        return quantity.text(quantity.decimal(f"{float(value):.6f}"))
    except Invalid:
        return str(value)
