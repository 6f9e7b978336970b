"""Price lists: a row a tier, the head above or beside; what is wrong is told by row and column."""

import pytest

from weft.pricing import table
from weft.pricing.evaluate import Attributes, price

HEAD = """
价格表,valves-2026
名称,球阀价格表
币种,CNY
含税,含税
税率,13%
生效日期,2026-11-01
通知期,7
"""
ROWS = """
料号,单位,起订量,单价,币种
V15,个,100,36.5,
V15,个,1,40,CNY
V20,个,,55.25,
"""


def grid(text: str):
    rows = [line.strip().split(",") for line in text.strip().splitlines()]
    return [(number, cells) for number, cells in enumerate(rows, 1) if any(cells)]


def told(problems):
    return [(one.row, one.column, one.code) for one in problems]


def test_a_list_with_its_head_above_is_a_book():
    book, problems = table.book_of(grid(HEAD + ROWS))
    assert problems == ()
    assert (book.id, book.name, book.currency, book.basis, book.tax.percent, book.notice_days, book.valid_from) == (
        "valves-2026", "球阀价格表", "CNY", "gross", "13", 7, "2026-11-01T00:00:00.000Z")
    assert [(line.item, [tier.from_ for tier in line.tiers]) for line in book.lines] == [
        ("V15", ["1", "100"]), ("V20", ["0"])]
    assert price(book, Attributes(item="V15", quantity="100", unit="C62")).amount == "3650.00"


def test_the_json_beside_gives_what_rows_cannot_say_and_wins():
    head = {"id": "v", "name": "Valves", "currency": "EUR", "basis": "net", "valid_from": "2026-11-01T00:00:00Z",
            "tax": {"category": "S", "percent": "19"}, "attributes": {"zone": ["near", "far"]},
            "rules": [{"id": "far", "when": [{"attribute": "zone", "one_of": ["far"]}], "multiply": "11/10"}]}
    english = "Item,UoM,MOQ,Unit price,Per\nV15,pcs,1,4000,100\n"
    book, problems = table.book_of(grid(english), head)
    assert not problems and book.lines[0].base == "100"
    assert price(book, Attributes(item="V15", quantity="10", unit="C62", zone="far")).net == "440.00"


def test_lines_alone_can_be_read():
    lines, problems = table.read(grid(ROWS), "CNY")
    assert not problems and [line.item for line in lines] == ["V15", "V20"]


@pytest.mark.parametrize(("rows", "expected"), [
    ("料号,单位,单价\nV15,个,0\n", (9, "单价", "quantity.not-positive")),
    ("料号,单位,单价\nV15,个,-4\n", (9, "单价", "quantity.not-positive")),
    ("料号,单位,单价\nV15,个,贵\n", (9, "单价", "table.number")),
    ("料号,单位,单价\nV15,个,\n", (9, "单价", "table.cell-empty")),
    ("料号,单位,单价\nV15,斗,4\n", (9, "单位", "quantity.unit")),
    ("料号,单位,单价\n,个,4\n", (9, "料号", "table.cell-empty")),
    ("料号,单位,单价,币种\nV15,个,4,EUR\n", (9, "币种", "pricing.wrong-currency")),
    ("料号,单位,单价,起订量\nV15,个,4,-1\n", (9, "起订量", "table.out-of-range")),
    ("料号,单位,单价,起订量\nV15,个,4,1\nV15,个,3,1\n", (10, "起订量", "pricing.tiers-overlap")),
    ("料号,单位,单价,起订量\nV15,个,4,1\nV15,个,5,10\n", (10, "单价", "pricing.tiers-not-monotone")),
    ("料号,单位,单价\nV15,个,0.1234567\n", (9, "单价", "pricing.price-decimals")),
    ("料号,单位,单价,每\nV15,个,4,7\n", (9, "每", "table.choice")),
    ("料号,单位,单价,每,起订量\nV15,个,4,1,1\nV15,个,3,100,5\n", (10, "每", "table.differs")),
    ("料号,单位\nV15,个\n", (8, "price", "table.column-missing")),
])
def test_a_wrong_row_is_told_by_row_and_column_and_there_is_no_book(rows, expected):
    book, problems = table.book_of(grid(HEAD + rows))
    assert told(problems) == [expected] and book is None


@pytest.mark.parametrize(("label", "value", "expected"), [
    ("币种", "ZZZ", (0, "", "pricing.currency")), ("含税", "也许", (0, "basis", "table.choice")),
    ("税率", "lots", (0, "", "pricing.tax-percent")), ("生效日期", "someday", (0, "valid_from", "table.date")),
    ("通知期", "-1", (0, "notice_days", "table.number")),
])
def test_a_wrong_head_is_told_by_its_field(label, value, expected):
    head = "\n".join(f"{label},{value}" if line.startswith(label) else line for line in HEAD.splitlines())
    book, problems = table.book_of(grid(head + ROWS.replace("CNY", "")))
    assert told(problems) == [expected] and book is None


def test_a_head_that_lacks_a_field_is_told():
    book, problems = table.book_of(grid(ROWS))
    assert [one.code for one in problems] == ["pricing.shape"] and book is None
