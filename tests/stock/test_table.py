"""Tables of items and opening lots: read whole, or told what is wrong and where."""

import pytest

from tests.stock.storeroom import HT, JG, received, storeroom
from weft.stock import book, table
from weft.stock.messages import Item


def grid(text: str):
    rows = [line.strip().split(",") for line in text.strip().splitlines()]
    return [(number, cells) for number, cells in enumerate(rows, 1) if any(cells)]


def told(problems):
    return [(one.row, one.column, one.code) for one in problems]


PARTNERS = {"精工机加": JG, "恒泰阀门": HT}


def test_items_are_read_with_chinese_and_english_headers():
    text = """
        料号,名称,英文名,单位,类型,条码,安全库存,订货点,订货量,供应商,对方料号,单重(kg)
        BV-15,球阀 DN15,Ball valve,个,成品,6901234567892,50,80,200,精工机加,恒泰阀门=HT-9; 精工机加=J1,0.42
    """
    messages, problems = table.items(grid(text), {}, PARTNERS)
    assert not problems
    assert messages[0].item == Item(
        id="BV-15", zh="球阀 DN15", en="Ball valve", unit="C62", kind="product", gtin="6901234567892", safety="50",
        reorder_point="80", reorder_quantity="200", supplier=JG, partner_numbers={HT: "HT-9", JG: "J1"},
        weight_each="0.42")
    english = "Part Number,Name,UoM,Category\nBV-15,Ball valve,pcs,Finished\n"
    assert table.items(grid(english))[0][0].item == Item(id="BV-15", en="Ball valve", kind="product")


def test_a_carbon_footprint_is_read_with_its_method_phases_and_day():
    text = "料号,碳足迹(kg),核算方法,生命周期阶段,核算日期\nBV,1.85,ISO 14067; GHG Protocol,A1; A3,2026/6/1\n"
    found = table.items(grid(text))[0][0].item
    assert (found.co2_kg, found.co2_methods, found.co2_phases) == ("1.85", ("ISO 14067", "GHG Protocol"), ("A1", "A3"))
    assert found.co2_at == "2026-06-01"
    assert table.items(grid("料号,英文名\nBV,Valve\n"), {"BV": found})[0][0].item.co2_kg == "1.85"
    assert told(table.items(grid("料号,碳足迹\nBV,-1\n"))[1]) == [(2, "碳足迹", "table.out-of-range")]


def test_full_width_characters_read_as_plain_ones():
    messages, _ = table.items(grid("料号,名称,安全库存\nＢＶ－15,球阀,１２\n"))
    assert (messages[0].item.id, messages[0].item.safety) == ("BV-15", "12")


def test_what_a_column_does_not_say_stays_as_it_was():
    known = {"BV": Item(id="BV", zh="球阀", safety="5", partner_numbers={HT: "9"})}
    messages, _ = table.items(grid("料号,英文名\nBV,Valve\n"), known)
    assert messages[0].item == Item(id="BV", zh="球阀", en="Valve", safety="5", partner_numbers={HT: "9"})
    assert table.items(grid("料号,名称\nBV,球阀\n"), known) == ((), ())


@pytest.mark.parametrize(("text", "expected"), [
    ("料号,单位\nA,个\nB,斗\n", [(3, "单位", "quantity.unit")]),
    ("料号,单位\nA,个\nA,个\n", [(3, "料号", "table.duplicate")]),
    ("料号,单位\n,个\n", [(2, "料号", "table.cell-empty")]),
    ("料号,单位\n阀体,个\n", [(2, "料号", "stock.id-form")]),
    ("料号,类型\nA,神器\n", [(2, "类型", "table.choice")]),
    ("料号,条码\nA,6901234567890\n", [(2, "条码", "stock.gtin")]),
    ("料号,安全库存\nA,-1\n", [(2, "安全库存", "table.out-of-range")]),
    ("料号,订货量\nA,0\n", [(2, "订货量", "quantity.not-positive")]),
    ("料号,安全库存\nA,1e5\n", [(2, "安全库存", "table.number")]),
    ("料号,供应商\nA,nobody\n", [(2, "供应商", "table.partner-unknown")]),
    ("料号,对方料号\nA,HT-9\n", [(2, "对方料号", "table.pair")]),
    ("料号,单位\nBODY,kg\n", [(2, "单位", "stock.unit-fixed")]),
    ("名称,单位\n球阀,个\n", [(1, "item", "table.column-missing")]),
    ("什么,都不\n球阀,个\n", [(1, "", "table.header-missing")]),
    ("", [(0, "", "table.empty")]),
])
def test_a_wrong_item_is_told_by_row_and_column_and_nothing_is_done(text, expected):
    messages, problems = table.items(grid(text), storeroom().state.items, PARTNERS)
    assert told(problems) == expected and messages == ()


def test_opening_lots_go_into_the_book_once():
    one = storeroom()
    text = grid("""
        料号,数量,单位,批号,炉号,证书,库位,货主,存放处
        BODY,120,件,L-1,7A21,3.1;合格证,A-01,,
        BODY,30,,,,,,,精工机加
        BODY,8,,,,,,恒泰阀门,
        BAR,55.5,公斤,,,,,,
    """)
    messages, problems = table.opening(text, one.state, "import:1", partners=PARTNERS)
    assert not problems
    one.say(book.Several(messages=messages))
    assert (one.here("BODY"), one.here("BODY", holder=JG), one.here("BODY", HT), one.here("BAR")) == (
        "120", "30", "8", "55.5")
    assert one.state.lots["L-1"].certificates == ("3.1", "合格证")
    assert table.opening(text, one.state, "import:1", partners=PARTNERS) == ((), ())


@pytest.mark.parametrize(("text", "expected"), [
    ("料号,数量\nGHOST,1\n", [(2, "料号", "stock.item-unknown")]),
    ("料号,数量\nBODY,0\n", [(2, "数量", "quantity.not-positive")]),
    ("料号,数量\nBODY,-5\n", [(2, "数量", "quantity.not-positive")]),
    ("料号,数量\nBODY,1.5\n", [(2, "数量", "stock.not-whole")]),
    ("料号,数量,单位\nBODY,1,kg\n", [(2, "单位", "stock.unit")]),
    ("料号,数量,单位\nBODY,1,斗\n", [(2, "单位", "quantity.unit")]),
    ("料号,数量,批号\nBODY,1,L\nBODY,1,L\n", [(3, "批号", "table.duplicate")]),
    ("料号,数量,批号\nBODY,1,THERE\n", [(2, "批号", "stock.lot-exists")]),
    ("料号,数量,批号\nBODY,1,批\n", [(2, "批号", "stock.id-form")]),
    ("料号,数量,货主\nBODY,1,nobody\n", [(2, "货主", "table.partner-unknown")]),
    ("料号\nBODY\n", [(1, "quantity", "table.column-missing")]),
])
def test_a_wrong_lot_is_told_by_row_and_column_and_nothing_is_done(text, expected):
    one = storeroom()
    received(one, lot="THERE")
    messages, problems = table.opening(grid(text), one.state, "import:1", partners=PARTNERS)
    assert told(problems) == expected and messages == ()


def test_many_lots_are_booked_in_parts():
    one = storeroom()
    rows = [(1, ("料号", "数量"))] + [(n, ("BODY", "1")) for n in range(2, 1203)]
    messages, _ = table.opening(rows, one.state, "import:1")
    assert [len(one.lots) for one in messages] == [500, 500, 201]
    one.say(book.Several(messages=messages))
    assert one.here("BODY") == "1201"
