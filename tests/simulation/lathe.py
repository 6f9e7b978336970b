"""A simulated lathe and the way to it: it works in virtual time, outlives the node, and counts its own starts.

It stands where an OPC UA server stands; the runner, the guard and the floor book above it are the real ones.
Rule 1: whatever reaches it is done, whether or not the answer comes back: a missing answer says nothing.
Rule 2: ``starts`` counts every start that it carried out, by job; nobody else counts.
Not here: a work centre without a machine (``house.py``).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation.loop import SimulatedLoop
from weft.basis.errors import NotFound, Unavailable, WeftError
from weft.engine.node import Node
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Health, Link, OnChanges, OnLink, Scalar, Value
from weft.shopfloor.jobcontrol import JobOrder, Outcome
from weft.shopfloor.reading import parse_text

NAME = "L1"
TEMPLATE = Path(__file__).parents[2] / "examples" / "demo" / "machines" / "lathe.td.json"
PIECE_S = 0.4
SAMPLED = frozenset({"LocalReady", "EmergencyStop"})  # read anew each time that somebody asks
IDLE, LOADED, RUNNING, PAUSED, ENDED = range(5)
_AT_FIRST: dict[str, Scalar] = {
    "JobId": "", "Program": "", "TargetCount": 0, "CycleSeconds": 12.0, "SpindleSpeed": 1000.0, "Feed": 100.0,
    "State": IDLE, "PieceCount": 0, "ScrapCount": 0, "AlarmCode": 0, "AlarmText": "", "LocalReady": True,
    "EmergencyStop": False, "SpindleLoad": 10.0, "Temperature": 20.0, "LastStartAt": "",
}


@dataclass(slots=True)
class Lathe:
    """The machine itself. ``silence`` is the chance that an answer is lost, ``scrapping`` that of a bad piece."""

    loop: SimulatedLoop
    luck: random.Random
    epoch_ms: int
    silence: float = 0.15
    scrapping: float = 0.05
    starts: Counter[str] = field(default_factory=Counter)
    values: dict[str, Scalar] = field(default_factory=lambda: dict(_AT_FIRST))
    stamps: dict[str, int] = field(default_factory=dict)
    line: "Connection | None" = None
    _work: asyncio.Task[None] | None = None

    def now_ms(self) -> int:
        return self.epoch_ms + int(self.loop.time() * 1000)

    def put(self, **values: Scalar) -> None:
        """Change ``values`` and tell whoever listens."""
        now = self.now_ms()
        for name, value in values.items():
            self.values[name] = value
            self.stamps[name] = now
        if self.line is not None:
            self.line.hear([(name, self.reading(name)) for name in values])

    def reading(self, name: str) -> Value:
        """The value of ``name`` with its stamps."""
        now = self.now_ms()
        stamp = now if name in SAMPLED else self.stamps.get(name, self.epoch_ms)
        return Value(self.values[name], source_ms=stamp, server_ms=now)

    def write(self, values: Mapping[str, Scalar]) -> dict[str, str]:
        """What a client writes; the job that lies here cannot be changed while it runs."""
        if self.values["State"] in (RUNNING, PAUSED):
            return dict.fromkeys(values, "busy")
        self.put(**values)
        if "JobId" in values:
            self.put(PieceCount=0, ScrapCount=0, State=LOADED if values["JobId"] else IDLE)
        return dict.fromkeys(values, "")

    def start(self, job: str) -> str:
        """Begin the job that lies here; the device's reason for refusing, or ""."""
        if self.values["State"] != LOADED or self.values["JobId"] != job:
            return "not loaded"
        self.starts[job] += 1
        self.put(State=RUNNING)
        self._work = self.loop.create_task(self._turn())  # its own life: no node owns it
        return ""

    async def _turn(self) -> None:
        while int(self.values["PieceCount"]) < int(self.values["TargetCount"]):
            await asyncio.sleep(PIECE_S)
            if self.values["AlarmCode"]:
                continue
            if self.luck.random() < 0.03:
                self.put(AlarmCode=101, State=PAUSED)
                self.loop.call_later(self.luck.random() * 10, self._mended)
            elif self.luck.random() < self.scrapping:
                self.put(ScrapCount=int(self.values["ScrapCount"]) + 1)
            else:
                self.put(PieceCount=int(self.values["PieceCount"]) + 1)
        self.put(State=ENDED)

    def _mended(self) -> None:
        self.put(AlarmCode=0, State=RUNNING)


@dataclass(slots=True, eq=False)
class Connection:
    """One life's line to the lathe: requests take a while, and an answer may never come."""

    lathe: Lathe
    _names: Sequence[str] = ()
    _on_changes: OnChanges | None = None
    _on_link: OnLink | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.READ, Capability.WRITE, Capability.SUBSCRIBE, Capability.INVOKE})

    async def open(self) -> None:
        self.lathe.line = self
        assert self._on_link is not None
        self._on_link(Link(up=True))
        self.hear([(name, self.lathe.reading(name)) for name in self._names])

    async def wait_up(self, timeout_s: float) -> bool:
        await self._travel()
        return True

    @property
    def health(self) -> Health:
        return Health(up=self.lathe.line is self)

    def about(self, job: str, references: Mapping[str, Sequence[str]] | None = None) -> None:
        """This lathe holds one job."""

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        await self._travel()
        return {name: self.lathe.reading(name) for name in names}

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        await self._travel()
        told = self.lathe.write(values)
        await self._answered()
        return told

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        await self._travel()
        told = self.lathe.start(str(arguments[0]))
        await self._answered()
        return told

    def subscribe(self, names: Sequence[str], on_changes: OnChanges, on_link: OnLink) -> None:
        self._names, self._on_changes, self._on_link = names, on_changes, on_link

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        return ()

    async def close(self) -> None:
        if self.lathe.line is self:
            self.lathe.line = None

    def hear(self, changes: Sequence[Change]) -> None:
        """Something has changed at the machine."""
        if self._on_changes is not None:
            self._on_changes([one for one in changes if one[0] in self._names])

    async def _travel(self) -> None:
        await asyncio.sleep(self.lathe.luck.random() * 0.02)

    async def _answered(self) -> None:
        if self.lathe.luck.random() < self.lathe.silence:
            raise Unavailable("machine.no-answer")
        await self._travel()


@dataclass(slots=True)
class OneMachine:
    """What the dispatcher asks of the machines, when there is this one: the fleet without threads to load libraries."""

    node: Node
    lathe: Lathe
    stop_writing: bool = False
    runner: Any = None
    faults: dict[str, WeftError] = field(default_factory=dict)

    def health(self) -> dict[str, Health]:
        """How the line to it does."""
        return {} if self.runner is None else {NAME: self.runner.connection.health}

    async def follow(self) -> None:
        """Open the runner once the book knows the machine."""
        known = (await self.node.book_state("floor")).machines.get(NAME)
        if self.runner is not None or known is None:
            return
        book = FloorBook(say=lambda message: self.node.record("floor", message),
                         state=lambda: self.node.book_state("floor"))
        self.runner = MachineRunner(NAME, parse_text(known.description), Connection(self.lathe), book, self.node.live,
                                    self.node.clock)
        await self.runner.open()

    async def close(self) -> None:
        if self.runner is not None:
            await self.runner.close()

    async def load(self, machine: str, job: JobOrder) -> Outcome:
        return await self._known(machine).load(job)

    async def start(self, machine: str, job: JobOrder) -> Outcome:
        return await self._known(machine).start(job)

    async def watch_over(self, machine: str, job: str) -> None:
        await self._known(machine).watch_over(job)

    async def ask(self, machine: str, job: str) -> Outcome | None:
        return await self._known(machine).ask(job)

    def _known(self, machine: str) -> Any:
        if machine != NAME or self.runner is None:
            raise NotFound("floor.machine-unknown", machine=machine[:80])
        return self.runner
