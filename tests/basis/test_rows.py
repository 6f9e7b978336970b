"""Rows that people write: headers by any name, numbers, units, times and dates; nothing is guessed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import quantity as q
from weft.basis.rows import Column, Problem, Row, once, tabled, unit_named

COLUMNS = (Column("item", "part number|料号", required=True), Column("quantity", "qty|数量", required=True),
           Column("unit", "单位"))


def row(**cells):
    return Row(5, cells, {"a": "甲"}, [])


def codes(one):
    return [problem.code for problem in one.problems]


@pytest.mark.parametrize("header", [
    ("item", "quantity"), ("Part Number", "QTY"), ("料号*", "数量："), ("ITEM ", "Qty."), ("ＩＴＥＭ", "数 量"),
    ("part_number", "Quantity"), ("Part-Number", "(qty)"),
])
def test_headers_are_matched_whatever_their_spelling(header):
    table = tabled([(1, header), (2, ("A", "1"))], COLUMNS)
    assert not table.problems and table.rows[0].cells == {"item": "A", "quantity": "1"}
    assert table.labels == {"item": header[0], "quantity": header[1]}


def test_what_stands_above_the_header_is_the_head():
    table = tabled([(1, ("My list",)), (2, ("Currency", "CNY")), (4, ("料号", "数量")), (5, ("A", "1"))], COLUMNS)
    assert table.head == {"currency": "CNY"} and table.rows[0].number == 5


@pytest.mark.parametrize(("grid", "code"), [
    ([], "table.empty"), ([(1, ("item", "qty"))], "table.empty"), ([(1, ("x", "y"))], "table.header-missing"),
    ([(1, ("item", "unit")), (2, ("A", "kg"))], "table.column-missing"),
    ([(1, ("item", "qty", "料号")), (2, ("A", "1", "B"))], "table.column-twice"),
])
def test_a_table_without_what_it_needs_is_told(grid, code):
    table = tabled(grid, COLUMNS)
    assert [problem.code for problem in table.problems] == [code] and not table.rows


@given(st.decimals(min_value=Decimal("0.001"), max_value=10**9, places=3))
def test_a_number_comes_back_in_its_one_spelling(value):
    one = row(a=format(value, "f"))
    assert Decimal(one.number_of("a")) == value and not one.problems
    assert one.number_of("a") == q.text(q.decimal(one.number_of("a")))


@pytest.mark.parametrize(("told", "found"), [
    ("007", "7"), ("１２", "12"), ("1.50", "1.5"), (" 3 ", "3"), ("+4", "4"), ("1 000", "1000"),
])
def test_plain_numbers_are_read(told, found):
    assert row(a=told).number_of("a") == found


@pytest.mark.parametrize("told", ["1,5", "1，000", "1e3", "0x1", "x", "1_000", "NaN", "１／２", "9" * 19, "--1", "1."])
def test_a_number_that_could_mean_two_things_is_a_problem(told):
    one = row(a=told)
    assert one.number_of("a") == "" and one.problems == [
        Problem(row=5, column="甲", code="table.number", facts=one.problems[0].facts)]


def test_zero_negative_and_missing_numbers_are_told():
    one = row(a="0", b="-1")
    one.number_of("a")
    one.number_of("b")
    one.number_of("c")
    assert codes(one) == ["quantity.not-positive", "quantity.not-positive", "table.cell-empty"]
    assert row(a="0").number_of("a", check=lambda value: value >= 0) == "0" and row().number_of("a", "7") == "7"


@pytest.mark.parametrize(("told", "code"), [
    ("个", "C62"), ("件", "C62"), ("PCS", "C62"), ("EA", "C62"), ("C62", "C62"), ("公斤", "KGM"), ("KG", "KGM"),
    ("㎡", "MTK"), ("kgm", "KGM"), ("套", "SET"), ("斗", ""), ("", ""),
])
def test_units_by_the_names_that_people_use(told, code):
    assert unit_named(told) == code


@pytest.mark.parametrize(("told", "seconds"), [
    ("90", "90"), ("90 s", "90"), ("1.5 min", "90"), ("2小时", "7200"), ("0.5h", "1800"), ("３分钟", "180"),
])
def test_times_with_and_without_their_unit(told, seconds):
    assert row(a=told).seconds("a") == seconds


@pytest.mark.parametrize("told", ["soon", "5 parsec", "1:30", "-5", "0", "9" * 20])
def test_a_time_that_is_none_is_told(told):
    one = row(a=told)
    one.seconds("a")
    assert codes(one) in (["table.duration"], ["quantity.not-positive"])


@pytest.mark.parametrize(("told", "day"), [
    ("2026-10-01", "2026-10-01"), ("2026/1/5", "2026-01-05"), ("2026年10月1日", "2026-10-01"),
    ("2026.10.01", "2026-10-01"), ("2026-10-01 00:00", "2026-10-01"), ("", ""),
])
def test_dates_in_the_ways_that_people_write_them(told, day):
    one = row(**({"a": told} if told else {}))
    assert one.date("a") == day and not one.problems


@pytest.mark.parametrize("told", ["01/10/2026", "2026-02-30", "2026-13-01", "tomorrow"])
def test_a_date_that_is_none_is_told(told):
    one = row(a=told)
    assert one.date("a") == "" and codes(one) == ["table.date"]


def test_lists_choices_and_repeated_keys():
    one = row(a="x；y、z; w", b="Auto", c="other")
    assert one.list_of("a") == ("x", "y", "z", "w")
    assert one.choice("b", {"auto": "AUTO"}) == "AUTO" and one.choice("c", {"auto": "AUTO"}, "d") == "d"
    one.choice("none", {"auto": "AUTO"})
    once([(one, "k"), (one, "k"), (one, "")], "a")
    assert codes(one) == ["table.choice", "table.cell-empty", "table.duplicate"]
