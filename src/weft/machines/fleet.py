"""All machines of the floor book: a runner each, opened and closed as the book changes.

Rule 1: what the book says is what runs: ``follow`` after every change of machines makes it so.
Rule 2: one machine that cannot be opened (a bad address, a missing login) never stops the others.
Not here: one machine (``runner``), which job is due (``production/``).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from weft.basis.errors import NotFound, WeftError
from weft.engine.live import Live
from weft.engine.ports import Clock
from weft.machines.runner import FloorBook, MachineRunner
from weft.shopfloor.connection import AssetConnection, Health, Link, Scalar, Value
from weft.shopfloor.description import Description
from weft.shopfloor.jobcontrol import JobOrder, Outcome
from weft.shopfloor.reading import parse_text

Connect = Callable[[Description, str], AssetConnection]

UNKNOWN: Final = "floor.machine-unknown"


class Fleet:
    """The runners of one node, by machine name."""

    def __init__(self, book: FloorBook, live: Live, clock: Clock, connect: Connect) -> None:
        self._book = book
        self._live = live
        self._clock = clock
        self._connect = connect
        self._runners: dict[str, tuple[str, MachineRunner]] = {}
        self._lock = asyncio.Lock()
        self._stopped = False
        self._faults: dict[str, WeftError] = {}

    async def follow(self) -> None:
        """Open, change and close runners until they are those of the book."""
        async with self._lock:
            floor = await self._book.state()
            wanted = {name: one.description for name, one in floor.machines.items() if not one.removed}
            for name in [one for one, (text, _) in self._runners.items() if wanted.get(one) != text]:
                await self._close(name)
            for name, text in wanted.items():
                if name not in self._runners:
                    await self._open(name, text)

    async def _open(self, name: str, text: str) -> None:
        self._faults.pop(name, None)
        try:
            description = parse_text(text)
            connection = await asyncio.to_thread(self._connect, description, name)  # protocol libraries load slowly
            runner = MachineRunner(name, description, connection, self._book, self._live, self._clock)
        except WeftError as error:
            self._faults[name] = error
            self._live.link(name, Link(up=False, detail=error.code))
            return
        runner.stop_writing = self._stopped
        self._runners[name] = (text, runner)
        await runner.open()

    async def _close(self, name: str) -> None:
        _, runner = self._runners.pop(name)
        await runner.close()
        self._live.forget(name)

    async def close(self) -> None:
        """Let all machines go."""
        async with self._lock:
            await asyncio.gather(*(self._close(name) for name in tuple(self._runners)))

    def runner(self, machine: str) -> MachineRunner:
        """The runner of ``machine``; raises ``NotFound``, or the fault that kept it from being opened."""
        found = self._runners.get(machine)
        if found is not None:
            return found[1]
        raise self._faults.get(machine) or NotFound(UNKNOWN, machine=machine[:80])

    @property
    def faults(self) -> Mapping[str, WeftError]:
        """Why a machine of the book cannot be opened, by its name."""
        return {name: error for name, error in self._faults.items() if name not in self._runners}

    def health(self) -> Mapping[str, Health]:
        """How the link to each machine does."""
        return {name: runner.connection.health for name, (_, runner) in self._runners.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Machines that have a runner."""
        return tuple(self._runners)

    @property
    def stop_writing(self) -> bool:
        """The emergency switch for all machines."""
        return self._stopped

    @stop_writing.setter
    def stop_writing(self, stopped: bool) -> None:
        self._stopped = stopped
        for _, runner in self._runners.values():
            runner.stop_writing = stopped

    async def dispatch(self, machine: str, job: JobOrder) -> Outcome:
        """Load ``job`` on ``machine``, and start it where both say ``auto``; safe to repeat."""
        return await self.runner(machine).dispatch(job)

    async def load(self, machine: str, job: JobOrder) -> Outcome:
        """Load ``job`` on ``machine``; safe to repeat."""
        return await self.runner(machine).load(job)

    async def start(self, machine: str, job: JobOrder) -> Outcome:
        """Start ``job`` on ``machine``; safe to repeat."""
        return await self.runner(machine).start(job)

    async def write(self, machine: str, name: str, wanted: Scalar, key: str = "") -> Outcome:
        """Write one property of ``machine`` (``MachineRunner.write``)."""
        return await self.runner(machine).write(name, wanted, key)

    async def call(self, machine: str, name: str, key: str = "") -> Outcome:
        """Call one action of ``machine`` (``MachineRunner.call``)."""
        return await self.runner(machine).call(name, key)

    async def read(self, machine: str, name: str) -> Value:
        """What ``machine`` says now of one property (``MachineRunner.read``)."""
        return await self.runner(machine).read(name)

    async def stands(self, machine: str, job: str) -> Outcome | None:
        """Whether an earlier start of ``job`` bars another (``MachineRunner.stands``)."""
        return await self.runner(machine).stands(job)

    async def ask(self, machine: str, job: str) -> Outcome | None:
        """Whether ``machine`` has begun ``job`` in a life that is lost (``MachineRunner.ask``)."""
        return await self.runner(machine).ask(job)

    async def watch_over(self, machine: str, job: str) -> None:
        """Follow ``job``, which was begun on ``machine`` and never heard of (``MachineRunner.watch_over``)."""
        await self.runner(machine).watch_over(job)
