"""Rows of a spreadsheet to the lines of a price book, and with its head to a book.

A row is one tier: item, unit, from which quantity on, price. The head (id, name, currency, net or gross,
tax, validity) stands in label/value rows above the header, or in a JSON file beside; the JSON wins.
Rule 1: all or nothing: with any problem there is no book.
Not here: whether a sound book may be published today (``lint.py``), bytes of a file (``engine/sheets.py``).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from weft.basis import quantity as q
from weft.basis.errors import Invalid
from weft.basis.rows import Column, Grid, Problem, Row, Table, plain, tabled
from weft.pricing import form
from weft.pricing.book import shape
from weft.pricing.schema import Line, PriceBook, Tier

COLUMNS: Final = (
    Column("item", "id|item no|item number|part number|part no|sku|料号|物料编码|物料号|编号|编码|货号", required=True),
    Column("unit", "uom|单位|计量单位"),
    Column("from", "quantity|from quantity|min quantity|moq|tier|起订量|数量|数量起|阶梯数量|起始数量"),
    Column("price", "unit price|单价|价格", required=True),
    Column("base", "per|price base|price per|价格基数|每"),
    Column("currency", "币种|货币"),
)
_NAMES: Final[Mapping[str, str]] = {
    "id": "id|price book|book|价格表|价格表编号|编号", "name": "name|title|名称|价格表名称",
    "currency": "currency|币种|货币", "basis": "basis|net or gross|含税|价格类型|是否含税",
    "tax_percent": "tax|tax percent|tax rate|vat|税率|税率%", "tax_category": "tax category|税种",
    "valid_from": "valid from|from|生效日期|生效日|有效期自", "valid_until": "valid until|until|失效日期|有效期至",
    "notice_days": "notice days|notice|提前通知天数|通知期", "disclosure": "disclosure|公开范围",
}
_HEAD: Final[Mapping[str, str]] = {plain(name): field for field, names in _NAMES.items() for name in names.split("|")}
_LABELS: Final = {name: (field, not name.isascii()) for field, names in _NAMES.items() for name in names.split("|")}
_BASIS: Final = {
    "net": "net", "不含税": "net", "否": "net", "no": "net", "未税": "net",
    "gross": "gross", "含税": "gross", "是": "gross", "yes": "gross",
}
_DISCLOSURE: Final = {"tocounterparties": "to-counterparties", "交易方": "to-counterparties", "public": "public",
                      "公开": "public"}
_CHOICES: Final = {"basis": _BASIS, "disclosure": _DISCLOSURE}
_BASES: Final = {"1": "1", "100": "100", "1000": "1000"}
_PLACES: Final[Mapping[str, str]] = {  # which column a finding about a line stands in
    "pricing.tiers-overlap": "from", "pricing.tier-from": "from", "pricing.unit": "unit", "pricing.text": "item",
    "pricing.duplicate-line": "item",
}


def head_of(grid: Grid) -> dict[str, str]:
    """What stands above the header of ``grid``, by the fields of a book; unknown labels are left out."""
    told = tabled(grid, COLUMNS).head
    return {_HEAD[label]: value.strip() for label, value in told.items() if label in _HEAD}


def read(grid: Grid, currency: str = "") -> tuple[tuple[Line, ...], tuple[Problem, ...]]:
    """The lines of ``grid``, tiers in rising order; a row in another ``currency`` is a problem."""
    lines, table = _read(grid, currency)
    return ((), tuple(table.problems)) if table.problems else (lines, ())


def _read(grid: Grid, currency: str) -> tuple[tuple[Line, ...], Table]:
    table = tabled(grid, COLUMNS)
    rows: dict[tuple[str, str], list[Row]] = {}
    tiers: dict[tuple[str, str], list[tuple[Tier, str]]] = {}
    for row in table.rows:
        key = (row.id("item"), row.unit("unit"))
        tier, base = _tier(row, currency)
        if base != tiers.get(key, [(tier, base)])[0][1]:
            row.fault("base", "table.differs", value=base, other=tiers[key][0][1])
        rows.setdefault(key, []).append(row)
        tiers.setdefault(key, []).append((tier, base))
    lines = []
    for (item, unit), steps in tiers.items():
        order = _rising([tier for tier, _ in steps])
        rows[item, unit] = [rows[item, unit][at] for at in order]
        lines.append(Line(item=item, unit=unit, tiers=tuple(steps[at][0] for at in order),
                          base=steps[0][1]))  # type: ignore[arg-type]  # one of _BASES
    if not table.problems:
        for line in lines:
            _line_problems(line, rows[line.item, line.unit])
    return tuple(lines), table


def _rising(tiers: list[Tier]) -> list[int]:
    """The places of ``tiers`` in the order of their quantities."""
    return sorted(range(len(tiers)), key=lambda at: q.decimal(tiers[at].from_))


def _tier(row: Row, currency: str) -> tuple[Tier, str]:
    told = row.text("currency").upper()
    if told and currency and told != currency:
        row.fault("currency", "pricing.wrong-currency", value=told[:10], expected=currency)
    elif told and told not in q.MINOR_UNITS:
        row.fault("currency", "money.currency", value=told[:10], where="currency")
    start = row.number_of("from", "0", lambda value: value >= 0)
    return Tier(from_=start or "0", price=row.number_of("price")), row.choice("base", _BASES, "1")


def _line_problems(line: Line, rows: list[Row]) -> None:
    """Findings about one line, at the row of the tier that they name."""
    for finding in form.line_findings(line):
        tier = finding.facts.get("tier")
        at = [row for row, step in zip(rows, line.tiers, strict=True) if tier == step.from_]
        row = at[-1] if at else rows[0]
        row.fault(_PLACES.get(finding.code, "price"), finding.code, **finding.facts)


def book_of(grid: Grid, head: Mapping[str, Any] | None = None) -> tuple[PriceBook | None, tuple[Problem, ...]]:
    """The sound book in ``grid``; ``head`` is the JSON beside it and wins over what stands above the header."""
    problems: list[Problem] = []
    fields = _fields(head_of(grid), problems)
    fields.update(head or {})
    currency = fields.get("currency")
    lines, table = _read(grid, currency if isinstance(currency, str) else "")
    problems += table.problems
    if problems:
        return None, tuple(problems)
    try:
        book = shape({**fields, "lines": [_plain_line(line) for line in lines]})
    except Invalid as error:
        return None, (Problem(row=0, code=error.code, facts=error.facts),)
    found = tuple(Problem(row=0, code=one.code, facts=one.facts) for one in form.findings(book))
    return (None, found) if found else (book, ())


def drafted(grid: Grid, base: PriceBook) -> tuple[PriceBook, tuple[Problem, ...]]:
    """``base`` with what ``grid`` says of it, sound as a book or not; with any problem of a cell, ``base`` itself."""
    problems: list[Problem] = []
    fields = _fields(head_of(grid), problems)
    currency = fields.get("currency", base.currency)
    lines, table = _read(grid, currency)
    problems += table.problems
    if problems:
        return base, tuple(problems)
    whole = {**msgspec.to_builtins(base), **fields, "lines": [_plain_line(line) for line in lines]}
    try:
        return shape(whole), ()
    except Invalid as error:
        return base, (Problem(row=0, code=error.code, facts=error.facts),)


def written(book: PriceBook, *, chinese: bool) -> list[list[str]]:
    """The rows of a spreadsheet that says ``book`` but for its rules, and that ``book_of`` reads back."""
    told: dict[str, str] = {
        "id": book.id, "name": book.name, "currency": book.currency, "basis": book.basis,
        "tax_category": book.tax.category, "tax_percent": book.tax.percent, "valid_from": book.valid_from,
        "valid_until": book.valid_until, "notice_days": str(book.notice_days), "disclosure": book.disclosure}
    rows = [[_label(name, chinese=chinese), _word(name, value) if chinese else value]
            for name, value in told.items() if value]
    rows.append([])
    columns = [column for column in COLUMNS if column.name != "currency"]
    rows.append([column.label(chinese=chinese) for column in columns])
    for line in book.lines:
        rows += [[line.item, line.unit, tier.from_, tier.price, line.base] for tier in line.tiers]
    return rows


def _label(field: str, *, chinese: bool) -> str:
    """A label of ``field`` that ``head_of`` reads, as a person writes it."""
    return next(name for name, (of, foreign) in _LABELS.items() if of == field and foreign == chinese)


def _word(field: str, value: str) -> str:
    """The Chinese word for ``value``."""
    known = (word for word, meant in _CHOICES.get(field, {}).items() if meant == value and not word.isascii())
    return next(known, value)


def _fields(told: Mapping[str, str], problems: list[Problem]) -> dict[str, Any]:
    """The head's labels and values as fields of a book."""
    fields: dict[str, Any] = {name: told[name] for name in ("id", "name") if name in told}
    if "currency" in told:
        fields["currency"] = told["currency"].upper()
    fields |= {name: _choice(name, told[name], problems) for name in _CHOICES if name in told}
    if "tax_percent" in told or "tax_category" in told:
        percent = told.get("tax_percent", "0").rstrip("%").strip()
        fields["tax"] = {"category": told.get("tax_category", "S" if percent != "0" else "Z"), "percent": percent}
    if "notice_days" in told:
        fields["notice_days"] = _days(told["notice_days"], problems)
    for name in ("valid_from", "valid_until"):
        if name in told:
            fields[name] = _instant(name, told[name], problems)
    return fields


def _choice(name: str, told: str, problems: list[Problem]) -> str:
    found = _CHOICES[name].get(plain(told), "")
    if not found:
        facts: dict[str, str | int] = {"value": told[:40], "allowed": ", ".join(_CHOICES[name])}
        problems.append(Problem(row=0, column=name, code="table.choice", facts=facts))
    return found


def _days(told: str, problems: list[Problem]) -> int:
    if told.isdecimal() and told.isascii() and len(told) <= 3:
        return int(told)
    problems.append(Problem(row=0, column="notice_days", code="table.number", facts={"value": told[:40]}))
    return 0


def _instant(name: str, told: str, problems: list[Problem]) -> str:
    """A day (its first instant in UTC) or an instant."""
    if "T" in told:
        return told
    row = Row(0, {name: told}, {}, problems)
    day = row.date(name)
    return f"{day}T00:00:00.000Z" if day else ""


def _plain_line(line: Line) -> dict[str, Any]:
    return {"item": line.item, "unit": line.unit, "base": line.base,
            "tiers": [{"from": tier.from_, "price": tier.price} for tier in line.tiers]}
