"""Money at the till: rounding, sums, what comes back of a sale, and the day close."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.till.sample import BOOK, line, say
from tests.vectors.test_till_vectors import codes, refused
from weft.basis.errors import Invalid, WeftError
from weft.till import closing, returns, totals, verify
from weft.till.slip import Slip
from weft.till.totals import Taxed

PERCENTS = st.sampled_from(["0", "6", "13", "7.7", "2.25", "100", "0.0001"])
BASES = st.sampled_from(["net", "gross"])


# ---- rounding


@pytest.mark.parametrize(("count", "price", "base", "currency", "expected"), [
    ("1", "0.005", "1", "CNY", "0.01"), ("1", "0.004999", "1", "CNY", "0.00"), ("3", "0.335", "1", "CNY", "1.01"),
    ("1", "0.5", "1", "JPY", "1"), ("1", "0.49", "1", "JPY", "0"), ("405", "12.345678", "1000", "CNY", "5.00"),
    ("0.125", "0.2", "1", "EUR", "0.03"),
])
def test_a_half_goes_up(count, price, base, currency, expected):
    assert totals.amount(count, price, base, currency) == expected


@given(st.integers(0, 10**9), BASES, PERCENTS)
def test_tax_is_the_nearest_cent_and_net_and_tax_make_gross(units, basis, percent):
    money, rate = totals.taxed(units, basis, percent), Fraction(percent)
    assert money.net + money.tax == money.gross
    assert (money.gross if basis == "gross" else money.net) == units
    exact = units * 100 / (100 + rate) if basis == "gross" else units * rate / 100
    assert abs((money.net if basis == "gross" else money.tax) - exact) <= Fraction(1, 2)


@given(st.integers(-10**15, 10**15), st.sampled_from(["CNY", "JPY"]))
def test_money_has_one_spelling(units, currency):
    text = totals.written(units, currency)
    assert totals.minor(text, currency) == units
    for other in (f"0{text}", f"{text}.0", f"+{text}", f"{text} ", text + "0" if "." in text else f"{text}.0"):
        assert refused(totals.minor, other, currency) == "slip.money"


def test_a_price_below_nothing_is_refused():
    with pytest.raises(Invalid):
        totals.amount("1", "-1", "1", "CNY")


# ---- what comes back


@given(st.integers(1, 9_999), st.integers(1, 60), BASES, PERCENTS, st.data())
def test_what_comes_back_in_pieces_comes_to_what_was_paid(cents, count, basis, percent, data):
    money = totals.taxed(cents, basis, percent)
    sold = line(str(count), "1", basis, percent,
                **{name: totals.written(units, "CNY") for name, units in money._asdict().items()})
    sale, earlier, left = say(None, sold, basis=basis), [], count
    assert not verify.findings(sale)
    while left:
        part = data.draw(st.integers(1, left))
        left -= part
        lines = returns.lines(sale, earlier, [(1, str(part))])
        back = say(earlier[-1] if earlier else sale, *lines, kind="return", of=sale.hash, basis=basis)
        assert not verify.findings(back)
        assert not returns.check(back, sale, earlier)
        earlier.append(back)
        assert returns.left(sale, earlier) == (str(left),)
    assert totals.total(totals.read(one, "CNY") for one in earlier) == money
    assert refused(returns.lines, sale, earlier, [(1, "1")]) == "slip.return-too-much"


def test_a_line_named_twice_counts_twice():
    sale = say(None, line("3"))
    assert refused(returns.lines, sale, [], [(1, "2"), (1, "1.5")]) == "slip.return-too-much"
    assert len(returns.lines(sale, [], [(1, "2"), (1, "1")])) == 2


def back_from(sale: Slip, count="1", **fields) -> Slip:
    lines = returns.lines(sale, [], [(1, count)])
    return say(sale, *lines, **{"kind": "return", "of": sale.hash, **fields})


def test_a_return_that_differs_from_its_sale_is_told_so():
    sale = say(None, line("3"))
    assert not returns.check(back_from(sale), sale, [])
    assert codes(returns.check(back_from(sale, of=BOOK), sale, [])) == ["return-of"]
    assert codes(returns.check(sale, sale, [])) == ["return-of"]
    assert codes(returns.check(back_from(sale, book="", off_book=True), sale, [])) == ["return-other", "return-other"]
    more = msgspec.structs.replace(back_from(sale), lines=(msgspec.structs.replace(
        back_from(sale).lines[0], gross="99.00"),))
    assert codes(returns.check(more, sale, [])) == ["return-amount"]
    assert codes(returns.check(back_from(sale, "3"), sale, [back_from(sale, "1")])) == ["return-too-much"]


def test_nothing_comes_back_of_a_return():
    back = back_from(say(None, line("3")))
    assert refused(returns.lines, back, [], [(1, "1")]) == "slip.return-of"
    assert refused(returns.lines, say(None, line()), [], [(2, "1")]) == "slip.return-line"
    assert refused(returns.lines, say(None, line()), [], [(1, "-1")]) == "quantity.not-positive"


# ---- the day close


def a_day() -> list[Slip]:
    one = say(None, line("3"), line("1", "9.99", percent="6"))
    two = say(one, line("2", "5"), pay="transfer")
    back = returns.lines(one, [], [(1, "1")])
    return [one, two, say(two, *back, kind="return", of=one.hash)]


def closed(day: list[Slip], cash=("100.00", "140.00", "90.00"), first=1) -> Slip:
    made = closing.close(day, "CNY", first, cash)
    return say(day[-1] if day else None, kind="close", basis="net", pay="", book="", close=made)


def test_a_day_is_counted_and_summed():
    day = a_day()
    told = closed(day)
    assert not verify.findings(told)
    assert not closing.check(told, day, None)
    close = told.close
    assert (close.first, close.sales, close.returns) == (1, 2, 1)
    assert [(way.pay, way.received, way.given_back) for way in close.ways] == [
        ("cash", "47.49", "12.50"), ("transfer", "10.00", "0.00")]
    assert [(rate.tax_percent, rate.gross) for rate in close.rates] == [("6", "9.99"), ("13", "35.00")]
    assert msgspec.to_builtins(close.cash) == {
        "opening": "100.00", "expected": "134.99", "counted": "140.00", "difference": "5.01", "removed": "90.00",
        "left": "50.00"}


def test_a_day_without_a_sale_can_be_closed():
    told = closed([])
    assert not verify.findings(told)
    assert not closing.check(told, [], None)
    assert closing.opening(told, "CNY") == "50.00"
    assert not closing.opening(told, "EUR")
    assert not closing.opening(None, "CNY")


def test_the_next_day_begins_with_what_was_left():
    day = a_day()
    last = closed(day)
    next_day = [say(last, line())]
    good = closed(next_day, ("50.00", "70.00", "0.00"), last.n + 1)
    assert not closing.check(good, next_day, last)
    less = closed(next_day, ("40.00", "70.00", "0.00"), last.n + 1)
    assert codes(closing.check(less, next_day, last)) == ["close-opening"]


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_close_that_leaves_a_slip_out_is_told_so(left_out):
    """The control is the test above: with every slip it holds."""
    day = a_day()
    told = closed(day)
    assert closing.check(told, [one for at, one in enumerate(day) if at != left_out], None)
    changed = [*day]
    changed[left_out] = say(day[left_out - 1] if left_out else None, line("9"))
    assert closing.check(told, changed, None)


def test_a_close_of_another_currency_or_with_a_gap_is_refused():
    day = a_day()
    assert refused(closing.close, day, "EUR", 1, ("0.00", "0.00", "0.00")) == "slip.close-currency"
    assert refused(closing.close, day, "CNY", 2, ("0.00", "0.00", "0.00")) == "slip.close-gap"
    assert refused(closing.close, day, "CNY", 1, ("0.00", "10.00", "20.00")) == "slip.close-drawer"
    assert codes(closing.check(day[0], day, None)) == ["field"]


@given(st.lists(st.tuples(st.sampled_from(closing.WAYS), st.integers(1, 99_999), PERCENTS), max_size=12))
def test_what_was_paid_is_what_was_sold(sold):
    day: list[Slip] = []
    for pay, cents, percent in sold:
        day.append(say(day[-1] if day else None, line("1", totals.written(cents, "CNY"), percent=percent),
                       pay=pay, partner=BOOK if pay == "account" else ""))
    close = closed(day, ("0.00", "0.00", "0.00")).close
    parts = totals.total(totals.read(rate, "CNY") for rate in close.rates)
    assert parts == totals.total(totals.read(one, "CNY") for one in day)
    assert sum(totals.minor(way.received, "CNY") for way in close.ways) == parts.gross == sum(one[1] for one in sold)
    assert isinstance(parts, Taxed)


def test_a_rate_that_is_no_number_is_told_and_breaks_nothing():
    told = closed(a_day())
    for percent in ("x", "1/3", "1e2", "13.0"):
        rates = (msgspec.structs.replace(told.close.rates[0], tax_percent=percent), *told.close.rates[1:])
        bad = msgspec.structs.replace(told, close=msgspec.structs.replace(told.close, rates=rates))
        try:
            assert verify.findings(bad), percent
        except WeftError as error:
            pytest.fail(f"{percent}: {error}")
