"""What rules make possible together that none of them says alone.

Rule 1: two quantity ranges that leave a narrow band between them pick out orders as one narrow range does.
Rule 2: a book gives a price for every order that it allows: no choice and no quantity may lead below zero.
Not here: each rule taken alone (``form.py``).
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Final, NamedTuple

from weft.basis.quantity import WHOLE_UNITS
from weft.pricing.evaluate import Change, Offer, Ready, ready, walk
from weft.pricing.form import found
from weft.pricing.schema import Finding, PriceBook

TRIES_MAX: Final = 50_000
TOLD_MAX: Final = 20
_ZERO: Final = Fraction(0)


class _Turn(NamedTuple):
    """Where a rule's effect begins or ends as the quantity rises; ``down``: the price falls there."""

    at: Fraction
    down: bool
    place: int


def findings(book: PriceBook) -> Iterator[Finding]:
    """Everything that is wrong with the rules of the sound ``book`` taken together."""
    known = ready(book)
    yield from _bands(known)
    yield from _below_zero(known)


def _bands(known: Ready) -> Iterator[Finding]:
    turns = sorted(turn for place, change in enumerate(known.changes) for turn in _turns(place, change))
    told: set[tuple[int, int]] = set()
    for n, first in enumerate(turns):
        for second in turns[n + 1:]:
            width = second.at - first.at
            if width > 1 and width * 10 >= first.at:
                break
            pair = (first.place, second.place)
            if width == 0 or first.down == second.down or first.place == second.place or pair in told:
                continue
            one, other = known.changes[first.place], known.changes[second.place]
            if not _apart(one, other):
                told.add(pair)
                yield found("exact-number-together", f"rules.{max(pair)}.when", rule=one.name, other=other.name,
                            low=_told(first.at), high=_told(second.at))


def _turns(place: int, change: Change) -> Iterator[_Turn]:
    cheaper = change.add < 0 if change.multiply is None else change.multiply < 1
    for test in change.tests:
        if test.at_least is not None and test.at_least > 0:
            yield _Turn(test.at_least, cheaper, place)
        if test.below is not None:
            yield _Turn(test.below, not cheaper, place)


def _apart(one: Change, other: Change) -> bool:
    """Whether no order can meet both rules: they ask different values of one attribute."""
    asked = {test.attribute: test.values for test in one.tests if test.values}
    return any(not test.values & asked[test.attribute] for test in other.tests
               if test.values and test.attribute in asked)


def _below_zero(known: Ready) -> Iterator[Finding]:
    if all(change.add >= 0 for change in known.changes):
        return  # factors are above zero
    told = 0
    for place, (key, offer) in enumerate(known.offers.items()):
        if told < TOLD_MAX and _lowest(known, offer, key[0]) < 0 and _falls_below(known, offer, key):
            told += 1
            yield found("below-zero", f"lines.{place}.tiers", item=key[0])
    for place, (item, _) in enumerate(known.cards):  # a part may need so little that any deduction is too much
        if _lowest(known, Offer("1", (_ZERO,), (_ZERO,), (("0", "0"),)), item) < 0:
            yield found("below-zero", f"cards.{place}.minimum", item=item)


def _lowest(known: Ready, offer: Offer, item: str) -> Fraction:
    """No order of ``item`` costs less by the piece or in charges than this, though none may cost so little."""
    unit, charge = min(offer.prices), Fraction(0)
    for change in known.changes:
        if any(test.attribute == "item" and item not in test.values for test in change.tests):
            continue
        if change.multiply is not None:
            unit = min(unit, unit * change.multiply)
        elif change.per_line:
            charge += min(Fraction(0), change.add)
        else:
            unit = min(unit, unit + change.add)
    return min(unit, charge)


def _falls_below(known: Ready, offer: Offer, key: tuple[str, str]) -> bool:
    """Whether some order of the item does; with too many to try, it is said to."""
    used = sorted({test.attribute for change in known.changes for test in change.tests} - {"item", "quantity"})
    bounds = {bound for change in known.changes for test in change.tests for bound in (test.at_least, test.below)
              if bound is not None and bound >= offer.starts[0]}
    starts = sorted({*offer.starts, *bounds})
    tries = len(starts)
    for name in used:
        tries *= len(known.book.attributes[name])
    if tries > TRIES_MAX:
        return True
    return any(_negative(known, offer, key, {**known.standard, **dict(zip(used, values, strict=True))}, start)
               for values in product(*(known.book.attributes[name] for name in used)) for start in starts)


def _negative(known: Ready, offer: Offer, key: tuple[str, str], values: Mapping[str, str], start: Fraction) -> bool:
    unit, charge = walk(known, offer, {"item": key[0], **values}, start, None)
    least = start if start > 0 else Fraction(key[1] in WHOLE_UNITS)
    return unit < 0 or unit * least + charge < 0


def _told(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.6f}".rstrip("0")
