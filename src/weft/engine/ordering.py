"""What somebody asks of a machine: a value written or read, an action called, the due job loaded or started.

Rule 1: it goes the way of the dispatcher: the guard of the machine's description, intent, write, read-back and outcome
        in the floor book. Nobody gets another way in, whatever his rights.
Rule 2: who waits no longer ends nothing: a command that was begun goes on to its outcome by itself.
Rule 3: done is only what was read back. What is not known is told as not known, and is never tried again by itself.
Not here: who may ask (doors, ``twins/guarded.py``), limits (``shopfloor/guard``), the loop (``dispatch.py``).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from weft.basis.errors import Refused, WeftError
from weft.engine.dispatch import Dispatcher, job_order
from weft.engine.machine_orders import Answer
from weft.engine.planner import present
from weft.production import views
from weft.production.state import Job
from weft.shopfloor.connection import Scalar
from weft.shopfloor.jobcontrol import Outcome

KEY_MAX: Final = 120
BY_DEVICE: Final = "machine.refused"  # the device's own word, which has no facts of ours


@dataclass(frozen=True, slots=True)
class Ordering:
    """Asks the machines of one node; see ``machine_orders.Orders``."""

    dispatcher: Dispatcher

    async def write(self, machine: str, name: str, wanted: Scalar, key: str = "") -> Answer:
        """Bring one property to ``wanted``, in its unit. With ``key`` once, however often it is asked."""
        if not _names(key):
            return Answer("refused", error=Refused("machine.command-id", limit=KEY_MAX))
        about = {"machine": machine, "property": name}
        return await self._surely(self._write(machine, name, wanted, key), about)

    async def _write(self, machine: str, name: str, wanted: Scalar, key: str) -> Answer:
        outcome = await self.dispatcher.machines.write(machine, name, wanted, key)
        answer = _answer(outcome, "write", {"machine": machine, "property": name})
        try:
            value = await self.dispatcher.machines.read(machine, name)
        except WeftError:
            return answer
        return Answer(answer.status, answer.command, answer.error, value if value.good else None)

    async def call(self, machine: str, name: str, key: str = "") -> Answer:
        """Call one action by itself, where the description lets us; with ``key`` once, however often it is asked."""
        if not _names(key):
            return Answer("refused", error=Refused("machine.command-id", limit=KEY_MAX))
        about = {"machine": machine, "action": name}
        return await self._surely(self._call(machine, name, key), about)

    async def _call(self, machine: str, name: str, key: str) -> Answer:
        outcome = await self.dispatcher.machines.call(machine, name, key)
        return _answer(outcome, "call", {"machine": machine, "action": name})

    async def bring(self, machine: str, name: str, wanted: Scalar) -> None:
        """As ``write``; raises ``Refused`` unless the value was read back."""
        answer = await self.write(machine, name, wanted)
        if answer.error is not None:  # also where nobody was reached: who hears of a hindrance tries again by himself
            raise Refused(answer.error.code, **answer.error.facts) from answer.error

    async def read(self, machine: str, name: str) -> Answer:
        """What the machine itself says now of one property, past all that we remember."""
        try:
            value = await self.dispatcher.machines.read(machine, name)
        except WeftError as error:
            silent = error.code == "machine.no-answer"
            return Answer("refused", error=Refused("machine.silent", machine=machine) if silent else error)
        if not value.good:
            return Answer("refused", error=Refused("machine.no-reading", machine=machine, property=name), value=value)
        return Answer("confirmed", value=value)

    async def load(self, machine: str, job: str = "") -> Answer:
        """Load the job that is due on the machine; with ``job`` only if it is that one."""
        return await self._surely(self._load(machine, job), {"machine": machine, "job": job})

    async def _load(self, machine: str, wanted: str) -> Answer:
        due, job = await self._due(machine, wanted)
        outcome = await self.dispatcher.machines.load(machine, await job_order(self.dispatcher.node, job, due.start))
        if outcome.confirmed:
            await self.dispatcher.record_loaded(due, job)
        return _answer(outcome, "job", {"machine": machine, "job": job.id})

    async def start(self, machine: str, job: str = "") -> Answer:
        """Start the due job that lies loaded on the machine, where the machine and its work centre both say ``auto``.

        A job that was started is never started again: what became of the first time is told.
        """
        return await self._surely(self._start(machine, job), {"machine": machine, "job": job})

    async def _start(self, machine: str, wanted: str) -> Answer:
        about = {"machine": machine, "job": wanted}
        before = await self.dispatcher.machines.stands(machine, wanted) if wanted else None
        if before is not None:
            return _answer(before, "job", about)
        due, job = await self._due(machine, wanted)
        outcome = await self.dispatcher.machines.start(machine, await job_order(self.dispatcher.node, job, due.start))
        if outcome.confirmed:
            await self.dispatcher.record_started(due, job)
        return _answer(outcome, "job", {**about, "job": job.id})

    async def due(self, machine: str) -> tuple[views.Due, Job] | None:
        """The job that may be loaded or started on ``machine`` now."""
        try:
            return await self._due(machine, "")
        except WeftError:
            return None

    async def _due(self, machine: str, wanted: str) -> tuple[views.Due, Job]:
        """The job that is due on ``machine``; raises ``Refused``."""
        state, _, plan = await present(self.dispatcher.node)
        held = await self.dispatcher.doubts.look(state)
        due = [one for one in views.due_jobs(state, plan) if one.machine == machine and one.now]
        found = next((one for one in due if wanted in ("", one.job)), None)
        if found is None and due:
            raise Refused("machine.other-job-due", machine=machine, job=wanted[:80], due=due[0].job)
        if found is None:
            raise Refused("machine.no-job-due", machine=machine)
        if found.job in held:
            raise Refused("machine.start-unsettled", machine=machine, job=found.job)
        return found, state.jobs[found.job]

    async def _surely(self, work: Coroutine[Any, Any, Answer], about: dict[str, str]) -> Answer:
        """What comes of ``work``, which goes on when nobody waits for it any more (Rule 2)."""
        task = asyncio.create_task(_ended(work, about))
        self.dispatcher.asked.add(task)
        task.add_done_callback(self.dispatcher.asked.discard)
        return await asyncio.shield(task)


def _names(key: str) -> bool:
    """Whether a command may be called so."""
    return len(key) <= KEY_MAX and all(ord(one) > 32 and one not in "/\x7f" for one in key)


async def _ended(work: Coroutine[Any, Any, Answer], about: dict[str, str]) -> Answer:
    """What is raised was raised before anything was sent: it is a refusal."""
    try:
        return await work
    except WeftError as error:
        silent = error.code == "machine.no-answer"  # it was only asked what it says now
        told = Refused("machine.silent", machine=about["machine"]) if silent else error
        return Answer("refused", error=told, job=about.get("job", ""))


def _answer(outcome: Outcome, what: str, about: dict[str, str]) -> Answer:
    job = about.get("job", "")
    if outcome.confirmed:
        return Answer("confirmed", outcome.command, job=job)
    told = {"detail": outcome.detail, **about}
    if outcome.status == "unknown":
        return Answer("unknown", outcome.command, Refused(f"machine.{what}-unknown", **told), job=job)
    if outcome.facts:
        return Answer("refused", outcome.command, Refused(outcome.reason, **{**told, **outcome.facts}), job=job)
    if outcome.reason == BY_DEVICE:
        return Answer("refused", outcome.command, Refused(f"machine.{what}-refused", **told), job=job)
    if outcome.reason.startswith("machine.") and not outcome.detail:
        return Answer("refused", outcome.command, Refused(outcome.reason, **told), job=job)
    return Answer("refused", outcome.command, Refused("machine.refused-before", reason=outcome.reason, **told), job=job)
