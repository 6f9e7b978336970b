"""Exact quantities: one plain spelling in, one out; rounding is half up; nothing is ever a float."""

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import quantity
from weft.basis.errors import Invalid

EXACT = st.decimals(-10**9, 10**9, places=6, allow_nan=False, allow_infinity=False)


@given(EXACT)
def test_what_we_write_is_read_back(value):
    assert quantity.decimal(quantity.text(value)) == value


@given(EXACT)
def test_what_we_write_has_one_spelling(value):
    written = quantity.text(value)
    assert quantity.text(Decimal(written)) == written
    assert "E" not in written
    assert "." not in written or not written.endswith("0")


@pytest.mark.parametrize(("written", "spelling"), [
    ("0", "0"), ("-0", "0"), ("0.000", "0"), ("10", "10"), ("10.50", "10.5"), ("-0.10", "-0.1"), ("100000", "100000"),
])
def test_one_spelling_by_example(written, spelling):
    assert quantity.text(quantity.decimal(written)) == spelling


@pytest.mark.parametrize("written", [
    "", " ", "1 ", " 1", "+1", "1e5", "1E-2", "01", "-01", "1_000", "1,000", ".5", "5.", "1.2.3", "NaN", "Infinity",
    "-", "١", "１", "0x10", "1" * 19, "0." + "0" * 19 + "1", "9" * 400, "1\n", None, 1, 1.5, Decimal(1), True, ["1"],
])
def test_other_spellings_are_refused_and_the_place_is_told(written):
    with pytest.raises(Invalid) as refusal:
        quantity.decimal(written, "row 3, quantity")
    assert refusal.value.code == "quantity.malformed"
    assert refusal.value.facts["where"] == "row 3, quantity"
    assert len(str(refusal.value.facts["value"])) <= 40


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(written):
    try:
        assert quantity.decimal(written).is_finite()
    except Invalid as refusal:
        assert refusal.code == "quantity.malformed"


@pytest.mark.parametrize("written", ["0", "-1", "-0.001", "0.000"])
def test_an_ordered_quantity_is_above_zero(written):
    with pytest.raises(Invalid, match="not-positive"):
        quantity.positive(written)


def test_a_positive_quantity_passes():
    assert quantity.positive("0.001") == Decimal("0.001")


@pytest.mark.parametrize(("amount", "currency", "rounded"), [
    ("0.005", "CNY", "0.01"), ("0.0049", "CNY", "0.00"), ("2.675", "EUR", "2.68"), ("-0.005", "EUR", "-0.01"),
    ("1.5", "JPY", "2"), ("2.5", "JPY", "3"), ("12", "USD", "12.00"), ("99.995", "CNY", "100.00"),
])
def test_money_is_rounded_half_up_as_accountants_do(amount, currency, rounded):
    assert quantity.money(Decimal(amount), currency) == rounded


@given(EXACT, st.sampled_from(sorted(quantity.MINOR_UNITS)))
def test_rounding_never_moves_more_than_half_a_minor_unit(amount, currency):
    half = Fraction(1, 2 * 10 ** quantity.MINOR_UNITS[currency])
    assert abs(Fraction(quantity.round_money(amount, currency)) - Fraction(amount)) <= half


@given(st.decimals(0, 10**18 - 1, places=0), st.decimals(0, 10**12 - 1, places=6))
def test_the_product_of_any_two_readable_numbers_can_be_rounded(amount, price):
    product = Context(prec=60).multiply(amount, price)
    assert quantity.round_money(product, "CNY") == product.quantize(Decimal("0.01"), ROUND_HALF_UP, Context(prec=60))


def test_units_and_currencies_that_we_do_not_know_are_refused():
    assert quantity.unit("KGM") == "KGM"
    assert quantity.currency("CNY") == "CNY"
    for unit in ("kg", "", "个", "C62 "):
        with pytest.raises(Invalid, match=r"quantity\.unit"):
            quantity.unit(unit)
    for currency in ("RMB", "", "cny", "XXX1"):
        with pytest.raises(Invalid, match=r"money\.currency"):
            quantity.currency(currency)
