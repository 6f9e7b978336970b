"""The twins of this firm on demand: ids in order, and one shell or submodel from what the books and machines say now.

Rule 1: nothing is built that was not asked for; a page of a hundred costs a hundred, whatever else there is.
Rule 2: pages go by id: kinds in the order of ``names.KINDS``, names as they sort; new twins never shift a page.
Rule 3: values are read when a submodel is built, never kept: ``$value`` is what the machine said last.
Rule 4: what fills templates is kept for as long as the records it is made of are the same objects.
Rule 5: a purchase is an order thread in which we buy; its state is read only when its turn comes.
Not here: what a shell looks like (``twin/``), HTTP (``doors/aas``).
"""

import hashlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Protocol

from msgspec.structs import replace

from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.basis.instant import from_ms
from weft.config import Config
from weft.engine.live import Live
from weft.engine.series import History
from weft.engine.twins import records, timeseries
from weft.engine.twins.ports import File
from weft.engine.twins.records import Books
from weft.production.state import FINISHED, STARTED
from weft.production.state import Job as ProductionJob
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.jobcontrol import JOBS_OWN
from weft.shopfloor.reading import parse_text
from weft.stock.levels import level
from weft.trade import views as trade
from weft.trade.order_rules import BUYER
from weft.trade.order_state import OrderState
from weft.twin import firm, item, lot, machine, operating, order, purchase, templates
from weft.twin.elements import Json
from weft.twin.names import KINDS, read_shell, read_submodel, shell_id, submodel_id
from weft.twin.templates import Gap, series
from weft.twin.templates.parts import Party

_BOOK_OF: Final = {"item": "stock", "lot": "stock", "machine": "floor", "order": "production"}
_BUILDERS: Final[dict[str, Any]] = {"firm": firm, "item": item, "lot": lot, "machine": machine, "order": order,
                                    "purchase": purchase}
_FILLED_MAX: Final = 10_000
_TEXT: Final = {"csv": "text/csv", "ics": "text/calendar", "txt": "text/plain",
                "json": "application/td+json"}
_read: Final = lru_cache(maxsize=256)(parse_text)


class Home(Protocol):
    """What the twins need of the node."""

    @property
    def organisation(self) -> str: ...
    @property
    def config(self) -> Config: ...
    @property
    def live(self) -> Live: ...
    @property
    def history(self) -> History | None: ...
    def book(self, name: str, /) -> str: ...
    async def state(self, thread: str, /) -> Any: ...
    async def members(self, thread: str, /) -> dict[str, str]: ...
    async def log(self, thread: str, /) -> Sequence[Any]: ...
    def threads(self, name: str, /) -> list[str]: ...
    def partner(self, organisation: str, /) -> str | None: ...


@dataclass(slots=True)
class Twins:
    """All twins of the firm that ``home`` belongs to."""

    home: Home
    _sorted: dict[str, tuple[Any, list[str]]] = field(default_factory=dict)
    _filled: dict[tuple[str, str], tuple[tuple[Any, ...], records.Records]] = field(default_factory=dict)

    async def shell(self, name: str) -> Json:
        """The shell whose id is ``name``; raises ``NotFound('twin.shell')``."""
        found = read_shell(self.home.organisation, name)
        thing = await self._thing(found[0], found[1]) if found else None
        if found is None or thing is None:
            raise NotFound("twin.shell", id=name[:200])
        built: Json = _BUILDERS[found[0]].shell(thing)
        return built

    async def submodel(self, name: str) -> Json:
        """The submodel whose id is ``name``; raises ``NotFound('twin.submodel')``."""
        found = read_submodel(self.home.organisation, name)
        built: Json | None = None
        if found:
            thing = await self._thing(found[0], found[1], found[2])
            built = _BUILDERS[found[0]].submodel(thing, found[2]) if thing is not None else None
        if built is None:
            raise NotFound("twin.submodel", id=name[:200])
        return built

    async def property_at(self, name: str, path: str) -> str:
        """The machine property that the submodel ``name`` of a machine shows at ``path``; "" when it shows none."""
        found = read_submodel(self.home.organisation, name)
        thing = await self._thing(*found) if found and found[0] == "machine" else None
        return machine.property_at(thing, found[2], path) if found and thing is not None else ""

    async def meant(self, name: str, path: str) -> tuple[str, str] | None:
        """(what to do, property) that the operation at ``path`` of a machine's submodel ``name`` means, or None."""
        found = read_submodel(self.home.organisation, name)
        thing = await self._thing(*found) if found and found[0] == "machine" else None
        return operating.meant(thing, path) if found and thing is not None and found[2] == operating.ID_SHORT else None

    async def places(self, name: str) -> dict[str, tuple[str, str]]:
        """(submodel id, path) at which each property of the machine ``name`` is shown; empty for no such machine."""
        thing = await self._thing("machine", name)
        if thing is None:
            return {}
        return {prop: (submodel_id(thing.shell, submodel), path)
                for prop, (submodel, path) in machine.places(thing).items()}

    async def gaps(self, name: str) -> list[Gap]:
        """What lacks before all templates of the shell ``name`` can be claimed; raises ``NotFound('twin.shell')``."""
        found = read_shell(self.home.organisation, name)
        thing = await self._thing(found[0], found[1]) if found else None
        if found is None or thing is None:
            raise NotFound("twin.shell", id=name[:200])
        lacking: list[Gap] = _BUILDERS[found[0]].gaps(thing)
        return lacking

    async def file(self, submodel: str, value: str) -> File | None:
        """What a File element of the submodel (its id) names by ``value``; None where it is not with us."""
        found = read_submodel(self.home.organisation, submodel)
        thing = await self._thing(found[0], found[1]) if found else None
        held: Mapping[str, bytes] = templates.files(thing.templates, found[2]) if found and thing is not None else {}
        data = held.get(value)
        if data is None and found and thing is not None:
            filled = templates.record(thing.templates, found[2])
            data = await timeseries.file(filled, self.home.history, value) if isinstance(
                filled, series.Series) else None
        if data is None:
            return None

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        kind = _TEXT.get(value.rsplit(".", 1)[-1], "application/octet-stream")
        return File(hashlib.sha256(data).hexdigest(), len(data), kind, value.rsplit("/", 1)[-1], chunks)

    async def invoke(self, submodel: str, operation: str, inputs: Sequence[Mapping[str, Any]]) -> list[Json]:
        """What an operation of a machine's TimeSeries answers; raises ``NotFound('twin.operation')``."""
        found = read_submodel(self.home.organisation, submodel)
        thing = await self._thing(found[0], found[1]) if found else None
        held = templates.record(thing.templates, found[2]) if found and thing is not None else None
        if not isinstance(held, series.Series):
            raise NotFound("twin.operation", name=operation[:80])
        return await timeseries.invoke(submodel, held, self.home.history, operation, inputs)

    async def shells(self, after: str = "") -> AsyncIterator[Json]:
        """Shells in order of their ids, beginning behind the id ``after``."""
        books = await self._books()
        for kind, name in self._behind(books, after):
            thing = await self._build(books, kind, name)
            if thing is not None:
                yield _BUILDERS[kind].shell(thing)

    async def submodels(self, after: str = "", *, again: bool = False) -> AsyncIterator[Json]:
        """Submodels in order of their shells and names, behind the submodel id ``after``, or with it ``again``."""
        books = await self._books()
        last = read_submodel(self.home.organisation, after) if after else None
        for kind, name in self._behind(books, after, within=True):
            thing = await self._build(books, kind, name, "Stock")
            if thing is None:
                continue
            for id_short in _BUILDERS[kind].submodel_names(thing):
                if last is None or (kind, name) != last[:2] or id_short > last[2] or (again and id_short == last[2]):
                    yield _BUILDERS[kind].submodel(thing, id_short)

    async def with_asset(self, wanted: Callable[[Json], bool], after: str = "") -> AsyncIterator[Json]:
        """Shells whose asset information is ``wanted``, in order."""
        async for shell in self.shells(after):
            if wanted(shell["assetInformation"]):
                yield shell

    # ---- the order of pages ---------------------------------------------------------------------

    def _behind(self, books: Books, after: str, *, within: bool = False) -> Iterator[tuple[str, str]]:
        """(kind, name) of all twins behind ``after``; with ``within``, its own shell is the first."""
        organisation = self.home.organisation
        found = read_submodel(organisation, after) if within else read_shell(organisation, after)
        begin = found[:2] if found else ("", "")
        for kind in KINDS:
            if kind < begin[0]:
                continue
            names = self._names(books, kind)
            first = bisect_right(names, begin[1]) if kind == begin[0] else 0
            if within and kind == begin[0] and first and names[first - 1] == begin[1]:
                first -= 1
            for place in range(first, len(names)):
                yield kind, names[place]

    def _names(self, books: Books, kind: str) -> list[str]:
        """Names of one kind, sorted once for each state of their book."""
        if kind == "firm":
            return [self.home.organisation] if records.told(self._us) else []
        if kind == "purchase":
            return self.home.threads("order")
        state = getattr(books, _BOOK_OF[kind])
        known = self._sorted.get(kind)
        if known is None or known[0] is not state:
            known = (state, sorted(_names_in(books, kind)))
            self._sorted[kind] = known
        return known[1]

    # ---- one thing ------------------------------------------------------------------------------

    async def _books(self) -> Books:
        home = self.home
        return Books(stock=await home.state(home.book("stock")), production=await home.state(home.book("production")),
                     floor=await home.state(home.book("floor")))

    async def _thing(self, kind: str, name: str, submodel: str = "") -> Any:
        return await self._build(await self._books(), kind, name, submodel)

    async def _build(self, books: Books, kind: str, name: str, submodel: str = "") -> Any:
        """The input of the builder, or None when there is no such thing. Stock is summed only for its submodel."""
        if kind == "item":
            return self._item(books, name, summed=submodel == "Stock")
        if kind in ("lot", "purchase"):
            return await (self._lot if kind == "lot" else self._purchase)(books, name)
        return {"firm": self._firm, "machine": self._machine, "order": self._order}[kind](books, name)

    def _firm(self, books: Books, name: str) -> firm.Firm | None:
        us = self._us
        if name != self.home.organisation or not records.told(us):
            return None
        return firm.Firm(shell=self._id("firm", name), party=us, currency=self.home.config.firm.currency,
                         templates=records.of_firm(books, us))

    @property
    def _us(self) -> Party:
        return records.party(self.home.config, self.home.organisation)

    def _kept(self, kind: str, name: str, made_of: tuple[Any, ...]) -> records.Records | None:
        """What filled the templates of this thing last, if it was made of the same."""
        held = self._filled.get((kind, name))
        return held[1] if held and all(a is b for a, b in zip(held[0], made_of, strict=True)) else None

    def _keep(self, kind: str, name: str, made_of: tuple[Any, ...], made: records.Records) -> records.Records:
        if len(self._filled) >= _FILLED_MAX:
            self._filled.clear()
        self._filled[kind, name] = (made_of, made)
        return made

    async def _name_of(self, organisation: str) -> str:
        """What a partner calls itself; "" for ourselves and for a stranger."""
        thread = self.home.partner(organisation) if organisation else None
        known = (await self.home.state(thread)).parties.get(organisation) if thread else None
        return str(known.name) if known else ""

    def _id(self, kind: str, name: str) -> str:
        return shell_id(self.home.organisation, kind, name)

    def _item(self, books: Books, name: str, *, summed: bool) -> item.Item | None:
        known = books.stock.items.get(name)
        if known is None:
            return None
        bill = books.production.master.bills.get(name)
        there = level(books.stock, name) if summed else None
        of = (known, books.production.master, self.home.config)
        filling = self._kept("item", name, of)
        if filling is None:
            filling = self._keep("item", name, of, records.of_item(books, self._us, known))
        return item.Item(
            shell=self._id("item", name), id=name, firm=self.home.config.firm.name or self.home.organisation,
            zh=known.zh, en=known.en, unit=known.unit, kind=known.kind, gtin=known.gtin, weight_each=known.weight_each,
            partner_numbers=known.partner_numbers, reorder_point=known.reorder_point,
            on_hand=there.on_hand if there else "0", available=there.available if there else "0",
            components=tuple(
                item.Component(shell=self._id("item", line.item), item=line.item, quantity=line.quantity,
                               unit=line.unit, source=line.source)
                for line in (bill.lines if bill else ())),
            templates=filling,
        )

    async def _lot(self, books: Books, name: str) -> lot.Lot | None:
        known = books.stock.lots.get(name)
        if known is None:
            return None
        us = self.home.organisation
        total = sum((q.decimal(amount) for amount in known.at.values()), q.decimal("0"))
        return lot.Lot(
            shell=self._id("lot", name), item_shell=self._id("item", known.item), id=name, item=known.item,
            unit=known.unit, quantity=q.text(total), owner=known.owner or us,
            at={holder or us: amount for holder, amount in known.at.items()}, heat=known.heat,
            certificates=known.certificates, weight=known.weight, partner=known.partner, production_order=known.order,
            why=known.why, received=known.received, sources=known.sources,
            templates=records.of_lot(books, self._us, known,
                                     await self._name_of(known.partner) if known.certificates else ""),
        )

    async def _purchase(self, books: Books, name: str) -> purchase.Purchase | None:
        try:
            members, state = await self.home.members(name), await self.home.state(name)
        except NotFound:
            return None
        if members.get(self.home.organisation) != BUYER or not isinstance(state, OrderState):
            return None
        seller = next((one for one in members if one != self.home.organisation), "")
        named = await self._name_of(seller)
        placed = state.order.number if state.order else ""
        of = (state, named, books.stock.items, self.home.config)
        filling = self._kept("purchase", name, of)
        if filling is None:
            dated = await self._dated(name, state)
            filling = self._keep("purchase", name, of, records.of_purchase(
                books, self._us, name, state, (seller, named), dated))
        return purchase.Purchase(
            shell=self._id("purchase", name), thread=name, number=placed, seller=seller, seller_name=named,
            phase=state.phase.value, promise=trade.promise(state),
            templates=filling)

    async def _dated(self, thread: str, state: OrderState) -> records.Dated:
        """When the order in force was placed, and when anything that counts was said last."""
        if not state.order_id:
            return records.Dated()
        said = [one for one in await self.home.log(thread) if not one.void]
        placed = next((one.at_ms for one in said if one.id == state.order_id), 0)
        return records.Dated(placed=from_ms(placed) if placed else "",
                             changed=from_ms(max(one.at_ms for one in said)) if placed else "")

    def _order(self, books: Books, name: str) -> order.Order | None:
        known = books.production.orders.get(name)
        if known is None:
            return None
        promise = books.production.promises.get(known.demand.key)
        jobs = [books.production.jobs[job] for job in known.jobs if job in books.production.jobs]
        made = order.Order(
            shell=self._id("order", name), item_shell=self._id("item", known.item), id=name, item=known.item,
            quantity=known.quantity, unit=known.unit, made=known.made, due=known.due,
            promise=promise.at if promise else "", first_promise=promise.first if promise else "",
            thread=known.demand.thread, parent=known.parent, closed=known.closed,
            jobs=tuple(_job(one) for one in jobs),
            materials=tuple(
                order.Material(item=one.item, quantity=one.quantity, unit=one.unit, source=one.source, at=one.at,
                               arrived=one.arrived, lots=one.lots)
                for one in known.materials),
        )
        of = (books.production,)
        filling = self._kept("order", name, of)
        if filling is None:
            filling = self._keep("order", name, of, records.of_order(books, name, order.state_of(made)))
        return replace(made, templates=filling)

    def _machine(self, books: Books, name: str) -> machine.Machine | None:
        known = books.floor.machines.get(name)
        if known is None or known.removed:
            return None
        described: Description = _read(known.description)
        link = self.home.live.status(name)
        of = (described, books.production.master, self.home.config)
        made = machine.Machine(
            shell=self._id("machine", name), name=name, title=known.title, titles=described.titles,
            kind=described.kind, thing=known.description, thing_id=described.id, address=described.base,
            actions={one.name: one.title for one in described.actions.values() if one.call},
            takes_jobs=bool((holder := described.by_role(Role.JOB_ID)) and holder.write),
            scheme=described.scheme, start_mode=described.start_mode, up=link.up,
            heard=from_ms(link.heard_ms) if link.heard_ms else "", job=_current(books, name),
            signals=tuple(self._signal(name, one) for one in described.properties.values()),
        )
        filling = self._kept("machine", name, of)
        if filling is None:
            heard = records.Heard(self.home.live, self.home.history, self.home.config.firm.zone)
            filling = self._keep("machine", name, of, (
                *records.of_machine(books, heard, name, described, self._us), *records.of_description(made)))
        return replace(made, templates=filling)

    def _signal(self, machine_name: str, prop: Property) -> machine.Signal:
        value = self.home.live.get(machine_name, prop.name)
        at_ms = (value.source_ms or self.home.live.arrived_ms(machine_name, prop.name)) if value else 0
        return machine.Signal(
            name=prop.name, title=prop.title, type=prop.type, unit=prop.unit, submodel=prop.twin.submodel,
            path=prop.twin.path, minimum=prop.minimum, maximum=prop.maximum,
            write=prop.write and prop.role not in JOBS_OWN, step=prop.max_step, allowed=prop.enum,
            value=value.value if value is not None and value.good else None,
            quality=value.quality if value else "missing", at=from_ms(at_ms) if at_ms else "",
        )


def _names_in(books: Books, kind: str) -> list[str]:
    if kind == "machine":
        return [name for name, one in books.floor.machines.items() if not one.removed]
    if kind == "order":
        return list(books.production.orders)
    return list(books.stock.items if kind == "item" else books.stock.lots)


def _job(one: ProductionJob) -> order.Job:
    return order.Job(id=one.id, operation=one.operation, zh=one.zh, en=one.en, state=one.state, quantity=one.quantity,
                     good=one.good, scrap=q.text(one.scrap), work_centre=one.work_centre, machine=one.machine,
                     started=one.started, ended=one.ended)


def _current(books: Books, name: str) -> machine.CurrentJob:
    """What the machine is at: what it says itself first, else the job that was loaded or started on it."""
    seen = books.floor.machines[name].seen
    jobs = books.production.jobs
    job = jobs.get(seen.job) if seen.job and seen.phase != "over" else None
    if job is None:
        here = [one for one in jobs.values() if one.machine == name and one.state not in FINISHED]
        job = next((one for one in here if one.state in STARTED), next((one for one in here if one.loaded), None))
    if job is None:
        return machine.CurrentJob(alarm=seen.alarm)
    own = seen.job == job.id
    return machine.CurrentJob(
        job=job.id, order=job.order, item=job.item, operation=job.operation, state=job.state, target=job.quantity,
        good=str(seen.good) if own else job.good, scrap=str(seen.scrap) if own else q.text(job.scrap),
        started=job.started, alarm=seen.alarm)
