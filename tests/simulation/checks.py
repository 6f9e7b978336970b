"""When all is quiet: nothing may be lost, read otherwise, left over, or said twice; raises ``Broken`` with the kind.

Not here: what must be true of the business (``invariants.py``).
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from tests.simulation import words
from tests.simulation.firm import Firm
from weft.engine.machines import state_hash
from weft.engine.node import Node
from weft.trade.order_state import Phase

if TYPE_CHECKING:
    from tests.simulation.world import World

SHARED = ("order", "relationship")


class Broken(Exception):
    """What must be true is not. ``kind``: diverged, acked_lost, leaked, forks_undetected or invariants_broken."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(f"{kind}: {told}")
        self.kind = kind


def alive(firm: Firm) -> Node:
    """The node of ``firm``, which is up."""
    assert firm.node is not None
    return firm.node


async def sharing(world: "World") -> dict[str, list[Firm]]:
    """Every shared thread and the firms that are its members."""
    found: dict[str, list[Firm]] = {}
    for firm in world.firms:
        for name in SHARED:
            for thread in alive(firm).threads(name):
                members = await alive(firm).members(thread)
                found[thread] = [one for one in world.firms if one.organisation in members]
    return dict(sorted(found.items()))


async def differences(world: "World") -> list[str]:
    """Threads whose heads differ between members, or that one of them lacks."""
    if any(firm.node is None for firm in world.firms):
        return ["a node is down"]
    told = []
    deals = {deal.thread: list(deal.firms) for deal in world.deals if deal.thread and deal.thread not in world.forked}
    for thread, firms in {**await sharing(world), **deals}.items():
        held = [await alive(firm).find(thread) for firm in firms]
        if any(one is None for one in held) or len({one.heads for one in held if one is not None}) > 1:
            told.append(thread)
    return told


async def is_quiet(world: "World", firm: Firm) -> bool:
    """Whether ``firm`` owes nothing to anybody, but in threads that somebody forked."""
    await firm.up.wait()
    return firm.node is not None and not await owed(world, firm)


async def owed(world: "World", firm: Firm) -> list[str]:
    """What the node of ``firm`` still has to do."""
    node = firm.node
    if node is None:
        return [f"{firm.name} is down"]
    forked = world.forked
    rows = [f"deliver {row.thread} to {row.peer}" for row in await node.store.outbox() if row.thread not in forked]
    rows += [f"draw {row.reaction}" for row in await node.store.effects() if row.thread not in forked]
    rows += [f"acknowledge {thread}" for thread in node.to_ack] + [f"hear {peer}" for peer in sorted(node.unheard)]
    return [f"{firm.name}: {row}" for row in [*rows, *("draw more" for _ in node.work.waiting)]]


async def check(world: "World") -> None:
    """All that must be true; raises ``Broken``."""
    if world.network.broken:
        raise Broken("invariants_broken", f"a door failed: {world.network.broken[0]}")
    if world.figures["writes"] < 60:
        raise Broken("invariants_broken", f"only {world.figures['writes']} writes: this world shows too little")
    for thread, firms in (await sharing(world)).items():
        await _check_thread(world, [alive(firm) for firm in firms], thread)
    for firm in world.firms:
        await _check_alone(world, firm)
        await _check_acknowledged(world, firm)


async def _check_thread(world: "World", nodes: list[Node], thread: str) -> None:
    first = await nodes[0].loaded(thread)
    for node in nodes[1:]:
        other = await node.loaded(thread)
        if (first.order, first.void) != (other.order, other.void):
            raise Broken("diverged", f"read in another order: {thread}")
        if state_hash(first.state) != state_hash(other.state):
            raise Broken("diverged", f"folded to another state: {thread}")
    unfinal = [name for name in set(first.order) - first.final() if first.entries[name].kind != "Ack"]
    if unfinal:
        raise Broken("diverged", f"never final: {thread} {[first.entries[name].kind for name in unfinal]}")
    world.figures["threads"] += 1
    world.figures["events"] += len(first.order)
    world.figures["void"] += len(first.void)
    world.figures["merges"] += sum(len(entry.parents) > 1 for entry in first.entries.values())
    world.figures["despatched"] += sum(entry.kind == "DespatchAdvice" for entry in first.entries.values())
    if thread in world.orders:
        world.figures["ordered"] += first.state.phase not in {Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED}


async def _check_alone(world: "World", firm: Firm) -> None:
    """What is in memory is what the store gives to a node that starts now; no alarm was raised."""
    node = alive(firm)
    for key, told in await node.store.values("alarm"):
        if key not in world.forked:
            raise Broken("diverged", f"alarm {told!r} at {firm.name}: {key}")
    world.figures["troubles"] += len(await node.store.values("trouble"))
    if any(row.thread not in world.forked for row in await node.store.forks()):
        raise Broken("diverged", f"fork at {firm.name}")
    for row in await node.store.threads():
        loaded = await node.loaded(row.thread)
        fresh = await node._load(row)
        if (fresh.heads, fresh.position) != (loaded.heads, loaded.position):
            raise Broken("diverged", f"memory is not the store at {firm.name}: {row.thread}")
        if state_hash(fresh.state) != state_hash(loaded.state):
            raise Broken("diverged", f"memory is not the store's fold at {firm.name}: {row.thread}")


async def _check_acknowledged(world: "World", firm: Firm) -> None:
    """Whatever a person was told is stored is there at every member, once."""
    node = alive(firm)
    for mark, (thread, ids) in world.acknowledged.items():
        held = None if thread in world.forked else await node.find(thread)
        if held is not None and not all([await node.store.event(thread, name) for name in ids]):
            raise Broken("acked_lost", mark)
        if held is None and thread in world.orders and firm in world.orders[thread].firms:
            raise Broken("acked_lost", f"{mark}: the whole thread")
    marks: set[str] = set()
    for thread in node.threads("order"):
        entries = (await node.loaded(thread)).entries
        here = {words.mark_of(entry.message) for entry in entries.values()}
        doubled = [*said_twice(entries, world.acknowledged), *sorted(marks & here & _told(here, world.acknowledged))]
        if doubled:
            raise Broken("invariants_broken", f"said twice: {doubled[0]}")
        marks |= here


def said_twice(entries: Mapping[str, Any], acknowledged: Mapping[str, Any]) -> list[str]:
    """Marks that were said twice in one thread by one who could know.

    Who was restored from a backup cannot know what it said afterwards before somebody who has it tells: what the lost
    life said, and was still on its way, the next life may say again, not having it below its words.
    """
    said: dict[str, list[str]] = defaultdict(list)
    for name, entry in entries.items():
        said[words.mark_of(entry.message)].append(name)
    return [mark for mark in sorted(_told(set(said), acknowledged))
            if any(entries[one].chain == entries[two].chain or one in below(entries, two) or two in below(entries, one)
                   for one, two in combinations(said[mark], 2))]


def _told(marks: set[str], acknowledged: Mapping[str, Any]) -> set[str]:
    return {mark for mark in marks if mark in acknowledged or mark.startswith("auto ")}


def below(entries: Mapping[str, Any], name: str) -> set[str]:
    """All that the word ``name`` stands on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for parent in entries[waiting.pop()].parents:
            if parent in entries and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found
