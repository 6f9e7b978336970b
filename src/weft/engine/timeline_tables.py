"""What a machine did as tables for people: how each shift, day or week was used, and each piece of it; CSV or XLSX.

Rule 1: a share that cannot be known is an empty cell; no data has a column of its own.
Rule 2: minutes and shares are numbers, times are local and say by which clock.
Not here: the reckoning (``shopfloor/timeline.py``), the words (``locale``).
"""

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

from weft.basis.cells import harmless
from weft.basis.zone import Zone, of
from weft.engine.value_tables import Words, clock_name, local
from weft.engine.views.machine_timeline import SAID

MINUTE_MS: Final = 60_000
_USED: Final = ("planned", "running", "standing", "idle", "blind", "beyond")
_SHARES: Final = ("availability", "performance", "quality", "oee")
Row = list[Any]


def parts(view: Any, words: Words) -> Iterator[Row]:
    """A head, then one row for each part, then the whole."""
    clock = of(view.zone)
    zone = clock_name(clock)
    yield [words("timeline.begin", zone=zone), words("timeline.end", zone=zone),
           *(words(f"timeline.minutes.{name}") for name in _USED), words("timeline.good"), words("timeline.scrap"),
           *(words(f"timeline.share.{name}") for name in _SHARES)]
    for part in view.parts:
        yield _used(part, clock)
    if len(view.parts) > 1:
        yield [words("timeline.all"), "", *_used(_Whole(view), clock)[2:]]


class _Whole:
    """All of a view as if it were a part."""

    def __init__(self, view: Any) -> None:
        self.begin, self.until, self.use = view.begin, view.end, view.total


def _used(part: Any, clock: Zone) -> Row:
    use = part.use
    return [local(part.begin, clock), local(part.until, clock),
            *(round(getattr(use, f"{name}_ms") / MINUTE_MS, 2) for name in _USED), use.good, use.scrap,
            *(None if (share := getattr(use, name)) is None else round(share, 4) for name in _SHARES)]


def pieces(view: Any, words: Words) -> Iterator[Row]:
    """A head, then one row for each piece."""
    clock = of(view.zone)
    zone = clock_name(clock)
    yield [words("timeline.begin", zone=zone), words("timeline.end", zone=zone), words("timeline.minutes"),
           words("timeline.state"), words("timeline.cause"), words("timeline.job"), words("timeline.item")]
    for one in view.pieces:
        yield [local(one.begin, clock), local(one.until, clock),
               round((one.until - one.begin) / MINUTE_MS, 2), words(f"timeline.state.{one.state}"), cause(one, words),
               one.job, one.item]


def cause(one: Any, words: Words) -> str:
    """Why a machine stands, in the reader's language where people said it, else in the machine's own; "" unknown."""
    if one.cause and one.state == "running":
        return words("timeline.alarm-running", cause=one.cause)
    return words(one.cause) if one.cause.startswith(SAID) else str(one.cause)


def as_csv(rows: Iterator[Row]) -> bytes:
    """``rows`` as a CSV file, with the mark by which spreadsheets know that it is UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else "" if cell is None else
                         cell.isoformat(" ", "seconds") if hasattr(cell, "isoformat") else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def as_workbook(view: Any, words: Words) -> bytes:
    """Both tables as an XLSX file of two sheets."""
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for title, rows in ((words(f"timeline.by.{view.by}"), parts(view, words)),
                        (words("timeline.pieces"), pieces(view, words))):
        sheet = workbook.create_sheet(title[:31])
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([harmless(ILLEGAL_CHARACTERS_RE.sub("", cell)) if isinstance(cell, str) else cell
                          for cell in row])
        _set(sheet, rows=sheet.max_row)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _set(sheet: Any, rows: int) -> None:
    """Widths and forms of the cells."""
    for column in sheet.columns:
        sheet.column_dimensions[column[0].column_letter].width = max(11, min(28, len(str(column[0].value or "")) + 2))
        for cell in column[1:rows]:
            if cell.is_date:
                cell.number_format = "yyyy-mm-dd hh:mm:ss"
                sheet.column_dimensions[cell.column_letter].width = 20
            elif isinstance(cell.value, float) and cell.column > len(_USED) + 4:
                cell.number_format = "0.0%"
