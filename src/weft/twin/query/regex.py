"""Regular expressions of XPath (fn:matches) in time linear in the text, whatever the pattern.

XML Schema part 2 appendix F with the anchors, reluctant quantifiers and groups of XPath functions 3.0 §5.6.1.
Rule 1: no backtracking: all ways through the pattern go forward together, one character at a time.
Rule 2: a pattern is small (``PATTERN_MAX`` characters, ``STATES_MAX`` states after its counts are written out).
Rule 3: what XPath has and this cannot do in linear time (back-references) is refused, not guessed.
Not here: flags (the query language has none).
"""

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from weft.basis.errors import Invalid

PATTERN_MAX: Final = 1000
STATES_MAX: Final = 1000
_DEPTH_MAX: Final = 40
_COUNT_MAX: Final = 1000
_KNOWN_MAX: Final = 5000  # transitions that a pattern remembers
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}

Test = Callable[[str], bool]
# A node: ("is", test) | ("all", nodes) | ("one", nodes) | ("repeat", node, least, most or -1) | ("start",) | ("end",)
Node = tuple[object, ...]


class _Parser:
    """Reads one pattern from left to right; raises ``Invalid('query.regex')`` with the place in it."""

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0

    def fail(self) -> Invalid:
        return Invalid("query.regex", at="$regex", pattern=self.text[:200], place=self.at)

    def peek(self) -> str:
        return self.text[self.at:self.at + 1]

    def take(self, wanted: str = "") -> str:
        one = self.peek()
        if not one or (wanted and one != wanted):
            raise self.fail()
        self.at += 1
        return one

    def whole(self) -> Node:
        found = self.branches(0)
        if self.at < len(self.text):
            raise self.fail()
        return found

    def branches(self, depth: int) -> Node:
        if depth > _DEPTH_MAX:
            raise self.fail()
        found = [self.pieces(depth)]
        while self.peek() == "|":
            self.at += 1
            found.append(self.pieces(depth))
        return found[0] if len(found) == 1 else ("one", tuple(found))

    def pieces(self, depth: int) -> Node:
        found: list[Node] = []
        while self.peek() not in {"", "|", ")"}:
            found.append(self.quantified(self.atom(depth)))
        return ("all", tuple(found))

    def atom(self, depth: int) -> Node:
        one = self.take()
        if one == "(":
            if self.text.startswith("?:", self.at):
                self.at += 2
            inner = self.branches(depth + 1)
            self.take(")")
            return inner
        if one == "[":
            return ("is", self.set(depth))
        if one in "^$":
            return ("start",) if one == "^" else ("end",)
        if one == "\\":
            return ("is", self.escape())
        if one == ".":
            return ("is", lambda ch: ch not in "\n\r")
        if one in "?*+{}]":
            self.at -= 1
            raise self.fail()
        return ("is", one.__eq__)

    def quantified(self, node: Node) -> Node:
        sign = self.peek()
        bounds = {"?": (0, 1), "*": (0, -1), "+": (1, -1)}.get(sign)
        if bounds is not None:
            self.at += 1
        elif sign == "{":
            bounds = self.counts()
        else:
            return node
        if self.peek() == "?":  # reluctant: whether there is a match does not depend on it
            self.at += 1
        return ("repeat", node, *bounds)

    def counts(self) -> tuple[int, int]:
        self.take("{")
        least = self.digits()
        most = least
        if self.peek() == ",":
            self.at += 1
            most = self.digits() if self.peek() != "}" else -1
        self.take("}")
        if most != -1 and most < least:
            raise self.fail()
        return least, most

    def digits(self) -> int:
        begin = self.at
        while self.peek().isascii() and self.peek().isdigit():
            self.at += 1
        found = self.text[begin:self.at]
        if not found or len(found) > 4 or int(found) > _COUNT_MAX:
            raise self.fail()
        return int(found)

    def escape(self) -> Test:
        one = self.take()
        if one in "pP":
            self.take("{")
            end = self.text.find("}", self.at)
            test = _category(self.text[self.at:end]) if end > 0 else None
            if test is None:
                raise self.fail()
            self.at = end + 1
            return test if one == "p" else _not(test)
        if one in _CLASSES:
            return _CLASSES[one]
        if one in _ESCAPES:
            return _ESCAPES[one].__eq__
        if one.isalnum():
            self.at -= 1
            raise self.fail()
        return one.__eq__

    def set(self, depth: int) -> Test:
        if depth > _DEPTH_MAX:
            raise self.fail()
        negated = self.peek() == "^"
        self.at += negated
        tests: list[Test] = []
        minus: Test | None = None
        while self.peek() != "]" or not tests:
            if self.peek() == "-" and self.text[self.at + 1:self.at + 2] == "[" and tests:
                self.at += 2
                minus = self.set(depth + 1)
                break
            tests.append(self.range())
        self.take("]")
        return _set(tuple(tests), negated=negated, minus=minus)

    def range(self) -> Test:
        one = self.take()
        if one == "[":
            raise self.fail()
        if one == "\\":
            if self.peek() and self.peek() in _MULTI:
                return self.escape()
            one = self.single()
        if self.peek() != "-" or self.text[self.at + 1:self.at + 2] in {"", "]", "["}:
            return one.__eq__
        self.at += 1
        last = self.take()
        last = self.single() if last == "\\" else last
        if last < one:
            raise self.fail()
        return lambda ch: one <= ch <= last

    def single(self) -> str:
        """The character behind a backslash."""
        one = self.take()
        if one.isalnum() and one not in _ESCAPES:
            self.at -= 1
            raise self.fail()
        return _ESCAPES.get(one, one)


def _not(test: Test) -> Test:
    return lambda ch: not test(ch)


def _set(tests: tuple[Test, ...], *, negated: bool, minus: Test | None) -> Test:
    def within(ch: str) -> bool:
        inside = any(test(ch) for test in tests) is not negated
        return inside and not (minus is not None and minus(ch))
    return within


_CATEGORIES: Final = frozenset(
    "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po Z Zs Zl Zp S Sm Sc Sk So C Cc Cf Co Cn".split())


def _category(name: str) -> Test | None:
    return (lambda ch: unicodedata.category(ch).startswith(name)) if name in _CATEGORIES else None


def _space(ch: str) -> bool:
    return ch in " \t\n\r"


def _digit(ch: str) -> bool:
    return unicodedata.category(ch) == "Nd"


def _word(ch: str) -> bool:
    return unicodedata.category(ch)[0] not in "PZC"


def _initial(ch: str) -> bool:
    return ch in "_:" or unicodedata.category(ch)[0] == "L"


def _name(ch: str) -> bool:
    return ch in "_:.-" or unicodedata.category(ch)[0] in "LMN"


_CLASSES: Final[dict[str, Test]] = {
    "s": _space, "S": _not(_space), "d": _digit, "D": _not(_digit), "w": _word, "W": _not(_word),
    "i": _initial, "I": _not(_initial), "c": _name, "C": _not(_name),
}
_MULTI: Final = frozenset([*_CLASSES, "p", "P"])

# ---- the automaton ------------------------------------------------------------------------------------

_STEP, _FORK, _START, _END, _DONE = range(5)


class _Program:
    """States in a row: (kind, test or None, next, other next)."""

    def __init__(self, pattern: str, node: Node) -> None:
        self.pattern = pattern
        self.states: list[tuple[int, Test | None, int, int]] = []
        self.add(node)
        self.state(_DONE)

    def state(self, kind: int, test: Test | None = None) -> int:
        if len(self.states) >= STATES_MAX:
            raise Invalid("query.regex", at="$regex", pattern=self.pattern[:200], place=len(self.pattern))
        here = len(self.states)
        self.states.append((kind, test, here + 1, here + 1))
        return here

    def fork(self, here: int, first: int, other: int) -> None:
        self.states[here] = (_FORK, None, first, other)

    def add(self, node: Node) -> None:
        """Appends ``node``; it goes on to the state behind it."""
        kind = node[0]
        if kind == "is":
            self.state(_STEP, node[1])  # type: ignore[arg-type]  # the parser made it
        elif kind in {"start", "end"}:
            self.state(_START if kind == "start" else _END)
        elif kind == "all":
            for one in node[1]:  # type: ignore[attr-defined]  # a tuple of nodes
                self.add(one)
        elif kind == "one":
            self.choose(node[1])  # type: ignore[arg-type]  # a tuple of nodes
        else:
            self.repeat(*node[1:])  # type: ignore[arg-type]  # node, least, most

    def choose(self, nodes: tuple[Node, ...]) -> None:
        ends = []
        for one in nodes[:-1]:
            fork = self.state(_FORK)
            self.add(one)
            ends.append(self.state(_FORK))
            self.fork(fork, fork + 1, len(self.states))
        self.add(nodes[-1])
        for end in ends:
            self.fork(end, len(self.states), len(self.states))

    def repeat(self, node: Node, least: int, most: int) -> None:
        for _ in range(least):
            self.add(node)
        if most == -1:
            fork = self.state(_FORK)
            self.add(node)
            back = self.state(_FORK)
            self.fork(back, fork, fork)
            self.fork(fork, fork + 1, len(self.states))
            return
        forks = []
        for _ in range(most - least):
            forks.append(self.state(_FORK))
            self.add(node)
        for fork in forks:
            self.fork(fork, fork + 1, len(self.states))


class Regex:
    """One pattern, ready to be asked."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > PATTERN_MAX:
            raise Invalid("query.regex", at="$regex", pattern=pattern[:200], place=PATTERN_MAX)
        program = _Program(pattern, _Parser(pattern).whole())
        self._states = program.states
        self._known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._begin = self._closed([0], start=True)
        self._anywhere = self._closed([0])

    def search(self, text: str) -> bool:
        """True when the pattern matches somewhere in ``text``."""
        here = self._begin
        done = len(self._states) - 1
        for ch in text:
            if done in here:
                return True
            here = self._next(here, ch)
        return done in here or done in self._closed(here, end=True, start=not text)

    def _next(self, here: frozenset[int], ch: str) -> frozenset[int]:
        known = self._known.get((here, ch))
        if known is None:
            behind = [self._states[one][2] for one in here
                      if self._states[one][0] == _STEP and self._states[one][1](ch)]  # type: ignore[misc]  # a test
            known = self._closed(behind) | self._anywhere
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[here, ch] = known
        return known

    def _closed(self, begin: list[int] | frozenset[int], *, start: bool = False, end: bool = False) -> frozenset[int]:
        """All states that are reached from ``begin`` without reading; those that wait for a character or the end."""
        seen: set[int] = set()
        waiting = list(begin)
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            waiting.extend(self._onward(one, start=start, end=end))
        return frozenset(seen)

    def _onward(self, one: int, *, start: bool, end: bool) -> Iterator[int]:
        kind, _, first, other = self._states[one]
        if kind == _FORK:
            yield first
            yield other
        elif (kind == _START and start) or (kind == _END and end):
            yield first


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Regex:
    """``pattern``, compiled; raises ``Invalid('query.regex')`` with the place of what cannot be read."""
    return Regex(pattern)


def beginning(pattern: str) -> str:
    """Characters that every match begins with, at the beginning of the text; "" when ``pattern`` names none."""
    if not pattern.startswith("^") or "|" in pattern:
        return ""
    found = ""
    for place, ch in enumerate(pattern[1:], 1):
        if ch in "\\[](){}.^$?*+":
            return found[:-1] if ch in "?*{" and pattern[place - 1] == found[-1:] else found
        found += ch
    return found
