"""The operations of a machine's time series: what is kept is read, or aggregated by interval, within bounds of memory.

IDTA 02008-1-1 §2.6 (ReadRecords, ReadSegments, DeriveSegment).
Rule 1: what would be too much is refused with how to ask for less, before it is read.
Rule 2: a mean is weighted by how long each value held, for an unchanged value is said once and not again.
Rule 3: where nothing is kept the operations read what is in memory.
Not here: the elements (``twin/templates/series.py``), keeping (``engine/series.py``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from weft.basis.errors import Refused, WeftError
from weft.basis.instant import from_ms
from weft.engine.series import History
from weft.shopfloor.series import QUALITIES, Interval, gather
from weft.twin.elements import Json
from weft.twin.templates import series
from weft.twin.templates.series import Asked, Cell, Row, Series

CELLS_MAX: Final = 20_000  # numbers in one answer


async def invoke(name: str, held: Series, history: History | None, operation: str, inputs: Sequence[Mapping[str, Any]],
                 ) -> list[Json]:
    """What ``operation`` of the submodel ``name`` answers; raises as ``series.asked``, and ``Refused``."""
    wanted = series.asked(operation, inputs)
    if history is not None:
        await _settled(history)
    rows: Sequence[Row] = ()
    if operation != series.SEGMENTS:
        rows = await (_derived if wanted.every_ms else _rows)(held, history, wanted)
    return await asyncio.to_thread(series.answer, name, operation, held, rows, wanted)


def _names(held: Series) -> list[str]:
    return [one.name for one in held.columns]


async def _rows(held: Series, history: History | None, wanted: Asked) -> Sequence[Row]:
    """Every moment of the span at which something was said."""
    kept = held.kept()
    if history is None or kept is None:
        return series.recent(held, wanted.begin, wanted.end)
    names = _names(held)
    begin, end = wanted.begin or 0, (1 << 62) if wanted.end is None else wanted.end + 1
    found = await history.points(held.machine, names, begin, end, CELLS_MAX)
    if found.go_on is not None:
        raise Refused("twin.too-many-records", limit=CELLS_MAX, begin=from_ms(found.points[0][1][0]),
                      until=from_ms(found.go_on - 1))
    rows: dict[int, dict[str, Cell]] = {}
    for place, (at, value, quality) in found.points:
        rows.setdefault(at, {})[names[place]] = (value, QUALITIES[quality].value)
    return list(rows.items())


async def _derived(held: Series, history: History | None, wanted: Asked) -> Sequence[Row]:
    """One row for each interval of the span."""
    kept, memory = held.kept(), series.recent(held)
    known = kept or ((memory[0][0], memory[-1][0]) if memory else None)
    if known is None:
        return ()
    every, names = wanted.every_ms, _names(held)
    begin = known[0] // every * every if wanted.begin is None else wanted.begin
    end = max(begin, (known[1] // every + 1) * every if wanted.end is None else wanted.end)
    count = -(-(end - begin) // every)
    if count * max(1, len(names)) > CELLS_MAX:
        most = max(1, CELLS_MAX // max(1, len(names)))
        raise Refused("twin.too-many-intervals", count=count, limit=most, seconds=-(-(end - begin) // most) // 1000 + 1)
    if not count:
        return ()
    bounds = [begin + every * place for place in range(count)] + [end]
    if history is not None and kept is not None:
        columns = await history.intervals(held.machine, names, bounds)
    else:
        columns = {one.name: gather(bounds, [(at, float(value), 0) for at, value in one.points
                                             if begin <= at < end], known[1] + 1) for one in held.columns}
    return [(bounds[place], {name: _cell(columns[name][place], wanted.method) for name in names})
            for place in range(count)]


async def _settled(history: History) -> None:
    """What was heard a moment ago is in the answer, too; a disk that fails hides only that."""
    try:
        await history.written()
    except WeftError:
        return


def _cell(one: Interval, method: str) -> Cell:
    none = "bad" if one.bad_ms else "missing"
    if method == "Count":
        return one.count, "good" if one.count or one.held_ms else none
    value = {"Max": one.high, "Min": one.low, "Sum": one.total if one.count else None}.get(method, one.mean)
    return value, "good" if value is not None or one.held_ms else none


async def file(held: Series, history: History | None, value: str) -> bytes | None:
    """The file of a day that a segment names by ``value``; None when it names none."""
    day = next((day for day in series.days(held) if series.file_of(held, day) == value), None)
    if day is None or history is None:
        return None
    names = _names(held)
    end = series.until(held, day)
    bounds = [*range(day, end, series.step_ms(held)), end]
    columns = await history.intervals(held.machine, names, bounds)
    return await asyncio.to_thread(lambda: series.csv(held, [
        (at, {name: (one.last, one.low, one.high) for name in names
              if (one := columns[name][place]).last is not None and one.low is not None and one.high is not None})
        for place, at in enumerate(bounds[:-1])]))
