"""Hands at a simulated machine: what an operator or a fault would do, for the demo and for tests.

    async with Panel("opc.tcp://127.0.0.1:4841", "Lathe1") as panel:
        await panel.raise_alarm(101)
        print(await panel.starts_seen())

    python control.py opc.tcp://127.0.0.1:4841 Lathe1 raise-alarm 101

Other actions: clear-alarm, ready, not-ready, freeze-ready, start, abort, starts, state.
Simulation only; a node never uses this. Not here: the machine itself (``machine.py``).
"""

import asyncio
import json
import logging
import sys
from typing import Any, Self

from asyncua import Client, ua

NAMESPACE = "urn:weft:demo:machine"


class Panel:
    """A session of its own with one simulated machine."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self._client: Any = Client(endpoint, timeout=10, watchdog_intervall=10)
        self._client.session_timeout = 60_000
        self._space = 0

    async def __aenter__(self) -> Self:
        await self._client.connect()
        self._space = await self._client.get_namespace_index(NAMESPACE)
        return self

    async def __aexit__(self, *_failure: object) -> None:
        await self._client.disconnect()

    def _node(self, name: str) -> Any:
        return self._client.get_node(ua.NodeId(f"{self.name}.{name}", self._space))

    async def read(self, name: str) -> Any:
        """The present value of variable ``name``."""
        return await self._node(name).read_value()

    async def write(self, name: str, value: float) -> None:
        """Turn a set-point at the panel."""
        await self._node(name).write_value(ua.Variant(value, ua.VariantType.Double))

    async def call(self, method: str, *arguments: ua.Variant) -> None:
        """Call ``method`` of the machine."""
        top = self._client.get_node(ua.NodeId(self.name, self._space))
        await top.call_method(self._node(method), *arguments)

    async def raise_alarm(self, code: int) -> None:
        """Stop the machine with alarm ``code``."""
        await self.call("SimulateAlarm", ua.Variant(code, ua.VariantType.Int32))

    async def clear_alarm(self) -> None:
        """Clear the alarm; the machine goes on."""
        await self.call("ClearAlarm")

    async def set_local_ready(self, ready: bool) -> None:  # noqa: FBT001 - it is the switch on the panel
        """Turn the switch that allows a remote start."""
        await self.call("SetLocalReady", ua.Variant(ready, ua.VariantType.Boolean))

    async def freeze_ready(self, frozen: bool) -> None:  # noqa: FBT001 - the same
        """Let the local-ready signal go stale, as a broken panel would."""
        await self.call("FreezeReady", ua.Variant(frozen, ua.VariantType.Boolean))

    async def press_start(self) -> None:
        """Press the start button, as an operator does."""
        await self._node("OperatorStart").write_value(ua.Variant(True, ua.VariantType.Boolean))

    async def abort(self) -> None:
        """Give the running job up at the panel."""
        await self.call("Abort")

    async def starts_seen(self) -> dict[str, int]:
        """How often each job was told to start: the machine's own count."""
        return {one["job"]: one["starts"] for one in json.loads(await self.read("StartsSeen"))}


async def _main(argv: list[str]) -> None:
    logging.disable(logging.WARNING)
    endpoint, name, action, *rest = argv
    async with Panel(endpoint, name) as panel:
        actions = {
            "raise-alarm": lambda: panel.raise_alarm(int(rest[0])), "clear-alarm": panel.clear_alarm,
            "ready": lambda: panel.set_local_ready(True), "not-ready": lambda: panel.set_local_ready(False),
            "freeze-ready": lambda: panel.freeze_ready(True), "start": panel.press_start, "abort": panel.abort,
            "starts": panel.starts_seen, "state": lambda: panel.read("State"),
        }
        told = await actions[action]()
        if told is not None:
            print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
