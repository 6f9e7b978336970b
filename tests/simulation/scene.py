"""All honest firms once all is quiet, as the laws of ``invariants.py`` look at them.

Rule 1: what is compared is counted again from the events, not read from the state that is to be checked.
Rule 2: a thing that could not be done counts as done when its owner is shown it as a task.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from weft.engine.effects import TROUBLES
from weft.engine.memory import Logged
from weft.engine.node import Node
from weft.engine.views.today import Task, today

ZERO = Decimal(0)
AMOUNT = Counter[Any]  # sums of ``Decimal`` by whatever is counted


@dataclass(slots=True)
class Scene:
    """``starts``: by organisation, how often its machine began each job. ``figures`` grow by what is looked at.

    ``lost``: threads of which all who held a word have lost their disks, so that no program could know it.
    """

    nodes: Mapping[str, Node]
    starts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    lost: frozenset[str] = frozenset()
    _logs: dict[tuple[str, str], list[Logged]] = field(default_factory=dict)
    _tasks: dict[str, list[Task]] = field(default_factory=dict)

    async def said(self, node: Node, thread: str) -> list[Logged]:
        """All words of ``thread``, void ones too, in the order in which they are read."""
        key = (node.organisation, thread)
        if key not in self._logs:
            self._logs[key] = [one for one in await node.log(thread) if one.kind != "Ack"]
        return self._logs[key]

    async def log(self, node: Node, thread: str) -> list[Logged]:
        """The words of ``thread`` that count."""
        return [one for one in await self.said(node, thread) if not one.void]

    async def book(self, node: Node, book: str) -> list[Logged]:
        """The words of one of our own books."""
        return await self.log(node, node.book(book))

    async def tasks(self, node: Node) -> list[Task]:
        """What the owner of ``node`` sees as to be done."""
        if node.organisation not in self._tasks:
            self._tasks[node.organisation] = list((await today(node)).answer)
        return self._tasks[node.organisation]

    def shared(self, kind: str) -> dict[str, list[Node]]:
        """Threads of ``kind`` and those of their members that are here."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            for thread in node.threads(kind):
                found.setdefault(thread, []).append(node)
        return found

    def name(self, organisation: str) -> str:
        """What the firm is called."""
        node = self.nodes.get(organisation)
        return node.config.firm.name if node is not None else organisation[:8]

    async def partners(self) -> list[tuple[Node, Node]]:
        """Every two firms that are partners, both ways."""
        return [(one, self.nodes[other]) for one in self.nodes.values() for other in sorted(one.partners)
                if other in self.nodes]


async def undone(node: Node) -> set[tuple[str, str]]:
    """(cause, reaction) of what the node could not do by itself and keeps for its owner to see."""
    return {(name.split(":")[1], ":".join(name.split(":")[2:])) for name, _ in await node.store.values(TROUBLES)}


def total(lines: Iterable[Any], name: str) -> Decimal:
    """The sum of field ``name`` of ``lines``."""
    return sum((Decimal(getattr(line, name)) for line in lines), ZERO)
