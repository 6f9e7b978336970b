"""The firm's books as the records that IDTA templates are filled from.

Rule 1: a record holds what was recorded, or "": whether that is enough for a template is the template's own question.
Rule 2: a template is thought of only where it fits: no bill for what is bought, no papers for a lot without any.
Not here: what the templates make of it (``twin/templates``), who asks (``derived.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weft import locale
from weft.basis import quantity as q
from weft.basis.zone import UTC, Zone
from weft.config import Config
from weft.engine.live import Live
from weft.engine.series import History
from weft.production.master import Calendar, Operation, WorkCentre, centres_for
from weft.production.state import Job
from weft.production.state import State as Production
from weft.shopfloor.book import Floor
from weft.shopfloor.description import Description, Role
from weft.stock.messages import Item
from weft.stock.state import Lot
from weft.stock.state import State as Stock
from weft.trade import views as trade
from weft.trade.order_state import OrderState, Phase
from weft.twin import machine
from weft.twin.names import asset_id, shell_id, submodel_id
from weft.twin.templates import (
    calendar,
    capabilities,
    footprint,
    handover,
    interfaces,
    mapping,
    nameplate,
    processes,
    purchase,
    series,
)
from weft.twin.templates.parts import Party, named

Records = tuple[Any, ...]
_NOT_PLACED: Final = frozenset({Phase.NEW, Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED, Phase.DECLINED})


@dataclass(frozen=True, slots=True)
class Books:
    """The books as they stand at one moment."""

    stock: Stock
    production: Production
    floor: Floor


@dataclass(frozen=True, slots=True)
class Heard:
    """What machines tell: now, and over time where that is kept. ``zone``: the clock of the firm's place."""

    live: Live
    history: History | None = None
    zone: Zone = UTC

    def kept(self, machine: str) -> tuple[int, int] | None:
        """The first and the last instant (ms) of what is kept of ``machine``."""
        span = self.history.span(machine) if self.history is not None else None
        return (span.first_ms, span.last_ms) if span is not None else None


@dataclass(frozen=True, slots=True)
class Dated:
    """When an order was placed, and when something was said in it last: instants, "" while unknown."""

    placed: str = ""
    changed: str = ""


def party(config: Config, organisation: str) -> Party:
    """This firm as papers name it."""
    firm = config.firm
    return Party(organisation=organisation, name=firm.name, lang=firm.lang, street=firm.street, zipcode=firm.zipcode,
                 city=firm.city, state=firm.state, country=firm.country.upper(), telephone=firm.telephone,
                 email=firm.email, address=firm.address, tax_number=firm.tax_number, url=firm.url.rstrip("/"),
                 time_zone=firm.zone.name)


def told(us: Party) -> bool:
    """Whether the firm has said where it is."""
    return bool(us.name and (us.street or us.city or us.address))


def of_firm(books: Books, us: Party) -> Records:
    """What fills templates of the firm itself: how to reach it, and its working time where it has but one."""
    calendars = list(books.production.master.calendars.values())
    return (us, *([_calendar("", calendars[0])] if len(calendars) == 1 else ()))


def _titles(item: Item | None, name: str) -> dict[str, str]:
    return (named(item.zh, item.en) if item else {}) or {"en": name}


# ---- items and lots ----------------------------------------------------------------------------------


def of_item(books: Books, maker: Party, item: Item) -> Records:
    """What fills templates of an item: if we make it its nameplate, footprint and processes; a footprint if told."""
    master = books.production.master
    rule = master.supply_rules.get(item.id)
    routing = master.routings.get(item.id)
    found: list[Any] = []
    made = routing is not None or item.id in master.bills or (rule is not None and rule.source == "make")
    if made:
        shell = shell_id(maker.organisation, "item", item.id)
        found.append(nameplate.Product(maker=maker, asset=asset_id(shell), item=item.id,
                                       titles=_titles(item, item.id)))
    if routing is not None:
        found.append(processes.Routing(item=item.id, steps=tuple(
            _planned(books, item.id, one, first=one is routing.operations[0]) for one in routing.operations)))
    if made or item.co2_kg or item.co2_methods:
        found.append(footprint.Footprint(
            item=item.id, unit=item.unit, co2_kg=item.co2_kg, co2_methods=item.co2_methods,
            co2_phases=item.co2_phases, co2_at=f"{item.co2_at}T00:00:00Z" if item.co2_at else ""))
    return tuple(found)


def _planned(books: Books, item: str, operation: Operation, *, first: bool) -> processes.Step:
    """One operation of a routing; the parts of the bill go into the first."""
    master = books.production.master
    bill = master.bills.get(item)
    resources = {"WorkCentres": ", ".join(centres_for(operation, master.work_centres)),
                 "Capability": operation.capability, "Program": operation.program,
                 "SetupTime": processes.seconds(operation.setup_s)}
    return processes.Step(
        number=operation.number, titles=named(operation.zh, operation.en),
        planned_s=processes.seconds(operation.run_s), product={"Item": item}, set_points=operation.set_points,
        resources=resources, materials=tuple(
            processes.Material(item=one.item, quantity=one.quantity, unit=one.unit)
            for one in (bill.lines if bill and first else ())))


def of_lot(books: Books, maker: Party, lot: Lot, issuer: str) -> Records:
    """What fills templates of a lot: the nameplate if our work made it, its papers; ``issuer`` gave us the papers."""
    found: list[Any] = []
    if lot.why == "produced" and not lot.owner:
        shell = shell_id(maker.organisation, "lot", lot.id)
        found.append(nameplate.Product(
            maker=maker, asset=asset_id(shell), item=lot.item, lot=lot.id, made=maker.day(lot.received),
            titles=_titles(books.stock.items.get(lot.item), lot.item)))
    if lot.certificates:
        found.append(handover.Papers(lot=lot.id, item=lot.item, papers=lot.certificates, at=maker.day(lot.received),
                                     issuer=issuer or maker.name or maker.organisation, keeper=maker))
    return tuple(found)


# ---- machines ----------------------------------------------------------------------------------------


def of_machine(books: Books, heard: Heard, name: str, described: Description, maker: Party) -> Records:
    """What fills templates of a machine: its numbers, what it can do, when it works. ``maker``: the firm it is of."""
    centres = [one for one in books.production.master.work_centres.values() if one.machine == name]
    numbers = [one for one in described.properties.values() if one.type in ("integer", "number")]
    return (
        series.Series(
            machine=name, titles=described.titles, up=lambda: heard.live.status(name).up, url=maker.url,
            kept=lambda: heard.kept(name), zone=heard.zone,
            columns=tuple(series.Column(name=one.name, title=one.title, type=one.type, unit=one.unit,
                                        points=_Points(heard.live, name, one.name)) for one in numbers)),
        capabilities.Abilities(
            machine=name, capabilities=_abilities(centres),
            limits=tuple(capabilities.Limit(name=one.name, title=one.title, unit=one.unit, minimum=one.minimum,
                                            maximum=one.maximum)
                         for one in described.properties.values() if one.role is Role.SETPOINT)),
        _working_time(name, books.production.master.calendars, centres),
    )


def of_description(described: machine.Machine) -> Records:
    """What fills templates of how a machine is reached, and where its values go."""
    thing = interfaces.described(described.name, described.thing)
    places = {name: mapping.Place(submodel_id(described.shell, submodel), tuple(path.split(".")))
              for name, (submodel, path) in machine.places(described).items()}
    mapped = mapping.Mapped(shell=described.shell, described=thing, places=places)
    return (thing, mapped, mapping.Related(mapped))


class _Points(Sequence[tuple[int, int | float]]):
    """The history of one number, read only when somebody looks at it: most who ask for a machine do not."""

    def __init__(self, live: Live, machine: str, name: str) -> None:
        self._live, self._machine, self._name = live, machine, name

    def _read(self) -> list[tuple[int, int | float]]:
        return [(at, value) for at, value in self._live.history(self._machine, self._name)
                if isinstance(value, int | float) and not isinstance(value, bool)]

    def __getitem__(self, place: Any) -> Any:
        return self._read()[place]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[tuple[int, int | float]]:
        return iter(self._read())


def _abilities(centres: list[WorkCentre]) -> dict[str, dict[str, str]]:
    """Each capability of ``centres`` with their names by language."""
    found: dict[str, list[WorkCentre]] = {}
    for centre in centres:
        for ability in centre.capabilities:
            found.setdefault(ability, []).append(centre)
    return {ability: {"zh": "、".join(one.zh or one.en or one.id for one in offering),
                      "en": ", ".join(one.en or one.id for one in offering)}
            for ability, offering in found.items()}


def _working_time(machine: str, known: Mapping[str, Calendar], centres: list[WorkCentre]) -> calendar.Calendar:
    """The calendar of the first work centre that names the machine."""
    found = next((known[one.calendar] for one in centres if one.calendar in known), None)
    return calendar.Calendar(machine=machine) if found is None else _calendar(machine, found)


def _calendar(machine: str, found: Calendar) -> calendar.Calendar:
    variable = "\n".join(locale.text(lang, "twin.calendar-variable", variable=calendar.VARIABLE)
                         for lang in locale.LANGUAGES)
    return calendar.Calendar(
        machine=machine, id=found.id, titles=named(found.zh, found.en), zone=found.zone,
        shifts=tuple((one.day, one.start, one.end) for one in found.shifts),
        special=tuple(calendar.Special(one.date, tuple((span.start, span.end) for span in one.spans), one.note)
                      for one in found.special), variable=variable)


# ---- orders ------------------------------------------------------------------------------------------


def of_order(books: Books, name: str, result: str) -> Records:
    """What fills templates of a production order: what its operations did."""
    order = books.production.orders[name]
    jobs = [books.production.jobs[one] for one in order.jobs if one in books.production.jobs]
    first = jobs[0].id if jobs else ""
    materials = tuple(processes.Material(item=one.item, quantity=one.quantity, unit=one.unit, lots=one.lots)
                      for one in order.materials)
    return (processes.Run(order=name, result=result, steps=tuple(
        _done(one, materials if one.id == first else ()) for one in jobs)),)


def _done(job: Job, materials: tuple[processes.Material, ...]) -> processes.Step:
    return processes.Step(
        number=job.operation, titles=named(job.zh, job.en), planned_s=processes.seconds(job.run_s, job.quantity),
        product={"Item": job.item, "Quantity": job.quantity, "Unit": job.unit}, set_points=job.set_points,
        resources={"WorkCentre": job.work_centre, "Machine": job.machine, "Program": job.program},
        materials=materials, state=job.state.value, good=job.good, scrap=q.text(job.scrap), started=job.started,
        ended=job.ended, scrapped=job.scrapped)


def of_purchase(books: Books, buyer: Party, thread: str, state: OrderState, seller: tuple[str, str], dated: Dated,
                ) -> Records:
    """What fills the template of an order that we placed, nothing before; ``seller``: its id and its name."""
    if state.order is None or state.phase in _NOT_PLACED:
        return ()
    return (purchase.Purchase(
        thread=thread, number=state.order.number, buyer=buyer, seller=seller[0],
        seller_name=seller[1], currency=state.currency, at=dated.placed, changed=dated.changed,
        status=state.phase.value, quotation=state.quotation.number if state.quotation else "",
        gross=trade.amounts(state)[1] if state.lines else "", note=state.order.note,
        lines=tuple(
            purchase.Line(
                line=one.line, item=one.item, quantity=one.ordered, unit=one.unit, unit_price=one.unit_price,
                base=one.base, net=one.net, tax=one.tax, tax_category=one.tax_category, tax_percent=one.tax_percent,
                promise=one.promise, buyer_item=one.buyer_item,
                titles=_line_titles(books, one.buyer_item or one.item, one.description))
            for one in state.lines.values())),)


def _line_titles(books: Books, item: str, description: str) -> dict[str, str]:
    """What we call the item, else what the seller calls it."""
    known = books.stock.items.get(item)
    own = named(known.zh, known.en) if known else {}
    return own or ({"en": description} if description else {})
