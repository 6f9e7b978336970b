"""Time Series Data (IDTA 02008-1-1-1) of a machine's numbers: recent records, where all are, and operations on them.

Filled from: live values (``engine/live.py``) and what is kept of them (``engine/series.py``); names and units from the
Thing Description.
Rule 1: a record is one moment. A number that had not changed has no element in it; a bad one, or one of which nothing
        is heard any more, has an element without a value and a ValueQualityQualifier: these are three things.
Rule 2: ``Time`` is relative to the segment's start in milliseconds, as the template asks; ``UtcTime`` is the instant.
Rule 3: what describes the records (Metadata.Record) has no values.
Rule 4: of an interval a derived record tells each number, also one without a value.
Not here: keeping history, reading and aggregating it (``engine/twins/timeseries.py``), HTTP (``doors/aas``).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.basis.instant import from_ms
from weft.basis.zone import UTC as _UTC
from weft.basis.zone import Zone
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import encode_id, short, shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import optional, submodel

ID_SHORT: Final = "TimeSeries"
_BASE: Final = "https://admin-shell.io/idta/TimeSeries"
SEMANTIC: Final = f"{_BASE}/1/1"
VERSION: Final = {"version": "1", "revision": "1"}
SHOWN: Final = 60  # newest records within the submodel itself; ReadRecords gives all
DAYS_SHOWN: Final = 7  # whole days that are there as files
COLUMNS_MAX: Final = 100  # beyond, a day's file has a line an hour
DAY_MS: Final = 86_400_000
READ: Final = "ReadRecords"
SEGMENTS: Final = "ReadSegments"
DERIVE: Final = "DeriveSegment"
OPERATIONS: Final = (READ, SEGMENTS, DERIVE)
METHODS: Final = ("Max", "Min", "Avg", "Sum", "Count")
_TYPES: Final = {"integer": "xs:long", "number": "xs:double"}
_MADE: Final = {"Avg": "xs:double", "Count": "xs:long"}  # other types than the number's own
_QUALITIES: Final = {"uncertain": "CTA054", "bad": "CTA053", "missing": "CTA000"}
_EVERY: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|sec|min|m|h|d|Hz)?", re.IGNORECASE)
_DURATION: Final = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6}(?:\.\d{1,6})?)S)?)?")
_UNITS: Final = {"ms": 1, "": 1_000, "s": 1_000, "sec": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": DAY_MS}

Number = int | float
Points = Sequence[tuple[int, Number]]
Cell = tuple[Number | None, str]  # a number, and its quality: good, uncertain, bad or missing
Row = tuple[int, Mapping[str, Cell]]  # milliseconds since 1970, and what was said then by column


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the machine: its recent ``points`` are (milliseconds since 1970, value), oldest first."""

    name: str
    title: str = ""
    type: str = "number"
    unit: str = ""
    points: Points = ()


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers of ``machine``; ``url``: our address, "" when nobody can reach us; ``up``: whether we hear it now.

    ``kept``: the first and the last instant (ms) of what is kept, None where nothing is; days are those of ``zone``.
    """

    machine: str
    titles: dict[str, str]
    columns: tuple[Column, ...]
    up: Callable[[], bool] = bool  # no, while nobody says otherwise
    url: str = ""
    kept: Callable[[], tuple[int, int] | None] = lambda: None
    zone: Zone = _UTC


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation is asked for: both ends inclusive, None where open; ``every_ms`` with its ``method``."""

    begin: int | None = None
    end: int | None = None
    every_ms: int = 0
    method: str = ""


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
    return submodel(name, ID_SHORT, [
        described, e.collection("Segments", segments(name, series), f"{_BASE}/Segments/1/1"), *operations(),
    ], SEMANTIC, VERSION)


# ---- records -----------------------------------------------------------------------------------------


def recent(series: Series, begin: int | None = None, end: int | None = None) -> list[Row]:
    """What is in memory, second by second, oldest first; both ends inclusive."""
    found: dict[int, dict[str, Cell]] = {}
    for column in series.columns:
        for at, value in column.points:
            if (begin is None or at >= begin) and (end is None or at <= end):
                found.setdefault(at // 1000 * 1000, {})[column.name] = (value, "good")
    return sorted(found.items())


def _record(columns: Sequence[Column], at: int | None, cells: Mapping[str, Cell], begin: int = 0,
            method: str = "") -> list[Json]:
    """The elements of one record; without ``at`` those that describe every record."""
    names = shorts([one.name for one in columns])
    told = [e.prop("Time", None if at is None else at - begin, f"{_BASE}/RelativePointInTime/1/1", type_="xs:long"),
            e.prop("UtcTime", "" if at is None else from_ms(at), f"{_BASE}/UtcTime/1/1", type_="xs:dateTime")]
    for one in columns:
        if at is None:
            title = {"en": one.title} if one.title else None
            made = e.prop(names[one.name], None, "Signal", type_=_TYPES.get(one.type, "xs:double"), title=title)
            told.append(e.qualified(made, unit=one.unit))
        elif one.name in cells:
            told.append(_number(names[one.name], one, cells[one.name], method))
    return told


def _number(id_short: str, column: Column, cell: Cell, method: str) -> Json:
    value, quality = cell
    kind = _MADE.get(method) or _TYPES.get(column.type, "xs:double")
    told = None if value is None else float(value) if kind == "xs:double" else round(value)
    made = e.prop(id_short, told, "Signal", type_=kind)
    if quality in _QUALITIES:
        made["qualifiers"] = [_qualifier("ValueQualityQualifier", "0112/2///61360_4#ADA350",
                                         f"0112/2///61360_7#{_QUALITIES[quality]}")]
    return made


def _qualifier(kind: str, semantic: str, value: str) -> Json:
    """A qualifier as the template's specification lists them (§2.5)."""
    return {"kind": "ValueQualifier", "type": kind, "semanticId": e.external(semantic), "valueType": "xs:string",
            "value": value}


def _records(series: Series, rows: Iterable[Row], method: str = "") -> Json:
    rows = list(rows)
    begin = rows[0][0] if rows else 0
    stem = "Derived" if method else "Record"  # unique across segments, as the specification asks
    made = [e.collection(f"{stem}{place:03d}", _record(series.columns, at, cells, begin, method), f"{_BASE}/Record/1/1")
            for place, (at, cells) in enumerate(rows)]
    return e.collection("Records", made, f"{_BASE}/Records/1/1")


# ---- segments ----------------------------------------------------------------------------------------


def segments(name: str, series: Series, begin: int | None = None, end: int | None = None) -> list[Json]:
    """The segments of the submodel ``name``; of those, all that overlap a span (both ends inclusive)."""

    def overlaps(first: int, last: int) -> bool:
        return (end is None or first <= end) and (begin is None or last >= begin)

    rows = recent(series)[-SHOWN:]
    found = [] if begin is not None or end is not None else [_internal(series, rows)]
    if not found and rows and overlaps(rows[0][0], rows[-1][0]):
        found = [_internal(series, rows)]
    kept = series.kept()
    if series.url and (overlaps(*kept) if kept else begin is None and end is None):
        found.append(_linked(series, kept, f"{series.url}/api/v3.0/submodels/{encode_id(name)}"))
    return [*found, *(_external(series, day) for day in days(series) if overlaps(day, until(series, day) - 1))]


def _internal(series: Series, rows: Sequence[Row]) -> Json:
    first, last = (rows[0][0], rows[-1][0]) if rows else (0, 0)
    return e.collection("InternalSegment", [
        *_named(series),
        e.prop("RecordCount", len(rows), f"{_BASE}/Segment/RecordCount/1/1"),
        *(_times(first, last) if rows else ()),
        e.prop("State", "in progress" if series.up() else "completed", f"{_BASE}/Segment/State/1/1"),
        _records(series, rows),
    ], f"{_BASE}/Segments/InternalSegment/1/1")


def _named(series: Series) -> list[Json]:
    return optional(e.multi("Name", series.titles, f"{_BASE}/Segment/Name/1/1"), series.titles)


def _times(first: int, last: int) -> list[Json]:
    told = (("StartTime", from_ms(first)), ("EndTime", from_ms(last)), ("Duration", f"PT{(last - first) // 1000}S"),
            ("LastUpdate", from_ms(last)))
    return [e.prop(name, value, f"{_BASE}/Segment/{name}/1/1") for name, value in told]


def _linked(series: Series, kept: tuple[int, int] | None, here: str) -> Json:
    """Where all records are to be had: our own operation, with what to send to it."""
    return e.collection("LinkedSegment", [
        *_named(series),
        *(_times(*kept) if kept else ()),
        e.prop("Endpoint", f"{here}/submodel-elements/ReadRecords/invoke", f"{_BASE}/Endpoint/1/1"),
        e.prop("Query", msgspec.json.encode({"inputArguments": [{"value": _timespan()}]}).decode(),
               f"{_BASE}/Query/1/1"),
    ], f"{_BASE}/Segments/LinkedSegment/1/1")


def days(series: Series) -> list[int]:
    """When those days begin (ms) that are over and there as files, oldest first."""
    kept = series.kept()
    if kept is None:
        return []
    first, last = (series.zone.wall(at) // DAY_MS for at in kept)
    return [series.zone.utc(day * DAY_MS) for day in range(max(first, last - DAYS_SHOWN), last)]


def until(series: Series, day: int) -> int:
    """When the day that begins at ``day`` ends: after 24 hours, or an hour more or less where clocks change."""
    return series.zone.ends(series.zone.day(day))


def step_ms(series: Series) -> int:
    """How long one line of a day's file is: a minute; of very many numbers an hour."""
    return 60_000 if len(series.columns) <= COLUMNS_MAX else 3_600_000


def file_of(series: Series, day: int) -> str:
    """How a segment names the file of a day: apart from those of other machines, so that one package holds them all."""
    return f"/aasx/files/{short(series.machine, 'Machine_')}_{series.zone.day(day)}.csv"


def _external(series: Series, day: int) -> Json:
    """One day as a file: by minute what held last, the lowest and the highest."""
    date = series.zone.day(day).replace("-", "")
    return e.collection(f"ExternalSegment{date}", [
        *_named(series),
        *_times(day, until(series, day)),
        e.prop("SamplingInterval", step_ms(series) // 1000, f"{_BASE}/Segment/SamplingInterval/1/1", type_="xs:long"),
        e.prop("State", "completed", f"{_BASE}/Segment/State/1/1"),
        e.file("File", file_of(series, day), "text/csv", f"{_BASE}/File/1/1"),
    ], f"{_BASE}/Segments/ExternalSegment/1/1")


def csv(series: Series, rows: Iterable[tuple[int, Mapping[str, tuple[Number, Number, Number]]]]) -> bytes:
    """The file of a day: by moment the last, the lowest and the highest of each number; nothing where none held."""
    names = shorts([one.name for one in series.columns])
    lines = [",".join(["UtcTime", *(f"{names[one.name]}{part}" for one in series.columns
                                    for part in ("", ".Min", ".Max"))])]
    for at, cells in rows:
        told = (cells.get(one.name) or ("", "", "") for one in series.columns)
        lines.append(",".join([from_ms(at), *(str(value) for cell in told for value in cell)]))
    return "".join(f"{line}\r\n" for line in lines).encode()


# ---- operations --------------------------------------------------------------------------------------


def operations() -> list[Json]:
    """The operations as elements: what goes in, what comes out."""
    shaping = [_maybe(e.prop("SamplingInterval", None, f"{_BASE}/Segment/SamplingInterval/1/1", type_="xs:string")),
               _maybe(e.prop("AggregationMethod", None, f"{_BASE}/AggregationMethod/1/1", type_="xs:string"))]
    derived = e.collection("Segments", [], f"{_BASE}/Segments/1/1")
    derived["supplementalSemanticIds"] = [e.external(f"{_BASE}/AggregationMethod/1/1")]  # as it is published
    outputs = {DERIVE: (shaping, derived), READ: ([], e.collection("Records", [], f"{_BASE}/Records/1/1")),
               SEGMENTS: ([], e.collection("Segment", [], f"{_BASE}/Segments/1/1"))}
    return [e.element("Operation", name, f"{_BASE}/{name}/1/1",
                      inputVariables=[{"value": one} for one in (_timespan(), *inputs)],
                      outputVariables=[{"value": output}]) for name, (inputs, output) in outputs.items()]


def _maybe(one: Json) -> Json:
    """An argument that may be left out."""
    return e.qualified(one, Cardinality="ZeroToOne")


def _timespan() -> Json:
    return e.range_("Timespan", "", "", "xs:dateTime", f"{_BASE}/Timespan/1/1")


def asked(name: str, inputs: Sequence[Mapping[str, Any]]) -> Asked:
    """What the operation ``name`` is asked for by the elements that were sent in.

    Raises ``NotFound('twin.operation')``, ``Invalid('twin.timespan')`` and ``Invalid('twin.sampling')``.
    """
    if name not in OPERATIONS:
        raise NotFound("twin.operation", name=name[:80])
    given = {str(one.get("idShort")): one for one in inputs}
    span = given.get("Timespan", {})
    every = str(given.get("SamplingInterval", {}).get("value") or "").strip()
    method = str(given.get("AggregationMethod", {}).get("value") or "").strip()
    if method and not every:
        raise Invalid("twin.sampling", value=method[:40])
    known = next((one for one in METHODS if one.lower() == method.lower()), "")
    if method and not known:
        raise Invalid("twin.aggregation", value=method[:40], known=", ".join(METHODS))
    return Asked(begin=_instant(span.get("min")), end=_instant(span.get("max")),
                 every_ms=_interval(every) if every else 0, method=known or ("Avg" if every else ""))


def answer(name: str, operation: str, series: Series, rows: Sequence[Row], wanted: Asked) -> list[Json]:
    """What ``operation`` of the submodel ``name`` answers: its output elements; ``rows``: what was found for it."""
    if operation == SEGMENTS:
        return [e.collection("Segment", segments(name, series, wanted.begin, wanted.end), f"{_BASE}/Segments/1/1")]
    if operation == READ:
        return [_records(series, rows)]
    return [e.collection("Segments", [_derived(series, rows, wanted)], f"{_BASE}/Segments/1/1")]


def _derived(series: Series, rows: Sequence[Row], wanted: Asked) -> Json:
    whole = wanted.every_ms and wanted.every_ms % 1000 == 0
    made = e.collection("DerivedSegment", [
        *_named(series),
        e.prop("RecordCount", len(rows), f"{_BASE}/Segment/RecordCount/1/1"),
        *(_times(rows[0][0], rows[-1][0]) if rows else ()),
        *optional(e.prop("SamplingInterval", wanted.every_ms // 1000, f"{_BASE}/Segment/SamplingInterval/1/1",
                         type_="xs:long"), whole),
        e.prop("State", "completed", f"{_BASE}/Segment/State/1/1"),
        _records(series, rows, wanted.method),
    ], f"{_BASE}/Segments/InternalSegment/1/1")
    if wanted.method:
        origin = _qualifier("ValueOriginQualifier", "0112/2///61360_4#AAF582", "0112/2///61360_7#CTA004")  # calculated
        made["qualifiers"] = [origin]
    if wanted.method == "Avg":  # weighted by how long each value held
        made["qualifiers"].append(_qualifier("ValueProcessingQualifier", "0112/2///61360_4#AAF583#002",
                                             "0112/2///61360_7#CTA014"))
    return made


def _instant(text: object) -> int | None:
    """Milliseconds of one end of a timespan, none before 1970; None when it is open."""
    if text in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(text))
        whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, round(whole.timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise Invalid("twin.timespan", value=str(text)[:40]) from error


def _interval(text: str) -> int:
    """Milliseconds of a sampling interval: ``60``, ``60 s``, ``5 min``, ``500 ms``, ``2 Hz``, ``PT1M``."""
    found, duration = _EVERY.fullmatch(text), _DURATION.fullmatch(text)
    every = 0.0
    if found and (found[2] or "").lower() == "hz":
        every = 1000 / float(found[1]) if float(found[1]) else 0
    elif found:
        every = float(found[1]) * _UNITS[(found[2] or "").lower()]
    elif duration:
        spans = [float(part or 0) for part in duration.groups()]
        every = sum(part * unit for part, unit in zip(spans, (DAY_MS, 3_600_000, 60_000, 1_000), strict=True))
    if every < 1:
        raise Invalid("twin.interval", value=text[:40])
    return round(every)
