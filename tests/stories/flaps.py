"""A works whose lines to foreign machines break at each point of a start, and whose node dies at some of them.

The floor's world (``examples/floor``) with a wire before each machine. A wire knows the message that starts a job, and
draws by seed what befalls it: lost before the machine, taken and never answered, answered and cut at once, silence; and
whether the node is killed besides (SIGKILL). What nobody knows is settled by a person, who looks at the machine's log.
Not here: what must hold (``test_link_flaps.py``), machines that die themselves (``tests/soak``).
"""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp

ROOT: Final = Path(__file__).resolve().parents[2]
HOW: Final = ("lost", "no answer", "cut after", "silent", "swallowed")
SECONDS: Final = (0.1, 0.5, 1.5, 4.0, 9.0)
STALLED_S: Final = 100.0
OVER: Final = ("done", "aborted")


def _world() -> Any:
    """The floor's own modules, by their files: the other world has some of the same names."""
    sys.path[:0] = [one for one in (str(ROOT / "examples" / "demo"), str(ROOT / "examples" / "floor"))
                    if one not in sys.path]
    spec = importlib.util.spec_from_file_location("floor_world", ROOT / "examples" / "floor" / "world.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world: Final = _world()


def starts_modbus(data: bytes) -> bool:
    """A write (functions 6, 16) to the register that starts."""
    return len(data) >= 12 and data[7] in (6, 16) and int.from_bytes(data[8:10], "big") in (89, 90)


# a call (OPC 10000-6: NodeId i=712 in four bytes); a PUBLISH; a command to a device, whichever it is
STARTS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "opc.tcp": lambda data: b"\x01\x00\xc8\x02" in data, "mqtt": lambda data: b"/start" in data,
    "sparkplug+mqtt": lambda data: b"DCMD" in data, "modbus+tcp": starts_modbus}
OFTEN: Final = {"opc.tcp": 0.35, "sparkplug+mqtt": 0.35, "mqtt": 0.6, "modbus+tcp": 0.6}


class Wire:
    """The line to one machine; ``die`` kills the node."""

    def __init__(self, endpoint: str, luck: random.Random, die: Callable[[], Any]) -> None:
        self.scheme, _, rest = endpoint.partition("://127.0.0.1:")
        self.far, self.near = int(rest.partition("/")[0]), 0
        self.figures: Counter[str] = Counter()
        self.calm = False
        self._luck, self._die = luck, die
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._troubles: set[asyncio.Task[None]] = set()

    async def lay(self) -> None:
        """On the same port as before, if it had one."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.near)
        self.near = int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Every connection over it breaks, and none can be made."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def end(self) -> None:
        """Nothing befalls it any more."""
        self.calm = True
        await asyncio.gather(*self._troubles, return_exceptions=True)
        self.cut()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, onward = await asyncio.open_connection("127.0.0.1", self.far)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, onward}
        mute = asyncio.Event()
        await asyncio.gather(self._ask(reader, onward, mute), self._pass(answers, writer, mute),
                             return_exceptions=True)
        for end in (writer, onward):
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            if not mute.is_set():
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mute: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            if mute.is_set():
                continue
            happens = (not self.calm and STARTS[self.scheme](data) and self._luck.random() < OFTEN[self.scheme])
            how = self._luck.choice(HOW) if happens else ""
            if how not in ("lost", "swallowed"):
                writer.write(data)
                await writer.drain()
            if how:
                if how != "cut after":
                    mute.set()
                task = asyncio.create_task(self._trouble(how))
                self._troubles.add(task)
                task.add_done_callback(self._troubles.discard)
        writer.close()

    async def _trouble(self, how: str) -> None:
        kill, seconds = self._luck.random() < 0.4, self._luck.choice(SECONDS)
        self.figures[f"{how}, killed" if kill else how] += 1
        await asyncio.sleep(self._luck.choice((0.01, 0.05, 0.2)) if how in ("cut after", "no answer") else 0)
        if kill:
            await self._die()
        if how in ("silent", "swallowed"):
            await asyncio.sleep(seconds)
        self.cut()
        await asyncio.sleep(seconds)
        if self._server is None:
            await self.lay()


class Flaps(world.Floor):  # type: ignore[misc] # the module of the world is known by its file alone
    """The floor, each machine behind a wire."""

    def __init__(self, given: argparse.Namespace, folder: Path, session: aiohttp.ClientSession, show: Any) -> None:
        super().__init__(given, folder, session, show)
        self.wires: dict[str, Wire] = {}
        self.figures: Counter[str] = Counter()
        self.broken: list[str] = []

    async def start_machines(self) -> None:
        await super().start_machines()
        for one in self.here:
            wire = Wire(one.endpoint, random.Random(f"{self.given.seed} {one.name}"), self._die)
            await wire.lay()
            self.wires[one.name] = wire
            one.told["endpoint"] = one.endpoint.replace(f":{wire.far}", f":{wire.near}")

    async def _die(self) -> None:
        if not self.works.power.locked():
            self.figures["kills"] += 1
            await self.works.kill()

    async def ask(self) -> None:
        lines = [{"item": self.makes[one.name]["makes"], "quantity": "3"} for one in self.here] * self.given.jobs
        done = await self.buyer.do("request-quotation", supplier=self.works.organisation, lines=lines)
        self.thread = done["thread"]
        await self._phase("quoted")

    async def rows(self) -> list[dict[str, Any]]:
        """The jobs of the order."""
        found: list[dict[str, Any]] = (await self.works.view("order", thread=self.thread))["jobs"]
        return found

    async def run(self) -> None:
        """Until all jobs are over; a person settles what *Today* asks."""
        ends, moved, seen = time.monotonic() + self.given.seconds, time.monotonic(), None
        while True:
            rows = await self.rows()
            now = [(one["id"], one["state"], one["good"]) for one in rows]
            moved, seen = (moved, seen) if now == seen else (time.monotonic(), now)
            if time.monotonic() > ends:
                for wire in self.wires.values():
                    wire.calm = True
            if len(rows) >= len(self.here) * self.given.jobs and all(state in OVER for _, state, _ in now):
                return
            if time.monotonic() - moved > STALLED_S:
                self.broken += [f"stands still: {one}" for one in now if one[1] not in OVER]
                return
            for name in {one["id"] for one in (await self.works.view("today"))["answer"]
                         if one["kind"] == "command-unknown"}:
                await self._settle(name)
            await asyncio.sleep(0.3)

    async def _settle(self, name: str) -> None:
        for one in (await self.works.view("machine", name=name))["commands"]:
            if one["status"] == "unknown":
                done = one["job"] in self.starts(name) if one["kind"] == "start" else False
                self.figures["settled as done" if done else "settled as not done"] += 1
                with contextlib.suppress(world.Failed):  # it was read back, or superseded, meanwhile
                    await self.works.do("machine-settle", command=one["id"], done=done)

    def starts(self, name: str) -> Counter[str]:
        """The machine's own log: how often each job was told to start."""
        state = next(one.state for one in self.here if one.name == name)
        lines = state.read_text(encoding="utf-8").splitlines() if state.exists() else []
        return Counter(str(json.loads(one)["job"]) if one.startswith("{") else one.split()[-1] for one in lines if one)

    async def deliver(self) -> None:
        """Nothing: it is about the machines."""

    async def judged(self) -> dict[str, Any]:
        """Figures, and what is broken."""
        for one in self.here:
            self.figures["starts"] += sum(self.starts(one.name).values())
            self.figures.update(self.wires[one.name].figures)
            self.broken += [f"{one.name}: {job} started {count} times"
                            for job, count in self.starts(one.name).items() if count > 1]
            left = (await self.works.view("machine", name=one.name))["commands"]
            self.broken += [f"{one.name}: {command['id']} has no outcome" for command in left]
        for row in await self.rows():
            self.figures[row["state"]] += 1
            if float(row["good"]) < 3:
                self.broken.append(f"{row['id']} is {row['state']} with {row['good']} of 3")
        return {"broken": self.broken, "missing": [one.missing for one in self.works.machines if one.missing],
                **dict(sorted(self.figures.items()))}


async def told(folder: Path, only: str, seed: int, jobs: int = 4, seconds: float = 60.0) -> dict[str, Any]:
    """What comes of ``jobs`` jobs on each of the machines ``only``; nothing breaks any more after ``seconds``."""
    given = argparse.Namespace(only=only, seed=seed, jobs=jobs, seconds=seconds, speed=120.0, kill="", idle="")
    with world.Show(8, quiet=True) as show:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            floor = Flaps(given, folder, session, show)
            try:
                await floor.tell()
                return await floor.judged()
            finally:
                for wire in floor.wires.values():
                    await wire.end()
                await floor.tear_down()
