"""A machine by another maker: node-opcua servers as processes of their own, with the official nodesets."""

import asyncio
import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from tests.machines import npm

SERVER = Path(__file__).with_name("opcua_server.js")
URI = "urn:foreign:machine"
START_S = 120


def modules() -> Path:
    """Where node-opcua is installed; the test skips where it cannot be."""
    return npm.package("node-opcua", "2.182.2")


class Foreign:
    """One server; ``options`` as ``opcua_server.js`` takes them."""

    def __init__(self, **options: Any) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        pki = options.pop("pki", None) or npm.CACHE / "node-opcua-pki"
        self.options = {"port": port, "pki": str(pki), **options}
        self.modules = modules()
        self.ready: dict[str, Any] = {}
        self.child: Any = None
        self._errors: Any = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.options['port']}"

    async def begin(self) -> None:
        """Start it, on the same port as before."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.child = await asyncio.create_subprocess_exec(
            "node", str(SERVER), json.dumps(self.options), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=self._errors, env=npm.environment(self.modules), limit=2**24)
        line = b""
        while b'"ready"' not in line:
            line = await asyncio.wait_for(self.child.stdout.readline(), START_S)
            if not line:
                self._errors.seek(0)
                raise AssertionError(self._errors.read()[-2000:].decode(errors="replace"))
        self.ready = json.loads(line)

    async def tell(self, do: str = "look", **more: Any) -> dict[str, Any]:
        """Turn a knob at the machine itself; what it says of its jobs then."""
        self.child.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        while True:
            line = await asyncio.wait_for(self.child.stdout.readline(), START_S)
            if line.startswith(b'{"jobs"'):
                found: dict[str, Any] = json.loads(line)
                return found

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
