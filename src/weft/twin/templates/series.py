"""Time Series Data (IDTA 02008-1-1-1) of a machine's numbers: the newest records, and operations that read more.

Filled from: live values and their history (``engine/live.py``); names and units from the Thing Description.
Rule 1: a record is one second; what was not heard in it has no element, for "no data" is neither zero nor the same.
Rule 2: ``Time`` is relative to the segment's start in milliseconds, as the template asks; ``UtcTime`` is the instant.
Rule 3: what describes the records (Metadata.Record) has no values.
Not here: keeping history, HTTP (``doors/aas``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.basis.instant import from_ms
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import encode_id, shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import optional, submodel

ID_SHORT: Final = "TimeSeries"
_BASE: Final = "https://admin-shell.io/idta/TimeSeries"
SEMANTIC: Final = f"{_BASE}/1/1"
VERSION: Final = {"version": "1", "revision": "1"}
SHOWN: Final = 60  # newest records within the submodel itself; ReadRecords gives all
OPERATIONS: Final = ("ReadRecords", "ReadSegments")
_TYPES: Final = {"integer": "xs:long", "number": "xs:double"}

Points = Sequence[tuple[int, int | float]]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the machine: its ``points`` are (milliseconds since 1970, value), oldest first."""

    name: str
    title: str = ""
    type: str = "number"
    unit: str = ""
    points: Points = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers of ``machine``; ``url``: our address, "" when nobody can reach us; ``up``: whether we hear it now."""

    machine: str
    titles: dict[str, str]
    columns: tuple[Column, ...]
    up: Callable[[], bool] = bool  # no, while nobody says otherwise
    url: str = ""


def gaps(series: Series) -> list[Gap]:
    """A machine that tells no number."""
    return [] if series.columns else [Gap(ID_SHORT, "no-numbers", {"machine": series.machine})]


def build(name: str, series: Series) -> Json:
    """The submodel whose id is ``name``."""
    titles = series.titles or {"en": series.machine}
    described = e.collection("Metadata", [
        e.multi("Name", titles, f"{_BASE}/Metadata/Name/1/1"),
        e.collection("Record", _record(series.columns, None, {}), f"{_BASE}/Record/1/1"),
    ], f"{_BASE}/Metadata/1/1")
    segments = [_internal(series, _rows(series)[-SHOWN:])]
    if series.url:
        segments.append(_linked(series, f"{series.url}/api/v3.0/submodels/{encode_id(name)}"))
    return submodel(name, ID_SHORT, [
        described, e.collection("Segments", segments, f"{_BASE}/Segments/1/1"), *operations(),
    ], SEMANTIC, VERSION)


# ---- records -----------------------------------------------------------------------------------------


Row = tuple[int, Mapping[str, int | float]]


def _rows(series: Series, start_ms: int | None = None, end_ms: int | None = None) -> list[Row]:
    """Values by second, oldest first: (milliseconds of the second, value by column)."""
    found: dict[int, dict[str, int | float]] = {}
    for column in series.columns:
        for at, value in column.points:
            if (start_ms is None or at >= start_ms) and (end_ms is None or at <= end_ms):
                found.setdefault(at // 1000 * 1000, {})[column.name] = value
    return sorted(found.items())


def _record(columns: Sequence[Column], at: int | None, values: Mapping[str, Any], begin: int = 0) -> list[Json]:
    """The elements of one record; without ``at`` those that describe every record."""
    names = shorts([one.name for one in columns])
    wanted = [one for one in columns if at is None or one.name in values]
    return [
        e.prop("Time", None if at is None else at - begin, f"{_BASE}/RelativePointInTime/1/1", type_="xs:long"),
        e.prop("UtcTime", "" if at is None else from_ms(at), f"{_BASE}/UtcTime/1/1", type_="xs:dateTime"),
        *(e.qualified(_number(names[one.name], one, values.get(one.name), described=at is None),
                      unit=one.unit if at is None else "") for one in wanted),
    ]


def _number(short: str, column: Column, value: Any, *, described: bool) -> Json:
    kind = _TYPES.get(column.type, "xs:double")
    title = {"en": column.title} if described and column.title else None
    told = None if value is None else float(value) if kind == "xs:double" else int(value)
    return e.prop(short, told, "Signal", type_=kind, title=title)


def _records(series: Series, rows: Iterable[Row]) -> Json:
    rows = list(rows)
    begin = rows[0][0] if rows else 0
    made = [e.collection(f"Record{place:03d}", _record(series.columns, at, values, begin), f"{_BASE}/Record/1/1")
            for place, (at, values) in enumerate(rows)]
    return e.collection("Records", made, f"{_BASE}/Records/1/1")


def _internal(series: Series, rows: Sequence[Row]) -> Json:
    first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
    return e.collection("InternalSegment", [
        *optional(e.multi("Name", series.titles, f"{_BASE}/Segment/Name/1/1"), series.titles),
        e.prop("RecordCount", len(rows), f"{_BASE}/Segment/RecordCount/1/1"),
        *_times(rows, first, last),
        e.prop("State", "in progress" if series.up() else "completed", f"{_BASE}/Segment/State/1/1"),
        _records(series, rows),
    ], f"{_BASE}/Segments/InternalSegment/1/1")


def _times(rows: Sequence[Row], first: int, last: int) -> list[Json]:
    told = (("StartTime", from_ms(first)), ("EndTime", from_ms(last)), ("Duration", f"PT{(last - first) // 1000}S"),
            ("LastUpdate", from_ms(last)))
    return [one for name, value in told
            for one in optional(e.prop(name, value, f"{_BASE}/Segment/{name}/1/1"), rows)]


def _linked(series: Series, here: str) -> Json:
    """Where all records are to be had: our own operation, with what to send to it."""
    return e.collection("LinkedSegment", [
        *optional(e.multi("Name", series.titles, f"{_BASE}/Segment/Name/1/1"), series.titles),
        e.prop("Endpoint", f"{here}/submodel-elements/ReadRecords/invoke", f"{_BASE}/Endpoint/1/1"),
        e.prop("Query", msgspec.json.encode({"inputArguments": [{"value": _timespan()}]}).decode(),
               f"{_BASE}/Query/1/1"),
    ], f"{_BASE}/Segments/LinkedSegment/1/1")


# ---- operations --------------------------------------------------------------------------------------


def operations() -> list[Json]:
    """The operations as elements: what goes in, what comes out."""
    outputs = {"ReadRecords": e.collection("Records", [], f"{_BASE}/Records/1/1"),
               "ReadSegments": e.collection("Segment", [], f"{_BASE}/Segments/1/1")}
    return [e.element("Operation", name, f"{_BASE}/{name}/1/1", inputVariables=[{"value": _timespan()}],
                      outputVariables=[{"value": output}]) for name, output in outputs.items()]


def _timespan() -> Json:
    return e.range_("Timespan", "", "", "xs:dateTime", f"{_BASE}/Timespan/1/1")


def invoke(name: str, series: Series, inputs: Sequence[Mapping[str, Any]]) -> list[Json]:
    """What the operation ``name`` answers: its output elements. ``inputs``: the elements that were sent in.

    Raises ``NotFound('twin.operation')`` and ``Invalid('twin.timespan')``. Without a timespan it is all there is.
    """
    if name not in OPERATIONS:
        raise NotFound("twin.operation", name=name[:80])
    span: Mapping[str, Any] = next((one for one in inputs if one.get("idShort") == "Timespan"), {})
    start, end = _instant(span.get("min")), _instant(span.get("max"))
    rows = _rows(series, start, end)
    if name == "ReadRecords":
        return [_records(series, rows)]
    return [e.collection("Segment", [_internal(series, rows)] if rows else [], f"{_BASE}/Segments/1/1")]


def _instant(text: object) -> int | None:
    """Milliseconds of one end of a timespan, None when it is open."""
    if text in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise Invalid("twin.timespan", value=str(text)[:40]) from error
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(whole.timestamp() * 1000)
