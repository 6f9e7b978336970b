"""Why a job moved: what one plan told of it, what the next one tells, and the change between the two that explains it.

Rule 1: the same two plans and problems give the same reasons; nothing is asked of a clock or of anybody.
Rule 2: a job has moved when it stands at another work centre, or a quarter of an hour from where it was last told to
        be: what is told is kept until then, so that a slow drift adds up to a move.
Rule 3: the reason is the first change that is met on the way back through what holds the job.
Not here: how long what was told is kept (``engine/moves.py``), why a job is where it is at all (``promise.chain``).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import field

from weft.basis import instant
from weft.production.calendar import MINUTE
from weft.production.master import Data
from weft.production.messages import Why
from weft.production.plan import Outage, Plan, PlanJob, PlannedJob, Problem

MOVED: Final = 15 * MINUTE


class Was(Data, frozen=True, kw_only=True):
    """What was told of one job, and what that rested on; ``None``: it had no place."""

    order: str
    centre: str = ""
    start_ms: int | None = None
    end_ms: int = 0
    work_ms: int = 0
    material_ms: int = 0
    fixed_ms: int | None = None
    earliest_ms: int = 0
    place: int | None = None


class Move(Data, frozen=True, kw_only=True):
    """One job that moved: noticed at ``at_ms``, from where to where (``None``: no place), and why."""

    at_ms: int
    from_ms: int | None
    from_centre: str
    to_ms: int | None
    centre: str
    why: Why


class Told(Data, frozen=True, kw_only=True):
    """What the plan has told so far, and the last move of each job that moved."""

    jobs: dict[str, Was] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    moves: dict[str, Move] = field(default_factory=dict)


def told(before: Told, problem: Problem, plan: Plan) -> Told:
    """What has been told once ``plan`` is known; ``before`` itself when there is nothing new in it."""
    now = {job.id: _was(job, plan.jobs.get(job.id)) for job in problem.jobs}
    look = _Look(before, problem, plan, now)
    moved = [name for name, was in before.jobs.items() if name in now and look.has_moved(name, was)]
    if not moved and before.jobs.keys() == now.keys() and _down(before.outages) == _down(problem.outages):
        return before
    moves = {name: move for name, move in before.moves.items() if name in now}
    for name in moved:
        was, here = before.jobs[name], now[name]
        moves[name] = Move(at_ms=problem.now_ms, from_ms=was.start_ms, from_centre=was.centre, to_ms=here.start_ms,
                           centre=here.centre, why=look.why(name))
    kept = {name: was for name, was in before.jobs.items() if name not in moved}
    return Told(jobs={name: kept.get(name, here) for name, here in now.items()}, outages=problem.outages, moves=moves)


def _was(job: PlanJob, placed: PlannedJob | None) -> Was:
    waits = [FAR if arrival.at_ms is None else arrival.at_ms for arrival in job.materials]
    rest = Was(order=job.order, work_ms=job.work_ms, material_ms=max(waits, default=0), fixed_ms=job.fixed_ms,
               earliest_ms=job.earliest_ms, place=job.place)
    if placed is None:
        return rest
    return msgspec.structs.replace(rest, centre=placed.centre, start_ms=placed.start_ms, end_ms=placed.end_ms)


FAR: Final = 2**53 - 1  # material that nobody has promised


def _down(outages: tuple[Outage, ...]) -> set[tuple[str, int]]:
    return {(one.centre, one.from_ms) for one in outages}


class _Look:
    """Two plans side by side."""

    def __init__(self, before: Told, problem: Problem, plan: Plan, now: Mapping[str, Was]) -> None:
        self._before, self._problem, self._plan, self._now = before, problem, plan, now
        self._jobs = {job.id: job for job in problem.jobs}
        self._out = {centre for centre, _ in _down(problem.outages) - _down(before.outages)}
        self._back = {one.centre for one in before.outages} - {one.centre for one in problem.outages}

    def has_moved(self, name: str, was: Was) -> bool:
        """Whether ``name`` is no longer where it was told to be; what has begun is where it is."""
        here = self._now[name]
        if self._jobs[name].stage == "running":
            return False
        if was.start_ms is None or here.start_ms is None:
            return was.start_ms is not here.start_ms
        return was.centre != here.centre or abs(was.start_ms - here.start_ms) >= MOVED

    def why(self, name: str) -> Why:
        """The first change on the way back from ``name``."""
        seen: list[str] = []
        at: str | None = name
        while at is not None and at not in seen:
            seen.append(at)
            found = self._own(at) or (self._placed(at) if at == name else self._held(at))
            if found is not None:
                return found
            placed = self._plan.jobs.get(at)
            at = placed.bound_by if placed and placed.bound in ("work-centre", "predecessor") else None
        return self._else(name, seen[-1])

    def _own(self, name: str) -> Why | None:
        """What has changed in the job ``name`` itself."""
        was, here = self._before.jobs.get(name), self._now.get(name)
        if here is None:
            return None
        if was is None:
            return _why("order-before", order=here.order, job=name)
        if (was.fixed_ms, was.earliest_ms) != (here.fixed_ms, here.earliest_ms):
            at = here.fixed_ms or here.earliest_ms
            return _why("lock", job=name, at=instant.from_ms(at)) if at else _why("unlock", job=name)
        if was.material_ms != here.material_ms and _later(was, here) == (here.material_ms > was.material_ms):
            return self._material(name, later=here.material_ms > was.material_ms)
        if was.centre in self._out or here.centre in self._out:
            return _why("machine-out", work_centre=was.centre if was.centre in self._out else here.centre)
        return None

    def _material(self, name: str, *, later: bool) -> Why:
        last = max(self._jobs[name].materials, key=lambda one: FAR if one.at_ms is None else one.at_ms, default=None)
        if last is None:
            return _why("material-here", job=name)
        if last.at_ms is None:
            return _why("material-gone", item=last.item)
        return _why("material-later" if later else "material-earlier", item=last.item, at=instant.from_ms(last.at_ms))

    def _held(self, name: str) -> Why | None:
        """What has changed in how long ``name`` holds up who is behind it, or in who comes first."""
        was, here = self._before.jobs.get(name), self._now[name]
        if was is None or was.start_ms is None or here.start_ms is None:
            return None
        if self._jobs[name].stage == "running" and here.end_ms > was.end_ms:
            began_late = here.start_ms - was.start_ms
            if 2 * began_late >= here.end_ms - was.end_ms:
                return _why("began-late", job=name)
            return _why("slower", job=name)
        return _why("slower", job=name) if here.work_ms > was.work_ms else self._placed(name)

    def _placed(self, name: str) -> Why | None:
        """Whether another sequence was adopted."""
        was = self._before.jobs.get(name)
        return _why("better-plan") if was is not None and was.place != self._now[name].place else None

    def _else(self, name: str, last: str) -> Why:
        """When nothing on the way from ``name`` to the ``last`` that holds it has changed: what else can be."""
        was, here, placed = self._before.jobs[name], self._now[name], self._plan.jobs.get(last)
        if placed is not None and placed.bound == "outage":
            return _why("machine-out", work_centre=placed.bound_by)
        if placed is not None and placed.bound == "now" and _later(was, here):
            return _why("not-begun", job=last)
        if not _later(was, here) and (was.centre in self._back or here.centre in self._back):
            return _why("machine-back", work_centre=here.centre if here.centre in self._back else was.centre)
        if not _later(was, here) and here.start_ms is not None:
            return _why("room", work_centre=here.centre)
        return _why("others", work_centre=here.centre or was.centre)


def _later(was: Was, here: Was) -> bool:
    return (FAR if here.start_ms is None else here.start_ms) > (FAR if was.start_ms is None else was.start_ms)


def _why(code: str, **facts: str) -> Why:
    return Why(code="moved-" + code, facts=facts)
