"""Money of a slip: what a line comes to, its tax, and sums; whole minor units, rounded half up for each line.

Rule 1: the only rounding is for each line, half up (四舍五入); a slip's sums are the sums of its lines.
Rule 2: a line's tax follows its basis: of a net price it is added, out of a gross price it is taken.
Not here: the price itself (``pricing/``): a till is given it.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple, Protocol

from weft.basis import quantity
from weft.basis.errors import Invalid
from weft.till.slip import ByRate

MINOR_MAX: Final = 10**18  # so that every sum is a quantity that all of Weft can read


class Taxed(NamedTuple):
    """Money in minor units: ``net`` + ``tax`` = ``gross``."""

    net: int
    tax: int
    gross: int


class Money(Protocol):
    """What has ``net``, ``tax`` and ``gross`` as text: a line, a slip."""

    @property
    def net(self) -> str: ...
    @property
    def tax(self) -> str: ...
    @property
    def gross(self) -> str: ...


def minor(text: str, currency: str) -> int:
    """Minor units in ``text``; raises ``Invalid('slip.money')`` unless it has the currency's full minor digits."""
    places = quantity.MINOR_UNITS[currency]
    try:
        units = int(quantity.decimal(text).scaleb(places))
    except Invalid:
        raise Invalid("slip.money", value=text[:40], currency=currency) from None
    if written(units, currency) != text:
        raise Invalid("slip.money", value=text[:40], currency=currency)
    return units


def written(units: int, currency: str) -> str:
    """``units`` minor units with all the digits of the currency: ``-0.05``."""
    places = quantity.MINOR_UNITS[currency]
    whole, rest = divmod(abs(units), 10**places)
    told = f"{whole}.{rest:0{places}d}" if places else str(whole)
    return f"-{told}" if units < 0 else told


def half_up(value: Fraction) -> int:
    """``value``, not below zero, to the next whole number; a half goes up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def amount(count: str, unit_price: str, base: str, currency: str) -> str:
    """What ``count`` come to at ``unit_price`` per ``base``, rounded; for a price that was made at the counter."""
    exact = Fraction(quantity.positive(count)) * Fraction(quantity.decimal(unit_price)) / int(base)
    if exact < 0:
        raise Invalid("slip.money", value=unit_price[:40], currency=currency)
    return written(half_up(exact * 10 ** quantity.MINOR_UNITS[currency]), currency)


def taxed(units: int, basis: str, percent: str) -> Taxed:
    """A line's amount of ``units`` minor units in ``basis``, with its tax."""
    rate = Fraction(quantity.decimal(percent))
    if basis == "gross":
        net = half_up(units * 100 / (100 + rate))
        return Taxed(net, units - net, units)
    tax = half_up(units * rate / 100)
    return Taxed(units, tax, units + tax)


def read(money: Money, currency: str) -> Taxed:
    """The three amounts of a line or slip; raises ``Invalid('slip.money')``."""
    return Taxed(minor(money.net, currency), minor(money.tax, currency), minor(money.gross, currency))


def total(parts: Iterable[Taxed]) -> Taxed:
    """The sum of ``parts``."""
    net = tax = gross = 0
    for one in parts:
        net, tax, gross = net + one.net, tax + one.tax, gross + one.gross
    return Taxed(net, tax, gross)


def by_rate(rows: Iterable[tuple[str, str, Taxed]], currency: str) -> tuple[ByRate, ...]:
    """(category, percent, money) summed for each rate, in the order of category and percent."""
    sums: dict[tuple[str, str], Taxed] = {}
    for category, percent, money in rows:
        sums[category, percent] = total((sums.get((category, percent), Taxed(0, 0, 0)), money))
    return tuple(
        ByRate(tax_category=category, tax_percent=percent, net=written(money.net, currency),
               tax=written(money.tax, currency), gross=written(money.gross, currency))
        for (category, percent), money in sorted(sums.items(), key=lambda pair: _order(*pair[0]))
    )


def _order(category: str, percent: str) -> tuple[str, Fraction]:
    return category, Fraction(quantity.decimal(percent, "tax_percent"))
