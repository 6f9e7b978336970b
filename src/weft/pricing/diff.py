"""What becomes dearer, what cheaper, and what else changes from one version of a book to another.

Rule 1: prices are compared net of tax and exactly, as ``compare.py`` does; shares are rounded for reading only.
Rule 2: the standard choice comes first; another choice is told only where its change is another one.
Not here: whether an increase was announced in time (``lint.py``).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any, Final, Literal

import msgspec

from weft.basis import quantity
from weft.pricing.compare import net_at
from weft.pricing.evaluate import ready
from weft.pricing.schema import ATTRIBUTES, Part, PriceBook, RateCard, Rule

LINES_FULL_MAX: Final = 5_000  # choices times lines; beyond it only the standard choice is looked at
CHOICES_TOLD_MAX: Final = 6

Kind = Literal["new", "gone", "dearer", "cheaper", "both", "same"]


class Move(Part, frozen=True, kw_only=True):
    """From ``start`` of the unit on: net prices per the line's ``base``, and the change in per cent, signed.

    ``of`` is "unit", or "line" for a charge that is taken once per line.
    """

    start: str
    before: str
    after: str
    percent: str = ""
    of: Literal["unit", "line"] = "unit"


class Choice(Part, frozen=True, kw_only=True):
    """What moves under one choice of attributes; without any, the standard one."""

    attributes: dict[str, str] = {}
    moves: tuple[Move, ...] = ()


class ItemChange(Part, frozen=True, kw_only=True):
    """One line of a book that is new, gone, or moves."""

    item: str
    unit: str
    kind: Kind
    base: str = "1"
    choices: tuple[Choice, ...] = ()


class RateMove(Part, frozen=True, kw_only=True):
    """A rate of a card, net: ``what`` is material, minutes, finish, setup or minimum; ``""`` where it is not there."""

    what: str
    name: str = ""
    before: str = ""
    after: str = ""
    percent: str = ""


class CardChange(Part, frozen=True, kw_only=True):
    """A rate card that is new, gone, or has other rates."""

    item: str
    unit: str
    kind: Literal["new", "gone", "changed"]
    moves: tuple[RateMove, ...] = ()


class FieldChange(Part, frozen=True, kw_only=True):
    """A word at the head of the book, or the values of an attribute (``attributes.zone``)."""

    field: str
    before: str
    after: str


class RuleChange(Part, frozen=True, kw_only=True):
    """A rule that is new (no ``before``), gone (no ``after``) or another one."""

    id: str
    before: Rule | None = None
    after: Rule | None = None


class Differences(Part, frozen=True, kw_only=True):
    """All that changes; ``counts`` by kind of item. ``comparable``: both have one currency. ``whole``: every choice."""

    items: tuple[ItemChange, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    rules: tuple[RuleChange, ...] = ()
    cards: tuple[CardChange, ...] = ()
    counts: dict[str, int] = {}
    comparable: bool = True
    whole: bool = True

    @property
    def nothing(self) -> bool:
        """Whether the two say the same."""
        return not (self.items or self.cards or self.fields or self.rules)


def differences(old: PriceBook, new: PriceBook) -> Differences:
    """What changes from the sound ``old`` to the sound ``new``; items that stay as they are are only counted."""
    comparable = old.currency == new.currency
    choices = list(_choices(old, new))
    whole = len(choices) * len(new.lines) <= LINES_FULL_MAX
    items = list(_items(old, new, choices if whole else choices[:1])) if comparable else []
    counts: dict[str, int] = {}
    for one in items:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return Differences(
        items=tuple(one for one in items if one.kind != "same"), fields=tuple(_fields(old, new)),
        rules=tuple(_rules(old, new)), cards=tuple(_cards(old, new)) if comparable else (), counts=counts,
        comparable=comparable, whole=whole)


def _choices(old: PriceBook, new: PriceBook) -> Iterator[dict[str, str]]:
    """The standard choice, then all others that both versions offer and some rule asks for."""
    yield {}
    used = {c.attribute for book in (old, new) for rule in book.rules for c in rule.when}
    names = [name for name in ATTRIBUTES if name in used and name in old.attributes and name in new.attributes]
    values = [["", *(one for one in new.attributes[name][1:] if one in old.attributes[name])] for name in names]
    for n, choice in enumerate(product(*values)):
        if n > LINES_FULL_MAX:
            return
        if any(choice):
            yield {name: value for name, value in zip(names, choice, strict=True) if value}


def _items(old: PriceBook, new: PriceBook, choices: list[dict[str, str]]) -> Iterator[ItemChange]:
    was = {(line.item, line.unit): line for line in old.lines}
    now = {(line.item, line.unit): line for line in new.lines}
    same_rest = (old.rules, old.attributes, old.tax, old.basis) == (new.rules, new.attributes, new.tax, new.basis)
    for key, line in now.items():
        if key not in was:
            yield ItemChange(item=line.item, unit=line.unit, kind="new", base=line.base)
        elif same_rest and was[key] == line:
            yield ItemChange(item=line.item, unit=line.unit, kind="same")
        else:
            yield _item(old, new, key, choices)
    for key, line in was.items():
        if key not in now:
            yield ItemChange(item=line.item, unit=line.unit, kind="gone", base=line.base)


def _item(old: PriceBook, new: PriceBook, key: tuple[str, str], choices: list[dict[str, str]]) -> ItemChange:
    base = ready(new).offers[key].base
    told = [Choice(attributes=choice, moves=tuple(_moves(old, new, key, choice))) for choice in choices]
    standard = told[0]
    shares = {(move.start, move.percent, move.of) for move in standard.moves}
    others = [one for one in told[1:] if {(move.start, move.percent, move.of) for move in one.moves} != shares]
    shown = tuple(one for one in (standard, *others) if one.moves)
    ups = {Fraction(move.after) > Fraction(move.before) for one in shown for move in one.moves}
    kind: Kind = "same" if not ups else "both" if len(ups) > 1 else "dearer" if ups == {True} else "cheaper"
    return ItemChange(item=key[0], unit=key[1], kind=kind, base=base, choices=shown[:CHOICES_TOLD_MAX])


def _moves(old: PriceBook, new: PriceBook, key: tuple[str, str], choice: Mapping[str, str]) -> Iterator[Move]:
    """The steps from which both versions give a price, where it moves; equal neighbours are one."""
    known = (ready(old), ready(new))
    offers = (known[0].offers[key], known[1].offers[key])
    bounds = {bound for one in known for change in one.changes for test in change.tests
              for bound in (test.at_least, test.below) if bound is not None}
    base = int(offers[1].base)
    last: tuple[object, object] = ((), ())
    for start in sorted({*offers[0].starts, *offers[1].starts, *bounds}):
        if start < offers[0].starts[0] or start < offers[1].starts[0]:
            continue
        (before, charge_before), (after, charge_after) = (
            net_at(one, offer, key, choice, start) for one, offer in zip(known, offers, strict=True))
        here = ((before, after), (charge_before, charge_after))
        if before != after and last[0] != here[0]:
            yield Move(start=written(start), before=written(before * base), after=written(after * base),
                       percent=share(before, after))
        if charge_before != charge_after and last[1] != here[1]:
            yield Move(start=written(start), before=written(charge_before), after=written(charge_after),
                       percent=share(charge_before, charge_after), of="line")
        last = here


def share(before: Fraction, after: Fraction) -> str:
    """The change in per cent with its sign, rounded half up to 2 decimals (more when it is smaller): ``+5.26``."""
    if not before:
        return ""
    moved = (after - before) / abs(before) * 100
    told = _places(abs(moved), 2)
    told = _places(abs(moved), 6) if told == "0" else told
    return f"{'+' if moved > 0 else '-'}{told}" if told != "0" else told


def written(value: Fraction) -> str:
    """``value`` to 6 decimals, rounded half up."""
    told = _places(abs(value), 6)
    return f"-{told}" if value < 0 and told != "0" else told


def _places(value: Fraction, places: int) -> str:
    """``value``, not below zero, to ``places`` decimals, rounded half up."""
    scaled = (2 * value.numerator * 10**places + value.denominator) // (2 * value.denominator)
    return quantity.text(Decimal(scaled).scaleb(-places))


def _fields(old: PriceBook, new: PriceBook) -> Iterator[FieldChange]:
    flat = (_flat(old), _flat(new))
    for name in dict.fromkeys([*flat[0], *flat[1]]):
        before, after = flat[0].get(name, ""), flat[1].get(name, "")
        if before != after:
            yield FieldChange(field=name, before=before, after=after)


def _flat(book: PriceBook) -> dict[str, str]:
    """All that is neither a line nor a rule, by the name of its field."""
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(book, lines=(), cards=(), rules=()))
    found: dict[str, str] = {}
    for name, value in told.items():
        if name == "attributes":
            found |= {f"attributes.{one}": ", ".join(values) for one, values in value.items()}
        elif isinstance(value, dict):
            found |= {f"{name}.{one}": str(inner) for one, inner in value.items()}
        elif name not in {"lines", "cards", "rules"}:
            found[name] = str(value)
    return found


def _cards(old: PriceBook, new: PriceBook) -> Iterator[CardChange]:
    was, now = ({(card.item, card.unit): card for card in book.cards} for book in (old, new))
    for key in dict.fromkeys([*now, *was]):
        if key not in was or key not in now:
            yield CardChange(item=key[0], unit=key[1], kind="new" if key in now else "gone")
        elif (moves := tuple(_rate_moves(_rates(old, was[key]), _rates(new, now[key])))) or was[key] != now[key]:
            yield CardChange(item=key[0], unit=key[1], kind="changed", moves=moves)


def _rates(book: PriceBook, card: RateCard) -> dict[tuple[str, str], Fraction]:
    """Every rate of ``card``, net, by what it is for."""
    share = 1 + Fraction(book.tax.percent) / 100 if book.basis == "gross" else Fraction(1)
    told = {**{("material", one.name): one.price for one in card.materials},
            **{("minutes", one.name): one.price for one in card.minutes}, ("setup", ""): card.setup,
            **{("finish", one.name): one.price for one in card.finishes},
            **({("minimum", ""): card.minimum} if card.minimum else {})}
    return {key: Fraction(price) / share for key, price in told.items()}


def _rate_moves(was: Mapping[tuple[str, str], Fraction], now: Mapping[tuple[str, str], Fraction]) -> Iterator[RateMove]:
    for key in dict.fromkeys([*now, *was]):
        before, after = was.get(key), now.get(key)
        if before != after:
            told = "" if before is None or after is None else share(before, after)
            yield RateMove(what=key[0], name=key[1], before="" if before is None else written(before),
                           after="" if after is None else written(after), percent=told)


def _rules(old: PriceBook, new: PriceBook) -> Iterator[RuleChange]:
    was, now = ({rule.id: rule for rule in book.rules} for book in (old, new))
    for name in dict.fromkeys([*now, *was]):
        if was.get(name) != now.get(name):
            yield RuleChange(id=name, before=was.get(name), after=now.get(name))
