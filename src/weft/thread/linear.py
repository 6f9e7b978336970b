"""The one order in which all members read a graph of events.

Parents before children; of two concurrent events the one that the crossing table names goes first. Where chains tie it
both ways (the first event of one loses, a later one wins), the branch that holds the stronger word is read first: the
one with an event that beats something in the other branch and is itself beaten by nothing there.
Rule 1: the order is a function of the set of events alone; arrival and clocks decide nothing.
Rule 2: what the table leaves open is settled by role and organisation; an id, which its author could grind, only
        orders events of one author.
Rule 3: it does not matter how many words a branch holds: repeating oneself wins nothing.
Not here: what events do (``fold.py``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from weft.basis.decider import Crossing, Said


class Node(Protocol):
    """One event: what was said, and its parents' ids (those outside the graph are ignored)."""

    @property
    def said(self) -> Said: ...
    @property
    def parents(self) -> tuple[str, ...]: ...


Table = Callable[[Said, Said], Crossing]


def linear(graph: Mapping[str, Node], crossing: Table) -> list[str]:
    """Ids of ``graph`` in the order that all members read."""
    order: list[str] = []
    for region in _regions(graph):
        order.extend(region if len(region) == 1 else _Region(graph, region, crossing).ordered())
    return order


def _regions(graph: Mapping[str, Node]) -> Iterator[list[str]]:
    """``graph`` cut before every event that all others precede or follow; each piece with parents first."""
    children: dict[str, list[str]] = {event: [] for event in graph}
    waiting = {}
    for event, node in graph.items():
        present = [parent for parent in node.parents if parent in graph]
        waiting[event] = len(present)
        for parent in present:
            children[parent].append(event)
    ready = [event for event, count in waiting.items() if count == 0]
    region: list[str] = []
    heads: set[str] = set()
    while ready:
        if len(ready) == 1 and region and heads.issubset(graph[ready[0]].parents):
            yield region
            region, heads = [], set()
        event = ready.pop()
        region.append(event)
        heads.difference_update(graph[event].parents)
        heads.add(event)
        for child in children[event]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    if region:
        yield region


@dataclass(slots=True)
class _Kind:
    """Events that the table treats alike; sets of events are bit masks over the region."""

    said: Said
    members: int = 0
    above: int = 0
    below: int = 0


class _Region:
    """A piece of the graph in which events are concurrent."""

    def __init__(self, graph: Mapping[str, Node], events: Sequence[str], crossing: Table) -> None:
        self.events = events
        self.said = [graph[event].said for event in events]
        place = {event: index for index, event in enumerate(events)}
        self.parents = [
            [place[parent] for parent in dict.fromkeys(graph[event].parents) if parent in place] for event in events
        ]
        self.children: list[list[int]] = [[] for _ in events]
        self.future = [1 << index for index in range(len(events))]
        for index in range(len(events) - 1, -1, -1):
            for parent in self.parents[index]:
                self.children[parent].append(index)
                self.future[parent] |= self.future[index]
        self.kinds: dict[Any, _Kind] = {}
        for index, said in enumerate(self.said):
            kind = self.kinds.setdefault(_key(said), _Kind(said))
            kind.members |= 1 << index
        for left in self.kinds.values():
            for right in self.kinds.values():
                if crossing(left.said, right.said) is Crossing.LEFT_FIRST:
                    left.below |= right.members
                    right.above |= left.members
        self.crossed = any(kind.above for kind in self.kinds.values())  # else nothing beats anything here

    def ordered(self) -> list[str]:
        """The events of the region in their one order."""
        waiting = [len(parents) for parents in self.parents]
        ready = [index for index, count in enumerate(waiting) if count == 0]
        order = []
        while ready:
            chosen = ready[0] if len(ready) == 1 else self._first(ready)
            ready.remove(chosen)
            order.append(self.events[chosen])
            for child in self.children[chosen]:
                waiting[child] -= 1
                if waiting[child] == 0:
                    ready.append(child)
        return order

    def _first(self, ready: list[int]) -> int:
        """The event of ``ready`` to read next: beaten by none, else at the root of the strongest branch."""
        others = self._others(ready) if self.crossed else {}

        def rank(event: int) -> tuple[bool, int, str, str, str]:
            said = self.said[event]
            beaten = others.get(event, 0) & ~self.future[event] & self.kinds[_key(said)].above
            behind = sum(self._precedes(other, event) for other in ready if other != event) if beaten else 0
            return bool(beaten), behind, said.role, said.by, said.id

        return min(ready, key=rank)

    def _others(self, ready: list[int]) -> dict[int, int]:
        """For each of ``ready`` what the rest of them lead to: all before it together with all after it."""
        found, before, after = dict.fromkeys(ready, 0), 0, 0
        for one, two in zip(ready, reversed(ready), strict=True):
            found[one] |= before
            found[two] |= after
            before |= self.future[one]
            after |= self.future[two]
        return found

    def _precedes(self, one: int, two: int) -> bool:
        """Whether the branch of ``one`` holds a stronger word than the branch of ``two``, and not the reverse."""
        mine, theirs = self.future[one] & ~self.future[two], self.future[two] & ~self.future[one]
        return self._wins(mine, theirs) and not self._wins(theirs, mine)

    def _wins(self, mine: int, theirs: int) -> bool:
        return any(
            mine & kind.members and theirs & kind.below and not theirs & kind.above for kind in self.kinds.values()
        )


def _key(said: Said) -> tuple[type, str]:
    return type(said.message), said.role
