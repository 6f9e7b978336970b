"""From a change in the machine to the new ``$value`` in its twin: a real OPC UA machine process, a real node.

The baseline is a bare asyncua subscription with the same publishing interval, in the same run.
One machine that changes now and then; the flood of 10,000 changes a second of DESIGN §13 is not made here.
"""

import asyncio
import base64
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.processes import ROOT, Firm, free_port, wait_for
from bench.rounds import Result, limit, show
from weft.machines.opcua import Pace

MACHINES = ROOT / "examples" / "demo" / "machines"
NAMESPACE = "urn:weft:demo:machine"
NAME = "L1"
PROPERTY = "SpindleSpeed"
CHANGES = 60


class _Heard:
    """What a bare subscription tells."""

    def __init__(self) -> None:
        self.value = 0.0
        self.news = asyncio.Event()

    def datachange_notification(self, _node: Any, value: Any, _data: Any) -> None:
        self.value = value
        self.news.set()


def _machine() -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, str(MACHINES / "machine.py"), "--kind", "lathe", "--name", NAME, "--seed", "7"]
    process = subprocess.Popen(
        [*command, "--port", str(free_port())], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    return process, str(json.loads(process.stdout.readline())["endpoint"])


def _connected(firm: Firm, endpoint: str) -> str:
    """Give ``firm`` the machine; the address of the property in its twin."""
    description = (MACHINES / "lathe.td.json").read_text(encoding="utf-8")
    firm.do("machine-add", name=NAME, description=description, values={"NAME": NAME, "ENDPOINT": endpoint})
    shell = next(one for one in firm.ask("GET", "/api/v3/shells")["result"] if one["idShort"].endswith(NAME))
    names = [reference["keys"][0]["value"] for reference in shell["submodels"]]
    submodel = next(name for name in names if name.endswith("OperationalData"))
    part = base64.urlsafe_b64encode(submodel.encode()).rstrip(b"=").decode()
    path = f"/api/v3/submodels/{part}/submodel-elements/{PROPERTY}/$value"
    wait_for(lambda: firm.ask("GET", path) is not None)
    return path


async def _measured(firm: Firm, path: str, endpoint: str) -> tuple[list[float], list[float]]:
    from asyncua import Client, ua

    luck, ours, plain = random.Random(1), [], []
    async with Client(endpoint) as client:
        space = await client.get_namespace_index(NAMESPACE)
        node = client.get_node(ua.NodeId(f"{NAME}.{PROPERTY}", space))
        heard = _Heard()
        subscription = await client.create_subscription(Pace().publishing_ms, heard)
        await subscription.subscribe_data_change(node)
        for turn in range(2 * CHANGES):
            await asyncio.sleep(luck.random() * 0.12)
            value = 1_000.0 + turn
            begun = time.perf_counter()
            await node.write_value(ua.Variant(value, ua.VariantType.Double))
            if turn % 2:
                wait_for(lambda value=value: float(firm.ask("GET", path)) == value, 0.001)
                ours.append((time.perf_counter() - begun) * 1000)
            else:
                while heard.value != value:
                    heard.news.clear()
                    await asyncio.wait_for(heard.news.wait(), 10)
                plain.append((time.perf_counter() - begun) * 1000)
    return ours, plain


def results() -> list[Result]:
    """Median and worst of the way from machine to twin."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        firm = Firm(Path(folder), "Maker")
        machine, endpoint = _machine()
        try:
            firm.up()
            path = _connected(firm, endpoint)
            ours, plain = asyncio.run(_measured(firm, path, endpoint))
        finally:
            firm.end()
            machine.kill()
            machine.wait()
    worst, bare = sorted(ours)[int(0.99 * len(ours))], sorted(plain)[int(0.99 * len(plain))]
    return [
        Result(
            "machine change to $value, median", f"{statistics.median(ours):,.1f} ms",
            f"{statistics.median(plain):,.1f} ms", statistics.median(ours) / statistics.median(plain),
        ),
        limit("machine change to $value, p99", worst, "ms", 100.0, bare),
    ]  # fmt: skip


if __name__ == "__main__":
    show(results())
