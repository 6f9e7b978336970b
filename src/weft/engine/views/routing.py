"""How an item is made, operation by operation: where, how long, by which note and drawing, at which piece rate.

Not here: entering routings (``engine/imports.py``), jobs (``jobs.py``).
"""

from typing import Any

from weft.basis.errors import NotFound
from weft.engine.views.shape import View
from weft.production.reported import Instruction, Rate, operation_key
from weft.production.state import State


class Step(View, frozen=True, kw_only=True):
    """One operation (``number`` 0: the whole item); ``rates`` oldest first; times are decimal seconds."""

    number: int
    zh: str = ""
    en: str = ""
    where: str = ""
    setup_s: str = "0"
    run_s: str = "0"
    program: str = ""
    family: str = ""
    instruction: Instruction | None = None
    rates: tuple[Rate, ...] = ()


class RoutingView(View, frozen=True, kw_only=True):
    """All operations of one item."""

    item: str
    whole: Step
    steps: tuple[Step, ...]
    currency: str
    closed_until: str = ""


async def routing(node: Any, item: str) -> RoutingView:
    """The routing of ``item``; raises ``NotFound``."""
    state: State = await node.book_state("production")
    found = state.master.routings.get(item)
    if found is None:
        raise NotFound("work.routing-unknown", item=item[:60])
    steps = tuple(
        Step(number=one.number, zh=one.zh, en=one.en, where=one.work_centre or one.capability, setup_s=one.setup_s,
             run_s=one.run_s, program=one.program, family=one.family,
             instruction=state.instructions.get(operation_key(item, one.number)),
             rates=state.rates.get(operation_key(item, one.number), ()))
        for one in found.operations)
    whole = Step(number=0, instruction=state.instructions.get(operation_key(item, 0)))
    return RoutingView(item=item, whole=whole, steps=steps, currency=node.config.firm.currency,
                       closed_until=state.wages_until)
