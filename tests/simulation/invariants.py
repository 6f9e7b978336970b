"""What must be true of the business of all honest firms once all is quiet; each law gives what breaks it, in words.

Rule 1: what is compared is counted again here from the events, not read from the state that is to be checked.
Rule 2: a thing that could not be done counts as done when its owner is shown it as a task.
Not here: what must be true of threads and stores (``checks.py``).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from weft.engine.effects import TROUBLES
from weft.engine.memory import Logged
from weft.engine.node import Node
from weft.stock import messages as sm

ZERO = Decimal(0)


@dataclass(slots=True)
class Scene:
    """All honest firms when all is quiet. ``starts``: by organisation, how often its machine began each job."""

    nodes: Mapping[str, Node]
    starts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    _logs: dict[tuple[str, str], list[Logged]] = field(default_factory=dict)

    async def log(self, node: Node, thread: str) -> list[Logged]:
        """The words of ``thread`` that count, in the order in which they are read."""
        key = (node.organisation, thread)
        if key not in self._logs:
            self._logs[key] = [one for one in await node.log(thread) if not one.void and one.kind != "Ack"]
        return self._logs[key]

    async def book(self, node: Node, book: str) -> list[Logged]:
        """The words of one of our own books."""
        return await self.log(node, node.book(book))

    def shared(self, kind: str) -> dict[str, list[Node]]:
        """Threads of ``kind`` and those of their members that are here."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            for thread in node.threads(kind):
                found.setdefault(thread, []).append(node)
        return found


async def shown(node: Node) -> set[tuple[str, str]]:
    """(cause, reaction) of what the owner is shown as not done."""
    return {(name.split(":")[-2], name.split(":")[-1]) for name, _ in await node.store.values(TROUBLES)}


# ---- f: consequences -------------------------------------------------------------------------------


async def booked_once(scene: Scene) -> list[str]:
    """Every despatch of ours has left our stock and every receipt of ours has come into it, once; or is shown."""
    found = []
    for node in scene.nodes.values():
        out, into = await _bookings(scene, node)
        troubles = await shown(node)
        for thread in node.threads("order"):
            for one in await scene.log(node, thread):
                if one.author != node.organisation:
                    continue
                if one.kind == "DespatchAdvice" and (one.id, "book-despatch") not in troubles:
                    found += _differ(node, "left", one, _sum(one.message.lines, "quantity"), out[one.id])
                if one.kind == "ReceiptAdvice" and (one.id, "book-receipt") not in troubles:
                    found += _differ(node, "came", one, _sum(one.message.lines, "received"), into[one.id])
    return found


async def _bookings(scene: Scene, node: Node) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What the stock book says left, by despatch, and came, by receipt."""
    out: dict[str, Decimal] = Counter()
    into: dict[str, Decimal] = Counter()
    for one in await scene.book(node, "stock"):
        match one.message:
            case sm.Issued() | sm.Moved():
                out[one.message.ref.split(":")[0]] += Decimal(one.message.quantity)
            case sm.Received():
                into[one.message.ref.split(" ")[0]] += _sum(one.message.lots, "quantity")
            case _:
                pass
    return out, into


def _differ(node: Node, what: str, one: Logged, said: Decimal, booked: Decimal) -> list[str]:
    if said == booked:
        return []
    return [f"booked {booked} of {said} that {what} by {one.kind} {one.id[:8]} at {node.config.firm.name}"]


def _sum(lines: Sequence[Any], name: str) -> Decimal:
    return sum((Decimal(getattr(line, name)) for line in lines), ZERO)


LAWS: dict[str, Callable[[Scene], Awaitable[list[str]]]] = {
    "booked once": booked_once,
}


async def broken(scene: Scene) -> list[str]:
    """What breaks any of the laws, each with the law's name."""
    return [f"{name}: {told}" for name, law in LAWS.items() for told in await law(scene)]


async def check(world: Any) -> list[str]:
    """The same of all firms of ``world``; adds to its figures."""
    nodes = {firm.organisation: firm.node for firm in world.firms if firm.node is not None}
    starts = {firm.organisation: firm.lathe.starts for firm in world.firms if firm.lathe is not None}
    return await broken(Scene(nodes, starts, world.figures))
