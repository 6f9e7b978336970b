"""The present plan: made from the production book when it is asked for, kept until the book or the second changes.

Rule 1: a plan is derived and never stored; the same book in the same second gives the same plan.
Not here: the planner itself (``production/greedy.py``), a better sequence (``improving.py``), what a moved promise
brings (``reactions/lateness.py``).
"""

from typing import Final

import msgspec

from weft.engine.node import Node
from weft.production.messages import DemandRef
from weft.production.plan import Plan, Problem
from weft.production.planning import problem_of
from weft.production.sequence import planned as plan_of
from weft.production.state import State

Present = tuple[State, Problem, Plan]
KEPT_MS: Final = 1_000


async def present(node: Node, without: DemandRef | None = None) -> Present:
    """(state, problem, plan) of everything open now; ``without``: leave out what is reserved for that demand."""
    state: State = await node.book_state("production")
    now = node.clock.now_ms()
    if without is None and node.kept_plan is not None:
        second, kept_plan = node.kept_plan
        if second == now // KEPT_MS and kept_plan[0] is state:
            found: Present = kept_plan
            return found
    if without is not None:
        kept = {name: held for name, held in state.reservations.items() if held.demand.thread != without.thread}
        state = msgspec.structs.replace(state, reservations=kept)
    problem = problem_of(state, now)
    planned = (state, problem, plan_of(problem))
    if without is None:
        node.kept_plan = (now // KEPT_MS, planned)
    return planned
