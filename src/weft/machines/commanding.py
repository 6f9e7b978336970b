"""The careful hand at one machine: guarded writes, reading back, and what a missing answer means.

Rule 1: each step is read back before the next; a step that is not read back ends the command.
Rule 2: a refusal by the device, or a link that was down before anything was sent, is *refused*; what was sent and
        cannot be read back is *unknown*; what is read back is *confirmed*, whatever the answer was.
Rule 3: the emergency switch is looked at before every single write.
Not here: intents and outcomes in the book (``runner``), the steps themselves (``shopfloor/jobcontrol``).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from weft.basis.errors import Refused, Unavailable
from weft.shopfloor.book import CommandIntended, Written
from weft.shopfloor.connection import AssetConnection, Scalar, Value
from weft.shopfloor.description import Description, Role, engineering
from weft.shopfloor.jobcontrol import (
    AT_REST,
    JobOrder,
    Loading,
    Outcome,
    Snapshot,
    Starting,
    Verdict,
    Write,
    device_value,
    guarded,
    job_state,
    judge_begun,
    judge_load,
    judge_start,
    loading,
    may_start,
    may_write_alone,
    needed_to_load,
    needed_to_start,
    needed_to_tell,
    needed_to_write,
    starting,
)

POLL_S: Final = 0.05
STOPPED: Final = "machine.writing-stopped"


class Commanding:
    """Carries out one command at a time on one machine; the caller holds the lock."""

    def __init__(self, description: Description, connection: AssetConnection) -> None:
        self.description = description
        self.stopped = False
        self._connection = connection
        self._written_s: dict[str, float] = {}  # by the loop's clock, which nobody sets

    async def _snapshot(self, names: Sequence[str]) -> Snapshot:
        return Snapshot(values=dict(await self._connection.read(names)))

    def _check_switch(self) -> None:
        if self.stopped:
            raise Refused(STOPPED, machine=self.description.title)

    # ---- loading -------------------------------------------------------------------------------------

    async def look(self, job: JobOrder) -> Snapshot:
        """What the machine says now of all that loading ``job`` touches."""
        self._check_switch()
        names = (*needed_to_load(self.description, job), *needed_to_tell(self.description))
        return await self._snapshot(tuple(dict.fromkeys(names)))

    def plan(self, job: JobOrder, now: Snapshot) -> Loading:
        """The guarded steps; raises ``Refused``."""
        return loading(self.description, job, now, self._elapsed())

    def _elapsed(self) -> dict[str, int | None]:
        """How long ago each property was written (ms)."""
        now = asyncio.get_running_loop().time()
        return {name: round((now - at) * 1000) for name, at in self._written_s.items()}

    def lies_loaded(self, job: JobOrder, now: Snapshot) -> bool:
        """True when the machine already holds all that ``job`` wants, and has not begun it."""
        unhurried = loading(self.description, job, now)
        last = {one.property: one.value for one in unhurried.writes}
        return judge_load(self.description, last, now) is Verdict.CONFIRMED

    def written(self, writes: Sequence[Write]) -> tuple[Written, ...]:
        """``writes`` as the book records them."""
        return tuple(Written(property=one.property, value=one.shown) for one in writes)

    async def load(self, steps: Loading) -> Outcome:
        """Write the steps one after the other, each read back."""
        for number, step in enumerate(steps.steps):
            values = {one.property: one.value for one in step}
            failed = await self._step(values, first=number == 0)
            if failed is not None:
                return failed
        await self._until_taken(steps)
        return Outcome(command="", status="confirmed")

    async def _step(self, values: Mapping[str, Scalar], *, first: bool) -> Outcome | None:
        """One batch, written and read back; None when it is there."""
        try:
            self._check_switch()
            reasons = await self._connection.write(values)
            refused = ", ".join(f"{name}: {why}" for name, why in reasons.items() if why)
            if refused:
                return Outcome(command="", status="refused", reason="machine.refused", detail=refused[:200])
        except Refused as error:
            return Outcome(command="", status="refused", reason=error.code)
        except Unavailable as error:
            if error.code == "machine.unreachable" and first:
                return Outcome(command="", status="refused", reason=error.code)
        for name in values:
            self._written_s[name] = asyncio.get_running_loop().time()
        verdict = await self._read_until(
            tuple(values), lambda now: judge_load(self.description, values, now), self.description.readback_ms)
        return None if verdict is Verdict.CONFIRMED else _unknown(verdict)

    async def _until_taken(self, steps: Loading) -> None:
        """Give the machine a moment to say that it holds the job; some need a cycle of their own."""
        prop = self.description.by_role(Role.STATE)
        if prop is None or not steps.steps:
            return

        def taken(now: Snapshot) -> Verdict:
            state = job_state(self.description, now)
            return Verdict.MISMATCH if state in AT_REST else Verdict.CONFIRMED

        await self._read_until((prop.name,), taken, self.description.readback_ms)

    async def counts(self) -> tuple[int, int]:
        """Where the counters of good pieces and of scrap stand now; raises ``Refused`` when they do not tell."""
        roles = (Role.COUNT, Role.SCRAP)
        found = [self.description.by_role(role) for role in roles]
        now = await self._snapshot([one.name for one in found if one is not None])
        told = []
        for prop in found:
            value = now.of(prop)
            if prop is not None and not (value.good and isinstance(value.value, int | float)):
                raise Refused("machine.no-data", machine=self.description.title, property=prop.name)
            told.append(int(value.value) if isinstance(value.value, int | float) else 0)
        return told[0], told[1]

    # ---- one property --------------------------------------------------------------------------------

    async def guarded(self, name: str, wanted: Scalar) -> Write:
        """The one write that brings property ``name`` to ``wanted``; raises ``Refused``."""
        self._check_switch()
        prop = self.description.properties.get(name)
        if prop is None:
            raise Refused("machine.no-setpoint", machine=self.description.title, property=name[:80])
        now = await self._snapshot(needed_to_write(self.description, prop))
        may_write_alone(self.description, prop, now)
        return guarded(prop, wanted, now, self._elapsed().get(name))

    async def read(self, name: str) -> Value:
        """What the machine says now of property ``name``, in its unit; raises ``Refused``, ``Unavailable``."""
        prop = self.description.properties.get(name)
        if prop is None:
            raise Refused("machine.no-property", machine=self.description.title, property=name[:80])
        return engineering(prop, (await self._snapshot((name,))).of(prop))

    async def write(self, step: Write) -> Outcome:
        """Write ``step`` and read it back."""
        failed = await self._step({step.property: step.value}, first=True)
        return failed or Outcome(command="", status="confirmed")

    # ---- actions -------------------------------------------------------------------------------------

    def plan_call(self, name: str) -> tuple[Write, ...]:
        """What must be read back after action ``name``; raises ``Refused`` unless it may be called by itself."""
        self._check_switch()
        action = self.description.actions.get(name)
        if action is None or not action.call:
            raise Refused("machine.no-action", machine=self.description.title, action=name[:80])
        return tuple(Write(property=one, value=device_value(self.description.properties[one], text), shown=text)
                     for one, text in action.read_back.items())

    async def check_call(self, name: str, expected: Sequence[Write]) -> None:
        """Raise ``Refused`` where all stands already as after the action: nobody could tell then that it was called."""
        values = {one.property: one.value for one in expected}
        now = await self._snapshot(tuple(values))
        if judge_load(self.description, values, now) is Verdict.CONFIRMED:
            raise Refused("machine.already-so", machine=self.description.title, action=name)

    async def call(self, name: str, expected: Sequence[Write]) -> Outcome:
        """Call action ``name`` and read back what must follow from it."""
        try:
            self._check_switch()
            reason = await self._connection.invoke(name, ())
            if reason:
                return Outcome(command="", status="refused", reason="machine.refused", detail=reason[:200])
        except Refused as error:
            return Outcome(command="", status="refused", reason=error.code)
        except Unavailable as error:
            if error.code == "machine.unreachable":
                return Outcome(command="", status="refused", reason=error.code)
        values = {one.property: one.value for one in expected}
        verdict = await self._read_until(
            tuple(values), lambda now: judge_load(self.description, values, now), self.description.start_ms)
        return Outcome(command="", status="confirmed") if verdict is Verdict.CONFIRMED else _unknown(verdict)

    # ---- starting ------------------------------------------------------------------------------------

    async def check_start(self, job: JobOrder) -> None:
        """Raise ``Refused`` unless ``job`` may be started at this very moment."""
        self._check_switch()
        may_start(self.description, job, await self._snapshot(needed_to_start(self.description)))

    def plan_start(self, job: JobOrder) -> Starting:
        """The one step that starts ``job``; raises ``Refused``."""
        return starting(self.description, job)

    async def start(self, job: JobOrder, how: Starting) -> Outcome:
        """Check once more, start, and read back by job id."""
        try:
            await self.check_start(job)
        except (Refused, Unavailable) as error:  # nothing was sent yet
            return Outcome(command="", status="refused", reason=error.code)
        try:
            reason = await self._give_start(how)
            if reason:
                return Outcome(command="", status="refused", reason="machine.refused", detail=reason[:200])
        except Unavailable as error:
            if error.code == "machine.unreachable":
                return Outcome(command="", status="refused", reason=error.code)
        verdict = await self._read_start(job.id)
        return Outcome(command="", status="confirmed") if verdict is Verdict.CONFIRMED else _unknown(verdict)

    async def _give_start(self, how: Starting) -> str:
        if how.write is None:
            return await self._connection.invoke(how.action, how.arguments)
        reasons = await self._connection.write({how.write.property: how.write.value})
        return ", ".join(why for why in reasons.values() if why)

    async def _read_start(self, job: str) -> Verdict:
        return await self._read_until(needed_to_start(self.description),
                                      lambda now: judge_start(self.description, job, now), self.description.start_ms)

    # ---- reading back --------------------------------------------------------------------------------

    async def read_back(self, intent: CommandIntended) -> Outcome:
        """What became of an intent whose outcome is not known; raises ``Unavailable`` before it can be read."""
        names = needed_to_start(self.description)
        await self._snapshot(names)
        if intent.kind == "start":
            verdict = await self._read_start(intent.job)
        else:
            values = {one.property: device_value(self.description.properties[one.property], one.value)
                      for one in intent.writes if one.property in self.description.properties}
            verdict = await self._read_until(
                tuple(values), lambda now: judge_load(self.description, values, now), self.description.readback_ms)
        return Outcome(command="", status="confirmed") if verdict is Verdict.CONFIRMED else _unknown(verdict)

    async def begun(self, job: str) -> Verdict:
        """Whether ``job`` was ever begun here, by what the machine says now (``jobcontrol.judge_begun``).

        Raises ``Refused`` or ``Unavailable`` while the machine gives no good answer.
        """
        now = await self._snapshot(needed_to_tell(self.description))
        for prop in map(self.description.by_role, (Role.JOB_ID, Role.STATE)):
            if prop is not None and not now.of(prop).good:
                raise Refused("machine.no-data", machine=self.description.title, property=prop.name)
        return judge_begun(self.description, job, now)

    async def _read_until(self, names: Sequence[str], judge: Callable[[Snapshot], Verdict], limit_ms: int) -> Verdict:
        """The verdict, as soon as it is confirmed, else the last one when ``limit_ms`` has passed.

        While the link is down the limit is stretched by the grace time, so that a short cut is not an unknown.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + limit_ms / 1000
        last = ends + self.description.link_grace_ms / 1000
        while True:
            try:
                verdict = judge(await self._snapshot(names))
            except Unavailable:
                verdict = Verdict.UNKNOWN
            now = loop.time()
            if verdict is Verdict.CONFIRMED or now >= (last if verdict is Verdict.UNKNOWN else ends):
                return verdict
            await asyncio.sleep(POLL_S)


def _unknown(verdict: Verdict) -> Outcome:
    reason = "mismatch" if verdict is Verdict.MISMATCH else "no-answer"
    return Outcome(command="", status="unknown", reason=reason)
