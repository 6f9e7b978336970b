"""A sample of the seeded worlds; ``make sim N=20000`` runs as many as one likes."""

import json
import os
import subprocess
import sys

import pytest

FAULTS = (
    "crashes at any step", "crashes at work", "crashes in effects", "restarts", "lost", "doubled", "overtaken",
    "partitions", "cut off", "clock jumps", "restored backups", "bundles by hand", "upgrades", "replayed", "orphans",
    "forged", "withheld", "denied by the rules",
)


def simulated(*asked):
    """(exit code, figures, all that was printed) of one run, as a person would start it."""
    command = [sys.executable, "-m", "tests.simulation", *map(str, asked)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=1_200
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


def test_worlds_converge_lose_nothing_and_leak_nothing_while_every_kind_of_fault_strikes():
    code, figures, printed = simulated("--n", 13, "--start", 603)
    assert code == 0, printed
    assert (figures["seeds"], figures["writes"] >= 600, figures["threads"] >= 40) == (13, True, True)
    assert [name for name in FAULTS if not figures["faults"].get(name)] == []
    assert figures["forks"] > 0


def test_void_events_effects_after_crashes_and_compensations_are_covered_by_name():
    _, figures, printed = simulated("--n", 3, "--start", 600, "--jobs", 1, "--store", "sqlite")
    assert figures["diverged"] + figures["acked_lost"] + figures["invariants_broken"] == 0, printed
    assert min(figures["void"], figures["effects drawn"]) > 0
    assert min(figures["faults"]["crashes in effects"], figures["faults"]["compensations"]) > 0


@pytest.mark.release
def test_a_thousand_worlds_converge_and_lose_nothing_and_leak_nothing():
    code, _, printed = simulated("--n", 1_000, "--start", 10_000)
    assert code == 0, printed


@pytest.mark.parametrize(("control", "kind", "words"), [
    ("hasty", ("acked_lost", "diverged"), ""),
    ("keyless", ("invariants_broken",), ""),
    ("same-incarnation", ("diverged",), "alarm"),
    ("sequence-vectors", ("forks_undetected",), "does not know of a fork"),
    ("late-fork-check", ("forks_undetected",), "does not know of a fork"),
    ("gossip", ("leaked",), "not its own"),
])
def test_control_is_found_for_what_it_is(control, kind, words):
    code, figures, printed = simulated("--n", 100, "--start", 10, "--jobs", 1, "--control", control)
    assert code == 0, printed
    assert any(figures[one] for one in kind), printed
    assert words in printed


def test_a_control_that_finds_nothing_fails_and_a_finding_tells_how_to_replay_it():
    code, figures, printed = simulated("--n", 0, "--control", "gossip")
    assert (code, figures["seeds"]) == (1, 0), printed
    assert "replay: make sim SEED=1" in simulated("--n", 1, "--control", "gossip")[2]


def test_a_seed_replays_step_by_step():
    first, second = (simulated("--seed", 11)[1] for _ in range(2))
    assert {**first, "s": 0} == {**second, "s": 0}
