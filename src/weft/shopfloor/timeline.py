"""What a machine did over time, from what it told; and how the planned time was used.

A machine runs, stands (paused in a job, or in alarm) or is idle (no job). Nobody knows what it does while its line is
down, while the node does not run, and before it was added: that is no data, and counts as none of the three.
Instants are milliseconds since 1970; spans are half open. Which time is planned comes as windows: shifts, holidays and
clocks that change are whoever makes the windows'.
Rule 1: pieces follow each other without gap or overlap, from the begin of a span to its end or the present.
Rule 2: running, standing, idle and no data add up to the planned time; what is true of its parts adds up for the whole.
Rule 3: an alarm while the machine itself says that it runs is told as a reason, and the time counts as running.
Rule 4: pieces that were made while nobody looked count for quality, not for speed: how long they took is not known.
Not here: what a machine told (``book.py``), calendars (``production``), how it is shown (``doors/console``).
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

import msgspec

NEAR_MS: Final = 300_000
Span = tuple[int, int]


class State(StrEnum):
    """What a machine does; the last three are no data."""

    RUNNING = "running"
    STANDING = "standing"
    IDLE = "idle"
    LOST = "lost"  # its line is down
    OFF = "off"  # the node did not run
    UNKNOWN = "unknown"  # it was not there yet, or not any more


BLIND: Final = frozenset({State.LOST, State.OFF, State.UNKNOWN})


class Doing(msgspec.Struct, frozen=True, kw_only=True):
    """What holds of a machine from ``at`` on, until the next.

    ``phase``: empty, running, paused or over; ``good``, ``scrap``: totals of ``job``; ``run_ms``: planned time of one
    piece, 0 when it is not known; ``known``: it is ours to look at.
    """

    at: int
    phase: str = ""
    job: str = ""
    item: str = ""
    good: int = 0
    scrap: int = 0
    alarm: str = ""
    text: str = ""
    lost: bool = False
    known: bool = True
    run_ms: int = 0

    @property
    def state(self) -> State:
        """Running, standing, idle, or one of no data."""
        if not self.known:
            return State.UNKNOWN
        if self.lost:
            return State.LOST
        if self.phase == "running":
            return State.RUNNING
        return State.STANDING if self.phase == "paused" or self.alarm else State.IDLE


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One state from ``begin`` until ``until``; ``cause``: the alarm that stands meanwhile, or what people say."""

    begin: int
    until: int
    state: State
    job: str = ""
    item: str = ""
    cause: str = ""
    run_ms: int = 0


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How planned time was used, in ms and pieces. ``beyond_ms``: it ran outside of planned time.

    ``timed_ms``: of the running time, that in which the planned time of a piece is known; ``earned_ms``: what the
    pieces made in it should have taken.
    """

    planned_ms: int = 0
    running_ms: int = 0
    standing_ms: int = 0
    idle_ms: int = 0
    blind_ms: int = 0
    beyond_ms: int = 0
    timed_ms: int = 0
    earned_ms: int = 0
    good: int = 0
    scrap: int = 0

    def __add__(self, other: "Use") -> "Use":
        return Use(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})

    @property
    def availability(self) -> float | None:
        """Running time of the planned time of which something is known."""
        seen = self.planned_ms - self.blind_ms
        return self.running_ms / seen if seen > 0 else None

    @property
    def performance(self) -> float | None:
        """Planned time of what was made, of the time in which it was made."""
        return self.earned_ms / self.timed_ms if self.timed_ms > 0 else None

    @property
    def quality(self) -> float | None:
        """Good pieces of all."""
        return self.good / (self.good + self.scrap) if self.good + self.scrap > 0 else None

    @property
    def oee(self) -> float | None:
        """The three of them; None where one is not known."""
        parts = (self.availability, self.performance, self.quality)
        return None if None in parts else parts[0] * parts[1] * parts[2]  # type: ignore[operator] # none is None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Planned time that was lost for one reason: ``state`` standing or idle, how long, how often; running: not lost,
    but an alarm stood all the while.
    """

    state: State
    cause: str
    ms: int
    times: int


def pieces(doings: Sequence[Doing], lives: Sequence[Span], span: Span, now: int) -> list[Piece]:
    """What happened in ``span`` until ``now``; ``doings`` in order, the first may be older; ``lives``: who listened."""
    begin, end = span[0], min(span[1], now)
    found: list[Piece] = []
    for piece in _told(doings, begin, end):
        for one in _listened(piece, lives):
            if found and _same(found[-1], one):
                found[-1] = msgspec.structs.replace(found[-1], until=one.until)
            else:
                found.append(one)
    return found


def _told(doings: Sequence[Doing], begin: int, end: int) -> Iterator[Piece]:
    """By what was told alone."""
    at, held = begin, Doing(at=begin, known=False)
    for one in doings:
        stop = max(begin, min(one.at, end))
        if at < stop:
            yield _piece(held, at, stop)
            at = stop
        held = one
    if at < end:
        yield _piece(held, at, end)


def _piece(doing: Doing, begin: int, until: int) -> Piece:
    state = doing.state
    at_work = state is State.RUNNING or (state is State.STANDING and doing.phase == "paused")
    return Piece(begin=begin, until=until, state=state, job=doing.job if at_work else "",
                 item=doing.item if at_work else "", run_ms=doing.run_ms if at_work else 0,
                 cause=(doing.text or doing.alarm) if state is State.STANDING or (
                     state is State.RUNNING and doing.alarm) else "")


def _listened(piece: Piece, lives: Sequence[Span]) -> Iterator[Piece]:
    """The piece where somebody listened; in between the node was off."""
    at = piece.begin
    for begun, heard in lives:
        first, last = max(at, begun), min(piece.until, heard)
        if first >= last:
            continue
        if at < first:
            yield Piece(begin=at, until=first, state=State.OFF)
        yield msgspec.structs.replace(piece, begin=first, until=last)
        at = last
    if at < piece.until:
        yield Piece(begin=at, until=piece.until, state=State.OFF)


def _same(one: Piece, other: Piece) -> bool:
    return one.until == other.begin and msgspec.structs.replace(one, begin=0, until=0) == msgspec.structs.replace(
        other, begin=0, until=0)


def explained(done: Sequence[Piece], told: Mapping[str, Sequence[tuple[int, str]]]) -> list[Piece]:
    """``done`` with what people said: ``told`` has, by job, when (ms, in order) and why somebody paused it.

    A reason is that of a stop of the job when it was said within it, or shortly before; alarms speak for themselves.
    """
    found = []
    for one in done:
        near = [why for at, why in told.get(one.job, ()) if one.begin - NEAR_MS <= at < one.until] \
            if one.state is State.STANDING and one.job and not one.cause else []
        found.append(msgspec.structs.replace(one, cause=near[-1]) if near else one)
    return found


def cut(windows: Sequence[Span], begin: int, end: int) -> list[Span]:
    """Windows within a span."""
    return [(max(begin, first), min(end, last)) for first, last in windows if first < end and last > begin]


def use(done: Sequence[Piece], doings: Sequence[Doing], windows: Sequence[Span]) -> Use:
    """How ``windows`` (in order, apart from each other) were used, as far as pieces reach; ``doings`` as told."""
    if not done:
        return Use()
    windows = cut(windows, done[0].begin, done[-1].until)
    spent = dict.fromkeys(State, 0)
    timed = running = 0
    for piece, within in _inside(done, windows):
        spent[piece.state] += within
        timed += within if piece.state is State.RUNNING and piece.run_ms else 0
    running = sum(one.until - one.begin for one in done if one.state is State.RUNNING)
    good = scrap = earned = 0
    for at, more, less, run_ms in _made(done, doings):
        if _within(windows, at):
            good, scrap, earned = good + more, scrap + less, earned + (more + less) * run_ms
    return Use(
        planned_ms=sum(spent.values()), running_ms=spent[State.RUNNING], standing_ms=spent[State.STANDING],
        idle_ms=spent[State.IDLE], blind_ms=sum(spent[one] for one in BLIND), beyond_ms=running - spent[State.RUNNING],
        timed_ms=timed, earned_ms=earned, good=good, scrap=scrap)


def _inside(done: Sequence[Piece], windows: Sequence[Span]) -> Iterator[tuple[Piece, int]]:
    """Each piece, and how much of it lies in the windows."""
    place = 0
    for piece in done:
        while place < len(windows) and windows[place][1] <= piece.begin:
            place += 1
        at, within = place, 0
        while at < len(windows) and windows[at][0] < piece.until:
            within += min(piece.until, windows[at][1]) - max(piece.begin, windows[at][0])
            at += 1
        yield piece, within


def _within(windows: Sequence[Span], at: int) -> bool:
    place = bisect_right(windows, at, key=lambda one: one[0]) - 1
    return place >= 0 and at < windows[place][1]


def _made(done: Sequence[Piece], doings: Sequence[Doing]) -> Iterator[tuple[int, int, int, int]]:
    """When pieces were counted: good, scrap, planned time of each; 0 where nobody looked while they were made."""
    blind = [one for one in done if one.state in BLIND]
    for before, one in pairwise((Doing(at=0), *doings)):
        same = before.job == one.job
        good = max(0, one.good - (before.good if same else 0))
        scrap = max(0, one.scrap - (before.scrap if same else 0))
        if good + scrap and done[0].begin <= one.at < done[-1].until:
            looked = before.at >= done[0].begin and not any(
                piece.begin < one.at and piece.until > before.at for piece in blind)
            looked = looked or (before.at < done[0].begin and not any(piece.begin < one.at for piece in blind))
            yield one.at, good, scrap, one.run_ms if looked else 0


def causes(done: Sequence[Piece], windows: Sequence[Span]) -> list[Cause]:
    """For what planned time was lost, and what alarms stood while it ran; the most first."""
    lost: dict[tuple[State, str], tuple[int, int]] = {}
    for piece, within in _inside(done, windows):
        if within and (piece.state in (State.STANDING, State.IDLE) or (piece.state is State.RUNNING and piece.cause)):
            ms, times = lost.get((piece.state, piece.cause), (0, 0))
            lost[piece.state, piece.cause] = ms + within, times + 1
    found = [Cause(state=state, cause=cause, ms=ms, times=times) for (state, cause), (ms, times) in lost.items()]
    return sorted(found, key=lambda one: (-one.ms, one.state, one.cause))
