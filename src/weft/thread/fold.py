"""The fold: one state from a graph of events, the same for every member that holds the same events.

Order: parents before children; of two concurrent events the one that ``CROSSINGS`` names goes first.
Where a chain ties the two ways (its first event loses, a later one wins), the winner's whole past is
read first: what must stand is never put behind what it beats.
Rule 1: the order is a function of the set of events alone; arrival, clocks and hashes decide nothing
        (an id only orders events whose order, by the rules, cannot matter).
Rule 2: an event that ``judge`` denies, or whose contents it cannot read, is void: it stays in the graph and
        changes nothing.
Not here: storing, caching (``engine/handle.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.basis.decider import Conversation, Crossing, Said
from weft.basis.errors import WeftError


@dataclass(frozen=True, slots=True)
class Node:
    """One event as the fold needs it: what was said, and its parents' ids (those within the graph)."""

    said: Said
    parents: tuple[str, ...]


@dataclass(slots=True)
class Folded:
    """State after ``order``; ``void`` maps the id of each denied event to the code that denied it."""

    state: Any
    order: list[str] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)


def fold(conversation: Conversation, nodes: Iterable[Node]) -> Folded:
    """The folded state of all ``nodes``."""
    graph = {node.said.id: node for node in nodes}
    result = Folded(conversation.INITIAL)
    for event in linear(graph, lambda left, right: _crossing(conversation, left, right)):
        extend(conversation, result, graph[event].said)
    return result


def extend(conversation: Conversation, result: Folded, said: Said) -> None:
    """Read one more event, whose ancestors are all of ``result.order``."""
    if said.message is not None:
        try:
            code = conversation.judge(result.state, said)
            if code is None:
                result.state = conversation.evolve(result.state, said)
        except WeftError as error:  # a malformed number, say: denied like anything else that the rules cannot take
            code = error.code
        if code is not None:
            result.void[said.id] = code
    result.order.append(said.id)


def _crossing(conversation: Conversation, left: Said, right: Said) -> Crossing:
    """What the table says of two concurrent events; a message that folds to nothing crosses freely."""
    pair = (type(left.message), type(right.message))
    found = conversation.CROSSINGS.get(pair)
    if found is not None:
        return found
    turned = conversation.CROSSINGS.get((pair[1], pair[0]))
    if turned is Crossing.LEFT_FIRST:
        return Crossing.RIGHT_FIRST
    if turned is Crossing.RIGHT_FIRST:
        return Crossing.LEFT_FIRST
    return Crossing.EITHER


def linear(graph: Mapping[str, Node], crossing: Callable[[Said, Said], Crossing]) -> list[str]:
    """Ids of ``graph`` in the one order that all members read."""
    children: dict[str, list[str]] = {event: [] for event in graph}
    waiting = {}
    for event, node in graph.items():
        present = [parent for parent in node.parents if parent in graph]
        waiting[event] = len(present)
        for parent in present:
            children[parent].append(event)
    ready = sorted(event for event, count in waiting.items() if count == 0)
    order: list[str] = []
    while ready:
        chosen = ready[0] if len(ready) == 1 else _first(ready, graph, children, crossing)
        ready.remove(chosen)
        order.append(chosen)
        for child in children[chosen]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
        ready.sort()
    return order


def _first(
    ready: list[str],
    graph: Mapping[str, Node],
    children: Mapping[str, list[str]],
    crossing: Callable[[Said, Said], Crossing],
) -> str:
    """The ready event to read next: beaten by none, else the one whose future wins most."""
    futures = {event: _future(event, children) for event in ready}

    def beats(left: str, right: str) -> bool:
        return crossing(graph[left].said, graph[right].said) is Crossing.LEFT_FIRST

    def losses(event: str) -> int:
        return sum(
            1
            for other in ready
            if other != event
            for ahead in futures[other]
            if ahead not in futures[event] and beats(ahead, event)
        )

    def wins(event: str) -> int:
        return sum(
            1
            for ahead in futures[event]
            for other in ready
            if other != event and ahead not in futures[other] and beats(ahead, other)
        )

    return min(ready, key=lambda event: (losses(event) > 0, -wins(event), event))


def _future(event: str, children: Mapping[str, list[str]]) -> set[str]:
    """``event`` and all that descends from it."""
    seen = {event}
    stack = [event]
    while stack:
        for child in children[stack.pop()]:
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return seen
