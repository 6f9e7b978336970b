"""What a machine did: strips of its days, how its planned time was used in plain words, and for what it was lost.

Rule 1: it works without scripts: span and step are addresses.
Rule 2: figures have their sentence first and the trade's name for them last.
Not here: the reckoning (``shopfloor/timeline.py``), drawing (``strips.py``), files (``engine/timeline_tables.py``).
"""

import asyncio
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from weft.basis import instant, zone
from weft.basis.errors import Invalid, NotFound
from weft.doors.console import strips
from weft.doors.console.visit import HEADERS, Visit
from weft.engine import timeline_tables as tables
from weft.engine.views.machine_timeline import SPAN_MAX, TimelineView, calendar_of, clock_of
from weft.engine.views.machine_values import shift
from weft.locale import formats

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
SHORTEST_MS: Final = 10 * MINUTE_MS
SPANS: Final = {"shift": 0, "day": 1, "week": 7, "month": 30}
BY: Final = {"shift": "shift", "day": "shift", "week": "day", "month": "week"}
STRIPS: Final = 31
CAUSES: Final = 8
_MEDIA: Final = {"csv": "text/csv; charset=utf-8",
                 "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


async def _span(visit: Visit, machine: str) -> tuple[str, int, int]:
    """Its name, begin and end (ms): whole local days, or the shift."""
    begin, end = visit.asked("from"), visit.asked("to")
    if begin.isdecimal() and end.isdecimal() and len(begin + end) < 40:
        if not SHORTEST_MS <= int(end) - int(begin) <= SPAN_MAX or int(end) > visit.now_ms + SPAN_MAX:
            raise Invalid("values.span", begin=begin, end=end)
        return "", int(begin), int(end)
    name = visit.asked("span", "day")
    name = name if name in SPANS else "day"
    if name == "shift":
        return (name, *await shift(visit.node, machine, visit.now_ms))
    calendar = await calendar_of(visit.node, machine)
    clock = clock_of(visit.node, calendar)
    last = clock.wall(visit.now_ms) // DAY_MS + 1
    return name, clock.utc((last - SPANS[name]) * DAY_MS), clock.utc(last * DAY_MS)


async def _told(visit: Visit) -> tuple[str, TimelineView]:
    machine = visit.named("name")
    name, begin, end = await _span(visit, machine)
    days = round((end - begin) / DAY_MS, 1)  # two days are two when clocks change
    by = visit.asked("by") or BY.get(name) or ("shift" if days <= 2 else "day" if days <= 14 else "week")
    return name, await visit.view("machine-timeline", machine=machine, begin=str(begin), end=str(end), by=by)


async def page(visit: Visit) -> Response:
    """The page."""
    name, view = await _told(visit)
    home = f"/machines/{quote(view.machine, safe='')}"

    def address(**given: Any) -> str:
        return f"{home}/timeline?" + urlencode({key: value for key, value in given.items() if value})

    span = {"span": name} if name else {"from": view.begin, "to": view.end}
    most = max((one.ms for one in view.causes), default=1)
    return await visit.page(
        "machine_timeline.html", tab="machines", live="floor" if name in ("shift", "day") else None, view=view,
        home=home, name=name, drawn=_strips(visit, view), patterns=strips.patterns(), key=strips.key,
        spans=[(one, address(span=one)) for one in SPANS], steps=[(one, address(**span, by=one)) for one in (
            "shift", "day", "week")],
        earlier=address(**_beside(view, -1)), later="" if view.end >= visit.now_ms else address(**_beside(view, 1)),
        causes=[(one, max(1, round(100 * one.ms / most))) for one in view.causes[:CAUSES]],
        share=lambda value: _share(visit, value), cause=lambda one: tables.cause(one, visit.text),
        time=lambda ms: formats.seconds(visit.lang, str(ms // 1000)),
        stamp=lambda at: formats.day_clock(visit.lang, instant.from_ms(at), zone.of(view.zone)),
        clock_of=lambda at: formats.clock(visit.lang, instant.from_ms(at), zone.of(view.zone)),
        end_of=lambda at: _end(visit, view, at),
        day_of=lambda at: formats.day(visit.lang, instant.from_ms(at), zone.of(view.zone)),
        files={kind: f"{home}/timeline.{kind}?" + urlencode({"from": view.begin, "to": view.end, "by": view.by})
               for kind in _MEDIA})


def _beside(view: TimelineView, way: int) -> dict[str, int]:
    """The span before or after: as long, or as many local days where it is whole days."""
    clock = zone.of(view.zone)
    begin, end = clock.wall(view.begin), clock.wall(view.end)
    if begin % DAY_MS or end % DAY_MS or end <= begin:
        length = way * (view.end - view.begin)
        return {"from": view.begin + length, "to": view.end + length}
    return {"from": clock.utc(begin + way * (end - begin)), "to": clock.utc(end + way * (end - begin))}


def _end(visit: Visit, view: TimelineView, at: int) -> str:
    """The time of day at which something ends: a day ends at 24:00."""
    told = formats.clock(visit.lang, instant.from_ms(at), zone.of(view.zone))
    return "24:00" if told == "00:00" else told


def _share(visit: Visit, value: float | None) -> str:
    """A share of 1 as people read it."""
    if value is None:
        return "–"
    percent = 100 * value
    return f"{formats.number(visit.lang, f'{percent:.0f}' if percent >= 10 or percent == 0 else f'{percent:.1f}')} %"


def _strips(visit: Visit, view: TimelineView) -> list[tuple[str, Any]]:
    """A strip for each local day, or one for a short span: its day, and the picture."""
    days = list(_days(view))[-STRIPS:]

    def told(piece: Any) -> str:
        state = visit.text(f"timeline.state.{piece.state}")
        begin = formats.clock(visit.lang, instant.from_ms(piece.begin), zone.of(view.zone))
        times = f"{begin}–{_end(visit, view, piece.until)}"
        return " · ".join(one for one in (state, tables.cause(piece, visit.text), piece.job, times) if one)

    return [(formats.day(visit.lang, instant.from_ms(span[0]), zone.of(view.zone)),
             strips.strip(view, span, _label(visit, view, span), told, visit.lang)) for span in days]


def _days(view: TimelineView) -> Any:
    if view.end - view.begin <= DAY_MS:
        yield view.begin, view.end
        return
    for begin, end in zone.of(view.zone).days(view.begin, view.end):
        yield max(begin, view.begin), min(end, view.end)


def _label(visit: Visit, view: TimelineView, span: tuple[int, int]) -> str:
    """What a strip shows, for who cannot see it."""
    spent = dict.fromkeys(strips.STATES, 0)
    for one in view.pieces:
        spent[strips.state(one)] += max(0, min(one.until, span[1]) - max(one.begin, span[0]))
    told = {name: formats.seconds(visit.lang, str(ms // 1000)) for name, ms in spent.items()}
    begin, end = (formats.day_clock(visit.lang, instant.from_ms(at), zone.of(view.zone)) for at in span)
    return visit.text("timeline.label", begin=begin, end=end, **told)


async def export(visit: Visit) -> Response:
    """The same as a table: CSV, or XLSX with all pieces on a second sheet."""
    kind = visit.named("kind")
    if kind not in _MEDIA:
        raise NotFound("console.page-unknown")
    _, view = await _told(visit)
    made = tables.as_csv(tables.parts(view, visit.text)) if kind == "csv" else await asyncio.to_thread(
        tables.as_workbook, view, visit.text)
    name = quote(f"{view.machine}_{zone.of(view.zone).day(view.begin)}.{kind}")
    return Response(made, media_type=_MEDIA[kind],
                    headers={**HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})
