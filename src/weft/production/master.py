"""Master data of making things: work centres, calendars, bills of material, routings, supply rules.

Names follow ISA-95 (IEC 62264) and ERP usage. Quantities are decimal strings, times exact decimal seconds.
Rule 1: bills have no cycle; every operation finds a work centre; every quantity is above zero.
Rule 2: ids and set-point names are ASCII, because they become keys of canonical JSON.
Not here: items and lots (``stock/``), rows of a spreadsheet (``table.py``), working time (``calendar.py``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Final, Literal

import msgspec
from msgspec import field

from weft.basis import quantity as q
from weft.basis import zone
from weft.basis.errors import Invalid
from weft.basis.zone import Zone

MINUTES_OF_DAY: Final = 24 * 60
ID_MAX: Final = 120

StartMode = Literal["operator", "auto"]
LineSource = Literal["stock", "make", "buy", "free-issue"]
SupplySource = Literal["make", "buy"]


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Frozen data that travels inside messages and folded state."""


class Span(Data, frozen=True, kw_only=True):
    """Open time from ``start`` to ``end``, minutes of the local day; a night shift ends after 1440."""

    start: int
    end: int


class Shift(Data, frozen=True, kw_only=True):
    """Open time on one weekday: ``day`` 0 is Monday; minutes as in ``Span``."""

    day: int
    start: int
    end: int


class SpecialDay(Data, frozen=True, kw_only=True):
    """A date that differs from its weekday: a holiday (no ``spans``) or a day worked instead (调休)."""

    date: str
    spans: tuple[Span, ...] = ()
    note: str = ""


class Calendar(Data, frozen=True, kw_only=True):
    """When work is done: weekly shifts and special days, by the clock of ``time_zone``.

    "" as older calendars have it: that clock is ever ``utc_offset`` minutes ahead of UTC. Beside a place, that is the
    offset for who does not know it.
    """

    id: str
    zh: str = ""
    en: str = ""
    utc_offset: int = 0
    shifts: tuple[Shift, ...] = ()
    special: tuple[SpecialDay, ...] = ()
    time_zone: str = ""

    @property
    def zone(self) -> Zone:
        """The clock of that place; by the offset if no such place is known here."""
        try:
            return zone.of(self.time_zone) if self.time_zone else zone.fixed(self.utc_offset)
        except Invalid:
            return zone.fixed(self.utc_offset)


class Changeover(Data, frozen=True, kw_only=True):
    """Changing over from one set-up family to another takes ``time_s`` seconds; from a family to itself, too."""

    before: str
    after: str
    time_s: str


class WorkCentre(Data, frozen=True, kw_only=True):
    """Where operations run. ``machine`` "" means job traveller only; ``parallel`` jobs run at once.

    ``changeover_s`` is what changing over to another family takes where neither ``changeovers`` nor the operation say.
    """

    id: str
    zh: str = ""
    en: str = ""
    capabilities: tuple[str, ...] = ()
    machine: str = ""
    calendar: str
    parallel: int = 1
    start: StartMode = "operator"
    changeover_s: str = "0"
    changeovers: tuple[Changeover, ...] = ()


class BillLine(Data, frozen=True, kw_only=True):
    """One component: ``quantity`` per one of the parent, in ``unit``; ``scrap_percent`` is added on top."""

    item: str
    quantity: str
    unit: str = "C62"
    scrap_percent: str = "0"
    source: LineSource = "stock"


class Bill(Data, frozen=True, kw_only=True):
    """Bill of material: what one ``unit`` of ``item`` is made of."""

    item: str
    unit: str = "C62"
    lines: tuple[BillLine, ...] = ()


class Operation(Data, frozen=True, kw_only=True):
    """One step. Names a work centre or a capability; ``setup_s`` once, ``run_s`` per piece, in seconds.

    Operations of one ``family`` (换型族) follow each other without changing over; "": each is set up anew.
    """

    number: int
    zh: str = ""
    en: str = ""
    work_centre: str = ""
    capability: str = ""
    setup_s: str = "0"
    run_s: str
    set_points: dict[str, str] = field(default_factory=dict)
    program: str = ""
    family: str = ""


class Routing(Data, frozen=True, kw_only=True):
    """The operations that make ``item``, in order of their numbers."""

    item: str
    operations: tuple[Operation, ...]


class SupplyRule(Data, frozen=True, kw_only=True):
    """Make ``item`` or buy it from ``supplier``; ``supplies_material``: our items that we send along."""

    item: str
    source: SupplySource
    supplier: str = ""
    lead_days: int = 0
    supplies_material: tuple[str, ...] = ()


class Master(Data, frozen=True, kw_only=True):
    """All master data of one firm, each by its id (bills, routings and rules by item)."""

    work_centres: dict[str, WorkCentre] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    bills: dict[str, Bill] = field(default_factory=dict)
    routings: dict[str, Routing] = field(default_factory=dict)
    supply_rules: dict[str, SupplyRule] = field(default_factory=dict)


def centres_for(operation: Operation, centres: Mapping[str, WorkCentre]) -> tuple[str, ...]:
    """Ids of the work centres that can run ``operation``, sorted; empty when there is none."""
    if operation.work_centre:
        return (operation.work_centre,) if operation.work_centre in centres else ()
    return tuple(sorted(c.id for c in centres.values() if operation.capability in c.capabilities))


def changeover_s(centre: WorkCentre, before: str, family: str, own_s: str) -> str:
    """Seconds of set-up at ``centre`` for ``family`` after ``before`` ("": nobody knows); the nearest word counts.

    What the work centre says of these two, else nothing within a family, else the operation's own set-up, else what
    changing over takes at this work centre at all.
    """
    if not family:
        return own_s
    for one in centre.changeovers:
        if (one.before, one.after) == (before, family):
            return one.time_s
    if before == family:
        return "0"
    return own_s if q.decimal(own_s) > 0 else centre.changeover_s


def seconds_to_ms(seconds: Decimal) -> int:
    """Whole milliseconds of ``seconds``, rounded up so that a plan never promises too early."""
    return int((seconds * 1000).to_integral_value(ROUND_CEILING))


def whole(amount: Decimal, unit: str) -> Decimal:
    """``amount`` rounded up when ``unit`` counts pieces, else unchanged."""
    return amount.to_integral_value(ROUND_CEILING) if unit in q.WHOLE_UNITS else amount


def needed(line: BillLine, parents: Decimal) -> Decimal:
    """How much of the component ``parents`` pieces of the parent take, scrap included."""
    share = 1 + q.decimal(line.scrap_percent) / 100
    return whole(q.decimal(line.quantity) * parents * share, line.unit)


# ---- checks: each yields every fault it finds -----------------------------------------------------


def raise_first(faults: Iterable[Invalid]) -> None:
    """Raise the first of ``faults``, if there is one."""
    for fault in faults:
        raise fault


def id_faults(what: str, name: str) -> Iterator[Invalid]:
    """A fault when ``name`` is not 1 to 120 printable ASCII characters without blanks at its ends."""
    if not 0 < len(name) <= ID_MAX or not name.isascii() or not name.isprintable() or name != name.strip():
        yield Invalid("production.id-form", what=what, value=name[:40])


def master_faults(master: Master, items: Collection[str] | None = None) -> Iterator[Invalid]:
    """Every fault of ``master``; ``items`` are the known item ids, ``None`` leaves them unchecked."""
    for calendar in master.calendars.values():
        yield from calendar_faults(calendar)
    for centre in master.work_centres.values():
        yield from work_centre_faults(centre, master.calendars)
    for bill in master.bills.values():
        yield from bill_faults(bill)
    yield from cycle_faults(master.bills)
    yield from unit_faults(master.bills)
    for routing in master.routings.values():
        yield from routing_faults(routing, master.work_centres)
    for rule in master.supply_rules.values():
        yield from supply_rule_faults(rule)
    if items is not None:
        yield from item_faults(master, items)


def calendar_faults(calendar: Calendar) -> Iterator[Invalid]:
    """Faults of shifts, dates and the offset; a calendar without any weekly shift never opens."""
    yield from id_faults("calendar", calendar.id)
    if not calendar.shifts:
        yield Invalid("production.calendar-empty", calendar=calendar.id)
    yield from _zone_faults(calendar)
    for shift in calendar.shifts:
        if not 0 <= shift.day <= 6 or not _sound(shift.start, shift.end):
            yield Invalid("production.calendar-shift", calendar=calendar.id,
                          day=shift.day, start=shift.start, end=shift.end)
    for day in calendar.special:
        if not _is_date(day.date) or not all(_sound(span.start, span.end) for span in day.spans):
            yield Invalid("production.calendar-date", calendar=calendar.id, date=day.date)


def _zone_faults(calendar: Calendar) -> Iterator[Invalid]:
    """The form alone: which places there are changes with the database, and no fold may depend on that."""
    if not -zone.AHEAD_MAX <= calendar.utc_offset <= zone.AHEAD_MAX:
        yield Invalid("production.calendar-offset", calendar=calendar.id, value=calendar.utc_offset)
    if calendar.time_zone and not zone.is_form(calendar.time_zone):
        yield Invalid("production.calendar-zone", calendar=calendar.id, value=calendar.time_zone[:40],
                      mend=zone.EXAMPLES)


def _sound(start: int, end: int) -> bool:
    return 0 <= start < MINUTES_OF_DAY and start < end <= start + MINUTES_OF_DAY


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def work_centre_faults(centre: WorkCentre, calendars: Collection[str]) -> Iterator[Invalid]:
    """Faults of one work centre; its calendar must be among ``calendars``."""
    yield from id_faults("work-centre", centre.id)
    if centre.calendar not in calendars:
        yield Invalid("production.calendar-unknown", work_centre=centre.id, calendar=centre.calendar)
    if centre.parallel < 1:
        yield Invalid("production.parallel", work_centre=centre.id, value=centre.parallel)
    yield from _caught(_not_negative, centre.changeover_s, f"work centre {centre.id}")
    pairs: set[tuple[str, str]] = set()
    for one in centre.changeovers:
        yield from _caught(_not_negative, one.time_s, f"work centre {centre.id}, {one.before}>{one.after}")
        if not one.before or not one.after or (one.before, one.after) in pairs:
            yield Invalid("production.changeover-pair", work_centre=centre.id, before=one.before, after=one.after)
        pairs.add((one.before, one.after))
    if centre.start == "auto" and not centre.machine:
        yield Invalid("production.auto-without-machine", work_centre=centre.id)


def bill_faults(bill: Bill) -> Iterator[Invalid]:
    """Faults of one bill by itself: quantities, units, scrap, repeated components."""
    where = f"bill {bill.item}"
    yield from id_faults("item", bill.item)
    yield from _caught(q.unit, bill.unit, where)
    seen: set[str] = set()
    for line in bill.lines:
        yield from id_faults("item", line.item)
        place = f"{where}, component {line.item}"
        yield from _caught(q.positive, line.quantity, place)
        yield from _caught(q.unit, line.unit, place)
        yield from _caught(_not_negative, line.scrap_percent, place)
        if line.item in seen:
            yield Invalid("production.bill-line-twice", item=bill.item, component=line.item)
        seen.add(line.item)


def unit_faults(bills: Mapping[str, Bill]) -> Iterator[Invalid]:
    """A component is counted in the unit of its own bill, so that quantities multiply down the tree."""
    for bill in bills.values():
        for line in bill.lines:
            own = bills.get(line.item)
            if own is not None and own.unit != line.unit:
                yield Invalid("production.unit-mismatch", item=line.item, unit=line.unit, other=own.unit)


def cycle_faults(bills: Mapping[str, Bill]) -> Iterator[Invalid]:
    """One fault per cycle; ``cycle`` names it, for example ``A > B > A``."""
    done: set[str] = set()
    for root in sorted(bills):
        yield from _walk(root, bills, [], done)


def _walk(item: str, bills: Mapping[str, Bill], path: list[str], done: set[str]) -> Iterator[Invalid]:
    if item in path:
        cycle = " > ".join([*path[path.index(item):], item])
        yield Invalid("production.bill-cycle", item=path[0], cycle=cycle)
    elif item not in done and item in bills:
        for line in bills[item].lines:
            yield from _walk(line.item, bills, [*path, item], done)
        done.add(item)


def routing_faults(routing: Routing, centres: Mapping[str, WorkCentre]) -> Iterator[Invalid]:
    """Faults of one routing: numbers, times, set-points, and operations that find no work centre."""
    yield from id_faults("item", routing.item)
    if not routing.operations:
        yield Invalid("production.routing-empty", item=routing.item)
    last = 0
    for operation in routing.operations:
        where = f"routing {routing.item}, operation {operation.number}"
        if operation.number <= last:
            yield Invalid("production.operation-order", item=routing.item, operation=operation.number)
        last = operation.number
        yield from _caught(_not_negative, operation.setup_s, where)
        yield from _caught(q.positive, operation.run_s, where)
        yield from _place_faults(routing.item, operation, centres)
        for name in operation.set_points:
            if not name or not name.isascii():
                yield Invalid("production.set-point-name", item=routing.item,
                              operation=operation.number, name=name)


def _place_faults(item: str, operation: Operation, centres: Mapping[str, WorkCentre]) -> Iterator[Invalid]:
    if not operation.work_centre and not operation.capability:
        yield Invalid("production.operation-nowhere", item=item, operation=operation.number)
    elif not centres_for(operation, centres):
        code = "production.work-centre-unknown" if operation.work_centre else "production.capability-unknown"
        yield Invalid(code, item=item, operation=operation.number,
                      name=operation.work_centre or operation.capability)


def supply_rule_faults(rule: SupplyRule) -> Iterator[Invalid]:
    """Faults of one supply rule: a bought item needs a supplier; lead times are not negative."""
    yield from id_faults("item", rule.item)
    if rule.source == "buy" and not rule.supplier:
        yield Invalid("production.supplier-missing", item=rule.item)
    if rule.lead_days < 0:
        yield Invalid("production.lead-time", item=rule.item, value=rule.lead_days)


def item_faults(master: Master, items: Collection[str]) -> Iterator[Invalid]:
    """A fault for every item that master data names and that ``items`` does not hold."""
    for named, where in _named(master):
        if named not in items:
            yield Invalid("production.item-unknown", item=named, where=where)


def _named(master: Master) -> Iterator[tuple[str, str]]:
    for bill in master.bills.values():
        yield from ((item, f"bill {bill.item}") for item in (bill.item, *(line.item for line in bill.lines)))
    yield from ((item, "routing") for item in master.routings)
    for rule in master.supply_rules.values():
        yield from ((item, f"supply rule {rule.item}") for item in (rule.item, *rule.supplies_material))


def _not_negative(text: str, where: str) -> None:
    if q.decimal(text, where) < 0:
        raise Invalid("production.negative", value=text, where=where)


def _caught(check: Callable[[str, str], object], value: str, where: str) -> Iterator[Invalid]:
    try:
        check(value, where)
    except Invalid as fault:
        yield fault
