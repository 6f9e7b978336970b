"""Real simulated machines in processes of their own, and a floor book that outlives the runners that use it."""

import asyncio
import contextlib
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from weft.basis.decider import Message, Said
from weft.machines.opcua import Pace
from weft.shopfloor import book
from weft.shopfloor.book import Floor, MachineAdded
from weft.shopfloor.description import Description
from weft.shopfloor.reading import fill, parse_text

MACHINES = Path(__file__).parents[2] / "examples" / "demo" / "machines"
pytest.register_assert_rewrite("tests.machines.suite")

PACE = Pace(timeout_s=4.0, retry_s_min=0.1, retry_s_max=0.5, publishing_ms=50, silence_s=3.0)

sys.path.insert(0, str(MACHINES))  # the control client of the demo


@dataclass
class Process:
    """One simulated machine; ``text`` is its Thing Description."""

    name: str
    kind: str
    arguments: list[str]
    endpoint: str = ""
    child: Any = None

    async def begin(self) -> None:
        """Start it on the same port as before, if it had one."""
        port = self.endpoint.rpartition(":")[2] or "0"
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, str(MACHINES / "machine.py"), "--kind", self.kind, "--name", self.name, "--port", port,
            *self.arguments, stdout=asyncio.subprocess.PIPE)
        line = await asyncio.wait_for(self.child.stdout.readline(), 120)
        self.endpoint = json.loads(line)["endpoint"]

    async def kill(self) -> None:
        """Pull the plug (SIGKILL)."""
        if self.child is not None and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()

    def text(self, **changes: Any) -> str:
        """The Thing Description of this machine, with ``changes`` to its top level."""
        template = (MACHINES / f"{self.kind}.td.json").read_text(encoding="utf-8")
        thing = json.loads(fill(template, {"NAME": self.name, "ENDPOINT": self.endpoint}))
        return json.dumps(thing | changes)

    def description(self, **changes: Any) -> Description:
        """The same, checked."""
        return parse_text(self.text(**changes))


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Start]:
    """Start machines by kind; all are ended after the test."""
    started: list[Process] = []

    async def start(kind: str = "lathe", *arguments: str, name: str = "M1", speed: int = 60) -> Process:
        state = str(tmp_path / f"{name}.starts")
        given = ["--seed", "7", "--speed", str(speed), "--scrap-rate", "0", "--state", state, *arguments]
        process = Process(name, kind, given)
        started.append(process)
        await process.begin()
        return process

    yield start
    for one in started:
        await one.kill()


@dataclass
class Book:
    """The floor book with its real rules, in memory; ``hold`` stops the world at a message, as a crash would."""

    state_now: Floor = book.INITIAL
    said: list[Message] = field(default_factory=list)
    hold: Callable[[Message], str] = lambda _message: ""
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, command: Message) -> Sequence[str]:
        """Decide and fold; ``hold`` may answer before or after, and then nothing ever returns."""
        where = self.hold(command)
        if where == "before":
            await self._crash()
        for message in book.decide(self.state_now, command):
            self.said.append(message)
            self.state_now = book.evolve(self.state_now, Said(id="", by="", role="owner", message=message))
        if where == "after":
            await self._crash()
        return ()

    async def state(self) -> Floor:
        """The folded book."""
        return self.state_now

    async def _crash(self) -> None:
        self.held.set()
        await asyncio.Event().wait()

    async def know(self, process: Process, **changes: Any) -> Description:
        """Add the machine of ``process`` to the book."""
        text = process.text(**changes)
        await self.say(MachineAdded(machine=process.name, description=text))
        return parse_text(text)

    def kinds(self) -> list[str]:
        """The names of all messages so far."""
        return [type(one).__name__ for one in self.said]


@pytest.fixture
def floor() -> Book:
    """An empty floor book."""
    return Book()


async def until(true: Callable[[], Any], limit_s: float = 15.0) -> None:
    """Wait until ``true()`` holds; fails after ``limit_s``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110 - any condition may be waited for
                await asyncio.sleep(0.02)
    assert true()


def certificate(
    folder: Path, name: str, uri: str, *, days: tuple[int, int] = (-1, 2), hosts: Sequence[str] = ("localhost",)
) -> tuple[str, str]:
    """A self-signed application certificate (DER) and its key (PEM) for a server; ``days``: valid from and until."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + dt.timedelta(days=days[0]))
        .not_valid_after(now + dt.timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), *map(x509.DNSName, hosts)]),
                       critical=False)
        .sign(key, hashes.SHA256()))
    paths = folder / f"{name}.der", folder / f"{name}.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.DER))
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return str(paths[0]), str(paths[1])
