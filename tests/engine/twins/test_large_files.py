"""Large files of twins: what an import holds in memory does not grow with the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def measured(folder, form, megabytes, *how):
    run = subprocess.run(
        [sys.executable, str(ROOT / "tests/engine/twins/large_files.py"), str(folder), form, str(megabytes), *how],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True, timeout=900)
    told = json.loads(run.stdout)
    print(told)
    return told


@pytest.mark.release
@pytest.mark.parametrize(("form", "megabytes", "more_mb"), [("files", 100, 80), ("xml", 60, 120), ("json", 60, 120)])
def test_a_large_file_comes_in_with_its_progress_in_little_memory(tmp_path, form, megabytes, more_mb):
    told = measured(tmp_path, form, megabytes)
    assert told["taken"] and told["steps_told"] > 100
    assert told["peak_mb"] - told["before_mb"] < more_mb


@pytest.mark.release
def test_control_what_holds_the_whole_document_is_seen_by_the_same_measure():
    """The same 60 MB of XML, held as a tree: far more than the bound above."""
    script = ("from xml.etree import ElementTree as ET; from tests.memory import peak_kb; before = peak_kb(); "
              "one = '<property><idShort>V</idShort><value>1</value></property>'; "
              "tree = ET.fromstring('<a>' + one * 1_150_000 + '</a>'); "
              "print(peak_kb() - before >> 10)")
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True,
                         timeout=300)
    assert int(run.stdout) > 400
