"""The plan as bars: which job runs where and when, which orders end after they are due, and what people have fixed.

Rule 1: the plan shown is the one that promises rest on (``engine/planner.py``).
Rule 2: a bar is late as of when the buyer would be told (``promise_move_minutes``); the list of late orders has all,
        and tells which are late by less.
Not here: drawing (``doors/console/gantt.py``), the planner (``production/greedy.py``), what if (``plan_if.py``).
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.moves import moves
from weft.engine.planner import present
from weft.engine.views.shape import View
from weft.production import views
from weft.production.messages import Why
from weft.production.moves import Move
from weft.production.plan import Plan, Problem
from weft.production.promise import chain
from weft.production.state import State
from weft.production.supposing import Standing, promised_for, standing
from weft.production.views import Row

MARGIN_MS: Final = 15 * 60_000
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
DAYS_MAX: Final = 10
WHY_MAX: Final = 60  # lines back to what holds a late order up: to the end of them, for that is the reason
JOBS_LOOKED_AT: Final = 2_000  # while it is found out who suffers from a lock: a plan is made for each


class Unplaced(View, frozen=True, kw_only=True):
    """A job that has no place; ``reason`` is a code."""

    job: str
    reason: str


class PromiseLine(View, frozen=True, kw_only=True):
    """From the end of an order's last job, at ``centre``, to the instant that it was promised for."""

    order: str
    centre: str
    lane: int
    end_ms: int
    due_ms: int
    late: bool = False


class LateOrder(View, frozen=True, kw_only=True):
    """An order that ends after it is due, by how many ``minutes`` (``None``: nobody knows), and why.

    ``slight``: by less than the buyer is told of.
    """

    order: str
    item: str
    quantity: str
    unit: str = "C62"
    thread: str = ""
    due: str
    end: str = ""
    minutes: int | None = None
    slight: bool = False
    why: tuple[Why, ...] = ()


class PlanView(View, frozen=True, kw_only=True):
    """All rows from ``from_ms`` to ``until_ms``; ``late`` are the jobs that end after their order is due.

    ``slack_minutes``: a delay below it is not told to buyers.
    """

    now_ms: int
    from_ms: int
    until_ms: int
    rows: tuple[Row, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    late: tuple[str, ...] = ()
    late_orders: tuple[LateOrder, ...] = ()
    slack_minutes: int = 0
    promises: tuple[PromiseLine, ...] = ()
    locks: tuple[Standing, ...] = ()
    moves: dict[str, Move] = {}


class Place(View, frozen=True, kw_only=True):
    """Where and when one job is planned; ``late``: too late for what was promised."""

    centre: str
    start: str
    end: str
    late: bool = False


class Window(NamedTuple):
    """What is drawn: from ``begin_ms`` on (``None``: from where the plan begins), so many ``days`` (0: all of it)."""

    begin_ms: int | None = None
    days: int = 0


def window(begin: str = "", days: str = "") -> Window:
    """``begin`` an instant, ``days`` a number; raises ``Invalid``."""
    if days and (not days.isdecimal() or not 1 <= int(days[:4]) <= DAYS_MAX):
        raise Invalid("view.params", name="plan", detail="days")
    return Window(instant.to_ms(begin, "begin") if begin else None, int(days or 0))


async def places(node: Any) -> dict[str, Place]:
    """Job id to its place."""
    _, problem, planned = await present(node)
    late = _late(planned, promised_for(problem), slack_ms(node))
    return {one.id: Place(centre=one.centre, start=instant.from_ms(one.start_ms), end=instant.from_ms(one.end_ms),
                          late=one.id in late)
            for one in planned.jobs.values()}


async def broken_locks(node: Any) -> list[tuple[str, str, str]]:
    """(job, what stands against it, who) of every job that a person has fixed and that cannot be kept so."""
    state, _, planned = await present(node)
    fixed = [(name, planned.jobs.get(name)) for name in sorted(state.locks)]
    return [(name, one.conflict, one.conflict_by) if one else (name, planned.unplaced[name], "") for name, one in fixed
            if (one.conflict if one else name in planned.unplaced)]


def slack_ms(node: Any) -> int:
    """How much later than promised is none at all."""
    return int(node.config.rules.promise_move_minutes) * MINUTE_MS


def _late(planned: Plan, dues: dict[str, int], slack: int) -> tuple[str, ...]:
    """Jobs that end too late for what their order promised."""
    return tuple(one.id for one in planned.jobs.values() if one.end_ms > dues.get(one.order, one.end_ms) + slack)


async def plan(node: Any, begin: str = "", days: str = "") -> PlanView:
    """What runs where and when, from now on or from ``begin``, for so many ``days``."""
    state, problem, planned = await present(node)
    most = JOBS_LOOKED_AT // max(1, len(problem.jobs))
    return drawn(node, (state, problem, planned), window(begin, days), await moves(node),
                 standing(state, planned, planned.now_ms, slack_ms(node), most))


def drawn(node: Any, made: tuple[State, Problem, Plan], asked: Window, moved: dict[str, Move],
          locks: tuple[Standing, ...]) -> PlanView:
    """``made`` as it is shown."""
    state, problem, planned = made
    begin, end = _edges(planned, asked)
    chart = views.gantt(state, planned, begin, end)
    dues, slack = promised_for(problem), slack_ms(node)
    return PlanView(
        now_ms=planned.now_ms, from_ms=begin, until_ms=end, rows=chart.rows, late=_late(planned, dues, slack),
        unplaced=tuple(Unplaced(job=name, reason=why) for name, why in chart.unplaced), moves=moved, locks=locks,
        promises=tuple(_promises(state, planned, dues, slack)), late_orders=_late_orders(state, planned, dues, slack),
        slack_minutes=slack // MINUTE_MS)


def _edges(planned: Plan, asked: Window) -> tuple[int, int]:
    begin = asked.begin_ms
    if begin is None:
        begin = min([planned.now_ms, *(one.start_ms for one in planned.jobs.values())]) - MARGIN_MS
        if asked.days:
            begin = max(begin, planned.now_ms - DAY_MS // 12)  # what began long ago leaves room for what is to come
    if asked.days:
        return begin, begin + asked.days * DAY_MS
    end = max([planned.now_ms + MARGIN_MS, *(one.end_ms for one in planned.jobs.values())]) + MARGIN_MS
    return begin, max(begin + MARGIN_MS, min(end, begin + DAYS_MAX * DAY_MS))


def _promises(state: State, planned: Plan, dues: dict[str, int], slack: int) -> Iterator[PromiseLine]:
    last: dict[str, str] = {}
    for one in planned.jobs.values():
        if one.order not in last or (one.end_ms, one.id) > (planned.jobs[last[one.order]].end_ms, last[one.order]):
            last[one.order] = one.id
    for order, job in sorted(last.items()):
        mine = state.orders.get(order)
        if order in dues and not (mine is not None and mine.parent):
            one = planned.jobs[job]
            yield PromiseLine(order=order, centre=one.centre, lane=one.lane, end_ms=one.end_ms, due_ms=dues[order],
                              late=one.end_ms > dues[order] + slack)


def _late_orders(state: State, planned: Plan, dues: dict[str, int], slack: int) -> tuple[LateOrder, ...]:
    found = []
    for name, due in dues.items():
        order, end = state.orders.get(name), planned.order_ends.get(name, due)
        if order is None or order.parent or order.closed or (end is not None and end < due + MINUTE_MS):
            continue
        found.append(LateOrder(
            order=name, item=order.item, quantity=order.quantity, unit=order.unit, thread=order.demand.thread,
            due=instant.from_ms(due), end="" if end is None else instant.from_ms(end),
            minutes=None if end is None else (end - due) // MINUTE_MS, slight=end is not None and end <= due + slack,
            why=chain(planned, name, WHY_MAX)))
    return tuple(sorted(found, key=lambda one: (one.minutes is not None, -(one.minutes or 0), one.order)))
