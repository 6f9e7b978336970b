"""Promises: explode a demand by bills, decide make or buy, and ask the plan when it can be done.

Rule 1: an item is netted once against stock, however many branches of the bill use it.
Rule 2: a bought item counts from its supplier's own promise; without one from the default lead time,
        and the explanation says so; a refusal or silence gives no promise at all.
Not here: speaking to suppliers (``engine/reactions.py``), reserving stock (``stock/``).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Invalid
from weft.production import greedy
from weft.production.calendar import DAY
from weft.production.master import Data, LineSource, Master, needed, whole
from weft.production.messages import Draft, Material, SentMaterial, Why
from weft.production.plan import Plan, PlanJob, Planner, Problem
from weft.production.planning import draft_jobs, sheets

WHY_MAX: Final = 12  # lines of an explanation: enough to see what holds it, few enough to read
_ZERO: Final = Decimal(0)


class Ask(Data, frozen=True, kw_only=True):
    """What is wanted. ``id`` becomes the id of the top order (children add ``.1``, ``.2`` …)."""

    id: str
    item: str
    quantity: str
    unit: str = "C62"
    due_ms: int | None = None
    priority: int = 0


class Take(Data, frozen=True, kw_only=True):
    """To be reserved in stock for this demand."""

    item: str
    quantity: str
    unit: str = "C62"


class Purchase(Data, frozen=True, kw_only=True):
    """To be asked of ``supplier`` ("" : no rule names one). ``orders`` are the drafts that wait for it."""

    item: str
    quantity: str
    unit: str = "C62"
    supplier: str = ""
    lead_days: int = 0
    wanted_by_ms: int | None = None
    material: tuple[SentMaterial, ...] = ()
    orders: tuple[str, ...] = ()


class FreeIssue(Data, frozen=True, kw_only=True):
    """Material that the customer sends and still owns (委外带料)."""

    item: str
    quantity: str
    unit: str = "C62"
    order: str = ""


class Explosion(Data, frozen=True, kw_only=True):
    """What ``ask`` takes: ``drafts`` children first, what to buy, to await and to take from stock.

    ``gaps`` say why it cannot be done at all; they are empty when it can.
    """

    ask: Ask
    drafts: tuple[Draft, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    free_issue: tuple[FreeIssue, ...] = ()
    takes: tuple[Take, ...] = ()
    gaps: tuple[Why, ...] = ()
    why: tuple[Why, ...] = ()


class Quote(Data, frozen=True, kw_only=True):
    """A supplier's (or customer's) word: at hand at ``at_ms``, or a refusal; ``ref`` is ``thread#line``."""

    at_ms: int | None = None
    ref: str = ""
    refusal: str = ""


class Offer(Data, frozen=True, kw_only=True):
    """The answer. ``at_ms`` is ``None`` when no promise can be given; ``why`` explains either case.

    ``drafts`` carry the materials' dates and refs; ``jobs`` are what was fitted into ``plan``.
    """

    at_ms: int | None
    drafts: tuple[Draft, ...] = ()
    jobs: tuple[PlanJob, ...] = ()
    plan: Plan
    why: tuple[Why, ...] = ()


def source_of(master: Master, item: str, line_source: LineSource = "stock") -> str:
    """make, buy, free-issue, or "" when nothing says where ``item`` comes from once stock is used up."""
    if line_source != "stock":
        return line_source
    rule = master.supply_rules.get(item)
    if rule is not None:
        return rule.source
    return "make" if item in master.routings else ""


def explode(master: Master, ask: Ask, stock: Mapping[str, str]) -> Explosion:
    """What ``ask`` takes, given ``stock`` (item -> available quantity, incl. the customer's material here).

    Raises ``Invalid`` on a quantity not above zero and on a bill that contains itself.
    """
    return _Exploder(master, ask, stock).run()


class _Exploder:
    """One explosion: items from the top down, each after all that use it."""

    def __init__(self, master: Master, ask: Ask, stock: Mapping[str, str]) -> None:
        self._master, self._ask = master, ask
        self._stock = {item: q.decimal(amount, item) for item, amount in stock.items()}
        self._gross: dict[str, Decimal] = {ask.item: q.positive(ask.quantity, ask.item)}
        self._units = {ask.item: ask.unit}
        self._sources: dict[str, str] = {ask.item: source_of(master, ask.item)}
        self._users: dict[str, list[str]] = {ask.item: []}
        self._materials: dict[str, list[Material]] = {}
        self._short: dict[str, Decimal] = {}
        self._ids: dict[str, str] = {}
        self._takes: list[Take] = []
        self._gaps: list[Why] = []
        self._why: list[Why] = []
        self._purchases: list[Purchase] = []

    def run(self) -> Explosion:
        made: list[str] = []
        for item in self._top_down():
            if item in self._gross and self._net(item) > 0:
                self._supply(item, made)
        drafts = tuple(self._draft(item) for item in reversed(made))
        awaited = tuple(
            FreeIssue(item=m.item, quantity=m.quantity, unit=m.unit, order=d.id)
            for d in drafts for m in d.materials if m.source == "free-issue" and not m.arrived
        )
        return Explosion(ask=self._ask, drafts=drafts, purchases=tuple(self._purchases), free_issue=awaited,
                         takes=tuple(self._takes), gaps=tuple(self._gaps), why=tuple(self._why))

    def _top_down(self) -> list[str]:
        """Every item that may be needed, each after all items that use it."""
        finished: list[str] = []
        path: list[str] = []
        self._descend(self._ask.item, path, finished)
        return list(reversed(finished))

    def _descend(self, item: str, path: list[str], finished: list[str]) -> None:
        if item in path:
            cycle = " > ".join([*path[path.index(item):], item])
            raise Invalid("production.bill-cycle", item=self._ask.item, cycle=cycle)
        if item in finished:
            return
        path.append(item)
        bill, rule = self._master.bills.get(item), self._master.supply_rules.get(item)
        for child in (*(line.item for line in (bill.lines if bill else ())),
                      *(rule.supplies_material if rule else ())):
            self._descend(child, path, finished)
        path.pop()
        finished.append(item)

    def _net(self, item: str) -> Decimal:
        """What stock does not cover of ``item``; what it covers is taken."""
        gross = self._gross[item]
        taken = min(gross, max(_ZERO, self._stock.get(item, _ZERO)))
        short = whole(gross - taken, self._units[item])
        self._short[item] = short
        if taken > 0:
            self._takes.append(Take(item=item, quantity=q.text(taken), unit=self._units[item]))
            self._tell("from-stock", item=item, quantity=q.text(taken))
        return short

    def _supply(self, item: str, made: list[str]) -> None:
        source, amount = self._sources[item], q.text(self._short[item])
        rule = self._master.supply_rules.get(item)
        if source == "make" and item in self._master.routings:
            made.append(item)
            self._ids[item] = self._ask.id if item == self._ask.item else f"{self._ask.id}.{len(made)}"
            self._tell("make", item=item, quantity=amount, order=self._ids[item])
            self._use_components(item)
        elif source == "buy" and rule is not None and rule.supplier:
            self._tell("buy", item=item, quantity=amount, supplier=rule.supplier)
            users = tuple(self._users[item])
            self._purchases.append(Purchase(
                item=item, quantity=amount, unit=self._units[item], supplier=rule.supplier,
                lead_days=rule.lead_days, material=self._send_along(item, rule.supplies_material), orders=users))
        elif source == "free-issue":
            self._tell("free-issue", item=item, quantity=amount)
        else:
            code = {"make": "no-routing", "buy": "no-supplier"}.get(source, "no-source")
            self._gaps.append(Why(code=code, facts={"item": item, "quantity": amount}))

    def _use_components(self, item: str) -> None:
        bill = self._master.bills.get(item)
        for line in bill.lines if bill else ():
            amount = needed(line, self._short[item])
            self._demand(line.item, amount, line.unit, source_of(self._master, line.item, line.source))
            self._users[line.item].append(self._ids[item])
            self._materials.setdefault(item, []).append(
                Material(item=line.item, quantity=q.text(amount), unit=line.unit))

    def _send_along(self, item: str, names: tuple[str, ...]) -> tuple[SentMaterial, ...]:
        bill = self._master.bills.get(item)
        lines = {line.item: line for line in bill.lines} if bill else {}
        sent: list[SentMaterial] = []
        for name in names:
            line = lines.get(name)
            amount = needed(line, self._short[item]) if line else self._short[item]
            unit = line.unit if line else "C62"
            self._demand(name, amount, unit, source_of(self._master, name))
            sent.append(SentMaterial(item=name, quantity=q.text(amount), unit=unit))
        return tuple(sent)

    def _demand(self, item: str, amount: Decimal, unit: str, source: str) -> None:
        if self._units.setdefault(item, unit) != unit:
            raise Invalid("production.unit-mismatch", item=item, unit=unit, other=self._units[item])
        self._gross[item] = self._gross.get(item, _ZERO) + amount
        self._users.setdefault(item, [])
        if self._sources.get(item, "free-issue") == "free-issue":  # our own sources win over waiting
            self._sources[item] = source

    def _draft(self, item: str) -> Draft:
        users = self._users[item]
        return Draft(
            id=self._ids[item], item=item, quantity=q.text(self._short[item]), unit=self._units[item],
            parent=users[0] if users else "",
            materials=tuple(self._dated(material) for material in self._materials.get(item, [])),
            operations=sheets(self._master.routings[item], self._master.work_centres),
        )

    def _dated(self, material: Material) -> Material:
        if not self._short.get(material.item):
            return msgspec.structs.replace(material, source="stock", arrived=True)
        if material.item in self._ids:
            return msgspec.structs.replace(material, source="make", ref=self._ids[material.item])
        source = "free-issue" if self._sources[material.item] == "free-issue" else "buy"
        return msgspec.structs.replace(material, source=source)

    def _tell(self, code: str, **facts: str) -> None:
        self._why.append(Why(code=code, facts=facts))


def purchase_needs(problem: Problem, plan: Plan, explosion: Explosion,
                   planner: Planner = greedy) -> tuple[Purchase, ...]:
    """What to ask suppliers for, each with the instant at which the plan could begin to use it.

    When the demand has a due instant later than that allows, the instants move back by the slack.
    """
    now = problem.now_ms
    at_hand = {name: Quote(at_ms=now) for name in _awaited(explosion)}
    trial = propose(problem, plan, explosion, at_hand, planner)
    due = explosion.ask.due_ms
    slack = max(0, due - trial.at_ms) if due is not None and trial.at_ms is not None else 0
    dated: list[Purchase] = []
    for purchase in explosion.purchases:
        starts = [job.start_ms for job in trial.plan.jobs.values() if job.order in purchase.orders]
        wanted = min(starts, default=now) + slack if starts or not purchase.orders else None
        dated.append(msgspec.structs.replace(purchase, wanted_by_ms=wanted))
    return tuple(dated)


def propose(problem: Problem, plan: Plan, explosion: Explosion, quotes: Mapping[str, Quote],
            planner: Planner = greedy) -> Offer:
    """When ``explosion.ask`` can be ready, without moving any job of ``plan``.

    ``quotes`` by item: suppliers' promises, and the customer's for free-issue material.
    """
    why: list[Why] = [*explosion.gaps]
    dates = _dates(problem.now_ms, explosion, quotes, why)
    drafts = tuple(
        msgspec.structs.replace(draft, materials=tuple(_with_date(m, dates, quotes) for m in draft.materials))
        for draft in explosion.drafts
    )
    if explosion.gaps or None in dates.values():
        return Offer(at_ms=None, drafts=drafts, plan=plan, why=(*why, *explosion.why))
    jobs = draft_jobs(drafts, priority=explosion.ask.priority)
    extended = planner.insert(problem, plan, jobs) if jobs else plan
    top = explosion.ask.id
    if any(draft.id == top for draft in drafts):
        at = extended.order_ends[top]
    else:  # bought or from stock: it is here when the last thing it waits for is here
        at = max([problem.now_ms, *(date for date in dates.values() if date)])
    why.extend(chain(extended, top))
    return Offer(at_ms=at, drafts=drafts, jobs=jobs, plan=extended, why=(*why, *explosion.why))


def _awaited(explosion: Explosion) -> Iterator[str]:
    yield from (purchase.item for purchase in explosion.purchases)
    yield from (need.item for need in explosion.free_issue)


def _dates(now: int, explosion: Explosion, quotes: Mapping[str, Quote], why: list[Why]) -> dict[str, int | None]:
    """Item -> instant it is at hand; purchases for which we send material wait for that material."""
    dates: dict[str, int | None] = {}
    for need in explosion.free_issue:
        quote = quotes.get(need.item)
        dates[need.item] = quote.at_ms if quote else now
        if quote is not None and quote.at_ms is None:
            why.append(Why(code="free-issue-refused", facts={"item": need.item, "reason": quote.refusal}))
        if quote is None:
            why.append(Why(code="free-issue-assumed", facts={"item": need.item, "quantity": need.quantity}))
    for purchase in reversed(explosion.purchases):  # bought material that goes into other purchases first
        date = _date(now, purchase, quotes.get(purchase.item), why)
        late = [dates[sent.item] for sent in purchase.material if sent.item in dates]
        if date is not None and late:
            known = [at for at in late if at is not None]
            date = date + max(0, max(known) - now) if len(known) == len(late) else None
        dates[purchase.item] = date
    return dates


def _date(now: int, purchase: Purchase, quote: Quote | None, why: list[Why]) -> int | None:
    facts = {"item": purchase.item, "supplier": purchase.supplier}
    if quote is not None and quote.at_ms is not None:
        why.append(Why(code="supplier-promised", facts={**facts, "at": instant.from_ms(quote.at_ms)}))
        return max(now, quote.at_ms)
    if quote is not None:
        why.append(Why(code="supplier-refused", facts={**facts, "reason": quote.refusal}))
        return None
    if purchase.lead_days:
        why.append(Why(code="lead-time-assumed", facts={**facts, "days": str(purchase.lead_days)}))
        return now + purchase.lead_days * DAY
    why.append(Why(code="supplier-silent", facts=facts))
    return None


def _with_date(material: Material, dates: Mapping[str, int | None], quotes: Mapping[str, Quote]) -> Material:
    at = dates.get(material.item)
    if material.arrived or material.source == "make" or at is None:
        return material
    quote = quotes.get(material.item)
    return msgspec.structs.replace(material, at=instant.from_ms(at), ref=quote.ref if quote else "")


def chain(plan: Plan, order: str, most: int = WHY_MAX) -> tuple[Why, ...]:
    """Why ``order`` ends when it does: from its last job back to what held the first one, in ``most`` lines."""
    mine = [job for job in plan.jobs.values() if job.order == order]
    lines = [Why(code="unplaced-" + reason, facts={"job": name})
             for name, reason in sorted(plan.unplaced.items()) if name.startswith(f"{order}-")]
    job = max(mine, key=lambda one: (one.end_ms, one.id), default=None)
    seen: set[str] = set()
    while job is not None and job.id not in seen and len(lines) < most:
        seen.add(job.id)
        facts = {"job": job.id, "work_centre": job.centre, "from": instant.from_ms(job.start_ms),
                 "to": instant.from_ms(job.end_ms), "by": job.bound_by}
        lines.append(Why(code="bound-" + job.bound, facts=facts))
        job = plan.jobs.get(job.bound_by) if job.bound in ("predecessor", "work-centre") else None
    return tuple(lines)
