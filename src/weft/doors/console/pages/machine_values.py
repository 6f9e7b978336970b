"""A machine's numbers over time: charts of a span, closer and wider, the same as a table, and files to take along.

Rule 1: it works without scripts: span, zoom and choice are addresses.
Rule 2: a file is made page by page, however long the span is.
Not here: drawing (``charts.py``), reading (``engine/views/machine_values.py``), files (``engine/value_tables.py``).
"""

import asyncio
import io
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.doors.console import charts
from weft.doors.console.visit import HEADERS, Visit
from weft.engine import value_tables as tables
from weft.engine.views.machine_values import SPAN_MAX, ValuesView, shift

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
SPANS: Final = {"10min": 10 * MINUTE_MS, "hour": HOUR_MS, "shift": 0, "day": DAY_MS, "week": 7 * DAY_MS}
SHORTEST_MS: Final = 10_000
ROWS: Final = 30  # of the table
SHEET_ROWS: Final = 200_000  # made while somebody waits for it
_MEDIA: Final = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet",
                 "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class Span:
    """The span that a visitor looks at: one that ends now (``name``), or one between two instants (ms)."""

    def __init__(self, name: str, begin: int, end: int) -> None:
        self.name, self.begin, self.end = name, begin, end

    @property
    def length(self) -> int:
        """How long it is (ms)."""
        return self.end - self.begin


async def _span(visit: Visit, machine: str) -> Span:
    begin, end = visit.asked("from"), visit.asked("to")
    if begin.isdecimal() and end.isdecimal() and len(begin + end) < 40:
        found = Span("", int(begin), int(end))
        if not SHORTEST_MS <= found.length <= SPAN_MAX or found.end > visit.now_ms + SPAN_MAX:
            raise Invalid("values.span", begin=begin, end=end)
        return found
    name = visit.asked("span", "hour")
    name = name if name in SPANS else "hour"
    if name == "shift":
        first, last = await shift(visit.node, machine, visit.now_ms)
        return Span(name, first, max(last, first + HOUR_MS))
    return Span(name, visit.now_ms - SPANS[name], visit.now_ms)


async def page(visit: Visit) -> Response:
    """Charts, or the same as a table."""
    machine, of = visit.named("name"), _of(visit)
    span = await _span(visit, machine)
    form = "table" if visit.asked("form") == "table" else ""
    view: ValuesView = await visit.view(
        "machine-values", machine=machine, begin=str(span.begin), end=str(span.end), of=of,
        points=str(ROWS) if form else "")
    home = f"/machines/{quote(machine, safe='')}"

    def at(begin: int, end: int) -> str:
        return _address(home, {"from": str(begin), "to": str(end), "of": of, "form": form})

    frame = charts.Frame(view.bounds, visit.lang, visit.zone, view.now_ms)
    drawn = [(line, charts.chart(line, frame, _label(visit, line, span), at, visit.text("value.missing")))
             for line in view.lines]
    third, far = max(span.length // 6, SHORTEST_MS // 2), min(span.length, SPAN_MAX // 4)
    middle = (span.begin + span.end) // 2
    return await visit.page(
        "machine_values.html", tab="machines", live={"10min": "values floor", "hour": "floor"}.get(span.name),
        view=view, span=span, drawn=[] if form else drawn, form=form, home=home, short=charts.short,
        spans=[(name, _address(home, {"span": name, "of": of, "form": form})) for name in SPANS],
        earlier=at(span.begin - span.length // 2, span.end - span.length // 2),
        later="" if span.name or span.end >= visit.now_ms else at(span.begin + span.length // 2,
                                                                  span.end + span.length // 2),
        closer=at(middle - third, middle + third), wider=at(middle - far, middle + far), of=of,
        as_chart=_address(home, _asked(visit, form="")), as_table=_address(home, _asked(visit, form="table")),
        files={kind: f"{home}/values.{kind}?" + urlencode({"from": span.begin, "to": span.end, "of": of})
               for kind in _MEDIA})


def _of(visit: Visit) -> str:
    """The numbers that were chosen, as names by commas; one field for each, or all in one."""
    texts = visit.request.query_params.getlist("of")[:60]
    return ",".join(one for text in texts for one in text[:4_000].split(",") if one)


def _asked(visit: Visit, **changed: str) -> dict[str, str]:
    given = {name: visit.asked(name) for name in ("span", "from", "to", "form")}
    return {**given, "of": _of(visit), **changed}


def _address(home: str, given: dict[str, str]) -> str:
    return f"{home}/values?" + urlencode({name: value for name, value in given.items() if value})


def _label(visit: Visit, line: Any, span: Span) -> str:
    """What the picture shows, for who cannot see it."""
    held = [value for value in (*line.low, *line.high) if value is not None]
    if not held:
        return visit.text("values.none-of", title=line.title)
    return visit.text("values.label", title=line.title, low=charts.short(min(held), visit.lang),
                      high=charts.short(max(held), visit.lang), unit=line.unit,
                      begin=instant.from_ms(span.begin), end=instant.from_ms(span.end))


# ---- files -------------------------------------------------------------------------------------------


async def export(visit: Visit) -> Response:
    """The records of a span as CSV or XLSX."""
    machine, kind = visit.named("name"), visit.named("kind")
    if kind not in _MEDIA:
        raise NotFound("console.page-unknown")
    span = await _span(visit, machine)
    if kind == "parquet":
        return await _parquet(visit, machine, span)
    first = await _page(visit, machine, span.begin, span)
    columns, told = tables.head(first, visit.text, visit.zone), tables.qualities(visit.text)
    headers = _headers(visit, machine, span, kind)
    if kind == "csv":
        async def lines() -> AsyncIterator[bytes]:
            yield tables.csv_head(columns)
            async for view in _pages(visit, machine, first, span):
                yield tables.csv_lines(view.rows, told, visit.zone)

        return StreamingResponse(lines(), media_type=_MEDIA[kind], headers=headers)
    sheet = tables.Sheet(machine, columns, told, visit.zone)
    async for view in _pages(visit, machine, first, span):
        await asyncio.to_thread(sheet.add, view.rows)
        if sheet.rows > SHEET_ROWS:
            raise Refused("values.sheet-too-long", limit=SHEET_ROWS)
    out = io.BytesIO()
    await asyncio.to_thread(sheet.save, out)
    return Response(out.getvalue(), media_type=_MEDIA[kind], headers=headers)


def _headers(visit: Visit, machine: str, span: Span, kind: str) -> dict[str, str]:
    name = quote(f"{machine}_{instant.from_ms(visit.zone.wall(span.begin))[:16].replace(':', '')}.{kind}")
    return {**HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}


async def _parquet(visit: Visit, machine: str, span: Span) -> Response:
    """The same as a Parquet file, for other programs; it goes away once it was sent."""
    first = await _page(visit, machine, span.begin, span)
    folder = tempfile.mkdtemp(prefix="weft-values-")
    target = Path(folder) / "values.parquet"
    try:
        await visit.node.history.parquet(str(target), machine, first.columns, (span.begin, span.end))
    except WeftError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(target, media_type=_MEDIA["parquet"], headers=_headers(visit, machine, span, "parquet"),
                        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True))


async def _page(visit: Visit, machine: str, begin: int, span: Span) -> Any:
    return await visit.view("machine-records", machine=machine, begin=str(begin), end=str(span.end), of=_of(visit))


async def _pages(visit: Visit, machine: str, view: Any, span: Span) -> AsyncIterator[Any]:
    yield view
    while view.go_on is not None:
        view = await _page(visit, machine, view.go_on, span)
        yield view
