"""One lane of a work centre while a plan is made: who holds it when, and where the next job fits.

Rule 1: what holds the lane keeps its place: of a job that is placed only the set-up may begin earlier, in free time,
        when another family comes in before it; of a job that a person has fixed not even that.
Rule 2: an outage changes nothing in what a work centre is set up for.
Not here: which job comes next (``greedy.py``), how long a set-up takes (``fitting.py``).
"""

from bisect import bisect_right
from typing import Final, NamedTuple

from weft.basis.errors import Invalid
from weft.production.calendar import DAY, OpenTime
from weft.production.fitting import Fitting
from weft.production.plan import Bound, PlanJob

FOREVER: Final = 2**53 - 1
TEN_YEARS: Final = 3_660 * DAY  # what somebody dates beyond that is a mistake, and no calendar is unrolled so far


class Holder(NamedTuple):
    """Who holds a stretch of a lane; of a job also its family, its own set-up, and the one that it was given."""

    bound: Bound
    by: str
    family: str = ""
    own_ms: int = 0
    setup_ms: int = 0
    fixed: bool = False


class Widened(NamedTuple):
    """The job behind a gap is set up earlier, for longer."""

    job: str
    start: int
    setup: int


class Gap(NamedTuple):
    """Where a job fits; ``holder`` was in the way before, ``widened`` is what it means for the next one."""

    start: int
    end: int
    setup: int
    holder: Holder | None = None
    widened: Widened | None = None


class Lane:
    """Busy time of one lane: disjoint stretches in order, each with who holds it."""

    __slots__ = ("_fitting", "_last", "_mixed", "_open", "ends", "holders", "starts")

    def __init__(self, open_time: OpenTime, fitting: Fitting, now: int) -> None:
        self._open, self._fitting, self._last = open_time, fitting, now + TEN_YEARS
        self._mixed = bool(fitting.fitted)
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.holders: list[Holder] = []

    def block(self, start: int, end: int, holder: Holder) -> None:
        """Hold [``start``, ``end``) where it is still free."""
        self._mixed = self._mixed or bool(holder.family)
        while start < end:
            index = bisect_right(self.ends, start)
            if index < len(self.starts) and self.starts[index] <= start:
                start = self.ends[index]
                continue
            stop = min(end, self.starts[index]) if index < len(self.starts) else end
            self.starts.insert(index, start)
            self.ends.insert(index, stop)
            self.holders.insert(index, holder)
            start = stop

    def free(self, job: str) -> None:
        """Take back what ``job`` held."""
        kept = [(start, end, holder) for start, end, holder in zip(self.starts, self.ends, self.holders, strict=True)
                if holder.by != job]
        self.starts, self.ends = [one[0] for one in kept], [one[1] for one in kept]
        self.holders = [one[2] for one in kept]

    def widen(self, widened: Widened) -> None:
        """Let a job's set-up begin earlier."""
        index = next(at for at, holder in enumerate(self.holders) if holder.by == widened.job)
        self.starts[index] = widened.start
        self.holders[index] = self.holders[index]._replace(setup_ms=widened.setup)

    def gap(self, ready: int, job: PlanJob) -> Gap | None:
        """The first gap from ``ready`` that holds ``job`` with its set-up.

        What has nothing left to do, as a paused job whose pieces are all counted, waits for its place like the others.
        """
        starts, index = self.starts, bisect_right(self.ends, ready)
        at, holder, until = ready, None, self._last
        mixed, setup = self._mixed or bool(job.family), job.setup_ms
        work = job.work_ms + setup
        while at < until:
            if mixed:
                setup = self._setup(index, job)
                work = job.work_ms + setup
            last = index == len(starts)
            if last or starts[index] - at >= (work or 1):  # else too short even if it were all open
                start, end = span(self._open, at, work)
                if end >= FOREVER:
                    return None
                fits, widened = (True, None) if last else self._behind(index, end, job.family, mixed=mixed)
                if fits:
                    return Gap(start, end, setup, holder, widened)
            at, holder = self.ends[index], self.holders[index]
            index += 1
        return None

    def _setup(self, index: int, job: PlanJob) -> int:
        """What setting up for ``job`` takes in front of the stretch ``index``."""
        setup = self._fitting.of(self._before(index), job)
        if job.fixed_ms is None:
            return setup
        return max(setup, self._fitting.of("", job))  # who will come before it is not known yet

    def _before(self, index: int) -> str:
        """What the lane is set up for in front of the stretch ``index``."""
        for at in range(index - 1, -1, -1):
            if self.holders[at].bound != "outage":
                return self.holders[at].family
        return self._fitting.fitted

    def _behind(self, index: int, end: int, family: str, *, mixed: bool) -> tuple[bool, Widened | None]:
        """Whether a job of ``family`` that ends at ``end`` leaves the one behind its place, and what changes for it."""
        if end > self.starts[index] or not mixed:
            return end <= self.starts[index], None
        for at in range(index, len(self.holders)):
            then = self.holders[at]
            if then.bound == "outage":
                end = max(end, self.ends[at])
                continue
            more = self._fitting.ms(family, then.family, then.own_ms) - then.setup_ms
            if more <= 0:
                return True, None
            if then.fixed or self._open.between(end, self.starts[at]) < more:
                return False, None
            return True, Widened(then.by, self._open.back(self.starts[at], more), then.setup_ms + more)
        return True, None


def span(open_time: OpenTime, at: int, work: int) -> tuple[int, int]:
    """When ``work`` begun at ``at`` really begins and ends; it ends never when it takes ten years or more."""
    try:
        start = open_time.next_open(at)
        return start, open_time.add(start, work)
    except Invalid:
        return at, FOREVER
