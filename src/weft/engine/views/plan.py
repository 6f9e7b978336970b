"""The plan as bars: which job runs where and when, and which of them end after they are due.

Rule 1: the plan shown is the one that promises rest on (``engine/planner.py``).
Rule 2: late is what the buyer would be told of: a promise moved by less than ``promise_move_minutes`` is none.
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
    """Where and when one job is planned; ``late``: too late for what was promised."""

    centre: str
    start: str
    end: str
    late: bool = False


async def places(node: Any) -> dict[str, Place]:
    """Job id to its place."""
    state, _, planned = await present(node)
    late = _late(node, state, planned)
    return {one.id: Place(centre=one.centre, start=instant.from_ms(one.start_ms), end=instant.from_ms(one.end_ms),
                          late=one.id in late)
            for one in planned.jobs.values()}


def _late(node: Any, state: Any, planned: Any) -> tuple[str, ...]:
    """Jobs that end too late for what their order promised."""
    slack_ms = node.config.rules.promise_move_minutes * 60_000
    latest = {name: instant.to_ms(order.due) + slack_ms for name, order in state.orders.items() if order.due}
    return tuple(one.id for one in planned.jobs.values() if one.end_ms > latest.get(one.order, one.end_ms))


async def plan(node: Any) -> PlanView:
    """What runs where and when, from now on."""
    state, _, planned = await present(node)
    late = _late(node, state, planned)
    begin = min([planned.now_ms, *(one.start_ms for one in planned.jobs.values())]) - MARGIN_MS
    end = max([planned.now_ms + MARGIN_MS, *(one.end_ms for one in planned.jobs.values())]) + MARGIN_MS
    end = min(end, begin + SHOWN_MS)
    chart = views.gantt(state, planned, begin, end)
    return PlanView(now_ms=planned.now_ms, from_ms=begin, until_ms=end, rows=chart.rows, late=late,
                    unplaced=tuple(Unplaced(job=name, reason=why) for name, why in chart.unplaced))
