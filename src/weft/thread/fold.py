"""The fold: one state from a graph of events, the same for every member that holds the same events.

Rule 1: it is a function of the set of events alone; arrival and clocks decide nothing.
Rule 2: an event that ``judge`` denies, or whose contents it cannot read, is void: it stays in the graph and
        changes nothing.
Not here: the order of reading (``linear.py``), storing, caching (``engine/handle.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.basis.decider import Conversation, Crossing, Said
from weft.basis.errors import WeftError
from weft.thread.linear import linear


@dataclass(frozen=True, slots=True)
class Node:
    """One event as the fold needs it: what was said, and its parents' ids (those within the graph)."""

    said: Said
    parents: tuple[str, ...]


@dataclass(slots=True)
class Folded:
    """State after ``order``; ``void`` maps the id of each denied event to the code that denied it.

    ``read``: how many words had to be read for it, some of them several times, where that is worth knowing.
    """

    state: Any
    order: list[str] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    read: int = 0


def fold(conversation: Conversation, nodes: Iterable[Node], begin: Any = None) -> Folded:
    """The folded state of all ``nodes``; ``begin``: of what precedes every one of them (None: nothing does)."""
    graph = {node.said.id: node for node in nodes}
    result = Folded(conversation.INITIAL if begin is None else begin)
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
    """What the tables say of two concurrent events; a message that folds to nothing crosses freely."""
    kinds = type(left.message), type(right.message)
    by_role: Mapping[Any, Crossing] = getattr(conversation, "CROSSINGS_BY_ROLE", {})
    found = _either_way(by_role, (left.role, kinds[0]), (right.role, kinds[1]))
    if found is None:
        found = _either_way(conversation.CROSSINGS, *kinds) or Crossing.EITHER
    if found is not Crossing.BY_ROLE or left.role == right.role:
        return found
    return Crossing.LEFT_FIRST if left.role < right.role else Crossing.RIGHT_FIRST


def _either_way(table: Mapping[Any, Crossing], left: Any, right: Any) -> Crossing | None:
    """What ``table`` says of (left, right), or turned round of (right, left)."""
    found = table.get((left, right))
    if found is None and (turned := table.get((right, left))) is not None:
        return _TURNED[turned]
    return found


_TURNED = {
    Crossing.LEFT_FIRST: Crossing.RIGHT_FIRST,
    Crossing.RIGHT_FIRST: Crossing.LEFT_FIRST,
    Crossing.EITHER: Crossing.EITHER,
    Crossing.BY_ROLE: Crossing.BY_ROLE,
}
