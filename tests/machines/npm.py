"""Foreign counterparts from npm, kept in a cache outside the repository; a test that needs one skips without node."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "weft-tests" / "npm"
INSTALL_S = 300


def package(name: str, version: str) -> Path:
    """The ``node_modules`` folder that holds ``name`` in exactly ``version``; installed once, else the test skips."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(f"NO NODE: {name} {version} cannot run; install nodejs and npm")
    folder = CACHE / f"{name.replace('/', '+')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may be installing the same
        done = folder / ".installed"
        if not done.exists():
            order = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--no-save",
                     "--ignore-scripts", f"{name}@{version}"]
            try:
                ran = subprocess.run(order, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            except subprocess.TimeoutExpired:
                pytest.skip(f"{name} {version} could not be installed from npm within {INSTALL_S} s")
            if ran.returncode:
                pytest.skip(f"{name} {version} could not be installed from npm: {ran.stderr[-300:]}")
            done.touch()
    return folder / "node_modules"


def environment(modules: Path) -> dict[str, str]:
    """The environment in which node finds ``modules``."""
    return {**os.environ, "NODE_PATH": str(modules)}
