"""Rows of a spreadsheet to items and opening lots, or to problems by row and column.

Rule 1: all or nothing: with any problem there are no messages.
Rule 2: a name with Chinese characters is the Chinese name, else the English one.
Not here: bytes of a file (``engine/sheets.py``), what a cell may say in general (``basis/rows.py``).
"""

from collections.abc import Mapping
from typing import Final

from weft.basis.decider import Message
from weft.basis.errors import WeftError
from weft.basis.rows import Column, Grid, Problem, Row, once, tabled
from weft.stock.messages import Item, ItemDefined, LotIn, Received
from weft.stock.rules import LOTS_MAX, amount_check, item_check, lot_form
from weft.stock.state import State

ITEM_COLUMNS: Final = (
    Column("item", "id|item no|item number|part number|part no|sku|料号|物料编码|物料号|编号|编码|货号", required=True),
    Column("name", "description|名称|品名|物料名称|产品名称", required=False),
    Column("zh", "chinese name|name zh|中文名|中文名称"),
    Column("en", "english name|name en|英文名|英文名称"),
    Column("unit", "uom|单位|计量单位"),
    Column("kind", "type|category|类型|类别|物料类型"),
    Column("gtin", "ean|barcode|条码|条形码|商品条码"),
    Column("safety", "safety stock|安全库存|最低库存"),
    Column("reorder_point", "reorder point|reorder level|订货点|再订货点|补货点"),
    Column("reorder_quantity", "reorder quantity|order quantity|订货量|补货量|补货数量"),
    Column("supplier", "preferred supplier|vendor|供应商|首选供应商"),
    Column("partner_numbers", "partner numbers|partner part numbers|对方料号|客户料号|伙伴料号"),
    Column("weight_each", "weight each|weight|unit weight|kg each|单重|单件重量|单重kg"),
    Column("co2_kg", "co2 kg|carbon footprint|carbon footprint kg|碳足迹|碳足迹kg|碳排放kg"),
    Column("co2_methods", "co2 methods|co2 method|carbon footprint method|碳足迹方法|碳足迹标准|核算方法"),
    Column("co2_phases", "co2 phases|life cycle phases|生命周期阶段|碳足迹阶段"),
    Column("co2_at", "co2 at|carbon footprint date|碳足迹日期|核算日期"),
)
LOT_COLUMNS: Final = (
    Column("item", "id|item no|item number|part number|part no|sku|料号|物料编码|物料号|编号|编码|货号", required=True),
    Column("quantity", "qty|on hand|stock|数量|库存|库存数量|结存", required=True),
    Column("unit", "uom|单位|计量单位"),
    Column("lot", "lot no|batch|批号|批次|批次号"),
    Column("heat", "heat number|heat no|炉号|炉批号"),
    Column("certificates", "certificate|papers|证书|质保书|合格证"),
    Column("place", "location|bin|库位|货位|仓位"),
    Column("owner", "owned by|货主|物主|所有者"),
    Column("holder", "held by|lies at|存放处|存放地|所在"),
    Column("weight", "actual weight|weight kg|实重|重量|重量kg"),
)
KINDS: Final[Mapping[str, str]] = {
    "product": "product", "finished": "product", "成品": "product", "产品": "product", "商品": "product",
    "part": "part", "component": "part", "零件": "part", "半成品": "part", "部件": "part",
    "material": "material", "rawmaterial": "material", "raw": "material", "原材料": "material", "材料": "material",
    "毛坯": "material", "supply": "supply", "consumable": "supply", "辅料": "supply", "耗材": "supply",
    "service": "service", "服务": "service", "劳务": "service",
}
Partners = Mapping[str, str]


def items(grid: Grid, known: Mapping[str, Item] | None = None, partners: Partners | None = None,
          ) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Messages that define the items of ``grid``, those that change nothing left out.

    ``known`` are the items there are; what a column does not say stays as it was. ``partners`` maps a
    partner's name or id to its organisation; without it names are taken as they stand.
    """
    table = tabled(grid, ITEM_COLUMNS)
    read = [(row, _item(row, known or {}, partners)) for row in table.rows]
    once(((row, item.id) for row, item in read), "item")
    if table.problems:
        return (), tuple(table.problems)
    return tuple(ItemDefined(item=item) for _, item in read if (known or {}).get(item.id) != item), ()


def _item(row: Row, known: Mapping[str, Item], partners: Partners | None) -> Item:
    name = row.id("item")
    before = known.get(name, Item(id=name or "?"))
    told = row.text("name")
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in told)
    item = Item(
        id=name or "?",
        zh=row.text("zh", told if chinese else before.zh),
        en=row.text("en", before.en if chinese else told or before.en),
        unit=row.unit("unit", before.unit) or before.unit,
        kind=row.choice("kind", KINDS, before.kind),  # type: ignore[arg-type]  # one of KINDS' values
        gtin=row.id("gtin") if row.has("gtin") else before.gtin,
        safety=row.number_of("safety", before.safety or "0", lambda value: value >= 0) or "0",
        reorder_point=_optional(row, "reorder_point", before.reorder_point, zero=True),
        reorder_quantity=_optional(row, "reorder_quantity", before.reorder_quantity),
        supplier=_partner(row, "supplier", row.text("supplier", before.supplier), partners),
        partner_numbers={**before.partner_numbers, **_numbers(row, partners)},
        weight_each=_optional(row, "weight_each", before.weight_each),
        co2_kg=_optional(row, "co2_kg", before.co2_kg, zero=True),
        co2_methods=row.list_of("co2_methods") or before.co2_methods,
        co2_phases=row.list_of("co2_phases") or before.co2_phases,
        co2_at=row.date("co2_at") or before.co2_at,
    )
    if not name:
        return item
    try:
        item_check(item)
    except WeftError as error:
        row.caught("gtin" if error.code == "stock.gtin" else "item", error)
    if name in known and before.unit != item.unit:
        row.fault("unit", "stock.unit-fixed", item=name, unit=item.unit, before=before.unit)
    return item


def _optional(row: Row, column: str, before: str, *, zero: bool = False) -> str:
    if not row.has(column):
        return before
    return row.number_of(column, check=(lambda value: value >= 0) if zero else None)


def _numbers(row: Row, partners: Partners | None) -> dict[str, str]:
    """Partner part numbers, written ``partner = number; partner = number``."""
    found: dict[str, str] = {}
    for part in row.list_of("partner_numbers"):
        name, equals, number = part.partition("=")
        if not equals or not number.strip():
            row.fault("partner_numbers", "table.pair", value=part[:40])
            continue
        organisation = _partner(row, "partner_numbers", name.strip(), partners)
        if organisation:
            found[organisation] = number.strip()
    return found


def _partner(row: Row, column: str, told: str, partners: Partners | None) -> str:
    if not told or partners is None or told in partners.values():
        return told
    if told not in partners:
        row.fault(column, "table.partner-unknown", value=told[:60])
    return partners.get(told, "")


def opening(grid: Grid, state: State, ref: str, at: str = "", partners: Partners | None = None,
            ) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Receipts for the lots of ``grid``, as they are there when the book begins.

    ``ref`` names the import: the same one again gives nothing.
    """
    if f"Received:{ref}/1" in state.booked:
        return (), ()
    table = tabled(grid, LOT_COLUMNS)
    lots = [(row, _lot(row, state.items, partners)) for row in table.rows]
    once(((row, lot.id) for row, lot in lots), "lot")
    for row, lot in lots:
        if lot.id in state.lots:
            row.fault("lot", "stock.lot-exists", lot=lot.id, item=lot.item)
    if table.problems:
        return (), tuple(table.problems)
    parts = [tuple(lot for _, lot in lots[start:start + LOTS_MAX]) for start in range(0, len(lots), LOTS_MAX)]
    return tuple(Received(ref=f"{ref}/{number}", lots=part, why="opening", at=at)
                 for number, part in enumerate(parts, 1)), ()


def _lot(row: Row, known: Mapping[str, Item], partners: Partners | None) -> LotIn:
    name = row.id("item")
    item = known.get(name)
    if name and item is None:
        row.fault("item", "stock.item-unknown", item=name[:60])
    unit = row.unit("unit", item.unit if item else "C62")
    lot = LotIn(
        id=row.id("lot") if row.has("lot") else "", item=name, quantity=row.number_of("quantity"), unit=unit,
        owner=_partner(row, "owner", row.text("owner"), partners),
        holder=_partner(row, "holder", row.text("holder"), partners),
        heat=row.text("heat"), certificates=row.list_of("certificates"), place=row.text("place"),
        weight=_optional(row, "weight", ""),
    )
    if item is None or not lot.quantity:
        return lot
    if unit and unit != item.unit:
        row.fault("unit", "stock.unit", item=name, unit=unit, expected=item.unit)
        return lot
    try:
        amount_check(lot.quantity, item)
        lot_form(lot)
    except WeftError as error:
        row.caught("lot" if error.code == "stock.id-form" else "quantity", error)
    return lot
