"""A promise that moves by itself: machine event, plan, promise, order change, customer; and the same from below.

Rule 1: by default a moved promise waits for the owner; by the owner's rule ``change = "auto"`` it is proposed at once.
Rule 2: one open proposal of ours a thread: a newer date takes the place of an older one that is not answered.
Rule 3: what a supplier says about dates is expected at once, whether its change is accepted yet or not.
Rule 4: later is said at once, earlier only when it has held for a while (``promise_hold_minutes``): what falters must
        not move its customers to and fro.
Not here: the plan (``engine/planner.py``), choosing among the options (people, or the buyer's own rule).
"""

import contextlib
from collections.abc import Iterable
from typing import Final

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import Invalid, Refused
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.reactions.offering import next_number
from weft.engine.reactions.ordering import expect_from
from weft.production import views
from weft.production.messages import DemandRef, PromiseMoved
from weft.production.state import State
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
)
from weft.trade.order_state import OrderState, Phase

LATER: Final = "later"
EARLIER: Final = "earlier"
PARTIAL: Final = "partial"
ELSEWHERE: Final = "elsewhere"
CANCEL: Final = "cancel"
CAUSES: Final = {"outage": "machine-late", "material": "material-late", "lock": "plan-late"}  # the heaviest first


async def replan(node: Node, cause: Cause) -> None:
    """Something on the shop floor has changed: compare what was promised with what the plan can keep."""
    await move_promises(node, cause.key)


async def watch_promises(node: Node) -> None:
    """Time itself makes plans late: the same comparison, once in a while."""
    await move_promises(node, "")


async def move_promises(node: Node, key: str) -> None:
    """Record every promise that the present plan cannot keep, or can keep earlier again."""
    production, _, plan = await present(node)
    if not production.promises:
        return
    now = instant.from_ms(node.clock.now_ms())
    rules = node.config.rules
    said = [PromiseMoved(demand=demand, at=new, why=why, said=now) for demand, _, new, why in views.moved_promises(
        production, plan, now, rules.promise_move_minutes, rules.promise_hold_minutes)]
    if said:
        await node.record("production", *said, key=key)


async def propose_moved(node: Node, cause: Cause) -> None:
    """A promise has moved: offer the buyer the choices, if the owner lets the node do so."""
    if node.config.rules.change == "auto":
        await propose(node, cause.message.demand, cause.key)


async def propose(node: Node, demand: DemandRef, key: str) -> None:
    """Propose the present promises of the order that ``demand`` is of: every line whose date has moved, in one change.

    The choices: later; what is ready now, and the rest later or not at all; or cancel. An earlier date is offered as it
    is.
    """
    thread = demand.thread
    if not thread or await node.answered(thread, key) is not None:
        return  # proposed by an earlier life; what is open now may be that very proposal
    state: OrderState = await node.state(thread)
    production = await node.book_state("production")
    moved = _moved(production, thread, state)
    if state.phase is not Phase.CONFIRMED:
        return
    for change, held in state.changes.items():
        if held.by == "seller" and held.status == "open":
            await node.speak(thread, OrderChangeWithdrawn(change=change, reason="newer"), f"{key}:withdraw")
    if not moved:
        return
    late = any(at > state.lines[name].promise for name, at in moved.items())
    lines = tuple(ChangeLine(line=name, promise=at) for name, at in moved.items())
    options = _options(production, thread, state, lines) if late else (
        ChangeOption(id=EARLIER, kind="change", lines=lines),)
    message = OrderChange(number=await next_number(node, "C"), options=options,
                          cause=_cause(production, thread, moved) if late else "earlier")
    await node.speak(thread, message, key)


def _moved(production: State, thread: str, state: OrderState) -> dict[str, str]:
    """Line -> the date that can be kept now, of every open line that was promised for another."""
    found = {}
    for name, line in state.lines.items():
        promise = production.promises.get(DemandRef(thread=thread, line=name).key)
        if promise is not None and promise.at and promise.at != line.promise and line.open > 0:
            found[name] = promise.at
    return found


def _cause(production: State, thread: str, moved: Iterable[str]) -> str:
    """What the buyer is told of why: in a word, and never a third firm's name."""
    keys = [DemandRef(thread=thread, line=name).key for name in moved]
    bounds = {one.code.partition("-")[2] for key in keys for one in production.promises[key].why}
    return next((cause for bound, cause in CAUSES.items() if bound in bounds), "machine-late")


def _options(
    production: State, thread: str, state: OrderState, lines: tuple[ChangeLine, ...]
) -> tuple[ChangeOption, ...]:
    later = ChangeOption(id=LATER, kind="later", lines=lines)
    cancel = ChangeOption(id=CANCEL, kind="cancel", lines=tuple(
        ChangeLine(line=one.line, quantity="0") for one in lines))
    if len(lines) != 1:
        return (later, cancel)
    name = lines[0].line
    line = state.lines[name]
    ready = q.decimal(views.progress(production, DemandRef(thread=thread, line=name))[0]) - q.decimal(line.despatched)
    if not 0 < ready < line.open:
        return (later, cancel)
    kept = ChangeLine(line=name, quantity=q.text(line.delivered + ready))
    return (later, ChangeOption(id=PARTIAL, kind="partial", note=q.text(ready), lines=lines),
            ChangeOption(id=ELSEWHERE, kind="change", note=q.text(ready), lines=(kept,)), cancel)


async def take_supplier_change(node: Node, cause: Cause) -> None:
    """A supplier proposes another date: expect it, and take it if the owner lets the node take dates."""
    later = next((one for one in cause.message.options if _only_dates(one)), None)
    if later is None:
        return
    await expect_from(node, cause.thread, max(line.promise for line in later.lines), f"{cause.key}:expect")
    if node.config.rules.change != "auto" or not await _serves_another(node, cause.thread):
        return
    with contextlib.suppress(Refused, Invalid):  # withdrawn or overtaken meanwhile
        await node.speak(cause.thread, OrderChangeResponse(change=cause.id, option=later.id), cause.key)


def _only_dates(option: ChangeOption) -> bool:
    """Whether ``option`` moves dates and nothing else."""
    return option.kind in ("later", "change") and bool(option.lines) and all(
        line.promise and not line.quantity and not line.unit_price for line in option.lines)


async def _serves_another(node: Node, thread: str) -> bool:
    """Whether an order of ours is a child order: its dates are the plan's affair, not a person's."""
    from weft.engine.reactions.ordering import link_of

    return await link_of(node, thread) is not None
