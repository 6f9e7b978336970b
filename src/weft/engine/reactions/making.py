"""From jobs to goods: release what may start, take what machines and people report, book stock, send.

Rule 1: what a machine did is a fact of the floor book and becomes a message about the job, once.
Rule 2: material is booked when its job starts, goods when the last job ends; trace events are derived, not typed in.
Rule 3: goods leave when the whole open line is there, if the owner lets the node send; the despatch is booked after.
Not here: writing to machines (``engine/dispatch.py``), moved dates (``lateness.py``).
"""

import contextlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Invalid, Refused
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions import pickup_shipping, remaking
from weft.engine.reactions.offering import next_number, other_member, own_item
from weft.production import messages as pm
from weft.production import views
from weft.production.messages import DemandRef
from weft.production.state import Job, JobState, Order
from weft.stock import levels
from weft.stock import messages as sm
from weft.trace import book as trace_book
from weft.trace import events as traces
from weft.trade.messages import DespatchAdvice, DespatchLine, OrderChangeWithdrawn, ProgressNotice
from weft.trade.order_state import OrderState, Phase

_ZERO: Final = Decimal(0)
_STEPS: Final = 4  # progress is told at each quarter


async def advance(node: Node, key: str) -> None:
    """Release every job whose material and predecessors are there."""
    production = await node.book_state("production")
    now = instant.from_ms(node.clock.now_ms())
    ready = views.releasable(production)
    if ready:
        await node.record("production", *(pm.JobReleased(job=job, at=now) for job in ready), key=key)


async def release_next(node: Node, cause: Cause) -> None:
    """After a job has ended or material has come: release what may start now."""
    await advance(node, cause.key)


# ---- facts of machines become messages about jobs -----------------------------------------------


async def take_machine_fact(node: Node, cause: Cause) -> None:
    """A machine has started, counted, paused, resumed, ended or given up a job."""
    production = await node.book_state("production")
    fact = cause.message
    job = production.jobs.get(fact.job)
    if job is None:
        return
    for message in _about_job(job, fact, _centre_of(production, job, fact.machine), await _started_by(node, fact)):
        try:
            await node.record("production", message, key=f"{cause.key}:{type(message).__name__}")
        except Refused:
            continue  # the book knows already, or a person has said otherwise


def _about_job(job: Job, fact: Any, centre: str, by: Any) -> Sequence[Any]:
    match type(fact).__name__:
        case "JobStarted":
            return [pm.JobStarted(job=job.id, by=by, work_centre=centre, machine=fact.machine, at=fact.at)]
        case "JobCounted":
            return [pm.JobCounted(job=job.id, good=str(fact.good), scrap=str(fact.scrap), by="machine", at=fact.at)]
        case "JobPaused":
            return [pm.JobPaused(job=job.id, reason=fact.alarm, at=fact.at)]
        case "JobResumed":
            return [pm.JobResumed(job=job.id, at=fact.at)]
        case "JobEnded":
            return [pm.JobEnded(job=job.id, good=str(fact.good), scrap=str(fact.scrap), by="machine", at=fact.at)]
        case "JobAborted":
            return [pm.JobAborted(job=job.id, reason=fact.reason, at=fact.at)]
        case _:
            return []


def _centre_of(production: Any, job: Job, machine: str) -> str:
    if job.work_centre:
        return job.work_centre
    mine = [name for name in job.work_centres if production.master.work_centres[name].machine == machine]
    return mine[0] if mine else job.work_centres[0]


async def _started_by(node: Node, fact: Any) -> str:
    floor = await node.book_state("floor")
    machine = floor.machines.get(fact.machine)
    started = machine.starts.get(fact.job, "") if machine else ""
    return "auto" if started in ("confirmed", "open", "unknown", "done") else "operator"


async def take_alarm(node: Node, cause: Cause) -> None:
    """A machine's alarm takes its work centre out of the plan; the owner's rule says for how long."""
    production = await node.book_state("production")
    for centre in production.master.work_centres.values():
        if centre.machine == cause.message.machine and centre.id not in production.downs:
            await node.record("production", pm.WorkCentreDown(
                work_centre=centre.id, alarm=cause.message.text or cause.message.code, at=cause.message.at,
                expected_minutes=node.config.rules.alarm_minutes), key=f"{cause.key}:{centre.id}")


async def take_clearance(node: Node, cause: Cause) -> None:
    """The alarm is gone: the work centre gives capacity again."""
    production = await node.book_state("production")
    for centre in production.master.work_centres.values():
        if centre.machine == cause.message.machine and centre.id in production.downs:
            await node.record("production", pm.WorkCentreUp(work_centre=centre.id, at=cause.message.at),
                              key=f"{cause.key}:{centre.id}")


# ---- jobs become stock and trace ----------------------------------------------------------------


async def consume_material(node: Node, cause: Cause) -> None:
    """The first job of an order has started: its material is used up."""
    production = await node.book_state("production")
    job = production.jobs.get(cause.message.job)
    if job is None or job.id != production.orders[job.order].jobs[0]:
        return
    order = production.orders[job.order]
    customer = await other_member(node, order.demand.thread) if order.demand.thread else ""
    said = _consumptions(await node.book_state("stock"), order, customer)
    booked = await node.record("stock", *said, key=cause.key)  # at once: a part alone would be taken again
    used: dict[str, Decimal] = {}
    loaded = await node.loaded(node.book("stock"))
    for entry in [await node.entry(loaded, one) for one in booked]:
        if entry is not None:
            used[entry.message.item] = used.get(entry.message.item, _ZERO) + Decimal(entry.message.quantity)
    for material in order.materials:
        left = Decimal(material.quantity) - used.get(material.item, _ZERO)
        if left > 0:
            raise Refused("stock.insufficient", item=material.item, wanted=material.quantity,
                          available=q.text(Decimal(material.quantity) - left))


def _consumptions(stock: Any, order: Order, customer: str) -> list[sm.Consumed]:
    """What ``order`` takes: first what is kept for it, then ours or, of free-issue material, the customer's."""
    said: list[sm.Consumed] = []
    taken: dict[tuple[str, str], Decimal] = {}  # of what lies there, by item and owner

    def take(material: Any, part: Decimal, owner: str, reservation: str = "") -> Decimal:
        if part > 0:
            said.append(sm.Consumed(ref=f"{order.id}:{material.item}:{len(said)}", item=material.item,
                                    quantity=q.text(part), owner=owner, order=order.id, reservation=reservation))
            taken[material.item, owner] = taken.get((material.item, owner), _ZERO) + part
        return max(part, _ZERO)

    for material in order.materials:
        left = Decimal(material.quantity)
        held = levels.reservations_of(stock, order.demand.thread, order.demand.line) if order.demand.thread else ()
        for one in held:
            if one.item == material.item:
                left -= take(material, min(left, Decimal(one.quantity)), one.owner, one.id)
        for owner in ("", customer) if material.source != "free-issue" else (customer, ""):
            there = levels.on_hand(stock, material.item, owner) - taken.get((material.item, owner), _ZERO)
            left -= take(material, min(left, there), owner)
    return said


async def put_into_stock(node: Node, cause: Cause) -> None:
    """The last job of an order has ended or was given up: what is good of it is a lot, kept for who ordered it."""
    production = await node.book_state("production")
    job = production.jobs.get(cause.message.job)
    order = production.orders.get(job.order) if job else None
    if job is None or order is None or job.id != order.jobs[-1]:
        return
    rest = q.decimal(job.good) - q.decimal(order.taken)
    if rest > 0:
        await stock_output(node, Output(order, job, q.text(rest), first=order.taken == "0"), cause.key)
    if job.state is JobState.ENDED and order.demand.thread and not order.parent:
        await remaking.make_short(node, order, f"{cause.key}:short")
    await advance(node, f"{cause.key}:advance")
    if order.demand.thread and q.decimal(job.good) > 0:
        await deliver(node, order.demand.thread, f"{cause.key}:deliver")


class Output(NamedTuple):
    """``quantity`` that ``job`` has made of ``order``; ``part`` names what is taken before the order is done.

    ``first``: nothing of the order was put into stock before; what went in is told with it, once.
    """

    order: Order
    job: Job
    quantity: str
    part: str = ""
    first: bool = True


async def stock_output(node: Node, output: Output, key: str) -> None:
    """Put what was made into stock, kept for who ordered it, and leave its trace."""
    order, job, quantity, part, first = output
    lot, at = remaking.lot_of(order), job.ended or instant.from_ms(node.clock.now_ms())
    stock = await node.book_state("stock")
    used = await _inputs(node, order.id)
    said: list[sm.Produced | sm.Reserved] = [sm.Produced(
        ref=f"{order.id}:{part}" if part else order.id, order=order.id,
        lot=sm.LotIn(id=lot, item=order.item, quantity=quantity, unit=order.unit),
        sources=tuple(sorted({goods.lot for goods in used if goods.lot})), at=at)]
    owed = await _owed(node, output) if order.demand.thread and not order.parent else _ZERO
    if owed > 0:
        said.append(sm.Reserved(id=f"made:{order.id}:{part}" if part else f"made:{order.id}", item=order.item,
                                quantity=q.text(owed), thread=order.demand.thread, line=order.demand.line, lot=lot))
    await node.record("stock", *said, key=f"{key}:lot")  # at once: in between, another order would take it
    item = stock.items.get(order.item)
    made = traces.JobDone(order=order.id, job=job.id, at=at, inputs=tuple(used) if first else (),
                          work_centre=job.work_centre, machine=job.machine, customer_order=order.demand.thread,
                          outputs=(traces.Goods(item=order.item, quantity=quantity, unit=order.unit, lot=lot,
                                                gtin=item.gtin if item else ""),))
    await trace(node, traces.job_done(node.organisation, made), f"{key}:trace")


async def _owed(node: Node, output: Output) -> Decimal:
    """How much of ``output`` is to be kept for who ordered it: a line that was cut down wants no more than it says.

    What a life that is lost has sent already counts as ordered: its booking still takes it.
    """
    order, quantity = output.order, Decimal(output.quantity)
    state: OrderState = await node.state(order.demand.thread)
    line = state.lines.get(order.demand.line)
    if line is None:
        return quantity
    before = Decimal(order.taken) - (quantity if output.part else _ZERO)
    return min(quantity, max(_ZERO, Decimal(line.ordered) - before))


async def _inputs(node: Node, order: str) -> list[traces.Goods]:
    """The lots that went into an order, from the stock book's own history."""
    return [
        traces.Goods(item=used.item, quantity=pick.quantity, unit=used.unit or "C62", lot=pick.lot, named_by=used.owner)
        for used in await node.consumption.of(node, node.book("stock"), order) for pick in used.picks
    ]


async def trace(node: Node, events: Sequence[Any], key: str) -> None:
    """Record derived events in the trace book, each as the clock stood here when it happened."""
    here = (traces.placed(event, node.config.firm.zone) for event in events)
    if events:
        await node.record("trace", *(trace_book.recorded(event, key[:80]) for event in here), key=key)


# ---- progress and despatch -----------------------------------------------------------------------


async def tell_progress(node: Node, cause: Cause) -> None:
    """The buyer is told when making begins, at each quarter, and when all is made."""
    production = await node.book_state("production")
    job = production.jobs.get(cause.message.job)
    order = production.orders.get(job.order) if job else None
    if order is None or not order.demand.thread or job is None:
        return
    state: OrderState = await node.state(order.demand.thread)
    line = state.lines.get(order.demand.line)
    if line is None or state.phase is not Phase.CONFIRMED:
        return
    done, of = views.progress(production, order.demand)
    share = views.permille(production, order.demand)
    stage = "made" if of != "0" and q.decimal(done) >= q.decimal(of) else "making"
    step = f"{stage}:{share * _STEPS // 1000}"
    if line.stage == stage and stage == "made":
        return
    notice = ProgressNotice(line=order.demand.line, stage=stage, done=done, of=of,  # type: ignore[arg-type] # one of the two words above
                            at=instant.from_ms(node.clock.now_ms()))
    with contextlib.suppress(Refused, Invalid):  # a notice is a courtesy: the order has moved on
        await node.speak(order.demand.thread, notice, f"progress:{order.demand.line}:{step}")


async def deliver(node: Node, thread: str, key: str) -> None:
    """Send every line that is there in full, if the owner lets the node send."""
    if node.config.rules.despatch != "auto":
        return
    state: OrderState = await node.state(thread)
    members = await node.members(thread)
    if state.phase is not Phase.CONFIRMED or members.get(node.organisation) != "seller":
        return
    ready = [name for name, line in state.lines.items() if line.open > 0 and await _there(node, thread, name, line)]
    if ready and await pickup_shipping.may_leave(node, thread):
        await withdraw_changes(node, thread, state, f"{key}:withdraw")
        await despatch(node, thread, {name: q.text(state.lines[name].open) for name in ready}, key)


async def withdraw_changes(node: Node, thread: str, state: OrderState, key: str) -> None:
    """What we proposed about dates has no more meaning: the goods leave now."""
    for change, held in state.changes.items():
        if held.by == "seller" and held.status == "open":
            await node.speak(thread, OrderChangeWithdrawn(change=change, reason="despatched"), f"{key}:{change}")


async def _there(node: Node, thread: str, name: str, line: Any) -> bool:
    stock = await node.book_state("stock")
    item = own_item(stock, await other_member(node, thread), line.item, line.buyer_item)
    held = levels.reservations_of(stock, thread, name)
    kept = sum((Decimal(one.quantity) for one in held if one.item == item), _ZERO)
    return bool(kept >= line.open)


def _not_of_others(stock: Any, thread: str, item: str, quantity: str) -> None:
    """Raises ``Refused('stock.insufficient')`` when it would take what is kept for other orders."""
    kept = [one for one in levels.reservations_of(stock, thread) if one.item == item]
    held = sum((Decimal(one.quantity) for one in kept), _ZERO)
    free = max(levels.available(stock, item) + held, levels.made_for(stock, kept))
    if Decimal(quantity) > free:
        raise Refused("stock.insufficient", item=item, wanted=quantity, available=q.text(max(_ZERO, free)))


async def despatch(node: Node, thread: str, quantities: dict[str, str], key: str) -> list[str]:
    """Say that goods leave: lots are picked from what is kept for the order, then from what is free."""
    there = await pickup_shipping.to_shop(node, thread, quantities, key)
    if there is not None:
        return there
    if await pickup.held(node, thread) is not None:
        raise Refused("pickup.by-code")
    state: OrderState = await node.state(thread)
    stock = await node.book_state("stock")
    partner = await other_member(node, thread)
    lines = []
    for name, quantity in quantities.items():
        line = state.lines[name]
        item = own_item(stock, partner, line.item, line.buyer_item)
        if levels.is_service(stock, item):
            lines.append(DespatchLine(line=name, item=line.item, quantity=quantity, unit=line.unit))
            continue
        lots = [lot for lot, _ in levels.pick(stock, item, quantity)]
        _not_of_others(stock, thread, item, quantity)
        demand, production = DemandRef(thread=thread, line=name), await node.book_state("production")
        mine = [f"L{one.id}" for one in production.orders.values()
                if one.demand == demand and f"L{one.id}" in stock.lots and one.item == item]
        lines.append(DespatchLine(line=name, item=line.item, quantity=quantity, unit=line.unit,
                                  lots=tuple(mine or lots)))
    advice = DespatchAdvice(number=await next_number(node, "D"), lines=tuple(lines),
                            at=instant.from_ms(node.clock.now_ms()))
    return await node.speak(thread, advice, key)
