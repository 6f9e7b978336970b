"""One machine joined to the floor book: its values become facts, its jobs become guarded writes.

Rule 1: facts are said in order and at least once; the book makes nothing of what it has heard before.
Rule 2: intent in the book -> guarded write -> read-back -> exactly one outcome in the book.
Rule 3: a command's id follows from machine, kind, job and attempt; the book bars a second start of a job while an
        earlier one is open, confirmed or unknown; nothing is ever written twice because an answer is missing. Who
        asks for a single write may name it: under one name it is written once, and told again what became of it.
Rule 4: after a crash an open intent is read back when the machine is heard again, else it is unknown.
Rule 5: after a backup was restored, a job that the lost life may have started is asked for by its id; where the
        machine cannot tell, a person is asked, as of any other start of which nobody knows.
Rule 6: a job that was begun and never heard of, since we died in between, is said to run, and followed to its end.
Rule 7: remote start only with ``auto`` and a local-ready signal read fresh, before the intent and again after it.
Not here: limits (``shopfloor/guard``), what is a fact (``shopfloor/binding``), which job is due (``production/``).
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from weft.basis.decider import Message
from weft.basis.errors import Refused, Unavailable, WeftError
from weft.basis.instant import from_ms
from weft.basis.quantity import decimal
from weft.engine.live import Live
from weft.engine.node import Node
from weft.engine.ports import Clock
from weft.machines.commanding import Commanding
from weft.shopfloor import binding, earlier
from weft.shopfloor.book import (
    CommandConfirmed,
    CommandIntended,
    CommandRefused,
    CommandUnknown,
    Floor,
    heard,
    open_commands,
)
from weft.shopfloor.connection import AssetConnection, Change, Link, Scalar, Value
from weft.shopfloor.description import Description, StartMode, engineering, moved
from weft.shopfloor.facts import Fact, JobCounted, JobStarted
from weft.shopfloor.given import JobGiven, given_of, watched_only
from weft.shopfloor.jobcontrol import JobOrder, Outcome, Snapshot, Verdict, held_job, needed_to_tell

SAY_RETRY_S: Final = 0.5
RESTORED: Final = "restored"  # why nobody knows whether a job was started
_UP_S: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FloorBook:
    """The floor book as a runner sees it: say one message (twice is harmless), and the folded state.

    ``used``: whether a command was ever intended, also one that the folded state has let go.
    """

    say: Callable[[Message], Awaitable[Any]]
    state: Callable[[], Awaitable[Floor]]
    used: Callable[[str], Awaitable[bool]] | None = None


def floor_book(node: Node) -> FloorBook:
    """The floor book of ``node``."""

    async def say(message: Message) -> list[str]:
        return await node.record("floor", message, key=_key(message))

    async def used(command: str) -> bool:
        return await node.answered(node.book("floor"), f"{earlier.KEYED}{command}") is not None

    return FloorBook(say, lambda: node.book_state("floor"), used)


def _key(message: Message) -> str:
    """Under which the engine says a command once and for all; "" for a command that nobody named."""
    if isinstance(message, CommandIntended) and f"/{earlier.KEYED}" in message.command:
        return f"{earlier.KEYED}{message.command}"
    return ""


class MachineRunner:
    """One machine; belongs to one event loop. ``stop_writing`` refuses every write at once."""

    def __init__(
        self, machine: str, description: Description, connection: AssetConnection,
        book: FloorBook, live: Live, clock: Clock,
    ) -> None:
        self.machine = machine
        self.description = description
        self.connection = connection
        self._book = book
        self._live = live
        self._clock = clock
        self._commands = Commanding(description, connection)
        self._tracking = binding.resume(machine, description)
        self._facts: deque[Fact] = deque()
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._grace: asyncio.TimerHandle | None = None
        self._down_ms = 0
        self._as_is = frozenset(
            name for name, prop in description.properties.items()
            if prop.type == "number" and (prop.scale, prop.offset, prop.deadband) == ("1", "0", "0"))

    @property
    def stop_writing(self) -> bool:
        """The emergency switch: while it is set nothing is written to the machine."""
        return self._commands.stopped

    @stop_writing.setter
    def stop_writing(self, stopped: bool) -> None:
        self._commands.stopped = stopped

    # ---- life ----------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Go on where the book stands: subscribe, keep the link up, read open intents back."""
        floor = await self._book.state()
        known = floor.machines.get(self.machine)
        self._tracking = binding.resume(self.machine, self.description, known.seen if known else None,
                                        known.given if known else None)
        if known is not None and known.seen.phase in ("running", "paused"):
            self.connection.about(known.seen.job)
        self.connection.subscribe(self.description.observed(), self._on_changes, self._on_link)
        self._down_ms = self._clock.now_ms()
        self._begin_grace()
        self._tasks = [asyncio.create_task(self._say_facts()), asyncio.create_task(self._recover_when_up())]
        await self.connection.open()

    async def close(self) -> None:
        """Let the machine go; facts not yet said follow from the machine's totals at the next start."""
        self._end_grace()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.connection.close()

    # ---- values become facts -------------------------------------------------------------------------

    def _on_changes(self, changes: Sequence[Change]) -> None:
        stamped = self._dated(changes)
        as_is = self._as_is
        self._live.take(self.machine, [one if one[0] in as_is and one[1].value.__class__ is float
                                       else self._shown(*one) for one in stamped])
        self._observe(stamped)

    def _dated(self, changes: Iterable[Change]) -> list[Change]:
        """``changes`` with the node's own time where the machine gave none."""
        now = self._clock.now_ms()
        return [one if one[1].source_ms or one[1].server_ms else (one[0], _stamped(one[1], now)) for one in changes]

    def _observe(self, changes: Sequence[Change]) -> None:
        self._tracking, facts = binding.observe_all(self._tracking, changes)
        self._queue(facts)

    def _shown(self, name: str, value: Value) -> Change:
        """The value in its unit; inside the deadband the old number with the new stamps."""
        prop = self.description.properties[name]
        now = engineering(prop, value)
        before = self._live.get(self.machine, name)
        if before is not None and prop.deadband != "0" and not moved(prop, before, now):
            return name, Value(before.value, now.quality, now.source_ms, now.server_ms, now.detail)
        return name, now

    def _on_link(self, link: Link) -> None:
        now = self._clock.now_ms()
        if link.up:
            gap_ms = link.gap_ms or (now - self._down_ms if self._down_ms else 0)
            self._live.link(self.machine, Link(up=True, gap_ms=gap_ms))
            self._end_grace()
            self._down_ms = 0
            self._tracking, facts = binding.restored(self._tracking, now, gap_ms)
            self._queue(facts)
            return
        self._live.link(self.machine, link)
        self._tracking = binding.interrupted(self._tracking)
        self._down_ms = self._down_ms or now
        self._begin_grace()

    def _begin_grace(self) -> None:
        self._end_grace()
        loop = asyncio.get_running_loop()
        self._grace = loop.call_later(self.description.link_grace_ms / 1000, self._lost)

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _lost(self) -> None:
        self._tracking, facts = binding.lost(self._tracking, self._down_ms)
        self._queue(facts)

    def _queue(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            waiting = self._facts[-1] if len(self._facts) > 1 else None  # the first may be on its way
            if isinstance(fact, JobCounted) and isinstance(waiting, JobCounted) and waiting.job == fact.job:
                self._facts[-1] = fact  # totals: the newer says all that the older said
            else:
                self._facts.append(fact)
        if facts:
            self._settled.clear()
            self._wake.set()

    async def _say_facts(self) -> None:
        while True:
            while self._facts:
                await self._say_surely(self._facts[0])
                self._facts.popleft()
            self._settled.set()
            await self._wake.wait()
            self._wake.clear()

    async def _say_surely(self, message: Message) -> None:
        """Say ``message`` until the book has it; what the book refuses (a removed machine) is let go."""
        what = type(message).__name__
        while True:
            try:
                await self._book.say(message)
            except Unavailable as error:
                _log.warning("machine %s: the book cannot take %s now (%s)", self.machine, what, error)
            except WeftError as error:
                _log.warning("machine %s: the book refused %s (%s)", self.machine, what, error)
                return
            except Exception:  # noqa: BLE001 - a fact must not be lost to a fault elsewhere
                _log.exception("machine %s: the book failed at %s", self.machine, what)
            else:
                return
            await asyncio.sleep(SAY_RETRY_S)

    async def quiet(self) -> None:
        """Wait until every fact heard so far is in the book."""
        await self._settled.wait()

    # ---- jobs ----------------------------------------------------------------------------------------

    async def dispatch(self, job: JobOrder) -> Outcome:
        """Load ``job``; and start it, if the machine and the job both say ``auto``."""
        loaded = await self.load(job)
        if loaded.confirmed and job.start == StartMode.AUTO.value and self.description.start_mode is StartMode.AUTO:
            return await self.start(job)
        return loaded

    async def load(self, job: JobOrder) -> Outcome:
        """Write program, quantity and set-points of ``job``, its id last, each read back.

        Safe to repeat: a job that lies loaded as wanted is not written again. Raises ``Unavailable`` when nothing
        was tried because the machine cannot be reached, ``Refused`` when the book bars the command.
        """
        if self.description.job_control:
            await self.quiet()  # what is over is cleared there for the new job: its facts must be in the book
        async with self._lock:
            self.connection.about(job.id, {"OrderNumbers": job.orders, "CustomerOrderNumbers": job.customer_orders})
            floor = await self._settle_open()
            if (stands := earlier.bars(floor, self.machine, job.id)) is not None:
                return stands
            if watched_only(self.description):
                return await self._give(floor, job)
            command = earlier.next_id(floor, "load", self.machine, job.id)
            try:
                now = await self._commands.look(job)
                done = earlier.confirmed_load(floor, self.machine, job.id)
                if done and self._commands.lies_loaded(job, now):
                    return Outcome(command=done, status="confirmed")
                loading = self._commands.plan(job, now)
            except Refused as error:
                return await self._refuse(floor, command, job.id, "load", error)
            await self._intend(command, job.id, "load", self._commands.written(loading.writes))
            outcome = await self._commands.load(loading)
            return await self._conclude(command, job.id, "load", outcome)

    async def _give(self, floor: Floor, job: JobOrder) -> Outcome:
        """Nothing can be written: the job lies with the operator, and is known by what the machine shows from now on.

        Raises ``Unavailable`` or ``Refused`` while its counters do not tell where they stand.
        """
        known = floor.machines[self.machine].given
        if known is None or known.job != job.id:
            good, scrap = await self._commands.counts()
            message = JobGiven(machine=self.machine, job=job.id, program=job.program, good=good, scrap=scrap,
                               target=int(decimal(job.quantity, "job.quantity")) if job.quantity else 0,
                               at=from_ms(self._clock.now_ms()))
            await self._book.say(message)
            self._tracking = binding.give(self._tracking, given_of(message))
        return Outcome(command="", status="confirmed")

    async def start(self, job: JobOrder) -> Outcome:
        """Start the loaded ``job``. Safe to repeat: a job that was started is never started again."""
        async with self._lock:
            self.connection.about(job.id)
            floor = await self._settle_open()
            if (stands := earlier.bars(floor, self.machine, job.id)) is not None:
                return stands
            command = earlier.next_id(floor, "start", self.machine, job.id)
            try:
                await self._commands.check_start(job)
                starting = self._commands.plan_start(job)
            except Refused as error:
                return await self._refuse(floor, command, job.id, "start", error)
            writes = (starting.write,) if starting.write else ()
            await self._intend(command, job.id, "start", self._commands.written(writes))
            outcome = await self._commands.start(job, starting)
            return await self._conclude(command, job.id, "start", outcome)

    async def write(self, name: str, wanted: Scalar, key: str = "") -> Outcome:
        """Write one property in its unit, as its guard allows, and read it back; raises ``Unavailable``.

        With a ``key`` it is safe to repeat: the outcome of the first time is told. Without one it is not: what is
        unknown stands in the book, and somebody must look.
        """
        async with self._lock:
            command = f"write/{self.machine}/{name}/{earlier.KEYED}{key}" if key else ""
            try:
                floor = await self._settle_open()
            except Unavailable:
                if command not in (await self._book.state()).commands:
                    raise
                return Outcome(command=command, status="unknown", reason="no-answer")
            if command and (known := await self._known(floor, command, wanted)) is not None:
                return known
            command = command or earlier.next_id(floor, "write", self.machine, name)
            try:
                step = await self._commands.guarded(name, wanted)
            except Refused as error:
                return await self._refuse(floor, command, "", "write", error, once=not key)
            await self._intend(command, "", "write", self._commands.written((step,)))
            outcome = await self._commands.write(step)
            return await self._conclude(command, "", "write", outcome)

    async def call(self, name: str, key: str = "") -> Outcome:
        """Call one action by itself, and read back what its description says must follow; raises ``Unavailable``.

        With a ``key`` it is safe to repeat, as ``write``.
        """
        async with self._lock:
            command = f"call/{self.machine}/{name}/{earlier.KEYED}{key}" if key else ""
            floor = await self._settle_open()
            if command and (known := await self._known(floor, command)) is not None:
                return known
            command = command or earlier.next_id(floor, "call", self.machine, name)
            try:
                expected = self._commands.plan_call(name)
                await self._commands.check_call(name, expected)
            except Refused as error:
                return await self._refuse(floor, command, "", "call", error, once=not key)
            await self._intend(command, "", "call", self._commands.written(expected))
            return await self._conclude(command, "", "call", await self._commands.call(name, expected))

    async def _known(self, floor: Floor, command: str, wanted: Scalar | None = None) -> Outcome | None:
        """What became of ``command``, if it was given before; of another value it is refused."""
        known = floor.commands.get(command)
        if known is None:
            if self._book.used is None or not await self._book.used(command):
                return None
            return Outcome(command=command, status="refused", reason="floor.command-used",
                           facts={"command": command[:200]})
        if wanted is not None and known.writes and known.writes[-1].value != str(wanted):
            return Outcome(command=command, status="refused", reason="floor.command-other",
                           facts={"command": command[:200], "value": known.writes[-1].value[:40]})
        if known.status == "refused":
            return Outcome(command=command, status="refused", reason=known.reason, detail=known.detail)
        confirmed = known.status == "confirmed"
        return Outcome(command=command, status="confirmed" if confirmed else "unknown",
                       reason="" if confirmed else known.reason or "no-answer", detail=known.detail)

    async def read(self, name: str) -> Value:
        """What the machine says now of one property, in its unit; raises ``Refused``, ``Unavailable``."""
        return await self._commands.read(name)

    async def stands(self, job: str) -> Outcome | None:
        """The outcome of an earlier start of ``job`` that bars another; None when it may still be started."""
        return earlier.stands(await self._book.state(), self.machine, job)

    async def ask(self, job: str) -> Outcome | None:
        """Whether ``job`` was begun here in a life of which the book knows nothing; only reads.

        None: it was not, since it lies here untouched. Confirmed: it was. Unknown: the machine cannot tell, and a
        person is asked. Raises ``WeftError`` while the machine does not answer.
        """
        async with self._lock:
            floor = await self._settle_open()
            if (stands := earlier.stands(floor, self.machine, job)) is not None:
                return stands
            self.connection.about(job)
            verdict = await self._commands.begun(job)
            if verdict is Verdict.MISMATCH:
                return None
            if verdict is Verdict.CONFIRMED:
                return Outcome(command="", status="confirmed")
            command = earlier.next_id(floor, "start", self.machine, job)
            await self._intend(command, job, "start", ())
            return await self._conclude(command, job, "start", Outcome(command="", status="unknown", reason=RESTORED))

    async def watch_over(self, job: str) -> None:
        """``job`` was begun here, and we died before the machine was heard to say so: it is followed to its end.

        Where the machine shows another by now, that it ran is said by us if its start was read back; if a person said
        that it had begun, a person says its end. Raises ``Unavailable`` while the machine does not answer.
        """
        self.connection.about(job)
        shown = Snapshot(values=dict(await self.connection.read(needed_to_tell(self.description))))
        held = held_job(self.description, shown)
        if held is None:
            return
        read_back = (await self._book.state()).machines[self.machine].starts.get(job) == "confirmed"
        if held != job and read_back:
            started = JobStarted(machine=self.machine, job=job, at=from_ms(self._clock.now_ms()))
            self._tracking = msgspec.structs.replace(self._tracking, seen=heard(self._tracking.seen, started))
            self._queue((started,))
        self._observe(self._dated(shown.values.items()))

    async def _settle_open(self) -> Floor:
        """The book; an intent left open by an earlier life is read back first."""
        floor = await self._book.state()
        if open_commands(floor, self.machine):
            await self._read_back_open(floor)
            floor = await self._book.state()
        return floor

    async def _intend(self, command: str, job: str, kind: str, writes: Any) -> None:
        await self._book.say(CommandIntended(command=command, machine=self.machine, job=job, kind=kind, writes=writes,
                                             at=from_ms(self._clock.now_ms())))

    async def _refuse(
        self, floor: Floor, command: str, job: str, kind: str, error: Refused, *, once: bool = True
    ) -> Outcome:
        """Our own guard refused: recorded once, however often the same is asked again."""
        detail = ", ".join(f"{name} {value}" for name, value in error.facts.items() if value != "")[:200]
        before = [one for one in floor.commands.values()
                  if (one.machine, one.job, one.kind) == (self.machine, job, kind)]
        same = before and (before[-1].status, before[-1].reason) == ("refused", error.code)
        if once and same and (job or before[-1].detail == detail):
            return Outcome(command=before[-1].id, status="refused", reason=error.code, detail=before[-1].detail,
                           facts=error.facts)
        outcome = await self._conclude(command, job, kind, Outcome(command="", status="refused", reason=error.code,
                                                                   detail=detail))
        return msgspec.structs.replace(outcome, facts=error.facts)

    async def _conclude(self, command: str, job: str, kind: str, outcome: Outcome) -> Outcome:
        """Put the outcome into the book; the machine has acted, so it is said until the book has it."""
        at = from_ms(self._clock.now_ms())
        message: Message
        if outcome.status == "confirmed":
            message = CommandConfirmed(command=command, machine=self.machine, job=job, at=at)
        elif outcome.status == "refused":
            message = CommandRefused(command=command, machine=self.machine, job=job, kind=kind, reason=outcome.reason,
                                     detail=outcome.detail, at=at)
        else:
            message = CommandUnknown(command=command, machine=self.machine, job=job, reason=outcome.reason,
                                     detail=outcome.detail, at=at)
        await self._say_surely(message)
        return Outcome(command=command, status=outcome.status, reason=outcome.reason, detail=outcome.detail)

    # ---- after a crash -------------------------------------------------------------------------------

    async def recover(self) -> tuple[Outcome, ...]:
        """Read back every open intent of this machine; raises ``Unavailable`` while it cannot be reached."""
        async with self._lock:
            return await self._read_back_open(await self._book.state())

    async def _read_back_open(self, floor: Floor) -> tuple[Outcome, ...]:
        outcomes = []
        for intent in open_commands(floor, self.machine):
            if intent.job:
                self.connection.about(intent.job)
            outcome = await self._commands.read_back(intent)
            outcomes.append(await self._conclude(intent.command, intent.job, intent.kind, outcome))
        return tuple(outcomes)

    async def _recover_when_up(self) -> None:
        while True:
            if await self.connection.wait_up(_UP_S):
                with contextlib.suppress(WeftError):
                    await self.recover()
                    return
                await asyncio.sleep(SAY_RETRY_S)


def _stamped(value: Value, now: int) -> Value:
    return Value(value.value, value.quality, 0, now, value.detail)
