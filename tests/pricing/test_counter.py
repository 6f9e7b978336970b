"""The counter tells prices with tax, the network without: of one book they are one price, compared net.

Rounding is per line, half up. A slip holds what the customer pays; what the law compares is the net amount in it.
"""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import msgspec
from hypothesis import given

from tests.pricing.books import ask, asks, books, valves
from weft.basis.quantity import MINOR_UNITS
from weft.pricing.evaluate import price

CENTS = {"item": "CENT", "unit": "C62", "tiers": [{"from": "1", "price": "0.01"}]}


def net_at_the_counter(gross: str, percent: str, currency: str, rounding=ROUND_HALF_UP) -> Decimal:
    """The net amount in a line's gross amount, as a cash desk or an auditor works it out."""
    share = Fraction(gross) / (1 + Fraction(percent) / 100)
    minor = Decimal(1).scaleb(-MINOR_UNITS[currency])
    exact = Decimal(share.numerator) / Decimal(share.denominator)
    return exact.quantize(minor, rounding)


@given(books(), asks)
def test_the_gross_price_at_the_counter_and_the_net_price_on_the_network_are_of_one_net_amount(book, attributes):
    """For every sound book, net or gross: what is paid at the counter, less tax, is the network's price to the cent."""
    told = price(book, attributes)
    assert net_at_the_counter(told.gross, told.tax_percent, told.currency) == Decimal(told.net)
    assert Decimal(told.net) + Decimal(told.tax) == Decimal(told.gross)


@given(books(), asks)
def test_what_a_gross_book_says_at_the_counter_is_what_is_paid(book, attributes):
    told = price(msgspec.structs.replace(book, basis="gross"), attributes)
    assert told.amount == told.gross


def test_the_control_another_rounding_breaks_the_law():
    """Cutting off instead of rounding half up gives another net amount before the third cent."""
    told = [price(valves(rules=[], lines=[CENTS]), ask("CENT", str(n))) for n in range(1, 10)]
    for rounding, holds in ((ROUND_HALF_UP, True), (ROUND_DOWN, False)):
        assert holds == all(net_at_the_counter(one.gross, "13", "CNY", rounding) == Decimal(one.net) for one in told)


def test_the_control_rounding_the_sum_instead_of_each_line_breaks_the_law():
    lines = [Fraction("0.05")] * 3  # three lines of 0.05 net at 13 %: each is 0.01 tax, the sum has 0.02
    per_line = sum(Decimal("0.05") + (Decimal("0.05") * Decimal("0.13")).quantize(Decimal("0.01"), ROUND_HALF_UP)
                   for _ in lines)
    of_the_sum = (Decimal("0.15") * Decimal("1.13")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert per_line == Decimal("0.18") != of_the_sum
