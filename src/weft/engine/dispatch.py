"""Makes the job that is due next at a work centre real: program and set-points on the machine, start where allowed.

Rule 1: what is due follows from the present plan; nothing is remembered here that a crash could lose.
Rule 2: whether a job may be loaded or started is decided by the machine's description, its own signals and the floor
        book (``shopfloor/``); this loop only asks, one job a machine at a time.
Rule 3: after a refusal it asks again only after a pause, or when the shop floor has changed.
Rule 4: after a backup was restored no machine is told of a job that the lost life may have started (``doubts.py``).
Rule 5: what a person or a program asks of a machine goes the same way and is guarded alike (``ordering.py``).
Rule 6: a job that runs by our book and of which its machine was never heard is followed to its end: we died in between.
Rule 7: a stop of all writing outlives the node: it is lifted by who may, never by a restart.
Not here: writing to machines (``machines/runner.py``); a work centre without a machine needs nothing of this.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from weft.basis import instant
from weft.basis.errors import WeftError
from weft.engine.connections import Pulses
from weft.engine.doubts import Doubts
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.ports import Batch
from weft.production import views
from weft.production.messages import JobLoaded, JobStarted
from weft.production.state import STARTED, Job, JobState, State
from weft.shopfloor.connection import Health, Scalar, Value
from weft.shopfloor.earlier import unheard
from weft.shopfloor.jobcontrol import JobOrder, Outcome

_LOG: Final = logging.getLogger("weft.dispatch")

PAUSE_S: Final = 1.0
STOPPED: Final = "writing-stopped"  # bucket: kept while nothing may be written to any machine
REFUSED_PAUSE_MS: Final = 10_000


class Machines(Protocol):
    """What the dispatcher asks of the machines (``machines/fleet.py``)."""

    stop_writing: bool

    @property
    def faults(self) -> Mapping[str, WeftError]:
        """Why a machine cannot be opened, by its name."""

    def health(self) -> Mapping[str, Health]: ...
    async def follow(self) -> None: ...
    async def close(self) -> None: ...
    async def load(self, machine: str, job: JobOrder) -> Outcome: ...
    async def start(self, machine: str, job: JobOrder) -> Outcome: ...
    async def stands(self, machine: str, job: str) -> Outcome | None: ...
    async def write(self, machine: str, name: str, wanted: Scalar, key: str = "") -> Outcome: ...
    async def call(self, machine: str, name: str, key: str = "") -> Outcome: ...
    async def read(self, machine: str, name: str) -> Value: ...
    async def ask(self, machine: str, job: str) -> Outcome | None: ...
    async def watch_over(self, machine: str, job: str) -> None: ...


@dataclass(slots=True)
class Dispatcher:
    """The loop of one node. ``last`` is the last outcome or error code by machine, for the people who look."""

    node: Node
    machines: Machines
    last: dict[str, str] = field(default_factory=dict)
    asked: set[asyncio.Task[Any]] = field(default_factory=set)  # what somebody asked of a machine, under way
    doubts: Doubts = field(init=False)
    pulses: Pulses = field(default_factory=Pulses)  # how the links to the machines do
    _again_ms: dict[str, int] = field(default_factory=dict)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.doubts = Doubts(self.node, self.machines)

    async def begin(self) -> None:
        """Open the machines and keep them busy."""
        self.machines.stop_writing = await self.node.store.value(STOPPED, "") is not None
        self._tasks = [asyncio.create_task(self._listen())]
        await asyncio.sleep(0)  # it listens first, so that no machine is added unheard while the others are opened
        await self.machines.follow()
        self._tasks += [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """Let the machines go; what they were told stands in the floor book."""
        tasks = [*self._tasks, *self._busy.values(), *self.doubts.tasks(), *self.asked]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.machines.close()

    async def stop_writing(self, *, stopped: bool) -> None:
        """Stop or allow all writing to machines, from now on."""
        self.machines.stop_writing = True  # at once, and also if it cannot be kept
        await self.node.store.commit(Batch(values=[(STOPPED, "", b"1" if stopped else None)]))
        self.machines.stop_writing = stopped

    async def _watch(self) -> None:
        while True:
            health = self.machines.health()
            self.pulses.take(self.node.clock.now_ms(), health, {name: self.node.live.status(name) for name in health})
            await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        async for change in self.node.changes():
            if change.machine == "floor":
                if any(kind == "CommandSettled" or not kind.startswith("Command") for kind in change.kinds):
                    self._again_ms.clear()
                if {"MachineAdded", "MachineRemoved"} & set(change.kinds):
                    await self.machines.follow()

    async def _run(self) -> None:
        while True:
            try:
                await self.once()
            except WeftError:
                pass  # a book that waits, a plan that cannot be made: the owner is told of it where it is done
            except Exception:  # noqa: BLE001 - a fault of ours in one plan must not stop the machines for good
                _LOG.exception("no job could be given to a machine")
            await asyncio.sleep(PAUSE_S if not self._busy else 0.2)

    async def once(self) -> None:
        """Ask every machine that is free to take its due job."""
        state, _, plan = await present(self.node)
        held = await self.doubts.look(state)
        await self._watch_over(state)
        for due in views.due_jobs(state, plan):
            if not due.machine or not due.now or due.machine in self._busy or self._resting(due.machine):
                continue
            job = state.jobs[due.job]
            if due.job in held:
                self.last[due.machine] = "machine.start-unsettled"
                continue
            if job.loaded and due.start != "auto":
                continue  # it lies ready: the operator presses start
            task = asyncio.create_task(self._take(due, job))
            self._busy[due.machine] = task
            task.add_done_callback(partial(self._free, due.machine))

    def _resting(self, machine: str) -> bool:
        """Whether it was refused a moment ago; a clock that was set back makes no moment longer."""
        return 0 < self._again_ms.get(machine, 0) - self.node.clock.now_ms() <= REFUSED_PAUSE_MS

    async def _watch_over(self, state: State) -> None:
        """Rule 6, for every job that runs by our book."""
        floor = await self.node.book_state("floor")
        for job in state.jobs.values():
            if job.state in STARTED and job.machine not in self._busy and unheard(floor, job.machine, job.id):
                with contextlib.suppress(WeftError):  # it does not answer yet
                    await self.machines.watch_over(job.machine, job.id)

    def _free(self, machine: str, _task: "asyncio.Task[None]") -> None:
        self._busy.pop(machine, None)

    async def _take(self, due: views.Due, job: Job) -> None:
        try:
            await self._load_and_start(due, job)
        except WeftError as error:
            self._note(due.machine, error.code)
        except Exception:  # noqa: BLE001 - nor must one job stop its machine
            _LOG.exception("a job could not be given to its machine")
            self._note(due.machine, "effect.failed")

    async def _load_and_start(self, due: views.Due, job: Job) -> None:
        order = await job_order(self.node, job, due.start)
        loaded = await self.machines.load(due.machine, order)
        if not loaded.confirmed:
            self._note(due.machine, loaded.reason or loaded.status)
            return
        await self.record_loaded(due, job)
        if due.start == "auto":
            started = await self.machines.start(due.machine, order)
            if not started.confirmed:
                self._note(due.machine, started.reason or started.status)
                return
            await self.record_started(due, job)
        self.last.pop(due.machine, None)

    async def record_loaded(self, due: views.Due, job: Job) -> None:
        """The job was read back on the machine: it lies there."""
        if job.loaded:
            return
        now = instant.from_ms(self.node.clock.now_ms())
        with contextlib.suppress(WeftError):  # the machine's own word may have come first
            await self.node.record("production", JobLoaded(
                job=job.id, work_centre=due.work_centre, machine=due.machine, at=now), key=f"loaded:{job.id}")

    async def record_started(self, due: views.Due, job: Job) -> None:
        """The start was read back: the job runs, also if the machine's own change is still on its way."""
        present_job = (await self.node.book_state("production")).jobs[job.id]
        if present_job.state is JobState.ALLOWED:
            now = instant.from_ms(self.node.clock.now_ms())
            with contextlib.suppress(WeftError):
                await self.node.record("production", JobStarted(
                    job=job.id, by="auto", work_centre=due.work_centre, machine=due.machine, at=now),
                    key=f"started:{job.id}")

    def _note(self, machine: str, code: str) -> None:
        self.last[machine] = code
        self._again_ms[machine] = self.node.clock.now_ms() + REFUSED_PAUSE_MS


async def job_order(node: Node, job: Job, start: str) -> JobOrder:
    """``job`` as the machine is told it, with the numbers of the orders that it is for."""
    order = (await node.book_state("production")).orders.get(job.order)
    buyers: tuple[str, ...] = ()
    if order is not None and order.demand.thread:
        with contextlib.suppress(WeftError):  # made to stock, or for a deal that was let go
            placed = getattr(await node.state(order.demand.thread), "order", None)
            buyers = (placed.number,) if placed is not None else ()
    return JobOrder(id=job.id, program=job.program, quantity=job.quantity, setpoints=dict(job.set_points),
                    orders=(job.order,), customer_orders=buyers, start=start)
