"""Bytes of a spreadsheet to rows of text: CSV (UTF-8, UTF-16, GB 18030) or XLSX, within limits.

Rule 1: what is opened is bounded before it is read: bytes, parts, unpacked size, ratio, rows, columns, cells; rows and
        columns also where nothing stands in them, for a few bytes claim a thousand million of them.
Rule 2: numbers keep what the person sees: 0.1 is "0.1", 12.0 is "12", a date is its ISO day.
Rule 3: nothing is left out in silence: a formula whose result is not in the file is told, and where it stands.
Not here: what the columns mean (each subject's ``table.py``).
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from weft.basis import quantity as q
from weft.basis.errors import Invalid
from weft.basis.rows import Grid

BYTES_MAX: Final = 5 * 1024 * 1024
ROWS_MAX: Final = 20_000
ROWS_SEEN_MAX: Final = 1_048_576  # with the empty ones: as many as a sheet of Excel has
COLUMNS_MAX: Final = 60
SLOTS_MAX: Final = 4_000_000  # cells with the empty ones
CELL_MAX: Final = 2_000
PARTS_MAX: Final = 300
UNPACKED_MAX: Final = 80 * 1024 * 1024
RATIO_MAX: Final = 200
_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"  # the binary .xls of before 2007, and encrypted .xlsx
_UNCOUNTED: Final = re.compile(  # a cell with a formula and no result: group 1 is where it stands
    rb"""<(?:\w+:)?c\b(?=[^>]*\br="([A-Z]{1,3}[0-9]{1,7})")(?![^>]*\bt="str")[^>]*>\s*"""
    rb"""<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>""")
_PRIVATE: Final = re.compile("[\ue000-\uf8ff]")  # what Big5 looks like when it is taken for GB 18030
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read(data: bytes) -> Grid:
    """(row number, cells) of the rows that are not empty; the first visible sheet of a workbook.

    Raises ``Invalid``: ``sheet.too-large``, ``sheet.encoding``, ``sheet.malformed``, ``sheet.old-format``,
    ``sheet.rows``, ``sheet.columns``, ``sheet.cell``, ``sheet.unsafe``, ``sheet.formula``. It may take seconds: in a
    thread of its own.
    """
    if len(data) > BYTES_MAX:
        raise Invalid("sheet.too-large", size=len(data), limit=BYTES_MAX)
    if data.startswith(_OLE):
        raise Invalid("sheet.old-format")
    cells = _workbook(data) if data.startswith(_ZIP) else _csv(data)
    return tuple(_bounded(cells))


def _bounded(rows: Iterable[list[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    filled = slots = 0
    for number, cells in enumerate(rows, 1):
        slots += len(cells)
        if slots > SLOTS_MAX:
            raise Invalid("sheet.columns", row=number, limit=COLUMNS_MAX)
        while cells and not cells[-1]:
            cells.pop()
        filled += bool(cells)
        if filled > ROWS_MAX or number > ROWS_SEEN_MAX:
            raise Invalid("sheet.rows", limit=ROWS_MAX)
        if cells:
            yield number, _row(number, cells)


def _row(number: int, cells: list[str]) -> tuple[str, ...]:
    if len(cells) > COLUMNS_MAX:
        raise Invalid("sheet.columns", row=number, limit=COLUMNS_MAX)
    for place, told in enumerate(cells, 1):
        if len(told) > CELL_MAX:
            raise Invalid("sheet.cell", row=number, column=place, limit=CELL_MAX)
    return tuple(cells)


# ---- CSV ------------------------------------------------------------------------------------------


def _csv(data: bytes) -> Iterator[list[str]]:
    text = _decoded(data)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield [told.strip() for told in cells]
    except csv.Error as error:
        raise Invalid("sheet.malformed", detail=str(error)[:80], row=reader.line_num) from error


def _decoded(data: bytes) -> str:
    known = next((name for mark, name in _BOMS if data.startswith(mark)), "")
    for encoding in (known,) if known else ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and not (encoding == "gb18030" and _PRIVATE.search(text)):
            return text
    raise Invalid("sheet.encoding")


# ---- XLSX -----------------------------------------------------------------------------------------


def _workbook(data: bytes) -> Iterator[list[str]]:
    _inspect(data)
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        shown = [one for one in workbook.worksheets if one.sheet_state == "visible"]
        sheet: Any = (shown or workbook.worksheets)[0]
        _counted(data, sheet._worksheet_path)  # noqa: SLF001 - no other word says which part it is
        sheet.reset_dimensions()  # what the file claims of its size is not believed
        for cells in sheet.iter_rows(values_only=True, max_row=ROWS_SEEN_MAX + 1):
            yield [_told(value) for value in cells]
        workbook.close()
    except Invalid:
        raise
    except Exception as error:
        raise Invalid("sheet.malformed", detail=type(error).__name__) from error


def _counted(data: bytes, part: str) -> None:
    """Refuse a sheet in which a formula has no result: a program has made it, and nobody has opened it since."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = _UNCOUNTED.search(archive.read(part.lstrip("/")))
    if found:
        raise Invalid("sheet.formula", cell=found.group(1).decode())


def _inspect(data: bytes) -> None:
    """Refuse an archive that would unpack to too much, or whose XML declares entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > PARTS_MAX or unpacked > UNPACKED_MAX or unpacked > RATIO_MAX * len(data):
                raise Invalid("sheet.unsafe", what="size")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _without_entities(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise Invalid("sheet.malformed", detail=type(error).__name__) from error


def _without_entities(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    with archive.open(part) as stream:
        content = stream.read(part.file_size + 1)
    if len(content) > part.file_size:
        raise Invalid("sheet.unsafe", what="size")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\0" in content:
        raise Invalid("sheet.unsafe", what="entities")


def _told(value: Any) -> str:
    """A cell as the person sees it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value)
        case float():
            return q.text(Decimal(repr(value))) if value - value == 0 else ""
        case datetime():
            return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ", timespec="minutes")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="minutes")
        case _:
            return str(value).strip()
