"""Deals of a world: who is a member, how one begins at all of them, and what its members say.

The engine lets nobody be drawn into a thread of three: each holds the first word of such a deal from the beginning.
Not here: the conversation (``frozen.py``), those who lie in it (``liars.py``).
"""

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.firm import Firm
from tests.simulation.frozen import Acceptance, Bid, Praise, Remark
from weft.basis.decider import Message
from weft.basis.errors import WeftError
from weft.engine import handle
from weft.engine.machines import MACHINES, Machine
from weft.engine.node import Node
from weft.engine.ports import Batch, StoreConflict
from weft.engine.threads import Loaded, entry_of
from weft.trade.say import Say

if TYPE_CHECKING:
    from tests.simulation.world import World

ROLES = ("buyer", "seller", "witness")
PAUSE_S = 3.0
TRIES_MAX = 100


@dataclass(slots=True, eq=False)
class Deal:
    """A thread of conversation ``machine`` between ``firms``."""

    machine: Machine
    firms: tuple[Firm, ...]
    thread: str = ""


async def begin(deal: Deal) -> None:
    """The first member opens it; the others are given its first word."""
    first, *others = deal.firms
    members = {firm.organisation: ROLES[min(place, 2)] for place, firm in enumerate(deal.firms)}

    async def opened(node: Node) -> str:
        return await handle.open_thread(node, deal.machine, members, Bid(amount=1))

    deal.thread = await first.call(opened)
    assert first.node is not None
    (row,) = await first.node.store.events(deal.thread)
    (genesis,) = await first.node.with_payloads(deal.thread, [row])

    async def taken(node: Node) -> None:
        known = MACHINES.get(deal.machine.name)
        before = Loaded(thread=deal.thread, machine=known, machine_name=deal.machine.name, members=dict(members),
                        state=known.conversation.INITIAL if known else None)
        await handle.commit(node, before.extended([entry_of(genesis, known)]), [genesis],
                            Batch(lengths={deal.thread: 0}))

    for firm in others:
        await firm.call(taken)


def word(luck: random.Random, mark: str) -> Message:
    """Something to say in a deal; the rules may deny it."""
    kinds = (Remark(mark=mark), Bid(amount=luck.randint(1, 400), mark=mark), Acceptance(mark=mark), Praise(mark=mark))
    return luck.choices(kinds, (6, 6, 1, 1))[0]


async def talk(world: "World", deal: Deal, firm: Firm) -> None:
    """Speak in ``deal`` for ``firm``, with pauses, until all have said enough together."""
    role = ROLES[min(deal.firms.index(firm), 2)]
    for number in range(TRIES_MAX):
        await asyncio.sleep(world.luck.expovariate(1 / PAUSE_S))
        if world.figures["writes"] >= world.plan.writes:
            return
        mark = f"{firm.name} {deal.machine.name} {number}"
        said = Say(role=role, by=firm.organisation, message=word(world.luck, mark))

        async def speak(node: Node, said: Say = said) -> list[str]:
            return await node.say(deal.thread, said)

        try:
            told = await firm.call(speak)
        except (asyncio.CancelledError, StoreConflict):
            continue  # nobody was told that it is stored
        except WeftError:
            world.figures["refused"] += 1
            continue
        world.figures["writes"] += 1
        world.acknowledged[mark] = (deal.thread, told)
