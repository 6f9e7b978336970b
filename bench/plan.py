"""Plans: published job shops against their proven optima, and a real-shaped shop of 40 machines and 1,000 jobs.

The baseline of a published instance is its optimum (``WEFT_SHARED``/data/jobshop); that of the shop is the plan that
is there at once, before any search. The shop keeps daytime hours; every order was promised from its own plan, then
a tenth of the machines broke down and a quarter of the jobs grew slower.
"""

import json
import os
import random
import time
from pathlib import Path

import msgspec

from bench.rounds import Result, limit
from weft.planners import cpsat
from weft.planners.cpsat import Limits
from weft.planners.search import Task, improve
from weft.production import greedy, sequence
from weft.production.master import Calendar, Shift
from weft.production.plan import Outage, Plan, PlanCentre, PlanJob, Problem, Promised

INSTANCES = Path(os.environ.get("WEFT_SHARED", "../shared")) / "data" / "jobshop"
MINUTE, HOUR = 60_000, 3_600_000
MONDAY = 1_795_392_000_000
SECONDS = 10.0
WORKERS = os.cpu_count() or 1
ALWAYS = Calendar(id="c", shifts=tuple(Shift(day=day, start=0, end=1440) for day in range(7)))
DAYTIME = Calendar(id="c", shifts=tuple(Shift(day=day, start=480, end=1020) for day in range(5)))


def published(name: str) -> Problem:
    """One instance; a unit of its durations is a minute."""
    rows = [line.split() for line in (INSTANCES / name).read_text().splitlines() if line.strip() and line[0] != "#"]
    jobs, machines = int(rows[0][0]), int(rows[0][1])
    made = [PlanJob(id=f"J{at}-{step}", order=f"J{at}", operation=step, centres=(f"M{row[2 * step]}",),
                    work_ms=int(row[2 * step + 1]) * MINUTE, after=(f"J{at}-{step - 1}",) if step else ())
            for at, row in enumerate(rows[1:jobs + 1]) for step in range(machines)]
    return Problem(now_ms=MONDAY, jobs=tuple(made), calendars={"c": ALWAYS},
                   centres=tuple(PlanCentre(id=f"M{one}", calendar="c") for one in range(machines)))


def shop(orders: int = 250, machines: int = 40, seed: int = 1) -> Problem:
    """Orders of four operations, each possible on two machines of a group, after a bad morning."""
    chance = random.Random(seed)
    jobs = []
    for order in range(orders):
        for step in range(4):
            group = chance.randrange(machines // 4) * 4
            jobs.append(PlanJob(
                id=f"O{order}-{step}", order=f"O{order}", operation=step, rank=order,
                centres=tuple(f"M{one}" for one in chance.sample(range(group, group + 4), 2)),
                work_ms=chance.randint(20, 240) * MINUTE, after=(f"O{order}-{step - 1}",) if step else ()))
    problem = Problem(now_ms=MONDAY, jobs=tuple(jobs), calendars={"c": DAYTIME},
                      centres=tuple(PlanCentre(id=f"M{one}", calendar="c") for one in range(machines)))
    ends = {order: end + chance.randint(0, 4) * 6 * HOUR
            for order, end in greedy.schedule(problem).order_ends.items() if end is not None}
    slower = [msgspec.structs.replace(job, work_ms=job.work_ms * chance.choice((10, 10, 10, 13)) // 10) for job in jobs]
    return msgspec.structs.replace(
        problem, jobs=tuple(slower), promised={order: Promised(first_ms=end, at_ms=end) for order, end in ends.items()},
        outages=tuple(Outage(centre=f"M{one}", from_ms=MONDAY, until_ms=MONDAY + chance.randint(20, 80) * HOUR)
                      for one in chance.sample(range(machines), machines // 10)))


def _makespan(plan: Plan) -> int:
    return (max(job.end_ms for job in plan.jobs.values()) - plan.now_ms) // MINUTE


def _solved(name: str, optimum: int) -> Result:
    problem = published(name)
    found = cpsat.search(problem, greedy.schedule(problem), Limits(seconds=SECONDS, workers=WORKERS, goal="makespan"))
    reached = _makespan(greedy.schedule(sequence.following(problem, found.sequence)))
    return Result(f"{name}, {SECONDS:g} s at most", f"{reached} ({found.status.lower()})", str(optimum),
                  reached / optimum, "<= 1.01", reached <= 1.01 * optimum)


def _insertion(problem: Problem, plan: Plan) -> float:
    extra = tuple(PlanJob(id=f"X-{step}", order="X", operation=step, centres=(f"M{4 * step}", f"M{4 * step + 1}"),
                          work_ms=2 * HOUR, after=(f"X-{step - 1}",) if step else ()) for step in range(4))
    begun = time.perf_counter()
    greedy.insert(problem, plan, extra)
    return (time.perf_counter() - begun) * 1000


def results() -> list[Result]:
    """All instances, then the shop."""
    told = []
    if INSTANCES.is_dir():
        told += [_solved(one["name"], one["optimum"]) for one in json.loads((INSTANCES / "optima.json").read_text())]
    problem = shop()
    begun = time.perf_counter()
    plan = sequence.planned(problem)
    told.append(limit("first plan, 40 machines, 1,000 jobs", time.perf_counter() - begun, "s", 1.0))
    told.append(limit("an order inserted for a promise", min(_insertion(problem, plan) for _ in range(5)), "ms", 300.0))
    for seconds in (5.0, 20.0):
        answer = improve(Task(problem=problem, plan=plan, limits=Limits(seconds=seconds, workers=WORKERS)))
        better = sequence.adopted(problem, plan, answer.sequence) or plan
        late, before = sequence.score(problem, better)[1], sequence.score(problem, plan)[1]
        told.append(Result(f"hours late after {seconds:g} s of search", f"{late // 60:,}", f"{before // 60:,}",
                           late / before, "< 1", late < before))
    return told
