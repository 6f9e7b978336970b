"""What an accepted order needs is held, also when the offer that held it is gone: expired, or lost with a backup.

Rule 1: only lines for which nothing at all is held, made or kept; what was delivered is not made once more. What a
        restored backup holds for an earlier offer is let go first.
Rule 2: what would have to be bought is the owner's task: suppliers may have been asked already.
Not here: offers (``offering.py``), work that is held as it should be (``ordering.py``).
"""

from decimal import Decimal

from weft.basis import quantity as q
from weft.basis.errors import Refused
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.reactions.offering import Wanted, order_id, other_member, own_item, reservations
from weft.engine.reactions.releasing import release
from weft.production import promise as promises
from weft.production.messages import DemandRef, ProductionOrderCreated, PromiseMade
from weft.production.state import State
from weft.production.views import top_orders
from weft.stock import levels
from weft.trade.order_state import OrderLine, OrderState, Phase


async def let_go_of_older(node: Node, cause: Cause) -> None:
    """Free what a backup held for an earlier offer, when ``cause`` is of a former life and accepts a later one."""
    loaded = await node.loaded(cause.thread)
    entry = await node.entry(loaded, cause.id)
    if entry is None or entry.chain[2] == node.identity.incarnation:
        return
    production, stock = await node.book_state("production"), await node.book_state("stock")
    partner = await other_member(node, cause.thread)
    for name, line in loaded.state.lines.items():
        demand, item = DemandRef(thread=cause.thread, line=name), own_item(stock, partner, line.item, line.buyer_item)
        drafts = [draft for one in production.reservations.values() if one.demand == demand for draft in one.drafts]
        kept = [*drafts, *levels.reservations_of(stock, cause.thread, name)]
        held = sum((q.decimal(one.quantity) for one in kept if one.item == item), Decimal(0))
        if held not in (0, line.open):
            await release(node, cause.thread, "replaced", f"{cause.key}:older")
            return


async def hold_again(node: Node, cause: Cause) -> bool:
    """Hold anew what the confirmed order ``cause.thread`` lacks; whether anything was; raises ``Refused``."""
    state: OrderState = await node.state(cause.thread)
    stock, partner = await node.book_state("stock"), await other_member(node, cause.thread)
    lacking = [] if state.phase is not Phase.CONFIRMED else [
        (name, line) for name, line in state.lines.items()
        if line.open > 0 and not await _held(node, DemandRef(thread=cause.thread, line=name), _key(cause, name))
        and not levels.is_service(stock, own_item(stock, partner, line.item, line.buyer_item))]
    for name, line in lacking:
        await _hold_line(node, cause, name, line)
    return bool(lacking)


def _free_id(production: State, cause: Cause, line: str) -> str:
    """The name that the lost offer gave the work, by which a machine that has begun it knows it; else a new one."""
    named = order_id(cause.thread, line)
    return f"{named}-{cause.id[:4]}" if named in production.orders else named


def _key(cause: Cause, line: str) -> str:
    return f"{cause.key}:again:{line}"


async def _held(node: Node, demand: DemandRef, key: str) -> bool:
    """Whether something is held or made for ``demand``, other than by an earlier life under ``key``."""
    production, stock = await node.book_state("production"), await node.book_state("stock")
    if top_orders(production, demand) or any(one.demand == demand for one in production.reservations.values()):
        return True
    return bool(levels.reservations_of(stock, demand.thread, demand.line)) \
        and await node.answered(node.book("stock"), key) is None


async def _hold_line(node: Node, cause: Cause, name: str, line: OrderLine) -> None:
    production, stock = await node.book_state("production"), await node.book_state("stock")
    partner, demand = await other_member(node, cause.thread), DemandRef(thread=cause.thread, line=name)
    item = own_item(stock, partner, line.item, line.buyer_item)
    free = {one: Decimal(amount) for one, amount in levels.availability(stock, partner).items()}
    for kept in levels.reservations_of(stock, cause.thread, name):
        free[kept.item] = free.get(kept.item, Decimal(0)) + Decimal(kept.quantity)
    ask = promises.Ask(id=_free_id(production, cause, name), item=item, quantity=q.text(line.open), unit=line.unit)
    explosion = promises.explode(production.master, ask, {one: q.text(left) for one, left in free.items()})
    if explosion.purchases or explosion.gaps:
        raise Refused("order.nothing-held", line=name, item=item)
    key = _key(cause, name)
    if await node.answered(node.book("stock"), key) is None:
        wanted = Wanted(line=name, item=item, quantity=ask.quantity, unit=line.unit, wanted_by="")
        kept_now = await reservations(node, cause.thread, wanted, explosion, (f"{cause.thread}#{name}:{cause.id}", ""))
        await node.record("stock", *kept_now, key=key)
    _, problem, plan = await present(node)
    offer = promises.propose(problem, plan, explosion, {})
    await node.record("production", *(ProductionOrderCreated(order=draft, demand=demand, due=line.promise,
                                                             tolerance_percent="5") for draft in offer.drafts),
                      PromiseMade(demand=demand, at=line.promise), key=key)
