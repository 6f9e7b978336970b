"""The greedy planner: one job after another into the earliest gap that holds it.

Rule 1: what is promised first is placed first, so a later job never moves an earlier one.
Rule 2: every job ends as early as its candidates, predecessors, materials and gaps allow.
Rule 3: a sequence that was found to be better is followed (``sequence.py``), within one priority.
Rule 4: a job that no calendar can hold within ten years has no place; it never stops the plan of the others.
Rule 5: a running job keeps its work centre; it waits out an outage, a waiting job does not begin in one.
Not here: improving the plan by search (a solver behind the same port, ``plan.py``).
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from weft.basis.errors import Invalid
from weft.production.calendar import OpenTime
from weft.production.plan import Bound, Outage, Plan, PlanJob, PlannedJob, Problem

FOREVER: Final = 2**53 - 1
_STAGES: Final = {"running": 0, "loaded": 1, "waiting": 2}

_Key = tuple[int, int, int, int, int, str]


def schedule(problem: Problem) -> Plan:
    """A plan for all jobs; raises ``Invalid`` on unknown centres, calendars or circular predecessors."""
    board = _Board(problem)
    board.place(problem.jobs)
    return board.plan()


def insert(problem: Problem, plan: Plan, extra: Sequence[PlanJob]) -> Plan:
    """``plan`` with ``extra`` in its gaps; ``problem`` gives centres, calendars and outages."""
    board = _Board(problem, plan)
    board.place(extra)
    return board.plan()


class _Lane:
    """Busy time of one lane: disjoint intervals in order, each with who holds it."""

    __slots__ = ("ends", "holders", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.holders: list[tuple[Bound, str]] = []

    def block(self, start: int, end: int, holder: tuple[Bound, str]) -> None:
        """Hold [``start``, ``end``) where it is still free."""
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

    def gap(self, open_time: OpenTime, ready: int, work: int) -> tuple[int, int, tuple[Bound, str] | None] | None:
        """(start, end, who was in the way) of the first gap from ``ready`` that holds ``work``.

        What has nothing left to do, as a paused job whose pieces are all counted, waits for its place like the others.
        """
        index = bisect_right(self.ends, ready)
        at, holder = ready, None
        while at < FOREVER:
            last = index == len(self.starts)
            if last or self.starts[index] - at >= max(work, 1):  # else too short even if it were all open
                start, end = _span(open_time, at, work)
                if end >= FOREVER:
                    return None
                if last or end <= self.starts[index]:
                    return start, end, holder
            at, holder = self.ends[index], self.holders[index]
            index += 1
        return None


def _span(open_time: OpenTime, at: int, work: int) -> tuple[int, int]:
    """When ``work`` begun at ``at`` really begins and ends; it ends never when it takes ten years or more."""
    try:
        start = open_time.next_open(at)
        return start, open_time.add(start, work)
    except Invalid:
        return at, FOREVER


class _Board:
    """The plan under construction."""

    def __init__(self, problem: Problem, plan: Plan | None = None) -> None:
        self._now = problem.now_ms
        shared: dict[str, OpenTime] = {}
        self._open: dict[str, OpenTime] = {}
        self._lanes: dict[str, list[_Lane]] = {}
        for centre in problem.centres:
            if centre.calendar not in problem.calendars:
                raise Invalid("production.calendar-unknown", work_centre=centre.id, calendar=centre.calendar)
            if centre.calendar not in shared:
                shared[centre.calendar] = OpenTime(problem.calendars[centre.calendar])
            self._open[centre.id] = shared[centre.calendar]
            self._lanes[centre.id] = [_Lane() for _ in range(centre.parallel)]
        self._outages: dict[str, list[Outage]] = {}
        for outage in sorted(problem.outages, key=lambda o: (o.from_ms, o.until_ms or FOREVER)):
            self._outages.setdefault(outage.centre, []).append(outage)
        self._jobs: dict[str, PlannedJob] = dict(plan.jobs) if plan else {}
        self._unplaced: dict[str, str] = dict(plan.unplaced) if plan else {}
        self._ends: dict[str, int | None] = dict(plan.order_ends) if plan else {}
        for job in self._jobs.values():
            self._lane(job.centre)[job.lane].block(max(self._now, job.start_ms), job.end_ms, ("work-centre", job.id))
        self._outages_held = False
        if plan is not None:
            self._hold_outages()

    def place(self, jobs: Sequence[PlanJob]) -> None:
        """Place ``jobs``: running ones first, then outages, then the others by their keys."""
        running = [job for job in jobs if job.stage == "running"]
        for job in _in_order(running):
            self._settle(job, self._place_running(job))
        self._hold_outages()
        for job in _in_order([job for job in jobs if job.stage != "running"]):
            self._settle(job, self._place_waiting(job))

    def plan(self) -> Plan:
        return Plan(now_ms=self._now, jobs=self._jobs, order_ends=self._ends, unplaced=self._unplaced)

    def _lane(self, centre: str) -> list[_Lane]:
        if centre not in self._lanes:
            raise Invalid("production.plan-centre", work_centre=centre)
        return self._lanes[centre]

    def _settle(self, job: PlanJob, placed: PlannedJob | str) -> None:
        former = self._ends.get(job.order, 0)
        if isinstance(placed, str):
            self._unplaced[job.id] = placed
            self._ends[job.order] = None
            return
        self._jobs[job.id] = placed
        self._ends[job.order] = None if former is None else max(former, placed.end_ms)

    def _hold_outages(self) -> None:
        if self._outages_held:
            return
        self._outages_held = True
        for centre, outages in self._outages.items():
            for lane in self._lanes.get(centre, []):
                for outage in outages:
                    lane.block(max(self._now, outage.from_ms), _until(outage), ("outage", centre))

    def _place_running(self, job: PlanJob) -> PlannedJob | str:
        centre = job.centres[0]
        lanes = self._lane(centre)
        lane = min(range(len(lanes)), key=lambda i: (lanes[i].ends[-1] if lanes[i].ends else 0, i))
        end, bound, bound_by = self._finish(centre, job)
        for other in job.after:  # it cannot end before the pieces it waits for are there
            if other in self._jobs and self._jobs[other].end_ms > end:
                end, bound, bound_by = self._jobs[other].end_ms, "predecessor", other
        lanes[lane].block(self._now, end, ("outage", centre) if end >= FOREVER else ("work-centre", job.id))
        if end >= FOREVER:
            return "outage" if bound == "outage" else "too-long"
        started = self._now if job.started_ms is None else min(job.started_ms, self._now)
        return PlannedJob(id=job.id, order=job.order, operation=job.operation, centre=centre, lane=lane,
                          start_ms=started, end_ms=end, bound=bound, bound_by=bound_by)

    def _finish(self, centre: str, job: PlanJob) -> tuple[int, Bound, str]:
        """When the rest of a running ``job`` is done, outages waited out."""
        at, left, open_time = self._now, job.work_ms, self._open[centre]
        bound: Bound = "running"
        for outage in self._outages.get(centre, []):
            until = _until(outage)
            _, end = _span(open_time, at, left)
            if until <= at or outage.from_ms >= end:
                continue
            if until >= FOREVER:
                return FOREVER, "outage", centre
            left -= open_time.between(at, outage.from_ms)
            at, bound = until, "outage"
        return _span(open_time, at, left)[1], bound, centre

    def _ready(self, job: PlanJob) -> tuple[int, Bound, str] | str:
        """From when ``job`` could run if its work centre were free, and what says so; or why it cannot."""
        ready, bound_by = self._now, ""
        bound: Bound = "now"
        if job.earliest_ms > ready:
            ready, bound = job.earliest_ms, "earliest"
        for arrival in job.materials:
            if arrival.at_ms is None:
                return "material"
            if arrival.at_ms > ready:
                ready, bound, bound_by = arrival.at_ms, "material", arrival.item
        for other in job.after:
            if other in self._unplaced:
                return "predecessor"
            if other in self._jobs and self._jobs[other].end_ms > ready:
                ready, bound, bound_by = self._jobs[other].end_ms, "predecessor", other
        return ready, bound, bound_by

    def _place_waiting(self, job: PlanJob) -> PlannedJob | str:
        limits = self._ready(job)
        if isinstance(limits, str):
            return limits
        ready, bound, bound_by = limits
        best: PlannedJob | None = None
        for centre in (job.prefer,) if job.prefer in job.centres else job.centres:
            for lane, busy in enumerate(self._lane(centre)):
                found = busy.gap(self._open[centre], ready, job.work_ms)
                if found is None or (best and (best.end_ms, best.start_ms) <= (found[1], found[0])):
                    continue
                held = found[2] or (bound, bound_by)
                best = PlannedJob(id=job.id, order=job.order, operation=job.operation, centre=centre, lane=lane,
                                  start_ms=found[0], end_ms=found[1], bound=held[0], bound_by=held[1])
        if best is None:
            endless = [o for name in job.centres for o in self._outages.get(name, []) if o.until_ms is None]
            return "outage" if endless else "too-long"
        self._lanes[best.centre][best.lane].block(best.start_ms, best.end_ms, ("work-centre", job.id))
        return best


def _until(outage: Outage) -> int:
    return FOREVER if outage.until_ms is None else outage.until_ms


def _in_order(jobs: Sequence[PlanJob]) -> Iterable[PlanJob]:
    """``jobs`` with predecessors first; among those ready, the smallest key first.

    A predecessor inherits the smallest key of those who wait for it, so that urgency reaches it.
    """
    by_id = {job.id: job for job in jobs}
    followers: dict[str, list[str]] = {job.id: [] for job in jobs}
    waits = {job.id: 0 for job in jobs}
    for job in jobs:
        for other in set(job.after) & by_id.keys():
            followers[other].append(job.id)
            waits[job.id] += 1
    topological = _topological(followers, dict(waits))
    if len(topological) < len(jobs):
        raise Invalid("production.plan-cycle", job=min(by_id.keys() - set(topological)))
    keys: dict[str, _Key] = {}
    for name in reversed(topological):
        keys[name] = min([_key(by_id[name]), *(keys[f] for f in followers[name])])
    ready = [(keys[job.id], _key(job), job.id) for job in jobs if not waits[job.id]]
    heapq.heapify(ready)
    while ready:
        _, _, name = heapq.heappop(ready)
        yield by_id[name]
        for follower in followers[name]:
            waits[follower] -= 1
            if not waits[follower]:
                heapq.heappush(ready, (keys[follower], _key(by_id[follower]), follower))


def _key(job: PlanJob) -> _Key:
    due = FOREVER if job.due_ms is None else job.due_ms
    place = FOREVER if job.place is None else job.place
    return _STAGES[job.stage], -job.priority, place, job.rank, due, job.order


def _topological(followers: Mapping[str, Sequence[str]], waits: dict[str, int]) -> list[str]:
    ready = [name for name, count in waits.items() if not count]
    for name in ready:  # grows while it is read
        for follower in followers[name]:
            waits[follower] -= 1
            if not waits[follower]:
                ready.append(follower)
    return ready
