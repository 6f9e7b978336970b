"""Records of a machine as a table for people: CSV or XLSX, page by page, so that no span is ever held whole.

Rule 1: a cell is empty where nothing new was said; "bad" and "no data" are words in it, and neither is a zero.
Rule 2: times are local and say by which clock; numbers are numbers, so that a spreadsheet can reckon with them.
Not here: reading the pages (``engine/views/machine_values.py``), the words (``locale``).
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, Any, Final, Protocol

from weft.basis.cells import harmless
from weft.basis.zone import Zone

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a clock's time, as it is shown
ROWS_MAX: Final = 1_000_000  # a sheet of Excel holds 1,048,576
FORMAT: Final = "yyyy-mm-dd hh:mm:ss.000"
Row = tuple[int, Sequence[float | str]]


class Words(Protocol):
    """A sentence in the reader's language by its key."""

    def __call__(self, key: str, **facts: Any) -> str: ...


def head(view: Any, words: Words, zone: Zone) -> list[str]:
    """The first line: the time and by which clock, then each number with its unit. ``view``: one page of records."""
    titles = [title or name for name, title in zip(view.columns, view.titles, strict=True)]
    return [words("values.time", zone=clock_name(zone)), *(
        f"{title} [{_unit(unit, words)}]" if unit else title for title, unit in zip(titles, view.units, strict=True))]


def _unit(code: str, words: Words) -> str:
    """The word for a unit code; the code itself where there is none."""
    told = words(f"unit.{code}")
    return code if told.startswith("⟦") else told


def qualities(words: Words) -> dict[str, str]:
    """What stands in a cell without a number."""
    return {"": "", "bad": words("value.bad"), "missing": words("value.missing")}


def clock_name(zone: Zone) -> str:
    """By which clock times are: a place, or ``UTC+08:00``."""
    return zone.told(0) if zone.is_fixed else zone.name


def local(at: int, zone: Zone) -> datetime:
    """The local time of an instant in ms, as spreadsheets take it."""
    return _EPOCH + timedelta(milliseconds=zone.wall(at))


def csv_lines(rows: Iterable[Row], told: Mapping[str, str], zone: Zone) -> bytes:
    """``rows`` as lines of CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for at, cells in rows:
        time = local(at, zone).isoformat(" ", "milliseconds")
        writer.writerow([time, *(told[one] if isinstance(one, str) else _plain(one) for one in cells)])
    return out.getvalue().encode()


def csv_head(columns: Sequence[str]) -> bytes:
    """The first line of a CSV file, with the mark by which spreadsheets know that it is UTF-8."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow([harmless(one) for one in columns])
    return out.getvalue().encode("utf-8-sig")


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1 << 53 else repr(value)


class Sheet:
    """An XLSX file that grows on disk while rows are added."""

    def __init__(self, title: str, columns: Sequence[str], told: Mapping[str, str], zone: Zone) -> None:
        import openpyxl
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

        self._workbook = openpyxl.Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet(
            "".join(one for one in title if one.isprintable() and one not in "[]:*?/\\")[:31] or "1")
        self._sheet.freeze_panes = "B2"
        self._sheet.column_dimensions["A"].width = 24
        self._told, self._zone, self._cell = told, zone, WriteOnlyCell
        self.rows = 0
        cells = []
        for text in columns:
            cell = WriteOnlyCell(self._sheet)
            cell.value, cell.data_type = ILLEGAL_CHARACTERS_RE.sub("", text), "s"
            cells.append(cell)
        self._sheet.append(cells)

    def add(self, rows: Iterable[Row]) -> None:
        """Further rows; what no sheet could hold is left out, and ``rows`` says how many there are."""
        for at, cells in rows:
            if self.rows >= ROWS_MAX:
                return
            time = self._cell(self._sheet, local(at, self._zone))
            time.number_format = FORMAT
            self._sheet.append([time, *(self._told[one] or None if isinstance(one, str) else one for one in cells)])
            self.rows += 1

    def save(self, target: IO[bytes]) -> None:
        """Write the file."""
        self._workbook.save(target)
