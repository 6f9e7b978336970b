"""The price is a function of book and public attributes alone, exact but for one rounding per line."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.books import ask, asks, books, decimals, valves
from weft.basis.errors import Invalid
from weft.pricing import book
from weft.pricing.evaluate import Attributes, Priced, follows, price
from weft.pricing.schema import ATTRIBUTES


def code(of, attributes):
    with pytest.raises(Invalid) as found:
        price(of, attributes)
    return found.value.code


@pytest.mark.parametrize(("attributes", "unit_price", "net", "tax"), [
    (ask(quantity="10"), "40", "400.00", "52.00"),
    (ask(quantity="9"), "40", "385.00", "50.05"),                     # + 25 per line below ten
    (ask(quantity="100"), "36.5", "3650.00", "474.50"),
    (ask(quantity="99.5"), "40", "3980.00", "517.40"),
    (ask(quantity="10", lead_time="express"), "44", "440.00", "57.20"),
    (ask(quantity="10", lead_time="express", zone="west"), "44.5", "445.00", "57.85"),
    (ask("SCREW", "250"), "12.345678", "3.09", "0.40"),                # 3.0864195, price per 1000
])
def test_prices_by_hand(attributes, unit_price, net, tax):
    found = price(valves(), attributes)
    assert (found.unit_price, found.net, found.tax) == (unit_price, net, tax)
    assert Decimal(found.gross) == Decimal(net) + Decimal(tax)


def test_a_gross_book_takes_the_tax_out_of_the_line():
    found = price(valves(basis="gross"), ask(quantity="10"))
    assert (found.gross, found.net, found.tax, found.amount) == ("400.00", "353.98", "46.02", "400.00")


def test_the_steps_can_be_redone_by_hand():
    found = price(valves(), ask(quantity="9", zone="west"))
    assert [(step.kind, step.name, step.result) for step in found.trace] == [
        ("tier", "1", "40"), ("add", "west", "40.5"), ("line-charge", "small", "25"), ("amount", "", "389.50"),
        ("tax", "S", "50.64")]


@pytest.mark.parametrize(("attributes", "expected"), [
    (ask("NONE"), "pricing.unknown-item"), (ask(unit="KGM"), "pricing.wrong-unit"),
    (ask(currency="EUR"), "pricing.wrong-currency"), (ask(zone="moon"), "pricing.attribute-value"),
    (ask(packaging="box"), "pricing.attribute-value"), (ask(quantity="0.5"), "pricing.below-first-tier"),
    (ask(quantity="0"), "quantity.not-positive"), (ask(quantity="-1"), "quantity.not-positive"),
    (ask(quantity="many"), "quantity.malformed"), (ask(quantity="NaN"), "quantity.malformed"),
])
def test_what_cannot_be_priced_says_why(attributes, expected):
    assert code(valves(), attributes) == expected


def test_a_rule_that_goes_below_zero_gives_no_price():
    cheap = valves(rules=[{"id": "gift", "add": "-50"}])
    assert code(cheap, ask()) == "pricing.below-zero"


def test_no_attribute_can_name_who_asks_or_where():
    names = set(Attributes.__struct_fields__)
    assert names == {"item", "quantity", "unit", "currency", "inputs", *ATTRIBUTES}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"item": "A", "quantity": "1", "unit": "C62", "buyer": "x"}, Attributes)


@given(books(), asks)
def test_equal_attributes_give_equal_prices_whoever_computes_them(prices, attributes):
    again = book.load(book.encode(prices))
    copy = msgspec.json.decode(msgspec.json.encode(attributes), type=Attributes)
    assert price(again, copy) == price(prices, attributes)


@given(books(), asks)
def test_silence_means_the_standard_value(prices, attributes):
    told = price(prices, attributes)
    assert price(prices, told.attributes) == told


@given(books(), asks)
def test_a_price_follows_its_book_and_a_changed_one_does_not(prices, attributes):
    told = price(prices, attributes)
    assert follows(prices, told)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Priced) == told
    for change in ({"amount": "1.23456"}, {"net": "0.001"}, {"book": "x"}, {"trace": ()},
                   {"attributes": msgspec.structs.replace(told.attributes, item="NONE")}):
        assert not follows(prices, msgspec.structs.replace(told, **change))


@given(books(), asks, decimals(500, 2000, 3))
def test_more_never_costs_more_per_piece_by_tiers_alone(prices, attributes, other):
    plain = msgspec.structs.replace(prices, rules=())
    less, more = sorted([attributes.quantity, other], key=Fraction)
    first = price(plain, msgspec.structs.replace(attributes, quantity=less))
    second = price(plain, msgspec.structs.replace(attributes, quantity=more))
    assert Fraction(second.unit_price) <= Fraction(first.unit_price)


@given(books(), asks)
def test_the_line_is_rounded_once_half_up_and_adds_up(prices, attributes):
    told = price(prices, attributes)
    exact = _exactly(prices, told.attributes)
    minor = Decimal(1).scaleb(-{"CNY": 2, "EUR": 2, "JPY": 0}[prices.currency])
    assert abs(Fraction(told.amount) - exact) <= Fraction(minor) / 2
    if (exact / Fraction(minor)).denominator <= 2:  # exactly half: up
        assert Fraction(told.amount) >= exact
    assert Decimal(told.net) + Decimal(told.tax) == Decimal(told.gross)
    assert told.amount == (told.net if prices.basis == "net" else told.gross)
    if prices.basis == "net":
        tax = (Decimal(told.net) * Decimal(prices.tax.percent) / 100).quantize(minor, ROUND_HALF_UP)
        assert Decimal(told.tax) == tax


def _exactly(prices, attributes):
    """The line amount by a second, plainer reading of the rules."""
    line = next(one for one in prices.lines if one.item == attributes.item)
    count = Fraction(attributes.quantity)
    unit = [Fraction(tier.price) / int(line.base) for tier in line.tiers if Fraction(tier.from_) <= count][-1]
    charge = Fraction(0)
    for rule in prices.rules:
        holds = True
        for when in rule.when:
            if when.attribute == "quantity":
                holds &= not when.at_least or count >= Fraction(when.at_least)
                holds &= not when.below or count < Fraction(when.below)
            else:
                holds &= getattr(attributes, when.attribute) in when.one_of
        if not holds:
            continue
        if rule.multiply:
            unit *= Fraction(rule.multiply)
        elif rule.per == "line":
            charge += Fraction(rule.add)
        else:
            unit += Fraction(rule.add)
    return unit * count + charge


@given(st.integers(0, 10**6), st.sampled_from(["13", "0", "19"]))
def test_half_a_cent_is_rounded_up(thousandths, percent):
    one = valves(tax={"category": "S", "percent": percent}, rules=[], attributes={}, lines=[
        {"item": "A", "unit": "KGM", "tiers": [{"from": "0", "price": str(Decimal(thousandths).scaleb(-3))}]}])
    found = price(one, Attributes(item="A", quantity="1", unit="KGM"))
    assert Decimal(found.net) == Decimal(thousandths).scaleb(-3).quantize(Decimal("0.01"), ROUND_HALF_UP)
