"""Tables of production master data: read whole, or told what is wrong and in which row and column."""

from pathlib import Path

import pytest

from tests.production.workshop import workshop
from weft.production import book, table
from weft.production.master import Master

UNITS = {"VALVE": "C62", "BODY": "C62", "STEM": "C62", "SEAL": "SET", "BAR": "KGM", "CASTING": "C62"}
MASTER = workshop().state.master


def grid(text: str):
    rows = [line.strip().split(",") for line in text.strip().splitlines()]
    return [(number, cells) for number, cells in enumerate(rows, 1) if any(cells)]


def told(problems):
    return [(one.row, one.column, one.code) for one in problems]


def test_rows_of_one_parent_make_one_bill_in_their_order():
    messages, problems = table.bills(grid("""
        父件料号,子件料号,用量,单位,损耗率%,来源
        VALVE,BODY,1,个,,
        VALVE,SEAL,1,套,,
        BODY,CASTING,1,件,2,来料
        STEM,BAR,0.35,公斤,,外购
    """), Master(), UNITS)
    assert not problems
    assert [(one.bill.item, [line.item for line in one.bill.lines]) for one in messages] == [
        ("VALVE", ["BODY", "SEAL"]), ("BODY", ["CASTING"]), ("STEM", ["BAR"])]
    assert (messages[1].bill.lines[0].scrap_percent, messages[1].bill.lines[0].source) == ("2", "free-issue")
    assert messages[2].bill.lines[0].unit == "KGM"


def test_english_headers_and_units_left_out_read_the_same():
    english = table.bills(grid("Parent,Component,Qty per,UoM\nVALVE,SEAL,1,\n"), Master(), UNITS)
    chinese = table.bills(grid("父件,子件,数量,单位\nVALVE,SEAL,1,套\n"), Master(), UNITS)
    assert english == chinese and english[0]


@pytest.mark.parametrize(("text", "expected"), [
    ("父件,子件,用量\nVALVE,BODY,0\n", [(2, "用量", "quantity.not-positive")]),
    ("父件,子件,用量\nVALVE,BODY,-2\n", [(2, "用量", "quantity.not-positive")]),
    ("父件,子件,用量\nVALVE,BODY,\n", [(2, "用量", "table.cell-empty")]),
    ("父件,子件,用量\nVALVE,BODY,1;5\n", [(2, "用量", "table.number")]),
    ("父件,子件,用量,单位\nVALVE,BODY,1,尺\n", [(2, "单位", "quantity.unit")]),
    ("父件,子件,用量,单位\nVALVE,BODY,1,kg\n", [(2, "单位", "production.unit-mismatch")]),
    ("父件,子件,用量\nVALVE,BODY,1\nVALVE,BODY,2\n", [(3, "子件", "table.duplicate")]),
    ("父件,子件,用量\nVALVE,GHOST,1\n", [(2, "子件", "production.item-unknown")]),
    ("父件,子件,用量\nBODY,STEM,1\nSTEM,BODY,1\n", [(2, "子件", "production.bill-cycle")]),
    ("父件,子件,用量\nVALVE,VALVE,1\n", [(2, "子件", "production.bill-cycle")]),
    ("父件,子件\nVALVE,BODY\n", [(1, "quantity", "table.column-missing")]),
    ("父件,子件,用量,数量\nVALVE,BODY,1,1\n", [(1, "数量", "table.column-twice")]),
    ("some,thing,else\n1,2,3\n", [(1, "", "table.header-missing")]),
    ("父件,子件,用量\n", [(0, "", "table.empty")]),
    ("", [(0, "", "table.empty")]),
])
def test_a_wrong_bill_is_told_by_row_and_column_and_nothing_is_done(text, expected):
    messages, problems = table.bills(grid(text), Master(), UNITS)
    assert told(problems) == expected and messages == ()


def test_a_cycle_through_a_bill_that_is_there_already_is_found():
    messages, problems = table.bills(grid("父件,子件,用量\nBODY,CASTING,1\nCASTING,VALVE,1\n"), MASTER, UNITS)
    assert told(problems) == [(3, "子件", "production.bill-cycle")] and not messages


def test_all_problems_are_told_at_once():
    _, problems = table.bills(grid("父件,子件,用量,单位\nVALVE,BODY,0,尺\n,STEM,x,个\n"), Master(), UNITS)
    assert told(problems) == [(2, "单位", "quantity.unit"), (2, "用量", "quantity.not-positive"),
                              (3, "父件", "table.cell-empty"), (3, "用量", "table.number")]


def test_routings_read_times_set_points_and_programs():
    messages, problems = table.routings(grid("""
        产品,工序,工序名称,工作中心,能力,准备时间,单件时间,程序,设定值
        BODY,20,去毛刺,BENCH,,,45,,
        BODY,10,Turning,,turning,20 min,1.5分,body.nc,speed=1200;feed=0.2
    """), MASTER, UNITS)
    assert not problems
    first, second = messages[0].routing.operations
    assert (first.number, first.en, first.setup_s, first.run_s, first.program) == (
        10, "Turning", "1200", "90", "body.nc")
    assert first.set_points == {"speed": "1200", "feed": "0.2"}
    assert (second.number, second.zh, second.work_centre) == (20, "去毛刺", "BENCH")


@pytest.mark.parametrize(("row", "expected"), [
    ("BODY,10,SAW,,,30,", (2, "工作中心", "production.work-centre-unknown")),
    ("BODY,10,,magic,,30,", (2, "能力", "production.capability-unknown")),
    ("BODY,10,,,,30,", (2, "工作中心", "production.operation-nowhere")),
    ("BODY,10,BENCH,,,0,", (2, "单件时间", "quantity.not-positive")),
    ("BODY,10,BENCH,,-1,30,", (2, "准备时间", "quantity.not-positive")),
    ("BODY,10,BENCH,,,soon,", (2, "单件时间", "table.duration")),
    ("BODY,x,BENCH,,,30,", (2, "工序", "table.number")),
    ("BODY,1.5,BENCH,,,30,", (2, "工序", "table.out-of-range")),
    ("BODY,10,BENCH,,,30,speed", (2, "设定值", "table.pair")),
    ("BODY,10,BENCH,,,30,速度=1", (2, "设定值", "production.set-point-name")),
    ("GHOST,10,BENCH,,,30,", (2, "产品", "production.item-unknown")),
])
def test_a_wrong_routing_is_told_by_row_and_column(row, expected):
    messages, problems = table.routings(grid("产品,工序,工作中心,能力,准备时间,单件时间,设定值\n" + row), MASTER, UNITS)
    assert told(problems) == [expected] and not messages


def test_an_operation_twice_is_told_at_the_second():
    _, problems = table.routings(grid("产品,工序,工作中心,单件时间\nBODY,10,BENCH,1\nBODY,10,BENCH,1\n"), MASTER, UNITS)
    assert (3, "工序", "table.duplicate") in told(problems)


def test_work_centres_name_a_calendar_that_exists():
    text = "工作中心,名称,能力,设备,日历,并行,启动\nMILL,铣床,milling;drilling,mill-1,day,2,自动\nSAW,锯,,,always,,\n"
    messages, problems = table.work_centres(grid(text), MASTER)
    assert not problems
    mill, saw = (one.work_centre for one in messages)
    assert (mill.capabilities, mill.parallel, mill.start, mill.zh) == (("milling", "drilling"), 2, "auto", "铣床")
    assert (saw.parallel, saw.start, saw.machine) == (1, "operator", "")
    bad = "工作中心,日历,并行,启动,设备\nA,never,1,,\nB,day,0,,\nC,day,,auto,\nD,day,,maybe,m\n"
    _, problems = table.work_centres(grid(bad), MASTER)
    assert told(problems) == [(3, "并行", "table.out-of-range"), (5, "启动", "table.choice")]
    _, problems = table.work_centres(grid("工作中心,日历,启动\nA,never,\nC,day,auto\nA,day,\n"), MASTER)
    assert told(problems) == [(4, "工作中心", "table.duplicate")]
    _, problems = table.work_centres(grid("工作中心,日历,启动\nA,never,\nC,day,auto\n"), MASTER)
    assert told(problems) == [(2, "日历", "production.calendar-unknown"),
                              (3, "启动", "production.auto-without-machine")]


def test_calendars_have_weeks_holidays_and_worked_saturdays():
    messages, problems = table.calendars(grid("""
        日历,星期,日期,至,开始,结束,时区,备注
        day,周一至周五,,,08:00,12:00,+08:00,
        day,Mon-Fri,,,13:00,17:00,,
        day,,2026-10-01,2026-10-07,,,,国庆
        day,,2026/10/10,,08:00,12:00,,调休
        day,,2026-10-10,,13:00,17:00,,调休
        night,Sat-Mon,,,22:00,06:00,Z,
    """), Master())
    assert not problems
    day, night = (one.calendar for one in messages)
    assert len(day.shifts) == 10 and day.utc_offset == 480
    assert {one.date: len(one.spans) for one in day.special if one.spans} == {"2026-10-10": 2}
    assert [one.date for one in day.special][:2] == ["2026-10-01", "2026-10-02"] and len(day.special) == 8
    assert [(shift.day, shift.end) for shift in night.shifts] == [(5, 1800), (6, 1800), (0, 1800)]


@pytest.mark.parametrize(("row", "expected"), [
    ("day,Someday,,,08:00,17:00,", (2, "星期", "table.weekday")),
    ("day,Mon,,,25:00,17:00,", (2, "开始", "table.clock")),
    ("day,Mon,,,08:00,noon,", (2, "结束", "table.clock")),
    ("day,Mon,,,,,", (2, "开始", "table.cell-empty")),
    ("day,,2026-02-30,,,,", (2, "日期", "table.date")),
    ("day,,2026-10-07,2026-10-01,,,", (2, "至", "table.date")),
    ("day,Mon,,,08:00,17:00,Beijing", (2, "时区", "table.time-zone")),
    ("day,,2026-10-01,,,,", (2, "日历", "production.calendar-empty")),
])
def test_a_wrong_calendar_is_told_by_row_and_column(row, expected):
    messages, problems = table.calendars(grid("日历,星期,日期,至,开始,结束,时区\n" + row), Master())
    assert told(problems) == [expected] and not messages


@pytest.mark.parametrize(("written", "offset", "place"), [
    ("+08:00", 480, ""), ("utc-5", -300, ""), ("europe/berlin", 60, "Europe/Berlin"), ("PRC", 480, "PRC")])
def test_a_calendar_has_an_offset_as_ever_or_the_name_of_a_place(written, offset, place):
    rows = grid(f"calendar,day,start,end,time zone\nd,Mon,8:00,17:00,{written}\n")
    (message,), problems = table.calendars(rows, Master())
    assert not problems
    assert (message.calendar.utc_offset, message.calendar.time_zone) == (offset, place)


@pytest.mark.parametrize("page", ["plan.md", "plan.zh-CN.md"])
def test_the_calendar_of_the_manual_can_be_read(page):
    text = (Path(__file__).parents[2] / "docs" / "howto" / page).read_text(encoding="utf-8")
    rows = text.partition("```csv\n")[2].partition("```")[0]
    (message,), problems = table.calendars(grid(rows), Master())
    assert not problems
    assert (len(message.calendar.shifts), len(message.calendar.special)) == (10, 1)
    assert message.calendar.time_zone in ("Europe/Berlin", "Asia/Shanghai")


def test_what_is_no_place_is_told_with_the_one_that_was_meant():
    _, (problem,) = table.calendars(grid("calendar,day,start,end,time zone\nd,Mon,8:00,17:00,Berlin\n"), Master())
    assert (problem.code, problem.facts["mend"]) == ("table.time-zone", "Europe/Berlin")


def test_supply_rules_find_the_suppliers_organisation():
    partners = {"海川密封": "ORG-H"}
    text = "料号,来源,供应商,交期(天),带料\nSEAL,外购,海川密封,3,\nBODY,委外,ORG-H,5,CASTING\nSTEM,自制,,,\n"
    messages, problems = table.supply_rules(grid(text), Master(), UNITS, partners)
    assert not problems
    assert [(one.rule.item, one.rule.source, one.rule.supplier, one.rule.lead_days) for one in messages] == [
        ("SEAL", "buy", "ORG-H", 3), ("BODY", "buy", "ORG-H", 5), ("STEM", "make", "", 0)]
    bad = "料号,来源,供应商,带料\nSEAL,外购,nobody,\nBODY,偷,海川密封,GHOST\n"
    _, problems = table.supply_rules(grid(bad), Master(), UNITS, partners)
    assert told(problems) == [(2, "供应商", "table.partner-unknown"), (3, "带料", "production.item-unknown"),
                              (3, "来源", "table.choice")]
    _, problems = table.supply_rules(grid("料号,来源,供应商\nSEAL,buy,\n"), Master(), UNITS, partners)
    assert told(problems) == [(2, "供应商", "production.supplier-missing")]


def test_what_a_table_says_is_what_the_book_takes_and_the_same_table_again_says_nothing():
    one = workshop()
    text = grid("父件,子件,用量\nVALVE,BODY,2\nVALVE,STEM,1\n")
    messages, _ = table.bills(text, one.state.master, UNITS)
    one.say(book.Several(messages=messages))
    assert one.state.master.bills["VALVE"].lines[0].quantity == "2"
    assert table.bills(text, one.state.master, UNITS) == ((), ())
