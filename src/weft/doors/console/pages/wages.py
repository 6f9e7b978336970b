"""Piece-work wages for the owner: a period by worker, one worker's lines and entries, files, reasons, closing.

Rule 1: what is shown and what is exported are the same figures.
Not here: sums (``production/wages.py``), files (``engine/wage_tables.py``).
"""

import asyncio
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from weft.basis.errors import NotFound
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import HEADERS, Visit
from weft.engine import wage_tables

MEDIA: Final = {"csv": "text/csv; charset=utf-8",
                "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


async def page(visit: Visit) -> Response:
    """All workers of a period, what waits, and reasons."""
    view = await _view(visit)
    return await _shown(visit, view, "")


async def one(visit: Visit) -> Response:
    """One worker of a period, down to the entries."""
    worker = visit.named("worker")
    return await _shown(visit, await _view(visit, worker), worker)


async def _view(visit: Visit, worker: str = "") -> Any:
    month = visit.asked("month")[:7]
    begin = f"{month}-01" if month else visit.asked("begin")[:10]
    return await visit.view("wages", begin=begin, end="" if month else visit.asked("end")[:10], worker=worker)


async def _shown(visit: Visit, view: Any, worker: str) -> Response:
    period = urlencode({"begin": view.begin, "end": view.end})
    year, month = int(view.begin[:4]), int(view.begin[5:7])
    home = f"/wages/of/{quote(worker)}" if worker else "/wages"
    return await visit.page(
        "wages_worker.html" if worker else "wages.html", tab="wages", live="production", view=view, worker=worker,
        period=period, home=home, names=await item_names(visit), own_errors=True,
        earlier=f"{home}?month={year - (month == 1):04d}-{(month - 2) % 12 + 1:02d}",
        later=f"{home}?month={year + (month == 12):04d}-{month % 12 + 1:02d}",
        files={kind: f"/wages/wages.{kind}?{period}" for kind in MEDIA})


async def export(visit: Visit) -> Response:
    """The wages of a period as CSV or XLSX, in the reader's language."""
    kind = visit.named("kind")
    if kind not in MEDIA:
        raise NotFound("console.page-unknown")
    view = await _view(visit)
    names = await item_names(visit)
    found = wage_tables.tables(view, visit.text, names, visit.lang)
    make = wage_tables.workbook if kind == "xlsx" else wage_tables.lines_csv
    data = await asyncio.to_thread(make, found)
    name = quote(f"{visit.text('wages.title')}_{view.begin}_{view.end}.{kind}")
    return Response(data, media_type=MEDIA[kind], headers={
        **HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})
