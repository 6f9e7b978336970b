"""Rows of a table that a person wrote: columns by any of their names, faults by row and column.

A *grid* is what a spreadsheet holds: (row number, cells as text) for every row that is not empty.
Rule 1: a header is matched whatever its case, width, blanks and brackets; English and Chinese alike.
Rule 2: nothing is guessed from a cell: a number with a comma, an unknown unit, a strange date are problems.
Rule 3: all problems are told at once, each with its row, its column as written, a code and facts.
Not here: files (``engine/sheets.py``), which columns a kind of table has (each subject's ``table.py``).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from weft.basis import quantity as q
from weft.basis.cells import as_meant
from weft.basis.errors import WeftError

Grid = Sequence[tuple[int, Sequence[str]]]

UNIT_NAMES: Final[Mapping[str, str]] = {
    name: code
    for code, names in {
        "C62": "个 件 只 支 根 块 片 台 pc pcs piece pieces ea each pce h87 unit units stk stück",
        "SET": "套 组 set sets", "PR": "对 双 付 副 pair pairs", "BX": "箱 盒 box boxes", "RO": "卷 roll rolls",
        "KGM": "千克 公斤 kg kgs kilogram kilograms", "GRM": "克 g gram grams", "TNE": "吨 t ton tonne tonnes",
        "MTR": "米 m metre metres meter meters", "MMT": "毫米 mm", "CMT": "厘米 cm",
        "MTK": "平方米 平米 m2 sqm", "MTQ": "立方米 m3 cbm", "LTR": "升 l litre litres liter liters",
        "MLT": "毫升 ml", "SEC": "秒 s sec", "MIN": "分 分钟 min", "HUR": "小时 h hour hours", "DAY": "天 日 day days",
        "KWH": "度 千瓦时 kwh",
    }.items()
    for name in names.split()
}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_SECONDS: Final = {"": 1, "s": 1, "sec": 1, "秒": 1, "min": 60, "分": 60, "分钟": 60, "h": 3600, "小时": 3600}
_TIME = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(\D*)")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_LIST = re.compile(r"[;；、\n]")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong at ``row`` (0: the whole table) in ``column``; its sentence is ``error.<code>``."""

    row: int
    column: str = ""
    code: str
    facts: dict[str, str | int] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name with us, and other ``names`` that people give it (separated by ``|``)."""

    name: str
    names: str = ""
    required: bool = False

    def label(self, *, chinese: bool) -> str:
        """A header for the column as a reader of Chinese, or of English, writes it."""
        return next((one for one in self.names.split("|") if not one.isascii()), self.name) if chinese else self.name

    @property
    def accepted(self) -> frozenset[str]:
        """Every spelling of the header, made comparable."""
        return frozenset(plain(one) for one in (self.name, *self.names.split("|")))


@dataclass(slots=True)
class Row:
    """One row: ``cells`` by our column names (empty cells left out), ``labels`` as the person wrote them."""

    number: int
    cells: dict[str, str]
    labels: Mapping[str, str]
    problems: list[Problem]

    def fault(self, column: str, code: str, **facts: str | int) -> None:
        """Note a problem in ``column`` of this row."""
        label = self.labels.get(column, column)
        self.problems.append(Problem(row=self.number, column=label, code=code, facts=facts))

    def caught(self, column: str, error: WeftError) -> None:
        """Note ``error`` as a problem in ``column`` of this row."""
        self.fault(column, error.code, **error.facts)

    def has(self, column: str) -> bool:
        return column in self.cells

    def text(self, column: str, default: str = "") -> str:
        """The cell as it stands."""
        return self.cells.get(column, default)

    def id(self, column: str) -> str:
        """The cell as an id: full-width characters made plain; a required one that is missing is a problem."""
        if column not in self.cells:
            self.fault(column, "table.cell-empty")
        return unicodedata.normalize("NFKC", self.cells.get(column, "")).strip()

    def number_of(self, column: str, default: str = "", check: Callable[[Decimal], bool] | None = None) -> str:
        """The cell as a decimal in its one spelling; above zero unless ``check`` says what is right instead."""
        if column not in self.cells:
            if not default:
                self.fault(column, "table.cell-empty")
            return default
        told = unicodedata.normalize("NFKC", self.cells[column]).strip().replace(" ", "")
        if not _NUMBER.fullmatch(told) or len(told) > q.DIGITS_MAX:
            self.fault(column, "table.number", value=told[:40])
            return ""
        value = Decimal(told)
        if not (check(value) if check else value > 0):
            code = "table.out-of-range" if check else "quantity.not-positive"
            self.fault(column, code, value=told[:40], where=self.labels.get(column, column))
            return ""
        return q.text(value)

    def unit(self, column: str, default: str = "C62") -> str:
        """The cell as a unit code; an unknown unit is a problem."""
        if column not in self.cells:
            return default
        found = unit_named(self.cells[column])
        if not found:
            self.fault(column, "quantity.unit", value=self.cells[column][:10], where=self.labels.get(column, column))
        return found

    def choice(self, column: str, choices: Mapping[str, str], default: str = "") -> str:
        """The cell as one of ``choices`` (word -> value)."""
        told = plain(self.cells.get(column, ""))
        if not told:
            if not default:
                self.fault(column, "table.cell-empty")
            return default
        if told not in choices:
            self.fault(column, "table.choice", value=self.cells[column][:40], allowed=", ".join(choices)[:120])
        return choices.get(told, default)

    def seconds(self, column: str, default: str = "", *, zero: bool = False) -> str:
        """The cell as seconds: ``90``, ``90 s``, ``1.5 min``, ``2 小时``; zero only where it may be."""
        if column not in self.cells:
            if not default:
                self.fault(column, "table.cell-empty")
            return default
        return self.seconds_of(column, self.cells[column], zero=zero)

    def seconds_of(self, column: str, part: str, *, zero: bool = False) -> str:
        """One ``part`` of the cell as seconds."""
        told = unicodedata.normalize("NFKC", part).strip().lower()
        found = _TIME.fullmatch(told)
        if not found or found[2].strip() not in _SECONDS or len(found[1]) > q.DIGITS_MAX:
            self.fault(column, "table.duration", value=told[:40])
            return ""
        value = Decimal(found[1]) * _SECONDS[found[2].strip()]
        if value < 0 or (value == 0 and not zero):
            self.fault(column, "quantity.not-positive", value=told[:40], where=self.labels.get(column, column))
        return q.text(value)

    def date(self, column: str) -> str:
        """The cell as an ISO date, "" when it is empty or a problem."""
        told = unicodedata.normalize("NFKC", self.cells.get(column, "")).strip()
        if not told:
            return ""
        found = _DATE.match(told)
        try:
            return date(*(int(part) for part in found.groups())).isoformat() if found else self._no_date(column, told)
        except ValueError:
            return self._no_date(column, told)

    def _no_date(self, column: str, told: str) -> str:
        self.fault(column, "table.date", value=told[:40])
        return ""

    def list_of(self, column: str) -> tuple[str, ...]:
        """The cell's parts, separated by ``;``, ``；``, ``、`` or a new line."""
        return tuple(part.strip() for part in _LIST.split(self.cells.get(column, "")) if part.strip())


@dataclass(slots=True)
class Table:
    """Rows under one header; ``head`` are label/value pairs that stand above it."""

    rows: list[Row] = field(default_factory=list)
    head: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)


def plain(header: str) -> str:
    """``header`` made comparable: plain width, lower case, without blanks, marks and brackets."""
    return re.sub(r"[\s_\-*:.()\[\]/]+", "", unicodedata.normalize("NFKC", header).lower())


def unit_named(told: str) -> str:
    """The unit code that ``told`` names, "" if none; pieces are always ``C62``."""
    word = unicodedata.normalize("NFKC", told).strip()
    found = UNIT_NAMES.get(word.lower())
    return found or (word.upper() if word.upper() in q.UNITS else "")


def tabled(grid: Grid, columns: Iterable[Column]) -> Table:
    """``grid`` read under the first row that is a header of ``columns``; what is missing is a problem."""
    table, wanted = Table(), tuple(columns)
    meanings = {spelling: column.name for column in wanted for spelling in column.accepted}
    at = _header(grid, wanted, meanings)
    if at is None:
        expected = ", ".join(column.name for column in wanted if column.required)
        code = "table.header-missing" if grid else "table.empty"
        table.problems.append(Problem(row=grid[0][0] if grid else 0, code=code, facts={"columns": expected}))
        return table
    number, header = grid[at]
    places: dict[int, str] = {}
    for place, told in enumerate(header):
        name = meanings.get(plain(told), "")
        if name and name in places.values():
            facts: dict[str, str | int] = {"other": table.labels[name]}
            table.problems.append(Problem(row=number, column=told, code="table.column-twice", facts=facts))
        elif name:
            places[place] = name
            table.labels[name] = told
    for column in wanted:
        if column.required and column.name not in table.labels:
            accepted = ", ".join([column.name, *column.names.split("|")])[:120]
            table.problems.append(Problem(row=number, column=column.name, code="table.column-missing",
                                          facts={"accepted": accepted}))
    table.head = {plain(cells[0]): as_meant(cells[1]) for _, cells in grid[:at] if len(cells) > 1 and all(cells[:2])}
    if not table.problems:
        _fill(table, grid[at + 1:], places)
    return table


def _header(grid: Grid, columns: Sequence[Column], meanings: Mapping[str, str]) -> int | None:
    """The place of the row that names all required columns, else of the one that names most columns."""
    required = {column.name for column in columns if column.required}
    best: tuple[int, int] | None = None
    for at, (_, cells) in enumerate(grid[:40]):
        found = {meanings[plain(told)] for told in cells if plain(told) in meanings}
        if required <= found:
            return at
        if (len(found) > 1 or found & required) and (best is None or len(found) > best[0]):
            best = (len(found), at)
    return None if best is None else best[1]


def _fill(table: Table, grid: Grid, places: Mapping[int, str]) -> None:
    for number, cells in grid:
        named = {name: as_meant(cells[place].strip()) for place, name in places.items() if place < len(cells)}
        filled = {name: told for name, told in named.items() if told}
        if filled:
            table.rows.append(Row(number, filled, table.labels, table.problems))
    if not table.rows:
        table.problems.append(Problem(row=0, code="table.empty", facts={"columns": ", ".join(table.labels)}))


def once(rows: Iterable[tuple[Row, str]], column: str) -> None:
    """Note a problem at every row whose key stands in an earlier row too."""
    seen: dict[str, int] = {}
    for row, key in rows:
        if key and key in seen:
            row.fault(column, "table.duplicate", value=key[:60], first=seen[key])
        seen.setdefault(key, row.number)
