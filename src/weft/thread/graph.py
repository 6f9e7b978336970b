"""The graph of a thread: heads, ancestors, what another member still lacks, and what is final.

Rule 1: sync speaks of heads (hashes), never of sequence numbers: numbers hide forks.
Rule 2: an event is final once every other member has an event that descends from it.
Rule 3: what is asked of many events is asked of all at once: each has a bit, and the bits go through the graph.
Not here: bytes and signatures (``event.py``), storage.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final, TypeVar

One = TypeVar("One")
WIDTH: Final = 1024  # bits that go through a graph at once, so that much asked takes time and not memory


def heads(parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Ids that no other event names as parent, sorted. ``parents`` maps each id to its parents' ids."""
    named = {parent for above in parents.values() for parent in above}
    return sorted(event for event in parents if event not in named)


def past(parents: Mapping[str, Iterable[str]], of: Iterable[str]) -> set[str]:
    """``of`` and all their ancestors, as far as known."""
    seen = {event for event in of if event in parents}
    stack = list(seen)
    while stack:
        for parent in parents[stack.pop()]:
            if parent not in seen and parent in parents:
                seen.add(parent)
                stack.append(parent)
    return seen


def missing(parents: Mapping[str, Iterable[str]], theirs: Iterable[str]) -> set[str]:
    """What one who holds ``theirs`` (heads) lacks of this graph; heads unknown here are ignored."""
    return set(parents) - past(parents, theirs)


def final(parents: Mapping[str, Iterable[str]], authors: Mapping[str, str], members: Iterable[str]) -> set[str]:
    """Events that some event of every member descends from, or that the member itself said."""
    result: set[str] | None = None
    for member in members:
        own = past(parents, (event for event in parents if authors[event] == member))
        result = own if result is None else result & own
    return result or set()


# ---- many at once ----------------------------------------------------------------------------------


def handfuls(many: Sequence[One]) -> Iterator[Sequence[One]]:
    """``many`` in pieces of as many as there are bits."""
    return (many[start:start + WIDTH] for start in range(0, len(many), WIDTH))


def bits(names: Iterable[str]) -> dict[str, int]:
    """Of each name the bits of the places at which it stands."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        found[name] = found.get(name, 0) | 1 << place
    return found


def ordered(parents: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """``parents`` in an order in which those come first; as it is, if it is so already."""
    seen: set[str] = set()
    for name, above in parents.items():
        seen.add(name)
        if any(parent in parents and parent not in seen for parent in above):
            return {one: parents[one] for one in TopologicalSorter(parents).static_order() if one in parents}
    return parents


def above(parents: Mapping[str, tuple[str, ...]], marked: Mapping[str, int]) -> dict[str, int]:
    """Of each id the bits of those ``marked`` that it is or follows, 0 left out; ``parents`` as ``ordered``."""
    found = dict(marked)
    for name, over in parents.items():
        held = found.get(name, 0)
        for parent in over:
            held |= found.get(parent, 0)
        if held:
            found[name] = held
    return found


def below(parents: Mapping[str, tuple[str, ...]], marked: Mapping[str, int]) -> dict[str, int]:
    """Of each id the bits of those ``marked`` that it is or precedes, 0 left out; ``parents`` as ``ordered``."""
    found = {name: held for name, held in marked.items() if name in parents}
    for name in reversed(list(parents)):
        held = found.get(name, 0)
        if held:
            for parent in parents[name]:
                if parent in parents:
                    found[parent] = found.get(parent, 0) | held
    return found


def counted(masks: Iterable[int], width: int) -> list[int]:
    """How many of ``masks`` have each of ``width`` bits: sums are kept as columns of bits, and all added at once."""
    columns: list[int] = []
    for mask in masks:
        carry = mask
        for place, column in enumerate(columns):
            columns[place], carry = column ^ carry, column & carry
            if not carry:
                break
        if carry:
            columns.append(carry)
    return [sum((column >> bit & 1) << place for place, column in enumerate(columns)) for bit in range(width)]
