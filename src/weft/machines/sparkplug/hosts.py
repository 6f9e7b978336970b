"""Our sessions with brokers as a Sparkplug host application: STATE, subscriptions, commands; one for each broker.

Eclipse Sparkplug 3.0.0 §4 and §5. A host application has one name and one session with a broker, however many machines
hang on it: with a session each, they would declare each other dead.
Rule 1: we are online from our birth (STATE, after subscribing) to our death: the will, or said before we leave.
Rule 2: who is told that we are offline while we are not says so again at once.
Rule 3: whenever a session begins, births are asked for: they do not lie at the broker.
Not here: what edge nodes say (``edge``), machines (``connection``), secrets (``mqtt_access``).
"""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, WeftError
from weft.machines import access
from weft.machines.keeping import Pace, reason
from weft.machines.mqtt_access import Door
from weft.machines.mqtt_line import Line, dial
from weft.machines.mqtt_packets import Message, Will
from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.edge import REBIRTH, REORDER_S, Edge, Heard
from weft.machines.sparkplug.payload import Metric

SPACE: Final = "spBv1.0"
BIRTH_MAX: Final = 4 * 1024 * 1024  # bytes: an edge node tells all of its metrics at once
_EDGE_VERBS: Final = ("NBIRTH", "NDATA", "NDEATH")
_DEVICE_VERBS: Final = ("DBIRTH", "DDATA", "DDEATH")
Listener = Callable[[Sequence[Heard]], None]


class Seat(msgspec.Struct, frozen=True):
    """The place of an edge node."""

    group: str
    node: str

    @property
    def filters(self) -> tuple[str, ...]:
        """What it and its devices say."""
        return tuple(f"{SPACE}/{self.group}/{verb}/{self.node}{rest}"
                     for verbs, rest in ((_EDGE_VERBS, ""), (_DEVICE_VERBS, "/+")) for verb in verbs)


def state(*, online: bool, timestamp: int) -> bytes:
    """The payload of STATE."""
    return msgspec.json.encode({"online": online, "timestamp": timestamp})


def command_topic(seat: Seat, device: str) -> str:
    """Where a command goes."""
    return f"{SPACE}/{seat.group}/{'DCMD' if device else 'NCMD'}/{seat.node}{f'/{device}' if device else ''}"


def command(metrics: Sequence[Metric], now_ms: int) -> bytes:
    """The payload of a command: no sequence number; the datatype is told, as Eclipse Tahu reads no value without it."""
    return sp.of([msgspec.structs.replace(one, timestamp=now_ms) for one in metrics], now_ms)


class Host:
    """One host application at one broker; it lives while somebody has joined."""

    def __init__(self, door: Door, name: str, pace: Pace, reorder_s: float = REORDER_S) -> None:
        self.name = name
        self.error: Exception | None = None
        self.notice = ""
        self.line: Line | None = None
        self.edges: dict[Seat, Edge] = {}
        self._door, self._pace, self._reorder_s = door, pace, reorder_s
        self._listeners: dict[Seat, list[Listener]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._born_ms = 0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._denied = False  # somebody says in our name that we are offline
        self._answer: asyncio.Task[None] | None = None

    @property
    def topic(self) -> str:
        """Our own STATE."""
        return f"{SPACE}/STATE/{self.name}"

    # ---- who hangs on it -------------------------------------------------------------------------------

    def join(self, seat: Seat, listener: Listener) -> Edge:
        """Hear of the edge node at ``seat``; the session is opened by the first who joins."""
        self._listeners.setdefault(seat, []).append(listener)
        if seat not in self.edges:
            self.edges[seat] = Edge(self._reorder_s)
            if self.line is not None:
                self._spawn(self._add(self.line, seat))
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"sparkplug {self.name}")
        return self.edges[seat]

    async def leave(self, seat: Seat, listener: Listener) -> bool:
        """Hear no more of it; True when nobody is left and the session was ended in order."""
        told = self._listeners.get(seat, [])
        if listener in told:
            told.remove(listener)
        if not told:
            self._listeners.pop(seat, None)
            self.edges.pop(seat, None)
        if self._listeners:
            return False
        await self._end()
        return True

    async def _end(self) -> None:
        keeper, self._keeper = self._keeper, None
        if self.line is not None:
            await self._say_goodbye(self.line)
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        self.line = None

    async def _say_goodbye(self, line: Line) -> None:
        """Our death, and only then DISCONNECT."""
        self._born_ms = 0
        gone = Message(self.topic, state(online=False, timestamp=_now_ms()), retained=True)
        with contextlib.suppress(WeftError, TimeoutError):
            await line.publish(gone, 1, self._pace.timeout_s)

    # ---- the session -----------------------------------------------------------------------------------

    async def _keep(self) -> None:
        retry_s = self._pace.retry_s_min
        while True:
            try:
                await self._live()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the session must be tried again
                self.error = error
            if self.line is not None:
                retry_s = self._pace.retry_s_min
            self.line = None
            now_ms = _now_ms()
            for seat, edge in self.edges.items():
                self._tell(seat, edge.cut(now_ms))
            self._tell_all()
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, self._pace.retry_s_max)

    async def _live(self) -> None:
        timestamp = _now_ms()
        will = Will(self.topic, state(online=False, timestamp=timestamp))
        broker = msgspec.structs.replace(self._door.broker("host"), largest=BIRTH_MAX)
        line = await dial(broker, self._on_messages, self._pace.timeout_s, self._pace.silence_s, will)
        watching = asyncio.create_task(line.watch(self._pace.silence_s))
        try:
            filters = {self.topic: 1} | {one: 1 for seat in self.edges for one in seat.filters}
            await line.subscribe(filters, self._pace.timeout_s)
            self._born_ms = timestamp
            await self._say_online(line)
            self.line, self.error, self.notice = line, None, line.notice
            self._tell_all()
            await self._rounds(line, watching)
        finally:
            self._born_ms = 0
            watching.cancel()
            with contextlib.suppress(Exception):  # a broker that is gone cannot be told goodbye
                await asyncio.shield(line.bye())

    async def _rounds(self, line: Line, watching: "asyncio.Task[None]") -> None:
        """Ask for what is due, until the line ends."""
        watching.add_done_callback(lambda _: self._wake.set())
        while line.error is None:
            self._wake.clear()
            now = time.monotonic()
            for seat, edge in tuple(self.edges.items()):
                heard, ask = edge.due(now, _now_ms())
                self._tell(seat, heard)
                if ask:
                    await self.send(seat, "", [Metric(name=REBIRTH, datatype=sp.BOOLEAN, value=True)])
            soonest = min((edge.next_s(time.monotonic()) for edge in self.edges.values()), default=60.0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.02, soonest)):
                    await self._wake.wait()
        raise line.error

    async def _say_online(self, line: Line) -> None:
        born = Message(self.topic, state(online=True, timestamp=self._born_ms), retained=True)
        await line.publish(born, 1, self._pace.timeout_s)

    async def _add(self, line: Line, seat: Seat) -> None:
        with contextlib.suppress(WeftError, TimeoutError):  # else the line ends, and the next has it from the start
            await line.subscribe(dict.fromkeys(seat.filters, 1), self._pace.timeout_s)
            self._wake.set()

    def _spawn(self, what: Any) -> "asyncio.Task[None]":
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def send(self, seat: Seat, device: str, metrics: Sequence[Metric]) -> str:
        """A command, sent once at QoS 0; "" when the broker has read it. Raises what ended the line, or a timeout."""
        assert self.line is not None
        sent = Message(command_topic(seat, device), command(metrics, _now_ms()))
        return await self.line.publish(sent, 0, self._pace.timeout_s)

    # ---- what is heard ---------------------------------------------------------------------------------

    def _on_messages(self, messages: Sequence[Message]) -> None:
        now, now_ms = time.monotonic(), _now_ms()
        for message in messages:
            if message.topic == self.topic:
                self._own_state(message.payload)
                continue
            parts = message.topic.split("/")
            if message.passed_over or message.retained or len(parts) not in (4, 5):
                continue  # no edge node may retain: what lies there is nobody's word
            seat, device = Seat(parts[1], parts[3]), parts[4] if len(parts) == 5 else ""
            edge = self.edges.get(seat)
            if edge is None or parts[2] not in (_DEVICE_VERBS if device else _EDGE_VERBS):
                continue
            try:
                told = sp.decode(message.payload)
            except sp.Malformed:
                continue  # its number is missing then: it is asked for a birth
            self._tell(seat, edge.take(parts[2], device, told, now, now_ms))
        self._wake.set()

    def _own_state(self, payload: bytes) -> None:
        try:
            told = msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError):
            return
        if self._born_ms and self.line is not None and isinstance(told, dict) and told.get("online") is False:
            self._denied = True
            if self._answer is None or self._answer.done():  # however often it is said: one answer after the other
                self._answer = self._spawn(self._again(self.line))

    async def _again(self, line: Line) -> None:
        with contextlib.suppress(WeftError, TimeoutError):
            while self._denied:
                self._denied = False
                await self._say_online(line)

    def _tell(self, seat: Seat, heard: Sequence[Heard]) -> None:
        if heard:
            for one in tuple(self._listeners.get(seat, ())):
                one(heard)

    def _tell_all(self) -> None:
        """The session came or went."""
        for told in tuple(self._listeners.values()):
            for one in tuple(told):
                one(())


class Hosts:
    """The host applications of one node, by broker, login and name."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._hosts: dict[tuple[str, ...], Host] = {}

    def at(self, door: Door, pace: Pace) -> Host:
        """The host application at the broker of ``door``."""
        terms = door.description.terms
        user = door.login().user if door.description.security.user else ""
        name = str(terms.get("weft:hostId") or self._own_name(user))
        if any(one in name for one in "+/#") or not name.isprintable() or len(name) > 80:
            raise Invalid("machine.term", machine=door.description.title, term="weft:hostId")
        wait_ms = terms.get("weft:reorderMs", round(REORDER_S * 1000))
        if isinstance(wait_ms, bool) or not isinstance(wait_ms, int) or not 0 < wait_ms <= 60_000:
            raise Invalid("machine.term", machine=door.description.title, term="weft:reorderMs")
        key = (door.host, str(door.port), str(door.tls), user, name)
        if key not in self._hosts:
            self._hosts[key] = Host(door, name, pace, wait_ms / 1000)
        return self._hosts[key]

    def _own_name(self, user: str) -> str:
        """A name that nobody else in the plant has, the same for ever: edge nodes are told it."""
        seed = b""
        if self._folder is not None:
            path = self._folder / "sparkplug-host"
            if not path.exists():
                access.keep(path, secrets.token_hex(8).encode())
            seed = path.read_bytes()
        seed = seed or secrets.token_bytes(8)
        return f"weft-{hashlib.sha256(seed + user.encode()).hexdigest()[:10]}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def told_of(error: Exception | None) -> str:
    """Why there is no session, in a word."""
    return reason(error) if error is not None else "machine.broker-gone"
