"""A look at devices that are no machines of ours yet: by the same connections, with nothing kept of it.

Rule 1: a device is let go when nobody has looked at it for a moment; at most ``OPEN_MAX`` are held meanwhile.
Rule 2: what cannot be reached is let go at once: a wrong password is not tried again until somebody asks again.
Rule 3: a trial write goes the way of every write: guard, write, read-back; done is only what was read back.
Not here: what is proposed (``shopfloor/propose``), intent and outcome in the book (``engine/commands/connecting.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from weft.basis.errors import Denied, Unavailable
from weft.engine.discovery import NODES_MAX, Looked, Offered
from weft.machines.commanding import Commanding
from weft.shopfloor.connection import AssetConnection, Capability, Scalar, Value
from weft.shopfloor.description import Description, engineering
from weft.shopfloor.jobcontrol import Outcome

OPEN_MAX: Final = 6
IDLE_S: Final = 20.0
UP_S: Final = 8.0  # how long a device may take to answer at all
FAIR_S: Final = 1.0  # and how long, when it has said no already
LOOK_S: Final = 10.0

Connect = Callable[[Description, str], AssetConnection]


@dataclass(slots=True)
class _Open:
    """A device that is being looked at."""

    connection: AssetConnection
    lock: asyncio.Lock
    idle: asyncio.TimerHandle | None = None
    users: int = 0


class Discovering:
    """Looks at devices; see ``engine/discovery.Discovery``. Belongs to one event loop."""

    def __init__(self, connect: Connect, schemes: Sequence[str]) -> None:
        self._connect = connect
        self._schemes = tuple(schemes)
        self._open: dict[bytes, _Open] = {}
        self._room = asyncio.Semaphore(OPEN_MAX)
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def schemes(self) -> Sequence[str]:
        """The protocols that are spoken here."""
        return self._schemes

    async def offered(self, address: str) -> Sequence[Offered]:
        """How the device may be spoken with; only OPC UA asks for a choice."""
        if not address.startswith("opc.tcp:"):
            return ()
        from weft.machines.opcua_endpoints import offered  # asyncua takes half a second to import

        return await offered(address)

    async def look(self, machine: str, description: Description, under: str = "", depth: int = 1) -> Looked:
        """What the device offers below ``under``."""
        async with self._at(machine, description) as connection:
            if Capability.BROWSE not in connection.capabilities:
                return Looked(browses=False)
            async with _patiently(description, connection):
                found = await connection.browse(depth, under)
        return Looked(nodes=tuple(found[:NODES_MAX]), whole=len(found) < NODES_MAX)

    async def read(self, machine: str, description: Description, names: Sequence[str]) -> Mapping[str, Value]:
        """Values now, in their units."""
        async with self._at(machine, description) as connection, _patiently(description, connection):
            found = await connection.read(names)
        return {name: engineering(description.properties[name], value) for name, value in found.items()}

    async def trial(self, machine: str, description: Description, name: str, wanted: Scalar) -> Outcome:
        """Write one property as its guard allows, and read it back; raises ``Refused`` when nothing was sent."""
        async with self._at(machine, description) as connection:
            hand = Commanding(description, connection)
            return await hand.write(await hand.guarded(name, wanted))

    async def close(self) -> None:
        """Let all devices go."""
        for key in tuple(self._open):
            self._let_go(key)
        await asyncio.gather(*self._ending, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _at(self, machine: str, description: Description):  # type: ignore[no-untyped-def] # noqa: ANN202
        """An open connection to the device, one user at a time."""
        key = machine.encode() + b"\0" + msgspec.json.encode(description)
        held = self._open.get(key)
        if held is None:
            held = self._open[key] = _Open(await asyncio.to_thread(self._connect, description, machine), asyncio.Lock())
            self._make_room()
        held.users += 1
        if held.idle is not None:
            held.idle.cancel()
            held.idle = None
        try:
            async with self._room, held.lock:
                await self._up(key, held, description)
                yield held.connection
        finally:
            held.users -= 1
            if not held.users and self._open.get(key) is held:
                held.idle = asyncio.get_running_loop().call_later(IDLE_S, self._let_go, key)

    async def _up(self, key: bytes, held: _Open, description: Description) -> None:
        await held.connection.open()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not await held.connection.wait_up(0.25):
            waited = loop.time() - began
            if waited > UP_S or (held.connection.health.error and waited > FAIR_S):
                break
        else:
            return
        health = held.connection.health
        self._let_go(key)
        if "." in health.error and health.facts:
            raise Denied(health.error, **health.facts)
        raise Unavailable("machine.unreachable", machine=description.title, detail=health.error or "timeout")

    def _make_room(self) -> None:
        idle = [key for key, one in self._open.items() if not one.users]
        for key in idle[: max(0, len(self._open) - OPEN_MAX)]:
            self._let_go(key)

    def _let_go(self, key: bytes) -> None:
        held = self._open.pop(key, None)
        if held is not None:
            if held.idle is not None:
                held.idle.cancel()
            task = asyncio.create_task(held.connection.close())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


@contextlib.asynccontextmanager
async def _patiently(description: Description, connection: AssetConnection) -> AsyncIterator[None]:
    """Wait as long as somebody who looks would.

    Raises ``Unavailable``: ``machine.look-too-long``, or ``machine.not-heard`` when nobody is there any more.
    """
    try:
        async with asyncio.timeout(LOOK_S):
            yield
    except TimeoutError as error:
        if not connection.health.up:
            raise _not_heard(description, "timeout") from error
        raise Unavailable("machine.look-too-long", machine=description.title, seconds=int(LOOK_S)) from error
    except Unavailable as error:
        if error.code != "machine.no-answer":
            raise
        raise _not_heard(description, str(error.facts.get("detail", ""))) from error


def _not_heard(description: Description, detail: str) -> Unavailable:
    return Unavailable("machine.not-heard", machine=description.title, detail=detail)
