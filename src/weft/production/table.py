"""Rows of a spreadsheet to master data of production, or to problems by row and column.

Rule 1: all or nothing: with any problem there are no messages.
Rule 2: rows that name the same item (or calendar) make one bill, routing or calendar, in their order.
Rule 3: what is read is checked together with what is there already: cycles, work centres, units.
Not here: bytes of a file (``engine/sheets.py``), what a cell may say in general (``basis/rows.py``).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from weft.basis import zone
from weft.basis.decider import Message
from weft.basis.errors import Invalid
from weft.basis.rows import Column, Grid, Problem, Row, Table, once, plain, tabled
from weft.production import master as md
from weft.production import messages as m

_ITEM: Final = "id|item no|item number|part number|part no|料号|物料编码|物料号|编号|编码"
_NAMES: Final = (
    Column("name", "description|名称"), Column("zh", "chinese name|name zh|中文名|中文名称"),
    Column("en", "english name|name en|英文名|英文名称"),
)
BILL_COLUMNS: Final = (
    Column("parent", "bill|product|assembly|父件|母件|父件料号|母件料号|产品|成品|产品料号", required=True),
    Column("component", f"child|item|{_ITEM}|子件|子件料号|零件|物料", required=True),
    Column("quantity", "qty|quantity per|qty per|用量|数量|单位用量", required=True),
    Column("unit", "uom|单位|计量单位"),
    Column("scrap_percent", "scrap|scrap percent|scrap%|损耗|损耗率|损耗率%|损耗%"),
    Column("source", "来源|供应方式"),
)
ROUTING_COLUMNS: Final = (
    Column("item", f"product|{_ITEM}|产品|产品料号", required=True),
    Column("number", "operation|op|op no|operation number|工序号|工序|序号", required=True),
    Column("name", "operation name|description|名称|工序名称|工序名"), *_NAMES[1:],
    Column("work_centre", "work centre|work center|workcentre|workcenter|工作中心|工位|设备"),
    Column("capability", "能力|工艺|工艺能力"),
    Column("setup_s", "setup|setup s|setup time|准备时间|准备时间秒|准备工时"),
    Column("run_s", "run|run s|run time|cycle time|time per piece|单件时间|单件时间秒|单件工时|节拍", required=True),
    Column("family", "set-up family|setup family|changeover family|换型族|换型组|产品族"),
    Column("program", "nc program|程序|程序号"),
    Column("set_points", "set points|setpoints|parameters|设定值|参数"),
)
WORK_CENTRE_COLUMNS: Final = (
    Column("id", "work centre|work center|work_centre|工作中心|工位|编号|编码", required=True), *_NAMES,
    Column("capabilities", "capability|能力|工艺|工艺能力"),
    Column("machine", "设备|机器|机床"),
    Column("calendar", "shift calendar|日历|工作日历|班次", required=True),
    Column("parallel", "lanes|stations|并行|并行数|台数"),
    Column("start", "start mode|启动|启动方式"),
    Column("changeover_s", "changeover|change-over|changeover time|换型|换型时间"),
    Column("changeovers", "change-overs|changeover matrix|换型表|换型明细"),
)
CALENDAR_COLUMNS: Final = (
    Column("calendar", "id|日历|工作日历|编号|编码", required=True), *_NAMES,
    Column("utc_offset", "utc offset|time zone|timezone|时区"),
    Column("day", "weekday|weekdays|days|星期|周几|周"),
    Column("date", "special day|from|日期|起始日期"),
    Column("until", "to|至|截止日期|结束日期"),
    Column("start", "begin|开始|上班|开始时间"),
    Column("end", "finish|结束|下班|结束时间"),
    Column("note", "remark|备注|说明"),
)
SUPPLY_COLUMNS: Final = (
    Column("item", _ITEM, required=True),
    Column("source", "make or buy|来源|供应方式|自制外购", required=True),
    Column("supplier", "vendor|供应商"),
    Column("lead_days", "lead days|lead time|lead time days|提前期|交期|提前期天|交期天"),
    Column("supplies_material", "free issue|supplies material|material sent|带料|委外带料|带料清单"),
)
LINE_SOURCES: Final = {
    "stock": "stock", "库存": "stock", "make": "make", "自制": "make", "buy": "buy", "外购": "buy", "委外": "buy",
    "freeissue": "free-issue", "来料": "free-issue", "客供": "free-issue", "客供料": "free-issue",
}
SOURCES: Final = {"make": "make", "自制": "make", "buy": "buy", "外购": "buy", "采购": "buy", "委外": "buy"}
STARTS: Final = {"operator": "operator", "人工": "operator", "操作工": "operator", "auto": "auto", "自动": "auto"}
_DAYS: Final = {
    name: day
    for day, names in enumerate((
        "mon monday 周一 星期一 一 1", "tue tuesday 周二 星期二 二 2", "wed wednesday 周三 星期三 三 3",
        "thu thursday 周四 星期四 四 4", "fri friday 周五 星期五 五 5", "sat saturday 周六 星期六 六 6",
        "sun sunday 周日 星期日 星期天 周天 日 天 7",
    ))
    for name in names.split()
}
_CLOCK = re.compile(r"(\d{1,2})[:：](\d{2})(?::00)?")
_JANUARY: Final = 1_767_225_600_000  # 2026
_RANGE = re.compile(r"[-~至到–]")
SPECIAL_DAYS_MAX: Final = 60  # of one row
Read = tuple[tuple[Message, ...], tuple[Problem, ...]]
Units = Mapping[str, str]
Partners = Mapping[str, str]


def bills(grid: Grid, master: md.Master, units: Units | None = None) -> Read:
    """Bills of material; ``units`` (item -> its unit) are the known items, without it they are not checked."""
    table = tabled(grid, BILL_COLUMNS)
    rows: dict[str, list[Row]] = {}
    lines: dict[str, list[md.BillLine]] = {}
    for row in table.rows:
        parent, line = row.id("parent"), _bill_line(row, units)
        for column, name in (("parent", parent), ("component", line.item)):
            if name and units is not None and name not in units:
                row.fault(column, "production.item-unknown", item=name[:60], where=f"bill {parent[:60]}")
        rows.setdefault(parent, []).append(row)
        lines.setdefault(parent, []).append(line)
    made = {item: md.Bill(item=item, unit=(units or {}).get(item, "C62"), lines=tuple(parts))
            for item, parts in lines.items()}
    if not table.problems:
        for item, bill in made.items():
            _bill_problems(bill, rows[item])
        _together(master.bills, made, rows)
    return _result(table, (m.BillDefined(bill=bill) for item, bill in made.items()
                           if master.bills.get(item) != bill))


def _bill_line(row: Row, units: Units | None) -> md.BillLine:
    item = row.id("component")
    own = (units or {}).get(item, "")
    unit = row.unit("unit", own or "C62")
    if own and unit and unit != own:
        row.fault("unit", "production.unit-mismatch", item=item[:60], unit=unit, other=own)
    return md.BillLine(
        item=item, quantity=row.number_of("quantity"), unit=unit,
        scrap_percent=row.number_of("scrap_percent", "0", lambda value: 0 <= value < 100),
        source=row.choice("source", LINE_SOURCES, "stock"))  # type: ignore[arg-type]  # one of the values above


def _bill_problems(bill: md.Bill, rows: list[Row]) -> None:
    once(((row, line.item) for row, line in zip(rows, bill.lines, strict=True)), "component")
    for fault in md.bill_faults(bill):
        if fault.code != "production.bill-line-twice":
            rows[0].caught("parent", fault)


def _together(before: Mapping[str, md.Bill], made: Mapping[str, md.Bill], rows: Mapping[str, list[Row]]) -> None:
    """Faults that bills have only together; a cycle is told at the row that closes it."""
    every = {**before, **made}
    known = {(bill.item, line.item) for bill in before.values() for line in bill.lines}
    every_row = [(parent, row) for parent, parts in rows.items() for row in parts]
    for fault in md.cycle_faults(every):
        edges = set(pairwise(str(fault.facts["cycle"]).split(" > ")))
        mine = [((parent, row.id("component")) in known, row.number, row)
                for parent, row in every_row if (parent, row.id("component")) in edges]
        (min(mine)[2] if mine else every_row[0][1]).caught("component", fault)
    for fault in md.unit_faults(every):
        named = [row for _, row in every_row if row.id("component") == fault.facts["item"]]
        (named[0] if named else every_row[0][1]).caught("unit", fault)


def routings(grid: Grid, master: md.Master, units: Units | None = None) -> Read:
    """Routings; their operations must find a work centre of ``master``."""
    table = tabled(grid, ROUTING_COLUMNS)
    rows: dict[str, list[Row]] = {}
    operations: dict[str, list[md.Operation]] = {}
    for row in table.rows:
        item = row.id("item")
        if item and units is not None and item not in units:
            row.fault("item", "production.item-unknown", item=item[:60], where="routing")
        rows.setdefault(item, []).append(row)
        operations.setdefault(item, []).append(_operation(row))
    made: dict[str, md.Routing] = {}
    for item, steps in operations.items():
        pairs = sorted(zip(steps, rows[item], strict=True), key=lambda pair: pair[0].number)
        once(((row, str(step.number or "")) for step, row in pairs), "number")
        made[item] = md.Routing(item=item, operations=tuple(step for step, _ in pairs))
        if not table.problems:
            _routing_problems(made[item], [row for _, row in pairs], master)
    return _result(table, (m.RoutingDefined(routing=routing) for item, routing in made.items()
                           if master.routings.get(item) != routing))


def _operation(row: Row) -> md.Operation:
    zh, en = _names(row)
    centre = row.id("work_centre") if row.has("work_centre") else ""
    return md.Operation(
        number=_integer(row, "number"), zh=zh, en=en, work_centre=centre,
        capability=row.text("capability"), setup_s=row.seconds("setup_s", "0", zero=True), run_s=row.seconds("run_s"),
        program=row.text("program"), family=row.text("family"), set_points=_set_points(row))


def _routing_problems(routing: md.Routing, rows: list[Row], master: md.Master) -> None:
    by_number = {step.number: row for step, row in zip(routing.operations, rows, strict=True)}
    for fault in md.routing_faults(routing, master.work_centres):
        number = fault.facts.get("operation")
        row = by_number.get(number, rows[0]) if isinstance(number, int) else rows[0]
        row.caught(_ROUTING_FAULTS.get(fault.code, "item"), fault)


_ROUTING_FAULTS: Final = {
    "production.work-centre-unknown": "work_centre", "production.capability-unknown": "capability",
    "production.operation-nowhere": "work_centre", "production.set-point-name": "set_points",
    "production.operation-order": "number",
}


def _set_points(row: Row) -> dict[str, str]:
    """Set-points, written ``speed=1200; feed=0.2``."""
    found: dict[str, str] = {}
    for part in row.list_of("set_points"):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip() or name.strip() in found:
            row.fault("set_points", "table.pair", value=part[:40])
        found[name.strip()] = value.strip()
    return found


def work_centres(grid: Grid, master: md.Master) -> Read:
    """Work centres; each names a calendar of ``master``."""
    table = tabled(grid, WORK_CENTRE_COLUMNS)
    read: list[tuple[Row, md.WorkCentre]] = []
    for row in table.rows:
        zh, en = _names(row)
        read.append((row, md.WorkCentre(
            id=row.id("id"), zh=zh, en=en, capabilities=row.list_of("capabilities"), machine=row.text("machine"),
            calendar=row.id("calendar"), parallel=_integer(row, "parallel", 1),
            changeover_s=row.seconds("changeover_s", "0", zero=True), changeovers=_changeovers(row),
            start=row.choice("start", STARTS, "operator"))))  # type: ignore[arg-type]  # one of the values above
    once(((row, centre.id) for row, centre in read), "id")
    if not table.problems:
        columns = {"production.calendar-unknown": "calendar", "production.auto-without-machine": "start"}
        for row, centre in read:
            _caught(row, md.work_centre_faults(centre, master.calendars), lambda code: columns.get(code, "id"))
    return _result(table, (m.WorkCentreDefined(work_centre=centre) for _, centre in read
                           if master.work_centres.get(centre.id) != centre))


def _changeovers(row: Row) -> tuple[md.Changeover, ...]:
    """Times between families, written ``brass>steel=40 min; steel>brass=25 min``."""
    found = []
    for part in row.list_of("changeovers"):
        pair, equals, time = part.partition("=")
        before, arrow, after = (one.strip() for one in pair.replace("＞", ">").replace("→", ">").partition(">"))
        if not equals or not arrow or not before or not after:
            row.fault("changeovers", "table.changeover", value=part[:40])
            continue
        found.append(md.Changeover(before=before, after=after, time_s=row.seconds_of("changeovers", time, zero=True)))
    return tuple(found)


def calendars(grid: Grid, master: md.Master) -> Read:
    """Calendars: a row is weekly time (``day``, start, end) or special days (``date`` until, with time or none)."""
    table = tabled(grid, CALENDAR_COLUMNS)
    made: dict[str, md.Calendar] = {}
    first: dict[str, Row] = {}
    for row in table.rows:
        name = row.id("calendar")
        first.setdefault(name, row)
        zh, en = _names(row)
        before = made.get(name, md.Calendar(id=name))
        shifts, special = _times(row)
        offset, place = _zone(row) if row.has("utc_offset") else (before.utc_offset, before.time_zone)
        made[name] = md.Calendar(
            id=name, zh=zh or before.zh, en=en or before.en, utc_offset=offset, time_zone=place,
            shifts=(*before.shifts, *shifts), special=_merged(before.special, special))
    if not table.problems:
        for name, calendar in made.items():
            _caught(first[name], md.calendar_faults(calendar), lambda _: "calendar")
    return _result(table, (m.CalendarDefined(calendar=calendar) for name, calendar in made.items()
                           if master.calendars.get(name) != calendar))


def _times(row: Row) -> tuple[tuple[md.Shift, ...], tuple[md.SpecialDay, ...]]:
    span = _span(row)
    if row.has("date"):
        spans = (span,) if span else ()
        return (), tuple(md.SpecialDay(date=day, spans=spans, note=row.text("note")) for day in _dates(row))
    if span is None:
        row.fault("start", "table.cell-empty")
        return (), ()
    return tuple(md.Shift(day=day, start=span.start, end=span.end) for day in _days(row)), ()


def _merged(before: tuple[md.SpecialDay, ...], new: tuple[md.SpecialDay, ...]) -> tuple[md.SpecialDay, ...]:
    """Several rows for one date are several spans of it."""
    days = {day.date: day for day in before}
    for day in new:
        known = days.get(day.date)
        days[day.date] = day if known is None else md.SpecialDay(
            date=day.date, spans=(*known.spans, *day.spans), note=known.note or day.note)
    return tuple(days[name] for name in sorted(days))


def _span(row: Row) -> md.Span | None:
    """Start and end of a shift; an end not after the start is on the next day (a night shift)."""
    if not row.has("start") and not row.has("end"):
        return None
    start, end = _clock(row, "start"), _clock(row, "end")
    return md.Span(start=start, end=end if end > start else end + md.MINUTES_OF_DAY)


def _clock(row: Row, column: str) -> int:
    found = _CLOCK.fullmatch(row.text(column))
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minutes <= md.MINUTES_OF_DAY or (found and int(found[2]) > 59):
        row.fault(column, "table.clock", value=row.text(column)[:40])
        return 0
    return minutes


def _days(row: Row) -> tuple[int, ...]:
    """Weekdays such as ``Mon-Fri``, ``周一至周五``, ``Sat; Sun``."""
    found: list[int] = []
    for part in row.list_of("day") or ("",):
        ends = [_DAYS.get(plain(one)) for one in _RANGE.split(part)]
        if None in ends or not 1 <= len(ends) <= 2:
            row.fault("day", "table.weekday", value=part[:40])
            continue
        start, end = ends[0] or 0, ends[-1] or 0
        found += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return tuple(dict.fromkeys(found))


def _dates(row: Row) -> tuple[str, ...]:
    start = row.date("date")
    end = row.date("until") if row.has("until") else start
    if not start or not end:
        return ()
    first, count = date.fromisoformat(start), (date.fromisoformat(end) - date.fromisoformat(start)).days + 1
    if not 1 <= count <= SPECIAL_DAYS_MAX:
        row.fault("until", "table.date", value=row.text("until")[:40])
        return ()
    return tuple((first + timedelta(days=step)).isoformat() for step in range(count))


def _zone(row: Row) -> tuple[int, str]:
    """``+08:00``, ``UTC+8`` or ``Z`` as minutes; or a place such as ``Europe/Berlin``, with its offset in January."""
    try:
        found = zone.of(row.text("utc_offset"))
    except Invalid as error:
        row.fault("utc_offset", "table.time-zone", **error.facts)
        return 0, ""
    return found.offset(_JANUARY), "" if found.is_fixed else found.name


def supply_rules(grid: Grid, master: md.Master, units: Units | None = None, partners: Partners | None = None) -> Read:
    """Make or buy; ``partners`` maps a supplier's name or id to its organisation, without it names stand."""
    table = tabled(grid, SUPPLY_COLUMNS)
    read = [(row, _supply_rule(row, units, partners)) for row in table.rows]
    once(((row, rule.item) for row, rule in read), "item")
    if not table.problems:
        for row, rule in read:
            _caught(row, md.supply_rule_faults(rule),
                    lambda code: "supplier" if code == "production.supplier-missing" else "item")
    return _result(table, (m.SupplyRuleDefined(rule=rule) for _, rule in read
                           if master.supply_rules.get(rule.item) != rule))


def _supply_rule(row: Row, units: Units | None, partners: Partners | None) -> md.SupplyRule:
    item, supplier = row.id("item"), row.text("supplier")
    if supplier and partners is not None and supplier not in partners.values():
        if supplier not in partners:
            row.fault("supplier", "table.partner-unknown", value=supplier[:60])
        supplier = partners.get(supplier, supplier)
    sent = row.list_of("supplies_material")
    for column, name in (("item", item), *(("supplies_material", one) for one in sent)):
        if name and units is not None and name not in units:
            row.fault(column, "production.item-unknown", item=name[:60], where=f"supply rule {item[:60]}")
    return md.SupplyRule(
        item=item, supplier=supplier, lead_days=_integer(row, "lead_days", 0), supplies_material=sent,
        source=row.choice("source", SOURCES) or "make")  # type: ignore[arg-type]  # one of the values above


# ---- cells ----------------------------------------------------------------------------------------


def _names(row: Row) -> tuple[str, str]:
    """Chinese and English name; a name with Chinese characters is the Chinese one."""
    told = row.text("name")
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in told)
    return row.text("zh", told if chinese else ""), row.text("en", "" if chinese else told)


def _integer(row: Row, column: str, default: int | None = None) -> int:
    """The cell as a whole number; above zero, or zero where that is the default."""
    least = 0 if default == 0 else 1
    told = row.number_of(column, "" if default is None else str(default),
                         lambda value: least <= value <= 99_999 and value == int(value))
    return int(told) if told else 0


def _caught(row: Row, faults: Iterable[Invalid], column: Callable[[str], str]) -> None:
    for fault in faults:
        row.caught(column(fault.code), fault)


def _result(table: Table, messages: Iterable[Message]) -> Read:
    return ((), tuple(table.problems)) if table.problems else (tuple(messages), ())
