"""Former revisions in few bytes: what a body had that the following one has not, and where it lay.

Rule 1: each revision leans on the following one alone, so the oldest can go at any time.
Rule 2: every ``WHOLE_EVERY``-th is kept whole; none is more than so many steps away from one that is.
"""

from typing import Final, NamedTuple

WHOLE_EVERY: Final = 64


class Piece(NamedTuple):
    """What is kept of a revision: ``head`` and ``tail`` bytes are those of the following one."""

    head: int
    tail: int
    middle: bytes


def piece(revision: int, body: bytes, following: bytes) -> Piece:
    """What to keep of ``body``, which ``following`` replaces (empty: the twin is deleted)."""
    if revision % WHOLE_EVERY == 0 or not following:
        return Piece(0, 0, body)
    shorter = min(len(body), len(following))
    head = alike(body, following, shorter)
    tail = alike_at_the_end(body, following, shorter - head)
    return Piece(head, tail, body[head:len(body) - tail])


def whole(kept: Piece, following: bytes) -> bytes:
    """The body behind ``kept``."""
    return following[:kept.head] + kept.middle + following[len(following) - kept.tail:]


def alike(one: bytes, other: bytes, most: int) -> int:
    """How many of the first ``most`` bytes are the same."""
    if one[:most] == other[:most]:
        return most
    low, high = 0, most  # the first ``low`` are alike, the first ``high`` are not
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def alike_at_the_end(one: bytes, other: bytes, most: int) -> int:
    """How many of the last ``most`` bytes are the same."""
    ours, theirs = len(one), len(other)
    if one[ours - most:] == other[theirs - most:]:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if one[ours - middle:ours - low] == other[theirs - middle:theirs - low]:
            low = middle
        else:
            high = middle
    return low
