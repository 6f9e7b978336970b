"""A sample of the seeded worlds; ``make sim ARGS="--n 100000"`` runs as many as one likes."""

import json
import os
import subprocess
import sys

import pytest


def simulated(*asked):
    """(exit code, figures, all that was printed) of one run, as a person would start it."""
    command = [sys.executable, "-m", "tests.simulation", *map(str, asked)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=300
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout


@pytest.mark.parametrize(("store", "count"), [("memory", 20), ("sqlite", 5)])
def test_worlds_converge_and_lose_nothing(store, count):
    code, figures, printed = simulated("--n", count, "--seconds", 12, "--store", store)
    assert code == 0, printed
    for fault in ("crashes", "lost", "doubled", "cuts", "cut off", "merges", "void", "despatched", "tried again"):
        assert figures.get(fault, 0) > 0 or store == "sqlite", f"no world had any {fault}: {figures}"


@pytest.mark.release
def test_a_thousand_worlds_converge_and_lose_nothing():
    code, _, printed = simulated("--n", 1_000, "--start", 10_000)
    assert code == 0, printed


def test_control_a_disk_that_promises_before_it_writes_is_found_out():
    code, figures, printed = simulated("--n", 60, "--control", "hasty")
    assert code == 0, printed
    assert figures["broken"] == 1


def test_control_a_reaction_without_its_key_is_found_out():
    code, figures, printed = simulated("--n", 400, "--control", "keyless")
    assert code == 0, printed
    assert "booked" in printed
    assert figures["broken"] == 1


def test_a_seed_replays_step_by_step():
    first, second = (simulated("--seed", 11)[1] for _ in range(2))
    assert {**first, "s": 0} == {**second, "s": 0}
