"""After a restored backup: jobs that the lost life may have started are asked for before a machine is told of them.

The book of the backup does not know what was started after it. Whoever believed it would start such a job twice.
Rule 1: in doubt is every job that has not begun by our book and that the lost life may have known: its order's thread
        holds words of a former life of ours, or began before the restore, or a partner has not given all back yet.
Rule 2: a job in doubt is neither loaded nor started at any machine before every machine that may have had it was asked
        for it by its id; what none can tell, a person says (``floor/1``: a start of which nobody knows).
Rule 3: what a machine has begun is taken into the production book, also when its word came before the job was back.
Not here: what a machine's answer means (``shopfloor/jobcontrol``), work centres without machines: people start there.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from weft.basis import instant
from weft.basis.decider import Message
from weft.basis.errors import WeftError
from weft.engine.memory import LOST_STARTS
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.requests import WINDOW_MS
from weft.production import messages as pm
from weft.production.state import FINISHED, STARTED, Job, JobState, State
from weft.shopfloor.book import Floor
from weft.shopfloor.jobcontrol import Outcome
from weft.thread import clock
from weft.thread.event import parse

_LOG: Final = logging.getLogger("weft.doubts")

ASKED_AGAIN_MS: Final = 2_000


class Asking(Protocol):
    """What is asked of the machines here (``machines/fleet.py``)."""

    async def ask(self, machine: str, job: str) -> Outcome | None: ...


@dataclass(slots=True)
class Doubts:
    """The jobs in doubt of one node; ``look`` is called again and again, as long as machines are given work."""

    node: Node
    machines: Asking
    _since_ms: int | None = None
    _sure: set[tuple[str, str]] = field(default_factory=set)  # (machine, job) that surely was not begun there
    _begun_ms: dict[str, int] = field(default_factory=dict)  # when a thread began, by its beginner's clock
    _again_ms: dict[str, int] = field(default_factory=dict)  # by machine: not before
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way, to be cancelled when the node stops."""
        return list(self._asking.values())

    async def look(self, state: State) -> set[str]:
        """Ask for what is in doubt, take in what has begun; the jobs of which no machine may be told yet."""
        if not await self._restored():
            return set()
        floor: Floor = await self.node.book_state("floor")
        held: set[str] = set()
        to_ask: dict[str, list[str]] = {}
        for job in state.jobs.values():
            machines = [] if job.state in FINISHED else _machines(state, floor, job)
            if not machines or not await self._in_doubt(state, job):
                continue
            if begun := [name for name in machines if _begun(floor, name, job.id)]:
                await self._take_in(state, floor, job, begun[0])
                continue
            for name in machines if job.state not in STARTED else ():
                if (name, job.id) not in self._sure:
                    held.add(job.id)
                    to_ask.setdefault(name, []).append(job.id)
        for name, jobs in to_ask.items():
            self._ask(name, jobs)
        return held

    # ---- what is in doubt ----------------------------------------------------------------------------

    async def _restored(self) -> bool:
        """Whether this node goes on from a backup; from then on it knows since when."""
        if self._since_ms is None:
            kept = await self.node.store.value(LOST_STARTS, "")
            self._since_ms = -1 if kept is None else int(kept or self.node.clock.now_ms())
            if kept == b"":
                since = str(self._since_ms).encode()
                await self.node.store.commit(Batch(values=[(LOST_STARTS, "", since)]))
        return self._since_ms >= 0

    async def _in_doubt(self, state: State, job: Job) -> bool:
        """Whether the life that is lost may have known ``job`` (Rule 1)."""
        thread = state.orders[job.order].demand.thread
        loaded = await self.node.find(thread) if thread else None
        if loaded is None or self.node.waits(loaded.members):
            return True
        me, life = self.node.organisation, self.node.identity.incarnation
        if any(author == me and incarnation != life for author, _, incarnation in loaded.tips):
            return True
        if thread not in self._begun_ms:
            first = await self.node.store.events(thread, -1, 1)
            at = [parse(one.header, one.signature).header.h for one in first]
            self._begun_ms[thread] = clock.milliseconds(at[0]) if at else 0
        return self._begun_ms[thread] <= (self._since_ms or 0) + WINDOW_MS  # a partner's clock may be that wrong

    # ---- asking --------------------------------------------------------------------------------------

    def _ask(self, machine: str, jobs: list[str]) -> None:
        running = self._asking.get(machine)
        if running is not None and not running.done():
            return
        left = self._again_ms.get(machine, 0) - self.node.clock.now_ms()
        if not 0 < left <= ASKED_AGAIN_MS:  # more: the clock was set back meanwhile
            self._asking[machine] = asyncio.create_task(self._ask_all(machine, jobs))

    async def _ask_all(self, machine: str, jobs: list[str]) -> None:
        """Ask ``machine`` for each of ``jobs``; one that does not answer is asked again later."""
        try:
            for job in jobs:
                await self._ask_for(machine, job)
        except WeftError:
            pass
        except Exception:  # noqa: BLE001 - what is not known stays in doubt, and is asked again
            _LOG.exception("a machine could not be asked for its jobs")
        self._again_ms[machine] = self.node.clock.now_ms() + ASKED_AGAIN_MS

    async def _ask_for(self, machine: str, job: str) -> None:
        row = f"{machine}/{job}"
        if await self.node.store.value(LOST_STARTS, row) is not None:  # a person was asked in this life
            floor: Floor = await self.node.book_state("floor")
            if floor.machines[machine].starts.get(job) in ("not-done", "refused"):
                self._sure.add((machine, job))
            return
        told = await self.machines.ask(machine, job)
        if told is None:
            self._sure.add((machine, job))
        elif told.status == "unknown":
            await self.node.store.commit(Batch(values=[(LOST_STARTS, row, b"asked")]))

    # ---- what has begun ------------------------------------------------------------------------------

    async def _take_in(self, state: State, floor: Floor, job: Job, machine: str) -> None:
        """``machine`` has begun ``job``, and perhaps ended it: the production book says so, too."""
        seen, now = floor.machines[machine].seen, instant.from_ms(self.node.clock.now_ms())
        said: list[Message] = [] if job.state in STARTED else _start(state, job, machine, now)
        if seen.job == job.id and seen.phase == "over":
            said.append(pm.JobEnded(job=job.id, good=str(seen.good), scrap=str(seen.scrap), by="machine", at=now))
        if said:
            with contextlib.suppress(WeftError):  # a predecessor or a lane that is not back yet: later
                await self.node.record("production", *said)


def _machines(state: State, floor: Floor, job: Job) -> list[str]:
    """The machines that may have had ``job``."""
    names = [state.master.work_centres[name].machine for name in job.work_centres]
    return [name for name in dict.fromkeys(names) if name in floor.machines and not floor.machines[name].removed]


def _begun(floor: Floor, machine: str, job: str) -> bool:
    known = floor.machines[machine]
    return known.starts.get(job) in ("confirmed", "done") or (known.seen.job == job and known.seen.phase != "")


def _start(state: State, job: Job, machine: str, now: str) -> list[Message]:
    """What the production book is told of a job that ``machine`` has begun without its knowing."""
    centres: Any = state.master.work_centres
    centre = next(name for name in job.work_centres if centres[name].machine == machine)
    said: list[Message] = [pm.JobReleased(job=job.id, at=now)] if job.state is JobState.NOT_ALLOWED else []
    if not job.loaded:
        said.append(pm.JobLoaded(job=job.id, work_centre=centre, machine=machine, at=now))
    by: pm.By = "auto" if centres[centre].start == "auto" else "operator"
    return [*said, pm.JobStarted(job=job.id, by=by, work_centre=job.work_centre or centre, machine=machine, at=now)]
