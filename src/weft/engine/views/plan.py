"""The plan as bars: which job runs where and when, and which of them end after they are due.

Rule 1: the plan shown is the one that promises rest on (``engine/planner.py``).
Not here: drawing (``doors/console/figures.py``), the planner (``production/greedy.py``).
"""

from typing import Any, Final

from weft.basis import instant
from weft.engine.planner import present
from weft.engine.views.shape import View
from weft.production import views
from weft.production.views import Row

MARGIN_MS: Final = 15 * 60_000
SHOWN_MS: Final = 10 * 86_400_000


class Unplaced(View, frozen=True, kw_only=True):
    """A job that has no place; ``reason`` is a code."""

    job: str
    reason: str


class PlanView(View, frozen=True, kw_only=True):
    """All rows from ``from_ms`` to ``until_ms``; ``late`` are the jobs that end after their order is due."""

    now_ms: int
    from_ms: int
    until_ms: int
    rows: tuple[Row, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    late: tuple[str, ...] = ()


class Place(View, frozen=True, kw_only=True):
    """Where and when one job is planned."""

    centre: str
    start: str
    end: str


async def places(node: Any) -> dict[str, Place]:
    """Job id to its place."""
    _, _, planned = await present(node)
    return {one.id: Place(centre=one.centre, start=instant.from_ms(one.start_ms), end=instant.from_ms(one.end_ms))
            for one in planned.jobs.values()}


async def plan(node: Any) -> PlanView:
    """What runs where and when, from now on."""
    state, _, planned = await present(node)
    dues = {name: instant.to_ms(order.due) for name, order in state.orders.items() if order.due}
    late = tuple(one.id for one in planned.jobs.values() if one.end_ms > dues.get(one.order, one.end_ms))
    begin = min([planned.now_ms, *(one.start_ms for one in planned.jobs.values())]) - MARGIN_MS
    end = max([planned.now_ms + MARGIN_MS, *(one.end_ms for one in planned.jobs.values())]) + MARGIN_MS
    end = min(end, begin + SHOWN_MS)
    chart = views.gantt(state, planned, begin, end)
    return PlanView(now_ms=planned.now_ms, from_ms=begin, until_ms=end, rows=chart.rows, late=late,
                    unplaced=tuple(Unplaced(job=name, reason=why) for name, why in chart.unplaced))
