"""The plan as bars: which job runs where and when, and which of them end after they are due.

Rule 1: the plan shown is the one that promises rest on: the same book, planned from the present time.
Not here: drawing (``doors/console/figures.py``), the planner (``production/greedy.py``).
"""

from typing import Any

from weft.basis import instant
from weft.engine.views.shape import View
from weft.production import greedy
from weft.production.plan import Plan
from weft.production.planning import problem_of
from weft.production.state import JobState

MARGIN_MS = 15 * 60_000


class Bar(View, frozen=True, kw_only=True):
    """One job's place in the plan."""

    job: str
    order: str
    item: str
    lane: int
    start_ms: int
    end_ms: int
    running: bool = False
    late: bool = False
    held: bool = False


class Row(View, frozen=True, kw_only=True):
    """One work centre."""

    id: str
    zh: str = ""
    en: str = ""
    lanes: int = 1
    down: bool = False
    bars: tuple[Bar, ...] = ()


class Unplaced(View, frozen=True, kw_only=True):
    """A job that has no place; ``reason`` is a code."""

    job: str
    reason: str


class PlanView(View, frozen=True, kw_only=True):
    """All rows from ``from_ms`` to ``until_ms``."""

    now_ms: int
    from_ms: int
    until_ms: int
    rows: tuple[Row, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()


class Place(View, frozen=True, kw_only=True):
    """Where and when one job is planned."""

    centre: str
    start: str
    end: str


async def _planned(node: Any) -> tuple[Any, Plan]:
    state = await node.state(node.book("production"))
    return state, greedy.schedule(problem_of(state, int(node.clock.now_ms())))


async def places(node: Any) -> dict[str, Place]:
    """Job id to its place."""
    _, planned = await _planned(node)
    return {one.id: Place(centre=one.centre, start=instant.from_ms(one.start_ms), end=instant.from_ms(one.end_ms))
            for one in planned.jobs.values()}


async def plan(node: Any) -> PlanView:
    """What runs where and when, from now on."""
    state, planned = await _planned(node)
    bars: dict[str, list[Bar]] = {name: [] for name in state.master.work_centres}
    for one in planned.jobs.values():
        job, order = state.jobs.get(one.id), state.orders.get(one.order)
        due = instant.to_ms(order.due) if order and order.due else None
        bars.setdefault(one.centre, []).append(Bar(
            job=one.id, order=one.order, item=job.item if job else "", lane=one.lane, start_ms=one.start_ms,
            end_ms=one.end_ms, running=bool(job and job.state is JobState.RUNNING), held=job is None,
            late=due is not None and one.end_ms > due))
    centres = sorted(state.master.work_centres.values(), key=lambda one: one.id)
    ends = [one.end_ms for one in planned.jobs.values()]
    starts = [one.start_ms for one in planned.jobs.values()]
    return PlanView(
        now_ms=planned.now_ms, from_ms=min([planned.now_ms, *starts]) - MARGIN_MS,
        until_ms=max([planned.now_ms + MARGIN_MS, *ends]) + MARGIN_MS,
        rows=tuple(Row(id=c.id, zh=c.zh, en=c.en, lanes=c.parallel, down=c.id in state.downs,
                       bars=tuple(sorted(bars[c.id], key=lambda bar: bar.start_ms))) for c in centres),
        unplaced=tuple(Unplaced(job=name, reason=why) for name, why in sorted(planned.unplaced.items())),
    )
