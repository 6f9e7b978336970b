"""Ours on the same server, as a process of its own: the connection alone, or the whole way into the history.

    python -m bench.opcua_client ENDPOINT COUNT SECONDS plain|secure heard|kept FOLDER

It prints one line of JSON: changes, seconds, processor seconds, how late values came (ms, sampled) and bytes kept.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weft.config import Config, Firm
from weft.engine.clock import SystemClock
from weft.engine.live import Live
from weft.machines.access import Access
from weft.machines.opcua import OpcUaConnection
from weft.machines.opcua_channel import OpcUaFiles
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor import book
from weft.shopfloor.connection import Change, Link, Value
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse
from weft.stores.series import kept_beside

SETTLE_S = 2.0
LATE_EACH = 97  # one value of so many is timed
URI = "urn:foreign:machine"


def described(endpoint: str, count: int, *, secure: bool) -> Description:
    """A machine with ``count`` numbers."""
    channel = {"scheme": "uav:channel-security", "uav:securityMode": "signAndEncrypt",
               "uav:securityPolicy": "Basic256Sha256"} if secure else {"scheme": "nosec"}
    return parse({
        "id": "urn:bench", "title": "bench", "base": endpoint, "securityDefinitions": {"channel": channel},
        "security": ["channel"],
        "properties": {f"v{number}": {"type": "number", "forms": [{"href": f"?id=nsu={URI};s=M.v{number}"}]}
                       for number in range(count)}})


class Heard:
    """What came, and how late."""

    def __init__(self) -> None:
        self.count = 0
        self.late: list[float] = []

    def take(self, changes: Sequence[Change]) -> None:
        self.count += len(changes)
        now = time.time() * 1000
        self.late.extend(now - one.source_ms for _, one in changes[::LATE_EACH])

    def live(self, _machine: str, fresh: Mapping[str, Value]) -> None:
        now = time.time() * 1000
        self.late.extend(now - one.source_ms for number, one in enumerate(fresh.values()) if not number % LATE_EACH)

    def link(self, link: Link) -> None:
        """The link came or went; a bench that loses it shows it in the rate."""


async def trusted(connection: OpcUaConnection, folder: Path) -> None:
    """Wait for the link; the owner's word where the certificate names another host."""
    if not await connection.wait_up(8):
        offered = Access(folder).offered("bench")
        if offered is not None:
            Access(folder).trust("bench", offered.fingerprint)
        if not await connection.wait_up(20):
            raise SystemExit(f"no link: {connection.last_error}")


async def measured(heard: Heard, seconds: float) -> dict[str, Any]:
    """What came in ``seconds``, and what it cost this process."""
    await asyncio.sleep(SETTLE_S)
    heard.late.clear()
    count, cpu, began = heard.count, time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    late = sorted(heard.late)
    return {"changes": heard.count - count, "seconds": took, "cpu_s": used,
            "late_p50": late[len(late) // 2], "late_p99": late[len(late) * 99 // 100]}


async def alone(connection: OpcUaConnection, folder: Path, seconds: float) -> dict[str, Any]:
    """The connection and nothing behind it."""
    heard = Heard()
    connection.subscribe(connection.description.observed(), heard.take, heard.link)
    await connection.open()
    try:
        await trusted(connection, folder)
        return await measured(heard, seconds)
    finally:
        await connection.close()


async def kept(connection: OpcUaConnection, folder: Path, seconds: float) -> dict[str, Any]:
    """The way of a node: facts, live values, history in SQLite."""
    clock, heard = SystemClock(), Heard()
    live = Live(clock)
    config = Config(firm=Firm(name="bench"))
    config = replace(config, history=replace(config.history, deadband_share=0))
    history = kept_beside(str(folder / "weft.db"), config, clock)
    await history.begin()

    def keep(machine: str, name: str, value: Value, now: int) -> None:
        heard.count += 1
        history.take(machine, name, value, now)

    live.keep = keep
    live.subscribe(heard.live)
    writing = asyncio.create_task(history.run())

    async def state() -> book.Floor:
        return book.INITIAL

    async def say(_message: Any) -> None:
        """No machine of this bench says a fact."""

    runner = MachineRunner("bench", connection.description, connection, FloorBook(say, state), live, clock)
    await runner.open()
    try:
        await trusted(connection, folder)
        told = await measured(heard, seconds)
        return {**told, "bytes": sum(one.stat().st_size for one in folder.glob("values.db*"))}
    finally:
        await runner.close()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def main(endpoint: str, count: int, seconds: float, secure: str, how: str) -> None:
    """One measurement."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = OpcUaFiles.under(folder, "bench") if secure == "secure" else None
        connection = OpcUaConnection(described(endpoint, count, secure=files is not None), files)
        told = await (kept if how == "kept" else alone)(connection, folder, seconds)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], sys.argv[5]))
