"""A world that is told from its beginning to its end by ``weft demo``, in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def told_by(folder: Path, limit_s: float, *options: str) -> tuple[int, dict[str, Any]]:
    """(exit code, what the world of ``folder`` prints on its last line)."""
    done = subprocess.run(
        [sys.executable, "-m", "weft", "demo", str(folder), "--headless", "--json", *options],
        capture_output=True, text=True, timeout=limit_s, check=False, cwd=ROOT)
    assert done.stdout, done.stderr[-3_000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, report
