"""Numbers of a machine over time: what held in each interval of a span, for a chart; and the records themselves.

Rule 1: a picture has every peak: an interval tells the lowest, the highest and the last value that held in it.
Rule 2: where nothing was heard, or what was heard was bad, there is no value: neither zero nor the one before.
Rule 3: records come page by page; what a page holds is bounded, whatever the span.
Not here: the picture (``doors/console/charts.py``), files of them (``engine/value_tables.py``).
"""

from typing import Any, Final

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Unavailable
from weft.engine.views.shape import View
from weft.production.calendar import OpenTime
from weft.shopfloor.book import Machine
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.reading import parse_text
from weft.shopfloor.series import QUALITIES, Interval, edges, gather

POINTS: Final = 240  # intervals of a chart, unless it is asked otherwise
POINTS_MAX: Final = 2_000
LINES: Final = 6  # series at once, where nobody has chosen
LINES_MAX: Final = 40
PAGE: Final = 5_000
DAY_MS: Final = 86_400_000
SPAN_MAX: Final = 3_660 * DAY_MS
SHIFT_MS: Final = 8 * 3_600_000
_FIRST: Final = (Role.SIGNAL, Role.SETPOINT, Role.COUNT, Role.SCRAP)


class Line(View, frozen=True, kw_only=True):
    """One number. ``low``, ``high``, ``last``: by interval, None where no value held; ``bad``: where it was bad.

    ``whole``: where a value held from the beginning of an interval to its end.
    """

    property: str
    title: str
    unit: str = ""
    type: str = "number"
    minimum: str = ""
    maximum: str = ""
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    last: tuple[float | None, ...] = ()
    bad: tuple[bool, ...] = ()
    whole: tuple[bool, ...] = ()


class Choice(View, frozen=True, kw_only=True):
    """A number that can be shown."""

    property: str
    title: str
    unit: str = ""
    shown: bool = False


class ValuesView(View, frozen=True, kw_only=True):
    """A span of a machine's numbers. ``bounds``: ends of the intervals (ms); ``first_ms``: since when there is any."""

    machine: str
    title: str
    zh: str = ""
    en: str = ""
    now_ms: int
    first_ms: int = 0
    lasting: bool = True
    bounds: tuple[int, ...]
    lines: tuple[Line, ...] = ()
    choices: tuple[Choice, ...] = ()


class RecordsView(View, frozen=True, kw_only=True):
    """Records of a span: ``columns`` are properties, a row is an instant (ms) and what was said then.

    A cell is a number, "" where nothing new was said, "bad" or "missing". ``go_on``: where the next page begins (ms).
    ``first_ms``, ``last_ms``: of all that is kept of the machine.
    """

    machine: str
    columns: tuple[str, ...]
    titles: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[int, tuple[float | str, ...]], ...]
    first_ms: int = 0
    last_ms: int = 0
    go_on: int | None = None


async def machine_values(node: Any, machine: str, begin: str = "", end: str = "", of: str = "",
                         points: str = "") -> ValuesView:
    """What held in a span (instants or ms; open: the last hour) of the numbers ``of`` (names, by commas)."""
    known, described = await _machine(node, machine)
    now = int(node.clock.now_ms())
    until = moment(end) if end else now
    since = moment(begin) if begin else until - 3_600_000
    if not 0 < until - since <= SPAN_MAX:
        raise Invalid("values.span", begin=begin[:40], end=end[:40])
    count = int(points) if points.isdecimal() and len(points) < 6 else POINTS
    numbers = _numbers(described)
    chosen = _chosen(numbers, of)
    bounds = edges(since, until, max(1, min(count, POINTS_MAX)))
    found = await _intervals(node, machine, [one.name for one in chosen], bounds)
    span = node.history.span(machine) if node.history is not None else None
    return ValuesView(
        machine=machine, title=known.title, zh=described.titles.get("zh", ""), en=described.titles.get("en", ""),
        now_ms=now, first_ms=span.first_ms if span else 0, lasting=lasting(node), bounds=tuple(bounds),
        lines=tuple(_line(one, found[one.name]) for one in chosen),
        choices=tuple(Choice(property=one.name, title=one.title, unit=one.unit, shown=one in chosen)
                      for one in numbers))


def lasting(node: Any) -> bool:
    """Whether values are kept for longer than in memory."""
    return node.history is not None and bool(node.history.kept)


async def machine_records(node: Any, machine: str, begin: str = "", end: str = "", of: str = "",
                          limit: str = "") -> RecordsView:
    """Records of a span as they were kept, a page of about ``limit`` values; raises ``Unavailable``."""
    _, described = await _machine(node, machine)
    chosen = _chosen(_numbers(described), of, LINES_MAX * 50 if not of else LINES_MAX)
    names = [one.name for one in chosen]
    since, until = moment(begin) if begin else 0, moment(end) if end else 1 << 52
    most = int(limit) if limit.isdecimal() and len(limit) < 6 else PAGE
    if node.history is None:
        raise Unavailable("history.off")
    await node.history.written()
    found = await node.history.points(machine, names, since, until, max(1, min(most, PAGE)))
    rows: dict[int, list[float | str]] = {}
    for place, (at, value, quality) in found.points:
        told = rows.setdefault(at, [""] * len(names))
        told[place] = value if value is not None else QUALITIES[quality].value
    span = node.history.span(machine)
    return RecordsView(
        machine=machine, columns=tuple(names), titles=tuple(one.title for one in chosen),
        units=tuple(one.unit for one in chosen), rows=tuple((at, tuple(told)) for at, told in rows.items()),
        first_ms=span.first_ms if span else 0, last_ms=span.last_ms if span else 0, go_on=found.go_on)


def moment(text: str) -> int:
    """Milliseconds of an instant or of a number of them; raises ``Invalid('values.moment')``."""
    if text.isdecimal() and len(text) < 16:
        return int(text)
    try:
        return instant.to_ms(text)
    except Invalid as error:
        raise Invalid("values.moment", value=text[:40]) from error


async def shift(node: Any, machine: str, at: int) -> tuple[int, int]:
    """The shift at an instant, or the last before it, by the calendar of the work centre; without one, eight hours."""
    master = (await node.state(node.book("production"))).master
    calendar = next((master.calendars[one.calendar] for one in master.work_centres.values()
                     if one.machine == machine and one.calendar in master.calendars), None)
    if calendar is not None and calendar.shifts:
        windows = [one for one in OpenTime(calendar).windows(at - 4 * DAY_MS, at + DAY_MS // 2) if one[0] <= at]
        if windows and windows[-1][1] - windows[-1][0] <= DAY_MS:
            return windows[-1]
    return at - SHIFT_MS, at


async def _machine(node: Any, name: str) -> tuple[Machine, Description]:
    known: Machine | None = (await node.state(node.book("floor"))).machines.get(name)
    if known is None or known.removed:
        raise NotFound("floor.machine-unknown", machine=name[:80])
    return known, parse_text(known.description)


def _numbers(described: Description) -> list[Property]:
    """What can be shown: numbers, signals first."""
    order = {role: place for place, role in enumerate(_FIRST)}
    return sorted((one for one in described.properties.values() if one.numeric),
                  key=lambda one: (order.get(one.role, 9), one.title))


def _chosen(numbers: list[Property], of: str, most: int = LINES) -> list[Property]:
    wanted = [name for name in of.split(",") if name]
    if not wanted:
        return numbers[:most]
    found = [one for one in numbers if one.name in wanted]
    if len(found) < len(set(wanted)) or len(found) > LINES_MAX:
        raise NotFound("values.property", name=of[:80], limit=LINES_MAX)
    return found


async def _intervals(node: Any, machine: str, names: list[str], bounds: list[int]) -> dict[str, list[Interval]]:
    """From what is kept; where nothing is, from memory."""
    if node.history is not None and node.history.span(machine) is not None:
        return dict(await node.history.intervals(machine, names, bounds))
    now = int(node.clock.now_ms())
    made = {}
    for name in names:
        heard = [(at, float(value), 0) for at, value in node.live.history(machine, name)]
        before = next((one for one in reversed(heard) if one[0] < bounds[0]), None)
        made[name] = gather(bounds, [one for one in heard if bounds[0] <= one[0] < bounds[-1]], now, before)
    return made


def _line(prop: Property, found: list[Interval]) -> Line:
    return Line(
        property=prop.name, title=prop.title, unit=prop.unit, type=prop.type, minimum=prop.minimum,
        maximum=prop.maximum, low=tuple(one.low for one in found), high=tuple(one.high for one in found),
        last=tuple(one.last for one in found), bad=tuple(one.bad_ms > 0 for one in found),
        whole=tuple(one.held_ms == one.until - one.at for one in found))

