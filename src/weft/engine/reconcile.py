"""Range-based set reconciliation: in which threads two nodes differ, at a cost that follows the differences.

After negentropy (Nostr NIP-77). A set holds (thread, digest of its heads), in the order of the threads' ids. One end
asks, by ranges: "from here to there my print is this"; the other answers for each range that it is the same, or how the
range falls into parts with their prints, or, when it is short, all that it holds there.
The print of a range is SHA-256 of the sum, modulo 2^256, of its items' digests, and of their count; 16 bytes of it.
Rule 1: who answers keeps nothing between two questions; who asks may stop after any answer and go on later.
Rule 2: bounded: ``RANGES_MAX`` ranges in a question, ``PARTS`` parts or ``ITEMS_MAX`` items for each; an answer that
        does not lead on is refused, and ``ROUNDS_MAX`` questions end it.
Rule 3: a print only says where to look. Who forges equal prints deceives itself: what it hides is its own loss.
Not here: which threads belong in the set (``levelling.py``), bringing them level (``sync.py``).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid

RANGES_MAX: Final = 32
PARTS: Final = 16
ITEMS_MAX: Final = 24
ROUNDS_MAX: Final = 4_096
DIFFER_MAX: Final = 100_000
NAME_MAX: Final = 64  # characters of a thread's id, a bound, or a digest
PRINT_BYTES: Final = 16
_MODULUS: Final = 1 << 256


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Threads from ``low`` up to but without ``high`` ("": to the end), and the asker's print of them."""

    low: str
    high: str
    print: str


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ranges of which the asker wants to know whether the other holds the same."""

    ranges: list[Range]


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one range: ``same``; or ``parts``, each (its upper bound, print); or ``items``, each (thread, heads)."""

    same: bool = False
    parts: list[tuple[str, str]] = []
    items: list[tuple[str, str]] = []


class Answer(msgspec.Struct, frozen=True):
    """One ``Part`` for each range of the question, in its order."""

    ranges: list[Part]


_QUESTION = msgspec.json.Decoder(Question)
_ANSWER = msgspec.json.Decoder(Answer)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_question(body: bytes) -> Question:
    """The question in ``body``; raises ``Invalid``."""
    try:
        question = _QUESTION.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error
    if len(question.ranges) > RANGES_MAX:
        raise Invalid("sync.too-many", limit=RANGES_MAX)
    if any(max(len(one.low), len(one.high), len(one.print)) > NAME_MAX for one in question.ranges):
        raise Invalid("sync.malformed")
    return question


def read_answer(body: bytes) -> Answer:
    """The answer in ``body``; raises ``Invalid``."""
    try:
        answer = _ANSWER.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error
    for part in answer.ranges:
        if len(part.parts) > PARTS or len(part.items) > ITEMS_MAX or any(
                max(len(one), len(other)) > NAME_MAX for one, other in (*part.parts, *part.items)):
            raise Invalid("sync.malformed")
    return answer


class Holding:
    """A set of (thread, digest of its heads), ready to tell the print of any range in little time."""

    __slots__ = ("_sums", "heads", "threads")

    def __init__(self, held: Mapping[str, str]) -> None:
        self.heads = dict(sorted(held.items()))
        self.threads = list(self.heads)
        self._sums = [0]
        for thread, heads in self.heads.items():
            element = int.from_bytes(digest("item/1", thread.encode(), b"\0", heads.encode()))
            self._sums.append((self._sums[-1] + element) % _MODULUS)

    def place(self, bound: str, *, upper: bool = False) -> int:
        """Where ``bound`` falls among the threads; an upper "" is the end."""
        return len(self.threads) if upper and not bound else bisect_left(self.threads, bound)

    def print_of(self, first: int, last: int) -> str:
        """The print of the threads at places ``first`` up to but without ``last``."""
        return _print(self._sums[last] - self._sums[first], max(0, last - first))

    def items(self, first: int, last: int) -> list[tuple[str, str]]:
        """What is held at these places."""
        return [(thread, self.heads[thread]) for thread in self.threads[first:last]]

    def print_but(self, threads: Iterable[str]) -> str:
        """The print of everything but ``threads``, at a cost that follows their number."""
        places = [self.place(thread) for thread in set(threads) if thread in self.heads]
        away = sum(self._sums[place + 1] - self._sums[place] for place in places)
        return _print(self._sums[-1] - away, len(self.threads) - len(places))


def _print(total: int, count: int) -> str:
    return b64(digest("print/1", (total % _MODULUS).to_bytes(32), count.to_bytes(8))[:PRINT_BYTES])


def everything(holding: Holding, but: Iterable[str] = ()) -> Question:
    """The question with which a comparison begins and ends: whether the other holds the same, leaving out ``but``."""
    return Question([Range("", "", holding.print_but(but))])


def answer(holding: Holding, question: Question) -> Answer:
    """What ``holding`` has to say to ``question``."""
    return Answer([_part(holding, one) for one in question.ranges])


def _part(holding: Holding, asked: Range) -> Part:
    first, last = holding.place(asked.low), holding.place(asked.high, upper=True)
    if holding.print_of(first, last) == asked.print:
        return Part(same=True)
    if last - first <= ITEMS_MAX:
        return Part(items=holding.items(first, last))
    places = [first + (last - first) * step // PARTS for step in range(PARTS + 1)]
    bounds = [*(holding.threads[place] for place in places[1:-1]), asked.high]
    return Part(parts=[(bound, holding.print_of(*pair)) for bound, pair in zip(bounds, pairwise(places), strict=True)])


@dataclass(slots=True)
class Comparison:
    """The asker's end: what is still to be asked, and each thread that differs as (our heads, theirs) ("": none)."""

    holding: Holding
    differ: dict[str, tuple[str, str]] = field(default_factory=dict)
    rounds: int = 0
    _todo: list[Range] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._todo = list(everything(self.holding).ranges)

    @property
    def done(self) -> bool:
        """Whether there is nothing more to ask."""
        return not self._todo

    def question(self) -> Question:
        """The next question."""
        return Question(self._todo[:RANGES_MAX])

    def take(self, told: Answer) -> None:
        """Go on with what the other answered to ``question``; raises ``Invalid`` when that leads nowhere."""
        asked = self._todo[:RANGES_MAX]
        self.rounds += 1
        if len(told.ranges) != len(asked) or self.rounds > ROUNDS_MAX:
            raise Invalid("sync.malformed")
        following: list[Range] = []
        for one, part in zip(asked, told.ranges, strict=True):
            if part.parts:
                following += self._divided(one, part.parts)
            elif not part.same:
                self._compare(one, part.items)
        self._todo = following + self._todo[RANGES_MAX:]
        if len(self.differ) > DIFFER_MAX:
            raise Invalid("sync.too-many", limit=DIFFER_MAX)

    def _divided(self, asked: Range, parts: Sequence[tuple[str, str]]) -> list[Range]:
        """Those parts of ``asked`` in which the prints differ."""
        bounds = [asked.low, *(bound for bound, _ in parts)]
        inner = bounds[:-1]
        if len(parts) < 2 or bounds[-1] != asked.high or any(low >= high for low, high in pairwise(inner)) \
                or (asked.high and inner[-1] >= asked.high):
            raise Invalid("sync.malformed")
        found = []
        for (low, high), (_, theirs) in zip(pairwise(bounds), parts, strict=True):
            ours = self.holding.print_of(self.holding.place(low), self.holding.place(high, upper=True))
            if ours != theirs:
                found.append(Range(low, high, ours))
        return found

    def _compare(self, asked: Range, items: Sequence[tuple[str, str]]) -> None:
        theirs = dict(items)
        if any(thread < asked.low or (asked.high and thread >= asked.high) for thread in theirs):
            raise Invalid("sync.malformed")
        ours = dict(self.holding.items(self.holding.place(asked.low), self.holding.place(asked.high, upper=True)))
        for thread in sorted({*ours, *theirs}):
            pair = ours.get(thread, ""), theirs.get(thread, "")
            if pair[0] != pair[1]:
                self.differ[thread] = pair
