"""Why jobs move: each cause by itself, found from two plans alone."""

import msgspec
import pytest
from hypothesis import given, settings

from tests.production.workshop import ALWAYS, HOUR, MINUTE, MONDAY, mixed_problems
from weft.production import greedy
from weft.production.moves import MOVED, Told, told
from weft.production.plan import Arrival, Outage, PlanCentre, PlanJob, Problem

CENTRES = (PlanCentre(id="W", calendar="always"), PlanCentre(id="V", calendar="always"))


def shop(*jobs, now=0, outages=()):
    return Problem(now_ms=MONDAY + now * MINUTE, jobs=jobs, centres=CENTRES, outages=outages,
                   calendars={"always": ALWAYS})


def job(name, hours=1, **fields):
    return PlanJob(id=name, order=f"O{name}", work_ms=int(hours * HOUR), centres=("W",), **fields)


def then(*problems):
    kept = Told()
    for problem in problems:
        kept = told(kept, problem, greedy.schedule(problem))
    return kept


def bar(hour):
    return (Arrival(item="bar", at_ms=None if hour is None else MONDAY + hour * HOUR),)


A, B = job("a", 2, rank=1), job("b", rank=2)
SIX = "2026-11-23T06:00:00.000Z"
OUT = Outage(centre="W", from_ms=MONDAY, until_ms=MONDAY + 5 * HOUR)
BEFORE, AFTER = shop(A, B), {
    "an order came in before it": (shop(A, B, job("n", rank=0)), "order-before", {"order": "On", "job": "n"}),
    "its machine stands still": (shop(A, B, outages=(OUT,)), "machine-out", {"work_centre": "W"}),
    "the job before it takes longer": (shop(job("a", 4, rank=1), B), "slower", {"job": "a"}),
    "material comes later": (
        shop(A, job("b", rank=2, materials=bar(9))), "material-later",
        {"item": "bar", "at": "2026-11-23T09:00:00.000Z"}),
    "nobody promises material any more": (
        shop(A, job("b", rank=2, materials=bar(None))), "material-gone", {"item": "bar"}),
    "it was fixed by hand": (
        shop(A, job("b", rank=2, fixed_ms=MONDAY + 6 * HOUR)), "lock", {"job": "b", "at": SIX}),
    "it may not begin before": (
        shop(A, job("b", rank=2, earliest_ms=MONDAY + 6 * HOUR)), "lock", {"job": "b", "at": SIX}),
    "another was fixed in its place": (
        shop(job("a", 2, rank=1, fixed_ms=MONDAY + HOUR // 2), B), "lock",
        {"job": "a", "at": "2026-11-23T00:30:00.000Z"}),
    "a better sequence was adopted": (
        shop(msgspec.structs.replace(A, place=1), msgspec.structs.replace(B, place=0)), "better-plan", {}),
    "what was before it is gone": (shop(B), "room", {"work_centre": "W"}),
    "its time came and nobody began": (shop(job("a", 2, rank=1), B, now=30), "not-begun", {"job": "a"}),
}


@pytest.mark.parametrize("change", AFTER)
def test_a_job_says_why_it_moved(change):
    after, code, facts = AFTER[change]
    move = then(BEFORE, after).moves["b"]
    assert (move.why.code, move.why.facts) == ("moved-" + code, facts)
    assert (move.from_ms, move.from_centre) == (MONDAY + 2 * HOUR, "W")
    assert move.to_ms == (greedy.schedule(after).jobs["b"].start_ms if "b" in greedy.schedule(after).jobs else None)


def test_a_job_that_began_late_or_takes_longer_moves_the_next_one():
    late = shop(job("a", 2, rank=1, stage="running", started_ms=MONDAY + HOUR), B, now=60)
    slow = shop(job("a", 2, rank=1, stage="running", started_ms=MONDAY), B, now=60)
    assert then(BEFORE, late).moves["b"].why.code == "moved-began-late"
    assert then(BEFORE, slow).moves["b"].why.code == "moved-slower"
    assert "a" not in then(BEFORE, late).moves  # what has begun is where it is


def test_a_machine_that_runs_again_and_a_lock_that_is_taken_away_say_so():
    assert then(shop(A, B, outages=(OUT,)), shop(A, B)).moves["a"].why.code == "moved-machine-back"
    fixed = shop(A, job("b", rank=2, fixed_ms=MONDAY + 6 * HOUR))
    assert then(fixed, BEFORE).moves["b"].why.code == "moved-unlock"
    early = then(shop(A, job("b", rank=2, materials=bar(9))), shop(A, job("b", rank=2, materials=bar(4)))).moves["b"]
    assert early.why.code == "moved-material-earlier"


def test_a_slow_drift_adds_up_to_one_move_and_less_than_that_is_none():
    minutes = [shop(job("a", 2 + n / 30, rank=1), B) for n in range(8)]  # two more minutes each time
    assert then(*minutes[:7]).moves == {}
    assert then(*minutes).moves == {}
    more = shop(job("a", 2 + MOVED / HOUR, rank=1), B)
    assert then(*minutes, more).moves["b"].to_ms - then(*minutes, more).moves["b"].from_ms == MOVED


def test_a_move_is_told_until_the_job_is_gone_and_the_last_one_counts():
    twice = then(BEFORE, shop(A, B, job("n", rank=0)), shop(A, B, job("n", rank=0), outages=(OUT,)))
    assert twice.moves["b"].why.code == "moved-machine-out"
    assert then(BEFORE, shop(A, B, job("n", rank=0)), shop(A)).moves.keys() <= {"a"}


@settings(max_examples=60)
@given(mixed_problems(fixed=True), mixed_problems(fixed=True))
def test_any_two_plans_give_one_answer_and_nothing_new_gives_none(first, second):
    assert then(first, second) == then(first, second)
    kept = then(first, second)
    assert told(kept, second, greedy.schedule(second)) is kept
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Told) == kept
    for move in kept.moves.values():
        assert move.why.code.startswith("moved-")
