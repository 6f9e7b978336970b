"""Another implementation of witnesses (Go), built once when the toolchain and its modules are there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "tlog" / "foreign" / "witness"


def build(folder: Path) -> Path:
    """The program; skips loudly where it cannot be made."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("NO GO: the witness of transparency-dev did not look at our log, nor its client at our witness")
    alone = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
    program = folder / "witness"
    if "HOME" not in alone:
        alone |= {"GOCACHE": str(folder / "cache"), "GOMODCACHE": str(folder / "modules")}
    try:
        fetched = subprocess.run([go, "mod", "download"], cwd=SOURCE, env=alone, capture_output=True, text=True,
                                 check=False, timeout=180)
    except subprocess.TimeoutExpired:
        pytest.skip("NO REGISTRY: the witness of transparency-dev could not be fetched and did not look at our log")
    if fetched.returncode:
        pytest.skip(f"NO REGISTRY: the witness of transparency-dev did not look at our log: {fetched.stderr[-300:]}")
    built = subprocess.run([go, "build", "-o", str(program), "."], cwd=SOURCE, env=alone, capture_output=True,
                           text=True, check=False, timeout=400)
    assert built.returncode == 0, built.stderr
    return program


class GoWitness:
    """A running foreign witness that knows one log."""

    def __init__(self, program: Path, log: str) -> None:
        self.process = subprocess.Popen([str(program), "serve", log], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        told = json.loads(self.process.stdout.readline())
        self.url, self.vkey = told["url"], told["vkey"]

    def end(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


