"""The fuzzer in small, and that it sees: two faults put in are found, and a number replays what it did."""

import json
import random
import subprocess
import sys

import pytest

from tests.fuzz.__main__ import Runner
from tests.fuzz.targets import TARGETS, corpora
from weft.basis.errors import WeftError


def fuzzed(*asked):
    """(exit code, figures, all that was printed) of one run, as a person would start it."""
    command = [sys.executable, "-m", "tests.fuzz", *map(str, asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3_000)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_bent_bytes_are_refused_or_hold_what_is_promised():
    code, figures, printed = fuzzed("--n", 2_000)
    assert code == 0, printed
    assert figures["executions"] == 2_000
    assert figures["accepted"] > 100, "some were not bent enough to be refused"
    assert all(figures["by"].values()), "everything was fed"


@pytest.mark.parametrize("fault", ["lax", "leaky"])
def test_control_a_fault_is_found(fault):
    code, figures, printed = fuzzed("--n", 2_000, "--control", fault)
    assert code == 0, printed
    assert figures["findings"] > 0
    assert "replay: make fuzz SEED=1 ONLY=" in printed


def test_control_a_fault_that_is_not_there_is_not_found():
    """The run over a sound build with a control's name must not pass: here it is stopped before it can find any."""
    code, figures, _ = fuzzed("--n", 1, "--control", "lax")
    assert figures["findings"] == 0
    assert code == 1


def test_a_number_replays_what_it_did():
    def told(numbers):
        runner, outcomes = Runner(5), []
        for number in numbers:
            try:
                runner.one(number)
                outcomes.append(sorted(runner.figures.items()))
            except WeftError as error:
                outcomes.append(error.code)
        runner.loop.close()
        return outcomes

    assert told(range(256, 300)) == told(range(256, 300))


def test_the_corpus_is_valid():
    """Else nothing beyond the first check would ever be reached."""
    for name, samples in corpora().items():
        for data in samples:
            try:
                TARGETS[name](data, random.Random(1))
            except WeftError as error:
                assert name == "envelope", error.code
                assert b'"m\\":\\"keylog/1' in data, "only a key log is signed by no device"


@pytest.mark.release
def test_a_million_times():
    code, _, printed = fuzzed("--n", 1_000_000, "--seed", 2)
    assert code == 0, printed
