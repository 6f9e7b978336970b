"""The graph of a thread: heads, ancestors, what another member still lacks, and what is final.

Rule 1: sync speaks of heads (hashes), never of sequence numbers: numbers hide forks.
Rule 2: an event is final once every other member has an event that descends from it.
Not here: bytes and signatures (``event.py``), storage.
"""

from collections.abc import Iterable, Mapping


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
