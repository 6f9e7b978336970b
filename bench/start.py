"""From ``weft up`` to the first answer, and memory when idle, beside a bare Starlette server in the same run."""

import statistics
import tempfile
import time
from pathlib import Path

from bench.processes import Firm, bare, free_port
from bench.rounds import Result, limit, show

ROUNDS = 5
IDLE_S = 2.0


def results() -> list[Result]:
    """The first line of DESIGN §13."""
    told: dict[str, list[float]] = {"start": [], "bare start": [], "memory": [], "bare memory": []}
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        firm = Firm(Path(folder), "Starter")
        for _ in range(ROUNDS):
            node, other = firm.up(), bare(Path(folder), free_port())
            time.sleep(IDLE_S)
            told["start"].append(node.seconds)
            told["memory"].append(node.resident_mb)
            told["bare start"].append(other.seconds)
            told["bare memory"].append(other.resident_mb)
            firm.end()
            other.end()
    middle = {name: statistics.median(values) for name, values in told.items()}
    return [
        limit("weft up to first answer", middle["start"], "s", 1.0, middle["bare start"]),
        limit("resident memory, idle", middle["memory"], "MB", 120.0, middle["bare memory"]),
    ]


if __name__ == "__main__":
    show(results())
