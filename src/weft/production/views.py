"""What is read from the production book: what may start, what is next, how far it is, which promise moved.

Rule 1: all of it is pure; the plan comes from outside and may be a little older than the state.
Rule 2: a promise moves only by more than a threshold, and never to before what was promised first.
Not here: changing anything (``book.py``), the plan itself (``planning.py``, ``greedy.py``).
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.production.calendar import MINUTE, OpenTime
from weft.production.master import Data, seconds_to_ms
from weft.production.messages import DemandRef, JobLocked, Material, Why
from weft.production.plan import Plan, PlannedJob
from weft.production.promise import chain
from weft.production.rules import RULES, may_say
from weft.production.state import FINISHED, STARTED, Job, JobState, Order, Promise, Reservation, State

THRESHOLD_MINUTES: Final = 30
_ZERO: Final = Decimal(0)


class Due(Data, frozen=True, kw_only=True):
    """The next job of one lane of a work centre; ``now`` when the plan starts it at once."""

    work_centre: str
    lane: int
    job: str
    order: str
    item: str
    machine: str = ""
    start: str = "operator"
    start_ms: int
    end_ms: int
    loaded: bool = False
    now: bool = False


class Bar(Data, frozen=True, kw_only=True):
    """One job in the chart of a plan; ``state`` "Reserved" when it is only held for an offer.

    ``centres``: where a person may put it; none when it has begun. ``hold``: how a person has fixed it, if so.
    """

    job: str
    order: str
    item: str = ""
    operation: int
    zh: str = ""
    en: str = ""
    lane: int
    start_ms: int
    end_ms: int
    state: str
    good: str = "0"
    quantity: str = "0"
    bound: str = ""
    bound_by: str = ""
    setup_end_ms: int = 0
    begin_ms: int = 0
    hold: str = ""
    conflict: str = ""
    conflict_by: str = ""
    centres: tuple[str, ...] = ()


class Row(Data, frozen=True, kw_only=True):
    """One work centre in the chart; ``open`` are its working windows, ``alarm`` is set while it is down."""

    work_centre: str
    zh: str = ""
    en: str = ""
    machine: str = ""
    parallel: int = 1
    down: bool = False
    alarm: str = ""
    open: tuple[tuple[int, int], ...] = ()
    bars: tuple[Bar, ...] = ()


class Gantt(Data, frozen=True, kw_only=True):
    """A plan as it is drawn, from ``from_ms`` to ``to_ms``; ``unplaced`` jobs with the reason."""

    now_ms: int
    from_ms: int
    to_ms: int
    rows: tuple[Row, ...] = ()
    unplaced: tuple[tuple[str, str], ...] = ()


class Step(Data, frozen=True, kw_only=True):
    """One operation on a traveller; ``may`` are the messages its state allows (the page's buttons)."""

    job: str
    operation: int
    zh: str = ""
    en: str = ""
    state: str
    work_centres: tuple[str, ...]
    work_centre: str = ""
    machine: str = ""
    operator: str = ""
    program: str = ""
    set_points: dict[str, str] = {}
    setup_s: str = "0"
    run_s: str = "0"
    good: str = "0"
    scrap: str = "0"
    quantity: str = "0"
    started: str = ""
    ended: str = ""
    reason: str = ""
    may: tuple[str, ...] = ()


class Traveller(Data, frozen=True, kw_only=True):
    """A production order as the paper that travels with it (流转卡)."""

    order: str
    item: str
    quantity: str
    unit: str
    made: str
    closed: str
    due: str
    parent: str
    demand: DemandRef
    materials: tuple[Material, ...] = ()
    steps: tuple[Step, ...] = ()


# ---- what may start, what is next -----------------------------------------------------------------


def releasable(state: State) -> tuple[str, ...]:
    """Jobs to be released: their material is here, and what comes before them is finished with good pieces."""
    return tuple(
        job.id for order in state.orders.values() if not order.closed
        for job in (state.jobs[name] for name in order.jobs)
        if job.state is JobState.NOT_ALLOWED and _material_here(order, job) and _previous_done(state, job)
    )


def _material_here(order: Order, job: Job) -> bool:
    if job.id != order.jobs[0]:
        return True
    return all(m.arrived or m.source in ("stock", "make") for m in order.materials)


def _previous_done(state: State, job: Job) -> bool:
    before = [state.jobs[name] for name in job.after if name in state.jobs]
    return all(one.state in FINISHED and q.decimal(one.good) > 0 for one in before)


def due_jobs(state: State, plan: Plan) -> tuple[Due, ...]:
    """The next job of every free lane of every work centre that is up, by work centre.

    What is planned for now but still waits (late material) is passed over; what is planned for later is not.
    """
    found: list[Due] = []
    for centre in state.master.work_centres.values():
        if centre.id in state.downs:
            continue
        for lane in range(centre.parallel):
            planned = _next(state, plan, centre.id, lane)
            if planned is None:
                continue
            job = state.jobs[planned.id]
            found.append(Due(
                work_centre=centre.id, lane=lane, job=job.id, order=job.order, item=job.item, machine=centre.machine,
                start=centre.start, start_ms=planned.start_ms, end_ms=planned.end_ms, loaded=job.loaded,
                now=planned.start_ms <= plan.now_ms))
    return tuple(found)


def _next(state: State, plan: Plan, centre: str, lane: int) -> PlannedJob | None:
    mine = [p for p in plan.jobs.values() if (p.centre, p.lane) == (centre, lane)]
    for planned in sorted(mine, key=lambda p: (p.start_ms, p.end_ms, p.id)):
        job = state.jobs.get(planned.id)
        if job is not None and job.state in FINISHED:
            continue
        if job is not None and job.state in STARTED:
            return None
        if job is not None and job.state is JobState.ALLOWED:
            return planned
        if planned.start_ms > plan.now_ms:
            return None
    return None


# ---- demands: progress, reservations, promises ----------------------------------------------------


def orders_of(state: State, demand: DemandRef) -> tuple[Order, ...]:
    """All production orders for ``demand``, those that make its parts included."""
    return tuple(order for order in state.orders.values() if order.demand == demand)


def top_orders(state: State, demand: DemandRef) -> tuple[Order, ...]:
    """The orders whose output is what ``demand`` asks for, cancelled ones left out."""
    return _tops(orders_of(state, demand))


def _tops(every: Sequence[Order]) -> tuple[Order, ...]:
    names = {order.id for order in every}
    return tuple(order for order in every if order.parent not in names and order.closed != "cancelled")


def progress(state: State, demand: DemandRef) -> tuple[str, str]:
    """Good pieces made, and how many are to be made, of what ``demand`` asks for."""
    tops = top_orders(state, demand)
    made = sum((q.decimal(order.made) for order in tops), _ZERO)
    return q.text(made), q.text(sum((q.decimal(order.quantity) for order in tops), _ZERO))


def permille(state: State, demand: DemandRef) -> int:
    """How much of the work for ``demand`` is done, parts included, weighed by planned time."""
    done = total = 0
    for order in orders_of(state, demand):
        for job in (state.jobs[name] for name in order.jobs):
            work = seconds_to_ms(q.decimal(job.setup_s) + q.decimal(job.run_s) * q.decimal(job.quantity))
            share = Decimal(1) if job.state is JobState.ENDED else q.decimal(job.good) / q.decimal(job.quantity)
            total += work
            done += int(work * min(Decimal(1), share))
    return done * 1000 // total if total else 0


def reservation_of(state: State, demand: DemandRef) -> Reservation | None:
    """The newest reservation of capacity for ``demand``, if there is one."""
    held = [one for one in state.reservations.values() if one.demand == demand]
    return max(held, key=lambda one: one.rank, default=None)


def expired(state: State, now_ms: int) -> tuple[str, ...]:
    """Reservations whose instant has passed: to be released by an event (``why="expired"``)."""
    return tuple(one.id for one in state.reservations.values() if instant.to_ms(one.expires, one.id) <= now_ms)


def waiting_for(state: State, item: str = "", ref: str = "") -> tuple[tuple[str, Material], ...]:
    """(order, material) of open orders that still wait for ``item``, or for what comes by ``ref``."""
    return tuple(
        (order.id, material) for order in state.orders.values() if not order.closed for material in order.materials
        if not material.arrived and item in ("", material.item) and ref in ("", material.ref)
        and material.source in ("buy", "free-issue")
    )


def moved_promises(state: State, plan: Plan, now: str, threshold_minutes: int = THRESHOLD_MINUTES,
                   hold_minutes: int = 0) -> list[tuple[DemandRef, str, str, tuple[Why, ...]]]:
    """(demand, promised, what can be kept, why) where they differ by ``threshold_minutes`` or more.

    "" means that no instant can be kept. A promise that was late and can be kept earlier again moves back,
    not before its first instant, and not within ``hold_minutes`` after it moved: a machine that falters again and again
    must not move its customers to and fro. ``now`` is the earliest instant that can be promised.
    """
    now_ms, moved, made = instant.to_ms(now, "now"), [], _by_demand(state)
    for promise in state.promises.values():
        every = _tops(made.get(promise.demand, ()))
        tops = [order for order in every if not order.closed]
        ends = [plan.order_ends[order.id] for order in tops if order.id in plan.order_ends]
        if not ends:
            if every and not tops:
                moved += _kept_after_all(promise, now_ms, threshold_minutes)
            continue
        known = [end for end in ends if end is not None]
        late = max(tops, key=lambda order: plan.order_ends.get(order.id) or 0)
        if len(known) < len(ends):
            stuck = next(order.id for order in tops if plan.order_ends.get(order.id, 0) is None)
            if promise.at:
                moved.append((promise.demand, promise.at, "", chain(plan, stuck)))
            continue
        new = max(*known, now_ms, instant.to_ms(promise.first))
        if promise.at and new < instant.to_ms(promise.at) and _just_moved(promise, now_ms, hold_minutes):
            continue
        if not promise.at or abs(new - instant.to_ms(promise.at)) >= threshold_minutes * MINUTE:
            moved.append((promise.demand, promise.at, instant.from_ms(new), chain(plan, late.id)))
    return moved


def _by_demand(state: State) -> dict[DemandRef, list[Order]]:
    found: dict[DemandRef, list[Order]] = {}
    for order in state.orders.values():
        found.setdefault(order.demand, []).append(order)
    return found


def _kept_after_all(
    promise: Promise, now_ms: int, threshold_minutes: int
) -> list[tuple[DemandRef, str, str, tuple[Why, ...]]]:
    """All is made: what was feared to come later can go now, and no machine can falter any more."""
    new = max(now_ms, instant.to_ms(promise.first))
    if promise.at and instant.to_ms(promise.at) - new < threshold_minutes * MINUTE:
        return []
    return [(promise.demand, promise.at, instant.from_ms(new), ())]


def _just_moved(promise: Promise, now_ms: int, hold_minutes: int) -> bool:
    return bool(promise.moved) and now_ms - instant.to_ms(promise.moved) < hold_minutes * MINUTE


# ---- what is drawn and printed --------------------------------------------------------------------


def gantt(state: State, plan: Plan, from_ms: int, to_ms: int) -> Gantt:
    """``plan`` between two instants, a row for each work centre."""
    rows = []
    for centre in state.master.work_centres.values():
        down = state.downs.get(centre.id)
        calendar = state.master.calendars.get(centre.calendar)
        rows.append(Row(
            work_centre=centre.id, zh=centre.zh, en=centre.en, machine=centre.machine, parallel=centre.parallel,
            down=down is not None, alarm=down.alarm if down else "",
            open=OpenTime(calendar).windows(from_ms, to_ms) if calendar else (),
            bars=tuple(_bars(state, plan, centre.id, (from_ms, to_ms)))))
    return Gantt(now_ms=plan.now_ms, from_ms=from_ms, to_ms=to_ms, rows=tuple(rows),
                 unplaced=tuple(sorted(plan.unplaced.items())))


def _bars(state: State, plan: Plan, centre: str, window: tuple[int, int]) -> Iterator[Bar]:
    for planned in sorted(plan.jobs.values(), key=lambda p: (p.lane, p.start_ms, p.id)):
        if planned.centre != centre or planned.end_ms <= window[0] or planned.start_ms >= window[1]:
            continue
        bar = Bar(job=planned.id, order=planned.order, operation=planned.operation, lane=planned.lane,
                  start_ms=planned.start_ms, end_ms=planned.end_ms, state="Reserved",
                  bound=planned.bound, bound_by=planned.bound_by, setup_end_ms=planned.setup_end_ms,
                  begin_ms=planned.begin_ms, conflict=planned.conflict, conflict_by=planned.conflict_by)
        job, lock = state.jobs.get(planned.id), state.locks.get(planned.id)
        yield bar if job is None else msgspec.structs.replace(
            bar, item=job.item, zh=job.zh, en=job.en, state=job.state.value, good=job.good, quantity=job.quantity,
            hold=lock.hold if lock else "", centres=movable(job))


def movable(job: Job) -> tuple[str, ...]:
    """The work centres at which a person may fix ``job``."""
    if JobLocked not in RULES[job.state]:
        return ()
    return (job.work_centre,) if job.loaded else job.work_centres


def traveller(state: State, order: str) -> Traveller:
    """The traveller of ``order``; raises ``NotFound('production.order-unknown')``."""
    found = state.orders.get(order)
    if found is None:
        raise NotFound("production.order-unknown", order=order[:60])
    return Traveller(
        order=found.id, item=found.item, quantity=found.quantity, unit=found.unit, made=found.made,
        closed=found.closed, due=found.due, parent=found.parent, demand=found.demand, materials=found.materials,
        steps=tuple(step(state.jobs[name]) for name in found.jobs))


def step(job: Job) -> Step:
    """One operation as its page shows it."""
    return Step(job=job.id, operation=job.operation, zh=job.zh, en=job.en, state=job.state.value,
                work_centres=job.work_centres, work_centre=job.work_centre, machine=job.machine,
                operator=job.operator, program=job.program, set_points=job.set_points, setup_s=job.setup_s,
                run_s=job.run_s, good=job.good, scrap=q.text(job.scrap), quantity=job.quantity, started=job.started,
                ended=job.ended, reason=job.reason, may=may_say(job))
