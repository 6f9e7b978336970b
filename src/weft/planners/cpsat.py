"""A better sequence by constraint search: OR-Tools CP-SAT over jobs, work centres, outages, arrivals and promises.

One interval for each job (optional ones for each candidate work centre), ``no overlap`` or ``cumulative`` for each work
centre. The axis is working time where all work centres keep one calendar; else it is the clock, with work stretched by
how much of the time its calendar is open: an estimate, for what is found here is only an order of placing, and every
instant is computed anew by the planner that knows calendars (``production/sequence.py``), which takes nothing worse.
Rule 1: equal problems, seeds and limits give equal sequences: time is counted in the solver's own deterministic unit.
Rule 2: setting up counts by who comes before (a circuit through the jobs of a work centre) as long as that is small;
        beyond, and side by side, each job counts with the shortest set-up that it can have.
Rule 3: it starts from the plan that there is, so that whatever it says is at least as good on its own axis.
Not here: the process that this runs in (``process.py``), whether a sequence is worth following.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from math import gcd
from typing import Any, Final

import msgspec

from weft.production.calendar import DAY, OpenTime
from weft.production.fitting import Fitting
from weft.production.plan import Placing, Plan, PlanJob, PlannedJob, Problem

STEPS_MAX: Final = 1_000_000  # of the axis: more would only make it slow
WEEK: Final = 7 * DAY
CIRCUIT_MAX: Final = 24  # jobs of one work centre: arcs grow with their square
ARCS_MAX: Final = 6_000  # of all work centres: more take longer to make ready than there is time
LATE: Final = 100  # how much a step late weighs against a step of an order's end


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long to search: ``seconds`` by the clock, ``effort`` in deterministic units (0: no such limit)."""

    seconds: float = 5.0
    effort: float = 0.0
    seed: int = 1
    workers: int = 1
    goal: str = "promises"  # or "makespan": the end of all, as published instances count it


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``best`` and ``bound`` in steps of the axis; ``status`` as the solver calls it."""

    sequence: tuple[Placing, ...] = ()
    status: str = ""
    best: int = 0
    bound: int = 0
    step_ms: int = 1


@dataclass(slots=True)
class _Axis:
    """Instants and work to whole steps, rounded up."""

    now: int
    step: int
    times: Mapping[str, OpenTime]  # by work centre
    shared: OpenTime | None
    share: Mapping[str, float]  # of the week that each work centre is open

    def at(self, instant: int | None) -> int:
        """The step of ``instant``; 0 for what has passed."""
        if instant is None or instant <= self.now:
            return 0
        passed = self.shared.between(self.now, instant) if self.shared else instant - self.now
        return -(-passed // self.step)

    def long(self, centre: str, work: int) -> int:
        """Steps that ``work`` takes at ``centre``."""
        whole = work if self.shared else work / self.share[centre]
        return int(-(-whole // self.step))


def _axis(problem: Problem) -> _Axis:
    calendars = {name: OpenTime(one) for name, one in problem.calendars.items()}
    used = {name for job in problem.jobs for name in job.centres}
    times = {one.id: calendars[one.calendar] for one in problem.centres}
    kept = {one.calendar for one in problem.centres if one.id in used}
    shared = calendars[next(iter(kept))] if len(kept) == 1 else None
    share = {} if shared else {name: max(0.01, times[name].between(problem.now_ms, problem.now_ms + WEEK) / WEEK)
                               for name in used}
    works = [ms for job in problem.jobs for ms in (job.work_ms, job.setup_ms) if ms]
    works += [ms for one in problem.centres for *_, ms in one.changeovers if ms]
    works += [one.changeover_ms for one in problem.centres if one.changeover_ms]
    total = sum(works) + 1
    step = max(gcd(*works) if works and shared else 1, -(-total // STEPS_MAX))
    return _Axis(problem.now_ms, step, times, shared, share)


@dataclass(slots=True)
class _Model:
    """The model under construction; ``starts`` and ``ends`` by job, ``chosen`` (literal) by job and centre."""

    problem: Problem
    plan: Plan
    axis: _Axis
    frozen: frozenset[str]
    cp: Any
    horizon: int = 0
    starts: dict[str, Any] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)
    chosen: dict[tuple[str, str], Any] = field(default_factory=dict)
    busy: dict[str, list[Any]] = field(default_factory=dict)
    fittings: dict[str, Fitting] = field(default_factory=dict)
    setups: dict[tuple[str, str], Any] = field(default_factory=dict)

    def build(self, goal: str) -> None:
        jobs = [job for job in self.problem.jobs if job.id in self.plan.jobs]
        self.fittings = {one.id: Fitting(one) for one in self.problem.centres}
        circuits = self._circuits(jobs)
        self.horizon = self._horizon(jobs)
        for job in sorted(jobs, key=lambda one: one.id):
            self._job(job)
        for job in jobs:
            for other in job.after:
                if other in self.ends and not self.plan.jobs[job.id].conflict:
                    self.cp.add(self._set_up(job) >= self.ends[other])
        for centre, mine in circuits.items():
            self._circuit(centre, mine)
        self._frozen(jobs)
        self._centres()
        self._goal(jobs, goal)

    def _horizon(self, jobs: Sequence[PlanJob]) -> int:
        work = sum(max(self.axis.long(name, job.work_ms + self.fittings[name].most(job)) for name in job.centres)
                   for job in jobs)
        last = max((self.axis.at(arrival.at_ms) for job in jobs for arrival in job.materials), default=0)
        out = max((self.axis.at(one.until_ms) for one in self.problem.outages), default=0)
        end = max((self.axis.at(one.end_ms) for one in self.plan.jobs.values()), default=0)
        return max(work + last + out, end) + len(jobs) + 1

    def _circuits(self, jobs: Sequence[PlanJob]) -> dict[str, list[PlanJob]]:
        """Work centres where the order of jobs decides on set-ups, each with its jobs; those get a variable each."""
        lanes = {one.id: one.parallel for one in self.problem.centres}
        at: dict[str, list[PlanJob]] = {}
        for job in jobs:
            if not self.plan.jobs[job.id].fixed:
                for name in self._candidates(job):
                    at.setdefault(name, []).append(job)
        found, arcs = dict[str, list[PlanJob]](), 0
        for name, mine in sorted(at.items(), key=lambda one: (len(one[1]), one[0])):
            more = len(mine) * (len(mine) + 1)
            if lanes[name] == 1 and any(job.family for job in mine) and len(mine) <= CIRCUIT_MAX \
                    and arcs + more <= ARCS_MAX:
                found[name], arcs = mine, arcs + more
        for name, mine in found.items():
            for job in mine:
                most = self.axis.long(name, self.fittings[name].most(job))
                self.setups[job.id, name] = self.cp.new_int_var(0, most, "")
        return found

    def _circuit(self, centre: str, jobs: Sequence[PlanJob]) -> None:
        """Who comes after whom at ``centre``, and what setting up takes then; 0 is the beginning and the end of all."""
        fitting, present = self.fittings[centre], self._order(centre, jobs)
        arcs = {pair: self.cp.new_bool_var("") for pair in permutations(range(len(jobs) + 1), 2)}
        for pair, arc in arcs.items():
            self.cp.add_hint(arc, pair in present)
        none = self.cp.new_bool_var("")
        self.cp.add_hint(none, not present)
        absent = [(0, 0, none)]
        for number, job in enumerate(jobs, 1):
            here = self.chosen[job.id, centre]
            if here is not True:
                absent.append((number, number, here.negated()))
                self.cp.add_implication(none, here.negated())
            else:
                self.cp.add(none == 0)
            times = {0: self.axis.long(centre, fitting.of(fitting.fitted, job))}
            for other, before in enumerate(jobs, 1):
                if other != number:
                    self.cp.add(self.starts[job.id] >= self.ends[before.id]).only_enforce_if(arcs[other, number])
                    times[other] = self.axis.long(centre, fitting.of(before.family, job))
            setup = self.setups[job.id, centre]
            self.cp.add(setup == sum(arcs[other, number] * ms for other, ms in times.items()))
            now = sum(ms for other, ms in times.items() if (other, number) in present)
            self.cp.add_hint(setup, now)
            if self.plan.jobs[job.id].centre == centre:
                work_from = self.axis.at(self.plan.jobs[job.id].work_from_ms)
                self.cp.add_hint(self.starts[job.id], max(0, work_from - now))
                self.cp.add_hint(self.ends[job.id], work_from + self.axis.long(centre, job.work_ms))
        self.cp.add_circuit([*absent, *((before, after, arc) for (before, after), arc in arcs.items())])

    def _order(self, centre: str, jobs: Sequence[PlanJob]) -> set[tuple[int, int]]:
        """Who comes after whom at ``centre`` in the plan that there is."""
        placed = [(self.plan.jobs[job.id].start_ms, number) for number, job in enumerate(jobs, 1)
                  if self.plan.jobs[job.id].centre == centre]
        line = [0, *(number for _, number in sorted(placed)), 0]
        return set(pairwise(line)) if placed else set()

    def _candidates(self, job: PlanJob) -> tuple[str, ...]:
        settled = job.id in self.frozen or job.stage != "waiting" or self.plan.jobs[job.id].fixed
        return (self.plan.jobs[job.id].centre,) if settled else job.centres

    def _long(self, centre: str, job: PlanJob) -> Any:
        """Steps that ``job`` takes at ``centre`` with its set-up: a number, or an expression of who comes before."""
        setup = self.setups.get((job.id, centre))
        if setup is not None:
            return self.axis.long(centre, job.work_ms) + setup
        return self.axis.long(centre, job.work_ms + self.fittings[centre].least(job))

    def _fixed(self, job: PlanJob, placed: PlannedJob) -> None:
        """What a person has fixed is where it is; what stands against it there is no affair of the search."""
        begin, end = self.axis.at(placed.start_ms), self.axis.at(placed.end_ms)
        self.starts[job.id], self.ends[job.id], self.chosen[job.id, placed.centre] = begin, end, True
        if not placed.conflict:
            self._hold(placed.centre, self.cp.new_fixed_size_interval_var(begin, end - begin, ""))

    def _job(self, job: PlanJob) -> None:
        placed = self.plan.jobs[job.id]
        if placed.fixed:
            self._fixed(job, placed)
            return
        ready = self._ready(job)
        start = self.starts[job.id] = self.cp.new_int_var(0 if self._setups(job) else ready, self.horizon, "")
        if self._setups(job):
            self.cp.add(self._set_up(job) >= ready)
        if (job.id, placed.centre) not in self.setups:
            self.cp.add_hint(start, self._begin(job))
        centres = self._candidates(job)
        if len(centres) == 1:
            length = self._long(centres[0], job)
            if isinstance(length, int):
                self._hold(centres[0], self.cp.new_fixed_size_interval_var(start, length, ""))
                self.ends[job.id] = start + length
            else:
                self._hold(centres[0], self.cp.new_interval_var(start, length, self._end(job, ready), ""))
            self.chosen[job.id, centres[0]] = True
            return
        end, literals = self._end(job, ready), []
        for name in centres:
            here = self.chosen[job.id, name] = self.cp.new_bool_var("")
            self._hold(name, self.cp.new_optional_interval_var(start, self._long(name, job), end, here, ""))
            self.cp.add_hint(here, name == placed.centre)
            literals.append(here)
        self.cp.add_exactly_one(literals)

    def _end(self, job: PlanJob, ready: int) -> Any:
        end = self.ends[job.id] = self.cp.new_int_var(ready, self.horizon, "")
        placed = self.plan.jobs[job.id]
        if (job.id, placed.centre) not in self.setups:
            self.cp.add_hint(end, self._begin(job) + self._long(placed.centre, job))
        return end

    def _begin(self, job: PlanJob) -> int:
        """The step at which ``job`` begins in the plan that there is."""
        placed = self.plan.jobs[job.id]
        least = self.axis.long(placed.centre, self.fittings[placed.centre].least(job))
        return max(self._ready(job), self.axis.at(placed.work_from_ms) - least)

    def _setups(self, job: PlanJob) -> list[Any]:
        return [self.setups[job.id, name] for name in job.centres if (job.id, name) in self.setups]

    def _set_up(self, job: PlanJob) -> Any:
        """When ``job`` is set up; from then on it needs what it waits for, for a plan may set up before that."""
        return self.starts[job.id] + sum(self._setups(job))

    def _ready(self, job: PlanJob) -> int:
        if job.stage == "running":
            return 0
        return max([self.axis.at(job.earliest_ms), *(self.axis.at(one.at_ms) for one in job.materials)])

    def _hold(self, centre: str, interval: Any) -> None:
        self.busy.setdefault(centre, []).append(interval)

    def _frozen(self, jobs: Sequence[PlanJob]) -> None:
        """What is about to begin, or has begun, comes first at its work centre, in the order that it has now."""
        by_centre: dict[str, list[str]] = {}
        first = (name for name in self.frozen if not self.plan.jobs[name].fixed)
        for name in sorted(first, key=lambda one: (self.plan.jobs[one].start_ms, one)):
            by_centre.setdefault(self.plan.jobs[name].centre, []).append(name)
        lanes = {one.id: one.parallel for one in self.problem.centres}
        for centre, held in by_centre.items():
            if lanes[centre] > 1:
                continue  # side by side there is no one order; what would move is not adopted
            for before, after in pairwise(held):
                self.cp.add(self.starts[after] >= self.ends[before])
            for job in jobs:
                here = self.chosen.get((job.id, centre))
                if job.id not in self.frozen and here is not None and not self.plan.jobs[job.id].fixed:
                    limit = self.cp.add(self.starts[job.id] >= self.ends[held[-1]])
                    if here is not True:
                        limit.only_enforce_if(here)

    def _centres(self) -> None:
        lanes = {one.id: one.parallel for one in self.problem.centres}
        for outage in self.problem.outages:
            begin = self.axis.at(outage.from_ms)
            end = self.axis.at(outage.until_ms) if outage.until_ms else self.horizon
            if outage.centre in self.busy and end > begin:
                self.busy[outage.centre] += [self.cp.new_fixed_size_interval_var(begin, end - begin, "")
                                             for _ in range(lanes[outage.centre])]
        for centre, intervals in self.busy.items():
            if lanes[centre] == 1:
                self.cp.add_no_overlap(intervals)
            else:
                self.cp.add_cumulative(intervals, [1] * len(intervals), lanes[centre])

    def _goal(self, jobs: Sequence[PlanJob], goal: str) -> None:
        if goal == "makespan":
            last = self.cp.new_int_var(0, self.horizon, "")
            for job in jobs:
                self.cp.add(last >= self.ends[job.id])
            self.cp.minimize(last)
            return
        terms: list[Any] = []
        for order in sorted({job.order for job in jobs}):
            mine = [job for job in jobs if job.order == order]
            end = self.cp.new_int_var(0, self.horizon, "")
            for job in mine:
                self.cp.add(end >= self.ends[job.id])
            self.cp.add_hint(end, max(self.axis.at(self.plan.jobs[job.id].end_ms) for job in mine))
            terms.append(end)
            terms += self._lateness(order, end, 1 + max(0, *(job.priority for job in mine), 0), mine)
        self.cp.minimize(sum(terms))

    def _lateness(self, order: str, end: Any, weight: int, mine: Sequence[PlanJob]) -> list[Any]:
        promised = self.problem.promised.get(order)
        due = promised.first_ms if promised else next((job.due_ms for job in mine if job.due_ms is not None), None)
        if due is None:
            return []
        late = self.cp.new_int_var(0, self.horizon, "")
        self.cp.add(late >= end - self.axis.at(due))
        if promised:  # nobody is made later than promised, or than it is now
            ends = self.plan.order_ends.get(order) or promised.at_ms
            self.cp.add(end <= self.axis.at(max(promised.at_ms, ends)))
        return [LATE * weight * late]


def search(problem: Problem, plan: Plan, limits: Limits, frozen: frozenset[str] = frozenset()) -> Found:
    """A sequence at least as good as that of ``plan`` on the axis of the search; ``frozen`` jobs come first as now."""
    from ortools.sat.python import cp_model

    axis = _axis(problem)
    model = _Model(problem, plan, axis, frozen, cp_model.CpModel())
    model.build(limits.goal)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = limits.seconds
    solver.parameters.num_workers = limits.workers
    solver.parameters.random_seed = limits.seed
    if limits.effort:
        solver.parameters.max_deterministic_time = limits.effort
    if limits.workers > 1 and limits.effort:
        solver.parameters.interleave_search = True  # else which worker is first depends on the machine
    status = solver.solve(model.cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found(status=solver.status_name(status), step_ms=axis.step)
    order = sorted(model.starts, key=lambda one: (solver.value(model.starts[one]), solver.value(model.ends[one]), one))
    chosen = {job: centre for (job, centre), here in model.chosen.items() if here is True or solver.value(here)}
    return Found(sequence=tuple(Placing(job=one, centre=chosen[one]) for one in order),
                 status=solver.status_name(status), best=round(solver.objective_value),
                 bound=round(solver.best_objective_bound), step_ms=axis.step)
