"""A program's own memory is measured, also below a process that holds much."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HELD = 300 * 1024  # kB


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="NO /proc: memory of programs is not measured")
def test_what_the_process_above_holds_counts_for_nothing():
    held = b"x" * (HELD * 1024)
    script = ("import resource; from tests.memory import peak_kb; "
              "print(peak_kb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    peak, inherited = map(int, run.stdout.split())
    assert len(held) > 0
    assert peak < HELD / 3
    assert inherited > HELD, "the control: getrusage(2) goes on across execve, and is of no use here"
