"""The searches, on published instances and on random shops: what they find is real, and never worse than what was."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings

from tests.production.workshop import ALWAYS, HOUR, MINUTE, MONDAY, problems
from weft.planners import process
from weft.planners.climbing import Climb
from weft.planners.cpsat import Limits
from weft.planners.search import Task, improve
from weft.production import greedy, sequence
from weft.production.plan import PlanCentre, PlanJob, Problem, Promised

INSTANCES = Path(os.environ.get("WEFT_SHARED", "../shared")) / "data" / "jobshop"
EFFORT = Limits(seconds=60, effort=2)


def instance(name: str) -> Problem:
    """A published job shop; one unit of its durations is a minute here."""
    rows = [line.split() for line in (INSTANCES / name).read_text().splitlines() if line.strip() and line[0] != "#"]
    jobs, machines = int(rows[0][0]), int(rows[0][1])
    made = [PlanJob(id=f"J{at}-{step}", order=f"J{at}", operation=step, centres=(f"M{row[2 * step]}",),
                    work_ms=int(row[2 * step + 1]) * MINUTE, after=(f"J{at}-{step - 1}",) if step else ())
            for at, row in enumerate(rows[1:jobs + 1]) for step in range(machines)]
    return Problem(now_ms=MONDAY, jobs=tuple(made), calendars={"always": ALWAYS},
                   centres=tuple(PlanCentre(id=f"M{one}", calendar="always") for one in range(machines)))


def makespan(plan) -> int:
    return (max(job.end_ms for job in plan.jobs.values()) - plan.now_ms) // MINUTE


def late_shop() -> Problem:
    """One long order that can wait is placed before many that cannot."""
    jobs = (PlanJob(id="L", order="L", centres=("W",), work_ms=30 * HOUR, rank=0),
            *(PlanJob(id=f"S{n}", order=f"S{n}", centres=("W",), work_ms=HOUR, rank=n) for n in range(1, 6)))
    due = {"L": MONDAY + 100 * HOUR, **{f"S{n}": MONDAY + 8 * HOUR for n in range(1, 6)}}
    return Problem(now_ms=MONDAY, jobs=jobs, calendars={"always": ALWAYS},
                   centres=(PlanCentre(id="W", calendar="always"),),
                   promised={name: Promised(first_ms=at, at_ms=at) for name, at in due.items()})


@pytest.mark.skipif(not INSTANCES.is_dir(), reason="no published job shops: set WEFT_SHARED")
@pytest.mark.parametrize("name", ["ft06", "la01", "la05"])
def test_a_published_job_shop_is_solved_to_its_proven_optimum(name):
    cpsat = pytest.importorskip("weft.planners.cpsat")
    best = {one["name"]: one["optimum"] for one in json.loads((INSTANCES / "optima.json").read_text())}
    problem = instance(name)
    present = greedy.schedule(problem)
    found = cpsat.search(problem, present, Limits(seconds=60, effort=20, goal="makespan"))
    again = greedy.schedule(sequence.following(problem, found.sequence))
    assert makespan(again) == best[name] == found.best * found.step_ms // MINUTE
    assert makespan(present) > best[name]  # the control: without a search it is not


def test_late_orders_are_brought_in_time_where_that_harms_nobody():
    problem = late_shop()
    present = sequence.planned(problem)
    answer = improve(Task(problem=problem, plan=present, limits=EFFORT))
    better = sequence.adopted(problem, present, answer.sequence)
    assert sequence.score(problem, present)[1] > 0
    assert sequence.score(problem, better)[1] == 0


@settings(max_examples=25, deadline=None)
@given(problems())
def test_what_is_found_is_a_plan_as_good_or_better_whatever_the_shop(problem):
    present = sequence.planned(problem)
    answer = improve(Task(problem=problem, plan=present, limits=Limits(seconds=20, effort=0.5)))
    if answer.sequence:
        found = greedy.schedule(sequence.following(problem, answer.sequence))
        assert sequence.score(problem, found) <= sequence.score(problem, present)
        assert not sequence.harmed(problem, present, found)


def test_equal_problems_and_limits_give_equal_sequences():
    task = Task(problem=late_shop(), plan=sequence.planned(late_shop()), limits=EFFORT)
    assert improve(task) == improve(task)


def test_what_is_frozen_is_where_it_was():
    problem = late_shop()
    present = sequence.planned(problem)
    climb = Climb(problem, present, frozenset({"L"}))
    climb.begin()
    assert climb.plan.jobs["L"] == present.jobs["L"]


async def test_a_search_in_a_process_of_its_own_answers():
    problem = late_shop()
    present = sequence.planned(problem)
    found = await process.better(problem, present, 1.0)
    assert sequence.adopted(problem, present, found) is not None


async def test_a_search_that_dies_or_hangs_is_a_plan_that_stays_as_it_is(monkeypatch, tmp_path):
    problem = late_shop()
    present = sequence.planned(problem)
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    python = sys.executable
    for told in ("import os; os.kill(os.getpid(), 9)", "print('nonsense')", "import time; time.sleep(60)"):
        script = tmp_path / "search.py"
        script.write_text(f"#!{python}\n{told}\n")
        script.chmod(0o755)
        monkeypatch.setattr(process.sys, "executable", str(script))
        async with asyncio.timeout(20):
            assert await process.better(problem, present, 0.1) == ()


def orphaned(script: str) -> bool:
    """Whether a search goes on whose node was killed in the middle of it."""
    asks = f"{script}\nimport time\nprint(child.pid, flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", asks], stdout=subprocess.PIPE, text=True) as node:
        pid = int(node.stdout.readline())
        time.sleep(1.0)
        node.kill()
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]:
            return False
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    return True


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc to look for processes in")
def test_a_search_does_not_outlive_its_node(tmp_path):
    task = tmp_path / "task.json"
    task.write_bytes(msgspec.json.encode(Task(problem=late_shop(), plan=sequence.planned(late_shop()),
                                              limits=Limits(seconds=300))) + b"\n")
    start = ("import subprocess, sys\n"
             "child = subprocess.Popen([sys.executable, '-m', 'weft.planners'], stdin={}, stdout=subprocess.DEVNULL)\n")
    told = f"child.stdin.write(open({str(task)!r}, 'rb').read()); child.stdin.flush()"
    assert not orphaned(start.format("subprocess.PIPE") + told)
    kept = f"import os\npipe = os.open({str(tmp_path / 'pipe')!r}, os.O_RDWR)\n"  # control: an end that nobody closes
    os.mkfifo(tmp_path / "pipe")
    holder = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(holder, task.read_bytes())
    assert orphaned(kept + start.format("pipe"))
    os.close(holder)


def test_a_task_goes_through_its_process_unchanged():
    task = Task(problem=late_shop(), plan=sequence.planned(late_shop()))
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task
