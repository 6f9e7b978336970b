"""A node of its own, in a process of its own, for whoever wants to ask it over HTTP."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_S = 30


@contextmanager
def running() -> Iterator[str]:
    """The address of the AAS API (edition 3.0) of a fresh node that lets this machine in."""
    with tempfile.TemporaryDirectory(prefix="weft-conformance-") as folder:
        home = Path(folder) / "home"
        weft = [sys.executable, "-m", "weft"]
        subprocess.run([*weft, "init", str(home), "--name", "Conformance", "--lang", "en"], check=True,
                       stdout=subprocess.DEVNULL)
        with subprocess.Popen([*weft, "up", str(home), "--port", "0", "--dev-open", "--json"], text=True,
                              stdout=subprocess.PIPE) as node:
            try:
                assert node.stdout is not None
                yield json.loads(node.stdout.readline())["url"].rstrip("/") + "/api/v3.0"
            finally:
                node.terminate()
                node.wait(STOP_S)
