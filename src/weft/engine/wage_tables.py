"""Wages as files for people: one workbook (sums, lines, reasons), or the lines as CSV, in the reader's language.

Rule 1: numbers are written digit by digit as they are kept, as numbers in a workbook; nothing is a formula.
Rule 2: a name that a spreadsheet might take for a formula gets an apostrophe in front (CSV).
Not here: the figures (``views/wages.py``), other tables of the firm (``export_tables.py``).
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from weft.basis.cells import harmless

Words = Callable[..., str]
Cell = str | Decimal
_SUMS: Final = ("worker", "pieces", "good", "material", "work", "other", "hours", "pay", "currency", "unpriced")
_LINES: Final = ("worker", "item", "name", "operation", "step", "since", "price", "material-price", "pieces", "good",
                 "material", "work", "other", "hours", "amount", "currency")
_REASONS: Final = ("kind", "reason", "times", "pieces", "hours", "share")


@dataclass(frozen=True, slots=True)
class WageTable:
    """One sheet: its name, its head, its rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def tables(view: Any, words: Words, names: Callable[[str], str], lang: str) -> list[WageTable]:
    """Sums, lines and reasons of ``view``; the lines first."""
    def head(columns: Sequence[str]) -> list[str]:
        return [words(f"wages.column.{one}") for one in columns]

    lines = [(one.worker, one.item, names(one.item), Decimal(one.operation), _step(one, lang), one.since,
              _number(one.price), _number(one.material_price), *_pieces(one), Decimal(one.hours), Decimal(one.amount),
              one.currency) for one in view.lines]
    sums = [(one.worker, *_pieces(one), Decimal(one.hours), Decimal(one.pay), one.currency, Decimal(one.unpriced))
            for one in view.sums]
    why = {"rest": "work.pause", "scrap": "work.reason"}
    reasons = [(words(f"wages.kind.{one.kind}"), words(f"{why[one.kind]}.{one.reason}"), Decimal(one.times),
                Decimal(one.pieces), Decimal(one.hours), Decimal(one.share) / 10) for one in view.reasons]
    return [WageTable(words("wages.sheet.lines"), head(_LINES), lines),
            WageTable(words("wages.sheet.sums"), head(_SUMS), sums),
            WageTable(words("wages.sheet.reasons"), head(_REASONS), reasons)]


def _step(line: Any, lang: str) -> str:
    first, second = (line.zh, line.en) if lang == "zh" else (line.en, line.zh)
    return str(first or second)


def _number(text: str) -> Cell:
    return Decimal(text) if text else ""


def _pieces(one: Any) -> tuple[Decimal, ...]:
    return tuple(Decimal(getattr(one, field)) for field in ("pieces", "good", "material", "work", "other"))


def lines_csv(found: Sequence[WageTable]) -> bytes:
    """The lines as CSV: UTF-8 with a mark, so that spreadsheets show Chinese as it is."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(found[0].columns)
    writer.writerows([harmless(cell) if isinstance(cell, str) else format(cell, "f") for cell in row]
                     for row in found[0].rows)
    return out.getvalue().encode("utf-8-sig")


def workbook(found: Sequence[WageTable]) -> bytes:
    """All tables in one XLSX file, sums in front."""
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

    book = openpyxl.Workbook(write_only=True)
    for table in (found[1], found[0], found[2]):
        sheet = book.create_sheet(table.name)
        sheet.freeze_panes = "B2"
        for number, _ in enumerate(table.columns):
            sheet.column_dimensions[chr(ord("A") + number)].width = 14
        for row in (table.columns, *table.rows):
            cells = []
            for value in row:
                cell = WriteOnlyCell(sheet)
                if isinstance(value, str):
                    cell.value, cell.data_type = ILLEGAL_CHARACTERS_RE.sub("", value), "s"
                else:
                    cell.value = value
                cells.append(cell)
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
