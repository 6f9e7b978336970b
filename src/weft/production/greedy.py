"""The greedy planner: one job after another into the earliest gap that holds it.

Rule 1: what is promised first is placed first, so a later job never moves an earlier one.
Rule 2: every job ends as early as its candidates, predecessors, materials and gaps allow.
Rule 3: a sequence that was found to be better is followed (``sequence.py``), within one priority.
Rule 4: a job that no calendar can hold within ten years has no place; it never stops the plan of the others.
Rule 5: a running job keeps its work centre; it waits out an outage, a waiting job does not begin in one.
Rule 6: what a person has fixed keeps its start and its work centre whatever happens; what stands against it is said as
        its conflict, it holds its place meanwhile, and its end is what can really be kept.
Not here: gaps and set-ups (``lanes.py``), improving the plan by search (``sequence.py``, ``planners/``).
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from weft.basis.errors import Invalid
from weft.production.calendar import OpenTime
from weft.production.fitting import Fitting
from weft.production.lanes import FOREVER, TEN_YEARS, Gap, Holder, Lane, span
from weft.production.plan import Bound, Conflict, Outage, Plan, PlanJob, PlannedJob, Problem

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


class _Board:
    """The plan under construction."""

    def __init__(self, problem: Problem, plan: Plan | None = None) -> None:
        self._now = problem.now_ms
        shared: dict[str, OpenTime] = {}
        self._open: dict[str, OpenTime] = {}
        self._lanes: dict[str, list[Lane]] = {}
        for centre in problem.centres:
            if centre.calendar not in problem.calendars:
                raise Invalid("production.calendar-unknown", work_centre=centre.id, calendar=centre.calendar)
            if centre.calendar not in shared:
                shared[centre.calendar] = OpenTime(problem.calendars[centre.calendar])
            self._open[centre.id] = shared[centre.calendar]
            fitting = Fitting(centre)
            self._lanes[centre.id] = [Lane(shared[centre.calendar], fitting, self._now) for _ in range(centre.parallel)]
        self._outages: dict[str, list[Outage]] = {}
        for outage in sorted(problem.outages, key=lambda o: (o.from_ms, o.until_ms or FOREVER)):
            self._outages.setdefault(outage.centre, []).append(outage)
        self._jobs: dict[str, PlannedJob] = dict(plan.jobs) if plan else {}
        self._unplaced: dict[str, str] = dict(plan.unplaced) if plan else {}
        self._ends: dict[str, int | None] = dict(plan.order_ends) if plan else {}
        own = {job.id: job.setup_ms for job in problem.jobs}
        for job in self._jobs.values():
            self._hold(job, own.get(job.id, job.setup_ms))
        self._outages_held = False
        self._reserved: dict[str, PlannedJob] = {}
        if plan is not None:
            self._hold_outages()

    def place(self, jobs: Sequence[PlanJob]) -> None:
        """Place ``jobs``: running ones first, then outages, what is fixed, then the others by their keys."""
        running = [job for job in jobs if job.stage == "running"]
        for job in _in_order(running):
            self._settle(job, self._place_running(job))
        self._hold_outages()
        fixed = [(job.fixed_ms, job.id, job) for job in jobs if job.fixed_ms is not None and job.stage != "running"]
        for from_ms, _, job in sorted(fixed, key=lambda one: one[:2]):
            if (kept := self._fix(job, from_ms)) is not None:
                self._reserved[job.id] = kept
        for job in _in_order([job for job in jobs if job.stage != "running"]):
            at = job.fixed_ms
            self._settle(job, self._place_waiting(job) if at is None else self._place_fixed(job, at))

    def plan(self) -> Plan:
        return Plan(now_ms=self._now, jobs=self._jobs, order_ends=self._ends, unplaced=self._unplaced)

    def _lane(self, centre: str) -> list[Lane]:
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
                    lane.block(max(self._now, outage.from_ms), self._until(outage), Holder("outage", centre))

    def _hold(self, job: PlannedJob, own_ms: int) -> None:
        """Hold the lane for ``job``; one that is fixed from its start on, whatever it waits for."""
        holder = Holder("work-centre", job.id, job.family, own_ms, job.setup_ms, job.fixed)
        self._lane(job.centre)[job.lane].block(max(self._now, job.start_ms), job.end_ms, holder)

    def _place_running(self, job: PlanJob) -> PlannedJob | str:
        centre = job.centres[0]
        lanes = self._lane(centre)
        lane = min(range(len(lanes)), key=lambda i: (lanes[i].ends[-1] if lanes[i].ends else 0, i))
        end, bound, bound_by = self._finish(centre, job)
        for other in job.after:  # it cannot end before the pieces it waits for are there
            if other in self._jobs and self._jobs[other].end_ms > end:
                end, bound, bound_by = self._jobs[other].end_ms, "predecessor", other
        lanes[lane].block(self._now, end, Holder("outage", centre) if end >= FOREVER
                          else Holder("work-centre", job.id, job.family))
        if end >= FOREVER:
            return "outage" if bound == "outage" else "too-long"
        started = self._now if job.started_ms is None else min(job.started_ms, self._now)
        return PlannedJob(id=job.id, order=job.order, operation=job.operation, centre=centre, lane=lane,
                          start_ms=started, end_ms=end, bound=bound, bound_by=bound_by, family=job.family)

    def _finish(self, centre: str, job: PlanJob) -> tuple[int, Bound, str]:
        """When the rest of a running ``job`` is done, outages waited out."""
        at, left, open_time = self._now, job.work_ms, self._open[centre]
        bound: Bound = "running"
        for outage in self._outages.get(centre, []):
            until = self._until(outage)
            _, end = span(open_time, at, left)
            if until <= at or outage.from_ms >= end:
                continue
            if until >= FOREVER:
                return FOREVER, "outage", centre
            left -= open_time.between(at, outage.from_ms)
            at, bound = until, "outage"
        return span(open_time, at, left)[1], bound, centre

    def _until(self, outage: Outage) -> int:
        """When ``outage`` is over; what is dated ten years ahead is not."""
        until = FOREVER if outage.until_ms is None else outage.until_ms
        return FOREVER if until > self._now + TEN_YEARS else until

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
        found = self._best(job, ready)
        if found is None:
            return self._nowhere(job)
        centre, lane, gap = found
        held = (gap.holder.bound, gap.holder.by) if gap.holder else (bound, bound_by)
        placed = PlannedJob(
            id=job.id, order=job.order, operation=job.operation, centre=centre, lane=lane, start_ms=gap.start,
            end_ms=gap.end, bound=held[0], bound_by=held[1], family=job.family, setup_ms=gap.setup,
            setup_end_ms=self._open[centre].add(gap.start, gap.setup) if gap.setup else 0)
        self._hold(placed, job.setup_ms)
        if gap.widened:
            self._widen(gap, centre, lane)
        return placed

    def _best(self, job: PlanJob, ready: int) -> tuple[str, int, Gap] | None:
        """(centre, lane, gap) where ``job`` ends first."""
        best: tuple[str, int, Gap] | None = None
        for centre in (job.prefer,) if job.prefer in job.centres else job.centres:
            for number, lane in enumerate(self._lane(centre)):
                found = lane.gap(ready, job)
                if found and (best is None or (found.end, found.start) < (best[2].end, best[2].start)):
                    best = centre, number, found
        return best

    def _nowhere(self, job: PlanJob) -> str:
        endless = [o for name in job.centres for o in self._outages.get(name, []) if o.until_ms is None]
        return "outage" if endless else "too-long"

    def _widen(self, gap: Gap, centre: str, lane: int) -> None:
        """The job behind is set up again: for longer, and before its time."""
        assert gap.widened is not None
        self._lanes[centre][lane].widen(gap.widened)
        then = self._jobs[gap.widened.job]
        self._jobs[then.id] = msgspec.structs.replace(
            then, start_ms=gap.widened.start, setup_ms=gap.widened.setup, setup_end_ms=then.work_from_ms)

    def _place_fixed(self, job: PlanJob, at: int) -> PlannedJob | str:
        """Where it was fixed; when what comes before it is late, it holds its place and waits there."""
        limits, kept = self._ready(job), self._reserved.get(job.id)
        if kept is not None and (isinstance(limits, str) or limits[0] > kept.begin_ms):
            self._lanes[kept.centre][kept.lane].free(job.id)
            kept = None
        if isinstance(limits, str):
            return limits
        if kept is None:
            kept = self._fix(job, at, limits)
        if kept is None:
            return self._nowhere(job)
        return kept if kept.begin_ms != kept.start_ms else msgspec.structs.replace(kept, begin_ms=0)

    def _fix(self, job: PlanJob, at: int, limits: tuple[int, Bound, str] | None = None) -> PlannedJob | None:
        """``job`` at its place from ``at`` on, with what stands against it; ``limits`` as ``_ready`` gives them."""
        told = limits or self._ready(msgspec.structs.replace(job, after=()))
        if isinstance(told, str):
            return None
        ready, bound, by = told
        found = self._best(job, max(at, ready))
        if found is None:
            return None
        centre, lane, gap = found
        conflict: tuple[Conflict, str] = ("", "")
        if gap.start > at:
            conflict = _against(gap, ready, at, (bound, by))
        kept = PlannedJob(
            id=job.id, order=job.order, operation=job.operation, centre=centre, lane=lane, start_ms=at, end_ms=gap.end,
            bound="lock", family=job.family, setup_ms=gap.setup, fixed=True, begin_ms=gap.start, conflict=conflict[0],
            setup_end_ms=self._open[centre].add(gap.start, gap.setup) if gap.setup else 0, conflict_by=conflict[1])
        self._hold(kept, job.setup_ms)
        return kept


def _against(gap: Gap, ready: int, at: int, limit: tuple[Bound, str]) -> tuple[Conflict, str]:
    """What keeps a fixed job from beginning at ``at``, and who."""
    if gap.holder is not None:
        return ("outage" if gap.holder.bound == "outage" else "overlap"), gap.holder.by
    bound, by = limit
    if ready <= at:
        return "closed", ""
    named: Mapping[Bound, Conflict] = {"material": "material", "predecessor": "predecessor", "earliest": "earliest"}
    return named.get(bound, "past"), by


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
