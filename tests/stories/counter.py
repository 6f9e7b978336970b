"""A shop for the stories of its till: a node with HTTPS on a LAN of its own, and tablets that know its certificate.

The LAN is two network namespaces with a wire between them, so the node's address is not loopback and no other machine
is spoken to. A tablet is a real Chromium with a profile of its own; that its owner installed the firm's certificate is
a managed policy, laid over the machine's in a mount namespace that ends with the browser.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.chromium import NAMES, chromium
from tests.stories import closed_doors
from tests.stories.firms import Firm

NODE = "10.77.1.1"
POLICIES = "/etc/chromium"
WRAPPED = """#!/bin/sh
exec {inside} unshare --mount sh -c 'mount --bind "$0" {policies} && exec "$@"' '{folder}' '{chromium}' "$@"
"""
ASKED = """
import http.client, sys
host, port, method, path, token = sys.argv[1:]
wire = http.client.HTTPConnection(host, int(port), timeout=30)
wire.request(method, path, sys.stdin.read() if method == "POST" else None,
             {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
answer = wire.getresponse()
print(answer.read().decode())
sys.exit(answer.status >= 300)
"""
ITEMS = (("VALVE-DN15", "球阀 DN15", "Ball valve DN15", "6901234567892", "45.5", 40),
         ("SEAL-15", "密封件 15", "Seal kit 15", "6901234567908", "6.8", 100),
         ("TAPE-PTFE", "生料带", "PTFE tape", "6901234567915", "2", 300),
         ("HOSE-1M", "软管 1 米", "Hose 1 m", "", "18.25", 1))


def possible() -> str:
    """Why this machine cannot show it; "" when it can."""
    if not chromium():
        return f"no Chromium on this machine ({', '.join(NAMES)})"
    if not closed_doors.available() or shutil.which("unshare") is None or not Path(POLICIES).is_dir():
        return "this machine lets us make no network namespaces"
    return ""


class Shop(Firm):
    """A firm whose node serves HTTP and HTTPS on the LAN of ``house``."""

    def __init__(self, folder: Path, house: str) -> None:
        self.house, self.secure_port = house, 8441
        super().__init__(folder, "明记五金", reachable=False)
        settings = self.home / "weft.toml"
        told = settings.read_text(encoding="utf-8")
        for name, value in (("address", "杭州市西湖区文三路 12 号"), ("tax_number", "91330106MA2A5K3J1B")):
            told = told.replace(f'# {name} = ""', f'{name} = "{value}"')
        settings.write_text(told, encoding="utf-8")

    @property
    def secure(self) -> str:
        """Where tablets find it."""
        return f"https://{NODE}:{self.secure_port}"

    @property
    def plain(self) -> str:
        """The same without TLS."""
        return f"http://{NODE}:{self.port}"

    def up(self) -> "Shop":
        self.process = subprocess.Popen(
            [*closed_doors.inside(self.house), sys.executable, "-m", "weft", "up", str(self.home), "--host", NODE,
             "--port", str(self.port), "--https-port", str(self.secure_port), "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "WEFT_LANG": "en"})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it did not start: {self.stop()}"
        assert json.loads(line)["secure"] == self.secure
        return self

    def asked(self, method: str, path: str, body: Any = None) -> Any:
        """What its API answers, asked from inside its namespace."""
        token = (self.home / "keys" / "owner.token").read_text(encoding="utf-8").strip()
        done = subprocess.run([*closed_doors.inside(self.house), sys.executable, "-S", "-c", ASKED, NODE,
                               str(self.port), method, f"/api/weft/v1{path}", token],
                              input=json.dumps(body), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{method} {path}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def do(self, command: str, **params: Any) -> Any:
        """One command of its owner."""
        return self.asked("POST", f"/commands/{command}", params)

    def view(self, path: str) -> Any:
        """One of its read models."""
        return self.asked("GET", f"/{path}")

    def stocked(self) -> "Shop":
        """With items, stock and prices."""
        tables = {"items": "item,zh,en,unit,gtin\n", "stock": "item,quantity\n"}
        for number, zh, en, gtin, _, count in ITEMS:
            tables["items"] += f"{number},{zh},{en},C62,{gtin}\n"
            tables["stock"] += f"{number},{count}\n"
        for kind, text in tables.items():
            self.do("import", kind=kind, content=base64.b64encode(text.encode()).decode())
        self.do("publish-prices", book={
            "id": "counter", "name": "门市价", "currency": "CNY", "basis": "gross",
            "valid_from": "2020-01-01T00:00:00Z", "tax": {"category": "S", "percent": "13"},
            "lines": [{"item": number, "unit": "C62", "tiers": [{"from": "1", "price": price}]}
                      for number, *_, price, _ in ITEMS]})
        return self

    def let_in(self, code: str) -> None:
        """The owner types the code that a tablet shows, and the key in force from the sheet."""
        sheet = (self.home / "recovery-sheet.txt").read_text(encoding="utf-8")
        self.do("till-let-in", code=code, sheet=sheet)

    def authority(self) -> str:
        """Its certificate as a tablet installs it, base64 of DER."""
        text = (self.home / "keys" / "https-ca.pem").read_text(encoding="utf-8")
        return "".join(text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0].split())


@dataclass
class Tablet:
    """A Chromium in the namespace ``house`` with a profile that outlives it."""

    playwright: Any
    folder: Path
    house: str
    authority: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    context: Any = None
    faults: list[str] = field(default_factory=list)

    async def open(self) -> Any:
        """Start it; its page."""
        policies = self.folder / "policies-of-the-machine"
        managed = policies / "policies" / "managed"
        managed.mkdir(parents=True, exist_ok=True)
        told = {"CACertificates": [self.authority]} if self.authority else {}
        (managed / "weft.json").write_text(json.dumps(told), encoding="utf-8")
        program = self.folder / "browser.sh"
        program.write_text(WRAPPED.format(inside=" ".join(closed_doors.inside(self.house)), policies=POLICIES,
                                          folder=policies, chromium=chromium()), encoding="utf-8")
        program.chmod(0o755)
        self.context = await self.playwright.chromium.launch_persistent_context(
            str(self.folder / "profile"), executable_path=str(program), args=["--no-sandbox"],
            **{"locale": "zh-CN", "viewport": {"width": 1024, "height": 768}, **self.options})
        page = self.context.pages[0] if self.context.pages else await self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.set_default_timeout(15_000)
        return page

    async def close(self) -> None:
        """As its owner closes it."""
        if self.context is not None:
            await self.context.close()
            self.context = None

    async def kill(self) -> None:
        """As an empty battery does: no word of farewell."""
        mark = f"--user-data-dir={self.folder / 'profile'}".encode()
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if mark in place.read_bytes().split(b"\0"):
                    os.kill(int(place.parent.name), signal.SIGKILL)
        with contextlib.suppress(Exception):
            await self.context.close()
        self.context = None
