"""What lies may and may not leave behind, and what each firm may have learnt: judged when honest firms have met again.

Rule 1: a fork is known to every honest member that was given its halves, or given one while another holds the other:
        what stands in a history is handed on to every member; what waits for its beginning, or is only proof, is not.
Rule 2: same heads, same state, in every thread, also in a forked one.
Rule 3: what is forged is nowhere; what the rules deny is void at all members, for the same reason.
Rule 4: nobody has seen the name of a thread, an event or a firm that it shares nothing with.
Not here: what must be true without liars (``checks.py``).
"""

from typing import TYPE_CHECKING

from tests.simulation.checks import Broken, alive
from tests.simulation.firm import Firm
from tests.simulation.liars import Fork, Liar
from weft.engine.machines import state_hash
from weft.engine.node import Node
from weft.engine.receive import PENDING_MAX

if TYPE_CHECKING:
    from tests.simulation.world import World


async def unknown_forks(world: "World") -> list[str]:
    """Forks that an honest member could know of, by what came to it and what others hold for it, and does not."""
    told = []
    for fork in world.liar.forks if world.liar else ():
        honest = [one for one in _members(world, fork.thread) if one is not world.liar.firm]
        given = {firm.name: await _stored(alive(firm), fork) for firm in honest}
        for firm in honest:
            came = set().union(*given.values(), await _waiting(alive(firm), fork))
            if not world.faults.restores[firm.name]:
                came |= {half for name, half in fork.handed if name == firm.name}
            if came == set(fork.ids) and alive(firm).alarms.get(fork.thread) != "fork":
                told.append(f"{firm.name} does not know of a fork in {fork.thread}")
    return told


def _members(world: "World", thread: str) -> tuple[Firm, ...]:
    return next((deal.firms for deal in world.deals if deal.thread == thread), ())


async def _stored(node: Node, fork: Fork) -> set[str]:
    """Which halves stand in the history here: these are given to every other member."""
    return {name for name in fork.ids if await node.store.event(fork.thread, name) is not None}


async def _waiting(node: Node, fork: Fork) -> set[str]:
    """Which halves wait here for what comes before: these are not handed on."""
    return {row.id for row in await node.store.pending(fork.thread)} & set(fork.ids)


async def check(world: "World") -> None:
    """All that must be true; raises ``Broken``."""
    await _check_deals(world)
    if world.liar is not None:
        await _check_lies(world)
    await _check_leaks(world)


async def _check_deals(world: "World") -> None:
    for deal in world.deals:
        world.figures["threads"] += 1
        views = [await alive(firm).loaded(deal.thread) for firm in deal.firms]
        world.figures["events"] += len(views[0].order)
        world.figures["void"] += len(views[0].void)
        for one in views:
            for other in views:
                same = one.heads == other.heads
                if same and (one.order, one.void) != (other.order, other.void):
                    raise Broken("diverged", f"read in another order: {deal.thread}")
                if same and state_hash(one.state) != state_hash(other.state):
                    raise Broken("diverged", f"folded to another state: {deal.thread}")
        alarms = {firm.name: why for firm in deal.firms if (why := alive(firm).alarms.get(deal.thread))}
        if alarms and deal.thread not in world.forked:
            raise Broken("diverged", f"alarms without a lie: {alarms}")


async def _check_lies(world: "World") -> None:
    liar = world.liar
    assert liar is not None
    if liar.let_in:
        raise Broken("leaked", f"a stranger was answered: {liar.let_in[0][:200]}")
    if unknown := await unknown_forks(world):
        raise Broken("forks_undetected", unknown[0])
    for firm in world.firms:
        await _check_forged(liar, firm)
        await _check_denied(liar, firm)
    world.figures["forks"] += len(liar.forked)


async def _check_forged(liar: Liar, firm: Firm) -> None:
    store = alive(firm).store
    for row in await store.threads():
        waiting = [one.id for one in await store.pending(row.thread)]
        if len(waiting) > PENDING_MAX:
            raise Broken("invariants_broken", f"{len(waiting)} events wait in {row.thread} at {firm.name}")
        for name, how in liar.forged.items():
            if name in waiting or await store.event(row.thread, name) is not None:
                raise Broken("invariants_broken", f"{firm.name} holds what was forged: {how}")


async def _check_denied(liar: Liar, firm: Firm) -> None:
    node = alive(firm)
    for thread, name in liar.denied:
        if await node.store.event(thread, name) is not None and name not in (await node.loaded(thread)).void:
            raise Broken("invariants_broken", f"{firm.name} lets count what the rules deny: {name}")


async def _check_leaks(world: "World") -> None:
    names: dict[str, set[bytes]] = {}  # of each thread, itself and its events
    members: dict[str, set[str]] = {}
    for firm in world.firms:
        for row in await alive(firm).store.threads():
            held = names.setdefault(row.thread, {row.thread.encode()})
            held.update(event.id.encode() for event in await alive(firm).store.events(row.thread))
            members.setdefault(row.thread, set()).add(firm.name)
    for firm in world.firms:
        for thread, held in names.items():
            if firm.name not in members[thread] and (seen := world.network.seen[firm.name] & held):
                raise Broken("leaked", f"{firm.name} has seen {len(seen)} names of thread {thread}, not its own")
